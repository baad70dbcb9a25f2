package ingest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/schema"
)

const (
	// maxTrip bounds the arrivals of one trip to the store.
	maxTrip = 1024
	// marksRest is how long marks wait for a claim trip to ride on.
	marksRest = 2 * time.Millisecond
)

// claimLane asks the dedupe store for many requests in one trip, and knows
// what is open in this process: an arrival whose state is open already joins
// it and shares its end; another state of the same conversion waits until the
// first has ended, so that it finds it as its previous state.
type claimLane struct {
	p     *Pipeline
	owner uint32

	mu     sync.Mutex
	open   map[dedupe.Key]*job
	queue  []*job
	marks  []dedupe.Mark
	closed bool
	// logged is the journal's sequence number below which every record's mark
	// was queued here; given is the same for marks the store has taken.
	logged uint64
	given  atomic.Uint64

	signal chan struct{}
	done   chan struct{}

	trips, failures atomic.Uint64
	// What follows is the lane's own, reused from trip to trip.
	out            []dedupe.Claim
	arrivals       []dedupe.Arrival
	publish, ended []*job
	timer          *time.Timer
}

func newClaimLane(p *Pipeline, owner uint32) *claimLane {
	return &claimLane{
		p: p, owner: owner,
		open:   make(map[dedupe.Key]*job),
		signal: make(chan struct{}, 1),
		done:   make(chan struct{}),
		timer:  time.NewTimer(marksRest),
	}
}

// enter gives a prepared job to the lanes. What is not for the main topic has
// no state and goes straight to the outbox.
func (l *claimLane) enter(j *job) {
	if j.topic != TopicMain {
		l.p.out.put([]*job{j})
		return
	}
	j.slot = j.arrival.Key
	l.mu.Lock()
	leader, busy := l.open[j.slot]
	switch {
	case busy && leader.arrival.Print == j.arrival.Print:
		j.next, leader.followers = leader.followers, j
	case busy:
		leader.behind = appendJob(leader.behind, j)
	default:
		l.open[j.slot] = j
		l.queue = append(l.queue, j)
	}
	l.mu.Unlock()
	l.poke()
}

func (l *claimLane) poke() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// run is the lane: take what waits, ask once for all, judge each answer, hand
// what must be published to the outbox and wake the duplicates.
func (l *claimLane) run() {
	defer close(l.done)
	var jobs []*job
	var marks []dedupe.Mark
	for {
		var more bool
		var logged uint64
		jobs, marks, logged, more = l.take(jobs[:0], marks[:0])
		if len(jobs)+len(marks) > 0 {
			err := l.trip(jobs, marks)
			if err == nil {
				l.given.Store(logged)
			}
			l.publish, l.ended = l.p.judgeAll(jobs, l.out, err, l.publish[:0], l.ended[:0])
			l.p.out.put(l.publish)
			l.finish(l.ended)
		}
		if !more {
			return
		}
	}
}

// take waits for work and returns a trip's worth of it. Marks alone wait a
// moment for claims to ride with. more is false when the lane is closed and
// empty.
func (l *claimLane) take(jobs []*job, marks []dedupe.Mark) (_ []*job, _ []dedupe.Mark, logged uint64, more bool) {
	rested := false
	for {
		l.mu.Lock()
		n := min(len(l.queue), maxTrip)
		if n > 0 || rested || l.closed {
			jobs = append(jobs, l.queue[:n]...)
			l.queue = append(l.queue[:0], l.queue[n:]...)
			marks = append(marks, l.marks...)
			l.marks = l.marks[:0]
			logged = l.logged
			more = !l.closed || len(l.queue) > 0 || len(l.open) > 0
			l.mu.Unlock()
			if len(jobs)+len(marks) > 0 || !more {
				return jobs, marks, logged, more
			}
			rested = false
		} else {
			rested = len(l.marks) > 0
			l.mu.Unlock()
		}
		l.rest(rested)
	}
}

// rest waits for a poke, with marks in hand no longer than they may rest.
func (l *claimLane) rest(haveMarks bool) {
	if !haveMarks {
		<-l.signal
		return
	}
	l.timer.Reset(marksRest)
	select {
	case <-l.signal:
	case <-l.timer.C:
	}
}

// trip asks the store, which holds itself to its budget and keeps marks that it
// could not write now.
func (l *claimLane) trip(jobs []*job, marks []dedupe.Mark) error {
	l.arrivals = l.arrivals[:0]
	for _, j := range jobs {
		l.arrivals = append(l.arrivals, j.arrival)
	}
	for len(l.out) < len(jobs) {
		l.out = append(l.out, dedupe.Claim{})
	}
	l.trips.Add(1)
	err := l.p.store.Claim(context.Background(), marks, l.arrivals, l.out[:len(jobs)])
	if err != nil {
		l.failures.Add(1)
		l.p.alarm("the dedupe store does not answer; events are published unasked", err)
	}
	return err
}

// mark queues marks for the next trip.
func (l *claimLane) mark(marks []dedupe.Mark) {
	l.mu.Lock()
	l.marks = append(l.marks, marks...)
	l.mu.Unlock()
	l.poke()
}

// finish ends jobs: what became durable is marked, their keys are free for the
// next state, and everybody who waited is woken. A mark is queued under the
// same lock that frees the key, so a repeat that comes now finds it.
func (l *claimLane) finish(jobs []*job) { l.finishLogged(jobs, 0) }

// finishLogged is finish for what the journal holds up to a sequence number.
func (l *claimLane) finishLogged(jobs []*job, logged uint64) {
	if len(jobs) == 0 {
		return
	}
	var followers *job
	l.mu.Lock()
	for _, j := range jobs {
		if !j.tracked() {
			continue
		}
		if j.err == nil && j.standing != dedupe.StandingOpen && !j.decision.Duplicate {
			l.marks = append(l.marks, j.mark(l.owner))
		}
		followers = l.releaseLocked(j, followers)
	}
	l.logged = max(l.logged, logged)
	l.mu.Unlock()
	l.poke()
	for _, j := range jobs {
		j.wake()
	}
	for f := followers; f != nil; {
		next := f.next
		f.wake()
		f = next
	}
}

// releaseLocked frees j's key: the first of what waited behind it takes its
// place, and followers share its end; they are put before woken.
func (l *claimLane) releaseLocked(j, woken *job) *job {
	for f := j.followers; f != nil; {
		next := f.next
		f.share(j)
		f.next, woken = woken, f
		f = next
	}
	j.followers = nil
	heir := j.behind
	j.behind = nil
	if heir == nil {
		delete(l.open, j.slot)
		return woken
	}
	rest := heir.next
	heir.next = nil
	l.open[heir.slot] = heir
	l.queue = append(l.queue, heir)
	for rest != nil {
		next := rest.next
		rest.next = nil
		if rest.arrival.Print == heir.arrival.Print {
			rest.next, heir.followers = heir.followers, rest
		} else {
			heir.behind = appendJob(heir.behind, rest)
		}
		rest = next
	}
	return woken
}

// share gives a follower the end of the job it joined. Within one batch it is
// a repeat, as if the two had been sent one after another.
func (j *job) share(leader *job) {
	j.outcome, j.reason, j.err = leader.outcome, leader.reason, leader.err
	j.event.ID = leader.event.ID
	if j.batch != nil && j.batch == leader.batch && leader.err == nil {
		j.outcome, j.reason = schema.OutcomeDuplicate, schema.ReasonRepeat
	}
}

// askAgain brings a job back whose state is open elsewhere.
func (l *claimLane) askAgain(j *job, after time.Duration) {
	time.AfterFunc(after, func() { l.requeue(j) })
}

// requeue brings a job back for another trip. It keeps its place in open.
func (l *claimLane) requeue(j *job) {
	l.mu.Lock()
	l.queue = append(l.queue, j)
	l.mu.Unlock()
	l.poke()
}

func appendJob(list, j *job) *job {
	if list == nil {
		return j
	}
	last := list
	for last.next != nil {
		last = last.next
	}
	last.next = j
	return list
}

// settle hands the store the marks that are waiting for a trip, so that a look
// finds what was answered a moment ago.
func (l *claimLane) settle(ctx context.Context) {
	l.mu.Lock()
	marks := l.marks
	l.marks = nil
	l.mu.Unlock()
	if len(marks) == 0 {
		return
	}
	if err := l.p.store.Claim(ctx, marks, nil, nil); err != nil {
		l.failures.Add(1)
	}
}

func (l *claimLane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.poke()
}

// drained waits until the lane has ended and gives the store its last marks.
func (l *claimLane) drained(ctx context.Context) error {
	select {
	case <-l.done:
	case <-ctx.Done():
		return errors.New("requests are still waiting for the dedupe store")
	}
	l.settle(ctx)
	return nil
}
