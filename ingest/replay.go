package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// ErrNoRequest says that a record of the failed topic holds an event but not
// the request it came from: Republish sends the event.
var ErrNoRequest = errors.New("the record holds no request")

// Replay takes a request of the failed topic through again: rules, preset and
// dedupe decide anew, as Accept has it. The event keeps the first arrival's
// received_at and says that it is replayed. Credentials and address were judged
// at arrival and are not kept, so they are not asked for again. When it fails
// again, its new record in the failed topic keeps the failed_id. It may be
// called concurrently; f must stay as it is until it returns.
func (p *Pipeline) Replay(in *Integration, f *schema.Failed) Decision {
	req := replayRequest(f)
	items, batch, err := in.normalizer.Split(&req.Request)
	switch {
	case err != nil:
		return p.refuseBatch(in, &req, err)
	case batch:
		return p.replayBatch(in, &req, items)
	}
	return p.Accept(in, &req)
}

// replayBatch takes a body apart that once could not be. Its conversions are
// requests of their own from here on: those that fail get ids of their own in
// the failed topic, so the whole has ended when all are durable.
func (p *Pipeline) replayBatch(in *Integration, req *Request, items [][]byte) Decision {
	req.failedID = schema.ID{}
	for _, d := range p.Batch(in, req, items) {
		if d.Outcome == schema.OutcomeUnavailable {
			return d
		}
	}
	return Decision{Outcome: schema.OutcomeBatch}
}

// Foresee tells what Replay would come to, by a read-only look-up; it writes
// nothing anywhere.
func (p *Pipeline) Foresee(in *Integration, f *schema.Failed) Decision {
	req := replayRequest(f)
	_, batch, err := in.normalizer.Split(&req.Request)
	switch {
	case err != nil:
		return Decision{Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonInvalidBody, Detail: err.Error()}
	case batch:
		return Decision{Outcome: schema.OutcomeBatch}
	}
	j := p.jobs.get()
	defer p.jobs.put(j)
	j.replayed = true
	return p.foresee(j, in, &req, nil)
}

// Republish makes a record durable once more, byte for byte and past the
// dedupe: only the header replayed=1 is added. Nothing is remembered of it, for
// what it says is known already. It returns when Kafka or the journal has it;
// the caller's slices are free again then. It may be called concurrently.
func (p *Pipeline) Republish(r journal.Record) error {
	headers, err := markReplayed(r.Headers)
	if err != nil {
		return err
	}
	j := p.jobs.get()
	j.again, j.topic, j.event.ReceivedMS = true, r.Topic, r.Time
	j.key, j.value, j.headers = append(j.key[:0], r.Key...), append(j.value[:0], r.Value...), headers
	p.out.put([]*job{j})
	if !j.wait(p.budgets.Request) {
		return fmt.Errorf("not durable within %s", p.budgets.Request)
	}
	defer p.jobs.put(j)
	return j.err
}

// markReplayed adds replayed=1 to headers in wire form, once.
func markReplayed(headers []byte) ([]byte, error) {
	var list []journal.Header
	marked := false
	err := journal.ParseHeaders(headers, func(key, value []byte) {
		marked = marked || string(key) == headerReplayed
		list = append(list, journal.Header{Key: string(key), Value: value})
	})
	if err != nil {
		return nil, fmt.Errorf("the record's headers: %w", err)
	}
	if !marked {
		list = append(list, journal.Header{Key: headerReplayed, Value: []byte("1")})
	}
	return journal.AppendHeaders(nil, list...), nil
}

// failedText is a record of the failed topic as its JSON spells it.
type failedText struct {
	ID          string `json:"failed_id"`
	Outcome     string `json:"outcome"`
	Reason      string `json:"reason"`
	Detail      string `json:"detail"`
	Rule        string `json:"rule"`
	Property    string `json:"property"`
	Network     string `json:"network"`
	ReceivedMS  int64  `json:"received_at_ms"`
	Method      string `json:"method"`
	Target      string `json:"target"`
	ContentType string `json:"content_type"`
	Headers     string `json:"headers"`
	Body        string `json:"body"`
	BodyBase64  string `json:"body_base64"`
	Event       string `json:"event"`
}

// ReadFailed reads what schema.Failed writes. With ErrNoRequest everything but
// the request is filled in: such a record carries only an event, which Kafka
// refused when the journal was drained.
func ReadFailed(value []byte) (schema.Failed, error) {
	var t failedText
	if err := json.Unmarshal(value, &t); err != nil {
		return schema.Failed{}, fmt.Errorf("no record of the failed topic: %w", err)
	}
	id, err := schema.ParseID(t.ID)
	if err != nil {
		return schema.Failed{}, fmt.Errorf("no record of the failed topic: failed_id: %w", err)
	}
	f := schema.Failed{
		ID: id, Outcome: outcomeOf(t.Outcome), Reason: schema.Reason(t.Reason), Detail: t.Detail, Rule: t.Rule,
		Property: t.Property, Network: t.Network, ReceivedMS: t.ReceivedMS, Method: t.Method, Target: t.Target,
		ContentType: t.ContentType, Headers: t.Headers, Body: []byte(t.Body), Event: []byte(t.Event),
	}
	if t.BodyBase64 != "" {
		if f.Body, err = base64.StdEncoding.DecodeString(t.BodyBase64); err != nil {
			return f, fmt.Errorf("no record of the failed topic: body_base64: %w", err)
		}
	}
	if f.Target == "" && len(f.Body) == 0 {
		return f, ErrNoRequest
	}
	return f, nil
}

// outcomeOf is the inverse of schema.Outcome.String.
func outcomeOf(word string) schema.Outcome {
	for o := schema.OutcomeNone; o <= schema.OutcomeUnavailable; o++ {
		if o.String() == word {
			return o
		}
	}
	return schema.OutcomeNone
}

// replayRequest is the request that a failed record describes.
func replayRequest(f *schema.Failed) Request {
	path, query := splitTarget([]byte(f.Target))
	req := Request{
		Request: network.Request{
			Query: query, Body: f.Body, ContentType: f.ContentType, ReceivedMS: f.ReceivedMS, Origin: originOf(f, path),
		},
		Method: f.Method, Target: f.Target, replay: true, failedID: f.ID,
	}
	kept := keptHeaders(f.Headers)
	if len(kept) > 0 {
		req.Headers = kept
	}
	for _, h := range kept {
		if h.Name == "traceparent" {
			req.Traceparent = h.Value
		}
	}
	return req
}

// originOf finds the door a failed request came through: its event says so where
// there was one, else the path tells a pixel.
func originOf(f *schema.Failed, path []byte) schema.Origin {
	var event struct {
		Origin string `json:"origin"`
	}
	if len(f.Event) > 0 && json.Unmarshal(f.Event, &event) == nil {
		for o := schema.OriginPostback; o <= schema.OriginBatch; o++ {
			if o.String() == event.Origin {
				return o
			}
		}
	}
	if r, ok := parseRoute(path); ok && r.pixel {
		return schema.OriginPixel
	}
	return schema.OriginPostback
}

// headerList is a header as a failed record keeps it.
type headerList []schema.Param

// Each implements Headers.
func (l headerList) Each(yield func(name, value string)) {
	for _, h := range l {
		yield(h.Name, h.Value)
	}
}

// keptHeaders reads the JSON text of an object of strings in its order, names
// that come twice included. What is none holds no headers.
func keptHeaders(object string) headerList {
	decoder := json.NewDecoder(bytes.NewReader([]byte(object)))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	var list headerList
	for decoder.More() {
		var value string
		name, err := decoder.Token()
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			return list
		}
		text, _ := name.(string)
		list = append(list, schema.Param{Name: text, Value: value})
	}
	return list
}

// Directory returns what is in force: who may send what. It may be called
// concurrently with SetDirectory.
func (s *Server) Directory() *Directory { return s.directory.Load() }
