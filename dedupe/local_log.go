package dedupe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
)

// The state log is a snapshot and the segments after it:
//
//	dedupe-NNNNNNNNNNNNNNNN.snap   all states when segment N began
//	dedupe-NNNNNNNNNNNNNNNN.log    what changed since, in order
//
// Both begin with logMagic and hold frames: length 4, CRC-32C of the payload 4, payload. A payload is a
// row of items: an image (the whole state of a key; the last one counts), or a journal position, which
// vouches for everything before it. A snapshot is complete when it ends with its position.
const (
	logMagic    = "pbdedup1"
	frameHead   = 8
	maxFrame    = 1 << 24
	flushSize   = 128 << 10
	itemImage   = 1
	itemPlace   = 2
	imageHead   = 1 + 16 + 4 + 2
	placeSize   = 1 + 8
	logSlack    = 4 << 20 // a log so much larger than its content is written anew
	snapSuffix  = ".snap"
	logSuffix   = ".log"
	tmpSuffix   = ".tmp"
	maxState    = 255*4 - recordHead // a record's size is one byte of words
	filePattern = "dedupe-%016x%s"
)

func appendImage(dst, key []byte, expiry uint32, state []byte) []byte {
	dst = append(dst, itemImage)
	dst = append(dst, key...)
	dst = binary.BigEndian.AppendUint32(dst, expiry)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(state)))
	return append(dst, state...)
}

func appendPlace(dst []byte, position uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, itemPlace), position)
}

// stateLog appends to the last segment. mu guards the buffer and is held for a write(2) at most; files
// serializes fsync, rotation and compaction, and is taken before mu.
type stateLog struct {
	dir   string
	crc   *crc32.Table
	files sync.Mutex

	mu       sync.Mutex
	file     *os.File
	segment  uint64
	buf      []byte // one frame in the making, its head left blank
	written  int64  // bytes of all segments and the snapshot
	snapshot int64  // bytes of the snapshot
	position uint64
	failed   error // the segment is broken: nothing is written until there is a new one
	hole     error // something is missing in the log: positions vouch for nothing until the next snapshot
	damaged  int64
}

func (g *stateLog) path(n uint64, suffix string) string {
	return filepath.Join(g.dir, fmt.Sprintf(filePattern, n, suffix))
}

func (g *stateLog) image(key *Key, expiry uint32, state []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return
	}
	g.buf = appendImage(g.buf, key[:], expiry, state)
	if len(g.buf) >= flushSize {
		g.flush()
	}
}

func (g *stateLog) setPosition(p uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p == g.position {
		return
	}
	g.position = p
	if g.hole == nil {
		g.buf = appendPlace(g.buf, p)
	}
}

func (g *stateLog) currentPosition() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.position
}

// flush writes the buffer as one frame. The caller holds mu.
func (g *stateLog) flush() {
	if len(g.buf) == frameHead || g.failed != nil {
		return
	}
	n, err := writeFrame(g.file, g.crc, g.buf)
	g.buf = g.buf[:frameHead]
	g.written += int64(n)
	if err != nil {
		g.fail(err)
	}
}

// fail gives the segment up. The caller holds mu.
func (g *stateLog) fail(err error) {
	err = fmt.Errorf("dedupe state log, segment %d: %w", g.segment, err)
	g.failed, g.hole = err, err
}

// writeFrame fills in the blank head of b and writes it all.
func writeFrame(f *os.File, crc *crc32.Table, b []byte) (int, error) {
	payload := b[frameHead:]
	binary.BigEndian.PutUint32(b, uint32(len(payload)))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(payload, crc))
	return f.Write(b)
}

// sync flushes and waits for the disk. A failed fsync poisons the segment: what the kernel did with its
// pages is not known, so nothing more goes into it.
func (g *stateLog) sync() error {
	g.files.Lock()
	defer g.files.Unlock()
	return g.syncLocked()
}

func (g *stateLog) syncLocked() error {
	g.mu.Lock()
	g.flush()
	f, err := g.file, g.failed
	g.mu.Unlock()
	if err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		g.mu.Lock()
		g.fail(err)
		err = g.failed
		g.mu.Unlock()
	}
	return err
}

func (g *stateLog) worthCompacting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hole != nil || g.written > 2*g.snapshot+logSlack
}

func (g *stateLog) stats() (size, damaged int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.written + int64(len(g.buf)-frameHead), g.damaged, g.hole
}

func (g *stateLog) close() error {
	g.files.Lock()
	defer g.files.Unlock()
	err := g.syncLocked()
	return errors.Join(err, g.file.Close())
}

// compact begins a new segment, has all states written as a snapshot, and removes what that replaces.
// Whatever changes meanwhile goes into the new segment, so the snapshot may hold newer states too.
func (g *stateLog) compact(all func(flush func([]byte) error) error) error {
	g.files.Lock()
	defer g.files.Unlock()
	next, position, err := g.rotate()
	if err != nil {
		return err
	}
	size, err := g.writeSnapshot(next, position, all)
	if err != nil {
		return fmt.Errorf("dedupe state snapshot: %w", err)
	}
	if err := g.removeBefore(next); err != nil {
		return err
	}
	g.mu.Lock()
	g.snapshot = size
	g.written += size
	if g.hole != nil && g.failed == nil {
		g.hole = nil
		g.buf = appendPlace(g.buf, g.position)
	}
	g.mu.Unlock()
	return nil
}

// rotate switches to a new segment, which heals a failed one. The caller holds files.
func (g *stateLog) rotate() (next, position uint64, err error) {
	next = g.segment + 1
	f, err := createSegment(g.path(next, logSuffix))
	if err != nil {
		return 0, 0, err
	}
	if err := syncDir(g.dir); err != nil {
		return 0, 0, errors.Join(err, f.Close())
	}
	g.mu.Lock()
	g.flush()
	old := g.file
	g.file, g.segment, g.failed = f, next, nil // a hole stays until the snapshot stands
	g.written += int64(len(logMagic))
	g.buf = g.buf[:frameHead]
	position = g.position
	g.mu.Unlock()
	if old == nil {
		return next, position, nil
	}
	if err := errors.Join(old.Sync(), old.Close()); err != nil {
		g.mu.Lock()
		g.hole = err
		g.mu.Unlock()
	}
	return next, position, nil
}

func (g *stateLog) writeSnapshot(n, position uint64, all func(func([]byte) error) error) (int64, error) {
	tmp := g.path(n, tmpSuffix)
	f, err := createSegment(tmp)
	if err != nil {
		return 0, err
	}
	size := int64(len(logMagic))
	frame := make([]byte, frameHead, 2*flushSize)
	flush := func(items []byte) error {
		frame = append(frame, items...)
		if len(frame) < flushSize {
			return nil
		}
		w, err := writeFrame(f, g.crc, frame)
		size, frame = size+int64(w), frame[:frameHead]
		return err
	}
	err = all(flush)
	if err == nil {
		frame = appendPlace(frame, position)
		var w int
		w, err = writeFrame(f, g.crc, frame)
		size += int64(w)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, g.path(n, snapSuffix)); err != nil {
		return 0, err
	}
	return size, syncDir(g.dir)
}

func createSegment(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteString(logMagic); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
