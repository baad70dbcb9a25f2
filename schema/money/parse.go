package money

// Parse reads one amount as a sender wrote it, by the rules of f. exponent is the number of minor digits of the
// currency and matters only when f.Minor is set; it is clamped to 0..6.
//
// Read are 4.99 .5 5. 4,99 1,234.56 1.234,56 1 234,56 1'234.56 and the like, with a sign before, a minus behind or
// parentheses around, with a currency sign, and with a known ISO 4217 code on either side. A blank text is Missing.
// Anything with letters that are no known code (free, NaN, 1e3), other digits than ASCII ones, misplaced separators
// or two signs is Invalid. One comma with three digits after it (1,234) is Ambiguous unless it starts with "0," or
// f decides; one dot with three digits is decimal unless f.DecimalComma is set and the dot can be grouping.
// A separator that f excludes but that has only one possible reading is still read that way (4.99 with DecimalComma).
//
// With f.Minor the number counts minor units: 2995 is 29.95 for exponent 2, and so is 2995.00; a fraction that is
// not zero contradicts the preset and is Ambiguous, since 29.95 may be dollars after all. When the caller takes the
// currency from Parsed.Code it must call Parse again with the exponent of that currency.
//
// Parse allocates nothing and keeps no reference to text.
func Parse(text string, f Format, exponent int) Parsed {
	if !f.Minor {
		if p, ok := parsePlain(text, f); ok {
			return p
		}
	}
	return parseFull(text, f, exponent)
}

// parsePlain reads what nearly every sender writes: an optional minus, ASCII digits, at most one dot. It declines
// (false) whatever needs a second thought, and agrees with parseFull on the rest. It takes "4.99" from 105 ns to
// 28 ns (BenchmarkParse).
func parsePlain(text string, f Format) (Parsed, bool) {
	digits := text
	if text != "" && text[0] == '-' {
		digits = text[1:]
	}
	var value int64
	i := 0
	for i < len(digits) && isDigit(digits[i]) && i < MaxIntegerDigits {
		value = value*10 + int64(digits[i]-'0')
		i++
	}
	whole := i
	p := Parsed{Amount: Amount{State: OK}}
	if i < len(digits) {
		if digits[i] != '.' || f.comma() || len(digits)-i-1 > KeptFractionDigits {
			return Parsed{}, false
		}
		for i++; i < len(digits) && isDigit(digits[i]); i++ {
			value = value*10 + int64(digits[i]-'0')
			p.FractionDigits++
		}
	}
	if i < len(digits) || whole+p.FractionDigits == 0 {
		return Parsed{}, false
	}
	if p.FractionDigits == 3 {
		p.Notes = NoteFraction3
	}
	p.Amount.Micros = value * powersOf10[KeptFractionDigits-p.FractionDigits]
	if len(digits) < len(text) {
		p.Amount.Micros = -p.Amount.Micros
	}
	return p, true
}

// parseFull reads every notation.
func parseFull(text string, f Format, exponent int) Parsed {
	text = trimBlanks(text)
	if text == "" {
		return Parsed{}
	}
	around, core, ok := stripAffixes(text)
	if !ok {
		return Parsed{Amount: Amount{State: Invalid}}
	}
	n, state := split(core, f)
	if state == Invalid {
		return Parsed{Amount: Amount{State: Invalid}}
	}
	p := Parsed{
		Amount:         Amount{State: state},
		Notes:          around.notes() | n.notes,
		Code:           around.code,
		FractionDigits: len(n.fraction),
	}
	if state != OK {
		return p
	}
	if f.Minor {
		p.Notes &^= NoteFraction3
		p.Amount = n.minorUnits(clampExponent(exponent))
	} else {
		var rounded bool
		if p.Amount, rounded = n.majorUnits(); rounded {
			p.Notes |= NoteRounded
		}
	}
	if around.negative {
		p.Amount.Micros = -p.Amount.Micros
	}
	return p
}

// BeyondExponent reports whether p earns the repair word fraction_beyond_exponent in a currency with exponent minor
// digits: either three digits follow a lone dot and the currency has two minor digits or none (1.234 USD may have
// been 1234 dollars), or the currency has no minor digits and the amount has a fraction (1.5 JPY). More digits than
// the exponent are no sign of trouble by themselves: AnyTrack's page shows 4.48500 USD.
func BeyondExponent(p Parsed, exponent int) bool {
	if p.Amount.State != OK {
		return false
	}
	if p.Notes.Has(NoteFraction3) && (exponent == 0 || exponent == 2) {
		return true
	}
	return exponent == 0 && p.FractionDigits > 0 && p.Amount.Micros%microsPerUnit != 0
}

// powersOf10 holds 10^0 to 10^8.
var powersOf10 = [...]int64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}

func isDigit(c byte) bool { return c-'0' < 10 }

func clampExponent(exponent int) int { return max(0, min(exponent, KeptFractionDigits)) }
