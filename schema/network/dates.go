package network

import (
	"math"
	"time"

	_ "time/tzdata" // presets name zones; a container may hold no zone files

	"github.com/postbackhq/postback/schema"
)

const (
	dayMS = int64(24 * time.Hour / time.Millisecond)
	// earliestMS is 2000-01-01: no network reported conversions before.
	earliestMS = 946_684_800_000
)

// date takes the network's clock. A time more than a day ahead of ours, or before
// 2000, is none.
func (s *Scratch) date(received int64) {
	text := s.text(FieldOccurredAt)
	if text == "" {
		return
	}
	ms, ok := parseDate(text, s.n.preset.Dates.Layouts, s.n.location)
	switch {
	case !ok:
		s.ev.Repair(schema.RepairRejectedValue, FieldOccurredAt.String())
		s.trace.add("date", "occurred_at", text, "", "in no form that can be read for certain")
		s.refuse(FieldOccurredAt)
	case ms < earliestMS || received > 0 && ms > received+dayMS:
		s.ev.Repair(schema.RepairDateOutOfRange, "")
		s.trace.add("date", "occurred_at", text, "", "before 2000, or more than a day ahead of our clock")
		s.refuse(FieldOccurredAt)
	default:
		s.ev.OccurredMS = ms
		if s.trace != nil {
			s.trace.add("date", "occurred_at", text, time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"), "dates without a zone are "+s.n.location.String())
		}
	}
}

// parseDate reads a date in milliseconds since the epoch: by the preset's layouts,
// as a Unix time whose unit its size tells, as ISO 8601 (RFC 3339 and its usual
// relatives), or as RFC 1123. Dates without a zone are zone's. An out-of-range
// Unix time is still ok; the caller judges the range.
func parseDate(text string, layouts []string, zone *time.Location) (ms int64, ok bool) {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UnixMilli(), true
		}
	}
	if ms, ok := compactDate(text, zone); ok {
		return ms, true
	}
	if ms, ok := unixTime(text); ok {
		return ms, true
	}
	if ms, ok := isoDate(text, zone); ok {
		return ms, true
	}
	if text == "" || text[0] < 'A' {
		return 0, false
	}
	for _, layout := range [...]string{time.RFC1123Z, time.RFC1123} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// unixTime reads seconds, milliseconds, microseconds or nanoseconds since the
// epoch; a fraction is allowed and counts for seconds.
func unixTime(text string) (int64, bool) {
	whole, rest, digits := number(text)
	if digits == 0 || digits > 19 || whole < 0 {
		return 0, false
	}
	if rest != "" {
		if rest[0] != '.' {
			return 0, false
		}
		for _, c := range []byte(rest[1:]) {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
	}
	switch {
	case whole < 1e11:
		return whole*1000 + fraction(rest), true
	case whole < 1e14:
		return whole, true
	case whole < 1e17:
		return whole / 1e3, true
	}
	return whole / 1e6, true
}

// fraction returns ".123" as 123 thousandths.
func fraction(s string) int64 {
	ms := int64(0)
	for i := 1; i <= 3; i++ {
		ms *= 10
		if i < len(s) {
			ms += int64(s[i] - '0')
		}
	}
	return ms
}

// number reads the digits s begins with; whole is -1 when they do not fit.
func number(s string) (whole int64, rest string, digits int) {
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		if whole > (math.MaxInt64-9)/10 {
			return -1, "", digits
		}
		whole = whole*10 + int64(s[digits]-'0')
		digits++
	}
	return whole, s[digits:], digits
}

// compactDate reads 20231114 and 20231114221320.
func compactDate(text string, zone *time.Location) (int64, bool) {
	whole, rest, digits := number(text)
	if rest != "" || digits != 8 && digits != 14 || text[:2] != "19" && text[:2] != "20" {
		return 0, false
	}
	clock := int64(0)
	if digits == 14 {
		whole, clock = whole/1e6, whole%1e6
	}
	d := moment{int(whole / 1e4), int(whole / 100 % 100), int(whole % 100), int(clock / 1e4), int(clock / 100 % 100), int(clock % 100), 0}
	return d.ms(zone)
}
