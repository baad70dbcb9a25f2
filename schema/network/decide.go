package network

import (
	"unicode"
	"unicode/utf8"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
	"github.com/postbackhq/postback/schema/params"
)

// longestWord is the longest status word that can have a meaning, in bytes.
const longestWord = 32

// status decides the class of the conversion. A reason says that it is none.
func (s *Scratch) status() schema.Reason {
	ev, word := s.ev, s.text(FieldStatus)
	s.worded = word != ""
	ev.Status = s.n.preset.Status.Default
	note := "no status word: the network's default"
	if s.worded {
		ev.StatusRaw = s.hold(FieldStatus, word)
		ev.Status = schema.StatusUnknown
		if len(word) <= longestWord {
			var ignored schema.Reason
			s.fold = appendLower(s.fold[:0], word)
			if ev.Status, ignored = s.n.preset.Status.class(s.fold); ignored != schema.ReasonNone {
				return ignored
			}
		}
		note = "by the words of the preset, then those that are safe everywhere"
	}
	s.correction(&note)
	if ev.Status == schema.StatusPending && s.n.settings.CountPending {
		ev.Status, note = schema.StatusApproved, "the integration counts pending conversions"
	}
	if ev.Status == schema.StatusTest {
		s.test = true
	}
	if s.test {
		ev.Status = schema.StatusTest
	}
	s.trace.add("status", "status", word, ev.Status.String(), note)
	return schema.ReasonNone
}

// correction makes a reversal of a negative amount, or of a marked id, unless the
// network's own word says otherwise. What a negative amount does to a total does
// not depend on that word: it is taken off.
func (s *Scratch) correction(note *string) {
	negative := s.negative()
	s.ev.Delta = negative
	if s.worded || !negative && !s.stripped {
		return
	}
	s.ev.Status = schema.StatusReversed
	*note = "no status word, but a reversal's id"
	if negative {
		*note = "no status word, but a negative amount: a correction"
	}
}

func (s *Scratch) negative() bool {
	return s.ev.Commission.State == money.OK && s.ev.Commission.Micros < 0
}

// name decides the event name and returns the explicit one, whether it won or not.
//
// The order is: status, negative amount, explicit name, amount. So a pending,
// refused or unclear conversion never bears the name of a counted one.
func (s *Scratch) name() (explicit string) {
	explicit, source := s.explicitName()
	name, note := s.ruledName()
	if name == "" && explicit != "" {
		name, note = explicit, "the request's own event name"
		s.ev.NameSource = source
	}
	if name == "" {
		name, note = s.pricedName()
	}
	s.ev.EventName = name
	s.trace.add("name", "event_name", s.ev.EventNameRaw, name, note)
	return explicit
}

// explicitName reads the event name the request carries.
func (s *Scratch) explicitName() (string, schema.NameSource) {
	raw := s.text(FieldEventName)
	if raw == "" {
		return "", schema.NameRule
	}
	s.ev.EventNameRaw = s.hold(FieldEventName, raw)
	s.fold = params.Fold(s.fold[:0], s.ev.EventNameRaw)
	if name, ok := s.n.preset.Events[string(s.fold)]; ok {
		return name, schema.NameMapped
	}
	if len(s.fold) <= maxEventName {
		if name, ok := StandardName(string(s.fold)); ok {
			return name, schema.NameExplicit
		}
	}
	name, cut := cutRunes(s.ev.EventNameRaw, maxEventName)
	if cut && len(raw) == len(s.ev.EventNameRaw) {
		s.ev.Repair(schema.RepairTruncated, FieldEventName.String())
	}
	return name, schema.NameExplicit
}

// ruledName returns the name that status or sign dictate, empty if neither does.
func (s *Scratch) ruledName() (name, note string) {
	switch s.ev.Status {
	case schema.StatusTest:
		return schema.NameTest, "test traffic"
	case schema.StatusRejected, schema.StatusReversed:
		return schema.NameReversal, "the status"
	case schema.StatusPending:
		return schema.NamePending, "the status"
	case schema.StatusUnknown:
		return schema.NameUnclassified, "the status word is not known"
	}
	if s.negative() {
		return schema.NameReversal, "a negative amount"
	}
	return "", ""
}

// pricedName names a conversion by its amount alone.
func (s *Scratch) pricedName() (name, note string) {
	switch {
	case s.ev.Commission.State != money.OK:
		return schema.NameUnclassified, "the commission is " + s.ev.Commission.State.String() + ", which is not zero"
	case s.ev.Commission.Micros == 0:
		return schema.NameLead, "the commission is 0"
	}
	return schema.NamePurchase, "the commission is above 0"
}

// goal sets the goal: the network's own, else the explicit event name, so that two
// named events under one id stay two conversions.
func (s *Scratch) goal(explicit string) {
	text, cut := cutRunes(s.text(FieldGoal), MaxText)
	if text == "" {
		text, cut = explicit, false
	}
	if cut {
		s.ev.Repair(schema.RepairTruncated, FieldGoal.String())
	}
	if text == "" {
		return
	}
	s.ev.Goal = s.ev.Grow(func(dst []byte) []byte { return appendLower(dst, text) })
}

// freeText takes the brand.
func (s *Scratch) freeText() {
	if brand := s.text(FieldBrandName); brand != "" {
		s.ev.Brand = s.hold(FieldBrandName, brand)
	}
}

// hold copies text into the event, cut to MaxText characters.
func (s *Scratch) hold(f Field, text string) string {
	text, shorter := cutRunes(text, MaxText)
	if shorter {
		s.ev.Repair(schema.RepairTruncated, f.String())
	}
	return s.ev.Hold(text)
}

// cutRunes returns the first limit characters of s and whether that is not all.
func cutRunes(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	n := 0
	for i := range s {
		if n == limit {
			return s[:i], true
		}
		n++
	}
	return s, false
}

// cut returns at most limit bytes of s, ending at a character, and whether that
// is not all.
func cut(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit], true
}

// appendLower appends s in lower case.
func appendLower(dst []byte, s string) []byte {
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			dst = append(dst, byte(r))
			continue
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
	}
	return dst
}
