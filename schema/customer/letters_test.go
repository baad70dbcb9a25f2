package customer

import (
	"strings"
	"testing"
)

func TestFoldLeavesLettersAndDigitsWithoutAccents(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if got := string(fold(nil, raw)); got != want {
			t.Errorf("fold(%q) = %q, want %q", raw, got, want)
		}
	}
	f("Côte d'Ivoire", "cotedivoire")
	f("Co\u0302te", "cote")
	f("ÅLAND – Ελλάδα", "alandελλάδα")
	f("Großbritannien", "grossbritannien")
	f("Þórshöfn, Ærø, Œuvre", "thorshofnaerooeuvre")
	f("ŁÓDŹ", "lodz")
	f("İstanbul ı", "istanbuli")
	f("Čeština Řím Ťž Ď Ň Ů", "cestinarimtzdnu")
	f("a1\x00b2\xff🎉", "a1b2")
	f("", "")
	if got := fold(nil, strings.Repeat("x", 1000)); len(got) > maxFold {
		t.Errorf("folded text has %d bytes, want %d at most", len(got), maxFold)
	}
}

func TestTrimTakesInvisibleMarksOff(t *testing.T) {
	for _, blank := range []string{" ", "\t", "\r\n", "\x00", "\x7f", "\u00a0", "\u2009", "\u3000", "\ufeff", "\u200b", "\u200e", "\u202a"} {
		if got := trim(blank + "x y" + blank + blank); got != "x y" {
			t.Errorf("trim with %q = %q", blank, got)
		}
		if got := string(appendSpaced(nil, "x"+blank+blank+"y")); got != "x y" {
			t.Errorf("inner %q = %q", blank, got)
		}
	}
	if got := trim("\u200b\u200c"); got != "" {
		t.Errorf("marks alone leave %q", got)
	}
}

func TestLookupFindsEveryLineAndNothingElse(t *testing.T) {
	const table = "a 1\nab 2\nb 3\nzz 4\n"
	for key, want := range map[string]string{"a": "1", "ab": "2", "b": "3", "zz": "4"} {
		if got, ok := lookup(table, []byte(key)); !ok || got != want {
			t.Errorf("lookup(%q) = %q, %t, want %q", key, got, ok, want)
		}
	}
	for _, key := range []string{"", "0", "aa", "abc", "c", "z", "zzz", "a 1", "\n"} {
		if got, ok := lookup(table, []byte(key)); ok {
			t.Errorf("lookup(%q) = %q", key, got)
		}
	}
	if got, ok := lookup("", []byte("a")); ok {
		t.Errorf("lookup in nothing = %q", got)
	}
}

func TestPlanIsKnownForCountriesAlone(t *testing.T) {
	for country, want := range map[string]plan{
		"DE": {code: "49", trunk: "0", min: 5, max: 13},
		"US": {code: "1", trunk: "1", min: 10, max: 10},
		"IT": {code: "39", min: 6, max: 12},
		"HU": {code: "36", trunk: "06", min: 8, max: 9},
		"AQ": {}, "ZZ": {}, "": {}, "D": {}, "DEU": {}, "de": {}, "\xff\xff": {},
	} {
		if got := planOf(country); got != want {
			t.Errorf("plan of %q = %+v, want %+v", country, got, want)
		}
	}
	for _, code := range []string{"", "0", "2", "999", "4949"} {
		if got := planByCode([]byte(code)); got != (plan{}) {
			t.Errorf("plan of calling code %q = %+v", code, got)
		}
	}
}

func TestFloatTailIsCutFromWholeNumbersAlone(t *testing.T) {
	for raw, want := range map[string]string{
		"12345.0": "12345", "12345.00": "12345.00", "12345": "12345", ".0": ".0", "1.2.0": "1.2.0", "a.0": "a.0", "": "",
	} {
		if got := withoutFloatTail(raw); got != want {
			t.Errorf("%q = %q, want %q", raw, got, want)
		}
	}
}
