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

// failing returns a fault that fails op on files with the given suffix, count
// times, and a function that says how often it was asked.
func failing(op, suffix string, err error, count int) (fault func(string, string) error, asked func() int) {
	var mu sync.Mutex
	n := 0
	return func(gotOp, name string) error {
			if gotOp != op || !strings.HasSuffix(name, suffix) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if n++; n <= count {
				return err
			}
			return nil
		}, func() int {
			mu.Lock()
			defer mu.Unlock()
			return n
		}
}

func TestOneFailureOfTheDiskIsMadeUpForInANewSegment(t *testing.T) {
	for _, op := range []string{"sync", "write"} {
		for _, before := range []int{0, 3} {
			fsys := newMemFS()
			j := mustOpen(t, small(fsys))
			if err := j.Room(); err != nil {
				t.Fatal(err)
			}
			for n := range before {
				mustAppend(t, j, numbered(n))
			}
			poisoned := segmentName(0)
			syncs := map[string]int{}
			fail, _ := failing(op, "", syscall.EIO, 1)
			fsys.setFault(func(op, name string) error {
				if op == "sync" || op == "write" {
					syncs[op+name]++
				}
				return fail(op, name)
			})
			mustAppend(t, j, numberedRange(before, before+3)...)
			mustAppend(t, j, numbered(before+3))
			if before > 0 && (syncs["sync"+poisoned] > 1 || syncs["write"+poisoned] > 1) {
				t.Fatalf("%s: the failed file was used again: %v", op, syncs)
			}
			fsys.setFault(nil)
			got, _ := read(t, j, 0)
			wantNumbered(t, got, 0, before+4)
			again := mustOpen(t, small(fsys.kill()))
			got, _ = read(t, again, 0)
			wantNumbered(t, got, 0, before+4)
			if st := j.Stats(); st.LostRecords != 0 || st.Refused != 0 {
				t.Fatalf("stats %+v", st)
			}
			mustClose(t, j)
		}
	}
}

func TestADiskThatKeepsFailingRefusesAndRecoversAlone(t *testing.T) {
	for _, c := range []struct {
		op   string
		err  error
		full bool
	}{
		{"sync", syscall.EIO, false},
		{"write", syscall.EIO, false},
		{"write", syscall.ENOSPC, true},
		{"allocate", syscall.ENOSPC, true},
		{"create", syscall.EDQUOT, true},
		{"create", syscall.EMFILE, false},
		{"rename", syscall.EIO, false},
		{"syncdir", syscall.EIO, false},
	} {
		fsys := newMemFS()
		j := mustOpen(t, small(fsys))
		n := 0
		for j.Stats().Segments < 2 {
			mustAppend(t, j, numbered(n))
			n++
		}
		fail, asked := failing(c.op, "", c.err, 1<<30)
		fsys.setFault(fail)
		// Larger than what is left in the segment, so that creating one is tried.
		for range 3 {
			_, err := j.Append(numberedRange(n, n+40))
			if !errors.Is(err, c.err) || errors.Is(err, ErrFull) != c.full {
				t.Fatalf("%s: %v", c.op, err)
			}
		}
		if asked() == 0 || j.Next() != uint64(n) || j.Stats().Refused != 120 {
			t.Fatalf("%s: next %d, stats %+v", c.op, j.Next(), j.Stats())
		}
		fsys.setFault(nil)
		mustAppend(t, j, numberedRange(n, n+40)...)
		got, _ := read(t, j, 0)
		wantNumbered(t, got, 0, n+40)
		mustClose(t, j)
		got, _ = read(t, mustOpen(t, small(fsys)), 0)
		wantNumbered(t, got, 0, n+40)
	}
}

func TestASmallAppendFitsWhereALargeOneWasRefused(t *testing.T) {
	cfg := small(newMemFS())
	cfg.MaxSize = 4 * minSegmentSize
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	mustAppend(t, j, numbered(0))
	if _, err := j.Append([]Record{{Value: make([]byte, 5*minSegmentSize)}}); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	mustAppend(t, j, numbered(1))
}

func TestAFullJournalRefusesAtOnceAndTakesMoreAfterTrim(t *testing.T) {
	cfg := small(newMemFS())
	cfg.MaxSize = 4 * minSegmentSize
	cfg.Retention = time.Hour
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	n := 0
	for range 3 {
		for ; ; n++ {
			if _, err := j.Append([]Record{numbered(n)}); errors.Is(err, ErrFull) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if _, err := j.Append(numberedRange(n, n+20)); !errors.Is(err, ErrFull) || time.Since(began) > 50*time.Millisecond {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		if st := j.Stats(); st.Bytes > cfg.MaxSize || st.Refused == 0 {
			t.Fatalf("stats %+v", st)
		}
		if err := errors.Join(j.SetPublished(j.Next()), j.Trim(time.Now(), false)); err != nil {
			t.Fatal(err)
		}
		if err := j.Room(); err != nil {
			t.Fatalf("no room after trimming: %v", err)
		}
	}
	got, _ := read(t, j, j.First())
	wantNumbered(t, got, int(j.First()), n)
}

func TestABlockTheDiskCannotReadIsSkippedAndOtherFailuresAreReported(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 60)
	for i := range shape {
		shape[i] = 1
	}
	shape.write(t, fsys, false)
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	fail, _ := failing("read", segmentName(0), syscall.ESTALE, 1)
	fsys.setFault(fail)
	next, err := j.Read(0, func(uint64, Record) bool { return true })
	if next != 0 || !errors.Is(err, syscall.ESTALE) || !strings.Contains(err.Error(), segmentName(0)) {
		t.Fatalf("next %d, %v", next, err)
	}
	fail, _ = failing("read", segmentName(0), syscall.EIO, 1<<30)
	fsys.setFault(fail)
	first := j.segments[1].base
	got, _ := read(t, j, 0)
	wantNumbered(t, got, int(first), 60)
	if st := j.Stats(); st.LostRecords != first || st.DamagedSegments != 1 {
		t.Fatalf("stats %+v", st)
	}
}

func TestOpenFailsWithTheReasonAndLetsGoOfTheFolder(t *testing.T) {
	fsys := newMemFS()
	calls{2}.write(t, fsys, false)
	for _, name := range []string{"published", segmentName(0)} {
		fail, _ := failing("open", name, syscall.EACCES, 1<<30)
		fsys.setFault(fail)
		if _, err := Open(small(fsys)); !errors.Is(err, syscall.EACCES) {
			t.Fatalf("%s: %v", name, err)
		}
		fsys.setFault(nil)
		mustClose(t, mustOpen(t, small(fsys)))
	}
}

func TestASegmentOfANewerProgramIsNotTouched(t *testing.T) {
	fsys := newMemFS()
	calls{2}.write(t, fsys, false)
	inode := fsys.file(t, 0)
	h, _ := parseSegmentHeader(inode.data)
	h.version++
	copy(inode.data, h.append(nil))
	before := clone(inode.data)
	if _, err := Open(small(fsys)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("got %v", err)
	}
	if string(before) != string(fsys.file(t, 0).data) {
		t.Fatal("the file was changed")
	}
}

func TestAnUnfinishedSegmentIsRemoved(t *testing.T) {
	fsys := newMemFS()
	calls{2}.write(t, fsys, false)
	name := filepath.Join(testDir, "00000000000000000002"+unfinishedSuffix)
	if _, err := fsys.Create(name); err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, mustOpen(t, small(fsys)), 0)
	wantNumbered(t, got, 0, 2)
	if fsys.files[name] != nil {
		t.Fatal("still there")
	}
}
