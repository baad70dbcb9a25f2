package ingest

import (
	"sync"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// The topics, as journal.Record.Topic numbers them.
const (
	TopicMain uint8 = iota
	TopicFailed
	TopicTest
)

// job is one event on its way. The request's goroutine fills it and gives it
// to the lanes with enter; from then on it is theirs until wake, and they do
// not touch it afterwards. A job whose request ran out of time is abandoned:
// the lanes may still finish it, so it is left to the garbage collector.
type job struct {
	event   schema.Event
	scratch network.Scratch
	in      *Integration

	topic   uint8
	arrival dedupe.Arrival
	// slot is the key under which the claim lane knows the job as open. It
	// stays when a hot transaction id makes the job another conversion.
	slot     dedupe.Key
	decision dedupe.Decision
	// asked counts how often a claim that is open elsewhere was asked again.
	asked int

	message publish.Message
	key     []byte
	headers []byte
	value   []byte
	meta    []byte
	// body is the length of the part of value that was encoded before dedupe
	// had spoken, for the event id bodyID.
	body   int
	bodyID schema.ID

	traceparent string
	unresolved  network.FieldSet
	batch       *batchGroup
	// replayed goes into the event; again says that the record was published
	// before and carries no state.
	replayed, again bool

	outcome  schema.Outcome
	reason   schema.Reason
	standing dedupe.Standing
	err      error

	// followers arrived with the same state of the same conversion while this
	// job was open, behind are other states of it: both are guarded by the
	// claim lane's lock and linked through next.
	followers, behind *job
	next              *job

	woken chan struct{}
	timer *time.Timer
}

type jobPool struct{ pool sync.Pool }

func (p *jobPool) get() *job {
	if j, ok := p.pool.Get().(*job); ok {
		return j
	}
	j := &job{woken: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	j.timer.Stop()
	return j
}

// put takes back a job that the lanes are done with.
func (p *jobPool) put(j *job) {
	const keep = 64 << 10
	if cap(j.value) > keep {
		return
	}
	j.event.Reset()
	*j = job{
		event: j.event, scratch: j.scratch,
		key: j.key[:0], headers: j.headers[:0], value: j.value[:0], meta: j.meta[:0],
		woken: j.woken, timer: j.timer,
	}
	p.pool.Put(j)
}

// tracked reports whether the store is to remember the job's event.
func (j *job) tracked() bool { return j.topic == TopicMain && !j.again }

// wake hands the job back to its request.
func (j *job) wake() { j.woken <- struct{}{} }

// wait parks until the job is woken or the budget is over.
func (j *job) wait(budget time.Duration) bool {
	j.timer.Reset(budget)
	select {
	case <-j.woken:
		j.timer.Stop()
		return true
	case <-j.timer.C:
		return false
	}
}

// record gives the job's record; its slices belong to the job.
func (j *job) record() journal.Record {
	return journal.Record{
		Topic: j.topic, Time: j.event.ReceivedMS,
		Key: j.key, Value: j.value, Headers: j.headers, Meta: j.meta,
	}
}

// fail ends the job without anything durable.
func (j *job) fail(err error) {
	j.err = err
	j.outcome, j.reason = schema.OutcomeUnavailable, schema.ReasonUnavailable
}
