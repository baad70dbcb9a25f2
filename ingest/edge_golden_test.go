package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest"
)

// A golden file is one edge case: comment lines that say what it shows, then
// settings and the requests as "key: value", a blank line between two requests,
// a line of dashes, and what each request must end as:
//
//	# the same state in other words
//	on_change: ignore
//	query: click_id=c1&transaction_id=T1&commission=5
//
//	after: 900s
//	query: click_id=c1&transaction_id=T1&commission=6
//	----------
//	1: 200 accepted
//	commission: 5.00
//	2: 200 duplicate ignored_change
//	end:
//	total: 5.00
//
// A request is answered with STATUS, or STATUS RESULT, or STATUS RESULT REASON;
// "2-4:" speaks of several requests. The lines below an answer are fields of the
// event that the request published (or aside.X of its failed record, and the
// other keys that expectation.check knows); "absent" is a field that is null or
// missing. An event must show exactly the repairs that are listed. A duplicate
// has no event. "end:" speaks of the topics when all is done.
type golden struct {
	name     string
	about    []string
	property ingest.PropertyConfig
	own      ingest.IntegrationConfig
	peer     string
	trusted  string
	deaf     bool
	// notYet says what the product lacks, seen names the Go test that shows the
	// case.
	notYet string
	seen   []string
	steps  []step
	want   map[int]*expectation
	end    map[string]string
}

// step is one request, or the same one several times.
type step struct {
	after                   time.Duration
	property, network, path string
	method, query           string
	contentType, body       string
	headers                 []string
	repeat                  int
}

const goldenDashes = "----------"

func readGolden(t testing.TB, file string) *golden {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{
		name: strings.TrimSuffix(filepath.Base(file), ".golden"), want: map[int]*expectation{}, end: map[string]string{},
		property: ingest.PropertyConfig{ID: "demo", Open: true}, own: ingest.IntegrationConfig{Network: "generic"},
	}
	head, want, _ := strings.Cut(string(data), goldenDashes+"\n")
	if err := g.parseHead(head); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if err := g.parseWant(want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return g
}

func (g *golden) parseHead(head string) error {
	blocks := strings.Split(head, "\n\n")
	for _, block := range blocks {
		s := step{property: "demo", repeat: 1}
		request := false
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if text, ok := strings.CutPrefix(line, "#"); ok {
				g.about = append(g.about, strings.TrimSpace(text))
				continue
			}
			key, value, _ := strings.Cut(line, ": ")
			key = strings.TrimSuffix(key, ":")
			known, err := s.set(key, value)
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			if request = request || known; !known && line != "" && !g.set(key, value) {
				return fmt.Errorf("unknown key %q", key) //nolint:err113 // read by people
			}
		}
		if request {
			g.steps = append(g.steps, s)
		}
	}
	return nil
}

// set takes one line of a request.
func (s *step) set(key, value string) (known bool, err error) {
	switch key {
	case "after":
		s.after, err = time.ParseDuration(value)
	case "repeat":
		s.repeat, err = strconv.Atoi(value)
	case "at":
		s.property, s.network, _ = strings.Cut(value, "/")
	case "path":
		s.path = unfold(value)
	case "method":
		s.method = value
	case "query":
		s.query = unfold(value)
	case "type":
		s.contentType = value
	case "body":
		s.body = unfold(value)
	case "header":
		name, content, _ := strings.Cut(value, ": ")
		s.headers = append(s.headers, name, content)
	default:
		return false, nil
	}
	return true, err
}

// set takes one setting.
func (g *golden) set(key, value string) bool {
	switch key {
	case "preset":
		g.own.Network = value
	case "currency":
		g.property.Currency = value
	case "country":
		g.property.Country = value
	case "timezone":
		g.property.Timezone = value
	case "pii":
		g.property.PII = value
	case "token":
		g.property.Tokens = append(g.property.Tokens, value)
	case "allow_ips":
		g.own.AllowIPs = strings.Fields(value)
	case "strict":
		g.own.Strict = value == "true"
	case "on_change":
		g.own.Dedupe.OnChange = value
	case "on_reentry":
		g.own.Dedupe.OnReentry = value
	case "scope":
		g.own.Dedupe.Scope = value
	case "peer":
		g.peer = value
	case "trusted":
		g.trusted = value
	case "store":
		g.deaf = value == "down"
	case "not yet":
		g.notYet = value
	case "test":
		g.seen = append(g.seen, strings.Fields(value)...)
	default:
		return false
	}
	return true
}

// unfold writes out what is too long to print: {{repeat 3 ab}} is ababab, and
// {{params 2}} is p1=v1&p2=v2.
func unfold(s string) string {
	before, rest, ok := strings.Cut(s, "{{")
	if !ok {
		return s
	}
	order, after, closed := strings.Cut(rest, "}}")
	words := strings.SplitN(order, " ", 3)
	n := 0
	if len(words) > 1 {
		n, _ = strconv.Atoi(words[1])
	}
	switch {
	case closed && words[0] == "repeat" && len(words) == 3:
		return before + strings.Repeat(words[2], n) + unfold(after)
	case closed && words[0] == "params":
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = fmt.Sprintf("p%d=v%d", i+1, i+1)
		}
		return before + strings.Join(pairs, "&") + unfold(after)
	}
	return before + "{{" + unfold(rest)
}

func (g *golden) parseWant(text string) error {
	into := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		first, last, numbered := numbers(key)
		switch {
		case !ok:
			return fmt.Errorf("%q is no \"key: value\"", line) //nolint:err113 // read by people
		case key == "end":
			into = g.end
		case numbered:
			e := &expectation{fields: map[string]string{}}
			words := strings.Fields(value + " - -")
			e.status, e.result, e.reason = words[0], strings.Trim(words[1], "-"), strings.Trim(words[2], "-")
			for n := first; n <= last; n++ {
				g.want[n] = e
			}
			into = e.fields
		default:
			into[key] = value
		}
	}
	if len(g.want) != len(g.steps) {
		return fmt.Errorf("%d requests, but %d answers", len(g.steps), len(g.want)) //nolint:err113 // read by people
	}
	return nil
}

// numbers reads "2" and "2-4".
func numbers(key string) (first, last int, ok bool) {
	from, to, span := strings.Cut(key, "-")
	first, err := strconv.Atoi(from)
	if err != nil {
		return 0, 0, false
	}
	last = first
	if span {
		if last, err = strconv.Atoi(to); err != nil {
			return 0, 0, false
		}
	}
	return first, last, true
}
