package schema

import (
	"encoding/base64"
	"unicode/utf8"
)

// Failed is a record of the failed topic: a request that could not become an
// event, or an event that a rule refused, with all that is needed to send it
// through again. Strings and slices are only read while it is encoded.
type Failed struct {
	// ID is a UUID made when the request arrived and kept on every resend; it
	// is also the record's ce_id.
	ID      ID
	Outcome Outcome
	Reason  Reason
	// Detail explains the reason to a person, Rule names the rule of the
	// integration that decided.
	Detail, Rule      string
	Property, Network string
	ReceivedMS        int64
	Method            string
	// Target is the request target with credentials removed.
	Target      string
	ContentType string
	// Headers is the JSON text of an object of strings, credentials removed.
	Headers string
	Body    []byte
	// Event is the JSON text of the event, when there was one.
	Event []byte
}

// AppendJSON appends the record as one flat JSON object. A body that is UTF-8
// text goes to body, any other to body_base64.
func (f *Failed) AppendJSON(dst []byte) []byte {
	o := object{append(dst, `{"failed_id":"`...)}
	o.b = append(f.ID.Append(o.b), '"')
	o.word("outcome", f.Outcome.String())
	o.word("reason", string(f.Reason))
	o.known("detail", f.Detail)
	o.known("rule", f.Rule)
	o.text("property", f.Property)
	o.text("network", f.Network)
	o.time("received_at", f.ReceivedMS)
	o.int("received_at_ms", f.ReceivedMS)
	o.text("method", f.Method)
	o.text("target", f.Target)
	o.known("content_type", f.ContentType)
	o.known("headers", f.Headers)
	if len(f.Body) > 0 {
		if text := view(f.Body); utf8.ValidString(text) && !hasNUL(f.Body) {
			o.known("body", text)
		} else {
			o.name("body_base64")
			o.b = append(o.b, '"')
			o.b = base64.StdEncoding.AppendEncode(o.b, f.Body)
			o.b = append(o.b, '"')
		}
	}
	o.known("event", view(f.Event))
	return append(o.b, '}')
}

func hasNUL(b []byte) bool {
	for _, c := range b {
		if c == 0 {
			return true
		}
	}
	return false
}

// TextObject appends pairs as the JSON text of an object of strings: the form
// of the headers field.
func TextObject(dst []byte, pairs ...Param) []byte {
	dst = append(dst, '{')
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, p.Name)
		dst = append(dst, ':')
		dst = appendString(dst, p.Value)
	}
	return append(dst, '}')
}
