package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzConfigurationIsReadOrRefused feeds any text to the reader of
// configurations: it must not panic, every problem must have a place, and what
// it accepts must be accepted again when printed.
func FuzzConfigurationIsReadOrRefused(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add("a: &x [*x]\nlisten: *x\n")
	f.Add("properties: [{id: ${A:-b}, integrations: [{}]}]\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := &problems{file: "f", at: make(map[string]place)}
		c := fileDefaults()
		reader := &fileReader{problems: p, getenv: func(string) (string, bool) { return "", false }}
		reader.read([]byte(text), &c)
		for _, line := range p.lines() {
			if !strings.HasPrefix(line, "f:") {
				t.Errorf("a problem without a place: %s", line)
			}
		}
		if len(p.list) > 0 {
			return
		}
		printed, err := effectiveYAML(&c)
		if err != nil {
			t.Fatal(err)
		}
		again := &problems{file: "f", at: make(map[string]place)}
		d := fileDefaults()
		(&fileReader{problems: again, getenv: reader.getenv}).read(printed, &d)
		if lines := again.lines(); len(lines) > 0 {
			t.Errorf("printed, it is refused: %v\n%s", lines, printed)
		}
	})
}

// FuzzAnyTextIsARequest feeds any text to try's reader of requests.
func FuzzAnyTextIsARequest(f *testing.F) {
	for _, text := range []string{"GET / HTTP/1.1\n\n", "{}", "a=b", "https://x/?y", "POST x\na", "\ufeff[", "GET"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		requestOfText(text).ingest(time.Unix(0, 0))
		r, err := requestOfInput([]byte(text))
		if err != nil {
			return
		}
		_ = r.path()
		r.ingest(time.Unix(0, 0))
	})
}
