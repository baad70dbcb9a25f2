package publish

import (
	"errors"
	"fmt"
	"time"
)

// sweepEvery bounds how late a deadline is noticed.
const sweepEvery = 20 * time.Millisecond

// sweep hands failures to Deliver, in order, and gives up what is overdue. It
// sleeps while nothing is held.
func (p *Producer) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	ticking := true
	for {
		p.deliverReturns()
		switch busy := p.sweepNeeded(); {
		case busy && !ticking:
			ticker.Reset(sweepEvery)
			ticking = true
		case !busy && ticking:
			ticker.Stop()
			ticking = false
		}
		select {
		case <-p.attend:
		case now := <-ticker.C:
			p.expire(now)
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *Producer) sweepNeeded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeping = p.held > 0
	return p.sweeping
}

// deliverReturns empties the list of failures.
func (p *Producer) deliverReturns() {
	for {
		p.mu.Lock()
		batch := p.returns
		p.returns = nil
		p.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		p.cfg.Deliver(batch)
	}
}

// expire gives up every message whose deadline has passed, together with what
// waits behind it.
func (p *Producer) expire(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.topics {
		for _, part := range t.parts {
			if part.lane == nil && !part.idle() {
				notify(p.kick)
			}
			if !part.soonest.IsZero() && !now.Before(part.soonest) {
				p.expirePartLocked(part, now)
			}
		}
	}
}

func (p *Producer) expirePartLocked(part *partition, now time.Time) {
	b := &part.batch
	if part.busy() && !b.sealed {
		return // its lane is encoding: the next sweep is early enough
	}
	if overdue(b.deadline, now) && !b.abandoned {
		p.giveUpLocked(part, errLate)
		return
	}
	part.soonest = b.deadline
	for i, m := range part.queue {
		if overdue(m.Deadline, now) {
			p.failQueueLocked(part, i, errLate)
			part.stuck = part.stuck || !b.active()
			return
		}
		if !m.Deadline.IsZero() && (part.soonest.IsZero() || m.Deadline.Before(part.soonest)) {
			part.soonest = m.Deadline
		}
	}
}

func overdue(deadline, now time.Time) bool {
	return !deadline.IsZero() && !now.Before(deadline)
}

// giveUpLocked hands back the partition's batch and everything behind it, in
// order, so that whoever stores them elsewhere keeps their order. cause is the
// reason for what was surely not written.
func (p *Producer) giveUpLocked(part *partition, cause error) {
	unsent := cause
	if !errors.Is(cause, ErrUnavailable) {
		unsent = fmt.Errorf("%w: %w", ErrUnavailable, cause)
	}
	unknown := errLost
	if !errors.Is(cause, ErrUnavailable) {
		unknown = fmt.Errorf("%w: %w", ErrUnknown, cause)
	}
	p.handBackLocked(part, unsent, unknown)
}

func (p *Producer) handBackLocked(part *partition, unsent, unknown error) {
	b := &part.batch
	if part.busy() && !b.sealed {
		return // its lane gives it up after the attempt
	}
	behind := unsent
	if b.active() {
		result := unsent
		if b.unknown() {
			result, behind = unknown, errBehind
		}
		for _, m := range b.msgs {
			m.Err = result
			p.returnLocked(m)
		}
		p.releaseLocked(len(b.msgs))
		clear(b.msgs)
		b.msgs, b.deadline = b.msgs[:0], time.Time{}
		part.stuck = true
		if part.busy() {
			b.abandoned, part.flyer.hung = true, true
		} else {
			p.dropLocked(part)
		}
	}
	p.failQueueLocked(part, 0, behind)
	part.settled()
	part.soonest = time.Time{}
}

// failQueueLocked hands back what waits from index i on.
func (p *Producer) failQueueLocked(part *partition, i int, err error) {
	for _, m := range part.queue[i:] {
		m.Err = err
		p.returnLocked(m)
	}
	p.releaseLocked(len(part.queue) - i)
	clear(part.queue[i:])
	part.queue = part.queue[:i]
}

// giveUpAllLocked hands back everything, for Close and for an outage.
func (p *Producer) giveUpAllLocked(unsent, unknown error) {
	for _, t := range p.topics {
		for _, part := range t.parts {
			p.handBackLocked(part, unsent, unknown)
		}
	}
}

// returnLocked puts a failed message on its way to Deliver.
func (p *Producer) returnLocked(m *Message) {
	var no *RefusedError
	switch {
	case errors.As(m.Err, &no):
		p.count.refused++
	case errors.Is(m.Err, ErrUnknown):
		p.count.unknown++
	default:
		p.count.unsent++
	}
	p.returns = append(p.returns, m)
	notify(p.attend)
}

// releaseLocked counts n messages as no longer held.
func (p *Producer) releaseLocked(n int) {
	p.held -= n
	if p.held == 0 {
		notify(p.emptied)
	}
}

// noteLocked remembers the latest failure for Status.
func (p *Producer) noteLocked(err error, now time.Time) {
	p.lastErr, p.lastErrAt = err, now
}
