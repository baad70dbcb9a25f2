package ingest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// Validation is the answer of the validate URL: what a postback would become.
type Validation struct {
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Status int    `json:"status"`
	// Event is the event that would be published, Key the key of its record.
	Event    json.RawMessage `json:"event,omitempty"`
	Key      string          `json:"key,omitempty"`
	Warnings []Warning       `json:"warnings"`
	Trace    []network.Step  `json:"trace"`
}

// Warning is one thing to mend: a code of the closed vocabularies of reasons
// and repairs, and what to do about it.
type Warning struct {
	Code string `json:"code"`
	Fix  string `json:"fix"`
}

// Validate judges a postback exactly as Accept would, credentials, rules and a
// read-only look-up included, and writes nothing anywhere.
func (p *Pipeline) Validate(in *Integration, req *Request) Validation {
	j := p.jobs.get()
	defer p.jobs.put(j)
	var trace network.Trace
	d := p.foresee(j, in, req, &trace)
	v := Validation{Trace: trace.Steps, Warnings: []Warning{}}
	v.Result, v.Reason, v.Detail, v.Rule = d.Outcome.String(), string(d.Reason), d.Detail, d.Rule
	v.Status = d.status(in.Strict)
	if d.HasID {
		v.Event, v.Key = append(json.RawMessage(nil), j.value...), string(j.key)
	}
	for word := range strings.SplitSeq(j.event.Repairs(), ",") {
		if word != "" {
			v.Warnings = append(v.Warnings, Warning{Code: word, Fix: network.Fix(word)})
		}
	}
	if d.Reason != schema.ReasonNone {
		v.Warnings = append(v.Warnings, Warning{Code: string(d.Reason), Fix: network.Fix(string(d.Reason))})
	}
	return v
}

// foresee is Accept without its effects.
func (p *Pipeline) foresee(j *job, in *Integration, req *Request, trace *network.Trace) Decision {
	d, ended := j.consider(in, req, trace)
	if ended {
		return d
	}
	if j.topic == TopicTest {
		return Decision{Outcome: j.outcome, Reason: j.reason, EventID: j.event.ID, HasID: true}
	}
	p.look(j)
	if j.decision.Hot {
		j.forgetTransaction()
		p.look(j)
	}
	j.conclude()
	if j.decision.Duplicate {
		j.repeat()
	}
	return Decision{Outcome: j.outcome, Reason: j.reason, EventID: j.event.ID, HasID: true}
}

// look reads the store without claiming.
func (p *Pipeline) look(j *job) {
	ctx, cancel := context.WithTimeout(context.Background(), p.budgets.Store)
	defer cancel()
	p.claims.settle(ctx)
	claims := make([]dedupe.Claim, 1)
	if err := p.store.Look(ctx, []dedupe.Arrival{j.arrival}, claims); err != nil {
		claims[0].Unknown = true
	}
	j.decision = dedupe.Decide(&claims[0], &j.arrival)
}

func (s *Server) validate(ctx *fasthttp.RequestCtx, in *Integration, req *Request) {
	v := s.pipeline.Validate(in, req)
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		ctx.SetStatusCode(http.StatusInternalServerError)
		return
	}
	code := http.StatusOK
	if v.Status == http.StatusUnauthorized || v.Status == http.StatusForbidden {
		code = v.Status
	}
	ctx.SetStatusCode(code)
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set(HeaderResult, v.Result)
	ctx.SetContentType("application/json")
	ctx.SetBody(append(body, '\n'))
}
