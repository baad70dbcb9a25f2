package journal

import (
	"errors"
	"os"
	"sync"
	"testing"
)

func TestConcurrentAppendsAreConsecutiveInsideAndDenseTogether(t *testing.T) {
	cfg := small(newMemFS())
	cfg.MaxSize = 64 << 20
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	const callers, each = 32, 30
	type outcome struct {
		id    uint32
		first uint64
	}
	var mu sync.Mutex
	var outcomes []outcome
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			last := uint64(0)
			for n := range each {
				id := uint32(c*each + n)
				first, err := j.Append(callRecords(id, 1+int(id)%4))
				if err != nil || n > 0 && first <= last {
					t.Errorf("call %d: %d after %d, %v", id, first, last, err)
					return
				}
				last = first
				mu.Lock()
				outcomes = append(outcomes, outcome{id, first})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, next := read(t, j, 0)
	total := 0
	for _, o := range outcomes {
		for i, want := range callRecords(o.id, 1+int(o.id)%4) {
			total++
			if !sameRecord(got[o.first+uint64(i)], want) {
				t.Fatalf("record %d of call %d is not at %d", i, o.id, o.first+uint64(i))
			}
		}
	}
	if st := j.Stats(); total != len(got) || next != uint64(total) || st.Appended != next || st.Fsyncs > callers*each {
		t.Fatalf("appended %d, read %d, stats %+v", total, len(got), st)
	}
}

// TestCallersShareOneSync holds the first sync back until everyone else waits:
// they must go out together.
func TestCallersShareOneSync(t *testing.T) {
	fsys := newMemFS()
	cfg := small(fsys)
	cfg.SegmentSize = 1 << 18
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	if err := j.Room(); err != nil {
		t.Fatal(err)
	}
	const callers = 50
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fsys.setFault(func(op, _ string) error {
		if op == "sync" {
			once.Do(func() { close(entered); <-release })
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { mustAppend(t, j, numbered(0)) })
	<-entered
	for n := range callers {
		wg.Go(func() { mustAppend(t, j, numbered(n)) })
	}
	for joined := 0; joined < callers; {
		j.mu.Lock()
		if j.filling != nil {
			joined = j.filling.count
		}
		j.mu.Unlock()
	}
	close(release)
	wg.Wait()
	if st := j.Stats(); st.Fsyncs != 2 || st.Appended != callers+1 {
		t.Fatalf("stats %+v", st)
	}
}

func TestAFailedGroupFailsForEveryCallerAndTheNextOneWorks(t *testing.T) {
	fsys := newMemFS()
	cfg := small(fsys)
	cfg.MaxSize = 8 << 20
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	mustAppend(t, j, numbered(0))
	fsys.setFault(func(op, _ string) error {
		if op == "sync" {
			return errors.New("no disk")
		}
		return nil
	})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if first, err := j.Append(numberedRange(1, 4)); err == nil {
				t.Errorf("acknowledged at %d", first)
			}
		})
	}
	wg.Wait()
	fsys.setFault(nil)
	if first := mustAppend(t, j, numbered(1)); first != 1 {
		t.Fatalf("first is %d", first)
	}
	got, _ := read(t, j, 0)
	wantNumbered(t, got, 0, 2)
}

func TestCloseWaitsForAppendsUnderWay(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var acked []uint64
	started := make(chan struct{}, 16)
	for range 16 {
		wg.Go(func() {
			started <- struct{}{}
			for {
				first, err := j.Append([]Record{{Value: []byte("v")}})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, first)
				mu.Unlock()
			}
		})
	}
	for range 16 {
		<-started
	}
	mustAppend(t, j, Record{Value: []byte("v")})
	mustClose(t, j)
	wg.Wait()
	got, _ := read(t, mustOpen(t, small(fsys)), 0)
	if len(got) != len(acked)+1 {
		t.Fatalf("%d acknowledged, %d there", len(acked)+1, len(got))
	}
}

func TestReadersTrimmersAndWritersGetAlong(t *testing.T) {
	cfg := small(diskFS{})
	cfg.Dir, cfg.MaxSize = t.TempDir(), 16*minSegmentSize
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	const total = 3000
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; n < total; {
			recs := numberedRange(n, n+1+n%5)
			switch _, err := j.Append(recs); {
			case err == nil:
				n += len(recs)
			case !errors.Is(err, ErrFull):
				t.Error(err)
				return
			}
		}
	})
	for next := uint64(0); next < total; {
		if err := j.Wait(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		was := next
		got, now := read(t, j, next)
		wantNumbered(t, got, int(was), int(now))
		next = now
		if err := errors.Join(j.SetPublished(next), j.Trim(j.cfg.Now(), false)); err != nil {
			t.Fatal(err)
		}
		if st := j.Stats(); st.LostRecords != 0 || st.Bytes > st.MaxBytes {
			t.Fatalf("stats %+v", st)
		}
	}
	wg.Wait()
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil || len(entries) > 18 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
}
