package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryShippedPresetIsReadAndCompiles(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"generic", "anytrack", "s2s", "strackr", "impact", "tune", "awin"} {
		if !slices.Contains(c.Names(), name) {
			t.Errorf("the preset %s is missing", name)
		}
	}
	for _, name := range c.Names() {
		p, _ := c.Lookup(name)
		if _, err := New(p, Settings{Property: "p", Network: name}); err != nil {
			t.Error(err)
		}
		for f, macro := range p.Macros {
			if macro == "" || p.Alias(f) == "" {
				t.Errorf("%s: the macro of %s is empty", name, f)
			}
		}
		if strings.Contains(p.Link, "{") != strings.Contains(p.Link, "{click_id}") {
			t.Errorf("%s: the link %q has no place for the click id", name, p.Link)
		}
	}
}

func TestPresetsAreFoundByNameAndAliasInAnyCase(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for segment, want := range map[string]string{"impact": "impact", "IMPACT": "impact", "hasoffers": "tune", "HasOffers": "tune", "nosuch": ""} {
		p, ok := c.Lookup(segment)
		if ok != (want != "") || ok && p.Name != want {
			t.Errorf("%s: got %v, want %q", segment, p, want)
		}
	}
}

func TestMistypedSegmentsGetASuggestion(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for segment, want := range map[string]string{
		"impcat": "impact", "Hasofers": "hasoffers", "awn": "awin", "any-track": "anytrack",
		"completely-else": "", "": "", strings.Repeat("a", 100): "",
	} {
		if got := c.Suggest(segment); got != want {
			t.Errorf("%q: got %q, want %q", segment, got, want)
		}
	}
}

// folder makes presets of lines by name.
func folder(presets map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, lines := range presets {
		text := fmt.Sprintf(`{"name": %q, "title": "T", "certainty": "guess", "sources": ["s"]%s}`, name, lines)
		files[name+".json"] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestAnOperatorsPresetsWin(t *testing.T) {
	c := catalog(t)
	mine, err := c.With(folder(map[string]string{
		"impact": `, "currency": "EUR"`, "own": `, "aliases": ["mine"]`, "hasoffers": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := mine.Lookup("impact"); p.Currency != "EUR" {
		t.Errorf("the built-in impact is still in force")
	}
	if p, ok := mine.Lookup("mine"); !ok || p.Name != "own" {
		t.Errorf("an alias of an own preset is not found")
	}
	if p, _ := mine.Lookup("hasoffers"); p.Name != "hasoffers" {
		t.Errorf("a preset of that name must win over a built-in alias, got %s", p.Name)
	}
	if p, _ := c.Lookup("impact"); p.Currency != "" {
		t.Errorf("the catalog underneath was changed")
	}
	if p, _ := mine.Lookup("tune"); p == nil {
		t.Errorf("the built-in presets are gone")
	}
}

func TestFoldersThatMeanTwoThingsAreRefused(t *testing.T) {
	misnamed := folder(map[string]string{"a": ""})
	misnamed["b.json"] = misnamed["a.json"]
	delete(misnamed, "a.json")
	for want, dir := range map[string]fstest.MapFS{
		`"impact" already means the preset "impact"`: folder(map[string]string{"own": `, "aliases": ["impact"]`}),
		`"z" already means the preset "a"`:           folder(map[string]string{"a": `, "aliases": ["z"]`, "b": `, "aliases": ["z"]`}),
		`belongs into a.json`:                        misnamed,
		`own.json:1: x: unknown key`:                 folder(map[string]string{"own": `, "x": 1`}),
	} {
		if _, err := catalog(t).With(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAFolderWithoutPresetsIsAMistake(t *testing.T) {
	if _, err := catalog(t).With(fstest.MapFS{}); !errors.Is(err, ErrNoPresets) {
		t.Errorf("got %v, want ErrNoPresets", err)
	}
}

func TestSettingsThatMeanNothingAreRefused(t *testing.T) {
	p, _ := catalog(t).Lookup("generic")
	for _, c := range []struct {
		settings Settings
		want     error
	}{
		{Settings{}, ErrNoSegments},
		{Settings{Property: "p"}, ErrNoSegments},
		{Settings{Property: "p", Network: "n", Currency: "$"}, ErrCurrency},
		{Settings{Property: "p", Network: "n", OverrideCurrency: " "}, ErrCurrency},
		{Settings{Property: "p", Network: "n", DefaultCurrency: "$"}, ErrCurrency},
		{Settings{Property: "p", Network: "n", Country: "Nowhere"}, ErrCountry},
		{Settings{Property: "p", Network: "n", Country: "uk", Currency: "eur"}, nil},
	} {
		if _, err := New(p, c.settings); !errors.Is(err, c.want) {
			t.Errorf("%+v: got %v, want %v", c.settings, err, c.want)
		}
	}
}
