package journal

import (
	"errors"
	"fmt"
	"time"
)

// Trim deletes old segments, oldest first and never the newest. With Kafka
// (embedded false) a segment goes when all of it is published and it is either
// older than the retention or its room is needed for the next segment. Embedded,
// where the journal is the topic, it goes when it is older than the retention,
// and never for room. A segment is as old as its last record's append.
func (j *Journal) Trim(now time.Time, embedded bool) error {
	if !embedded {
		// Deleting what a restart would count as unpublished raises a false alarm.
		if err := j.checkpoint.sync(); err != nil {
			return err
		}
	}
	published := j.Published()
	for {
		g := j.takeOldest(now, embedded, published)
		if g == nil {
			return nil
		}
		err := j.cfg.FS.Remove(g.path)
		if err != nil {
			j.mu.Lock()
			j.segments = append([]*segment{g}, j.segments...)
			j.mu.Unlock()
			return fmt.Errorf("journal: trim: %w", err)
		}
		// One by one, so that a crash never leaves a hole between segments.
		if err := j.cfg.FS.SyncDir(j.cfg.Dir); err != nil {
			return fmt.Errorf("journal: trim: %w", err)
		}
	}
}

// takeOldest removes the oldest segment from the list if it may be deleted.
func (j *Journal) takeOldest(now time.Time, embedded bool, published uint64) *segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || len(j.segments) < 2 {
		return nil
	}
	g := j.segments[0]
	old := now.Sub(g.modified) >= j.cfg.Retention
	if embedded && (j.cfg.Retention == 0 || !old) {
		return nil
	}
	if !embedded {
		needed := j.bytesLocked()+j.cfg.SegmentSize > j.cfg.MaxSize
		if j.segments[1].base > published || !old && !needed {
			return nil
		}
	}
	j.segments = append([]*segment(nil), j.segments[1:]...)
	return g
}

// bytesLocked is what all segments take.
func (j *Journal) bytesLocked() int64 {
	var sum int64
	for _, g := range j.segments {
		sum += g.size
	}
	return sum
}

// oldest remembers the timestamp of one record, so that it is read once.
type oldest struct {
	seq   uint64
	at    time.Time
	known bool
}

// Stats returns a snapshot. It reads one record from the disk when the oldest
// unpublished one has changed since the last call.
func (j *Journal) Stats() Stats {
	published := j.Published()
	j.mu.Lock()
	st := j.stats
	st.Bytes, st.MaxBytes = j.bytesLocked(), j.cfg.MaxSize
	st.Segments = len(j.segments)
	st.First, st.Next, st.Published = j.firstLocked(), j.next, published
	st.LostRecords, st.DamagedSegments = j.lost.count(), len(j.damaged)
	oldest := j.oldest
	j.mu.Unlock()

	from := max(published, st.First)
	if from >= st.Next {
		return st
	}
	st.Pending = st.Next - from
	if !oldest.known || oldest.seq != from {
		oldest.seq, oldest.known = from, false
		_, err := j.Read(from, func(_ uint64, r Record) bool {
			oldest.at, oldest.known = time.UnixMilli(r.Time), true
			return false
		})
		if err != nil && !errors.Is(err, ErrClosed) {
			oldest.known = false
		}
		j.mu.Lock()
		j.oldest = oldest
		j.mu.Unlock()
	}
	if oldest.known {
		st.OldestPending = oldest.at
	}
	return st
}
