package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// Ack says what a 2xx means.
type Ack uint8

// AckHybrid is Kafka's acknowledgement by all in-sync replicas, or the local
// journal when Kafka does not answer within its budget. AckKafka is Kafka's
// only. AckJournal is the local journal, with publishing in the background;
// without Kafka it is the only one.
const (
	AckHybrid Ack = iota
	AckKafka
	AckJournal
)

// Budgets bound what one request may wait for.
type Budgets struct {
	// Store bounds one trip to the dedupe store (25 ms); then the event is
	// published unasked.
	Store time.Duration
	// ClaimWait bounds how long an arrival that another instance has open is
	// asked for again (50 ms); then it is published.
	ClaimWait time.Duration
	// Kafka bounds the wait for acknowledgement (2 s); then the event goes to
	// the journal.
	Kafka time.Duration
	// Request bounds the whole (5 s); then the answer is 503.
	Request time.Duration
}

// PipelineConfig joins the parts of a Pipeline. Store and Journal are needed;
// a nil Kafka makes the journal the topic.
type PipelineConfig struct {
	Ack     Ack
	Budgets Budgets
	Store   dedupe.Store
	Journal *journal.Journal
	Kafka   *publish.Config
	// Owner is this instance's number in the store: it must survive restarts
	// together with the journal.
	Owner uint32
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Alarm is told, at most once a second for each text, what an operator
	// should know. It must not block. Nil discards.
	Alarm func(what string, err error)
}

// Pipeline takes postbacks to their end. It may be used by any number of
// goroutines until Close.
type Pipeline struct {
	jobs    jobPool
	claims  *claimLane
	out     *outbox
	store   dedupe.Store
	budgets Budgets
	now     func() time.Time
	alarm   func(string, error)
	// stop ends what keeps a local store's state, kept is closed then.
	stop, kept chan struct{}
}

// Decision is the end of one postback. Reply, metrics and event log are made
// from this one value.
type Decision struct {
	Outcome schema.Outcome
	Reason  schema.Reason
	// Detail explains the reason to a person, Rule names the integration's rule
	// that refused.
	Detail, Rule string
	// EventID is the id of the event, if HasID.
	EventID schema.ID
	HasID   bool
	// Unresolved are the fields in which an unfilled macro stood.
	Unresolved network.FieldSet
	// UnknownStatus says that the preset does not know the status word.
	UnknownStatus bool
	Err           error
}

// Open starts the lanes. It recovers what the journal holds first, so that a
// repeat of what was answered before a crash is a duplicate.
func Open(cfg PipelineConfig) (*Pipeline, error) {
	if cfg.Store == nil || cfg.Journal == nil {
		return nil, errors.New("ingest: a store and a journal are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(string, error) {}
	}
	p := &Pipeline{
		store: cfg.Store, budgets: cfg.Budgets, now: cfg.Now, alarm: cfg.Alarm,
		stop: make(chan struct{}), kept: make(chan struct{}),
	}
	p.claims = newClaimLane(p, cfg.Owner)
	out, err := newOutbox(cfg, p.claims)
	if err != nil {
		return nil, err
	}
	p.out = out
	if err := p.recover(cfg); err != nil {
		return nil, fmt.Errorf("recovering the journal: %w", err)
	}
	p.out.start()
	go p.claims.run()
	if local, ok := p.store.(positioned); ok {
		go p.keep(local)
	} else {
		close(p.kept)
	}
	return p, nil
}

// Accept takes one postback to its end: it returns when the event is durable,
// known as a duplicate, set aside with a reason, or refused because nothing
// durable could be made of it.
func (p *Pipeline) Accept(in *Integration, req *Request) Decision {
	j := p.jobs.get()
	if d, ended := p.prepare(j, in, req); ended {
		p.jobs.put(j)
		return d
	}
	p.claims.enter(j)
	return p.await(j, req)
}

// prepare is Accept's first half: from the request to an encoded event that
// only lacks the verdict. It ends early with what is no event for the main
// topic, or not an event at all.
func (p *Pipeline) prepare(j *job, in *Integration, req *Request) (Decision, bool) {
	j.batch, j.replayed = req.batch, req.replay
	d, ended := j.consider(in, req, nil)
	j.unresolved = d.Unresolved
	if d.Outcome == schema.OutcomeQuarantined || d.Outcome == schema.OutcomeSkipped {
		d = p.setAside(j, req, d)
		d.Unresolved = j.unresolved
	}
	return d, ended
}

// consider is what Accept and Validate share: what the request says, whether its
// sender may say it, and what the rules think of it. It has no effect but on j.
// ended means that no event comes of it; else j is encoded.
func (j *job) consider(in *Integration, req *Request, trace *network.Trace) (d Decision, ended bool) {
	j.in = in
	result := in.normalizer.Normalize(&j.scratch, &req.Request, &j.event, trace)
	j.traceparent = j.event.Hold(req.Traceparent)
	d = Decision{Outcome: result.Outcome, Reason: result.Reason, Detail: result.Detail, Unresolved: result.Unresolved}
	if refusal := in.authorize(&j.scratch, req); refusal != schema.ReasonNone {
		d.Outcome, d.Reason, d.Detail = schema.OutcomeRefused, refusal, ""
		return d, true
	}
	switch result.Outcome {
	case schema.OutcomeIgnored, schema.OutcomeQuarantined:
		return d, true
	case schema.OutcomeTest:
		j.testify()
		return d, false
	}
	if refusal, ok := in.rules.Check(&j.event, result.Country); !ok {
		d.Outcome, d.Reason, d.Rule, d.Detail = schema.OutcomeSkipped, refusal.Reason, refusal.Rule, refusal.Detail
		return d, true
	}
	in.rules.Pay(&j.event)
	j.topic = TopicMain
	j.encode()
	return d, false
}

// await is Accept's second half: park, and turn the result into a Decision.
func (p *Pipeline) await(j *job, req *Request) Decision {
	if !j.wait(p.budgets.Request) {
		return p.late()
	}
	defer p.jobs.put(j)
	d := Decision{
		Outcome: j.outcome, Reason: j.reason, EventID: j.event.ID, HasID: true,
		Unresolved: j.unresolved, UnknownStatus: j.event.Status == schema.StatusUnknown, Err: j.err,
	}
	if refused, ok := errors.AsType[*publish.RefusedError](j.err); ok {
		j.err = nil
		aside := Decision{Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonPublishRefused, Detail: refused.Error()}
		return p.setAside(j, req, aside)
	}
	if j.err != nil {
		return unavailable(j.err)
	}
	if j.outcome == schema.OutcomeDuplicate && j.decision.SharedByClicks && !req.replay {
		aside := Decision{Outcome: schema.OutcomeDuplicate, Reason: schema.ReasonIDSharedByClicks, Detail: "one transaction id under several click ids"}
		if end := p.setAside(j, req, aside); end.Outcome == schema.OutcomeUnavailable {
			return end
		}
	}
	return d
}

// late ends a request whose budget is over before anything was durable.
func (p *Pipeline) late() Decision {
	return unavailable(fmt.Errorf("not durable within %s", p.budgets.Request))
}

func unavailable(err error) Decision {
	return Decision{Outcome: schema.OutcomeUnavailable, Reason: schema.ReasonUnavailable, Err: err}
}

// Close ends the lanes once no request is left in them: it writes what still
// waits, hands the store its marks and lets go of Kafka. It returns an error
// that says what is left when ctx ends first.
func (p *Pipeline) Close(ctx context.Context) error {
	p.claims.close()
	err := errors.Join(p.out.close(ctx), p.claims.drained(ctx))
	close(p.stop)
	<-p.kept
	return err
}
