package journal

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// clock is a time that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// aged returns a journal of records 0 to n-1, one appended a minute.
func aged(t *testing.T, n int, retention time.Duration) (*Journal, *memFS, *clock) {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	fsys := newMemFS()
	fsys.now = c.now
	cfg := small(fsys)
	cfg.Now, cfg.Retention = c.now, retention
	j := mustOpen(t, cfg)
	for i := range n {
		mustAppend(t, j, numbered(i))
		c.at = c.at.Add(time.Minute)
	}
	return j, fsys, c
}

func TestTrimDeletesWhatIsPublishedAndOld(t *testing.T) {
	for _, c := range []struct {
		name      string
		published uint64
		embedded  bool
		retention time.Duration
		age       time.Duration
		deletes   bool
	}{
		{"published and old", 200, false, time.Hour, 2 * time.Hour, true},
		{"published and young", 200, false, 10 * time.Hour, 0, false},
		{"published, no retention", 200, false, 0, 0, true},
		{"old but not published", 0, false, time.Hour, 100 * time.Hour, false},
		{"only the first record published", 1, false, time.Hour, 100 * time.Hour, false},
		{"embedded and old", 0, true, time.Hour, 2 * time.Hour, true},
		{"embedded and young", 0, true, 10 * time.Hour, 0, false},
		{"embedded without retention", 0, true, 0, 1000 * time.Hour, false},
	} {
		j, _, clock := aged(t, 200, c.retention)
		if err := j.SetPublished(c.published); err != nil {
			t.Fatal(err)
		}
		clock.at = clock.at.Add(c.age)
		if err := j.Trim(clock.at, c.embedded); err != nil {
			t.Fatal(err)
		}
		first := int(j.First())
		if (first > 0) != c.deletes {
			t.Errorf("%s: first is %d", c.name, first)
		}
		got, _ := read(t, j, 0)
		wantNumbered(t, got, first, 200)
		mustClose(t, j)
	}
}

func TestTrimKeepsYoungSegmentsAlsoAfterARestart(t *testing.T) {
	j, fsys, clock := aged(t, 200, time.Hour)
	mustClose(t, j)
	cfg := small(fsys)
	cfg.Now, cfg.Retention = clock.now, time.Hour
	j = mustOpen(t, cfg)
	defer mustClose(t, j)
	if err := j.Trim(clock.at, true); err != nil {
		t.Fatal(err)
	}
	// Records 140 and later are younger than an hour; their segments stay.
	if first := j.First(); first == 0 || first > 140 || j.segments[1].base <= 139 {
		t.Fatalf("first is %d, then %d", first, j.segments[1].base)
	}
}

func TestNumbersGoOnAfterEverythingWasTrimmed(t *testing.T) {
	j, fsys, clock := aged(t, 100, 0)
	if err := errors.Join(j.SetPublished(100), j.Trim(clock.at, false)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	j = mustOpen(t, small(fsys.powerLossNone()))
	defer mustClose(t, j)
	if st := j.Stats(); st.Segments != 1 || st.Pending != 0 || st.Next != 100 || !st.OldestPending.IsZero() {
		t.Fatalf("stats %+v", st)
	}
	if first := mustAppend(t, j, numbered(100)); first != 100 {
		t.Fatalf("first is %d", first)
	}
}

// powerLossNone is a power failure that loses whatever is not synced.
func (m *memFS) powerLossNone() *memFS {
	after := m.kill()
	after.files = map[string]*memInode{}
	for name, inode := range after.durable {
		inode.data, inode.dirty = clone(inode.synced), map[int64]bool{}
		after.files[name] = inode
	}
	return after
}

func TestAFailedTrimKeepsTheSegmentAndReportsIt(t *testing.T) {
	j, fsys, clock := aged(t, 100, 0)
	defer mustClose(t, j)
	if err := j.SetPublished(100); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"sync", "remove"} {
		fail, _ := failing(op, "", syscall.EROFS, 1)
		fsys.setFault(fail)
		if err := j.Trim(clock.at, false); !errors.Is(err, syscall.EROFS) {
			t.Fatalf("%s: %v", op, err)
		}
		got, _ := read(t, j, 0)
		wantNumbered(t, got, 0, 100)
	}
	fsys.setFault(nil)
	if err := j.Trim(clock.at, false); err != nil || j.First() == 0 {
		t.Fatalf("first is %d, %v", j.First(), err)
	}
}

func TestStatsTellWhatIsPending(t *testing.T) {
	j, _, _ := aged(t, 100, 0)
	defer mustClose(t, j)
	for _, published := range []uint64{0, 1, 50, 99, 100} {
		if err := j.SetPublished(published); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			st := j.Stats()
			want := time.UnixMilli(int64(published) * 1000)
			if published == 100 {
				want = time.Time{}
			}
			if st.Published != published || st.Pending != 100-published || !st.OldestPending.Equal(want) {
				t.Fatalf("published %d: %+v", published, st)
			}
		}
	}
	if err := j.SetPublished(101); err == nil {
		t.Fatal("a record to come was marked published")
	}
	if err := j.SetPublished(7); err != nil || j.Published() != 100 {
		t.Fatalf("the checkpoint went back to %d, %v", j.Published(), err)
	}
}

func TestSpansMergeAndCount(t *testing.T) {
	var s spans
	for _, r := range []span{{10, 20}, {30, 40}, {15, 18}, {20, 25}, {5, 10}, {30, 40}, {50, 51}} {
		s.add(r.from, r.to)
	}
	want := spans{{5, 25}, {30, 40}, {50, 51}}
	if len(s) != len(want) || s.count() != 31 {
		t.Fatalf("got %v", s)
	}
	for i := range want {
		if s[i] != want[i] {
			t.Fatalf("got %v", s)
		}
	}
}
