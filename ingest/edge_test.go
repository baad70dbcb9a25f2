package ingest_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
)

// noon is when every edge case begins: 2026-03-01 12:00:00 UTC.
const noon = 1_772_366_400_000

// clock is a clock that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(noon)
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// rows numbers the documented edge cases, as its table does: rules, keys, macros,
// money, JSON, dedupe sequences and the rest.
func rows() []string {
	var all []string
	for _, group := range []struct {
		letter string
		last   int
	}{{"R", 13}, {"K", 11}, {"M", 13}, {"C", 13}, {"J", 3}, {"D", 22}, {"E", 88}} {
		for n := 1; n <= group.last; n++ {
			all = append(all, group.letter+strconv.Itoa(n))
		}
	}
	return append(all, "D8b", "D9b")
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "edge", "*.golden"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

func TestEveryDocumentedEdgeCaseHasAGoldenFile(t *testing.T) {
	want := rows()
	if len(want) != 165 {
		t.Fatalf("%d rows, want 165", len(want))
	}
	tests := testNames(t)
	var missing []string
	for _, file := range goldenFiles(t) {
		g := readGolden(t, file)
		want = slices.DeleteFunc(want, func(row string) bool { return row == g.name })
		if len(g.about) == 0 {
			t.Errorf("%s does not say what it shows", g.name)
		}
		if len(g.steps) == 0 && len(g.seen) == 0 && g.notYet == "" {
			t.Errorf("%s holds no request and names no test", g.name)
		}
		for _, name := range g.seen {
			if !tests[name] {
				t.Errorf("%s is shown by %s, which does not exist", g.name, name)
			}
		}
		if g.notYet != "" {
			missing = append(missing, g.name+" ("+g.notYet+")")
		}
	}
	if len(want) > 0 {
		t.Errorf("no golden file for %v", want)
	}
	t.Logf("not built yet: %s", strings.Join(missing, "; "))
}

// testNames lists the test functions of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ := strings.Cut(rest, "(")
				names["Test"+name] = true
			}
		}
	}
	return names
}

func TestEdgeCasesEndAsTheirGoldenFilesSay(t *testing.T) {
	for _, file := range goldenFiles(t) {
		g := readGolden(t, file)
		if len(g.steps) == 0 {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			newEdgeRun(t, g).all()
		})
	}
}

// edgeRun is a golden file on its way through a service of its own.
type edgeRun struct {
	*service
	t     *testing.T
	g     *golden
	clock *clock
	// ids and keys are what the requests before had, by number.
	ids, keys map[int]string
}

func newEdgeRun(t *testing.T, g *golden) *edgeRun {
	t.Helper()
	c := newClock()
	g.property.Integrations = []ingest.IntegrationConfig{g.own}
	trusted, err := ingest.ParseNetworks(strings.Fields(g.trusted))
	if err != nil {
		t.Fatal(err)
	}
	sv := start(t, func(s *setup) {
		s.now, s.presets = c.now, os.DirFS(filepath.Join("testdata", "edge", "presets"))
		s.properties = []ingest.PropertyConfig{g.property, {ID: "other", Open: true}}
		s.server.Trusted = trusted
		if g.peer != "" {
			s.wrap = func(l net.Listener) net.Listener {
				return peerListener{l, &net.TCPAddr{IP: net.ParseIP(g.peer), Port: 4711}}
			}
		}
		if g.deaf {
			s.store = func(inner dedupe.Store) dedupe.Store { return deaf{inner} }
		}
	})
	sv.client.Transport.(*http.Transport).DisableKeepAlives = true //nolint:forcetypeassert // the harness's own; an idle connection delays its stop
	return &edgeRun{service: sv, t: t, g: g, clock: c, ids: map[int]string{}, keys: map[int]string{}}
}

// peerListener gives every connection the address of a sender.
type peerListener struct {
	net.Listener
	addr net.Addr
}

func (l peerListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, fmt.Errorf("accepting: %w", err)
	}
	return peerConn{conn, l.addr}, nil
}

type peerConn struct {
	net.Conn
	addr net.Addr
}

func (c peerConn) RemoteAddr() net.Addr { return c.addr }

func (r *edgeRun) all() {
	for i, s := range r.g.steps {
		r.clock.advance(s.after)
		for n := range s.repeat {
			r.step(i+1, s.numbered(n+1))
		}
	}
	r.ended()
}

// numbered puts the number of a repetition where {n} stands.
func (s step) numbered(n int) step {
	if s.repeat > 1 {
		s.query = strings.ReplaceAll(s.query, "{n}", strconv.Itoa(n))
	}
	return s
}

// target gives the URL of a step for an action, collect or validate.
func (r *edgeRun) target(s step, action string) string {
	if s.path != "" {
		return s.path
	}
	segment := s.network
	if segment == "" {
		segment = r.g.own.Network
	}
	target := "/" + s.property + "/" + action + "/" + segment
	if s.query != "" {
		target += "?" + s.query
	}
	return target
}

// heard is all that one request led to.
type heard struct {
	answer   answer
	main     []record
	test     []record
	aside    []record
	foreseen *ingest.Validation
}

func (r *edgeRun) step(number int, s step) {
	method := s.method
	if method == "" {
		method = http.MethodGet
		if s.body != "" {
			method = http.MethodPost
		}
	}
	main, test, aside := len(r.main()), len(r.topic(ingest.TopicTest)), len(r.failed())
	h := heard{foreseen: r.foresee(method, s)}
	h.answer = r.do(method, r.target(s, "collect"), s.contentType, s.body, s.headers...)
	h.main, h.test, h.aside = r.main()[main:], r.topic(ingest.TopicTest)[test:], r.failed()[aside:]
	where := fmt.Sprintf("request %d", number)
	r.g.want[number].check(r, where, h)
	r.compare(where, h)
	r.ids[number] = h.answer.id
	if all := slices.Concat(h.main, h.test, h.aside); len(all) > 0 {
		r.keys[number] = all[len(all)-1].key
	}
}

// foresee asks the validate URL what the request would become. It must leave no
// trace. Batches, requests without content and other methods have no answer
// there.
func (r *edgeRun) foresee(method string, s step) *ingest.Validation {
	target := r.target(s, "validate")
	silent := method != http.MethodGet && method != http.MethodPost || s.path != "" || s.query == "" && s.body == ""
	if silent || strings.HasPrefix(s.body, "[") {
		return nil
	}
	before := r.journal.Next()
	a := r.do(method, target, s.contentType, s.body, s.headers...)
	if r.journal.Next() != before {
		r.t.Errorf("validating %s wrote something", target)
	}
	if a.header.Get("Content-Type") != "application/json" {
		return nil
	}
	var v ingest.Validation
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		r.t.Fatalf("validating %s: %v in %s", target, err, a.body)
	}
	return &v
}

// compare holds what was foreseen against what came: the two run the same code.
func (r *edgeRun) compare(where string, h heard) {
	v := h.foreseen
	if v == nil {
		return
	}
	result := strings.TrimPrefix(v.Result, "refused")
	if result != h.answer.result || v.Reason != h.answer.reason {
		r.t.Errorf("%s: validate says %s %q, the answer was %s %q", where, v.Result, v.Reason, h.answer.result, h.answer.reason)
	}
	for _, rec := range slices.Concat(h.main, h.test) {
		var foreseen map[string]any
		if err := json.Unmarshal(v.Event, &foreseen); err != nil {
			r.t.Fatalf("%s: validate shows no event: %v", where, err)
		}
		if foreseen["identity_uncertain"] == true {
			continue
		}
		if fmt.Sprint(foreseen) != fmt.Sprint(rec.value) {
			r.t.Errorf("%s: validate shows\n%v\nbut this was published\n%v", where, foreseen, rec.value)
		}
	}
}
