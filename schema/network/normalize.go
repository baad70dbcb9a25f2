package network

import (
	"strings"

	"github.com/postbackhq/postback/schema"
)

// Normalize makes ev from r: it resets ev, fills it, and for OutcomeAccepted and
// OutcomeTest ends with ev.Identify. For OutcomeQuarantined ev holds what could be
// understood, which is no EventName when that was nothing, and for OutcomeIgnored
// nothing of use. Every string of ev is ev's own
// afterwards; nothing keeps r. With t, every decision is recorded; nil costs
// nothing. n may be shared, the others belong to one goroutine.
func (n *Normalizer) Normalize(s *Scratch, r *Request, ev *schema.Event, t *Trace) Result {
	s.begin(n, ev, t)
	ev.Reset()
	ev.Property, ev.Network, ev.Canonical = n.settings.Property, n.settings.Network, n.canonical
	ev.Origin, ev.ReceivedMS = r.Origin, r.ReceivedMS
	ev.ScopeClick, ev.DateMarksChange = n.scopeClick, n.preset.Dedupe.DateMarksChange
	s.read(r)
	s.gather()
	result := s.decide(r.ReceivedMS)
	result.Unresolved = s.macros
	if t != nil {
		s.traceParams()
		t.add("result", "", "", result.Outcome.String(), resultNote(result))
	}
	s.n, s.ev, s.trace = nil, nil, nil
	return result
}

// decide runs the rules in their order. What is no conversion ends it early.
func (s *Scratch) decide(received int64) Result {
	if s.empty() {
		if s.badBody {
			return quarantined(schema.ReasonInvalidBody, "the body is neither JSON nor a form that can be read")
		}
		return Result{Outcome: schema.OutcomeIgnored, Reason: schema.ReasonEmpty, Detail: "the request has no parameter"}
	}
	preset := s.n.preset
	if c, ok := s.matches(preset.IgnoreWhen); ok {
		s.trace.add("rule", "", c.Param, "ignored", "the preset says that such requests are no conversions")
		return Result{Outcome: schema.OutcomeIgnored, Reason: schema.ReasonNotAConversion}
	}
	if c, ok := s.matches(preset.TestWhen); ok {
		s.trace.add("rule", "", c.Param, "test", "the preset says that such requests are tests")
		s.test = true
	}
	if truthy(s.text(FieldTest)) {
		s.test = true
	} else {
		s.refuse(FieldTest)
	}
	tooLong := s.ids()
	s.money()
	if ignored := s.status(); ignored != schema.ReasonNone {
		return Result{Outcome: schema.OutcomeIgnored, Reason: ignored, Detail: "the status word says that this is no conversion"}
	}
	s.goal(s.name())
	s.freeText()
	s.date(received)
	country := s.customer(received)
	result := s.identify(tooLong)
	s.protect()
	s.params()
	result.Country = country
	return result
}

// empty reports whether the request says nothing at all but perhaps a secret.
func (s *Scratch) empty() bool {
	for _, u := range s.use {
		if u != useSecret {
			return false
		}
	}
	return true
}

func truthy(s string) bool {
	switch {
	case s == "1", strings.EqualFold(s, "true"), strings.EqualFold(s, "yes"), strings.EqualFold(s, "on"), strings.EqualFold(s, "y"):
		return true
	}
	return false
}

func quarantined(reason schema.Reason, detail string) Result {
	return Result{Outcome: schema.OutcomeQuarantined, Reason: reason, Detail: detail}
}

// ids takes click id and transaction id, and returns the one that is too long.
func (s *Scratch) ids() Field {
	click := s.joinedText(FieldClickID)
	transaction := s.joinedText(FieldTransactionID)
	for _, prefix := range s.n.preset.ReversalPrefixes {
		if rest, ok := strings.CutPrefix(transaction, prefix); ok && rest != "" {
			s.trace.add("rule", "transaction_id", transaction, rest, "the prefix "+prefix+" marks a reversal")
			transaction, s.stripped = rest, true
			break
		}
	}
	if len(click) > MaxClickID {
		return FieldClickID
	}
	if len(transaction) > MaxTransactionID {
		return FieldTransactionID
	}
	s.ev.ClickID, s.ev.TransactionID = s.ev.Hold(click), s.ev.Hold(transaction)
	return NoField
}

// joinedText returns the text of f with the pieces the network spread over other
// parameters.
func (s *Scratch) joinedText(f Field) string {
	text := s.text(f)
	for j := range s.n.preset.Join {
		join := &s.n.preset.Join[j]
		if join.Field != f || j >= maxJoins || s.pieces[j][0] == 0 || s.pieces[j][0] != s.picks[f].at {
			continue
		}
		start := len(s.joined)
		for i, at := range s.pieces[j][:len(join.Names)] {
			if at == 0 {
				break
			}
			piece := s.list.Params[at-1].Value
			s.joined = append(s.joined, piece...)
			if i > 0 {
				s.use[at-1] = useJoined
			}
			if len(piece) < join.Size {
				break
			}
		}
		return strings.TrimSpace(string(s.joined[start:]))
	}
	return text
}

// identify chooses what identifies the conversion, and quarantines what nothing
// identifies.
func (s *Scratch) identify(tooLong Field) Result {
	ev := s.ev
	email := ev.Customer.Email != "" || ev.Customer.EmailSHA256 != ""
	var why string
	switch {
	case ev.TransactionID != "":
		ev.KeyKind, why = schema.KeyTransaction, "the transaction id identifies the conversion"
	case s.n.identity == IdentityClick && ev.ClickID != "":
		ev.KeyKind, why = schema.KeyClick, "this network identifies a conversion by its click id"
	default:
		ev.KeyKind, why = schema.KeyFallback, "no transaction id: click id or e-mail, goal, amount and date tell conversions apart"
	}
	if s.trace != nil {
		s.trace.add("identity", "", "", ev.KeyKind.String(), why)
	}
	switch {
	case tooLong != NoField:
		return quarantined(schema.ReasonTooLong, tooLong.String()+" is longer than an id may be; ids are never cut")
	case s.test:
		ev.Identify()
		return Result{Outcome: schema.OutcomeTest, Reason: schema.ReasonTestTraffic}
	case ev.KeyKind == schema.KeyFallback && ev.ClickID == "" && !email:
		return s.unattributable()
	}
	ev.Identify()
	return Result{Outcome: schema.OutcomeAccepted}
}

// unattributable says why nothing identifies the conversion.
func (s *Scratch) unattributable() Result {
	for _, f := range [...]Field{FieldClickID, FieldTransactionID, FieldEmail, FieldEmailSHA256} {
		if s.macros.Has(f) {
			return quarantined(schema.ReasonUnresolvedMacro,
				"the network did not replace the macro in "+f.String()+": check its spelling and case in the network's postback URL")
		}
	}
	if s.badBody {
		return quarantined(schema.ReasonInvalidBody, "the body cannot be read, and the query alone identifies no conversion")
	}
	if last := len(s.use) - 1; last >= 0 && s.use[last] == useBlank {
		return quarantined(schema.ReasonUnattributable,
			"the request ends with an empty parameter: # macros not replaced? A # cuts off the rest of a URL")
	}
	return quarantined(schema.ReasonUnattributable, "no click_id, transaction_id or email: nothing to attach the conversion to")
}
