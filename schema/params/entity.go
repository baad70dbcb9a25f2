package params

import (
	"strings"
	"unicode/utf8"
)

// latin1Entities names the characters U+00A0 to U+00FF in order. These 96, and
// amp, lt, gt, quot, AMP, LT, GT, QUOT, COPY and REG, are the 106 references an
// HTML parser decodes without a semicolon (HTML Standard, "Named character
// references"), so "&currency" becomes "¤cy" wherever a URL passes as text.
var latin1Entities = strings.Fields(`
	nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr
	deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest
	Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml
	ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig
	agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml
	eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`)

// entityName returns the name of the reference that decodes to r, or "". With
// upper it prefers the upper-case spelling where there are two, so that REGION
// is restored as it was.
func entityName(r rune, upper bool) string {
	var name string
	switch r {
	case '"':
		name = "quot"
	case '<':
		name = "lt"
	case '>':
		name = "gt"
	case '&':
		name = "amp"
	case '\u2329', '\u27E8':
		return "lang" // HTML 4 parsers only
	default:
		if r < 0xA0 || r > 0xFF {
			return ""
		}
		name = latin1Entities[r-0xA0]
	}
	if upper && (r < 0x80 || r == '©' || r == '®') {
		return strings.ToUpper(name)
	}
	return name
}

// runeAt decodes the character whose bytes, percent-encoded or not, start at
// b[i], and returns the index after it. A byte that starts no valid UTF-8
// sequence counts as Latin-1.
func runeAt(b []byte, i int) (r rune, next int) {
	var buf [utf8.UTFMax]byte
	var after [utf8.UTFMax]int
	n := 0
	for j := i; j < len(b) && n < len(buf); n++ {
		c, k, _ := byteAt(b, j)
		if n > 0 && c&0xC0 != 0x80 {
			break
		}
		buf[n], after[n], j = c, k, k
		if c < 0x80 {
			return rune(c), k
		}
	}
	r, size := utf8.DecodeRune(buf[:n])
	if r == utf8.RuneError && size == 1 {
		r = rune(buf[0])
	}
	return r, after[size-1]
}

// entityCut looks for a name that lost its start to an entity at p[i]: the
// character, the rest of a known name, and '='.
func (l *List) entityCut(p []byte, i int, known Known) (c cut, next int) {
	r, next := runeAt(p, i)
	if next >= len(p) || entityName(r, false) == "" {
		return cut{}, next
	}
	first, _, _ := byteAt(p, next)
	entity := entityName(r, first >= 'A' && first <= 'Z')
	n := copy(l.peeked[:], entity)
	for j := next; j < len(p); {
		b, k, _ := byteAt(p, j)
		if b == '=' {
			if !l.knows(l.peeked[:n], known) {
				return cut{}, next
			}
			c = l.entityFound(r, l.peeked[len(entity):n], entity)
			c.next = k
			return c, next
		}
		if !isWord(b) && b != '-' || n == len(l.peeked) {
			return cut{}, next
		}
		l.peeked[n] = b
		n++
		j = k
	}
	return cut{}, next
}

// entityFound builds the cut for a proven entity: the repair's detail and, as
// its tail, the restored name.
func (l *List) entityFound(r rune, rest []byte, entity string) cut {
	const arrow = "->"
	buf := l.alloc(utf8.RuneLen(r) + len(rest) + len(arrow) + len(entity) + len(rest))[:0]
	buf = utf8.AppendRune(buf, r)
	buf = append(buf, rest...)
	buf = append(buf, arrow...)
	at := len(buf)
	buf = append(buf, entity...)
	buf = append(buf, rest...)
	return cut{word: RepairEntity, detail: view(buf), name: view(buf[at:])}
}

// restoredName undoes an entity at the start of a name that arrived on its own,
// as in multipart. Anything that does not give a known name is left alone.
func (l *List) restoredName(name []byte, known Known) []byte {
	r, size := utf8.DecodeRune(name)
	if r == utf8.RuneError && size == 1 {
		r = rune(name[0])
	}
	if size == 0 || entityName(r, false) == "" {
		return name
	}
	rest := name[size:]
	entity := entityName(r, len(rest) > 0 && rest[0] >= 'A' && rest[0] <= 'Z')
	if len(entity)+len(rest) > maxKnown {
		return name
	}
	n := copy(l.peeked[:], entity)
	n += copy(l.peeked[n:], rest)
	if !l.knows(l.peeked[:n], known) {
		return name
	}
	c := l.entityFound(r, l.peeked[len(entity):n], entity)
	l.repaired(c.word, c.detail)
	return bytesOf(c.name)
}

// knows asks known about the folded form of name.
func (l *List) knows(name []byte, known Known) bool {
	if known == nil || len(name) == 0 || len(name) > maxKnown {
		return false
	}
	return known(view(Fold(l.folded[:0], view(name))))
}
