package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// recover reads what the folder holds. Only the last segment is read whole: the
// others were complete when the next one was created.
func (j *Journal) recover() error {
	var err error
	if j.checkpoint, err = openCheckpoint(j.cfg.FS, filepath.Join(j.cfg.Dir, "published")); err != nil {
		return err
	}
	infos, err := listSegments(j.cfg.FS, j.cfg.Dir)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if err := j.recoverSegment(info); err != nil {
			return err
		}
	}
	if len(j.segments) > 0 {
		if err := j.recoverTail(j.segments[len(j.segments)-1]); err != nil {
			return err
		}
	}
	// A number below the checkpoint must not be given again: the drain would
	// take the new record for one it has published.
	j.next = max(j.next, j.checkpoint.get())
	return j.cfg.FS.SyncDir(j.cfg.Dir)
}

// recoverSegment adds a segment, or sets it aside if its header is beyond repair.
func (j *Journal) recoverSegment(info FileInfo) error {
	path := filepath.Join(j.cfg.Dir, info.Name)
	if strings.HasSuffix(info.Name, unfinishedSuffix) {
		if err := j.cfg.FS.Remove(path); err != nil {
			return fmt.Errorf("journal: remove unfinished segment: %w", err)
		}
		return nil
	}
	g, f, err := openSegment(j.cfg.FS, j.cfg.Dir, info, false)
	if errors.Is(err, errUnreadable) {
		j.damaged[g.base] = true
		j.next = max(j.next, g.base)
		bad := strings.TrimSuffix(path, segmentSuffix) + badSuffix
		if err := j.cfg.FS.Rename(path, bad); err != nil {
			return fmt.Errorf("journal: set a damaged segment aside: %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	j.segments = append(j.segments, g)
	j.next = max(j.next, g.base)
	return f.Close()
}

// recoverTail finds the last segment's end, drops what a crash left behind it,
// and seals it.
func (j *Journal) recoverTail(g *segment) error {
	f, err := j.cfg.FS.Open(g.path, true)
	if err != nil {
		return fmt.Errorf("journal: open segment: %w", err)
	}
	blank, err := lastNonZero(f, g.size)
	if err != nil {
		return errors.Join(fmt.Errorf("journal: read %s: %w", g.path, err), f.Close())
	}
	var s scanner
	s.reset(f, g.size, g.salt, mark{seq: g.base, off: dataStart})
	s.blank = blank
	next, _ := s.run(g.base, func(uint64, Record) bool { return true }, func(from, to uint64) {
		j.loseLocked(g, from, to)
	})
	if s.err != nil {
		return errors.Join(fmt.Errorf("journal: read %s: %w", g.path, s.err), f.Close())
	}
	if s.proven > next {
		j.loseLocked(g, next, s.proven)
		next = s.proven
	}
	g.learn(s.marks)
	j.next = max(j.next, next)
	if s.sealed {
		return f.Close()
	}
	j.stats.TornBytes = max(blank-s.goodEnd, 0)
	j.repair(g, f, &s, next)
	return f.Close()
}

// repair cuts the torn tail, seals and syncs. Its failures are not failures of
// Open: what was acknowledged lies before the cut and is durable, and readers
// find the same end without it.
func (j *Journal) repair(g *segment, f File, s *scanner, next uint64) {
	if err := f.Truncate(s.goodEnd); err != nil {
		return
	}
	g.size = s.goodEnd
	if !s.unproven {
		if _, err := f.WriteAt(appendSeal(nil, next, g.salt), s.goodEnd); err != nil {
			return
		}
		g.size += frameHead
	}
	// A process that was killed leaves records written but not synced, and
	// readers are about to see them.
	if err := f.Sync(); err != nil {
		j.stats.FsyncFailed++
	}
}

// listSegments returns the segments of dir, and unfinished ones, by name.
func listSegments(fsys FS, dir string) ([]FileInfo, error) {
	all, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: list %s: %w", dir, err)
	}
	var infos []FileInfo
	for _, info := range all {
		if _, ok := parseSegmentName(info.Name); ok || strings.HasSuffix(info.Name, unfinishedSuffix) {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b FileInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// span is a range of sequence numbers, to excluded.
type span struct{ from, to uint64 }

// spans is a set of numbers as ascending ranges that do not touch.
type spans []span

// add puts from up to to, excluded, into the set.
func (s *spans) add(from, to uint64) {
	merged := span{from, to}
	var kept spans
	for _, old := range *s {
		if old.to < merged.from || old.from > merged.to {
			kept = append(kept, old)
			continue
		}
		merged.from, merged.to = min(merged.from, old.from), max(merged.to, old.to)
	}
	kept = append(kept, merged)
	slices.SortFunc(kept, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	*s = kept
}

// count returns how many numbers are in the set.
func (s spans) count() uint64 {
	var n uint64
	for _, r := range s {
		n += r.to - r.from
	}
	return n
}

// loseLocked counts the numbers from up to to as lost from g, once.
func (j *Journal) loseLocked(g *segment, from, to uint64) {
	j.lost.add(from, to)
	j.damaged[g.base] = true
}
