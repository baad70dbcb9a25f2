package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
	"github.com/postbackhq/postback/schema"
)

const (
	drainRecords = 2048
	drainBytes   = 4 << 20
	drainPause   = 100 * time.Millisecond
)

// drain sends the journal's unpublished events to Kafka, in order and as the
// same bytes: a drain is no replay. It remembers how far it came only after
// Kafka has acknowledged, so after a crash some events are sent once more,
// with the same event id.
type drain struct {
	o      *outbox
	ctx    context.Context //nolint:containedctx // the drain's own life, ended by stop
	cancel context.CancelFunc
	ended  chan struct{}

	batch   []*publish.Message
	arena   []byte
	pending sync.WaitGroup
}

func newDrain(o *outbox) *drain {
	d := &drain{o: o, ended: make(chan struct{})}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

func (d *drain) run() {
	defer close(d.ended)
	for d.ctx.Err() == nil {
		if !d.o.kafka.Status().Up {
			d.o.reopen()
		}
		if err := d.o.kafka.WaitUp(d.ctx); err != nil {
			return
		}
		from := d.o.journal.Published()
		if left := d.o.journal.Next() - from; left > 0 {
			d.o.approach(left)
			d.step(from)
			continue
		}
		d.o.caughtUp()
		d.rest()
	}
}

// rest waits until there is something new in the journal, or a moment in case
// the journal's lane was still writing.
func (d *drain) rest() {
	ctx, cancel := context.WithTimeout(d.ctx, drainPause)
	defer cancel()
	_ = d.o.journal.Wait(ctx, d.o.journal.Next()) // either way the loop looks again
}

// step publishes the next batch and remembers how far it was acknowledged.
func (d *drain) step(from uint64) {
	if !d.load(from) {
		return
	}
	d.pending.Add(len(d.batch))
	d.o.kafka.Send(d.batch)
	d.pending.Wait()
	marks := make([]dedupe.Mark, 0, len(d.batch))
	acked := 0
	for _, m := range d.batch {
		if m.Err != nil && !d.setAside(m) {
			break
		}
		acked++
		if mark, err := dedupe.DecodeMark(m.Record.Meta); err == nil && len(m.Record.Meta) > 0 {
			mark.Standing = dedupe.StandingDone
			marks = append(marks, mark)
		}
	}
	if err := d.o.journal.SetPublished(from + uint64(acked)); err != nil {
		d.o.alarm("the journal cannot remember how far it is published; events will be sent once more", err)
	}
	d.o.claims.mark(marks)
	if acked < len(d.batch) {
		d.o.reopen()
		d.pause()
	}
}

func (d *drain) pause() {
	select {
	case <-d.ctx.Done():
	case <-time.After(drainPause):
	}
}

// load copies the next records out of the journal.
func (d *drain) load(from uint64) bool {
	d.batch, d.arena = d.batch[:0], make([]byte, 0, 64<<10)
	next := from
	_, err := d.o.journal.Read(from, func(seq uint64, r journal.Record) bool {
		if seq != next && len(d.batch) > 0 {
			return false // a gap: publish what is before it first
		}
		if len(d.batch) == 0 && seq > from {
			d.skip(seq)
			return false
		}
		next = seq + 1
		d.batch = append(d.batch, &publish.Message{Record: d.hold(r)})
		return len(d.batch) < drainRecords && len(d.arena) < drainBytes
	})
	if err != nil {
		d.o.alarm("the journal cannot be read", err)
		d.pause()
	}
	return len(d.batch) > 0
}

// skip moves past records that the journal lost or no longer keeps.
func (d *drain) skip(seq uint64) {
	d.o.alarm("the journal has a gap; events in it cannot be published", nil)
	if err := d.o.journal.SetPublished(seq); err != nil {
		d.o.alarm("the journal cannot remember how far it is published", err)
	}
}

func (d *drain) hold(r journal.Record) journal.Record {
	keep := func(b []byte) []byte {
		if len(b) == 0 {
			return nil
		}
		at := len(d.arena)
		d.arena = append(d.arena, b...)
		return d.arena[at:len(d.arena):len(d.arena)]
	}
	r.Key, r.Value, r.Headers, r.Meta = keep(r.Key), keep(r.Value), keep(r.Headers), keep(r.Meta)
	return r
}

func (d *drain) delivered(*publish.Message) { d.pending.Done() }

// setAside ends the way of a record that Kafka refuses for good: it goes to
// the failed topic, so that it cannot hold up those behind it. It reports
// whether it got there.
func (d *drain) setAside(m *publish.Message) bool {
	var refused *publish.RefusedError
	if !errors.As(m.Err, &refused) {
		return false
	}
	d.o.refused.Add(1)
	if m.Record.Topic == TopicFailed {
		d.o.alarm("kafka refuses a record of the failed topic; it stays in the journal only", refused)
		return true
	}
	f := schema.Failed{
		ID: newUUID(), Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonPublishRefused,
		Detail: refused.Error(), ReceivedMS: m.Record.Time, Event: m.Record.Value,
	}
	record := m.Record
	record.Topic, record.Meta = TopicFailed, nil
	record.Value = f.AppendJSON(nil)
	if _, err := d.o.journal.Append([]journal.Record{record}); err != nil {
		d.o.alarm("the journal takes nothing", err)
		return false
	}
	return true
}

func (d *drain) stop() {
	d.cancel()
	select {
	case <-d.ended:
	case <-time.After(time.Second):
	}
}
