package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Viewer reads a folder that belongs to another process, or to none any more. It
// takes no lock and changes nothing. It sees what is written, which may be
// records that are not yet durable and that a crash takes back. One goroutine
// uses a Viewer.
type Viewer struct {
	fs    FS
	dir   string
	known map[uint64]*segment
	scan  scanner
}

// View opens the folder for reading. The error says why it is not one.
func View(dir string) (*Viewer, error) { return viewOn(diskFS{}, dir) }

func viewOn(fsys FS, dir string) (*Viewer, error) {
	if _, err := listSegments(fsys, dir); err != nil {
		return nil, err
	}
	return &Viewer{fs: fsys, dir: dir, known: make(map[uint64]*segment)}, nil
}

// Read calls fn for the records from `from` on, in order, until fn returns false
// or the end is reached, which may be half written; reading on from next later
// follows a writer. The record's slices are valid during the call of fn only.
// Trimmed and unreadable records are skipped; Verify counts the latter.
func (v *Viewer) Read(from uint64, fn func(seq uint64, r Record) bool) (next uint64, err error) {
	infos, err := listSegments(v.fs, v.dir)
	if err != nil {
		return from, err
	}
	segments := v.refresh(infos)
	next = from
	for i, g := range segments {
		limit := uint64(forever)
		if i+1 < len(segments) {
			limit = segments[i+1].base
		}
		if limit <= next {
			continue
		}
		var stopped bool
		next, stopped, err = v.readSegment(g, max(next, g.base), limit, fn)
		if err != nil || stopped {
			return next, err
		}
	}
	return next, nil
}

// refresh brings what is known up to date with a listing.
func (v *Viewer) refresh(infos []FileInfo) []*segment {
	known := make(map[uint64]*segment, len(infos))
	var segments []*segment
	for _, info := range infos {
		base, ok := parseSegmentName(info.Name)
		if !ok {
			continue
		}
		g := v.known[base]
		if g == nil {
			g = &segment{base: base, path: filepath.Join(v.dir, info.Name)}
		}
		g.size = info.Size
		known[base] = g
		segments = append(segments, g)
	}
	v.known = known
	return segments
}

// readSegment reads one segment up to limit, or to its end if that is forever.
func (v *Viewer) readSegment(g *segment, from, limit uint64, fn func(uint64, Record) bool) (next uint64, stopped bool, err error) {
	f, err := v.fs.Open(g.path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return from, false, nil // trimmed since it was listed
	}
	if err != nil {
		return from, false, fmt.Errorf("journal: open segment: %w", err)
	}
	known := g.salt
	switch err := g.readSalt(f); {
	case errors.Is(err, errUnreadable):
		return from, false, f.Close()
	case err != nil:
		return from, false, errors.Join(err, f.Close())
	case g.salt != known:
		g.marks = nil // new, or replaced after a failed disk
	}
	s := &v.scan
	s.reset(f, g.size, g.salt, g.start(from))
	s.limit, s.quick = limit, limit == forever
	next, stopped = s.run(from, fn, nil)
	if s.err != nil {
		err = fmt.Errorf("journal: read %s: %w", g.path, s.err)
	}
	if err == nil && !stopped && limit != forever {
		next = limit
	}
	g.learn(s.marks)
	return next, stopped, errors.Join(err, f.Close())
}

// SegmentReport is what Verify found in one segment file.
type SegmentReport struct {
	Name    string // of the file
	Bytes   int64  // its length, allocated ones included
	Base    uint64 // number of its first record, by its name
	Next    uint64 // number after its last
	Records uint64 // readable
	Lost    uint64 // acknowledged but not readable
	Torn    int64  // bytes behind the last whole Append call, in the last segment
	Sealed  bool   // ended in an orderly way
	Header  bool   // the header, or what replaces it, is readable
}

// Report is what Verify found in a folder.
type Report struct {
	Segments  []SegmentReport // by number; segments set aside are among them
	First     uint64          // first record retained
	Next      uint64          // the next record's number
	Published uint64          // the checkpoint
	Records   uint64          // sum of the segments'
	Lost      uint64          // sum of the segments'
	Torn      int64           // sum of the segments'
}

// Damaged reports whether acknowledged records are gone. A torn tail is none.
func (r Report) Damaged() bool {
	for _, s := range r.Segments {
		if s.Lost > 0 || !s.Header {
			return true
		}
	}
	return false
}

// Verify reads everything in dir and reports what is whole. It changes nothing
// and takes no lock; beside a writer, the last segment's figures are of a moment.
func Verify(dir string) (Report, error) { return verifyOn(diskFS{}, dir) }

func verifyOn(fsys FS, dir string) (Report, error) {
	var report Report
	infos, err := fsys.List(dir)
	if err != nil {
		return report, fmt.Errorf("journal: list %s: %w", dir, err)
	}
	for _, info := range infos {
		if strings.HasSuffix(info.Name, badSuffix) {
			base, _ := parseSegmentName(strings.TrimSuffix(info.Name, badSuffix) + segmentSuffix)
			report.Segments = append(report.Segments, SegmentReport{Name: info.Name, Bytes: info.Size, Base: base, Next: base})
		}
	}
	if infos, err = listSegments(fsys, dir); err != nil {
		return report, err
	}
	for i, info := range infos {
		base, ok := parseSegmentName(info.Name)
		if !ok {
			continue
		}
		limit := uint64(forever)
		for _, later := range infos[i+1:] {
			if next, ok := parseSegmentName(later.Name); ok {
				limit = next
				break
			}
		}
		if err := report.add(fsys, dir, info, base, limit); err != nil {
			return report, err
		}
	}
	report.sum()
	return report, report.readPublished(fsys, dir)
}

// add verifies one segment.
func (r *Report) add(fsys FS, dir string, info FileInfo, base, limit uint64) error {
	one := SegmentReport{Name: info.Name, Bytes: info.Size, Base: base, Next: base}
	g, f, err := openSegment(fsys, dir, info, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // trimmed since it was listed
	}
	if errors.Is(err, errUnreadable) {
		if limit != forever {
			one.Lost, one.Next = limit-base, limit
		}
		r.Segments = append(r.Segments, one)
		return nil
	}
	if err != nil {
		return err
	}
	err = one.scan(f, g, limit)
	r.Segments = append(r.Segments, one)
	return errors.Join(err, f.Close())
}

// scan fills in the report on one segment.
func (r *SegmentReport) scan(f File, g *segment, limit uint64) error {
	blank, err := lastNonZero(f, g.size)
	if err != nil {
		return fmt.Errorf("journal: read %s: %w", g.path, err)
	}
	var s scanner
	s.reset(f, g.size, g.salt, mark{seq: g.base, off: dataStart})
	s.limit, s.blank = limit, blank
	r.Header = true
	r.Next, _ = s.run(g.base, func(uint64, Record) bool { r.Records++; return true }, nil)
	if s.err != nil {
		return fmt.Errorf("journal: read %s: %w", g.path, s.err)
	}
	r.Sealed = s.sealed
	if limit != forever {
		r.Next = limit
	} else if r.Next = max(r.Next, s.proven); !s.sealed {
		r.Torn = max(blank-s.goodEnd, 0)
	}
	r.Lost = r.Next - r.Base - r.Records
	return nil
}

// sum adds the segments up.
func (r *Report) sum() {
	first := uint64(forever)
	for _, s := range r.Segments {
		first = min(first, s.Base)
		r.Next = max(r.Next, s.Next)
		r.Records += s.Records
		r.Lost += s.Lost
		r.Torn += s.Torn
	}
	r.First = min(first, r.Next)
}

// readPublished reads the checkpoint, which a dead owner may not have left.
func (r *Report) readPublished(fsys FS, dir string) error {
	f, err := fsys.Open(filepath.Join(dir, "published"), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: open checkpoint: %w", err)
	}
	r.Published, _, err = readCheckpoint(f)
	return errors.Join(err, f.Close())
}
