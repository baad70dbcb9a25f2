package params

import (
	"bytes"
	"strings"
)

// What a byte may mean for the pair it stands in. A pair without any of these
// is taken as it is, in one pass.
const (
	ends   = 1 << iota // '&'
	splits             // '='
	codes              // the text has to be decoded, cleaned or trimmed
	wounds             // two parameters may be glued together here
	named              // the name may need work: "amp;" or brackets
)

// meaning is the table of those bits by byte.
var meaning = func() (t [256]byte) {
	for c := range t {
		if c <= ' ' || c >= 0x7F {
			t[c] = codes
		}
		if c >= 0x80 {
			t[c] |= wounds
		}
	}
	t['&'], t['='] = ends, splits
	t['+'], t['%'] = codes, codes|wounds
	for _, c := range []byte(`?\"<>`) {
		t[c] = wounds
	}
	t['['], t[';'] = named, named
	return t
}()

// Query reads a query string, without its leading '?'. Pairs are split at '&'
// only (fasthttp and the URL Standard do not split at ';'), names from values at
// the first '='; empty pairs are passed over. raw must stay untouched until
// Reset.
func (l *List) Query(raw []byte, known Known) { l.pairs(raw, Query, known) }

// Form reads a body of type application/x-www-form-urlencoded by the rules of
// Query. A byte order mark and surrounding white space are passed over.
func (l *List) Form(body []byte, known Known) { l.pairs(trimBody(body), Form, known) }

// pairs splits raw into pairs. Clean ones are kept right away.
func (l *List) pairs(raw []byte, src Source, known Known) {
	for start := 0; start < len(raw); {
		eq, i, seen := -1, start, byte(0)
		for ; i < len(raw); i++ {
			if m := meaning[raw[i]]; m != 0 {
				if m == ends {
					break
				}
				seen |= m
				if m == splits && eq < 0 {
					eq = i
				}
			}
		}
		switch {
		case i == start, eq == start && i == start+1:
		case seen&^splits != 0:
			l.damaged(raw[start:i], seen, src, known)
		case !l.room():
			return
		default:
			l.clean(raw, start, eq, i, src)
		}
		start = i + 1
	}
}

// clean keeps the pair raw[start:end], of which nothing needs decoding.
func (l *List) clean(raw []byte, start, eq, end int, src Source) {
	if eq < 0 {
		eq = end
	}
	name, value := view(raw[start:eq]), view(raw[min(eq+1, end):end])
	p := l.next()
	p.Name, p.Path, p.Value, p.Raw = name, name, value, value
	p.Source = src
	if value == "" || !mayMean[value[0]] {
		return
	}
	found := macroShape(value)
	p.Macro, p.Weak = found == strongMacro, found == weakMacro
	p.Null = nullWord(value)
}

// next returns a zeroed place for one more parameter: filling it where it lies
// costs half of appending a value of that size.
func (l *List) next() *Param {
	n := len(l.Params)
	if n == cap(l.Params) {
		l.Params = append(l.Params, Param{})
		return &l.Params[n]
	}
	l.Params = l.Params[:n+1]
	p := &l.Params[n]
	*p = Param{}
	return p
}

// cut is a place where one pair turned out to be two.
type cut struct {
	word, detail string // the repair
	name         string // the second parameter's name; "" if it follows in the text
	next         int    // where the text of the second parameter begins
}

// damaged keeps a pair that needs decoding, in as many parts as were glued
// together in it.
func (l *List) damaged(p []byte, seen byte, src Source, known Known) {
	start, name, inURL := 0, "", false
	for i := 0; seen&wounds != 0 && i < len(p); {
		if meaning[p[i]]&wounds == 0 {
			i++
			continue
		}
		c, next := l.cutAt(p, i, known)
		if c.word == RepairSecondQuestionMark && (inURL || bytes.Contains(p[start:i], bytesOf("://"))) {
			// An address written without encoding keeps its own query: what
			// stands there is the landing page's, not the postback's.
			inURL, c, next = true, cut{}, i+1
		}
		if c.word == "" {
			i = next
			continue
		}
		l.pair(p[start:i], name, src)
		l.repaired(c.word, c.detail)
		start, i, name, inURL = c.next, c.next, c.name, false
	}
	l.pair(p[start:], name, src)
}

// cutAt examines p[i], a byte that may hide a lost '&'. Without a cut it returns
// the index to go on from.
func (l *List) cutAt(p []byte, i int, known Known) (cut, int) {
	switch p[i] {
	case '?':
		if l.namedAt(p, i+1, known) {
			return cut{word: RepairSecondQuestionMark, next: i + 1}, i
		}
		return cut{}, i + 1
	case '\\', '%':
		if c, next, _ := byteAt(p, i); c == '\\' {
			const rest = "u0026"
			if bytes.HasPrefix(p[next:], bytesOf(rest)) && l.namedAt(p, next+len(rest), known) {
				return cut{word: RepairEscapedAmpersand, next: next + len(rest)}, i
			}
			return cut{}, next
		}
	}
	return l.entityCut(p, i, known)
}

// namedAt reports whether a known name and '=' stand at p[i].
func (l *List) namedAt(p []byte, i int, known Known) bool {
	j := i
	for j < len(p) && j-i <= maxKnown && (isWord(p[j]) || p[j] == '-') {
		j++
	}
	return j < len(p) && p[j] == '=' && l.knows(p[i:j], known)
}

// pair decodes and keeps one parameter. text is the value when name is given,
// else the whole pair; nothing is kept of an empty one.
func (l *List) pair(text []byte, name string, src Source) {
	p := Param{Name: name, Path: name, Source: src}
	if name == "" {
		if len(trimBytes(text)) == 0 {
			return
		}
		var rawName []byte
		rawName, text, _ = bytes.Cut(text, bytesOf("="))
		p.Name, p.Notes = l.decoded(rawName)
		p.Name = l.withoutAmp(trim(p.Name))
		p.Path = l.dotted(p.Name)
	}
	if !l.room() {
		return
	}
	p.Raw = view(text)
	var notes Notes
	p.Value, notes = l.decoded(text)
	l.judge(&p, notes)
	l.Params = append(l.Params, p)
}

// decoded returns raw percent-decoded and cleaned.
func (l *List) decoded(raw []byte) (string, Notes) {
	if bytes.IndexByte(raw, '%') < 0 && bytes.IndexByte(raw, '+') < 0 {
		return l.text(raw)
	}
	out, notes := l.unescape(raw, true)
	s, more := l.text(out)
	return s, notes | more
}

// withoutAmp removes the leading "amp;" that a URL gets each time it is pasted
// from HTML source: "&amp;amp;currency" has two.
func (l *List) withoutAmp(name string) string {
	const amp = "amp;"
	for len(name) >= len(amp) && strings.EqualFold(name[:len(amp)], amp) {
		name = trim(name[len(amp):])
		l.repaired(RepairAmpPrefix, "")
	}
	return name
}
