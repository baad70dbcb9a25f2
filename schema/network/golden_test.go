package network

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/schema"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/*.golden")

// received is our clock in every golden case: 2026-03-01 12:00:00 UTC.
const received = 1_772_366_400_000

// A golden file is a request in lines of "key: value", a line of dashes, and the
// event in the same form. Lines with # at the start of the file say what it shows.
const dashes = "----------"

// golden is one case.
type golden struct {
	file, head, want string
	preset           string
	settings         Settings
	request          Request
}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, want, ok := strings.Cut(string(data), dashes+"\n")
	if !ok && !*update {
		t.Fatalf("%s: no line of dashes between request and event", file)
	}
	g := golden{file: file, head: head, want: want, preset: "generic"}
	g.settings = Settings{Property: "demo", DefaultCurrency: "USD"}
	g.request.ReceivedMS = received
	for line := range strings.Lines(head) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		g.set(t, strings.TrimSuffix(key, ":"), value)
	}
	if g.settings.Network == "" {
		g.settings.Network = g.preset
	}
	return g
}

func (g *golden) set(t *testing.T, key, value string) {
	t.Helper()
	switch key {
	case "preset":
		g.preset = value
	case "network":
		g.settings.Network = value
	case "query":
		g.request.Query = []byte(unescape(value))
	case "body":
		g.request.Body = []byte(unescape(value))
	case "type":
		g.request.ContentType = value
	case "currency":
		g.settings.Currency = value
	case "override":
		g.settings.OverrideCurrency = value
	case "country":
		g.settings.Country = value
	case "zone":
		zone, err := time.LoadLocation(value)
		if err != nil {
			t.Fatalf("%s: %v", g.file, err)
		}
		g.settings.Location = zone
	case "count_pending":
		g.settings.CountPending = value == "true"
	case "pii":
		g.settings.PII = map[string]PII{"keep": KeepPII, "hash": HashPII, "drop": DropPII}[value]
	case "identity":
		g.settings.Identity = map[string]Identity{"click": IdentityClick, "transaction": IdentityTransaction}[value]
	default:
		t.Fatalf("%s: unknown key %q", g.file, key)
	}
}

// unescape replaces {{repeat N text}} by N times text, for values too long to
// print.
func unescape(s string) string {
	before, rest, ok := strings.Cut(s, "{{repeat ")
	if !ok {
		return s
	}
	count, rest, _ := strings.Cut(rest, " ")
	text, after, _ := strings.Cut(rest, "}}")
	n := 0
	for _, c := range count {
		n = n*10 + int(c-'0')
	}
	return before + strings.Repeat(text, n) + unescape(after)
}

// catalog is Builtin with the presets of testdata/presets on top.
func catalog(t testing.TB) *Catalog {
	t.Helper()
	builtin, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	all, err := builtin.With(os.DirFS(filepath.Join("testdata", "presets")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRequestsGiveTheEventsOfTheGoldenFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	presets := catalog(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			g := readGolden(t, file)
			got := g.run(t, presets)
			if *update {
				if err := os.WriteFile(file, []byte(g.head+dashes+"\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != g.want {
				t.Errorf("%s\nrequest:\n%s\ngot:\n%s\nwant:\n%s", file, g.head, got, g.want)
			}
		})
	}
}

func (g *golden) run(t *testing.T, presets *Catalog) string {
	t.Helper()
	p, ok := presets.Lookup(g.preset)
	if !ok {
		t.Fatalf("%s: no preset %q", g.file, g.preset)
	}
	n, err := New(p, g.settings)
	if err != nil {
		t.Fatalf("%s: %v", g.file, err)
	}
	var s Scratch
	var ev schema.Event
	return listing(n.Normalize(&s, &g.request, &ev, nil), &ev)
}
