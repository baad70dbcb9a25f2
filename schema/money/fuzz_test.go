package money

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are amounts of every notation; the fuzzers mutate them.
func seeds() []string {
	return []string{
		"", " ", "0", "4.99", ".5", "5.", "-4.99", "\u22124.99", "(4.99)", "4.99-", "$4.99", "€ 4,99", "4.99 USD", "USD4.99",
		"1,234.56", "1.234,56", "1 234,56", "1'234.56", "1\u00a0234\u202f567", "1,234", "1.234", "0,500", "1e3", "NaN",
		"999999999999.9999999", "1000000000000", "0.12345678", "US$ 5 USD", "4.99\xa4", "1\u2019234.5", "--5", "2995",
	}
}

func FuzzParse(f *testing.F) {
	for i, text := range seeds() {
		f.Add(text, i%4 == 1, i%4 == 2, i%3 == 1, i%7)
	}
	f.Fuzz(func(t *testing.T, text string, comma, dot, minor bool, exponent int) {
		format := Format{DecimalComma: comma, DecimalDot: dot, Minor: minor}
		p := Parse(text, format, exponent)
		checkBounds(t, text, p)
		if p.Amount.State != OK {
			return
		}
		canonical := string(Append(nil, p.Amount.Micros, exponent))
		if again := Parse(canonical, Format{}, 0); again.Amount != p.Amount {
			t.Fatalf("%q is read as %+v, written %s and read as %+v", text, p.Amount, canonical, again.Amount)
		}
		if turned, ok := negated(text); ok {
			if q := Parse(turned, format, exponent); q.Amount.Micros != -p.Amount.Micros {
				t.Fatalf("%q is %d, %q is %d", text, p.Amount.Micros, turned, q.Amount.Micros)
			}
		}
		if BeyondExponent(p, exponent) && (p.FractionDigits == 0 || minor) {
			t.Fatalf("%q is suspected of a fraction it does not have: %+v", text, p)
		}
	})
}

// negated returns text, which begins with a digit, with a minus before it, if it has no other sign.
func negated(text string) (string, bool) {
	unsigned := text != "" && isDigit(text[0]) && !strings.ContainsAny(text, "-\u2212")
	return "-" + text, unsigned
}

func checkBounds(t *testing.T, text string, p Parsed) {
	t.Helper()
	switch m := p.Amount.Micros; {
	case p.Amount.State > OutOfRange:
		t.Fatalf("Parse(%q) has the undefined state %d", text, p.Amount.State)
	case p.Amount.State != OK && m != 0:
		t.Fatalf("Parse(%q) is %v with %d micros", text, p.Amount.State, m)
	case m <= -microsLimit || m >= microsLimit:
		t.Fatalf("Parse(%q) = %d micros, out of bounds", text, m)
	case p.Amount.State == Missing && trimBlanks(text) != "", p.Amount.State == Invalid && p.Notes != 0:
		t.Fatalf("Parse(%q) = %+v", text, p)
	case p.Amount.State != Missing && trimBlanks(text) == "":
		t.Fatalf("Parse(%q) of blanks = %+v", text, p)
	}
	if p.Code != "" && (!IsCode(p.Code) || !strings.Contains(strings.ToUpper(text), p.Code)) {
		t.Fatalf("Parse(%q) found the code %q", text, p.Code)
	}
	if p.Notes.Has(NoteCodeInAmount) != (p.Code != "") {
		t.Fatalf("Parse(%q): notes %b do not fit the code %q", text, p.Notes, p.Code)
	}
}

func FuzzPlainAgreesWithFull(f *testing.F) {
	for i, text := range seeds() {
		f.Add(text, i%4 == 1, i%4 == 2)
	}
	f.Fuzz(func(t *testing.T, text string, comma, dot bool) {
		format := Format{DecimalComma: comma, DecimalDot: dot}
		if plain, ok := parsePlain(text, format); ok {
			if full := parseFull(text, format, 2); full != plain {
				t.Fatalf("%q with %+v: the short way reads %+v, the long way %+v", text, format, plain, full)
			}
		}
	})
}

func FuzzLookup(f *testing.F) {
	for _, text := range []string{"USD", "usd", "840", "€", "$", "US$", "points", "", "ZWL", "\xff", "ı"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Lookup(text)
		if c.Exponent < 0 || c.Exponent > 4 || c.Kind > Unknown {
			t.Fatalf("Lookup(%q) = %+v", text, c)
		}
		if (c.Code == "") != (c.Kind == NoCode || c.Kind == Symbol) {
			t.Fatalf("Lookup(%q) = %+v: code and kind do not fit", text, c)
		}
		if c.Code != "" && Lookup(c.Code) != c {
			t.Fatalf("Lookup(%q) = %+v, but its code gives %+v", text, c, Lookup(c.Code))
		}
		if utf8.ValidString(text) && !utf8.ValidString(c.Code) {
			t.Fatalf("Lookup(%q) = %q, which is not UTF-8", text, c.Code)
		}
	})
}
