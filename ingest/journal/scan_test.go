package journal

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
)

// readerFunc makes a function an io.ReaderAt.
type readerFunc func(b []byte, off int64) (int, error)

func (f readerFunc) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

// segmentImage returns the bytes of a killed journal's first segment, its salt,
// and where its frames end.
func segmentImage(t *testing.T, shape calls) (image []byte, salt uint64, ends []int) {
	t.Helper()
	fsys := newMemFS()
	shape.write(t, fsys, true)
	image = fsys.file(t, 0).data
	h, ok := parseSegmentHeader(image)
	if !ok {
		t.Fatal("no header")
	}
	return image, h.salt, frameEnds(t, fsys.file(t, 0), shape.total())
}

// walk returns the numbers a scanner finds.
func walk(t *testing.T, s *scanner) (seqs []uint64) {
	t.Helper()
	s.run(0, func(seq uint64, r Record) bool {
		if !sameRecord(r, numbered(int(seq))) {
			t.Fatalf("record %d is %+v", seq, r)
		}
		seqs = append(seqs, seq)
		return true
	}, nil)
	return seqs
}

func TestOnlyTheBlockThatCannotBeReadIsMissing(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	bad := int64(5)
	src := readerFunc(func(b []byte, off int64) (int, error) {
		if first, last := off/blockBytes, (off+int64(len(b))-1)/blockBytes; first <= bad && bad <= last {
			return 0, syscall.EIO
		}
		return bytes.NewReader(want).ReadAt(b, off)
	})
	for _, off := range []int64{0, 1, 100, blockBytes, 5*blockBytes + 7} {
		got := bytes.Repeat([]byte("x"), len(want)-int(off))
		if err := readLenient(src, got, off); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			at := off + int64(i)
			if w := want[at]; at/blockBytes != bad && got[i] != w || at/blockBytes == bad && got[i] != 0 {
				t.Fatalf("from %d: byte %d is %q", off, at, got[i])
			}
		}
	}
}

func TestReadingPastTheEndIsZerosAndOtherErrorsAreReturned(t *testing.T) {
	got := []byte("xxxxxxxx")
	if err := readLenient(bytes.NewReader([]byte("abc")), got, 1); err != nil || string(got) != "bc\x00\x00\x00\x00\x00\x00" {
		t.Fatalf("%q, %v", got, err)
	}
	broken := readerFunc(func([]byte, int64) (int, error) { return 0, io.ErrClosedPipe })
	if err := readLenient(broken, got, 0); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("got %v", err)
	}
	if _, err := lastNonZero(broken, 3*windowBytes); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("got %v", err)
	}
}

func TestTheLastNonZeroByteIsFoundWhereverItIs(t *testing.T) {
	for _, size := range []int{0, 10, dataStart, dataStart + 1, dataStart + windowBytes, dataStart + 2*windowBytes + 13} {
		for _, at := range []int{dataStart, dataStart + 1, size / 2, size - 9, size - 1} {
			b := make([]byte, size)
			want := int64(dataStart)
			if at >= dataStart && at < size {
				b[at] = 1
				want = int64(at) + 1
			}
			if got, err := lastNonZero(bytes.NewReader(b), int64(size)); err != nil || got != want {
				t.Errorf("byte %d of %d: %d, %v", at, size, got, err)
			}
		}
	}
}

// TestARecordFinishedWhileItWasReadIsNotSkipped lets a viewer's first look at a
// frame see it half written, and its later looks see it and its successors whole.
func TestARecordFinishedWhileItWasReadIsNotSkipped(t *testing.T) {
	image, salt, ends := segmentImage(t, calls{1, 2, 1})
	half := bytes.Clone(image)
	clear(half[ends[0]+frameHead+4:])
	looks := 0
	src := readerFunc(func(b []byte, off int64) (int, error) {
		if looks++; looks == 1 {
			return bytes.NewReader(half).ReadAt(b, off)
		}
		return bytes.NewReader(image).ReadAt(b, off)
	})
	var s scanner
	s.reset(src, int64(len(image)), salt, mark{off: dataStart})
	s.quick = true
	if got := walk(t, &s); len(got) != 4 || s.unproven {
		t.Fatalf("found %v", got)
	}
}

func TestAQuickWalkDoesNotSearchTheEmptyRest(t *testing.T) {
	image, salt, ends := segmentImage(t, calls{2})
	var farthest int64
	src := readerFunc(func(b []byte, off int64) (int, error) {
		n := copy(b, image[min(off, int64(len(image))):])
		clear(b[n:])
		farthest = max(farthest, off+int64(len(b)))
		return len(b), nil
	})
	var s scanner
	s.reset(src, 64<<20, salt, mark{off: dataStart})
	s.quick = true
	if got := walk(t, &s); len(got) != 2 || s.goodEnd != int64(ends[1]) {
		t.Fatalf("found %v", got)
	}
	if farthest > dataStart+windowBytes {
		t.Fatalf("read up to %d", farthest)
	}
}

func TestOfATornGroupWholeAppendsAreKeptAndCutOnesDropped(t *testing.T) {
	// One group of three calls, as three callers at once make it.
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	mustAppend(t, j, numbered(0))
	g := j.groups.Get().(*group)
	for _, c := range [][2]int{{1, 4}, {4, 6}, {6, 8}} {
		g.add(numberedRange(c[0], c[1]))
	}
	if _, err := j.commit(g); err != nil {
		t.Fatal(err)
	}
	ends := frameEnds(t, fsys.file(t, 0), 8)
	for _, c := range []struct {
		hit  int // record whose frame is damaged
		want []uint64
	}{
		{0, []uint64{1, 2, 3, 4, 5, 6, 7}}, // proven: the next group was written
		{1, []uint64{0, 4, 5, 6, 7}},
		{2, []uint64{0, 4, 5, 6, 7}},
		{3, []uint64{0, 4, 5, 6, 7}},
		{4, []uint64{0, 1, 2, 3, 6, 7}},
		{7, []uint64{0, 1, 2, 3, 4, 5}},
	} {
		torn := fsys.kill()
		torn.file(t, 0).data[ends[c.hit]-1] ^= 1
		for range 3 { // the verdict is the same for every owner to come
			owner := mustOpen(t, small(torn))
			got, _ := read(t, owner, 0)
			if len(got) != len(c.want) {
				t.Fatalf("record %d hit: %d records read, want %v", c.hit, len(got), c.want)
			}
			for _, seq := range c.want {
				if !sameRecord(got[seq], numbered(int(seq))) {
					t.Fatalf("record %d hit: record %d is %+v", c.hit, seq, got[seq])
				}
			}
			mustClose(t, owner)
		}
	}
}

func TestAWalkRepeatsFromAnyMark(t *testing.T) {
	fsys := newMemFS()
	cfg := small(fsys)
	cfg.SegmentSize, cfg.MaxSize = 1<<20, 1<<24
	j := mustOpen(t, cfg)
	for n := range 5000 {
		mustAppend(t, j, numbered(n))
	}
	mustClose(t, j)
	j = mustOpen(t, cfg)
	defer mustClose(t, j)
	if got, _ := read(t, j, 0); len(got) != 5000 {
		t.Fatalf("read %d", len(got))
	}
	g := j.segments[0]
	if len(g.marks) < 5 {
		t.Fatalf("only %d marks", len(g.marks))
	}
	for i, m := range g.marks {
		if start := g.start(m.seq); start != m || i > 0 && m.off < g.marks[i-1].off+markSpacing {
			t.Fatalf("mark %d: %+v, walks start at %+v", i, m, start)
		}
		got, _ := read(t, j, m.seq+3)
		wantNumbered(t, got, int(m.seq)+3, 5000)
	}
}
