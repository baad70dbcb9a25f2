package money

import (
	"strings"
	"unicode/utf8"
)

// number is a bare number cut at its decimal separator. whole may still hold grouping separators; fraction holds
// digits only. Both alias the text.
type number struct {
	whole    string
	fraction string
	notes    Notes
}

// separator names the kinds of separators; all blanks are one kind, and so are both apostrophes.
type separator uint8

const (
	noSeparator separator = iota
	dotSeparator
	commaSeparator
	blankSeparator
	apostropheSeparator
	separatorKinds
)

// shape is what one walk over a bare number finds: how many separators of each kind, and the last one.
type shape struct {
	counts [separatorKinds]int
	kinds  int
	last   separator
	lastAt int
	digits int
}

// measure walks over core; false means that it holds something that is neither ASCII digit nor separator, or no
// digit at all.
func measure(core string) (shape, bool) {
	var s shape
	for i, r := range core {
		if r < utf8.RuneSelf && isDigit(byte(r)) {
			s.digits++
			continue
		}
		kind := separatorOf(r)
		if kind == noSeparator {
			return s, false
		}
		if s.counts[kind] == 0 {
			s.kinds++
		}
		s.counts[kind]++
		s.last, s.lastAt = kind, i
	}
	return s, s.digits > 0
}

func separatorOf(r rune) separator {
	switch r {
	case '.':
		return dotSeparator
	case ',':
		return commaSeparator
	case ' ', '\u00A0', '\u2009', '\u202F':
		return blankSeparator
	case '\'', '\u2019':
		return apostropheSeparator
	}
	return noSeparator
}

// split decides which separator of core, if any, is the decimal one, and checks that the others group thousands.
// The state is OK, Invalid or Ambiguous; the number is meaningful only for OK.
func split(core string, f Format) (number, State) {
	s, ok := measure(core)
	if !ok {
		return number{}, Invalid
	}
	decimal, state := decimalSeparator(core, s, f)
	if state != OK {
		return number{}, state
	}
	n := number{whole: core}
	if decimal {
		n.whole, n.fraction = core[:s.lastAt], core[s.lastAt+1:]
		if s.last == commaSeparator {
			n.notes |= NoteDecimalComma
		}
		if s.last == dotSeparator && s.kinds == 1 && len(n.fraction) == 3 {
			n.notes |= NoteFraction3
		}
	}
	if s.kinds > 1 || s.kinds == 1 && !decimal {
		if !groupsThousands(n.whole) {
			return number{}, Invalid
		}
		n.notes |= NoteGroupingRemoved
	}
	return n, OK
}

// decimalSeparator reports whether the last separator of core is a decimal one. Two kinds of separators settle it:
// the last must be a dot or comma that occurs once. A repeated separator groups, and so do blanks and apostrophes.
// A lone dot or comma is where notations collide.
func decimalSeparator(core string, s shape, f Format) (bool, State) {
	lone := s.counts[s.last] == 1 && (s.last == dotSeparator || s.last == commaSeparator)
	switch {
	case s.kinds == 2 && lone:
		return true, OK
	case s.kinds > 1:
		return false, Invalid
	case !lone:
		return false, OK
	case s.last == commaSeparator:
		return loneComma(core, s.lastAt, f)
	}
	groups := f.comma() && groupsThousands(core)
	return !groups, OK
}

// loneComma decides about the only separator of core, a comma at byte at. Only with three digits after it can it be
// anything but decimal, and never at the start or after a single 0. A number like 1234,567 groups badly, but as a
// decimal it is no likelier, so it stays ambiguous until the preset says that commas are decimal.
func loneComma(core string, at int, f Format) (bool, State) {
	switch {
	case len(core)-at-1 != 3 || at == 0 || core[:at] == "0" || f.comma():
		return true, OK
	case f.dot() && groupsThousands(core):
		return false, OK
	}
	return false, Ambiguous
}

// groupsThousands reports whether core is one to three digits, not starting with 0, and then only groups of exactly
// three, with single separators between.
func groupsThousands(core string) bool {
	if core == "" || core[0] == '0' {
		return false
	}
	group, first := 0, true
	for _, r := range core {
		if r < utf8.RuneSelf && isDigit(byte(r)) {
			group++
			continue
		}
		if first && (group == 0 || group > 3) || !first && group != 3 {
			return false
		}
		group, first = 0, false
	}
	return !first && group == 3 || first && group <= 3
}

// integer returns the value of the digits of whole, or false when they are more than limit without leading zeros.
// limit is at most 18, so that the value fits.
func (n number) integer(limit int) (int64, bool) {
	var value int64
	digits := 0
	for i := range len(n.whole) {
		c := n.whole[i]
		if !isDigit(c) || c == '0' && digits == 0 {
			continue
		}
		if digits++; digits > limit {
			return 0, false
		}
		value = value*10 + int64(c-'0')
	}
	return value, true
}

// majorUnits returns the amount when n counts major units, and whether rounding changed it.
func (n number) majorUnits() (Amount, bool) {
	value, ok := n.integer(MaxIntegerDigits)
	fraction := strings.TrimRight(n.fraction, "0")
	if !ok || len(fraction) > MaxFractionDigits {
		return Amount{State: OutOfRange}, false
	}
	var parts int64
	for i := range len(fraction) {
		parts = parts*10 + int64(fraction[i]-'0')
	}
	parts *= powersOf10[MaxFractionDigits-len(fraction)]

	const dropped = 100 // 10^(MaxFractionDigits-KeptFractionDigits)
	micros, rest := value*microsPerUnit+parts/dropped, parts%dropped
	if rest > dropped/2 || rest == dropped/2 && micros%2 == 1 {
		micros++
	}
	if micros >= microsLimit {
		return Amount{State: OutOfRange}, false
	}
	return Amount{Micros: micros, State: OK}, rest != 0
}

// minorUnits returns the amount when n counts minor units of a currency with exponent digits. The limit on integer
// digits is that of the major unit.
func (n number) minorUnits(exponent int) Amount {
	if strings.TrimRight(n.fraction, "0") != "" {
		return Amount{State: Ambiguous}
	}
	value, ok := n.integer(MaxIntegerDigits + exponent)
	if !ok {
		return Amount{State: OutOfRange}
	}
	return Amount{Micros: value * powersOf10[KeptFractionDigits-exponent], State: OK}
}
