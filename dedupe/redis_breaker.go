package dedupe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	breakerLimit = 3 // failures in a row
	probeEvery   = 250 * time.Millisecond
	maxWaiting   = 1 << 16 // marks kept while Redis is away
)

// breaker remembers whether Redis is worth asking.
type breaker struct {
	open atomic.Bool
	mu   sync.Mutex
	row  int
	last error
}

func (b *breaker) away() bool { return b.open.Load() }

func (b *breaker) good() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.row = 0
}

// bad counts a failure; true when that opens the breaker, and a probe must be started.
func (b *breaker) bad(err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.row++
	b.last = err
	return b.row >= breakerLimit && !b.open.Swap(true)
}

func (b *breaker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.row = 0
	b.open.Store(false)
}

func (b *breaker) reason() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Errorf("%w, last error: %w", ErrUnavailable, b.last)
}

func (r *Redis) startProbe() {
	r.ending.Lock()
	defer r.ending.Unlock()
	if r.life.Err() == nil {
		r.probes.Go(r.probe)
	}
}

// probe asks until Redis answers in time, so that no request pays for finding out.
func (r *Redis) probe() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.life.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(r.life, r.budget)
		err := r.client.Ping(ctx).Err()
		cancel()
		if err == nil {
			r.breaker.close()
			return
		}
	}
}

// backlog keeps the marks that could not be written, oldest first.
type backlog struct {
	mu      sync.Mutex
	marks   []Mark
	dropped uint64
}

// put adds copies of marks; beyond the bound the oldest are given up.
func (w *backlog) put(marks []Mark) {
	if len(marks) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = append(w.marks, marks...)
	if over := len(w.marks) - maxWaiting; over > 0 {
		w.marks = append(w.marks[:0], w.marks[over:]...)
		w.dropped += uint64(over)
	}
}

// take removes and returns the oldest n.
func (w *backlog) take(n int) []Mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.marks))
	if n == 0 {
		return nil
	}
	taken := append([]Mark(nil), w.marks[:n]...)
	w.marks = append(w.marks[:0], w.marks[n:]...)
	return taken
}

// with returns what waits and then marks, n at most; the rest waits.
func (w *backlog) with(marks []Mark, n int) []Mark {
	old := w.take(n)
	if len(old) == 0 && len(marks) <= n {
		return marks
	}
	fits := min(n-len(old), len(marks))
	w.put(marks[fits:])
	return append(old, marks[:fits]...)
}

func (w *backlog) counts() (waiting int, dropped uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.marks), w.dropped
}
