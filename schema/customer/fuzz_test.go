package customer

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkInvariants states what holds for every field and any input.
func checkInvariants(t *testing.T, f Field, raw string, h Hints) string {
	t.Helper()
	got, n := Append([]byte("kept"), f, raw, h)
	rest, kept := bytes.CutPrefix(got, []byte("kept"))
	if !kept {
		t.Fatalf("%s %q: the buffer's beginning was changed: %q", f, raw, got)
	}
	value := string(rest)
	if value != "" && n&Rejected != 0 {
		t.Fatalf("%s %q: rejected, yet appended %q", f, raw, value)
	}
	if !utf8.ValidString(value) || strings.ContainsAny(value, "\x00\r\n\t") {
		t.Fatalf("%s %q: unclean %q", f, raw, value)
	}
	if value == "" {
		return ""
	}
	again, note := Append(nil, f, value, h)
	if string(again) != value || note&Rejected != 0 {
		t.Fatalf("%s %q: %q normalized again = %q, %s", f, raw, value, again, words(note, f))
	}
	if n&Hashed != 0 && (!IsSHA256(value) || value != strings.ToLower(value)) {
		t.Fatalf("%s %q: flagged as hash: %q", f, raw, value)
	}
	if n&Hashed != 0 {
		return ""
	}
	return value
}

func FuzzEmail(f *testing.F) {
	for _, seed := range []string{" JOHN@x.COM ", "jane x@example.com", "a%40b.de", emptyHash, "É@é.fr", "a@b..c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		value := checkInvariants(t, FieldEmail, raw, Hints{})
		if value == "" {
			return
		}
		local, domain, _ := strings.Cut(value, "@")
		if local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(value, " <>,;\"") || strings.Contains(domain, "@") || len(value) > maxEmail {
			t.Fatalf("email %q = %q", raw, value)
		}
	})
}

func FuzzPhone(f *testing.F) {
	for _, seed := range []string{" 16505554444", "+49 (0)171 1234567", "0039 06 1234567", "011441134960987", "+0000001", "8 916 1234567"} {
		for _, country := range []string{"", "US", "DE", "IT", "HU", "RU", "BY"} {
			f.Add(seed, country)
		}
	}
	f.Fuzz(func(t *testing.T, raw, country string) {
		value := checkInvariants(t, FieldPhone, raw, Hints{Country: country})
		digits := strings.TrimPrefix(value, "+")
		if value != "" && (!allDigits(digits) || len(digits) < minPhone || len(digits) > maxPhone) {
			t.Fatalf("phone %q in %q = %q", raw, country, value)
		}
		if digits != value && digits[0] == '0' {
			t.Fatalf("phone %q in %q = %q: no calling code begins with 0", raw, country, value)
		}
	})
}

func FuzzBirthdate(f *testing.F) {
	for _, seed := range []string{"1991-05-26", "May 26, 1991", "26.05.1991", "5/26/1991 (x)", "26 de mayo de 1991", "2024-02-29T10:00"} {
		f.Add(seed)
	}
	now := time.Date(2025, 6, 15, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw string) {
		value := checkInvariants(t, FieldBirthdate, raw, Hints{Now: now})
		if value == "" {
			return
		}
		day, err := time.Parse(time.DateOnly, value)
		if err != nil || day.Year() < firstYear || day.After(now) {
			t.Fatalf("birthdate %q = %q: %v", raw, value, err)
		}
	})
}

func FuzzOtherFields(f *testing.F) {
	for _, seed := range []string{"Public, Jane", "US-CA", "Québec", "98121-4892", "The United States", "4", "\u200bx"} {
		f.Add(seed, "US", true)
	}
	f.Fuzz(func(t *testing.T, raw, country string, number bool) {
		h := Hints{Country: country, Number: number}
		for _, field := range []Field{FieldFirstName, FieldCity, FieldState, FieldZipcode, FieldCountry} {
			checkInvariants(t, field, raw, h)
		}
		first, last := SplitName(raw)
		if !strings.Contains(raw, first) || !strings.Contains(raw, last) {
			t.Fatalf("name %q split into %q and %q", raw, first, last)
		}
		for _, platform := range Platforms() {
			for _, name := range PlatformFields(platform) {
				if form, err := Normalize(platform, name, raw, Options{Country: country}); err == nil && form.Normalized == "" {
					t.Fatalf("%s %s %q has an empty form", platform, name, raw)
				}
			}
		}
	})
}
