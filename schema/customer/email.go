package customer

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEmail is the longest address in bytes that mail can be delivered to
// (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const maxEmail = 254

// AppendEmail appends the address in lower case, without the blanks around it,
// to dst and returns the longer slice. It wants one `@`, something before it
// and a domain with a dot behind it; display names, comments and quoted parts
// are refused, not unwrapped. Dots and suffixes of the local part stay: only
// some platforms drop them. A single space inside the local part was a `+`
// before form decoding and becomes one again (EmailPlus). An address that was
// percent-encoded twice is read (DoubleDecoded). Nothing but dst is written,
// and dst only grows when the address is kept.
func AppendEmail(dst []byte, raw string) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	raw = trim(raw)
	if raw == "" {
		return dst, 0
	}
	if len(raw) > 3*maxEmail {
		return dst, Rejected
	}
	var room [3 * maxEmail]byte
	note := Note(0)
	text := room[:0]
	if strings.IndexByte(raw, '@') < 0 && strings.Contains(raw, "%40") {
		text = bytes.TrimFunc(appendUnescaped(text, raw), isBlank)
		note = DoubleDecoded
	} else {
		text = append(text, raw...)
	}
	start := len(dst)
	dst, plus, ok := appendAddress(dst, text)
	if !ok || len(dst)-start > maxEmail {
		return dst[:start], Rejected
	}
	return dst, note | plus
}

// appendAddress appends the parts of text in lower case; ok is false when text
// is no address, and what was appended by then is to be cut off.
func appendAddress(dst, text []byte) (out []byte, n Note, ok bool) {
	at := bytes.IndexByte(text, '@')
	if at <= 0 || bytes.IndexByte(text[at+1:], '@') >= 0 {
		return dst, 0, false
	}
	local, domain := text[:at], text[at+1:]
	dst, n, ok = appendLocal(dst, local)
	if !ok || !isDomain(domain) {
		return dst, 0, false
	}
	dst = append(dst, '@')
	for len(domain) > 0 {
		r, size := utf8.DecodeRune(domain)
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		domain = domain[size:]
	}
	return dst, n, true
}

// appendLocal appends the part before the `@`. Spaces are put back to `+` when
// they stand alone between other characters.
func appendLocal(dst, local []byte) (out []byte, n Note, ok bool) {
	for i := 0; i < len(local); {
		r, size := utf8.DecodeRune(local[i:])
		if r == utf8.RuneError && size == 1 {
			return dst, 0, false
		}
		switch {
		case r == ' ':
			if i == len(local)-1 || local[i+1] == ' ' {
				return dst, 0, false
			}
			dst = append(dst, '+')
			n |= EmailPlus
		case r < utf8.RuneSelf && !isLocalByte(byte(r)), isBlank(r):
			return dst, 0, false
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		i += size
	}
	return dst, n, true
}

// isLocalByte says whether c may stand in the unquoted local part of an
// address: the atext of RFC 5322 section 3.2.3 and the dot.
func isLocalByte(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

// isDomain says whether d has the shape of a mail domain: labels of letters,
// digits and dashes with a dot between them, the last one no number. Letters
// of any script count (RFC 6531).
func isDomain(d []byte) bool {
	labels, label, alpha := 0, 0, false
	for i := 0; i < len(d); {
		r, size := utf8.DecodeRune(d[i:])
		i += size
		switch {
		case r == '.':
			if label == 0 {
				return false
			}
			labels, label, alpha = labels+1, 0, false
			continue
		case r == utf8.RuneError && size == 1, r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r):
			return false
		case r < utf8.RuneSelf && !isLetter(byte(r)) && !isDigit(byte(r)) && r != '-':
			return false
		}
		alpha = alpha || r >= utf8.RuneSelf || isLetter(byte(r))
		label++
	}
	return labels >= 1 && label >= 2 && alpha
}

// appendUnescaped appends s with its percent-escapes resolved; what is no
// escape stays.
func appendUnescaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if high, low := hexDigit(s[i+1]), hexDigit(s[i+2]); high >= 0 && low >= 0 {
				dst = append(dst, byte(high<<4|low))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

// hexDigit returns the value of a hex digit, -1 for any other byte.
func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
