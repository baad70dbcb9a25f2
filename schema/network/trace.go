package network

import (
	"strings"

	"github.com/postbackhq/postback/schema"
)

// Trace records how a request became an event, for people. It holds personal data
// and what stood in the request, secrets apart: whoever shows it masks it. Its
// strings are copies and stay valid.
type Trace struct {
	Steps []Step
}

// Step is one decision. Stage is repair, parameter, body, rule, currency, amount,
// status, name, date, identity or result; Field the canonical field concerned, if
// any; From what was there, To what became of it, Note why.
type Step struct {
	Stage string `json:"stage"`
	Field string `json:"field,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Note  string `json:"note,omitempty"`
}

// add records a step; a nil trace records nothing.
func (t *Trace) add(stage, field, from, to, note string) {
	if t == nil {
		return
	}
	t.Steps = append(t.Steps, Step{
		Stage: stage, Field: field, From: strings.Clone(from), To: strings.Clone(to), Note: strings.Clone(note),
	})
}

func resultNote(r Result) string {
	if r.Detail == "" {
		return string(r.Reason)
	}
	return string(r.Reason) + ": " + r.Detail
}

// traceParams tells for every parameter what became of it, and puts that before
// the rules, which come after it in the work.
func (s *Scratch) traceParams() {
	rules := s.trace.Steps
	s.trace.Steps = make([]Step, 0, len(rules)+len(s.use)+len(s.list.Repairs))
	for i := range s.list.Repairs {
		r := &s.list.Repairs[i]
		s.trace.add("repair", "", r.Detail, "", repairNote(repairWord(r.Word)))
	}
	for i := range s.use {
		s.traceParam(i)
	}
	if words := s.ev.Repairs(); words != "" {
		rules = append(rules, Step{Stage: "repair", To: strings.Clone(words), Note: "what the event's repairs field says"})
	}
	s.trace.Steps = append(s.trace.Steps, rules...)
}

func repairNote(word schema.RepairWord) string {
	switch word {
	case schema.RepairEntity:
		return "HTML turned the start of a parameter's name into a character; undone"
	case schema.RepairAmpPrefix:
		return "a leading amp; of a name was removed: the URL was copied from HTML source"
	case schema.RepairSecondQuestionMark:
		return "a second ? was read as &"
	case schema.RepairJSONAmpersand:
		return "a literal \\u0026 was read as &"
	}
	return string(word)
}

func (s *Scratch) traceParam(i int) {
	p := &s.list.Params[i]
	t := s.target(p)
	from, field := p.Name+"="+p.Value, t.field.String()
	if s.use[i] == useSecret {
		from = p.Name + "=(removed)"
	}
	to, note := "", useNotes[s.use[i]]
	switch s.use[i] {
	case useField:
		to, note = field, "a name of "+field+" in the preset "+s.n.preset.Name
		if t.quiet {
			note = "a fallback name of " + field + ": nothing better was sent"
		}
		if s.n.canonicalName(t.field, p.Name) {
			note = "the canonical name"
		}
	case useParam:
		to, note = "params", "no field is called so"
		if t.field != NoField {
			note = field + " could not use it, or has a better value"
		}
	}
	s.trace.add("parameter", field, from, to, p.Source.String()+": "+note)
}

// useNotes says why a parameter went nowhere.
var useNotes = [...]string{
	useSecret: "confidential, or something like a card number: removed unread", useBlank: "blank: nothing was sent",
	useMacro: "a macro the network did not replace: nothing was sent", useNull: "a null word: nothing was sent",
	useRepeat: "the same value again", useJoined: "joined to the value before it",
	usePersonal: "personal data that no field took: removed", useOver: "beyond the limit of parameters: left out",
	useEnvelope: "holds the document with the parameters",
}

// canonicalName reports whether name is the canonical name of f.
func (n *Normalizer) canonicalName(f Field, name string) bool {
	return f != NoField && foldName(name) == foldName(f.String())
}
