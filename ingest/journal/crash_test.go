package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
)

// crashRun appends from several goroutines to a journal whose disk fails now and
// then, until a chosen operation, where power is lost.
type crashRun struct {
	mu     sync.Mutex
	rng    *rand.Rand
	acked  map[uint32]uint64 // call -> first record, as acknowledged
	calls  uint32
	left   int // operations until the crash
	after  *memFS
	before map[uint32]uint64 // acked at the crash
}

// callRecords are the records of call number id: each names its call, its place
// and how many there are, and has some bulk.
func callRecords(id uint32, size int) []Record {
	recs := make([]Record, size)
	for i := range recs {
		value := binary.LittleEndian.AppendUint32(nil, id)
		value = append(value, byte(i), byte(size))
		recs[i] = Record{Key: []byte("k"), Value: append(value, bytes.Repeat([]byte{byte(id)}, int(id%150))...)}
	}
	return recs
}

// disk is the memFS's fault: it counts down to the crash, and fails some writes
// and syncs before.
func (c *crashRun) disk(fsys *memFS, op string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after != nil {
		return syscall.EIO
	}
	if c.left--; c.left <= 0 {
		c.before = make(map[uint32]uint64, len(c.acked))
		for id, first := range c.acked {
			c.before[id] = first
		}
		c.after = fsys.powerLoss(c.rng)
		return syscall.EIO
	}
	if c.rng.IntN(40) > 0 {
		return nil
	}
	switch op {
	case "sync", "write", "rename", "syncdir":
		return syscall.EIO
	case "allocate", "create":
		return syscall.ENOSPC
	}
	return nil
}

// crashed reports whether power is lost.
func (c *crashRun) crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after != nil
}

// next returns a new call.
func (c *crashRun) next() (uint32, []Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	return c.calls, callRecords(c.calls, 1+c.rng.IntN(5))
}

// run appends to j until the crash.
func (c *crashRun) run(j *Journal, fsys *memFS) {
	fsys.setFault(func(op, _ string) error { return c.disk(fsys, op) })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !c.crashed() {
				id, recs := c.next()
				first, err := j.Append(recs)
				if err != nil {
					continue
				}
				c.mu.Lock()
				c.acked[id] = first
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
	c.acked = c.before
}

// check reads everything and holds it against what was acknowledged.
func (c *crashRun) check(t *testing.T, j *Journal) {
	t.Helper()
	got, _ := read(t, j, 0)
	seen := map[uint32]int{}
	for seq, r := range got {
		id, index, size := binary.LittleEndian.Uint32(r.Value), int(r.Value[4]), int(r.Value[5])
		if !sameRecord(r, callRecords(id, size)[index]) {
			t.Fatalf("record %d is garbage: %+v", seq, r)
		}
		if first, ok := c.acked[id]; ok && first+uint64(index) != seq {
			t.Fatalf("call %d was acknowledged at %d and its record %d is at %d", id, first, index, seq)
		}
		if seen[id]++; index == size-1 {
			for back := range size {
				if _, ok := got[seq-uint64(back)]; !ok {
					t.Fatalf("call %d is torn", id)
				}
			}
		}
	}
	for id, n := range seen {
		if size := c.sizeOf(got, id); n%size != 0 {
			t.Fatalf("call %d: %d of %d records", id, n, size)
		}
	}
	for id := range c.acked {
		if seen[id] == 0 {
			t.Fatalf("call %d was acknowledged and is gone", id)
		}
	}
}

func (c *crashRun) sizeOf(got map[uint64]Record, id uint32) int {
	for _, r := range got {
		if binary.LittleEndian.Uint32(r.Value) == id {
			return int(r.Value[5])
		}
	}
	return 1
}

func TestNothingAcknowledgedIsLostAndNoAppendIsTornByPowerLoss(t *testing.T) {
	seeds := 80
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		fsys := newMemFS()
		c := &crashRun{rng: rand.New(rand.NewPCG(uint64(seed), 7)), acked: map[uint32]uint64{}}
		for range 4 {
			c.left, c.after = 5+c.rng.IntN(120), nil
			j := mustOpen(t, small(fsys))
			c.run(j, fsys)
			_ = j.Close() // its disk is gone
			fsys = c.after
			again := mustOpen(t, small(fsys))
			c.check(t, again)
			mustClose(t, again)
		}
	}
}

func TestARepairedJournalSurvivesAnotherPowerLossAtOnce(t *testing.T) {
	for seed := range 200 {
		rng := rand.New(rand.NewPCG(uint64(seed), 9))
		fsys := newMemFS()
		j := mustOpen(t, small(fsys))
		mustAppend(t, j, numberedRange(0, 5)...)
		var torn *memFS
		fsys.setFault(func(op, _ string) error {
			switch {
			case op != "sync" || torn != nil:
			case seed%2 == 0:
				torn = fsys.powerLoss(rng)
			default:
				torn = fsys.kill() // all is written, nothing is synced
			}
			return nil
		})
		mustAppend(t, j, numberedRange(5, 30)...)
		repaired := mustOpen(t, small(torn))
		got, next := read(t, repaired, 0)
		again := mustOpen(t, small(torn.powerLoss(rng)))
		after, nextAfter := read(t, again, 0)
		if next != nextAfter || len(got) != len(after) || next != 5 && next != 30 {
			t.Fatalf("seed %d: next %d then %d", seed, next, nextAfter)
		}
		wantNumbered(t, after, 0, int(next))
	}
}

func TestAKilledProcessLosesNothingAcknowledged(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	for n := range 100 {
		mustAppend(t, j, numbered(n))
		if err := j.SetPublished(uint64(n)); err != nil {
			t.Fatal(err)
		}
		again := mustOpen(t, small(fsys.kill()))
		got, _ := read(t, again, 0)
		wantNumbered(t, got, 0, n+1)
		if again.Published() != uint64(n) {
			t.Fatalf("published %d, want %d", again.Published(), n)
		}
		mustClose(t, again)
	}
	mustClose(t, j)
}

func TestTheCheckpointSurvivesAnyTornWrite(t *testing.T) {
	for seed := range 100 {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		fsys := newMemFS()
		j := mustOpen(t, small(fsys))
		mustAppend(t, j, numberedRange(0, 20)...)
		if err := errors.Join(j.SetPublished(5), j.Trim(j.cfg.Now(), false)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.SetPublished(9), j.SetPublished(3)); err != nil {
			t.Fatal(err)
		}
		after := mustOpen(t, small(fsys.powerLoss(rng)))
		if got := after.Published(); got != 5 && got != 9 {
			t.Fatalf("seed %d: published %d", seed, got)
		}
	}
}
