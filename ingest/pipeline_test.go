package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
)

// history is what happens to one conversion: the query and the kind, seq and
// counted_delta that its event must show; a duplicate has none.
type history struct {
	query, result, kind, seq, delta string
}

func run(t *testing.T, sv *service, network string, steps ...history) {
	t.Helper()
	for i, step := range steps {
		before := len(sv.main())
		a := sv.get("/demo/collect/" + network + "?" + step.query)
		if a.result != step.result {
			t.Errorf("step %d %s: result %q (%s), want %q", i+1, step.query, a.result, a.reason, step.result)
		}
		events := sv.main()
		if step.kind == "" {
			if len(events) != before {
				t.Errorf("step %d %s: a %s was published", i+1, step.query, a.result)
			}
			continue
		}
		e := events[len(events)-1].value
		if got := fmt.Sprintf("%v %v %v", e["kind"], e["seq"], e["counted_delta"]); got != step.kind+" "+step.seq+" "+step.delta {
			t.Errorf("step %d %s: kind, seq and delta %s, want %s %s %s", i+1, step.query, got, step.kind, step.seq, step.delta)
		}
		if e["event_id"] != a.id {
			t.Errorf("step %d: the reply names event %s, the topic %v", i+1, a.id, e["event_id"])
		}
	}
}

func TestStatesOfOneConversion(t *testing.T) {
	sv := start(t)
	const t1, t2, t3 = "click_id=c1&transaction_id=T1", "click_id=c1&transaction_id=T2", "click_id=c1&transaction_id=T3"
	run(t, sv, "generic",
		history{t1 + "&commission=0&status=pending", "accepted", "new", "1", "0.00"},
		history{t1 + "&commission=4.99&status=approved", "updated", "promotion", "2", "4.99"},
		history{t1 + "&commission=4.99&status=approved", "duplicate", "", "", ""},
		history{t1 + "&commission=4.99&status=rejected", "updated", "reversal", "3", "-4.99"},
		history{t1 + "&commission=4.99&status=approved", "duplicate", "", "", ""},
		history{t2 + "&commission=4.99", "accepted", "new", "1", "4.99"},
		history{t2 + "&commission=9.99", "updated", "update", "2", "5.00"},
		history{t3 + "&commission=4.99&status=reversed", "accepted", "reversal", "1", "<nil>"},
	)
	run(t, sv, "impact",
		history{"SubId1=c1&ActionId=A1&Payout=4.99&Status=APPROVED", "accepted", "new", "1", "4.99"},
		history{"SubId1=c1&ActionId=A1&Payout=4.99&Status=REVERSED", "updated", "reversal", "2", "-4.99"},
		history{"SubId1=c1&ActionId=A1&Payout=4.99&Status=APPROVED", "updated", "update", "3", "4.99"},
	)
	last := sv.main()[len(sv.main())-1].value
	if last["previous_status"] != "reversed" || last["previous_event_id"] == nil || last["previous_commission"] != "4.99" {
		t.Errorf("the restored event does not name what it replaces: %v", last)
	}
}

func TestPostbacksWithoutAnIDAreToldApartByTheirContent(t *testing.T) {
	sv := start(t)
	run(t, sv, "generic",
		history{"click_id=c1&commission=5", "accepted", "new", "1", "5.00"},
		history{"click_id=c1&commission=5", "duplicate", "", "", ""},
		history{"click_id=c1&commission=6", "accepted", "new", "1", "6.00"},
		history{"click_id=c1&transaction_id={tid}&commission=7", "accepted", "new", "1", "7.00"},
		history{"click_id=c2&transaction_id={tid}&commission=7", "accepted", "new", "1", "7.00"},
		history{"click_id=c3&transaction_id=&commission=7", "accepted", "new", "1", "7.00"},
	)
	for _, r := range sv.main() {
		if r.value["dedupe_key"] != "fallback" {
			t.Errorf("dedupe_key %v, want fallback", r.value["dedupe_key"])
		}
	}
}

func TestRecordIsKeyedAndHeadedForConsumers(t *testing.T) {
	sv := start(t)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a := sv.do("GET", demo+"click_id=c1&transaction_id=T1&commission=4.99&timestamp=1700000000", "", "", "traceparent", parent)
	r := sv.main()[0]
	if r.key != "demo|generic|T1" {
		t.Errorf("key %q", r.key)
	}
	for name, want := range map[string]string{
		"ce_specversion": "1.0", "ce_id": a.id, "ce_source": "/demo/generic", "ce_type": "postback.Purchase",
		"ce_time": "2023-11-14T22:13:20.000Z", "content-type": "application/json", "traceparent": parent,
	} {
		if r.headers[name] != want {
			t.Errorf("header %s is %q, want %q", name, r.headers[name], want)
		}
	}
	sv.get(demo + "commission=1")
	f := sv.failed()[0]
	if f.headers["ce_id"] != f.value["failed_id"] || f.key != f.value["failed_id"] || f.headers["ce_type"] != "postback.Failed" {
		t.Errorf("failed record has key %q and headers %v", f.key, f.headers)
	}
}

func TestTransactionIDUnderTwoClicksIsReportedAndNotLost(t *testing.T) {
	sv := start(t)
	sv.get(demo + "click_id=c1&transaction_id=T1&commission=5")
	a := sv.get(demo + "click_id=c2&transaction_id=T1&commission=5")
	expect(t, a, 200, "duplicate", "repeat")
	if failed := sv.failed(); len(failed) != 1 || failed[0].value["reason"] != "id_shared_by_clicks" {
		t.Errorf("failed topic %v", failed)
	}
	for i := range 40 {
		sv.get(fmt.Sprintf("%sclick_id=x%d&transaction_id=CONST&commission=5", demo, i))
	}
	var fallback int
	for _, r := range sv.main() {
		if r.value["dedupe_key"] == "fallback" {
			fallback++
		}
	}
	if fallback < 20 {
		t.Errorf("a constant id under 40 clicks gave %d events of their own", fallback)
	}
}

func TestSimultaneousRepeatsGiveOneEvent(t *testing.T) {
	sv := start(t)
	const pairs, copies = 50, 4
	var wg sync.WaitGroup
	for i := range pairs {
		for range copies {
			wg.Add(1)
			go func() {
				defer wg.Done()
				a := sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=T%d&commission=5", demo, i))
				if a.status != 200 {
					t.Errorf("answer %d", a.status)
				}
			}()
		}
	}
	wg.Wait()
	if got := len(sv.main()); got != pairs {
		t.Errorf("%d events, want %d", got, pairs)
	}
}

func TestStatesSentAtOnceAreOrderedInOneProcess(t *testing.T) {
	sv := start(t)
	const states = 12
	var wg sync.WaitGroup
	for i := range states {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=T1&commission=%d", demo, i+1))
		}()
	}
	wg.Wait()
	events := sv.main()
	if len(events) != states {
		t.Fatalf("%d events, want %d", len(events), states)
	}
	for i, r := range events {
		if fmt.Sprint(r.value["seq"]) != fmt.Sprint(i+1) {
			t.Errorf("event %d has seq %v", i+1, r.value["seq"])
		}
	}
}

func TestRestartKnowsWhatWasAnswered(t *testing.T) {
	dir := t.TempDir()
	sv := start(t, withDir(dir))
	first := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	sv.get(demo + "click_id=c1&commission=3")
	sv.stop()
	sv = start(t, withDir(dir))
	again := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	expect(t, again, 200, "duplicate", "repeat")
	if again.id != first.id {
		t.Errorf("the event id changed over a restart: %s, %s", first.id, again.id)
	}
	expect(t, sv.get(demo+"click_id=c1&commission=3"), 200, "duplicate", "repeat")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=9.99"), 200, "updated", "")
	if e := sv.main(); len(e) != 3 || fmt.Sprint(e[2].value["counted_delta"]) != "5.00" {
		t.Errorf("after the restart the topic holds %d events", len(e))
	}
}

// deaf is a store that never answers.
type deaf struct{ dedupe.Store }

func (deaf) Claim(context.Context, []dedupe.Mark, []dedupe.Arrival, []dedupe.Claim) error {
	return errors.New("deaf")
}
func (deaf) Look(context.Context, []dedupe.Arrival, []dedupe.Claim) error { return errors.New("deaf") }

func TestStoreThatDoesNotAnswerLosesNothing(t *testing.T) {
	sv := start(t, func(s *setup) { s.store = func(inner dedupe.Store) dedupe.Store { return deaf{inner} } })
	first := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	expect(t, first, 200, "accepted", "")
	again := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	expect(t, again, 200, "accepted", "")
	if first.id != again.id {
		t.Errorf("two copies have the ids %s and %s", first.id, again.id)
	}
	for _, r := range sv.main() {
		if r.value["seq"] != nil || r.value["counted_delta"] != nil || r.value["identity_uncertain"] != nil {
			t.Errorf("an event knows more than its store: %s", r.text)
		}
	}
	one, two := sv.get(demo+"click_id=c1&commission=4.99"), sv.get(demo+"click_id=c1&commission=4.99")
	if one.id == two.id {
		t.Error("two postbacks without an id share one while nobody can tell whether they are one conversion")
	}
	if got := sv.main()[3].value["identity_uncertain"]; got != true {
		t.Errorf("identity_uncertain is %v", got)
	}
	if alarm := <-sv.alarms; !strings.Contains(alarm, "dedupe store") {
		t.Errorf("alarm %q", alarm)
	}
}

func TestFullJournalRefusesAndRemembersNothing(t *testing.T) {
	sv := start(t, func(s *setup) { s.journal = journal.Config{SegmentSize: 1 << 20, MaxSize: 2 << 20} })
	pad := strings.Repeat("x", 7000)
	var refused answer
	for i := range 1000 {
		a := sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=T%d&commission=5&pad=%s", demo, i, pad))
		if a.status != 200 {
			refused = a
			break
		}
	}
	expect(t, refused, 503, "", "unavailable")
	if refused.header.Get("Retry-After") == "" || refused.body != "" {
		t.Errorf("503 with body %q and header %v", refused.body, refused.header)
	}
	again := sv.get(demo + "click_id=c1&transaction_id=T0&commission=5&pad=" + pad)
	expect(t, again, 200, "duplicate", "repeat")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=NEW&commission=5&pad="+pad), 503, "", "unavailable")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=NEW&commission=5&pad="+pad), 503, "", "unavailable")
}

func TestValidateWritesNothing(t *testing.T) {
	sv := start(t)
	sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	before := sv.journal.Next()
	f := func(query string, want ...string) {
		t.Helper()
		a := sv.get("/demo/validate/generic?" + query)
		if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
		for _, w := range want {
			if !strings.Contains(a.body, w) {
				t.Errorf("%s: no %s in %s", query, w, a.body)
			}
		}
	}
	f("click_id=c1&transaction_id=T1&commission=4.99", `"result": "duplicate"`)
	f("click_id=c1&transaction_id=T2&commission=4.99", `"result": "accepted"`, `"commission": "4.99"`)
	f("click_id=c1&transaction_id=T2&commission=4.99", `"result": "accepted"`)
	f("click_id=c1&transaction_id=T2&commission=4.99&status=test", `"result": "test"`)
	f("commission=4%C2%A4cy=EUR", `"result": "quarantined"`, `unattributable`, `entity:`)
	if next := sv.journal.Next(); next != before {
		t.Errorf("validate wrote %d records", next-before)
	}
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T2&commission=4.99"), 200, "accepted", "")
}

func TestBatchAnswersForEachConversion(t *testing.T) {
	sv := start(t)
	body := `[{"click_id":"c1","transaction_id":"B1","commission":1},{"click_id":"c1","transaction_id":"B1","commission":1},` +
		`{"click_id":"c1","transaction_id":"B1","commission":2},{"commission":3}]`
	a := sv.post("/demo/collect/generic", "application/json", body)
	expect(t, a, 200, "batch", "")
	for i, want := range []string{"accepted", "duplicate", "updated", "quarantined"} {
		if !strings.Contains(a.body, fmt.Sprintf(`"index":"%d","result":"%s"`, i, want)) {
			t.Errorf("conversion %d is not %s in %s", i, want, a.body)
		}
	}
	lines := "{\"click_id\":\"c1\",\"transaction_id\":\"B2\",\"commission\":1}\n{\"click_id\":\"c1\",\"transaction_id\":\"B3\",\"commission\":1}\n"
	expect(t, sv.post("/demo/collect/generic", "application/x-ndjson", lines), 200, "batch", "")
	if got := len(sv.main()); got != 4 {
		t.Errorf("%d events, want 4", got)
	}
	if origin := sv.main()[0].value["origin"]; origin != "batch" {
		t.Errorf("origin %v", origin)
	}
	long := "[" + strings.Repeat(`{"click_id":"c"},`, 1000) + `{"click_id":"c"}]`
	expect(t, sv.post("/demo/collect/generic", "application/json", long), 413, "", "batch_too_large")
}

func TestDecisionsAreCounted(t *testing.T) {
	sv := start(t)
	sv.get(demo + "click_id=c1&transaction_id=T1&commission=1")
	sv.get("/nobody/collect/generic?click_id=c1")
	sv.get(demo + "click_id=c1&transaction_id=T2&commission=1&status=flurb&brand_name={brand}")
	families, err := sv.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			found[f.GetName()] += m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"postback_requests_total": 2, "postback_refused_total": 1,
		"postback_unknown_status_total": 1, "postback_unresolved_macro_total": 1,
	} {
		if found[name] != want {
			t.Errorf("%s is %v, want %v", name, found[name], want)
		}
	}
}
