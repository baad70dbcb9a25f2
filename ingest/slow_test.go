package ingest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest/journal"
)

// stuckFS is the disk with a door: while it is shut, no sync returns.
type stuckFS struct {
	journal.FS
	mu   sync.Mutex
	door chan struct{}
}

type stuckFile struct {
	journal.File
	fs *stuckFS
}

func (f *stuckFS) shut() { f.mu.Lock(); f.door = make(chan struct{}); f.mu.Unlock() }
func (f *stuckFS) open() { f.mu.Lock(); close(f.door); f.door = nil; f.mu.Unlock() }

func (f *stuckFS) wait() {
	f.mu.Lock()
	door := f.door
	f.mu.Unlock()
	if door != nil {
		<-door
	}
}

func (f *stuckFS) Create(name string) (journal.File, error) {
	file, err := f.FS.Create(name)
	return stuckFile{file, f}, err
}

func (f stuckFile) Sync() error { f.fs.wait(); return f.File.Sync() }

func TestStuckDiskIsAnsweredWithinTheBudget(t *testing.T) {
	disk := &stuckFS{FS: journal.Disk()}
	sv := start(t, func(s *setup) {
		s.journal.FS = disk
		s.pipeline.Budgets.Request = 100 * time.Millisecond
	})
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=1"), 200, "accepted", "")
	disk.shut()
	began := time.Now()
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T2&commission=1"), 503, "", "unavailable")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T2&commission=1"), 503, "", "unavailable")
	expect(t, sv.get(demo+"commission=1"), 503, "", "unavailable")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=1"), 200, "duplicate", "repeat")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("four answers took %s", took)
	}
	disk.open()
	eventually(t, "the disk takes events again", func() bool {
		a := sv.get(demo + "click_id=c1&transaction_id=T3&commission=1")
		return a.status == 200
	})
	a := sv.get(demo + "click_id=c1&transaction_id=T2&commission=1")
	if a.status != 200 {
		t.Errorf("the event that was refused answers %d %s now", a.status, a.reason)
	}
}
