package network

import (
	"strings"
	"unicode/utf8"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/params"
)

// Scratch holds the working memory of Normalize. The zero value is ready; reuse
// makes Normalize free of allocations. One goroutine uses it at a time.
type Scratch struct {
	list params.List

	n     *Normalizer
	ev    *schema.Event
	trace *Trace

	use    []use // what became of each parameter of list
	picks  [numFields]pick
	pieces [maxJoins][maxJoin]int32 // of joins: parameter number plus one

	macros, nulls, conflicts FieldSet
	sent                     FieldSet // fields with a value
	notes                    params.Notes
	strange                  int // macros in parameters without a field
	kept                     int // parameters without a field
	test                     bool
	stripped                 bool // a prefix of the transaction id said reversal
	worded                   bool // the request had a status word
	badBody                  bool
	envelope                 int // parameter number plus one

	fold, inner, joined []byte
}

// maxJoins is the number of joins a preset may have.
const maxJoins = 4

// pick is the parameter that a field's value comes from. at is its number plus
// one, 0 for none; the smaller order wins.
type pick struct {
	at    int32
	order uint16
}

const (
	orderQuiet = 1 << 9
	orderBody  = 1 << 8
)

// use says what became of a parameter.
type use uint8

const (
	useParam use = iota // an ordinary parameter
	useField
	useSecret
	useBlank
	useMacro
	useNull
	useRepeat   // the same value for a field again
	useJoined   // a piece of another value
	usePersonal // personal data no field took
	useOver     // beyond the limit
	useEnvelope
)

// begin readies s for a request.
func (s *Scratch) begin(n *Normalizer, ev *schema.Event, t *Trace) {
	s.list.Reset()
	*s = Scratch{
		list: s.list, n: n, ev: ev, trace: t,
		use: s.use[:0], fold: s.fold[:0], inner: s.inner[:0], joined: s.joined[:0],
	}
}

// read parses the request into s.list.
func (s *Scratch) read(r *Request) {
	s.list.Query(r.Query, s.n.known)
	if len(r.Body) > 0 {
		before := len(s.list.Params)
		if err := s.list.Body(r.ContentType, r.Body, s.n.known); err != nil {
			s.list.Params = s.list.Params[:before]
			s.badBody = true
			s.trace.add("body", "", "", "", "the body could not be read: "+err.Error())
		}
	}
	if s.n.preset.Envelope != "" {
		s.unwrap()
	}
}

// unwrap reads the JSON document in the preset's form field.
func (s *Scratch) unwrap() {
	folded := foldName(s.n.preset.Envelope)
	for i := range s.list.Params {
		p := &s.list.Params[i]
		if p.Source == params.JSON || p.Value == "" || string(params.Fold(s.fold[:0], p.Name)) != folded {
			continue
		}
		s.inner = append(s.inner, p.Value...)
		s.envelope = i + 1
		before := len(s.list.Params)
		if err := s.list.JSON(s.inner); err != nil {
			s.list.Params = s.list.Params[:before]
			s.badBody = true
			s.trace.add("body", "", p.Name, "", "the form field should hold JSON, but does not: "+err.Error())
		}
		return
	}
}

// gather decides for every parameter which field it is for, and for every field
// which parameter it takes.
func (s *Scratch) gather() {
	for i := range s.list.Repairs {
		r := &s.list.Repairs[i]
		s.ev.Repair(repairWord(r.Word), r.Detail)
	}
	for i := range s.list.Params {
		p := &s.list.Params[i]
		t := s.target(p)
		u := useEnvelope
		if s.envelope != i+1 {
			u = s.place(i, p, t)
		}
		s.use = append(s.use, u)
		if u == useField || u == useParam {
			s.notes |= p.Notes
		}
	}
	s.noteRepairs()
}

// repairWord translates the words of package params.
func repairWord(word string) schema.RepairWord {
	if word == params.RepairEscapedAmpersand {
		return schema.RepairJSONAmpersand
	}
	return schema.RepairWord(word)
}

func (s *Scratch) noteRepairs() {
	for _, w := range [...]struct {
		note params.Notes
		word schema.RepairWord
	}{
		{params.Latin1, schema.RepairLatin1},
		{params.LoneSurrogate, schema.RepairLoneSurrogate},
		{params.ControlStripped, schema.RepairControl},
		{params.BadEscape, schema.RepairBadEscape},
		{params.DoubleDecoded, schema.RepairDoubleDecoded},
	} {
		if s.notes.Has(w.note) {
			s.ev.Repair(w.word, "")
		}
	}
	if s.badBody {
		s.ev.Repair(schema.RepairInvalidBody, "")
	}
}

// target finds what p's name means, by name, by path, and for secrets by the last
// part of a path.
func (s *Scratch) target(p *params.Param) target {
	if t, ok := s.n.names.find(p.Name); ok {
		return t
	}
	path := p.Path
	if path != p.Name {
		if t, ok := s.n.names.find(path); ok {
			return t
		}
	}
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		if t, _ := s.n.names.find(path[dot+1:]); t.secret {
			return t
		}
	}
	return target{}
}

// place decides what becomes of parameter i.
func (s *Scratch) place(i int, p *params.Param, t target) use {
	if t.join > 0 && int(t.join) <= maxJoins && t.piece < maxJoin && p.Value != "" && !p.Macro && !p.JSONNull {
		if at := &s.pieces[t.join-1][t.piece]; *at == 0 {
			*at = int32(i + 1)
		}
	}
	switch {
	case t.secret:
		return useSecret
	case p.JSONNull || blank(p.Value):
		return useBlank
	case t.field != NoField:
		return s.offer(i, p, t)
	case p.Macro:
		if s.strange++; s.strange <= s.n.maxParams {
			name, _ := cut(p.Name, maxEventName)
			s.ev.Repair(schema.RepairMacro, name)
		}
		return useMacro
	}
	return useParam
}

func blank(s string) bool {
	return s == "" || s[0] <= ' ' && strings.TrimSpace(s) == ""
}

// offer gives field t.field the value of parameter i, which is not blank.
func (s *Scratch) offer(i int, p *params.Param, t target) use {
	f := t.field
	switch {
	case p.Macro || p.Weak && f.weakMacros():
		if s.macros.add(f) {
			s.ev.Repair(schema.RepairMacro, f.String())
		}
		return useMacro
	case p.Null && f.nullWords():
		if s.nulls.add(f) {
			s.ev.Repair(schema.RepairNullWord, f.String())
		}
		return useNull
	case p.Value == "0" && s.n.zeroAbsent.Has(f):
		return useNull
	}
	order := uint16(t.rank)
	if t.quiet {
		order |= orderQuiet
	}
	if p.Source != params.Query {
		order |= orderBody
	}
	old := s.picks[f]
	s.sent.add(f)
	if old.at == 0 || order < old.order {
		s.picks[f] = pick{at: int32(i + 1), order: order}
		if old.at != 0 {
			s.use[old.at-1] = s.loser(f, &s.list.Params[old.at-1], p, old.order, order)
		}
		return useField
	}
	return s.loser(f, p, &s.list.Params[old.at-1], order, old.order)
}

// loser says what becomes of a parameter whose field takes another's value.
func (s *Scratch) loser(f Field, lost, won *params.Param, order, best uint16) use {
	same := sameText(f, lost.Value, won.Value)
	sameName := order&^orderBody == best&^orderBody
	if !same && (sameName || (order|best)&orderQuiet == 0) && s.conflicts.add(f) {
		s.ev.Repair(schema.RepairConflict, f.String())
	}
	switch {
	case f.personal():
		return usePersonal
	case same && (sameName || order&orderQuiet == 0):
		return useRepeat
	}
	return useParam
}

// sameText compares two values of one field as far as that is possible before
// they are understood.
func sameText(f Field, a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if f == FieldCurrency || f == FieldStatus || f == FieldEventName {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// param returns the parameter that f takes its value from, nil for none.
func (s *Scratch) param(f Field) *params.Param {
	if at := s.picks[f].at; at > 0 {
		return &s.list.Params[at-1]
	}
	return nil
}

// text returns the trimmed value of f, empty when it is absent. It is a view into
// the request.
func (s *Scratch) text(f Field) string {
	if at := s.picks[f].at; at > 0 {
		return trimmed(s.list.Params[at-1].Value)
	}
	return ""
}

// trimmed is strings.TrimSpace, quick for what has nothing to trim.
func trimmed(s string) string {
	if s == "" || plainByte(s[0]) && plainByte(s[len(s)-1]) {
		return s
	}
	return strings.TrimSpace(s)
}

func plainByte(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

// refuse gives the parameter of f back to params, because f could not use it.
func (s *Scratch) refuse(f Field) {
	if at := s.picks[f].at; at > 0 && !f.personal() {
		s.use[at-1] = useParam
	}
}

// matches reports whether one of the conditions holds.
func (s *Scratch) matches(conditions []Condition) (Condition, bool) {
	for _, c := range conditions {
		for i := range s.list.Params {
			p := &s.list.Params[i]
			s.fold = params.Fold(s.fold[:0], p.Path)
			if string(s.fold) == c.Param && c.holds(p) {
				return c, true
			}
		}
	}
	return Condition{}, false
}

func (c *Condition) holds(p *params.Param) bool {
	value := strings.TrimSpace(p.Value)
	if value == "" || p.Macro || p.JSONNull {
		return false
	}
	for _, want := range c.Equals {
		if strings.EqualFold(want, value) {
			return true
		}
	}
	return len(c.Equals) == 0
}
