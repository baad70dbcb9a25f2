package ingest

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// setAside writes a request that became no event, or an event that must be
// looked at, to the failed topic, and waits until that is durable. It returns
// d, or the refusal when nothing durable could be made.
func (p *Pipeline) setAside(j *job, req *Request, d Decision) Decision {
	aside := p.jobs.get()
	aside.in, aside.topic = j.in, TopicFailed
	aside.traceparent = aside.event.Hold(req.Traceparent)
	aside.outcome, aside.reason = d.Outcome, d.Reason
	aside.event.ReceivedMS = req.ReceivedMS
	failed := failedRecord(j, req, d)
	aside.hold(&failed, j)
	p.out.put([]*job{aside})
	if !aside.wait(p.budgets.Request) {
		return p.late()
	}
	defer p.jobs.put(aside)
	if aside.err != nil {
		return unavailable(aside.err)
	}
	if d.Outcome == schema.OutcomeDuplicate {
		return d
	}
	d.EventID, d.HasID = failed.ID, true
	return d
}

// failedRecord describes the request behind j, credentials removed.
func failedRecord(j *job, req *Request, d Decision) schema.Failed {
	f := schema.Failed{
		ID: req.failedID, Outcome: d.Outcome, Reason: d.Reason, Detail: d.Detail, Rule: d.Rule,
		Property: j.in.Property, Network: j.in.Network, ReceivedMS: req.ReceivedMS,
		Method: req.Method, Target: redactTarget(req.Target), ContentType: req.ContentType,
		Body: redactBody(req.Body),
	}
	if f.ID == (schema.ID{}) {
		f.ID = newUUID()
	}
	if req.Headers != nil {
		var pairs []schema.Param
		req.Headers.Each(func(name, value string) {
			if !secretHeader(name) {
				pairs = append(pairs, schema.Param{Name: strings.ToLower(name), Value: value})
			}
		})
		f.Headers = string(schema.TextObject(nil, pairs...))
	}
	if j.body > 0 {
		f.Event = j.value
	} else if d.Outcome == schema.OutcomeSkipped {
		j.encode()
		f.Event = j.event.AppendVerdict(j.value[:j.body])
	}
	return f
}

// hold encodes a failed record into the job's own buffers. It is keyed like
// the event it came from, or by its own id where there is no identity.
func (j *job) hold(f *schema.Failed, from *job) {
	j.value = f.AppendJSON(j.value[:0])
	j.event.Property, j.event.Network = f.Property, f.Network
	j.event.EventName = "Failed"
	j.event.ID = f.ID
	j.headers = appendHeaders(j.headers[:0], j)
	if from.event.Identity != (schema.Identity{}) {
		j.key = from.event.AppendKey(j.key[:0])
	} else {
		j.key = f.ID.Append(j.key[:0])
	}
}

// secretHeader names header fields that carry credentials.
func secretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "x-api-key":
		return true
	}
	return network.Secret(name)
}

const redacted = "***"

// redactTarget replaces the values of credentials in a request target.
func redactTarget(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	var b strings.Builder
	b.WriteString(path)
	separator := byte('?')
	for pair := range strings.SplitSeq(query, "&") {
		b.WriteByte(separator)
		separator = '&'
		name, value, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		b.WriteString(name)
		if !has {
			continue
		}
		b.WriteByte('=')
		if network.Secret(strings.TrimPrefix(plain, "amp;")) {
			value = redacted
		}
		b.Write(redactBody([]byte(value)))
	}
	return b.String()
}

// redactBody replaces the values of credentials in a body of any kind: form,
// JSON, multipart, or a broken one that no reader understands. It looks for
// their names and blanks what follows, rather too much than too little.
func redactBody(body []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(body); {
		if !nameByte(body[i]) {
			i++
			continue
		}
		start := i
		for i < len(body) && nameByte(body[i]) {
			i++
		}
		if !network.Secret(text(body[start:i])) {
			continue
		}
		from, to := secretValue(body, i)
		if to <= from {
			continue
		}
		out = append(out, body[done:from]...)
		out = append(out, redacted...)
		done, i = to, to
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}

// secretValue finds the value that follows a name ending at i: name=value,
// "name": "value", "name": 1, or the content of a multipart part.
func secretValue(body []byte, i int) (from, to int) {
	i = skip(body, i, "\"' \t")
	if bytes.HasPrefix(body[i:], []byte("\r\n\r\n")) {
		from = i + 4
		if end := bytes.Index(body[from:], []byte("\r\n")); end >= 0 {
			return from, from + end
		}
		return from, len(body)
	}
	if i >= len(body) || (body[i] != ':' && body[i] != '=') {
		return 0, 0
	}
	i = skip(body, i+1, " \t\r\n")
	if i < len(body) && (body[i] == '"' || body[i] == '\'') {
		quote := body[i]
		from = i + 1
		for to = from; to < len(body) && body[to] != quote; to++ {
			if body[to] == '\\' {
				to++
			}
		}
		return from, min(to, len(body))
	}
	end := bytes.IndexAny(body[i:], "&,;}] \t\r\n")
	if end < 0 {
		return i, len(body)
	}
	return i, i + end
}

func skip(b []byte, i int, set string) int {
	for i < len(b) && strings.IndexByte(set, b[i]) >= 0 {
		i++
	}
	return i
}

func nameByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
