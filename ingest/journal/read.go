package journal

import (
	"errors"
	"fmt"
	"io/fs"
)

// reach is the part of a segment that a reader may look at.
type reach struct {
	segment *segment
	path    string
	start   mark
	end     int64  // bytes
	limit   uint64 // records
}

// Read calls fn for the durable records from `from` on, in order, until fn
// returns false or there are no more. The record's slices are valid during the
// call of fn only, which may call the journal. Records trimmed away, or lost to
// damage (see Stats), are skipped; next is the number to go on with. After an
// error next is still right: what was before it has been given to fn.
func (j *Journal) Read(from uint64, fn func(seq uint64, r Record) bool) (next uint64, err error) {
	for next = from; ; {
		at, more, err := j.reach(&next)
		if err != nil || !more {
			return next, err
		}
		var stopped bool
		next, stopped, err = j.readSegment(at, next, fn)
		if err != nil || stopped {
			return next, err
		}
	}
}

// reach finds the segment of *from, moving *from on to the first record retained.
func (j *Journal) reach(from *uint64) (at reach, more bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return at, false, ErrClosed
	}
	if *from >= j.next {
		return at, false, nil
	}
	i := len(j.segments) - 1
	for i > 0 && j.segments[i].base > *from {
		i--
	}
	if i < 0 {
		*from = j.next
		return at, false, nil
	}
	g := j.segments[i]
	*from = min(max(*from, g.base), j.next)
	at = reach{segment: g, path: g.path, start: g.start(*from), end: g.size, limit: j.next}
	if i+1 < len(j.segments) {
		at.limit = j.segments[i+1].base
	} else if g == j.active {
		at.end = j.end
	}
	return at, at.limit > *from, nil
}

// readSegment reads at's segment to its limit.
func (j *Journal) readSegment(at reach, from uint64, fn func(uint64, Record) bool) (next uint64, stopped bool, err error) {
	f, err := j.cfg.FS.Open(at.path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return j.missing(at, from), false, nil
	}
	if err != nil {
		return from, false, fmt.Errorf("journal: open segment: %w", err)
	}
	s := j.scanners.Get().(*scanner)
	s.reset(f, at.end, at.segment.salt, at.start)
	s.limit = at.limit
	var lost spans
	next, stopped = s.run(from, fn, func(from, to uint64) { lost.add(from, to) })
	if s.err != nil {
		err = fmt.Errorf("journal: read %s: %w", at.path, s.err)
	}
	if err == nil && !stopped && next < at.limit {
		lost.add(next, at.limit)
		next = at.limit
	}
	j.mu.Lock()
	at.segment.learn(s.marks)
	for _, r := range lost {
		j.loseLocked(at.segment, r.from, r.to)
	}
	j.mu.Unlock()
	if s.src = nil; cap(s.window) <= keepBytes {
		j.scanners.Put(s)
	}
	return next, stopped, errors.Join(err, f.Close())
}

// missing returns where to go on when a segment's file is gone: nowhere new if
// Trim took it since, behind it if someone else did.
func (j *Journal) missing(at reach, from uint64) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, g := range j.segments {
		if g == at.segment {
			j.loseLocked(g, from, at.limit)
			return at.limit
		}
	}
	return from
}
