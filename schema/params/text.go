package params

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// windows1252 holds the code points of the bytes 0x80 to 0x9F; above them the
// code page equals Latin-1 (WHATWG Encoding Standard, index windows-1252). The
// five bytes it leaves open are C1 controls, which cleaning removes.
var windows1252 = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}

const byteOrderMark = '\uFEFF'

// unhex returns the value of one hex digit, or 0xFF.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xFF
}

// byteAt decodes the byte that starts at b[i], which may be a percent escape,
// and returns the index after it. A broken escape is a literal '%'; ok is false.
func byteAt(b []byte, i int) (c byte, next int, ok bool) {
	if b[i] != '%' {
		return b[i], i + 1, true
	}
	if i+2 < len(b) {
		hi, lo := unhex(b[i+1]), unhex(b[i+2])
		if hi|lo < 0x10 {
			return hi<<4 | lo, i + 3, true
		}
	}
	return '%', i + 1, false
}

// unescape percent-decodes b into the arena; '+' is a space where plus says so
// (application/x-www-form-urlencoded). Escapes that are none stay as they are,
// as in the browsers' parser; net/url would drop the whole pair.
func (l *List) unescape(b []byte, plus bool) ([]byte, Notes) {
	out := l.alloc(len(b))
	n, notes := 0, Notes(0)
	for i := 0; i < len(b); n++ {
		c, next, ok := byteAt(b, i)
		if !ok {
			notes |= BadEscape
		}
		if plus && b[i] == '+' {
			c = ' '
		}
		out[n], i = c, next
	}
	l.giveBack(len(b) - n)
	return out[:n:n], notes
}

// text returns b as clean text: valid UTF-8 without controls. Clean input is
// returned as a view of b, anything else as a copy in the arena.
func (l *List) text(b []byte) (string, Notes) {
	if plainText(b) {
		return view(b), 0
	}
	var notes Notes
	if !utf8.Valid(b) {
		b, notes = l.fromWindows1252(b), Latin1
	}
	if bytes.IndexFunc(b, unwanted) < 0 {
		return view(b), notes
	}
	out := l.alloc(len(b))
	n := 0
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if !unwanted(r) {
			n += copy(out[n:], b[i:i+size])
		}
		i += size
	}
	l.giveBack(len(b) - n)
	return view(out[:n]), notes | ControlStripped
}

// plainText reports whether b is printable ASCII.
func plainText(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c >= 0x7F {
			return false
		}
	}
	return true
}

// unwanted says which runes never reach a value: they break log lines and
// terminals, and no identifier contains them on purpose.
func unwanted(r rune) bool {
	return r < 0x20 || r >= 0x7F && r < 0xA0 || r == byteOrderMark
}

// fromWindows1252 returns b transcoded to UTF-8 in the arena.
func (l *List) fromWindows1252(b []byte) []byte {
	size := 0
	for _, c := range b {
		size += utf8.RuneLen(fromByte(c))
	}
	out := l.alloc(size)[:0]
	for _, c := range b {
		out = utf8.AppendRune(out, fromByte(c))
	}
	return out
}

// fromByte returns the code point of one Windows-1252 byte.
func fromByte(c byte) rune {
	if c >= 0x80 && c < 0xA0 {
		return windows1252[c-0x80]
	}
	return rune(c)
}

// trimBytes removes surrounding spaces from b.
func trimBytes(b []byte) []byte { return bytesOf(trim(view(b))) }

// trimBody removes a UTF-8 byte order mark and surrounding white space, which
// carry nothing in any of the body formats.
func trimBody(b []byte) []byte {
	return trimSpace(bytes.TrimPrefix(trimSpace(b), bytesOf("\uFEFF")))
}

// trimSpace removes the white space of JSON (RFC 8259, section 2), which is less
// than Unicode's, from both ends.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Fold appends the form of name under which names are compared: ASCII letters
// in lower case; '_', '-' and spaces removed. "Transaction-ID", "transaction_id"
// and "transactionid" fold to the same bytes.
func Fold(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == ' ':
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// dotted returns name with bracketed keys in dotted form: a[b][c] is a.b.c, as
// NATS ("transaction[...]") and wecantrack ("sub_ids[clickref]") send them. A
// name whose brackets are not well formed is returned unchanged.
func (l *List) dotted(name string) string {
	open := strings.IndexByte(name, '[')
	if open <= 0 || name[len(name)-1] != ']' {
		return name
	}
	out := l.alloc(len(name))
	n := copy(out, name[:open])
	for rest := name[open:]; rest != ""; {
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 || strings.IndexByte(rest[1:end], '[') >= 0 {
			l.giveBack(len(name))
			return name
		}
		if key := rest[1:end]; key != "" {
			out[n] = '.'
			n += 1 + copy(out[n+1:], key)
		}
		rest = rest[end+1:]
	}
	l.giveBack(len(name) - n)
	return view(out[:n])
}
