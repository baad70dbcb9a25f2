package customer

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cityLetters keeps the letters of any script, accents included. Meta's param
// builder would drop them; its SDKs do not.
func cityLetters(input string, _ Options) (string, bool) {
	return keeping(input, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }), true
}

// cityASCII keeps ASCII letters and digits and wants a letter first.
func cityASCII(input string, _ Options) (string, bool) {
	text := keeping(input, isASCIIWord)
	return text, text != "" && isLetter(text[0])
}

func isASCIIWord(r rune) bool {
	return r < utf8.RuneSelf && (isLetter(byte(r)) || isDigit(byte(r)))
}

// alphanumeric keeps letters and digits of any script.
func alphanumeric(input string, _ Options) (string, bool) { return keeping(input, isWordRune), true }

// textNoPunctuation drops punctuation and keeps the words apart.
func textNoPunctuation(input string, o Options) (string, bool) {
	return nameNoPunctuation(input, o)
}

// stateLetters is the name or code without blanks and punctuation. Meta's page
// asks for the two-letter code, its SDKs hash the name: both are kept as sent.
func stateLetters(input string, o Options) (string, bool) { return cityLetters(input, o) }

// stateCode is the two-letter code of a US state, or that of the option's
// country; a state nobody knows becomes its letters.
func stateCode(input string, o Options) (string, bool) {
	country := o.Country
	if country == "" {
		country = "US"
	}
	code, note := AppendState(nil, input, country)
	if note != 0 {
		return "", false
	}
	return stateLetters(string(code), o)
}

// metaZip is in lower case without blanks. What follows a dash is cut, unless
// the country is known and not the US, whose ZIP+4 that is.
func metaZip(input string, o Options) (string, bool) {
	text, ok := zipGlued(input, o)
	if o.Country == "" || o.Country == "US" {
		text, _, _ = strings.Cut(text, "-")
	} else {
		text = strings.ReplaceAll(text, "-", "")
	}
	return text, ok && len(text) >= 2
}

// zipGlued is in lower case without blanks, its dash kept.
func zipGlued(input string, _ Options) (string, bool) {
	text := keeping(input, func(r rune) bool { return isWordRune(r) || r == '-' })
	return text, strings.Trim(text, "-") != ""
}

// lowerCountry is an alpha-2 code in lower case.
func lowerCountry(input string, o Options) (string, bool) {
	code, ok := upperCountry(keeping(input, unicode.IsLetter), o)
	return strings.ToLower(code), ok
}

// upperCountry is an alpha-2 code in upper case. Names are refused, as the
// vendors refuse them, and so are two letters that are no country.
func upperCountry(input string, _ Options) (string, bool) {
	input = trim(input)
	if len(input) != 2 || !isLetter(input[0]) || !isLetter(input[1]) {
		return "", false
	}
	return Country(input)
}

// namedCountry also knows countries by name. The param builder cuts a name it
// does not know to two letters; that is never done here.
func namedCountry(input string, _ Options) (string, bool) {
	code, ok := Country(input)
	return strings.ToLower(code), ok
}

// compactDate is YYYYMMDD.
func compactDate(input string, o Options) (string, bool) {
	text, note := AppendBirthdate(nil, input, o.Now)
	return strings.ReplaceAll(string(text), "-", ""), note&Rejected == 0
}

// compactNumericDate refuses months as words, as the param builder does.
func compactNumericDate(input string, o Options) (string, bool) {
	date, _, _ := strings.Cut(input, "(")
	if strings.IndexFunc(date, unicode.IsLetter) >= 0 {
		return "", false
	}
	return compactDate(input, o)
}

// currency is three letters in lower case.
func currency(input string, _ Options) (string, bool) {
	text := keeping(input, func(r rune) bool { return !unicode.IsPunct(r) && !unicode.IsSymbol(r) })
	return text, len(text) == 3 && strings.IndexFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}

// address is an IP address in its shortest spelling.
func address(input string, _ Options) (string, bool) {
	ip, err := netip.ParseAddr(trim(input))
	if err != nil {
		return "", false
	}
	return ip.String(), true
}
