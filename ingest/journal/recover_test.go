package journal

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestOpenReadsOnlyTheLastSegmentWhole(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 500)
	for i := range shape {
		shape[i] = 1
	}
	shape.write(t, fsys, true)
	fsys = fsys.kill()
	var mu sync.Mutex
	reads := map[string]int{}
	fsys.setFault(func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == "read" {
			reads[name]++
		}
		return nil
	})
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	last := j.segments[len(j.segments)-1].base
	if j.Next() != 500 || len(j.segments) < 10 {
		t.Fatalf("next %d, %d segments", j.Next(), len(j.segments))
	}
	for _, g := range j.segments {
		if n := reads[filepath.Base(g.path)]; g.base != last && n != 1 {
			t.Errorf("%s was read %d times", g.path, n)
		}
	}
}

func TestAJournalThatCannotBeRepairedIsReadAllTheSame(t *testing.T) {
	for _, op := range []string{"write", "sync"} {
		fsys := newMemFS()
		calls{1, 2, 3}.write(t, fsys, true)
		inode := fsys.file(t, 0)
		inode.data[frameEnds(t, inode, 6)[5]-1] ^= 1
		fsys = fsys.kill()
		fail, asked := failing(op, segmentName(0), syscall.EIO, 1)
		fsys.setFault(fail)
		j := mustOpen(t, small(fsys))
		got, _ := read(t, j, 0)
		wantNumbered(t, got, 0, 3)
		if asked() == 0 {
			t.Fatalf("%s did not fail", op)
		}
		mustAppend(t, j, numbered(3))
		mustClose(t, j)
		got, _ = read(t, mustOpen(t, small(fsys)), 0)
		wantNumbered(t, got, 0, 4)
	}
}

func TestAJournalOpenedAgainAndAgainStaysAsItIs(t *testing.T) {
	fsys := newMemFS()
	calls{3}.write(t, fsys, true)
	fsys = fsys.kill()
	var bytes int64
	for i := range 5 {
		j := mustOpen(t, small(fsys))
		st := j.Stats()
		if i > 0 && st.Bytes != bytes || st.Segments != 1 || st.Next != 3 || st.TornBytes != 0 {
			t.Fatalf("opening %d: %+v", i, st)
		}
		bytes = st.Bytes
		mustClose(t, j)
	}
}

func TestAnEmptyLastSegmentIsReplacedByTheNextOne(t *testing.T) {
	fsys := newMemFS()
	calls{3}.write(t, fsys, false)
	for range 3 {
		j := mustOpen(t, small(fsys))
		if err := j.Room(); err != nil {
			t.Fatal(err)
		}
		if st := j.Stats(); st.Segments != 2 || st.Bytes > 2*minSegmentSize {
			t.Fatalf("stats %+v", st)
		}
		fsys = fsys.kill()
	}
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	mustAppend(t, j, numbered(3))
	got, _ := read(t, j, 0)
	wantNumbered(t, got, 0, 4)
}

func TestVerifyCountsASegmentWhoseHeaderIsGone(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 150)
	for i := range shape {
		shape[i] = 1
	}
	shape.write(t, fsys, false)
	clear(fsys.file(t, 0).data)
	report, err := verifyOn(fsys, testDir)
	if err != nil || !report.Damaged() || report.Segments[0].Header {
		t.Fatalf("report %+v, %v", report, err)
	}
	if lost := report.Segments[1].Base; report.Lost != lost || report.Records != 150-lost {
		t.Fatalf("report %+v", report)
	}
}

func TestADirectoryOfDamageOpensAndTakesRecords(t *testing.T) {
	for name, content := range map[string]string{
		"empty files":  "",
		"a few bytes":  "pbjo",
		"zeros":        strings.Repeat("\x00", minSegmentSize),
		"ones":         strings.Repeat("\xff", minSegmentSize),
		"a bad header": segmentMagic + strings.Repeat("x", minSegmentSize),
	} {
		fsys := newMemFS()
		for _, file := range []string{segmentName(0), segmentName(10), "published", "notes.txt"} {
			f, err := fsys.Create(filepath.Join(testDir, file))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte(content), 0); err != nil {
				t.Fatal(err)
			}
		}
		j := mustOpen(t, small(fsys))
		if st := j.Stats(); st.DamagedSegments != 2 || st.Next != 10 || st.Published != 0 {
			t.Errorf("%s: stats %+v", name, st)
		}
		first := mustAppend(t, j, numbered(10))
		if got, _ := read(t, j, 0); first != 10 || len(got) != 1 || !sameRecord(got[10], numbered(10)) {
			t.Errorf("%s: read %+v", name, got)
		}
		if err := errors.Join(j.Trim(time.Now(), false), j.Close()); err != nil {
			t.Error(err)
		}
	}
}
