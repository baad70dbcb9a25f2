package customer

import "strings"

// AppendState appends a state or province to dst and returns the longer slice.
// With country US, CA or AU (an alpha-2 code in upper case) its name, code or
// usual abbreviation becomes the ISO 3166-2 code without the country, in upper
// case; without a country only a text like `US-CA`, which brings its own, does.
// Anything else is kept as sent, so `CA` is California in the US alone.
func AppendState(dst []byte, raw, country string) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	text := trim(raw)
	if len(text) > 3 && text[2] == '-' && hasStates(text[:2]) && (country == "" || strings.EqualFold(country, text[:2])) {
		country, text = text[:2], text[3:]
	}
	if hasStates(country) {
		var room [maxFold]byte
		key := fold(appendLowerASCII(room[:0], country), text)
		if code, ok := lookup(stateNames, key); ok {
			return append(dst, code...), 0
		}
	}
	return appendText(dst, raw)
}

// hasStates says whether the states of that country are in the table.
func hasStates(country string) bool {
	return strings.EqualFold(country, "US") || strings.EqualFold(country, "CA") || strings.EqualFold(country, "AU")
}

// fiveDigits lists the countries whose postal codes have five digits and may
// begin with zeros (Universal Postal Union, addressing systems).
const fiveDigits = " US PR DE FR IT ES MX FI TR MY KR UA HR ME "

// AppendZip appends a postal code to dst as text, in upper case and with inner
// blanks made one, and returns the longer slice; leading zeros and the dash of
// `98121-4892` stay. wasNumber says that the sender's JSON held a number: where
// the country's codes have five digits, three or four of them mean lost zeros,
// flagged TruncatedNumber and not refilled. Text without a letter or digit, or
// with anything but those, blanks and dashes, is refused.
func AppendZip(dst []byte, raw, country string, wasNumber bool) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	text := trim(raw)
	if wasNumber {
		text = withoutFloatTail(text)
	}
	if text == "" {
		return dst, 0
	}
	if !isZip(text) {
		return dst, Rejected
	}
	start := len(dst)
	for i := 0; i < len(text); i++ {
		if text[i] == ' ' && dst[len(dst)-1] == ' ' {
			continue
		}
		dst = appendUpperASCII(dst, text[i:i+1])
	}
	n := Note(0)
	short := len(dst)-start == 3 || len(dst)-start == 4
	if wasNumber && short && allDigits(text) && len(country) == 2 && strings.Contains(fiveDigits, country) {
		n = TruncatedNumber
	}
	return dst, n
}

// isZip says whether text can be a postal code of any country. The longest one
// in use has ten characters; room is left for a country prefix.
func isZip(text string) bool {
	sound := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case isLetter(c), isDigit(c):
			sound = true
		case c != ' ' && c != '-':
			return false
		}
	}
	return sound && len(text) <= 16
}
