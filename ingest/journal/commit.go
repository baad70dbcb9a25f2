package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	groupBytes = 4 << 20 // a group that has reached this takes no more
	keepBytes  = 8 << 20 // larger buffers are not kept for the next group
)

// group is the records that one write and one fdatasync make durable.
//
// The first caller to put records in leads it: it waits its turn for the disk,
// meanwhile others join, and then it commits for all. So groups are as large as
// the disk is slow, nobody lingers, and no goroutine of our own stands between.
type group struct {
	frames []byte
	count  int
	users  atomic.Int32 // callers that still look at the outcome
	done   sync.WaitGroup
	first  uint64
	err    error
}

// Append makes recs durable, in order and with consecutive numbers, and returns
// the first of them. Its nil error means that all of them are on stable storage;
// any other error means that none was acknowledged, though after a failed disk a
// restart may still find all of them. Append copies recs. Concurrent calls share
// one fdatasync; one caller's next call is ordered behind its last.
func (j *Journal) Append(recs []Record) (first uint64, err error) {
	size, err := framesSize(recs)
	if err != nil {
		return 0, err
	}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return 0, ErrClosed
	}
	if len(recs) == 0 {
		defer j.mu.Unlock()
		return j.next, nil
	}
	g := j.filling
	leads := g == nil || int64(len(g.frames))+size > j.groupLimit()
	if leads {
		g = j.groups.Get().(*group)
		g.done.Add(1)
		j.filling = g
		j.leaders.Add(1)
	}
	offset := g.add(recs)
	j.mu.Unlock()

	if leads {
		j.lead(g)
		j.leaders.Done()
	} else {
		g.done.Wait()
	}
	first, err = g.first+offset, g.err
	j.release(g)
	if err != nil {
		return 0, err
	}
	return first, nil
}

// framesSize returns the bytes recs take, or why they are refused.
func framesSize(recs []Record) (int64, error) {
	var size int64
	for i := range recs {
		n := payloadSize(&recs[i])
		if n > MaxRecord {
			return 0, fmt.Errorf("%w: record %d of %d takes %d bytes, the limit is %d", ErrTooLarge, i, len(recs), n, MaxRecord)
		}
		size += frameHead + n
	}
	if size > MaxAppend {
		return 0, fmt.Errorf("%w: %d records take %d bytes, the limit of one Append is %d: append them in parts", ErrTooLarge, len(recs), size, MaxAppend)
	}
	return size, nil
}

// groupLimit keeps groups within a segment; one call may exceed it.
func (j *Journal) groupLimit() int64 {
	return min(groupBytes, j.cfg.SegmentSize-dataStart-frameHead)
}

// add copies recs into the group and returns their place in it.
func (g *group) add(recs []Record) (offset uint64) {
	offset = uint64(g.count)
	for i := range recs {
		var flags uint32
		if i == 0 {
			flags |= flagFirst
		}
		if i == len(recs)-1 {
			flags |= flagLast
		}
		g.frames = appendFrame(g.frames, &recs[i], flags)
	}
	g.count += len(recs)
	g.users.Add(1)
	return offset
}

// release gives the group back when its last user is done with it.
func (j *Journal) release(g *group) {
	if g.users.Add(-1) > 0 {
		return
	}
	if cap(g.frames) > keepBytes {
		g.frames = nil
	}
	g.frames, g.count, g.first, g.err = g.frames[:0], 0, 0, nil
	j.groups.Put(g)
}

// lead waits for the group's turn, closes it to others and commits it.
func (j *Journal) lead(g *group) {
	j.commitMu.Lock()
	j.mu.Lock()
	if j.filling == g {
		j.filling = nil
	}
	j.mu.Unlock()
	g.first, g.err = j.commit(g)
	j.commitMu.Unlock()
	g.done.Done()
}

// commit writes the group behind everything durable and syncs it. When that
// fails the segment is abandoned, and the group written once more, to a new one.
// The caller holds commitMu.
func (j *Journal) commit(g *group) (first uint64, err error) {
	size := int64(len(g.frames))
	if err = j.makeRoom(size); err == nil {
		if err = j.write(g); err != nil {
			j.abandon()
			if again := j.makeRoom(size); again != nil {
				err = fmt.Errorf("%w, and then: %w", err, again)
			} else if err = j.write(g); err != nil {
				j.abandon()
			}
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.stats.Refused += uint64(g.count)
		return 0, err
	}
	first = j.next
	j.written += size
	j.end = j.written
	j.next += uint64(g.count)
	j.active.modified = j.cfg.Now()
	j.active.learn([]mark{{seq: first, off: j.written - size}})
	j.stats.Appended += uint64(g.count)
	j.stats.AppendedSize += size
	j.wakeLocked()
	return first, nil
}

// write puts the group's frames behind the last durable one and syncs them.
func (j *Journal) write(g *group) error {
	var index uint32
	for rest := g.frames; len(rest) > 0; index++ {
		n := frameHead + binary.LittleEndian.Uint32(rest[4:])&lengthMask
		finishFrame(rest[:n], j.next+uint64(index), j.active.salt, index)
		rest = rest[n:]
	}
	if _, err := j.file.WriteAt(g.frames, j.written); err != nil {
		return diskError("write", j.active, err)
	}
	began := j.cfg.Now()
	err := j.file.Sync()
	took := j.cfg.Now().Sub(began)
	j.mu.Lock()
	j.stats.Fsyncs++
	j.stats.FsyncTime += took
	if err != nil {
		j.stats.FsyncFailed++
	}
	j.mu.Unlock()
	if err != nil {
		return diskError("fdatasync", j.active, err)
	}
	return nil
}

// makeRoom sees to it that active takes size bytes more, creating the next
// segment if need be. The caller holds commitMu.
func (j *Journal) makeRoom(size int64) error {
	if j.active != nil && j.written+size+frameHead <= j.active.size {
		return nil
	}
	need := max(j.cfg.SegmentSize, dataStart+size+frameHead)
	j.mu.Lock()
	base, taken := j.next, j.bytesLocked()
	j.mu.Unlock()
	if j.active != nil {
		taken -= j.active.size - j.written
	}
	if taken+need > j.cfg.MaxSize {
		return fmt.Errorf("%w: %d bytes are taken and a segment of %d would exceed the limit of %d: wait for publishing, or raise the limit", ErrFull, taken, need, j.cfg.MaxSize)
	}
	g, file, err := createSegment(j.cfg.FS, j.cfg.Dir, base, need)
	if err != nil {
		return err
	}
	if j.active != nil {
		old := j.file
		// Everything in the old segment is durable; failing to seal and shorten
		// it costs only space, and proof against damage.
		_ = j.sealActive()
		_ = old.Close()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.segments); n > 0 && j.segments[n-1].base == base {
		j.segments = j.segments[:n-1] // empty, and replaced
	}
	g.modified = j.cfg.Now()
	j.segments = append(j.segments, g)
	j.active, j.file, j.written, j.end = g, file, dataStart, dataStart
	return nil
}

// sealActive ends the active segment and gives back what it does not use,
// without syncing or closing its file. The caller holds commitMu.
func (j *Journal) sealActive() error {
	g, file, end := j.active, j.file, j.written
	j.mu.Lock()
	j.active, j.file = nil, nil
	next := j.next
	j.mu.Unlock()
	if _, err := file.WriteAt(appendSeal(nil, next, g.salt), end); err != nil {
		return fmt.Errorf("journal: seal %s: %w", g.path, err)
	}
	if err := file.Truncate(end + frameHead); err != nil {
		return fmt.Errorf("journal: shorten %s: %w", g.path, err)
	}
	j.mu.Lock()
	g.size = end + frameHead
	j.mu.Unlock()
	return nil
}

// abandon gives up the active segment after a failed write or sync: what the
// kernel still holds of it, and says of it later, cannot be trusted. What it
// acknowledged before stays readable. The caller holds commitMu.
func (j *Journal) abandon() {
	g, empty := j.active, j.written == dataStart
	_ = j.file.Close()
	j.mu.Lock()
	j.active, j.file = nil, nil
	if empty {
		j.segments = slices.DeleteFunc(j.segments, func(s *segment) bool { return s == g })
	}
	j.mu.Unlock()
	if !empty {
		return
	}
	_ = j.cfg.FS.Remove(g.path) // else the next segment of this base replaces it
}

// Room returns nil when the journal can take more records, creating the next
// segment if that is what it takes, and otherwise the error an Append would get.
func (j *Journal) Room() error {
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	j.mu.Lock()
	closed := j.closed
	j.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return j.makeRoom(frameHead + payloadHead)
}
