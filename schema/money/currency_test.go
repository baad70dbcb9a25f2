package money

import (
	"strconv"
	"strings"
	"testing"
)

func TestEveryKnownCodeIsFoundInAnyCase(t *testing.T) {
	for i, rows := range [][]row{currentRows[:], historicRows[:]} {
		for _, r := range rows {
			want := [...]Kind{Current, Historic}[i]
			if r.code == "XTS" || r.code == "XXX" {
				want = Test
			}
			lower := strings.ToLower(r.code)
			for _, text := range []string{r.code, lower, " " + r.code[:1] + lower[1:] + "\u00a0"} {
				c := Lookup(text)
				if c.Code != r.code || c.Kind != want || c.Number != r.number || c.Successor != r.successor {
					t.Errorf("Lookup(%q) = %+v, want %s, %v", text, c, r.code, want)
				}
			}
			if !IsCode(r.code) || !IsCode(lower) {
				t.Errorf("IsCode(%q) is false", r.code)
			}
		}
	}
}

func TestCurrencyTextIsClassifiedAndNeverReplaced(t *testing.T) {
	for _, c := range []struct {
		text, code string
		kind       Kind
		exponent   int
	}{
		{"USD", "USD", Current, 2},
		{"jpy", "JPY", Current, 0},
		{"KWD", "KWD", Current, 3},
		{"CLF", "CLF", Current, 4},
		{"xcg", "XCG", Current, 2},
		{"ZWG", "ZWG", Current, 2},
		{"840", "USD", Current, 2},
		{"036", "AUD", Current, 2},
		{"36", "AUD", Current, 2},
		{"8", "ALL", Current, 2},
		{" 978 ", "EUR", Current, 2},
		{"532", "XCG", Current, 2},
		{"191", "HRK", Historic, 2},
		{"810", "RUR", Historic, 2},
		{"963", "XTS", Test, 2},
		{"999", "XXX", Test, 2},
		{"€", "EUR", Current, 2},
		{" £", "GBP", Current, 2},
		{"HRK", "HRK", Historic, 2},
		{"bgn", "BGN", Historic, 2},
		{"ANG", "ANG", Historic, 2},
		{"itl", "ITL", Historic, 0},
		{"XAU", "XAU", Current, 2},
		{"XXX", "XXX", Test, 2},
		{"", "", NoCode, 2},
		{" \t", "", NoCode, 2},
		{"$", "", Symbol, 2},
		{"¥", "", Symbol, 2},
		{"¤", "", Symbol, 2},
		{"$$", "", Symbol, 2},
		{"US$", "US$", Unknown, 2},
		{"USDT", "USDT", Unknown, 2},
		{"usdt", "USDT", Unknown, 2},
		{" points ", "POINTS", Unknown, 2},
		{"euro", "EURO", Unknown, 2},
		{"zł", "Zł", Unknown, 2},
		{"XYZ", "XYZ", Unknown, 2},
		{"000", "000", Unknown, 2},
		{"001", "001", Unknown, 2},
		{"0840", "0840", Unknown, 2},
		{"-84", "-84", Unknown, 2},
		{"U5D", "U5D", Unknown, 2},
		{"¢", "¢", Unknown, 2},
	} {
		got := Lookup(c.text)
		if got.Code != c.code || got.Kind != c.kind || got.Exponent != c.exponent {
			t.Errorf("Lookup(%q) = %+v, want %q, %v, exponent %d", c.text, got, c.code, c.kind, c.exponent)
		}
	}
}

func TestOnlyLettersOfKnownCodesAreCodes(t *testing.T) {
	for _, text := range []string{"", "US", "USDT", "US$", "840", "€", "XYZ", " USD", "ÜSD", "u-d"} {
		if IsCode(text) {
			t.Errorf("IsCode(%q) is true", text)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	names := map[Kind]string{
		NoCode: "none", Current: "current", Historic: "historic", Test: "test", Symbol: "symbol", Unknown: "unknown",
		99: "unknown",
	}
	for kind, want := range names {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d) = %q, want %q", kind, got, want)
		}
	}
}

func TestMinorUnitsAreThoseOfListOne(t *testing.T) {
	codes := map[int8][]string{}
	for _, r := range currentRows {
		codes[r.digits] = append(codes[r.digits], r.code)
	}
	for digits, want := range map[int8]string{
		0:           "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
		3:           "BHD IQD JOD KWD LYD OMR TND",
		4:           "CLF UYW",
		noMinorUnit: "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX",
	} {
		if got := strings.Join(codes[digits], " "); got != want {
			t.Errorf("%d digits: %s, want %s", digits, got, want)
		}
	}
	if len(currentRows) != 178 || len(codes[2]) != 178-17-7-2-13 {
		t.Errorf("%d codes, %d of them with two digits; List One of 2026-01-01 has 178 and 139", len(currentRows), len(codes[2]))
	}
	if len(codes) != 5 {
		t.Errorf("there are %d different minor units, want 5", len(codes))
	}
	if c := Lookup("XDR"); !c.NoMinorUnit || c.Exponent != 2 {
		t.Errorf("XDR = %+v, want two digits and no minor unit", c)
	}
	if c := Lookup("USD"); c.NoMinorUnit {
		t.Errorf("USD = %+v has no minor unit", c)
	}
}

func TestHistoricTableHoldsTheCodesOfLateReports(t *testing.T) {
	for _, code := range strings.Fields(`ANG ATS AZM BEF BGN BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF
		LVL MGF MRO MTL MXP MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL VEB VEF YUM ZMK ZWD ZWL`) {
		if c := Lookup(code); c.Kind != Historic || c.Code != code {
			t.Errorf("Lookup(%q) = %+v, want historic and unchanged", code, c)
		}
	}
	if len(historicRows) != 78 {
		t.Errorf("%d historic codes, want 78", len(historicRows))
	}
	for code, want := range map[string]string{
		"ANG": "XCG", "BGN": "EUR", "ZWL": "ZWG", "RUR": "RUB", "HRK": "EUR", "SLL": "SLE",
	} {
		if got := Lookup(code).Successor; got != want {
			t.Errorf("the successor of %s is %q, want %q", code, got, want)
		}
	}
	var unminted []string
	for _, r := range historicRows {
		if r.digits == 0 {
			unminted = append(unminted, r.code)
		}
	}
	const want = "ADP BEF BYB BYR ESP GRD ITL LUF MGF PTE ROL TPE TRL"
	if got := strings.Join(unminted, " "); got != want {
		t.Errorf("historic codes without minor digits: %s, want %s", got, want)
	}
}

func TestTablesAreSortedUniqueAndConsistent(t *testing.T) {
	seen := map[string]bool{}
	numbers := map[uint16]string{}
	for _, rows := range [][]row{currentRows[:], historicRows[:]} {
		previous := ""
		for _, r := range rows {
			if _, ok := letterSlot(r.code); !ok || strings.ToUpper(r.code) != r.code || r.number > 999 {
				t.Errorf("%+v is no row of ISO 4217", r)
			}
			if r.code <= previous || seen[r.code] {
				t.Errorf("%s is doubled or out of order after %s", r.code, previous)
			}
			previous, seen[r.code] = r.code, true
			if r.successor != "" && !IsCode(r.successor) {
				t.Errorf("the successor %s of %s is not in the tables", r.successor, r.code)
			}
			if rows[0].code == currentRows[0].code {
				if numbers[r.number] != "" || r.number == 0 || r.successor != "" {
					t.Errorf("%+v: number of %s, or a successor of a current code", r, numbers[r.number])
				}
				numbers[r.number] = r.code
			}
		}
	}
	for number, code := range numbers {
		if c := Lookup(strconv.Itoa(int(number))); c.Code != code {
			t.Errorf("number %d leads to %+v, want %s", number, c, code)
		}
	}
}

func TestNumberPassedOnBelongsToTheYoungestCode(t *testing.T) {
	for number, want := range map[string]string{
		"532": "XCG", "891": "CSD", "440": "LTL", "428": "LVL", "810": "RUR", "484": "MXN", "604": "PEN", "8": "ALL",
	} {
		if got := Lookup(number).Code; got != want {
			t.Errorf("Lookup(%q) = %s, want %s", number, got, want)
		}
	}
}
