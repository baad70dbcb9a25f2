package network

import (
	"strconv"
	"strings"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/customer"
	"github.com/postbackhq/postback/schema/params"
)

// params keeps what no field took: the first MaxParams of them. Secrets are gone,
// and so is what looks like a card number.
func (s *Scratch) params() {
	over := s.list.TooMany
	for i := range s.list.Params {
		if s.use[i] != useParam {
			continue
		}
		p := &s.list.Params[i]
		switch {
		case cardLike(p.Value):
			s.use[i] = useSecret
		case s.n.settings.PII != KeepPII && mailLike(p.Value, &s.fold):
			s.use[i] = usePersonal
		case s.kept == s.n.maxParams:
			s.use[i], over = useOver, true
		default:
			s.keep(i, p)
		}
	}
	if over {
		s.ev.Repair(schema.RepairTooManyParams, "")
	}
}

// keep adds parameter i to the event. Another value under a name that is there
// already gets a number behind its name, so that the names stay distinct.
func (s *Scratch) keep(i int, p *params.Param) {
	ev := s.ev
	name, _ := cut(p.Name, maxParamName)
	value, shorter := cut(p.Value, MaxParamValue)
	if shorter {
		s.ev.Repair(schema.RepairTruncated, name)
	}
	copies := 1
	for j := range ev.Params {
		if ev.Params[j].Name != name {
			continue
		}
		if copies++; ev.Params[j].Value == value {
			s.use[i] = useRepeat
			return
		}
	}
	if copies > 1 {
		name = s.numbered(name)
	} else {
		name = ev.Hold(name)
	}
	s.kept++
	ev.Params = append(ev.Params, schema.Param{Name: name, Value: ev.Hold(value)})
}

// numbered returns name.2, name.3 and so on, the first that is free.
func (s *Scratch) numbered(name string) string {
	for n := 2; ; n++ {
		s.fold = append(append(s.fold[:0], name...), '.')
		s.fold = strconv.AppendInt(s.fold, int64(n), 10)
		if !s.taken() {
			return s.ev.Grow(func(dst []byte) []byte { return append(dst, s.fold...) })
		}
	}
}

// taken reports whether the name in s.fold is one of the event's parameters.
func (s *Scratch) taken() bool {
	for j := range s.ev.Params {
		if s.ev.Params[j].Name == string(s.fold) {
			return true
		}
	}
	return false
}

// mailLike reports whether value is an e-mail address.
func mailLike(value string, buffer *[]byte) bool {
	if !strings.Contains(value, "@") {
		return false
	}
	var note customer.Note
	*buffer, note = customer.AppendEmail((*buffer)[:0], value)
	return len(*buffer) > 0 && note&customer.Rejected == 0
}
