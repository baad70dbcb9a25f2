package customer

import (
	"bytes"
	"strings"
	"testing"
)

func TestCountryIsFoundByCodeOrName(t *testing.T) {
	f := func(want string, spellings ...string) {
		t.Helper()
		for _, raw := range spellings {
			if got, ok := Country(raw); got != want || !ok {
				t.Errorf("Country(%q) = %q, %t, want %q", raw, got, ok, want)
			}
		}
	}
	f("US", "us", "US", "USA", "840", "U.S.A.", "United States", "       United States       ", "uNiTeD sTaTeS",
		"United States of America", "the United States", "Estados Unidos", "Vereinigte Staaten", "États-Unis")
	f("GB", "UK", "gb", "GBR", "826", "United Kingdom", "Great Britain", "England", "Großbritannien", "Royaume-Uni")
	f("DE", "Germany", "Deutschland", "Allemagne", "Alemania", "DEU", "276")
	f("AT", "Österreich", "Oesterreich", "Osterreich", "040", "40")
	f("AU", "036", "36", "Australia")
	f("CI", "Côte d'Ivoire", "Cote dIvoire", "Ivory Coast", "COTE D’IVOIRE")
	f("KR", "Korea, Republic of", "Republic of Korea", "South Korea", "Südkorea")
	f("TR", "Türkiye", "Turkey", "Türkei")
	f("CZ", "Czechia", "Czech Republic", "Česko")
	f("TT", "Trinidad & Tobago", "Trinidad and Tobago")
	f("LC", "Saint Lucia", "St. Lucia")
	f("NL", "Holland", "The Netherlands", "Nederland")
	f("GR", "EL", "Greece")
	f("XK", "Kosovo", "XKX")
	f("NA", "NA", "Namibia")
	f("RU", "Russia", "Russian Federation")
	f("VN", "Vietnam", "Viet Nam")
}

func TestUnknownCountryIsNeverCutToTwoLetters(t *testing.T) {
	for _, raw := range []string{
		"Unknown", "TestCountry", "X", "XX", "ZZ", "000", "999", "1", "n/a", "Unknownland", "??", "Европа", "the",
		strings.Repeat("united states ", 50),
	} {
		checkAppend(t, FieldCountry, raw, Hints{}, "", Rejected)
	}
	checkAppend(t, FieldCountry, "Deutschland", Hints{}, "DE", 0)
	checkAppend(t, FieldCountry, " ", Hints{}, "", 0)
}

func TestStateBecomesItsCodeInThreeCountries(t *testing.T) {
	f := func(raw, country, want string) {
		t.Helper()
		checkAppend(t, FieldState, raw, Hints{Country: country}, want, 0)
	}
	f("California", "US", "CA")
	f("ca", "US", "CA")
	f("Calif.", "US", "CA")
	f("Washington, D.C.", "US", "DC")
	f("District of Columbia", "US", "DC")
	f("Washington", "US", "WA")
	f("N. Y.", "US", "NY")
	f("US-TX", "US", "TX")
	f("us-tx", "", "TX")
	f("Québec", "CA", "QC")
	f("british columbia", "CA", "BC")
	f("New South Wales", "AU", "NSW")
	f("wa", "AU", "WA")
	f("Western Australia", "AU", "WA")
	f("California", "", "California")
	f("CA", "", "CA")
	f("CA", "IT", "CA")
	f("US-ZZ", "US", "US-ZZ")
	f("US-CA", "DE", "US-CA")
	f(" Bayern ", "DE", "Bayern")
	f("Atlantis", "US", "Atlantis")
	checkAppend(t, FieldState, "--", Hints{Country: "US"}, "", Rejected)
	checkAppend(t, FieldState, "  ", Hints{Country: "US"}, "", 0)
	checkAppend(t, FieldState, strings.Repeat("a", 200), Hints{Country: "US"}, strings.Repeat("a", 200), 0)
}

func TestZipKeepsLeadingZerosAndDash(t *testing.T) {
	f := func(raw string, h Hints, want string, note Note) {
		t.Helper()
		checkAppend(t, FieldZipcode, raw, h, want, note)
	}
	f("02134", Hints{Country: "US"}, "02134", 0)
	f(" 98121-4892 ", Hints{Country: "US"}, "98121-4892", 0)
	f("sw1a  1aa", Hints{Country: "GB"}, "SW1A 1AA", 0)
	f("100-0001", Hints{Country: "JP"}, "100-0001", 0)
	f("2134", Hints{Country: "US", Number: true}, "2134", TruncatedNumber)
	f("601", Hints{Country: "PR", Number: true}, "601", TruncatedNumber)
	f("1067", Hints{Country: "DE", Number: true}, "1067", TruncatedNumber)
	f("2134", Hints{Country: "US"}, "2134", 0)
	f("2134", Hints{Country: "AU", Number: true}, "2134", 0)
	f("2134", Hints{Number: true}, "2134", 0)
	f("98121", Hints{Country: "US", Number: true}, "98121", 0)
	f("98121.0", Hints{Country: "US", Number: true}, "98121", 0)
	f("98121.0", Hints{Country: "US"}, "", Rejected)
	f("", Hints{}, "", 0)
	f("-", Hints{}, "", Rejected)
	f("12345<script>", Hints{}, "", Rejected)
	f(strings.Repeat("1", 17), Hints{}, "", Rejected)
}

func TestTablesAreSortedAndComplete(t *testing.T) {
	for name, table := range map[string]string{"countries": countryTable, "names": countryNames, "states": stateNames} {
		last := ""
		for line := range strings.Lines(table) {
			if line <= last || !strings.HasSuffix(line, "\n") {
				t.Errorf("%s: line %q after %q", name, line, last)
			}
			last = line
		}
	}
	if n := len(countryTable); n != 250*countryRecord {
		t.Errorf("country table has %d bytes, want 250 records", n)
	}
	for line := range strings.Lines(countryTable) {
		part := strings.Fields(line)
		for _, code := range []string{part[0], part[1], part[2]} {
			if code == "000" {
				continue // Kosovo has no number
			}
			if got, ok := Country(code); !ok || got != part[0] {
				t.Errorf("Country(%q) = %q, want %q", code, got, part[0])
			}
		}
	}
	checkKeysAreFolded(t)
}

func checkKeysAreFolded(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(countryNames + stateNames) {
		key, code, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if folded := fold(nil, key); !bytes.Equal(folded, []byte(key)) {
			t.Errorf("key %q cannot be found: it folds to %q", key, folded)
		}
		if code != strings.ToUpper(code) || len(code) < 2 || len(code) > 3 {
			t.Errorf("key %q has code %q", key, code)
		}
		if len(key) > maxFold-4 {
			t.Errorf("key %q is too long to be found", key)
		}
	}
}
