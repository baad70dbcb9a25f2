package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	segmentSuffix    = ".seg"
	badSuffix        = ".seg.bad"
	unfinishedSuffix = ".seg.tmp"
	digits           = 20
)

// segment is what the owner remembers of a segment file.
type segment struct {
	base     uint64
	salt     uint64
	path     string
	size     int64
	modified time.Time
	marks    []mark // ascending, about markSpacing apart
}

// segmentName is the file name of the segment that begins with base.
func segmentName(base uint64) string { return fmt.Sprintf("%0*d%s", digits, base, segmentSuffix) }

// parseSegmentName is segmentName's inverse.
func parseSegmentName(name string) (base uint64, ok bool) {
	number, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(number) != digits {
		return 0, false
	}
	base, err := strconv.ParseUint(number, 10, 64)
	return base, err == nil
}

// start returns where a walk to seq begins.
func (g *segment) start(seq uint64) mark {
	i := sort.Search(len(g.marks), func(i int) bool { return g.marks[i].seq > seq })
	if i == 0 {
		return mark{seq: g.base, off: dataStart}
	}
	return g.marks[i-1]
}

// learn adds marks behind those known.
func (g *segment) learn(marks []mark) {
	for _, m := range marks {
		if n := len(g.marks); n == 0 || m.off >= g.marks[n-1].off+markSpacing {
			g.marks = append(g.marks, m)
		}
	}
}

// errUnreadable means that a segment's salt is lost, and with it its records.
var errUnreadable = errors.New("journal: segment header is damaged")

// openSegment opens the file described by info and finds its salt.
func openSegment(fsys FS, dir string, info FileInfo, write bool) (*segment, File, error) {
	g := &segment{path: filepath.Join(dir, info.Name), size: info.Size, modified: info.Modified}
	g.base, _ = parseSegmentName(info.Name)
	f, err := fsys.Open(g.path, write)
	if err != nil {
		return nil, nil, fmt.Errorf("journal: open segment: %w", err)
	}
	if err := g.readSalt(f); err != nil {
		return g, nil, errors.Join(err, f.Close())
	}
	return g, f, nil
}

// readSalt takes the salt from the header, or failing that from the first frame,
// whose number is known from the file's name.
func (g *segment) readSalt(f File) error {
	b := make([]byte, headerBytes)
	if err := readLenient(f, b, 0); err != nil {
		return fmt.Errorf("journal: read %s: %w", g.path, err)
	}
	h, ok := parseSegmentHeader(b)
	if ok && h.version != segmentVersion {
		return fmt.Errorf("journal: %s has format version %d, this program reads version %d: use the program that wrote it", g.path, h.version, segmentVersion)
	}
	if ok && h.base != g.base {
		return fmt.Errorf("%w: %s was named otherwise, it begins with record %d", errUnreadable, g.path, h.base)
	}
	if g.salt = h.salt; ok {
		return nil
	}
	if g.size < dataStart+frameHead {
		return fmt.Errorf("%w: %s", errUnreadable, g.path)
	}
	if err := readLenient(f, b[:frameHead], dataStart); err != nil {
		return fmt.Errorf("journal: read %s: %w", g.path, err)
	}
	g.salt = binary.LittleEndian.Uint64(b[8:]) ^ g.base
	var s scanner
	s.reset(f, g.size, g.salt, mark{})
	first, ok := s.frame(dataStart)
	if s.err != nil {
		return fmt.Errorf("journal: read %s: %w", g.path, s.err)
	}
	if !ok || first.index != 0 {
		return fmt.Errorf("%w: %s", errUnreadable, g.path)
	}
	return nil
}

// createSegment makes a durable, empty segment of size bytes. It appears under
// its name only when it is complete, replacing an empty one of the same base.
func createSegment(fsys FS, dir string, base uint64, size int64) (*segment, File, error) {
	g := &segment{base: base, path: filepath.Join(dir, segmentName(base)), size: size}
	unfinished := filepath.Join(dir, strings.TrimSuffix(segmentName(base), segmentSuffix)+unfinishedSuffix)
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails (crypto/rand documentation)
	g.salt = binary.LittleEndian.Uint64(salt[:])

	f, err := fsys.Create(unfinished)
	if err != nil {
		return nil, nil, diskError("create", g, err)
	}
	header := segmentHeader{version: segmentVersion, base: base, salt: g.salt}.append(nil)
	err = f.Allocate(size)
	if err == nil {
		_, err = f.WriteAt(header, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	name := unfinished
	if err == nil {
		if err = fsys.Rename(unfinished, g.path); err == nil {
			name = g.path
			err = fsys.SyncDir(dir)
		}
	}
	if err != nil {
		_ = f.Close()
		_ = fsys.Remove(name)
		return nil, nil, diskError("create", g, err)
	}
	return g, f, nil
}

// diskError says what failed; a full disk is ErrFull.
func diskError(doing string, g *segment, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: the disk has no room: free at least %d bytes: %s %s: %w", ErrFull, g.size, doing, g.path, err)
	}
	return fmt.Errorf("journal: %s %s: %w", doing, g.path, err)
}
