package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

const testDir = "/data"

// small is a configuration whose segments fill quickly.
func small(fsys FS) Config {
	return Config{Dir: testDir, SegmentSize: minSegmentSize, MaxSize: 1 << 20, FS: fsys}
}

func mustOpen(t testing.TB, cfg Config) *Journal {
	t.Helper()
	j, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return j
}

func mustAppend(t testing.TB, j *Journal, recs ...Record) uint64 {
	t.Helper()
	first, err := j.Append(recs)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return first
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// numbered is a record that can be told from others by n.
func numbered(n int) Record {
	return Record{
		Topic: uint8(n), Time: int64(n) * 1000, Key: fmt.Appendf(nil, "key-%d", n),
		Value:   bytes.Repeat([]byte{byte(n)}, 30+n%50),
		Headers: AppendHeaders(nil, Header{Key: "n", Value: fmt.Append(nil, n)}),
		Meta:    fmt.Appendf(nil, "meta-%d", n),
	}
}

func numberedRange(from, to int) []Record {
	var recs []Record
	for n := from; n < to; n++ {
		recs = append(recs, numbered(n))
	}
	return recs
}

func sameRecord(a, b Record) bool {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	return a.Topic == b.Topic && a.Time == b.Time && same(a.Key, b.Key) && same(a.Value, b.Value) &&
		same(a.Headers, b.Headers) && same(a.Meta, b.Meta)
}

// read returns what the reader has from `from` on, copied.
func read(t testing.TB, reader interface {
	Read(uint64, func(uint64, Record) bool) (uint64, error)
}, from uint64) (got map[uint64]Record, next uint64) {
	t.Helper()
	got = map[uint64]Record{}
	last := from
	next, err := reader.Read(from, func(seq uint64, r Record) bool {
		if seq < last {
			t.Fatalf("record %d follows %d", seq, last)
		}
		last = seq + 1
		got[seq] = Record{
			Topic: r.Topic, Time: r.Time, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value),
			Headers: bytes.Clone(r.Headers), Meta: bytes.Clone(r.Meta),
		}
		return true
	})
	if err != nil {
		t.Fatalf("Read from %d: %v", from, err)
	}
	return got, next
}

// wantNumbered checks that got is exactly numbered(seq) for seq in [from, to).
func wantNumbered(t testing.TB, got map[uint64]Record, from, to int) {
	t.Helper()
	if len(got) != to-from {
		t.Fatalf("read %d records, want %d", len(got), to-from)
	}
	for n := from; n < to; n++ {
		if r, ok := got[uint64(n)]; !ok || !sameRecord(r, numbered(n)) {
			t.Fatalf("record %d is %+v", n, r)
		}
	}
}

func TestWhatIsAppendedIsReadBackInOrderAcrossSegmentsAndRestarts(t *testing.T) {
	for _, batch := range []int{1, 2, 7, 20} {
		cfg := small(newMemFS())
		j := mustOpen(t, cfg)
		for n := 0; n < 200; n += batch {
			if first := mustAppend(t, j, numberedRange(n, n+batch)...); first != uint64(n) {
				t.Fatalf("first is %d, want %d", first, n)
			}
			if n%60 == 0 {
				mustClose(t, j)
				j = mustOpen(t, cfg)
			}
		}
		total := int(j.Next())
		for _, from := range []int{0, 1, 99, total - 1, total} {
			got, next := read(t, j, uint64(from))
			wantNumbered(t, got, from, total)
			if next != uint64(total) {
				t.Fatalf("next is %d, want %d", next, total)
			}
		}
		if st := j.Stats(); st.LostRecords != 0 || st.DamagedSegments != 0 || st.Segments < 3 {
			t.Fatalf("stats: %+v", st)
		}
		mustClose(t, j)
	}
}

func TestReadStopsWhereToldAndGoesOnFromThere(t *testing.T) {
	j := mustOpen(t, small(newMemFS()))
	defer mustClose(t, j)
	mustAppend(t, j, numberedRange(0, 50)...)
	var from uint64
	for n := range 50 {
		next, err := j.Read(from, func(seq uint64, r Record) bool {
			if seq != uint64(n) || !sameRecord(r, numbered(n)) {
				t.Fatalf("record %d: %+v", seq, r)
			}
			return false
		})
		if err != nil || next != uint64(n+1) {
			t.Fatalf("next %d, %v", next, err)
		}
		from = next
	}
}

func TestAppendCopiesAndKeepsNilApartFromEmpty(t *testing.T) {
	j := mustOpen(t, small(newMemFS()))
	defer mustClose(t, j)
	value := []byte("value")
	mustAppend(t, j,
		Record{Value: value},
		Record{Key: []byte{}, Value: []byte{}},
		Record{Topic: 255, Time: -1, Key: []byte("k")})
	copy(value, "XXXXX")
	got, _ := read(t, j, 0)
	want := []Record{
		{Value: []byte("value")},
		{Key: []byte{}, Value: []byte{}},
		{Topic: 255, Time: -1, Key: []byte("k")},
	}
	for i, w := range want {
		if !sameRecord(got[uint64(i)], w) {
			t.Errorf("record %d is %+v, want %+v", i, got[uint64(i)], w)
		}
	}
}

func TestAnEmptyAppendChangesNothing(t *testing.T) {
	j := mustOpen(t, small(newMemFS()))
	defer mustClose(t, j)
	mustAppend(t, j, numbered(0))
	if first := mustAppend(t, j); first != 1 || j.Next() != 1 {
		t.Fatalf("first %d, next %d", first, j.Next())
	}
}

func TestRecordsLargerThanASegmentGetTheirOwnAndTooLargeOnesAreRefused(t *testing.T) {
	cfg := small(newMemFS())
	cfg.MaxSize = 64 << 20
	j := mustOpen(t, cfg)
	defer mustClose(t, j)
	large := Record{Key: []byte("k"), Value: bytes.Repeat([]byte("x"), MaxRecord-64)}
	mustAppend(t, j, numbered(0))
	mustAppend(t, j, large)
	mustAppend(t, j, numbered(2))
	got, _ := read(t, j, 0)
	if len(got) != 3 || !sameRecord(got[1], large) || !sameRecord(got[2], numbered(2)) {
		t.Fatalf("read %d records", len(got))
	}
	large.Value = append(large.Value, bytes.Repeat([]byte("x"), 64)...)
	if _, err := j.Append([]Record{numbered(3), large}); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("record: %v", err)
	}
	large.Value = large.Value[:MaxRecord-64]
	many := make([]Record, 17)
	for i := range many {
		many[i] = large
	}
	if _, err := j.Append(many); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("call: %v", err)
	}
	if j.Next() != 3 {
		t.Fatalf("next is %d", j.Next())
	}
}

func TestWaitReturnsWhenTheRecordIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(newMemFS()))
		done := make(chan error, 1)
		go func() { done <- j.Wait(t.Context(), 1) }()
		synctest.Wait()
		mustAppend(t, j, numbered(0))
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("returned early: %v", err)
		default:
		}
		mustAppend(t, j, numbered(1))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := j.Wait(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("deadline: %v", err)
		}
		go func() { done <- j.Wait(t.Context(), 2) }()
		synctest.Wait()
		mustClose(t, j)
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Fatalf("closed: %v", err)
		}
	})
}

func TestAClosedJournalSaysSo(t *testing.T) {
	j := mustOpen(t, small(newMemFS()))
	mustAppend(t, j, numbered(0))
	mustClose(t, j)
	_, appendErr := j.Append([]Record{numbered(1)})
	_, readErr := j.Read(0, func(uint64, Record) bool { return true })
	for name, err := range map[string]error{
		"Append": appendErr, "Read": readErr, "Room": j.Room(), "SetPublished": j.SetPublished(1),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mustClose(t, j)
}

func TestFoldersAndFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "journal")
	j := mustOpen(t, Config{Dir: dir, SegmentSize: minSegmentSize})
	mustAppend(t, j, numbered(0))
	defer mustClose(t, j)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":          {},
		"tiny segments":      {Dir: "d", SegmentSize: 100},
		"tiny journal":       {Dir: "d", MaxSize: 100},
		"negative size":      {Dir: "d", MaxSize: -1},
		"negative retention": {Dir: "d", Retention: -time.Second},
	} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	got := Config{Dir: "d", SegmentSize: 1 << 20, MaxSize: 1 << 20}.withDefaults()
	if got.SegmentSize != 1<<18 || got.FS == nil || got.Now == nil {
		t.Errorf("defaults: %+v", got)
	}
}
