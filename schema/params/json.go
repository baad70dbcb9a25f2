package params

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrJSON is wrapped by every error about a JSON body; the message has the byte
// offset and what was expected there.
var ErrJSON = errors.New("params: body is not one JSON object")

// JSON reads a body that is one JSON object, strictly by RFC 8259 (a byte order
// mark before it is passed over), and keeps its leaves under their paths:
// {"items":[{"sku":7}]} gives "items.0.sku". Numbers keep their text, null is
// marked JSONNull, empty objects and arrays leave nothing. Equal paths are all
// kept and the later ones marked Repeated. Strings that are no UTF-8 are read as
// Windows-1252. After an error the list is as it was before the call. body must
// stay untouched until Reset.
func (l *List) JSON(body []byte) error {
	r := jsonReader{list: l, body: trimBody(body), first: len(l.Params), tooMany: l.TooMany}
	l.path = l.path[:0]
	if err := r.document(); err != nil {
		clear(l.Params[r.first:])
		l.Params, l.TooMany = l.Params[:r.first], r.tooMany
		return err
	}
	l.markRepeated(r.first)
	return nil
}

// markRepeated sets Repeated on every JSON parameter from first on whose path
// was seen before. Few parameters are compared pairwise, many through a map.
func (l *List) markRepeated(first int) {
	fresh := l.Params[first:]
	const few = 24
	if len(fresh) <= few {
		for i := range fresh {
			for j := range i {
				if fresh[i].Name == fresh[j].Name {
					fresh[i].Notes |= Repeated
					break
				}
			}
		}
		return
	}
	if l.seen == nil {
		l.seen = make(map[string]struct{}, len(fresh))
	}
	clear(l.seen)
	for i := range fresh {
		if _, ok := l.seen[fresh[i].Name]; ok {
			fresh[i].Notes |= Repeated
		}
		l.seen[fresh[i].Name] = struct{}{}
	}
	if len(fresh) > keepParams {
		l.seen = nil
	}
}

// jsonReader is one pass over a document. The path of the value being read
// stands in list.path.
type jsonReader struct {
	list    *List
	body    []byte
	at      int
	depth   int
	key     string // the member's key, the whole path at depth 1
	first   int
	tooMany bool
}

func (r *jsonReader) wrong(what string) error {
	return fmt.Errorf("%w: byte %d: %s", ErrJSON, r.at, what)
}

// peek passes over white space and returns the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.at < len(r.body); r.at++ {
		switch c := r.body[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) document() error {
	if r.peek() != '{' {
		return r.wrong("expected '{'")
	}
	if err := r.object(); err != nil {
		return err
	}
	if r.peek(); r.at < len(r.body) {
		return r.wrong("expected nothing after the object")
	}
	return nil
}

func (r *jsonReader) value() error {
	switch c := r.peek(); {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		return r.text()
	case c == '-' || isDigit(c):
		return r.number()
	}
	return r.literal()
}

// enter goes one level deeper past an opening bracket.
func (r *jsonReader) enter() error {
	if r.depth++; r.depth > MaxDepth {
		return r.wrong("nested deeper than " + strconv.Itoa(MaxDepth) + " levels")
	}
	r.at++
	return nil
}

// more decides after a member or element: true after ',', false after the
// closing bracket.
func (r *jsonReader) more(closing byte) (bool, error) {
	switch r.peek() {
	case ',':
		r.at++
		return true, nil
	case closing:
		r.at++
		r.depth--
		return false, nil
	}
	return false, r.wrong("expected ',' or '" + string(rune(closing)) + "'")
}

func (r *jsonReader) object() error {
	if err := r.enter(); err != nil {
		return err
	}
	if r.peek() == '}' {
		r.at++
		r.depth--
		return nil
	}
	prefix := len(r.list.path)
	for {
		if err := r.member(prefix); err != nil {
			return err
		}
		again, err := r.more('}')
		if !again {
			r.list.path = r.list.path[:prefix]
			return err
		}
	}
}

// member reads "key": value below the path's first prefix bytes.
func (r *jsonReader) member(prefix int) error {
	if r.peek() != '"' {
		return r.wrong("expected a key in quotes")
	}
	raw, escaped, err := r.quoted()
	if err != nil {
		return err
	}
	if r.peek() != ':' {
		return r.wrong("expected ':' after the key")
	}
	r.at++
	key, _ := r.list.jsonText(raw, escaped)
	r.key = trim(key)
	r.list.path = r.list.path[:prefix]
	if r.depth > 1 {
		r.list.path = append(r.list.path, '.')
	}
	r.list.path = append(r.list.path, r.key...)
	return r.value()
}

func (r *jsonReader) array() error {
	if err := r.enter(); err != nil {
		return err
	}
	if r.peek() == ']' {
		r.at++
		r.depth--
		return nil
	}
	prefix := len(r.list.path)
	for index := int64(0); ; index++ {
		r.list.path = strconv.AppendInt(append(r.list.path[:prefix], '.'), index, 10)
		if err := r.value(); err != nil {
			return err
		}
		again, err := r.more(']')
		if !again {
			r.list.path = r.list.path[:prefix]
			return err
		}
	}
}

// leaf makes room for a parameter at the current path, nil if it is not kept.
func (r *jsonReader) leaf(raw []byte) *Param {
	l := r.list
	if len(l.path) > MaxPath {
		l.TooMany = true
		return nil
	}
	if !l.room() {
		return nil
	}
	name := r.key
	if r.depth > 1 {
		name = view(append(l.alloc(len(l.path))[:0], l.path...))
	}
	l.Params = append(l.Params, Param{Name: name, Path: name, Value: view(raw), Raw: view(raw), Source: JSON})
	return &l.Params[len(l.Params)-1]
}

func (r *jsonReader) text() error {
	raw, escaped, err := r.quoted()
	if err != nil {
		return err
	}
	if p := r.leaf(raw); p != nil {
		var notes Notes
		p.Value, notes = r.list.jsonText(raw, escaped)
		r.list.judge(p, notes)
	}
	return nil
}

// quoted passes a string and returns what stands between its quotes.
func (r *jsonReader) quoted() (raw []byte, escaped bool, err error) {
	r.at++
	for start := r.at; r.at < len(r.body); r.at++ {
		switch c := r.body[r.at]; {
		case c == '"':
			r.at++
			return r.body[start : r.at-1], escaped, nil
		case c == '\\':
			escaped = true
			if err := r.escape(); err != nil {
				return nil, false, err
			}
		case c < 0x20:
			return nil, false, r.wrong("control character in a string")
		}
	}
	return nil, false, r.wrong("string without an end")
}

// escape passes a backslash escape up to its last byte.
func (r *jsonReader) escape() error {
	rest := r.body[r.at+1:]
	if len(rest) > 0 && rest[0] == 'u' {
		if _, ok := hex4(rest[1:]); !ok {
			return r.wrong("\\u without four hex digits")
		}
		r.at += 5
		return nil
	}
	if len(rest) == 0 || bytes.IndexByte(bytesOf(`"\/bfnrt`), rest[0]) < 0 {
		return r.wrong("unknown escape in a string")
	}
	r.at++
	return nil
}

func (r *jsonReader) number() error {
	start := r.at
	if r.body[r.at] == '-' {
		r.at++
	}
	leadingZero := r.at < len(r.body) && r.body[r.at] == '0'
	switch n := r.digits(); {
	case n == 0:
		return r.wrong("number without digits")
	case leadingZero && n > 1:
		return r.wrong("number with a leading zero")
	}
	if r.at < len(r.body) && r.body[r.at] == '.' {
		r.at++
		if r.digits() == 0 {
			return r.wrong("number without digits after the point")
		}
	}
	if r.at < len(r.body) && r.body[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.body) && (r.body[r.at] == '+' || r.body[r.at] == '-') {
			r.at++
		}
		if r.digits() == 0 {
			return r.wrong("number without digits in the exponent")
		}
	}
	if p := r.leaf(r.body[start:r.at]); p != nil {
		p.Number = true
	}
	return nil
}

// digits passes decimal digits and returns how many.
func (r *jsonReader) digits() (n int) {
	for r.at < len(r.body) && isDigit(r.body[r.at]) {
		r.at++
		n++
	}
	return n
}

func (r *jsonReader) literal() error {
	for _, word := range [...]string{"null", "true", "false"} {
		if !bytes.HasPrefix(r.body[r.at:], bytesOf(word)) {
			continue
		}
		raw := r.body[r.at : r.at+len(word)]
		r.at += len(word)
		p := r.leaf(raw)
		switch {
		case p == nil:
		case word == "null":
			p.Value, p.JSONNull = "", true
		default:
			p.Null = nullWord(word)
		}
		return nil
	}
	return r.wrong("expected a value")
}

// jsonText decodes the inside of a JSON string that quoted has accepted.
func (l *List) jsonText(raw []byte, escaped bool) (string, Notes) {
	if !escaped {
		return l.text(raw)
	}
	var notes Notes
	if !utf8.Valid(raw) {
		raw, notes = l.fromWindows1252(raw), Latin1
	}
	out := l.alloc(len(raw))[:0]
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		r, size := escapedRune(raw[i:])
		if r == utf8.RuneError && size == 6 && !bytes.EqualFold(raw[i:i+6], bytesOf(`\ufffd`)) {
			notes |= LoneSurrogate
		}
		out = utf8.AppendRune(out, r)
		i += size
	}
	l.giveBack(len(raw) - len(out))
	s, more := l.text(out)
	return s, notes | more
}

// escapedRune decodes the escape at the start of b and returns its length. Half
// a surrogate pair gives U+FFFD.
func escapedRune(b []byte) (r rune, size int) {
	switch b[1] {
	case 'u':
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	default:
		return rune(b[1]), 2
	}
	r, _ = hex4(b[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		low, _ := hex4(b[8:])
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads four hex digits at the start of b.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		d := unhex(c)
		if d == 0xFF {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}
