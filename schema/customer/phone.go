package customer

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Bounds of a number in digits: seven is the shortest anyone can be reached
// under from abroad, fifteen the longest ITU-T E.164 section 6.1 allows.
const (
	minPhone = 7
	maxPhone = 15
)

// AppendPhone appends the number to dst and returns the longer slice: E.164
// with its `+` when the calling code is known, else the bare digits, flagged
// PhoneNoCountry. country is an alpha-2 code in upper case or empty: the
// event's own, else the property's.
//
// The calling code comes from a leading `+` or `00` (`011` from North America),
// or from country when the rest is as long as that country's numbers are; its
// trunk prefix is dropped, also behind the calling code, and Italy's zero is
// kept. A single leading blank before ten digits or more was a `+` before form
// decoding (PhonePlus). The number ends where letters, a `#` or a second number
// begin; letters earlier than the seventh digit make it a word, and refused.
func AppendPhone(dst []byte, raw, country string) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	if trim(raw) == "" {
		return dst, 0
	}
	s, ok := scanPhone(withoutFloatTail(raw))
	if !ok || !s.plausible() {
		return dst, Rejected
	}
	note := Note(0)
	home := planOf(country)
	if !s.plus && lostPlus(raw, s, home) {
		s.plus, note = true, PhonePlus
	}
	if abroad := s.international(home); abroad != nil {
		return appendAbroad(dst, abroad, s.bracketed, note)
	}
	if national, ok := home.national(s.number()); ok {
		dst = append(dst, '+')
		dst = append(dst, home.code...)
		return append(dst, national...), note
	}
	if s.n > maxPhone {
		return dst, Rejected
	}
	return append(dst, s.number()...), PhoneNoCountry
}

// appendAbroad appends digits that begin with a calling code. bracketed is the
// number of digits before a "(0)", or -1.
func appendAbroad(dst, digits []byte, bracketed int, note Note) ([]byte, Note) {
	size := min(callingCodeLen(digits), len(digits))
	code, rest := digits[:size], digits[size:]
	if len(rest) > 0 && rest[0] == '0' {
		p := planByCode(code)
		for p.trunkZero() && bytes.HasPrefix(rest, []byte(p.trunk)) {
			rest = rest[len(p.trunk):]
		}
		if bracketed == size && p.trunk == "" && p.code != "39" && p.code != "378" {
			rest = rest[1:]
		}
	}
	if n := len(code) + len(rest); n < minPhone || n > maxPhone {
		return dst, Rejected
	}
	dst = append(dst, '+')
	dst = append(dst, code...)
	return append(dst, rest...), note
}

// scan is the outcome of reading a number's text.
type scan struct {
	digits    [20]byte // a number of maxPhone with the longest prefixes
	n         int
	plus      bool // a `+` stood before the first digit
	bracketed int  // digits before a "(0)", counted without a leading 00; -1: none
}

func (s *scan) number() []byte { return s.digits[:s.n] }

// plausible says whether there are enough digits for a number, and not mere
// zeros before a few. Too many show once the prefixes are off.
func (s *scan) plausible() bool {
	return s.n >= minPhone && len(bytes.TrimLeft(s.number(), "0")) >= 5
}

// international returns the digits from the calling code on, nil when the
// number does not bring one.
func (s *scan) international(home plan) []byte {
	d := s.number()
	switch {
	case s.plus && d[0] != '0':
		return d
	case s.plus && d[1] == '0', len(d) > 2 && d[0] == '0' && d[1] == '0' && d[2] != '0':
		if s.bracketed > 1 {
			s.bracketed -= 2
		}
		return bytes.TrimLeft(d, "0")
	case home.code == "1" && len(d) >= 11 && bytes.HasPrefix(d, []byte("011")) && d[3] != '0':
		return d[3:]
	}
	return nil
}

// scanPhone collects the digits of raw; ok is false when it is no number.
func scanPhone(raw string) (s scan, ok bool) {
	s.bracketed = -1
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case isDigit(c):
			if s.n == len(s.digits) {
				return s, false
			}
			if c == '0' && i > 0 && raw[i-1] == '(' && i+1 < len(raw) && raw[i+1] == ')' {
				s.bracketed = s.n
			}
			s.digits[s.n] = c
			s.n++
		case c == '+' && s.n == 0:
			s.plus = true
		case c|0x20 == 'e' && s.n > 0 && i+1 < len(raw) && (isDigit(raw[i+1]) || raw[i+1] == '+'):
			return s, false // 4.9171E+11: a spreadsheet has rounded the number away
		case isLetter(c), c == '+', c == '#', c == ';', c == ',':
			if s.n >= minPhone {
				return s, true
			}
			if s.n > 0 {
				return s, false
			}
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(raw[i:])
			if unicode.IsDigit(r) {
				return s, false
			}
			s.plus = s.plus || r == '＋' && s.n == 0
			i += size - 1
		}
	}
	return s, true
}

// lostPlus says whether the blank before the number was a `+` that form
// decoding turned into a space: blanks before but none behind, ten digits or
// more, and a calling code with a number of its length behind it. A zero behind
// a code that has no trunk prefix is only believed where it cannot be domestic.
func lostPlus(raw string, s scan, home plan) bool {
	if raw[0] != ' ' || isBlank(rune(raw[len(raw)-1])) || s.n < 10 || s.digits[0] == '0' {
		return false
	}
	size := callingCodeLen(s.number())
	p, rest := planByCode(s.digits[:size]), s.digits[size:s.n]
	if rest[0] == '0' && p.trunkZero() {
		rest = rest[1:]
	} else if _, domestic := home.national(s.number()); rest[0] == '0' && domestic {
		return false
	}
	return p.fits(len(rest))
}

// twoDigitCodes are the calling codes of two digits. Those of one digit are 1
// and 7, all others have three (ITU-T E.164, list of assigned codes).
const twoDigitCodes = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "

// callingCodeLen returns how many of the leading digits are the calling code;
// it may be more than there are. digits is not empty.
func callingCodeLen(digits []byte) int {
	if len(digits) == 1 || digits[0] == '1' || digits[0] == '7' {
		return 1
	}
	for i := 1; i < len(twoDigitCodes); i += 3 {
		if twoDigitCodes[i] == digits[0] && twoDigitCodes[i+1] == digits[1] {
			return 2
		}
	}
	return 3
}

// national returns the national number in d, which has no international prefix;
// ok is false when its length is not one of the plan, so that a number from
// elsewhere is not given this country's code.
func (p plan) national(d []byte) (number []byte, ok bool) {
	if p.code == "" {
		return nil, false
	}
	if rest := len(d) - len(p.code); bytes.HasPrefix(d, []byte(p.code)) && p.fits(rest) && (len(d) > p.max || len(d) >= 11) {
		d = d[len(p.code):]
	}
	if bytes.HasPrefix(d, []byte(p.trunk)) && (p.trunkZero() || len(d) > p.max) {
		d = d[len(p.trunk):]
	}
	return d, p.fits(len(d)) && p.begins(d[0]) && len(p.code)+len(d) >= minPhone
}

// begins says whether a national number may begin with the digit c: never with
// a zero that is dialled as a trunk prefix, and in North America with no 1
// either (North American Numbering Plan, area codes).
func (p plan) begins(c byte) bool {
	return (c != '0' || !p.trunkZero()) && (c > '1' || p.code != "1")
}

// trunkZero says whether national numbers are dialled with a zero that is not
// part of them.
func (p plan) trunkZero() bool { return p.trunk != "" && p.trunk[0] == '0' }

// fits says whether a national number may have n digits.
func (p plan) fits(n int) bool { return n > 0 && n >= p.min && n <= p.max }
