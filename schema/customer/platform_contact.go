package customer

import (
	"strings"
	"unicode"
)

// plainEmail is trimmed and in lower case. The repairs AppendEmail makes for
// form decoding are refused: here the value is what a person typed.
func plainEmail(input string, _ Options) (string, bool) {
	text, note := AppendEmail(nil, input)
	return string(text), note == 0
}

// strictEmail also refuses two dots in a row, as the param builder does.
func strictEmail(input string, o Options) (string, bool) {
	text, ok := plainEmail(input, o)
	return text, ok && !strings.Contains(text, "..")
}

// googleEmail takes the dots and the `+` suffix out of Gmail's local parts,
// which all reach one mailbox. Google's Java and Node formatters do so; its
// older ones keep the suffix.
func googleEmail(input string, o Options) (string, bool) {
	text, ok := plainEmail(input, o)
	local, domain, _ := strings.Cut(text, "@")
	if domain != "gmail.com" && domain != "googlemail.com" {
		return text, ok
	}
	local, _, _ = strings.Cut(local, "+")
	local = strings.ReplaceAll(local, ".", "")
	return local + "@" + domain, ok && local != ""
}

// phoneDigits is a number without its `+`. Without a calling code the digits
// are taken as they are, leading zeros off, which is what Meta's SDKs do.
func phoneDigits(input string, o Options) (string, bool) {
	text, note := AppendPhone(nil, input, o.Country)
	digits := strings.TrimLeft(string(text), "+0")
	return digits, note&Rejected == 0 && len(digits) >= minPhone
}

// phoneE164 is a number with its `+`. Digits without one are believed to begin
// with the calling code, as in Google's formatters, unless they begin with a
// zero, which no calling code does.
func phoneE164(input string, o Options) (string, bool) {
	text, note := AppendPhone(nil, input, o.Country)
	switch {
	case note&Rejected != 0 || len(text) == 0 || text[0] == '0':
		return "", false
	case text[0] == '+':
		return string(text), true
	}
	return "+" + string(text), true
}

// tiktokPhone is phoneE164 without Chinese numbers, which TikTok's Events API
// does not take.
func tiktokPhone(input string, o Options) (string, bool) {
	text, ok := phoneE164(input, o)
	return text, ok && !strings.HasPrefix(text, "+86")
}

// snapPhone is digits with the calling code, which is 1 for ten digits that
// bring none (Snap's Python SDK). A number that begins with a trunk zero is
// certainly not North American and is refused.
func snapPhone(input string, o Options) (string, bool) {
	text, note := AppendPhone(nil, input, o.Country)
	switch {
	case note&Rejected != 0 || len(text) == 0 || text[0] == '0':
		return "", false
	case note&PhoneNoCountry != 0 && len(text) == 10:
		return "1" + string(text), true
	}
	return strings.TrimPrefix(string(text), "+"), true
}

// lowerText is trimmed, in lower case, inner blanks made one.
func lowerText(input string, _ Options) (string, bool) {
	text, note := appendText(nil, input)
	return strings.ToLower(string(text)), note == 0
}

// trimmed is the text without the blanks around it.
func trimmed(input string, _ Options) (string, bool) { return trim(input), true }

// keeping returns input in lower case with only the runes that keep accepts.
func keeping(input string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, trim(input))
}

// isWordRune says whether r is a letter of any script, an accent or a digit.
func isWordRune(r rune) bool { return isLetterOrDigit(r) || unicode.IsMark(r) }

// nameNoPunctuation keeps accents and inner blanks and drops punctuation.
func nameNoPunctuation(input string, o Options) (string, bool) {
	return lowerText(keeping(input, func(r rune) bool { return isWordRune(r) || isBlank(r) }), o)
}

// nameGlued keeps accents and drops punctuation and blanks.
func nameGlued(input string, _ Options) (string, bool) { return keeping(input, isWordRune), true }

// titles are the forms of address Google's formatters take off a given name.
const titles = " mr. mrs. ms. dr. "

// googleFirstName is lowerText without titles.
func googleFirstName(input string, o Options) (string, bool) {
	text, ok := lowerText(input, o)
	words := strings.Fields(text)
	kept := words[:0]
	for _, w := range words {
		if !strings.Contains(titles, " "+w+" ") {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " "), ok
}

// googleSuffixes are what Google's formatters take off the end of a family
// name, dots as they want them.
const googleSuffixes = " jr. sr. 2nd 3rd ii iii iv v vi cpa dc dds vm jd md phd "

// googleLastName is lowerText without suffixes. A family name that only looks
// like one ("Ii") stays, because nothing separates it from a name before it.
func googleLastName(input string, o Options) (string, bool) {
	text, ok := lowerText(input, o)
	for {
		at := strings.LastIndexAny(text, ", ")
		if at < 0 || !strings.Contains(googleSuffixes, " "+text[at+1:]+" ") || at+1 == len(text) {
			return text, ok
		}
		text = strings.TrimRight(text[:at+1], " ")
		text = strings.TrimRight(strings.TrimSuffix(text, ","), " ")
	}
}

// gender is the first letter of what was sent, when that is m or f.
func gender(input string, _ Options) (string, bool) {
	switch strings.ToLower(trim(input)) {
	case "m", "male":
		return "m", true
	case "f", "female":
		return "f", true
	}
	return "", false
}

// genderOrNot also knows Pinterest's third value.
func genderOrNot(input string, o Options) (string, bool) {
	switch strings.ToLower(trim(input)) {
	case "n", "non-binary", "nonbinary":
		return "n", true
	}
	return gender(input, o)
}
