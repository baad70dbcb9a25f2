package params

import "strings"

// shape is what the macro detector says about a text.
type shape uint8

const (
	noMacro shape = iota
	weakMacro
	strongMacro
)

// delimiter is a pair that networks put around the name of a macro. inner says
// that template languages use the pair, so that spaces inside it ("{{ order.id }}"
// of Liquid) and a filter around the name are customary.
type delimiter struct {
	open, close string
	shape       shape
	inner       bool
}

// delimiters are the pairs seen in postback templates of real networks. The
// weak ones also occur in plain text.
var delimiters = [...]delimiter{
	{"{", "}", strongMacro, true}, {"{{", "}}", strongMacro, true}, {"{{{", "}}}", strongMacro, true},
	{"${", "}", strongMacro, true}, {"#{", "}", strongMacro, true},
	{"#", "#", strongMacro, false}, {"##", "##", strongMacro, false},
	{"[", "]", strongMacro, true}, {"[[", "]]", strongMacro, true}, {"[[[", "]]]", strongMacro, true},
	{"[=", "=]", strongMacro, false},
	{"!!", "!!", strongMacro, false}, {"!!!", "!!!", strongMacro, false},
	{"%", "%", strongMacro, false}, {"%%", "%%", strongMacro, false},
	{"<", ">", strongMacro, false},
	{"__", "__", weakMacro, false}, {"xx", "xx", weakMacro, false},
	{"--", "--", weakMacro, false}, {":", ":", weakMacro, false},
}

// mayOpen marks the first bytes a macro can have.
var mayOpen = [256]bool{
	'{': true, '$': true, '#': true, '[': true, '!': true, '%': true, '<': true,
	'_': true, 'x': true, '-': true, ':': true, 'R': true, 'O': true, 'P': true, 'I': true,
}

// mayMean marks the first bytes of macros and of null words.
var mayMean = func() (t [256]bool) {
	t = mayOpen
	for _, c := range []byte("nNuU(fF-") {
		t[c] = true
	}
	return t
}()

// macroShape examines one text, surrounding spaces left out, as a whole.
func macroShape(s string) shape {
	s = trim(s)
	if s == "" || !mayOpen[s[0]] {
		return noMacro
	}
	switch s[0] {
	case 'R', 'O', 'P', 'I': // of the words; no delimiter begins so
		if placeholder(s) {
			return strongMacro
		}
		return noMacro
	}
	for i := range delimiters {
		d := &delimiters[i]
		if len(s) <= len(d.open)+len(d.close) || !strings.HasPrefix(s, d.open) || !strings.HasSuffix(s, d.close) {
			continue
		}
		name := s[len(d.open) : len(s)-len(d.close)]
		if d.inner {
			name = trim(name)
		}
		if identifier(name) || d.inner && call(name) {
			return d.shape
		}
	}
	return noMacro
}

// placeholder reports whether s is one of the words that templates ship in place
// of a macro (Voluum and BeMob: REPLACE, OPTIONAL; Rakuten: INSERT_..._HERE).
func placeholder(s string) bool {
	switch s {
	case "REPLACE", "OPTIONAL", "PLACEHOLDER":
		return true
	}
	const head, tail = "INSERT_", "_HERE"
	return len(s) > len(head)+len(tail) && strings.HasPrefix(s, head) && strings.HasSuffix(s, tail) &&
		identifier(s[len(head):])
}

// identifier reports whether s can be the name of a macro:
// [A-Za-z_][\w .:|-]*, so that {} [] {1} [1,2] {"a":1} are values.
func identifier(s string) bool {
	if s == "" || !isWord(s[0]) || isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case isWord(c), c == ' ', c == '.', c == ':', c == '|', c == '-':
		default:
			return false
		}
	}
	return true
}

// call reports whether s is a macro's name in a filter, as in {url(oid)} of
// Keitaro's templates for CJ.
func call(s string) bool {
	filter, rest, ok := strings.Cut(s, "(")
	name, tail, closed := strings.Cut(rest, ")")
	return ok && closed && tail == "" && identifier(filter) && identifier(name)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '_'
}

// judge sets Macro, Weak and Null of p, whose Raw and Value are set, and adds
// notes, those of the value. The raw text comes first: %date% and its kin begin
// with two hex digits and decode to something else. After it up to three
// decodings are tried, because templates pass through encoders untouched
// (%257Btxid%257D); Value is the first of them.
func (l *List) judge(p *Param, notes Notes) {
	found := macroShape(p.Raw)
	switch {
	case found == strongMacro:
		p.Value, notes = trim(p.Raw), 0
	case p.Value != p.Raw:
		found = max(found, macroShape(p.Value))
	}
	if found != strongMacro && strings.IndexByte(p.Value, '%') >= 0 {
		if deeper := l.decodedShape(bytesOf(p.Value)); deeper > found {
			found, notes = deeper, notes|DoubleDecoded
		}
	}
	p.Notes |= notes
	p.Macro, p.Weak = found == strongMacro, found == weakMacro
	p.Null = nullWord(p.Value)
}

// decodedShape looks at b after one and after two more decodings.
func (l *List) decodedShape(b []byte) shape {
	found := noMacro
	for range 2 {
		next, _ := l.unescape(b, true)
		found = max(found, macroShape(view(next)))
		if found == strongMacro || len(next) == len(b) {
			break
		}
		b = next
	}
	return found
}

// nullWords are the literal words that software prints for "no value".
var nullWords = [...]string{"null", "none", "nil", "undefined", "nan", "(null)", "n/a", "(not set)", "false", "-"}

// nullWord reports whether the whole value is a null word, in any case.
func nullWord(s string) bool {
	s = trim(s)
	if s == "" || len(s) > len("undefined") || strings.IndexByte("nNuU(fF-", s[0]) < 0 {
		return false
	}
	for _, w := range nullWords {
		if len(w) == len(s) && strings.EqualFold(w, s) {
			return true
		}
	}
	return false
}
