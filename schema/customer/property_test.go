package customer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawCountry draws a record of the country table that has a calling code.
func drawCountry(t *rapid.T) (alpha2 string, p plan) {
	at := rapid.IntRange(0, len(countryTable)/countryRecord-1).Draw(t, "record") * countryRecord
	if p = planAt(at); p.code == "" {
		t.Skip("no calling code")
	}
	return countryTable[at : at+2], p
}

// drawNational draws a national number as the plan wants it: of a length it
// allows, beginning with a digit that is no trunk prefix.
func drawNational(t *rapid.T, p plan) string {
	shortest := max(p.min, minPhone-len(p.code))
	length := rapid.IntRange(shortest, max(shortest, p.max)).Draw(t, "length")
	first := rapid.StringMatching("[2-9]").Draw(t, "first")
	rest := rapid.StringMatching(fmt.Sprintf("[0-9]{%d}", length-1)).Draw(t, "rest")
	return first + rest
}

// spaced puts the punctuation people write between the digits.
func spaced(t *rapid.T, digits string) string {
	var text strings.Builder
	for _, d := range digits {
		text.WriteRune(d)
		text.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "-", ".", "/", ") ", "\u00a0"}).Draw(t, "gap"))
	}
	return text.String()
}

func TestDomesticAndInternationalSpellingsAreOneNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		country, p := drawCountry(t)
		if p.trunk == "" {
			t.Skip("dialled as it is")
		}
		number := drawNational(t, p)
		want := "+" + p.code + number
		spellings := map[string]string{
			"plus":         "+" + p.code + number,
			"double zero":  "00" + p.code + number,
			"punctuated":   "+" + p.code + " " + spaced(t, number),
			"labelled":     "Tel: +" + p.code + number,
			"extension":    "+" + p.code + number + " ext 12",
			"padded":       "  +" + p.code + number + "\t",
			"wrong plus":   "+00" + p.code + number,
			"invisible":    "\u200e+" + p.code + number + "\u200f",
			"parenthesis":  "(+" + p.code + ") " + number,
			"slash behind": "+" + p.code + "/" + number,
		}
		if p.trunkZero() && len(p.trunk+number) >= minPhone {
			spellings["domestic"] = p.trunk + number
			spellings["domestic, punctuated"] = "(" + p.trunk + spaced(t, number)
			spellings["both"] = "+" + p.code + " (" + p.trunk + ") " + number
		}
		for how, raw := range spellings {
			got, note := AppendPhone(nil, raw, country)
			if string(got) != want || note != 0 {
				t.Errorf("%s, %s: %q = %q, want %q", country, how, raw, got, want)
			}
		}
	})
}

func TestForeignNumberNeverGetsTheHomeCallingCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		home, _ := drawCountry(t)
		_, abroad := drawCountry(t)
		number := drawNational(t, abroad)
		got, note := AppendPhone(nil, "+"+abroad.code+number, home)
		if want := "+" + abroad.code + number; string(got) != want || note != 0 {
			t.Errorf("at home in %s: %q, want %q", home, got, want)
		}
	})
}

func TestEverySpellingOfADayIsThatDay(t *testing.T) {
	first := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		day := first.AddDate(0, 0, rapid.IntRange(0, 45000).Draw(t, "days"))
		want := day.Format(time.DateOnly)
		for _, layout := range []string{
			"2006-01-02", "20060102", "2006/1/2", "2006.01.02", "2.1.2006", "02.01.2006",
			"January 2, 2006", "Jan 2 2006", "2 January 2006", "02-Jan-2006", "2 Jan, 2006", "2006 January 2",
			"1/2/2006", "01-02-2006", time.RFC3339, time.DateTime, "2006-01-02T15:04:05.000-07:00",
		} {
			raw := day.Format(layout)
			got, note := AppendBirthdate(nil, raw, day)
			if string(got) != want || note&^DateAmbiguous != 0 {
				t.Errorf("%q = %q, %b, want %s", raw, got, note, want)
			}
		}
	})
}

func TestDayThatDoesNotExistIsRefusedInEverySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.IntRange(1900, 2100).Draw(t, "year")
		month := rapid.IntRange(1, 12).Draw(t, "month")
		last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		day := rapid.IntRange(last+1, 99).Draw(t, "day")
		for _, raw := range []string{
			fmt.Sprintf("%04d-%02d-%02d", year, month, day),
			fmt.Sprintf("%04d%02d%02d", year, month, day),
			fmt.Sprintf("%02d.%02d.%04d", day, month, year),
			fmt.Sprintf("%s %d, %d", time.Month(month), day, year),
		} {
			if got, note := AppendBirthdate(nil, raw, time.Time{}); len(got) != 0 || note != Rejected {
				t.Errorf("%q = %q, %b, want it rejected", raw, got, note)
			}
		}
	})
}

func TestCaseAndBlanksAroundAnAddressDoNotMatter(t *testing.T) {
	local := rapid.StringMatching(`[a-z0-9][a-z0-9._+'-]{0,30}`)
	domain := rapid.StringMatching(`[a-z0-9-]{1,20}(\.[a-z0-9-]{1,10}){0,2}\.[a-z]{2,6}`)
	blank := rapid.StringMatching("[ \t\r\n\u00a0]{0,3}")
	rapid.Check(t, func(t *rapid.T) {
		want := local.Draw(t, "local") + "@" + domain.Draw(t, "domain")
		for _, raw := range []string{want, strings.ToUpper(want), blank.Draw(t, "before") + want + blank.Draw(t, "after")} {
			if got, note := AppendEmail(nil, raw); string(got) != want || note != 0 {
				t.Errorf("%q = %q, %b, want %q", raw, got, note, want)
			}
		}
		decoded := strings.ReplaceAll(want, "+", " ")
		got, note := AppendEmail(nil, decoded)
		mended := string(got) == want && (note == EmailPlus) == (decoded != want)
		if !mended && note != Rejected {
			t.Errorf("%q = %q, %b, want %q or nothing", decoded, got, note, want)
		}
	})
}

func TestCountryNamesAreFoundWhateverTheirCaseAndPunctuation(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(countryNames, "\n"), "\n")
	rapid.Check(t, func(t *rapid.T) {
		name, want, _ := strings.Cut(rapid.SampledFrom(lines).Draw(t, "line"), " ")
		var raw strings.Builder
		for _, r := range name {
			if rapid.Bool().Draw(t, "upper") {
				r -= 'a' - 'A'
			}
			if r < '0' || r > 'z' || r < 'A' && r > '9' {
				r = rune(name[raw.Len()]) // a digit has no upper case
			}
			raw.WriteRune(r)
		}
		text := " " + strings.Join(strings.Split(raw.String(), ""), rapid.SampledFrom([]string{"", " ", "-", "."}).Draw(t, "gap")) + "."
		if got, ok := Country(text); !ok || got != want {
			t.Errorf("Country(%q) = %q, %t, want %q", text, got, ok, want)
		}
	})
}
