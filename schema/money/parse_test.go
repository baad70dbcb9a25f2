package money

import "testing"

// read is what a test expects of Parse: the canonical text with exponent 2 when the state is OK.
type read struct {
	state State
	text  string
	notes Notes
	code  string
}

func checkParse(t *testing.T, text string, f Format, exponent int, want read) {
	t.Helper()
	p := Parse(text, f, exponent)
	got := read{state: p.Amount.State, notes: p.Notes, code: p.Code}
	if got.state == OK {
		got.text = string(Append(nil, p.Amount.Micros, 2))
	} else if p.Amount.Micros != 0 {
		t.Errorf("Parse(%q) is %v with %d micros, want 0", text, p.Amount.State, p.Amount.Micros)
	}
	if got != want {
		t.Errorf("Parse(%q, %+v, %d) = %+v, want %+v", text, f, exponent, got, want)
	}
}

func TestPlainAndForeignNotationsAreRead(t *testing.T) {
	for _, c := range []struct {
		text, want string
		notes      Notes
		code       string
	}{
		{"4.99", "4.99", 0, ""},
		{".5", "0.50", 0, ""},
		{"5.", "5.00", 0, ""},
		{"0", "0.00", 0, ""},
		{"000", "0.00", 0, ""},
		{"-0", "0.00", 0, ""},
		{"-4.99", "-4.99", 0, ""},
		{"+4.99", "4.99", 0, ""},
		{"\u22124.99", "-4.99", 0, ""},
		{"4.99\u2212", "-4.99", 0, ""},
		{"(4.99)", "-4.99", 0, ""},
		{"4.99-", "-4.99", 0, ""},
		{" 4.99", "4.99", 0, ""},
		{"\u00a04.99\u202f\t\r\n", "4.99", 0, ""},
		{"4.48500", "4.485", 0, ""},
		{"32252.1922", "32252.1922", 0, ""},
		{"1.234", "1.234", NoteFraction3, ""},
		{"4,99", "4.99", NoteDecimalComma, ""},
		{"12,5", "12.50", NoteDecimalComma, ""},
		{"12,34", "12.34", NoteDecimalComma, ""},
		{"0,500", "0.50", NoteDecimalComma, ""},
		{",500", "0.50", NoteDecimalComma, ""},
		{"5,", "5.00", NoteDecimalComma, ""},
		{"1,2345", "1.2345", NoteDecimalComma, ""},
		{"1,234.56", "1234.56", NoteGroupingRemoved, ""},
		{"1,234.567", "1234.567", NoteGroupingRemoved, ""},
		{"1.234,56", "1234.56", NoteGroupingRemoved | NoteDecimalComma, ""},
		{"1 234,56", "1234.56", NoteGroupingRemoved | NoteDecimalComma, ""},
		{"1\u00a0234,56", "1234.56", NoteGroupingRemoved | NoteDecimalComma, ""},
		{"1\u202f234 567,8", "1234567.80", NoteGroupingRemoved | NoteDecimalComma, ""},
		{"1 234", "1234.00", NoteGroupingRemoved, ""},
		{"1'234.56", "1234.56", NoteGroupingRemoved, ""},
		{"1\u2019234.56", "1234.56", NoteGroupingRemoved, ""},
		{"1,234,567.89", "1234567.89", NoteGroupingRemoved, ""},
		{"1.234.567", "1234567.00", NoteGroupingRemoved, ""},
		{"1,234,567", "1234567.00", NoteGroupingRemoved, ""},
		{"(1,234.56)", "-1234.56", NoteGroupingRemoved, ""},
	} {
		checkParse(t, c.text, Format{}, 2, read{OK, c.want, c.notes, c.code})
	}
}

func TestSignsAndCodesAroundTheNumberAreTakenOff(t *testing.T) {
	const sign, code = NoteSymbolStripped, NoteCodeInAmount
	for _, c := range []struct {
		text, want string
		notes      Notes
		code       string
	}{
		{"$4.99", "4.99", sign, ""},
		{"US$4.99", "4.99", sign, ""},
		{"us$ 4.99", "4.99", sign, ""},
		{"4.99 A$", "4.99", sign, ""},
		{"R$ 4,99", "4.99", sign | NoteDecimalComma, ""},
		{"€ 4,99", "4.99", sign | NoteDecimalComma, ""},
		{"4,99€", "4.99", sign | NoteDecimalComma, ""},
		{"4.99¤", "4.99", sign, ""},
		{"-$4.99", "-4.99", sign, ""},
		{"$-4.99", "-4.99", sign, ""},
		{"$4.99-", "-4.99", sign, ""},
		{"($4.99)", "-4.99", sign, ""},
		{"$(4.99)", "-4.99", sign, ""},
		{"4.99 USD", "4.99", code, "USD"},
		{"4.99usd", "4.99", code, "USD"},
		{"USD4.99", "4.99", code, "USD"},
		{"Usd 4.99", "4.99", code, "USD"},
		{"5 EUR", "5.00", code, "EUR"},
		{"5\u00a0EUR", "5.00", code, "EUR"},
		{"5 HRK", "5.00", code, "HRK"},
		{"5 xts", "5.00", code, "XTS"},
		{"EUR -5", "-5.00", code, "EUR"},
		{"(5) EUR", "-5.00", code, "EUR"},
		{"(EUR 5)", "-5.00", code, "EUR"},
		{"5- EUR", "-5.00", code, "EUR"},
		{"$4.99 USD", "4.99", sign | code, "USD"},
		{"USD$ 4.99", "4.99", sign | code, "USD"},
		{"4.99 USD$", "4.99", sign | code, "USD"},
		{"1.234,50 EUR", "1234.50", code | NoteDecimalComma | NoteGroupingRemoved, "EUR"},
	} {
		checkParse(t, c.text, Format{}, 2, read{OK, c.want, c.notes, c.code})
	}
}

func TestBlankIsMissingAndNotZero(t *testing.T) {
	for _, text := range []string{"", " ", "\t\r\n", "\u00a0", "\u202f \u2009"} {
		if p := Parse(text, Format{}, 2); p != (Parsed{}) {
			t.Errorf("Parse(%q) = %+v, want the zero value", text, p)
		}
	}
}

func TestWhatIsNoAmountIsInvalid(t *testing.T) {
	for _, text := range []string{
		"1e3", "1E3", "0x10", "NaN", "nan", "Infinity", "-inf", "1_000", "free", "n/a", "points", "5 points", "5 USDT",
		"5 XYZ", "XYZ 5", "abc", "USD", "$", "¤", "€", "-", "+", "()", ".", ",", "..", "'", "- -",
		"1,2,3", "1.2.3", "1..2", "1,,234", "1,234,56", "1 23", "1  234", "12345 678", "1,2345.67", "1234,567.89",
		"1,234.567,890", "1.234,567,890", "1 234'567", "1'234 567.00", "1,234 567", "0,123,456", "0.500,00",
		"4.99.", "4.99,", ".4.99", "--5", "-+5", "+-5", "-5-", "+5-", "(-5)", "-(5)", "(5", "5)", "((5))", "(5)-", "()5",
		"- 5", "+ 5", "5 -", "5+", "5 EUR-", "5$-", "$$5", "$5$", "$5€", "EUR 5 EUR", "USD 5 EUR", "EURUSD5", "5EURUSD",
		"ABC$5", "5 ABC$", "4.99 USD.", "4.99;", "4/5", "4:99", "5%", "499¢", "￠499", "١٢٣", "４.９９", "4٫99", "²",
		"4.99¤cy=USD", "{commission}", "4.99 4.99", "4\x0099", "4.99\xff", "\xa4", "zł5", "5 kr", "1\u200b000",
	} {
		checkParse(t, text, Format{}, 2, read{state: Invalid})
		checkParse(t, text, Format{Minor: true}, 2, read{state: Invalid})
	}
}

func TestLoneCommaWithThreeDigitsIsAmbiguous(t *testing.T) {
	for text, code := range map[string]string{
		"1,234": "", "12,345": "", "123,456": "", "1234,567": "", "012,345": "", "00,500": "", "-1,234": "", "(1,000)": "",
		"1,234 EUR": "EUR", "USD1,000": "USD",
	} {
		var notes Notes
		if code != "" {
			notes = NoteCodeInAmount
		}
		checkParse(t, text, Format{}, 2, read{state: Ambiguous, code: code, notes: notes})
		checkParse(t, text, Format{DecimalComma: true, DecimalDot: true}, 2, read{state: Ambiguous, code: code, notes: notes})
	}
}

func TestPresetDecidesBetweenDecimalAndGrouping(t *testing.T) {
	comma, dot := Format{DecimalComma: true}, Format{DecimalDot: true}
	const decimal, grouping = NoteDecimalComma, NoteGroupingRemoved
	for _, c := range []struct {
		text  string
		f     Format
		state State
		want  string
		notes Notes
	}{
		{"1,234", comma, OK, "1.234", decimal},
		{"1234,567", comma, OK, "1234.567", decimal},
		{"1,234", dot, OK, "1234.00", grouping},
		{"1234,567", dot, Ambiguous, "", 0},
		{"012,345", dot, Ambiguous, "", 0},
		{"0,500", dot, OK, "0.50", decimal},
		{"4,99", dot, OK, "4.99", decimal},
		{"1.234", dot, OK, "1.234", NoteFraction3},
		{"1.234", comma, OK, "1234.00", grouping},
		{"-12.345", comma, OK, "-12345.00", grouping},
		{"0.500", comma, OK, "0.50", NoteFraction3},
		{"1234.567", comma, OK, "1234.567", NoteFraction3},
		{"4.99", comma, OK, "4.99", 0},
		{"4", comma, OK, "4.00", 0},
		{"1.234.567", comma, OK, "1234567.00", grouping},
		{"1,234.56", comma, OK, "1234.56", grouping},
		{"1.234,56", dot, OK, "1234.56", grouping | decimal},
	} {
		checkParse(t, c.text, c.f, 2, read{state: c.state, text: c.want, notes: c.notes})
	}
}

func TestMinorUnitsAreShiftedByTheExponent(t *testing.T) {
	for _, c := range []struct {
		text     string
		exponent int
		state    State
		want     string
		notes    Notes
	}{
		{"2995", 2, OK, "29.95", 0},
		{"-2995", 2, OK, "-29.95", 0},
		{"5", 2, OK, "0.05", 0},
		{"0", 2, OK, "0.00", 0},
		{"500", 0, OK, "500.00", 0},
		{"1500", 3, OK, "1.50", 0},
		{"12345", 4, OK, "1.2345", 0},
		{"7", 9, OK, "0.000007", 0},
		{"7", -1, OK, "7.00", 0},
		{"2995.00", 2, OK, "29.95", 0},
		{"2995.000", 2, OK, "29.95", 0},
		{"2995.", 2, OK, "29.95", 0},
		{"1,234,500", 2, OK, "12345.00", NoteGroupingRemoved},
		{"2995,00", 2, OK, "29.95", NoteDecimalComma},
		{"29.95", 2, Ambiguous, "", 0},
		{"2.995", 2, Ambiguous, "", 0},
		{"29,95", 2, Ambiguous, "", NoteDecimalComma},
		{"2,995", 2, Ambiguous, "", 0},
		{"99999999999999", 2, OK, "999999999999.99", 0},
		{"100000000000000", 2, OutOfRange, "", 0},
		{"999999999999999999", 6, OK, "999999999999.999999", 0},
		{"9999999999999999999", 6, OutOfRange, "", 0},
		{"", 2, Missing, "", 0},
	} {
		checkParse(t, c.text, Format{Minor: true}, c.exponent, read{state: c.state, text: c.want, notes: c.notes})
	}
}

func TestLimitsCountOnlyDigitsThatCarryValue(t *testing.T) {
	for _, c := range []struct {
		text  string
		state State
		want  string
	}{
		{"999999999999.99", OK, "999999999999.99"},
		{"999999999999.999999", OK, "999999999999.999999"},
		{"1000000000000", OutOfRange, ""},
		{"-1000000000000", OutOfRange, ""},
		{"1,000,000,000,000.5", OutOfRange, ""},
		{"1234567890123456789012345678901234567890", OutOfRange, ""},
		{"0000000000000004.9900000000", OK, "4.99"},
		{"0.123456789", OutOfRange, ""},
		{"0.1234567891234567891234567890", OutOfRange, ""},
		{"4.9900000000000002", OutOfRange, ""},
	} {
		p := Parse(c.text, Format{}, 2)
		if p.Amount.State != c.state {
			t.Errorf("Parse(%q) is %v, want %v", c.text, p.Amount.State, c.state)
		}
		if got := string(Append(nil, p.Amount.Micros, 2)); c.state == OK && got != c.want {
			t.Errorf("Parse(%q) = %s, want %s", c.text, got, c.want)
		}
	}
	checkParse(t, "1000000000000 EUR", Format{}, 2, read{state: OutOfRange, code: "EUR", notes: NoteCodeInAmount})
}

func TestSeventhAndEighthFractionDigitAreRoundedHalfEven(t *testing.T) {
	for _, c := range []struct {
		text, want string
		notes      Notes
	}{
		{"0.1234564", "0.123456", NoteRounded},
		{"0.1234565", "0.123456", NoteRounded},
		{"0.1234575", "0.123458", NoteRounded},
		{"0.12345650", "0.123456", NoteRounded},
		{"0.12345651", "0.123457", NoteRounded},
		{"0.12345649", "0.123456", NoteRounded},
		{"-0.1234575", "-0.123458", NoteRounded},
		{"0.9999999", "1.00", NoteRounded},
		{"0.0000001", "0.00", NoteRounded},
		{"4.4850000", "4.485", 0},
		{"4.99000000", "4.99", 0},
	} {
		checkParse(t, c.text, Format{}, 2, read{OK, c.want, c.notes, ""})
	}
	checkParse(t, "999999999999.9999999", Format{}, 2, read{state: OutOfRange})
}

func TestFractionDigitsAreCountedAsWritten(t *testing.T) {
	for text, want := range map[string]int{
		"4": 0, "4.": 0, "4.9": 1, "4.990": 3, "4.48500": 5, "4,9900": 4, "1.234,5": 1, "4.99000000": 8, "1.234.567": 0,
	} {
		if got := Parse(text, Format{}, 2).FractionDigits; got != want {
			t.Errorf("Parse(%q).FractionDigits = %d, want %d", text, got, want)
		}
	}
}

func TestFractionBeyondTheExponentIsSuspected(t *testing.T) {
	for _, c := range []struct {
		text     string
		exponent int
		want     bool
	}{
		{"1.234", 2, true},
		{"1.500", 2, true},
		{"1.234", 0, true},
		{"500.000", 0, true},
		{"1.234", 3, false},
		{"1.234", 4, false},
		{"4.48500", 2, false},
		{"4.4850", 2, false},
		{"4.99", 2, false},
		{"0,500", 2, false},
		{"1,234.567", 2, false},
		{"1.5", 0, true},
		{"1,5", 0, true},
		{"1.00", 0, false},
		{"500", 0, false},
		{"free", 0, false},
		{"", 0, false},
		{"1,234", 2, false},
	} {
		if got := BeyondExponent(Parse(c.text, Format{}, c.exponent), c.exponent); got != c.want {
			t.Errorf("BeyondExponent(%q, %d) = %v, want %v", c.text, c.exponent, got, c.want)
		}
	}
	if BeyondExponent(Parse("2995.000", Format{Minor: true}, 2), 2) {
		t.Error("a shifted amount of minor units is suspected of a fraction beyond the exponent")
	}
}

func TestStatesHaveTheWordsOfTheEvent(t *testing.T) {
	words := map[State]string{
		Missing: "missing", OK: "ok", Invalid: "invalid", Ambiguous: "ambiguous", OutOfRange: "out_of_range", 99: "invalid",
	}
	for state, want := range words {
		if got := state.String(); got != want {
			t.Errorf("State(%d) = %q, want %q", state, got, want)
		}
	}
	var zero Amount
	if zero.State != Missing {
		t.Errorf("the zero Amount is %v, want missing", zero.State)
	}
}

func TestNotesHaveTheWordsOfRepairs(t *testing.T) {
	all := NoteDecimalComma | NoteGroupingRemoved | NoteSymbolStripped | NoteCodeInAmount | NoteRounded | NoteFraction3
	got := all.AppendWords([]string{"latin1"})
	want := []string{"latin1", "decimal_comma", "grouping_removed", "symbol_stripped", "code_in_amount", "rounded"}
	if len(got) != len(want) {
		t.Fatalf("AppendWords = %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("word %d = %q, want %q", i, got[i], want[i])
		}
	}
	if words := NoteFraction3.AppendWords(nil); words != nil {
		t.Errorf("NoteFraction3 has the words %q, want none", words)
	}
	if NoteRounded.Has(NoteRounded | NoteCodeInAmount) {
		t.Error("Has is true though one of two notes is absent")
	}
}
