package money

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// minusSign is U+2212, which typographic number formatters write instead of the hyphen.
const minusSign = '\u2212'

// affixes is what stood around the number. At most one of each kind is accepted.
type affixes struct {
	negative bool
	signed   bool
	opened   bool
	closed   bool
	symbol   bool
	code     string
}

func (a *affixes) notes() Notes {
	var n Notes
	if a.symbol {
		n |= NoteSymbolStripped
	}
	if a.code != "" {
		n |= NoteCodeInAmount
	}
	return n
}

// stripAffixes takes signs, parentheses, a currency sign and an ISO code off both ends of text. What is left begins
// and ends with a digit, a dot or a comma. False means that something is there that belongs to no amount.
func stripAffixes(text string) (affixes, string, bool) {
	var a affixes
	core := text
	for core != "" && !isNumberByte(core[0]) {
		n := a.takeFront(core)
		if n == 0 {
			return a, "", false
		}
		core = core[n:]
	}
	for core != "" && !isNumberByte(core[len(core)-1]) {
		n := a.takeBack(core)
		if n == 0 {
			return a, "", false
		}
		core = core[:len(core)-n]
	}
	return a, core, core != "" && a.opened == a.closed
}

// takeFront returns the length of the affix s begins with, or 0 if there is none or it is one too many.
func (a *affixes) takeFront(s string) int {
	if n := lettersAtFront(s); n > 0 {
		if a.takeCode(s[:n]) {
			return n
		}
		if n < len(s) && s[n] == '$' && n <= 2 && a.takeSymbol() {
			return n + 1
		}
		return 0
	}
	r, width := utf8.DecodeRuneInString(s)
	switch {
	case isBlank(r):
		return width
	case r == '+' || r == '-' || r == minusSign:
		next, _ := utf8.DecodeRuneInString(s[width:])
		return accepted(!isBlank(next) && a.takeSign(r != '+'), width)
	case r == '(':
		return accepted(a.open(), width)
	case isSymbol(r):
		return accepted(a.takeSymbol(), width)
	}
	return 0
}

// takeBack returns the length of the affix s ends with, or 0 if there is none or it is one too many. s is not blank.
func (a *affixes) takeBack(s string) int {
	if n := lettersAtBack(s); n > 0 {
		return accepted(a.takeCode(s[len(s)-n:]), n)
	}
	r, width := utf8.DecodeLastRuneInString(s)
	rest := s[:len(s)-width]
	switch {
	case isBlank(r):
		return width
	case r == '-' || r == minusSign:
		return accepted(isNumberByte(rest[len(rest)-1]) && a.takeSign(true), width)
	case r == ')':
		return accepted(a.close(), width)
	case isSymbol(r):
		if n := lettersAtBack(rest); r == '$' && n <= 2 {
			width += n
		}
		return accepted(a.takeSymbol(), width)
	}
	return 0
}

func (a *affixes) takeSign(negative bool) bool {
	if a.signed || a.opened {
		return false
	}
	a.signed, a.negative = true, negative
	return true
}

// open and close read the accountants' way of writing a negative amount.
func (a *affixes) open() bool {
	if a.signed || a.opened {
		return false
	}
	a.opened, a.negative = true, true
	return true
}

func (a *affixes) close() bool {
	if !a.opened || a.closed {
		return false
	}
	a.closed = true
	return true
}

func (a *affixes) takeSymbol() bool {
	first := !a.symbol
	a.symbol = true
	return first
}

// takeCode accepts a known code only, in any case: a word such as free is no currency and makes the amount invalid.
func (a *affixes) takeCode(word string) bool {
	c := byLetters(word)
	if c == nil || a.code != "" {
		return false
	}
	a.code = c.Code
	return true
}

func accepted(ok bool, width int) int {
	if ok {
		return width
	}
	return 0
}

// isSymbol reports whether r is the sign of a major unit. The cent signs are excluded: 499¢ is not 499, and which
// major unit it is a hundredth of is not said.
func isSymbol(r rune) bool {
	return r == '$' || (r > utf8.RuneSelf && r != '¢' && r != '￠' && unicode.Is(unicode.Sc, r))
}

// isBlank reports whether r separates words: ASCII white space and the spaces that number formatters write, which
// are no-break (U+00A0), thin (U+2009) and narrow no-break (U+202F).
func isBlank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\v', '\f', '\r', '\u00A0', '\u2009', '\u202F':
		return true
	}
	return false
}

func trimBlanks(s string) string { return strings.TrimFunc(s, isBlank) }

func isNumberByte(c byte) bool { return isDigit(c) || c == '.' || c == ',' }

func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }

func lettersAtFront(s string) int {
	n := 0
	for n < len(s) && isLetter(s[n]) {
		n++
	}
	return n
}

func lettersAtBack(s string) int {
	n := 0
	for n < len(s) && isLetter(s[len(s)-1-n]) {
		n++
	}
	return n
}
