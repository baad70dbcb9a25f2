package network

import (
	"testing"
	"time"
)

const wanted = 1_700_000_000_000 // 2023-11-14 22:13:20 UTC

func TestDatesOfAllNetworksMeanTheSameMoment(t *testing.T) {
	for _, text := range []string{
		"1700000000", "1700000000.000", "1700000000000", "1700000000000000", "1700000000000000000",
		"2023-11-14T22:13:20Z", "2023-11-14t22:13:20z", "2023-11-14 22:13:20", "2023/11/14 22:13:20", "20231114221320",
		"2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.0000000", "2023-11-14T22:13:20,000Z", "2023-11-14 22:13:20 UTC",
		"2023-11-14T23:13:20+01:00", "2023-11-14T23:13:20+0100", "2023-11-14T23:13:20+01", "2023-11-14T23:13:20 01:00",
		"2023-11-14 14:13:20 -08:00", "2023-11-14T14:13:20-0800", "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 23:13:20 +0100",
	} {
		if ms, ok := parseDate(text, nil, time.UTC); !ok || ms != wanted {
			t.Errorf("%s: got %d, %v", text, ms, ok)
		}
	}
}

func TestDatesWithoutATimeOrSecondsAreRead(t *testing.T) {
	for text, want := range map[string]int64{
		"2023-11-14": 1_699_920_000_000, "20231114": 1_699_920_000_000, "2023-11-14 22:13": wanted - 20_000,
		"2024-02-29": 1_709_164_800_000, "1700000000.5": wanted + 500, "2023-11-14T22:13:20.1239Z": wanted + 123,
		"2023-11-14T22:13:20.5Z": wanted + 500, "0": 0, "2016-12-31T23:59:60Z": 1_483_228_800_000,
	} {
		if ms, ok := parseDate(text, nil, time.UTC); !ok || ms != want {
			t.Errorf("%s: got %d, %v, want %d", text, ms, ok, want)
		}
	}
}

func TestDatesThatCouldMeanAnythingAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "yesterday", "11/14/2023", "14.11.2023", "2023-13-01", "2023-02-30", "2023-11-14 25:00:00", "2023-11-14T22", "2023-11-1",
		"2023-11/14", "2023-11-14x", "2023-11-14T22:13:20+99", "2023-11-14T22:13:20.", "2023-11-14T22:13:20Zx", "-5", "1.2.3", "1700000000.x",
		"99999999999999999999", "2023-11-14T2a:13:20", "20231114 5", "Tue, 14 Nov", "2023-11-14T22-13", "2023-00-10",
	} {
		if ms, ok := parseDate(text, nil, time.UTC); ok {
			t.Errorf("%s was read as %s", text, time.UnixMilli(ms).UTC())
		}
	}
}

func TestALayoutOfThePresetComesFirstAndTakesItsZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	ms, ok := parseDate("23:13:20 14-Nov-2023", []string{"15:04:05 02-Jan-2006"}, berlin)
	if !ok || ms != wanted {
		t.Errorf("got %d, %v", ms, ok)
	}
	if ms, ok := parseDate("2023-11-14 23:13:20", []string{"15:04:05 02-Jan-2006"}, berlin); !ok || ms != wanted {
		t.Errorf("the usual forms must go on: got %d, %v", ms, ok)
	}
}
