package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestAViewerFollowsALiveWriter(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Config{Dir: dir, SegmentSize: minSegmentSize, MaxSize: 4 << 20})
	defer mustClose(t, j)
	const total = 2000
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; n < total; {
			size := min(1+n%7, total-n)
			mustAppend(t, j, numberedRange(n, n+size)...)
			n += size
		}
	})
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	for next := uint64(0); next < total; {
		was := next
		var got map[uint64]Record
		got, next = read(t, v, was)
		wantNumbered(t, got, int(was), int(next))
	}
	wg.Wait()
	got, next := read(t, v, 1234)
	wantNumbered(t, got, 1234, total)
	if next != total {
		t.Fatalf("next is %d", next)
	}
}

func TestAViewerStopsWhereToldAndGoesOn(t *testing.T) {
	fsys := newMemFS()
	calls{100, 1, 99}.write(t, fsys, true)
	v, err := viewOn(fsys, testDir)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(0)
	for n := range 200 {
		next, err = v.Read(next, func(seq uint64, r Record) bool {
			if seq != uint64(n) || !sameRecord(r, numbered(n)) {
				t.Fatalf("record %d: %+v", seq, r)
			}
			return false
		})
		if err != nil || next != uint64(n+1) {
			t.Fatalf("next %d, %v", next, err)
		}
	}
}

func TestAViewerOfADeadJournalSeesTheSameAsItsNextOwner(t *testing.T) {
	shape := calls{1, 3, 1, 2, 1}
	whole := newMemFS()
	shape.write(t, whole, true)
	for size := dataStart; size <= whole.file(t, 0).used()+1; size++ {
		cut := whole.kill()
		cut.file(t, 0).resize(int64(size))
		v, err := viewOn(cut, testDir)
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := read(t, v, 0)
		report, err := verifyOn(cut, testDir)
		if err != nil || report.Lost != 0 || report.Damaged() {
			t.Fatalf("cut at %d: %+v, %v", size, report, err)
		}
		j := mustOpen(t, small(cut))
		got, next := read(t, j, 0)
		wantNumbered(t, seen, 0, len(got))
		if report.Records != next || report.Next != next || report.Torn != j.Stats().TornBytes {
			t.Fatalf("cut at %d: %+v, stats %+v", size, report, j.Stats())
		}
	}
}

func TestAViewerFollowsPastDamageAndSegmentsThatCameAndWent(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	for n := range 150 {
		mustAppend(t, j, numbered(n))
	}
	v, err := viewOn(fsys, testDir)
	if err != nil {
		t.Fatal(err)
	}
	second := j.segments[1].base
	clear(fsys.file(t, second).data[:dataStart+40])
	got, next := read(t, v, 0)
	if want := 150 - int(j.segments[2].base-second); len(got) != want || next != 150 {
		t.Fatalf("read %d of %d, next %d", len(got), want, next)
	}
	if err := errors.Join(j.SetPublished(150), j.Trim(time.Now(), false)); err != nil {
		t.Fatal(err)
	}
	for n := 150; n < 300; n++ {
		mustAppend(t, j, numbered(n))
	}
	got, next = read(t, v, next)
	wantNumbered(t, got, 150, 300)
	if next != 300 {
		t.Fatalf("next is %d", next)
	}
}

func TestAViewerNoticesThatASegmentWasReplaced(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	if err := j.Room(); err != nil {
		t.Fatal(err)
	}
	v, err := viewOn(fsys, testDir)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, v, 0); len(got) != 0 {
		t.Fatalf("read %d", len(got))
	}
	fail, _ := failing("sync", segmentName(0), errors.New("no disk"), 1)
	fsys.setFault(fail)
	mustAppend(t, j, numbered(0))
	got, _ := read(t, v, 0)
	wantNumbered(t, got, 0, 1)
}

func TestVerifyChangesNothingAndReportsTheCheckpoint(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	mustAppend(t, j, numberedRange(0, 30)...)
	mustAppend(t, j, numberedRange(30, 60)...)
	mustAppend(t, j, numberedRange(60, 70)...)
	if err := j.SetPublished(42); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	before := fsys.kill()
	report, err := verifyOn(fsys, testDir)
	if err != nil || report.Damaged() || report.Records != 70 || report.First != 0 || report.Next != 70 || report.Published != 42 {
		t.Fatalf("report %+v, %v", report, err)
	}
	for _, s := range report.Segments {
		if !s.Sealed || !s.Header || s.Records != s.Next-s.Base {
			t.Errorf("segment %+v", s)
		}
	}
	for name, inode := range fsys.files {
		if string(inode.data) != string(before.files[name].data) {
			t.Errorf("%s was changed", name)
		}
	}
}

func TestViewingWhatIsNoFolderIsAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := View(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("View: %v", err)
	}
	if _, err := Verify(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Verify: %v", err)
	}
	empty := t.TempDir()
	v, err := View(empty)
	if err != nil {
		t.Fatal(err)
	}
	if got, next := read(t, v, 5); len(got) != 0 || next != 5 {
		t.Errorf("read %d, next %d", len(got), next)
	}
	if report, err := Verify(empty); err != nil || report.Next != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
}
