package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
)

// outbox makes events durable: Kafka first, the journal else. What it is given
// comes back through finish exactly once.
//
// Order: while older events of this instance wait in the journal, newer ones
// queue behind them (course spooling). When the drain has nearly caught up,
// newer ones are held for the moment it takes to finish (course closing), and
// then go to Kafka directly again.
type outbox struct {
	ack     Ack
	budgets Budgets
	claims  *claimLane
	journal *journal.Journal
	kafka   *publish.Producer
	now     func() time.Time
	alarm   func(string, error)
	// kept is the standing of an event in the journal: done where the journal
	// is the topic.
	kept dedupe.Standing

	mu     sync.Mutex
	course course
	held   []*job // while closing
	queue  []*job // for the journal
	spare  []*job // the lane's other queue, empty
	busy   bool   // the journal lane is writing what it took from queue
	closed bool
	signal chan struct{}
	ended  chan struct{}

	drain *drain

	spooled, refused atomic.Uint64
}

// course says which way new events take.
type course uint8

const (
	direct course = iota
	spooling
	closing
)

var (
	errJournal     = errors.New("the journal did not take the event")
	errKafkaNeeded = errors.New("kafka did not acknowledge, and ack is kafka")
)

func newOutbox(cfg PipelineConfig, claims *claimLane) (*outbox, error) {
	o := &outbox{
		ack: cfg.Ack, budgets: cfg.Budgets, claims: claims, journal: cfg.Journal,
		now: cfg.Now, alarm: cfg.Alarm, kept: dedupe.StandingJournaled,
		signal: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if cfg.Kafka == nil {
		o.ack, o.kept, o.course = AckJournal, dedupe.StandingDone, spooling
		return o, nil
	}
	kafka := *cfg.Kafka
	kafka.Deliver = o.deliver
	if err := kafka.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	o.kafka = publish.New(kafka)
	o.drain = newDrain(o)
	if o.ack == AckJournal || o.ack == AckHybrid && o.behind() {
		o.course = spooling
	}
	return o, nil
}

// behind reports whether events wait in the journal for Kafka.
func (o *outbox) behind() bool { return o.journal.Published() < o.journal.Next() }

func (o *outbox) start() {
	go o.run()
	if o.kafka != nil {
		o.kafka.Start(context.Background())
		go o.drain.run()
	}
}

// put takes events on their way to durability. It does not block.
func (o *outbox) put(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	for _, j := range jobs {
		j.seal(o.claims.owner, o.kept)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.putLocked(jobs)
}

func (o *outbox) putLocked(jobs []*job) {
	switch o.course {
	case direct:
		o.sendLocked(jobs)
	case spooling:
		o.spoolLocked(jobs)
	case closing:
		o.held = append(o.held, jobs...)
	}
}

// sendLocked hands events to Kafka's lanes, which answer through deliver.
func (o *outbox) sendLocked(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	deadline := o.now().Add(o.budgets.Kafka)
	batch := make([]*publish.Message, len(jobs))
	for i, j := range jobs {
		j.message = publish.Message{Record: j.record(), Deadline: deadline, User: j}
		batch[i] = &j.message
	}
	o.kafka.Send(batch)
}

// spoolLocked queues events for the journal, except where only Kafka counts.
func (o *outbox) spoolLocked(jobs []*job) {
	if o.ack == AckKafka {
		for _, j := range jobs {
			j.fail(errKafkaNeeded)
		}
		go o.claims.finish(jobs)
		return
	}
	o.queue = append(o.queue, jobs...)
	o.poke()
}

func (o *outbox) poke() {
	select {
	case o.signal <- struct{}{}:
	default:
	}
}

// deliver takes Kafka's answers: acknowledged events are done, refused ones go
// back to their request, which sets them aside, and all others go the way of
// the journal.
func (o *outbox) deliver(batch []*publish.Message) {
	var finished, failed []*job
	var cause error
	for _, m := range batch {
		j, ok := m.User.(*job)
		if !ok {
			o.drain.delivered(m)
			continue
		}
		var refused *publish.RefusedError
		switch {
		case m.Err == nil:
			j.standing = dedupe.StandingDone
			finished = append(finished, j)
		case errors.As(m.Err, &refused):
			o.refused.Add(1)
			j.err = refused
			finished = append(finished, j)
		default:
			failed, cause = append(failed, j), m.Err
		}
	}
	if len(failed) > 0 {
		o.fallBack(failed, cause)
	}
	o.claims.finish(finished)
}

// fallBack sends events that Kafka did not acknowledge to the journal, and all
// that come after them too, until the drain has caught up.
func (o *outbox) fallBack(failed []*job, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ack == AckKafka {
		o.alarm("kafka does not acknowledge; requests are answered 503", cause)
	} else {
		o.alarm("kafka does not acknowledge; events go to the journal", cause)
		o.course = spooling
		failed = append(failed, o.held...)
		o.held = nil
	}
	o.spoolLocked(failed)
}

// run is the journal's lane: what waits is written with one fsync. While that
// runs, the next group fills.
func (o *outbox) run() {
	defer close(o.ended)
	var records []journal.Record
	for {
		jobs, more := o.take()
		if len(jobs) > 0 {
			records = records[:0]
			for _, j := range jobs {
				records = append(records, j.record())
			}
			first, err := o.journal.Append(records)
			o.written(jobs, first+uint64(len(jobs)), err)
		}
		if !more {
			return
		}
	}
}

func (o *outbox) take() (jobs []*job, more bool) {
	for {
		o.mu.Lock()
		if len(o.queue) > 0 || o.closed {
			jobs, o.queue, o.spare = o.queue, o.spare, nil
			o.busy = len(jobs) > 0
			more = !o.closed || len(jobs) > 0
			o.mu.Unlock()
			return jobs, more
		}
		o.mu.Unlock()
		<-o.signal
	}
}

// written ends a group that the journal took, up to the sequence number next, or
// refused.
func (o *outbox) written(jobs []*job, next uint64, err error) {
	if err != nil {
		o.alarm("the journal takes nothing; requests are answered 503", err)
	}
	for _, j := range jobs {
		if err != nil {
			j.fail(fmt.Errorf("%w: %w", errJournal, err))
			continue
		}
		j.standing = o.kept
	}
	if err == nil {
		o.spooled.Add(uint64(len(jobs)))
	}
	o.mu.Lock()
	o.busy = false
	o.mu.Unlock()
	if err != nil {
		next = 0
	}
	o.claims.finishLogged(jobs, next)
	clear(jobs)
	o.mu.Lock()
	o.spare = jobs[:0]
	o.mu.Unlock()
}

// approach tells the outbox how much the drain has left. Near the end new
// events wait for the moment it takes to finish.
func (o *outbox) approach(left uint64) {
	const near = 4096
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.course == spooling && o.ack == AckHybrid && left <= near {
		o.course = closing
	}
}

// caughtUp is the drain's word that the journal is empty. If that still holds,
// new events go to Kafka directly again, those that waited first.
func (o *outbox) caughtUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.course == direct || o.ack != AckHybrid || len(o.queue) > 0 || o.busy || o.behind() {
		return
	}
	o.course = direct
	held := o.held
	o.held = nil
	o.sendLocked(held)
}

// reopen gives up on closing: the drain cannot go on.
func (o *outbox) reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.course != closing {
		return
	}
	o.course = spooling
	held := o.held
	o.held = nil
	o.spoolLocked(held)
}

// close writes what waits, stops the drain and lets go of Kafka. Events that
// stay in the journal are not lost; the next start drains them.
func (o *outbox) close(ctx context.Context) error {
	var errs []error
	if o.drain != nil {
		o.drain.stop()
		errs = append(errs, o.kafka.Close(ctx))
	}
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.poke()
	select {
	case <-o.ended:
	case <-ctx.Done():
		errs = append(errs, errors.New("events are still waiting for the journal"))
	}
	return errors.Join(errs...)
}
