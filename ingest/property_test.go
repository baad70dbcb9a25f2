package ingest_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
)

// pair is one parameter.
type pair struct{ name, value string }

func queryOf(pairs []pair) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(parts, "&")
}

// anyRequest draws a request as it comes: honest values, wounded ones, and what
// nobody can use. Its names are distinct.
func anyRequest(t *rapid.T) []pair {
	pairs := []pair{{"click_id", rapid.SampledFrom([]string{"c1", "C-2", "abc.def", "9007199254740993"}).Draw(t, "click")}}
	for _, p := range []struct {
		name   string
		values []string
	}{
		{"transaction_id", []string{"T1", "000123", "r-77", "{tid}", "null", "a b"}},
		{"commission", []string{"0", "4.99", "-3", "12,34", "1,234", "1.234", "$5", "5 EUR", "free", "1e3", "NaN", "1234567890123", "1.2345685"}},
		{"sale_amount", []string{"500", "0.00", "1 234,56", "x"}},
		{"currency", []string{"USD", "jpy", "KWD", "840", "HRK", "USDT", "$", "US$", "XTS", "undefined"}},
		{"status", []string{"approved", "Pending", "declined", "chargeback", "flurb", "1", "test"}},
		{"event_name", []string{"purchase", "SubmitForm", "my own event", "pageview", "{event}"}},
		{"goal", []string{"Deposit", "2"}},
		{"brand_name", []string{"Times×Two", "A¤B & Söhne?", "null", "100%"}},
		{"occurred_at", []string{"1700000000", "2023-11-14 22:13:20", "0", "soon"}},
		{"email", []string{"Jane+x@Example.com", "not-an-email", "62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F"}},
		{"phone", []string{"+1 (650) 555-4444", "0171 1234567", "1-800-FLOWERS"}},
		{"name", []string{"Jane Q. Public", "Cher"}},
		{"birthdate", []string{"May 26, 1991", "05/03/1995", "1990-02-30"}},
		{"country", []string{"us", "UK", "Unknown"}},
		{"state", []string{"California", "CA"}},
		{"zipcode", []string{"02134", "SW1A 1AA"}},
		{"sub_5", []string{"x", "{sub}", "a=b&c"}},
	} {
		if rapid.Bool().Draw(t, "has "+p.name) {
			pairs = append(pairs, pair{p.name, rapid.SampledFrom(p.values).Draw(t, p.name)})
		}
	}
	return pairs
}

// validated is what the validate URL makes of a request, its params unpacked;
// nil where that is no event.
func validated(t *rapid.T, sv *service, method, query, body string) map[string]any {
	contentType := ""
	if body != "" {
		contentType = "application/x-www-form-urlencoded"
	}
	a := sv.do(method, "/demo/validate/generic?"+query, contentType, body)
	var v ingest.Validation
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%s: %v in %s", query, err, a.body)
	}
	if len(v.Event) == 0 {
		return nil
	}
	var event map[string]any
	if err := json.Unmarshal(v.Event, &event); err != nil {
		t.Fatalf("%s: %v in %s", query, err, v.Event)
	}
	if text, ok := event["params"].(string); ok {
		var inner map[string]string
		if err := json.Unmarshal([]byte(text), &inner); err != nil {
			t.Fatalf("%s: params %s: %v", query, text, err)
		}
		event["params"] = inner
	}
	return event
}

// pairsOf sends an event's fields as parameters again, under the names they
// have. A derived event name is not sent, for that would make a goal of it.
func pairsOf(event map[string]any) []pair {
	var pairs []pair
	add := func(names ...string) {
		for _, name := range names {
			if text, ok := event[name].(string); ok {
				pairs = append(pairs, pair{name, text})
			}
		}
	}
	add("click_id", "transaction_id", "commission", "sale_amount", "currency", "brand_name", "occurred_at")
	add("email", "phone", "first_name", "last_name", "birthdate", "city", "state", "zipcode", "country", "email_sha256")
	if event["event_name_raw"] != nil {
		add("goal")
		name := "event_name"
		if event["event_name_source"] == "rule" { // the status outvoted it
			name = "event_name_raw"
		}
		pairs = append(pairs, pair{"event_name", fmt.Sprint(event[name])})
	} else {
		add("goal")
	}
	if event["status"] != "none" {
		add("status")
	}
	inner, _ := event["params"].(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(inner)) {
		pairs = append(pairs, pair{name, inner[name]})
	}
	return pairs
}

// without copies an event but for some fields.
func without(event map[string]any, names ...string) map[string]any {
	rest := maps.Clone(event)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

func TestNormalizingAnEventAgainChangesNothing(t *testing.T) {
	c := newClock()
	sv := start(t, func(s *setup) { s.now = c.now })
	rapid.Check(t, func(t *rapid.T) {
		first := validated(t, sv, "GET", queryOf(anyRequest(t)), "")
		if first == nil || first["status"] == "test" {
			return
		}
		second := validated(t, sv, "GET", queryOf(pairsOf(first)), "")
		third := validated(t, sv, "GET", queryOf(pairsOf(second)), "")
		// How a value was written is told once: of a clean value there is nothing to tell.
		said := []string{"repairs", "currency_source", "status_raw", "event_name_raw", "event_name_source"}
		if a, b := without(first, said...), without(second, said...); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("the event\n%v\nbecame\n%v", a, b)
		}
		if fmt.Sprint(second) != fmt.Sprint(third) {
			t.Fatalf("the normal event\n%v\nbecame\n%v", second, third)
		}
	})
}

// everyByte percent-encodes all of s.
func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func TestOrderSpellingAndEncodingNeverChangeTheEventID(t *testing.T) {
	c := newClock()
	sv := start(t, func(s *setup) { s.now = c.now })
	rapid.Check(t, func(t *rapid.T) {
		pairs := anyRequest(t)
		want := validated(t, sv, "GET", queryOf(pairs), "")
		respell := rapid.SampledFrom([]func(string) string{
			strings.ToLower, strings.ToUpper,
			func(s string) string { return strings.ReplaceAll(s, "_", "") },
			func(s string) string { return strings.ReplaceAll(s, "_", "-") },
		}).Draw(t, "spelling")
		escape := rapid.SampledFrom([]func(string) string{url.QueryEscape, everyByte}).Draw(t, "encoding")
		var parts []string
		for _, p := range rapid.Permutation(pairs).Draw(t, "order") {
			parts = append(parts, escape(respell(p.name))+"="+escape(p.value))
		}
		text := strings.Join(parts, rapid.SampledFrom([]string{"&", "&amp;"}).Draw(t, "separator"))
		method, query, body := "GET", text, ""
		if rapid.Bool().Draw(t, "as a form") {
			method, query, body = "POST", "", text
		}
		if got := validated(t, sv, method, query, body); fmt.Sprint(got["event_id"]) != fmt.Sprint(want["event_id"]) {
			t.Fatalf("%s\nis event %v, but\n%s\nis %v", queryOf(pairs), want["event_id"], text, got["event_id"])
		}
	})
}

func TestAnyNumberOfRetriesPublishesOnce(t *testing.T) {
	c := newClock()
	sv := start(t, func(s *setup) { s.now = c.now })
	nonce, published := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		nonce++
		pairs := anyRequest(t)
		for i, p := range pairs {
			if p.name == "click_id" || p.value == "T1" || p.value == "000123" || p.value == "r-77" || p.value == "a b" {
				pairs[i].value += strconv.Itoa(nonce)
			}
		}
		query := queryOf(pairs)
		retries := rapid.IntRange(1, 5).Draw(t, "retries")
		answers := make([]answer, 2+retries)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { answers[i] = sv.get(demo + query) })
		}
		wg.Wait()
		if answers[0].result != "accepted" && answers[1].result != "accepted" {
			return // tests and what is set aside have no state
		}
		for i := range retries {
			answers[2+i] = sv.get(demo + query)
		}
		published++
		for i, a := range answers {
			if a.id != answers[0].id || i > 1 && a.result != "duplicate" {
				t.Fatalf("%s: answer %d is %s of event %s, want a duplicate of %s", query, i, a.result, a.id, answers[0].id)
			}
		}
		if got := len(sv.main()); got != published {
			t.Fatalf("%s: %d events after %d conversions", query, got, published)
		}
	})
}

func TestDeltasAddUpToWhatTheLastStateCounts(t *testing.T) {
	sv := start(t)
	nonce := 0
	rapid.Check(t, func(t *rapid.T) {
		nonce++
		preset := rapid.SampledFrom([]string{"generic", "impact"}).Draw(t, "preset")
		names := map[string][3]string{"generic": {"transaction_id", "commission", "status"}, "impact": {"ActionId", "Payout", "Status"}}[preset]
		before := len(sv.main())
		for i := range rapid.IntRange(1, 12).Draw(t, "length") {
			amount := fmt.Sprintf("%d.%02d", rapid.IntRange(0, 3).Draw(t, "units"), rapid.IntRange(0, 1).Draw(t, "cents"))
			status := rapid.SampledFrom([]string{"", "approved", "pending", "rejected", "reversed"}).Draw(t, "status")
			if i == 0 && (status == "rejected" || status == "reversed") {
				status = "approved" // an orphan has no delta
			}
			sv.get(fmt.Sprintf("/demo/collect/%s?%s=P%d&%s=%s&%s=%s", preset, names[0], nonce, names[1], amount, names[2], status))
		}
		sum, counted := 0.0, 0.0
		events := sv.main()[before:]
		for i, r := range events {
			delta, known := r.value["counted_delta_micros"].(float64)
			if !known || fmt.Sprint(r.value["seq"]) != strconv.Itoa(i+1) {
				t.Fatalf("event %d has seq %v and delta %v", i+1, r.value["seq"], r.value["counted_delta"])
			}
			sum += delta
			if counted = 0; r.value["status"] == "none" || r.value["status"] == "approved" {
				counted, _ = r.value["commission_micros"].(float64)
			}
		}
		if sum != counted {
			t.Fatalf("the deltas make %v, the last of %d states counts %v", sum, len(events), counted)
		}
	})
}

func TestCleanRequestsAndFreeTextAreNeverRepaired(t *testing.T) {
	c := newClock()
	sv := start(t, func(s *setup) { s.now = c.now })
	text := rapid.OneOf(
		rapid.StringMatching(`[A-Z][a-zäéß]{2,9}( & [A-Z][a-z]{2,6})?`),
		rapid.SampledFrom([]string{"A¤B", "Times×Two", "a?b=c", "R®gion", "50¢ §ale", "x&y=z", `"quoted"`, "{1}", "[1,2]", "#1234", "¬ §", "50%", "a;b=2"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		pairs := []pair{
			{"click_id", rapid.StringMatching(`[a-z][A-Za-z0-9]{5,20}[0-9]`).Draw(t, "click")},
			{"transaction_id", rapid.StringMatching(`[A-Z][A-Z0-9-]{3,12}[0-9]`).Draw(t, "transaction")},
			{"commission", fmt.Sprintf("%d.%02d", rapid.IntRange(0, 99999).Draw(t, "units"), rapid.IntRange(0, 99).Draw(t, "cents"))},
			{"currency", rapid.SampledFrom([]string{"USD", "EUR", "KWD"}).Draw(t, "currency")},
			{"status", rapid.SampledFrom([]string{"approved", "pending", "reversed"}).Draw(t, "status")},
			{"brand_name", text.Draw(t, "brand")}, {"own", text.Draw(t, "own")}, {"city", "São Paulo"},
			{"email", "jane+x@example.com"}, {"phone", "+16505554444"}, {"occurred_at", "2023-11-14T22:13:20Z"},
		}
		event := validated(t, sv, "GET", queryOf(pairs), "")
		if event["repairs"] != nil || event["brand_name"] != pairs[5].value {
			t.Fatalf("%s\nwas repaired: %v, brand %q", queryOf(pairs), event["repairs"], event["brand_name"])
		}
	})
}

// repairWords reads the vocabulary of repairs from its source.
func repairWords(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "schema", "words.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "RepairWord" {
			return true
		}
		for _, v := range spec.Values {
			if literal, ok := v.(*ast.BasicLit); ok {
				word, _ := strconv.Unquote(literal.Value)
				words = append(words, word)
			}
		}
		return true
	})
	return words
}

func TestEveryWordOfTheRepairsOccursInAGoldenFile(t *testing.T) {
	words := repairWords(t)
	if len(words) < 20 {
		t.Fatalf("only %d words found: %q", len(words), words)
	}
	seen := map[string]bool{}
	for _, file := range goldenFiles(t) {
		for _, e := range readGolden(t, file).want {
			for repair := range strings.SplitSeq(e.fields["repairs"], ", ") {
				word, _, _ := strings.Cut(repair, ":")
				seen[word] = true
				if repair != "" && !slices.Contains(words, word) {
					t.Errorf("%s expects %q, which is no word of the vocabulary", file, word)
				}
			}
		}
	}
	for _, word := range words {
		if !seen[word] {
			t.Errorf("no golden file shows %q", word)
		}
	}
}

func TestNoAlarmHoldsASecretOrAPerson(t *testing.T) {
	const secret, person, digits = "s3cretT0ken", "jane.doe", "6505554444"
	sv := start(t, smallJournal, func(s *setup) {
		s.properties = []ingest.PropertyConfig{{ID: "demo", Open: true, Tokens: []string{secret}}}
		s.store = func(inner dedupe.Store) dedupe.Store { return deaf{inner} }
	})
	alarms := 0
	rapid.Check(t, func(t *rapid.T) {
		pairs := append(anyRequest(t),
			pair{"token", secret}, pair{"email", person + "@example.com"}, pair{"phone", "+1" + digits}, pair{"password", secret},
			pair{"pad", strings.Repeat("x", 7000)}, pair{rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value") + person},
		)
		text := queryOf(rapid.Permutation(pairs).Draw(t, "order"))
		switch rapid.IntRange(0, 2).Draw(t, "as") {
		case 0:
			sv.get(demo + text)
		case 1:
			sv.post("/demo/collect/generic", "application/x-www-form-urlencoded", text)
		default:
			sv.post("/demo/collect/generic", "application/json", "[{"+text)
		}
		for len(sv.alarms) > 0 {
			alarms++
			alarm := <-sv.alarms
			if strings.Contains(alarm, secret) || strings.Contains(alarm, person) || strings.Contains(alarm, digits) {
				t.Fatalf("an alarm tells too much: %s", alarm)
			}
		}
	})
	if alarms == 0 {
		t.Error("nothing was alarming: the test shows nothing")
	}
	for _, r := range slices.Concat(sv.main(), sv.failed()) {
		if strings.Contains(r.text, secret) {
			t.Errorf("a record holds the secret: %.300s", r.text)
		}
	}
}
