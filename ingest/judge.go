package ingest

import (
	"crypto/rand"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// askAfter are the moments, counted from the first answer, at which an arrival
// that another instance has open is asked for again.
var askAfter = [...]time.Duration{5 * time.Millisecond, 15 * time.Millisecond, 50 * time.Millisecond}

// encode builds what can be built before dedupe has spoken: key, and the event
// under the id it will most probably have.
func (j *job) encode() {
	e := &j.event
	j.arrive()
	j.name(e.FirstID())
	j.key = e.AppendKey(j.key[:0])
}

// arrive fills what the state machine needs to know of the event.
func (j *job) arrive() {
	e := &j.event
	j.arrival = dedupe.Arrival{
		Key: e.Identity.Key(), Print: dedupe.Print(e.Print), Policy: &j.in.policy,
		Fallback: e.KeyKind == schema.KeyFallback, Class: classes[e.Status],
		HasAmount: e.Commission.State == money.OK, Delta: e.Delta,
		Exponent: e.Exponent, Currency: dedupe.CurrencyOf(e.Currency), Amount: e.Commission.Micros,
		Click: schema.ClickHash(e.ClickID), Date: e.OccurredMS, Now: e.ReceivedMS,
	}
}

// name encodes the event's body under an id.
func (j *job) name(id schema.ID) {
	j.event.ID, j.bodyID = id, id
	j.value = j.event.AppendBody(j.value[:0])
	j.body = len(j.value)
}

// testify ends the way of test traffic before the claim: it has no state.
func (j *job) testify() {
	j.topic, j.outcome, j.reason = TopicTest, schema.OutcomeTest, schema.ReasonTestTraffic
	j.event.Verdict = schema.Verdict{Kind: schema.KindTest, Replayed: j.replayed}
	j.encode()
	j.complete()
}

// judgeAll appends what is to be published after the answers of one trip, and
// what has ended as a duplicate. A failed trip knows nothing about anybody.
func (p *Pipeline) judgeAll(jobs []*job, claims []dedupe.Claim, err error, publish, ended []*job) (_, _ []*job) {
	for i, j := range jobs {
		c := &claims[i]
		if err != nil {
			c.Unknown = true
		}
		j.decision = dedupe.Decide(c, &j.arrival)
		switch {
		case j.decision.Hot:
			p.alarm("one transaction id comes with many click ids and is treated as absent", nil)
			j.forgetTransaction()
			p.claims.requeue(j)
		case j.decision.Duplicate:
			j.repeat()
			ended = append(ended, j)
		case c.OpenSame && p.mayAskAgain(j):
			p.claims.askAgain(j, j.nextAsk())
		default:
			j.conclude()
			publish = append(publish, j)
		}
	}
	return publish, ended
}

func (p *Pipeline) mayAskAgain(j *job) bool {
	return j.asked < len(askAfter) && askAfter[j.asked] <= p.budgets.ClaimWait
}

func (j *job) nextAsk() time.Duration {
	at := askAfter[j.asked]
	if j.asked > 0 {
		at -= askAfter[j.asked-1]
	}
	j.asked++
	return at
}

// forgetTransaction treats the transaction id as absent: the conversion is
// identified by its content instead.
func (j *job) forgetTransaction() {
	j.event.KeyKind = schema.KeyFallback
	j.event.Identify()
	j.encode()
}

// repeat ends the job as a duplicate of an event that is durable.
func (j *job) repeat() {
	j.outcome, j.reason = schema.OutcomeDuplicate, schema.ReasonRepeat
	switch {
	case j.decision.Stale:
		j.reason = schema.ReasonStaleRepeat
	case j.decision.IgnoredChange:
		j.reason = schema.ReasonIgnoredChange
	}
	print := j.event.Print
	if j.decision.IgnoredChange {
		print = schema.Print(j.decision.Previous.Print)
	}
	j.event.ID = j.event.IDOf(print, j.decision.Occurrence, int64(j.decision.Day))
}

// conclude writes the verdict into the event and finishes its record.
func (j *job) conclude() {
	e, d := &j.event, &j.decision
	e.Verdict = verdictOf(e, d)
	e.Verdict.Replayed = j.replayed
	id := e.IDFor(d.Occurrence, int64(d.Day))
	if d.Uncertain {
		id = e.UncertainID(newUUID())
	}
	e.Delta = e.Delta || d.Adds
	if id != j.bodyID || d.Adds {
		j.name(id)
	}
	j.complete()
	j.outcome, j.reason = schema.OutcomeAccepted, schema.ReasonNone
	if d.Kind != dedupe.KindNew && (d.HasPrevious || d.Seq > 1) {
		j.outcome = schema.OutcomeUpdated
	}
}

// complete closes the record: the verdict behind the body, and the headers.
func (j *job) complete() {
	j.value = j.event.AppendVerdict(j.value[:j.body])
	j.headers = appendHeaders(j.headers[:0], j)
}

func verdictOf(e *schema.Event, d *dedupe.Decision) schema.Verdict {
	v := schema.Verdict{
		Kind: kinds[d.Kind], Seq: d.Seq, Delta: d.Delta, DeltaKnown: d.DeltaKnown,
		OutOfOrder: d.OutOfOrder, Uncertain: d.Uncertain,
	}
	if !d.HasPrevious {
		return v
	}
	id := e.IDOf(schema.Print(d.Previous.Print), d.Previous.Occurrence, int64(d.Previous.Day))
	if d.PossibleDuplicate {
		v.HasPossible, v.PossibleDuplicateOf = true, id
		return v
	}
	v.HasPrevious, v.PreviousID = true, id
	v.PreviousStatus = statuses[d.Previous.Class]
	v.PreviousExponent = d.Previous.Exponent
	if d.Previous.HasAmount {
		v.PreviousCommission = money.Amount{Micros: d.Previous.Amount, State: money.OK}
	}
	return v
}

// mark is what the store shall remember of a job that became durable.
func (j *job) mark(owner uint32) dedupe.Mark {
	return dedupe.NewMark(&j.arrival, &j.decision, j.standing, owner)
}

// seal gives the record the mark that a restart replays.
func (j *job) seal(owner uint32, standing dedupe.Standing) {
	if !j.tracked() {
		return
	}
	m := dedupe.NewMark(&j.arrival, &j.decision, standing, owner)
	j.meta, _ = m.AppendBinary(j.meta[:0]) // never fails, the error is encoding.BinaryAppender's
}

// headerReplayed tells consumers that an event may have come before.
const headerReplayed = "replayed"

// appendHeaders writes the CloudEvents attributes (Kafka protocol binding 1.0,
// binary mode), so that consumers dedupe and route without reading the value.
func appendHeaders(dst []byte, j *job) []byte {
	e := &j.event
	when := e.OccurredMS
	if when == 0 {
		when = e.ReceivedMS
	}
	source := e.Grow(func(b []byte) []byte { return append(append(append(append(b, '/'), e.Property...), '/'), e.Network...) })
	kind := e.Grow(func(b []byte) []byte { return append(append(b, "postback."...), e.EventName...) })
	id := e.Grow(e.ID.Append)
	at := e.Grow(func(b []byte) []byte { return schema.AppendTime(b, when) })
	list := [8]journal.Header{
		{Key: "ce_specversion", Value: bytesOf("1.0")},
		{Key: "ce_id", Value: bytesOf(id)},
		{Key: "ce_source", Value: bytesOf(source)},
		{Key: "ce_type", Value: bytesOf(kind)},
		{Key: "ce_time", Value: bytesOf(at)},
		{Key: "content-type", Value: bytesOf("application/json")},
	}
	n := 6
	if j.traceparent != "" {
		list[n] = journal.Header{Key: "traceparent", Value: bytesOf(j.traceparent)}
		n++
	}
	if e.Verdict.Replayed {
		list[n] = journal.Header{Key: headerReplayed, Value: bytesOf("1")}
		n++
	}
	return journal.AppendHeaders(dst, list[:n]...)
}

// newUUID makes the id of something that has no identity: a failed record, or
// an arrival whose identity is uncertain (RFC 9562, version 4).
func newUUID() [16]byte {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// classes are dedupe's words for the event's statuses.
var classes = [...]dedupe.Class{
	schema.StatusNone: dedupe.ClassNone, schema.StatusPending: dedupe.ClassPending,
	schema.StatusApproved: dedupe.ClassApproved, schema.StatusRejected: dedupe.ClassRejected,
	schema.StatusReversed: dedupe.ClassReversed, schema.StatusUnknown: dedupe.ClassUnknown,
	schema.StatusTest: dedupe.ClassNone,
}

// statuses are the event's words for dedupe's classes.
var statuses = [...]schema.Status{
	dedupe.ClassNone: schema.StatusNone, dedupe.ClassPending: schema.StatusPending,
	dedupe.ClassApproved: schema.StatusApproved, dedupe.ClassRejected: schema.StatusRejected,
	dedupe.ClassReversed: schema.StatusReversed, dedupe.ClassUnknown: schema.StatusUnknown,
}

// kinds are the event's words for dedupe's kinds.
var kinds = [...]schema.Kind{
	dedupe.KindNew: schema.KindNew, dedupe.KindUpdate: schema.KindUpdate, dedupe.KindPromotion: schema.KindPromotion,
	dedupe.KindReversal: schema.KindReversal, dedupe.KindAdjustment: schema.KindAdjustment,
}
