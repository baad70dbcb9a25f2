package customer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SplitName splits the parameter `name` into first and last name. The first
// word is the first name and all others the last; with exactly one comma the
// part behind it comes first, unless that is a suffix such as "Jr.". A single
// word has no last name; a SHA-256 of a whole name cannot be split and gives
// neither. Both are parts of full; nothing is allocated.
func SplitName(full string) (first, last string) {
	full = trim(full)
	if IsSHA256(full) {
		return "", ""
	}
	if before, after, found := strings.Cut(full, ","); found && strings.IndexByte(after, ',') < 0 {
		before, after = trim(before), trim(after)
		switch {
		case before == "":
			full = after
		case after == "":
			full = before
		case !isNameSuffix(after):
			return after, before
		}
	}
	at := strings.IndexFunc(full, isBlank)
	if at < 0 {
		return full, ""
	}
	return strings.TrimRight(full[:at], ","), trim(full[at:])
}

// nameSuffixes may follow a family name behind a comma, one blank around each.
// Short ones that are given names too (Md, Vi) are left out.
const nameSuffixes = " jr sr 2nd 3rd ii iii iv cpa dds phd esq "

// isNameSuffix says whether word belongs to the name before it and is none
// itself. A final dot does not matter.
func isNameSuffix(word string) bool {
	var room [8]byte
	word = strings.TrimSuffix(word, ".")
	if len(word) < 2 || len(word) > 5 {
		return false
	}
	key := append(appendLowerASCII(append(room[:0], ' '), word), ' ')
	for at := 0; at+len(key) <= len(nameSuffixes); at++ {
		if nameSuffixes[at:at+len(key)] == string(key) {
			return true
		}
	}
	return false
}

// AppendName appends a first or last name to dst, case and accents kept, blanks
// trimmed and runs of them made one, and returns the longer slice. No word is
// taken for an absent value: people are called Null. Text without a letter or
// digit, or that is not UTF-8, is refused.
func AppendName(dst []byte, raw string) ([]byte, Note) {
	return appendText(dst, raw)
}

// AppendCity appends the name of a town the way AppendName does.
func AppendCity(dst []byte, raw string) ([]byte, Note) {
	return appendText(dst, raw)
}

// appendText appends free text with its blanks in order.
func appendText(dst []byte, raw string) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	raw = trim(raw)
	switch {
	case raw == "":
		return dst, 0
	case !utf8.ValidString(raw), strings.IndexFunc(raw, isLetterOrDigit) < 0:
		return dst, Rejected
	}
	return appendSpaced(dst, raw), 0
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
