package ingest

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/params"
)

// batchGroup marks the jobs of one batch.
type batchGroup struct{ _ byte }

// Batch takes the conversions of one body. Each has its own Decision, in the
// order of the items; repeats inside the batch end as if they had been sent
// one after another.
func (p *Pipeline) Batch(in *Integration, req *Request, items [][]byte) []Decision {
	decisions := make([]Decision, len(items))
	jobs := make([]*job, len(items))
	requests := make([]Request, len(items))
	group := new(batchGroup)
	for i, item := range items {
		requests[i] = *req
		requests[i].Body, requests[i].Origin = item, schema.OriginBatch
		requests[i].ContentType = "application/json"
		requests[i].batch = group
		j := p.jobs.get()
		d, ended := p.prepare(j, in, &requests[i])
		if ended {
			decisions[i] = d
			p.jobs.put(j)
			continue
		}
		jobs[i] = j
		p.claims.enter(j)
	}
	for i, j := range jobs {
		if j != nil {
			decisions[i] = p.await(j, &requests[i])
		}
	}
	return decisions
}

// refuseBatch ends a body that looks like a batch and cannot be one: too many
// conversions are refused before anything is done, a broken one is set aside.
func (p *Pipeline) refuseBatch(in *Integration, req *Request, err error) Decision {
	if errors.Is(err, params.ErrBatchSize) {
		return Decision{Outcome: schema.OutcomeRefused, Reason: schema.ReasonBatchTooLarge, Detail: err.Error()}
	}
	j := p.jobs.get()
	defer p.jobs.put(j)
	j.in = in
	query := req.Request
	query.Body = nil
	in.normalizer.Normalize(&j.scratch, &query, &j.event, nil) // for the tokens among the parameters
	if refusal := in.authorize(&j.scratch, req); refusal != schema.ReasonNone {
		return Decision{Outcome: schema.OutcomeRefused, Reason: refusal}
	}
	return p.setAside(j, req, Decision{Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonInvalidBody, Detail: err.Error()})
}

// replyBatch answers with one verdict per conversion: 200 only when all of
// them are durable. Sending all again after a 503 is safe, for what is durable
// already is known then.
func (s *Server) replyBatch(ctx *fasthttp.RequestCtx, in *Integration, decisions []Decision, began time.Time) {
	code := http.StatusOK
	body := []byte{'['}
	for i, d := range decisions {
		s.metrics.count(in, d, began)
		if i > 0 {
			body = append(body, ',')
		}
		verdict := d.Outcome.String()
		switch d.status(in.Strict) {
		case http.StatusServiceUnavailable:
			code, verdict = http.StatusServiceUnavailable, "retry"
		case http.StatusOK:
		default:
			if code == http.StatusOK {
				code = d.status(in.Strict)
			}
		}
		pairs := []schema.Param{{Name: "index", Value: strconv.Itoa(i)}, {Name: "result", Value: verdict}}
		if d.Reason != schema.ReasonNone {
			pairs = append(pairs, schema.Param{Name: "reason", Value: string(d.Reason)})
		}
		if d.HasID {
			pairs = append(pairs, schema.Param{Name: "event_id", Value: d.EventID.String()})
		}
		body = schema.TextObject(body, pairs...)
	}
	head := &ctx.Response.Header
	head.Set("Cache-Control", "no-store")
	head.Set(HeaderResult, schema.OutcomeBatch.String())
	if code == http.StatusServiceUnavailable {
		head.Set("Retry-After", "5")
	}
	ctx.SetStatusCode(code)
	ctx.SetContentType("application/json")
	ctx.SetBody(append(body, ']'))
}
