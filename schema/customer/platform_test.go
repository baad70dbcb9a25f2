package customer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryOwnVectorMatches reads testdata/forms.jsonl, whose forms were
// written down from the vendors' rules and hashed with another implementation.
func TestEveryOwnVectorMatches(t *testing.T) {
	rows := readVectors(t, "testdata/forms.jsonl")
	seen := map[string]bool{}
	for _, v := range rows {
		v.check(t)
		seen[v.Platform+" "+v.Field] = true
	}
	for _, platform := range Platforms() {
		for _, field := range PlatformFields(platform) {
			if !seen[platform+" "+field] && platform != MetaParamBuilder {
				t.Errorf("no vector for %s %s", platform, field)
			}
		}
	}
}

func TestErrorsOfNormalizeSayWhatIsMissingAndNeverTheValue(t *testing.T) {
	f := func(platform, field, input string, want error, says string) {
		t.Helper()
		form, err := Normalize(platform, field, input, Options{})
		if !errors.Is(err, want) || form != (Form{}) {
			t.Errorf("%s %s: %v, want %v", platform, field, err, want)
			return
		}
		if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), input) {
			t.Errorf("%s %s: error %q must say %q and nothing of the value", platform, field, err, says)
		}
	}
	f("facebook", "email", "secret@example.com", ErrPlatform, "google, meta, meta_param_builder, pinterest, snap, tiktok")
	f("google", "birthdate", "1991-05-26", ErrField, "google has city, country, email")
	f("tiktok", "birthdate", "1991-05-26", ErrField, "tiktok has")
	f("meta", "email", "secret@host", ErrRefused, "meta email")
	f("meta", "email", "secret@host", ErrRefused, "jane@example.com")
	f("google", "country", "Germany", ErrRefused, "two-letter")
	f("snap", "email", emptyHash, ErrRefused, "hash")
}

func TestFutureBirthdateIsRefusedOnceTheDayIsKnown(t *testing.T) {
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := Normalize(Meta, "birthdate", "2030-01-01", Options{Now: now}); !errors.Is(err, ErrRefused) {
		t.Errorf("error %v, want it refused", err)
	}
	if form, err := Normalize(Meta, "birthdate", "2030-01-01", Options{}); err != nil || form.Normalized != "20300101" {
		t.Errorf("form %+v, %v", form, err)
	}
}

func TestOneAddressHasTwoForms(t *testing.T) {
	const raw = "  JOHN_Smith@Gmail.com "
	for _, platform := range Platforms() {
		form, err := Normalize(platform, "email", raw, Options{})
		if err != nil || form.SHA256 != "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f" {
			t.Errorf("%s: %+v, %v", platform, form, err)
		}
	}
	meta, _ := Normalize(Meta, "email", "a.b+c@gmail.com", Options{})
	google, _ := Normalize(Google, "email", "a.b+c@gmail.com", Options{})
	if meta.SHA256 == google.SHA256 {
		t.Error("Meta and Google hash a dotted Gmail address alike")
	}
}

func TestNormalizedFormIsStable(t *testing.T) {
	for _, v := range readVectors(t, "testdata/forms.jsonl") {
		if v.refused() || v.Field == "phone" && v.Platform != Google && v.Platform != TikTok {
			continue // digits without `+` say nothing about their country
		}
		v.Input, v.Note = *v.Normalized, ""
		v.check(t)
	}
}

func TestPlatformsAndFieldsAreSortedCopies(t *testing.T) {
	platforms := Platforms()
	if !slices.IsSorted(platforms) || len(platforms) != 6 {
		t.Errorf("platforms %v", platforms)
	}
	platforms[0] = "changed"
	if Platforms()[0] == "changed" {
		t.Error("the caller's slice is the package's")
	}
	for _, platform := range Platforms() {
		if fields := PlatformFields(platform); !slices.IsSorted(fields) || !slices.Contains(fields, "email") {
			t.Errorf("%s: fields %v", platform, fields)
		}
	}
	if fields := PlatformFields("facebook"); fields != nil {
		t.Errorf("fields of an unknown platform: %v", fields)
	}
}
