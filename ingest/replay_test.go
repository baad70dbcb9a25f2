package ingest_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/rules"
	"github.com/postbackhq/postback/schema"
)

// limited is a property with a secret and a rule on network generic.
func limited(least string) ingest.PropertyConfig {
	return ingest.PropertyConfig{ID: "demo", Tokens: []string{"s3cret"}, Integrations: []ingest.IntegrationConfig{
		{Network: "generic", Rules: rules.Config{MinCommission: least}},
	}}
}

// lookup finds the integration demo/generic of properties.
func lookup(t *testing.T, properties ...ingest.PropertyConfig) *ingest.Integration {
	t.Helper()
	in, reason := directoryOf(t, nil, properties).Lookup("demo", "generic")
	if reason != schema.ReasonNone {
		t.Fatal(reason)
	}
	return in
}

// lastFailed reads the newest record of the failed topic.
func (sv *service) lastFailed() schema.Failed {
	sv.t.Helper()
	all := sv.failed()
	if len(all) == 0 {
		sv.t.Fatal("the failed topic is empty")
	}
	f, err := ingest.ReadFailed([]byte(all[len(all)-1].text))
	if err != nil {
		sv.t.Fatal(err)
	}
	return f
}

// clockAt is a clock that stands at *at.
func clockAt(at *time.Time) option {
	return func(s *setup) { s.now = func() time.Time { return *at } }
}

func TestReplayDecidesRulesAnewAndKeepsTheArrival(t *testing.T) {
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	first := at.UnixMilli()
	sv := start(t, withProperties(limited("5")), clockAt(&at))
	traceparent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a := sv.do("GET", "/demo/collect/generic?click_id=c1&commission=4.99&transaction_id=t1", "", "", "Authorization", "Bearer s3cret", "Traceparent", traceparent)
	if a.result != "skipped" {
		t.Fatalf("%+v", a)
	}
	failed := sv.lastFailed()
	at = at.Add(time.Hour)
	d := sv.pipeline.Replay(lookup(t, limited("2")), &failed)
	if d.Outcome != schema.OutcomeAccepted || d.Err != nil {
		t.Fatalf("%+v", d)
	}
	events := sv.main()
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	e := events[0]
	if e.value["received_at_ms"] != float64(first) || e.value["replayed"] != true || e.value["kind"] != "new" {
		t.Errorf("%s, want received_at_ms %d and replayed", e.text, first)
	}
	if e.headers["replayed"] != "1" || e.headers["traceparent"] != traceparent || e.headers["ce_id"] != d.EventID.String() {
		t.Errorf("headers %v", e.headers)
	}
	if d := sv.pipeline.Replay(lookup(t, limited("2")), &failed); d.Outcome != schema.OutcomeDuplicate || len(sv.main()) != 1 {
		t.Errorf("once more: %+v and %d events", d, len(sv.main()))
	}
	if a := sv.get("/demo/collect/generic?click_id=c1&commission=4.99&transaction_id=t1&status=approved&token=s3cret"); a.result != "skipped" {
		t.Errorf("the rule in force no longer holds for new ones: %+v", a)
	}
}

func TestWhatFailsAgainKeepsItsID(t *testing.T) {
	sv := start(t, withProperties(limited("5")))
	sv.do("POST", "/demo/collect/generic?click_id=c1", "application/x-www-form-urlencoded", "commission=1&transaction_id=t1&token=s3cret", "X-Kept", "yes")
	before := sv.lastFailed()
	if d := sv.pipeline.Replay(lookup(t, limited("3")), &before); d.Outcome != schema.OutcomeSkipped || d.EventID != before.ID {
		t.Errorf("%+v, want skipped under %s", d, before.ID)
	}
	if n := len(sv.failed()); n != 2 {
		t.Fatalf("%d records, want 2", n)
	}
	after := sv.lastFailed()
	if after.ID != before.ID || after.ReceivedMS != before.ReceivedMS || after.Target != before.Target || string(after.Body) != string(before.Body) || after.Method != before.Method {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if !strings.Contains(after.Headers, `"x-kept":"yes"`) || after.Headers != before.Headers {
		t.Errorf("headers %s, before %s", after.Headers, before.Headers)
	}
}

func TestReplayOfWhatWasNotUnderstood(t *testing.T) {
	sv := start(t)
	in := lookup(t, ingest.PropertyConfig{ID: "demo", Open: true})
	for _, c := range []struct{ target, contentType, body string }{
		{"?commission=5", "", ""},
		{".gif?click_id={click_id}&commission=5", "", ""},
		{"", "application/json", `[{"click_id":"b1","commission":"1"}, nonsense]`},
	} {
		method := "GET"
		if c.body != "" {
			method = "POST"
		}
		if a := sv.do(method, "/demo/collect/generic"+c.target, c.contentType, c.body); a.result != "quarantined" {
			t.Fatalf("%s%s: %+v", c.target, c.body, a)
		}
		failed := sv.lastFailed()
		if d := sv.pipeline.Foresee(in, &failed); d.Outcome != schema.OutcomeQuarantined {
			t.Errorf("%s%s: foreseen %+v", c.target, c.body, d)
		}
		if d := sv.pipeline.Replay(in, &failed); d.Outcome != schema.OutcomeQuarantined || sv.lastFailed().ID != failed.ID {
			t.Errorf("%s%s: %+v, id %s then %s", c.target, c.body, d, failed.ID, sv.lastFailed().ID)
		}
	}
}

func TestReplayKeepsTheDoorARequestCameThrough(t *testing.T) {
	sv := start(t)
	in := lookup(t, ingest.PropertyConfig{ID: "demo", Open: true})
	for i, c := range []struct{ path, event, origin string }{
		{"/demo/collect/generic", "", "postback"},
		{"/demo/collect/generic.gif", "", "pixel"},
		{"/demo/collect/generic", `{"origin":"import"}`, "import"},
		{"/demo/collect/generic", `{"origin":"elsewhere"}`, "postback"},
	} {
		f := schema.Failed{
			ID: schema.ID{1}, Property: "demo", Network: "generic", ReceivedMS: time.Now().UnixMilli(), Method: "GET",
			Target: fmt.Sprintf("%s?click_id=c%d&commission=1&transaction_id=o%d", c.path, i, i), Event: []byte(c.event),
		}
		if d := sv.pipeline.Replay(in, &f); d.Outcome != schema.OutcomeAccepted {
			t.Fatalf("%+v: %+v", c, d)
		}
		if events := sv.main(); events[len(events)-1].value["origin"] != c.origin {
			t.Errorf("%+v: origin %v", c, events[len(events)-1].value["origin"])
		}
	}
}

func TestReplayTakesABatchApart(t *testing.T) {
	sv := start(t)
	in := lookup(t, ingest.PropertyConfig{ID: "demo", Open: true})
	f := schema.Failed{
		ID: schema.ID{9}, Property: "demo", Network: "generic", ReceivedMS: time.Now().UnixMilli(), Method: "POST", Target: "/demo/collect/generic",
		ContentType: "application/json", Body: []byte(`[{"click_id":"b1","commission":"1","transaction_id":"x"},{"commission":"2"}]`),
	}
	if d := sv.pipeline.Foresee(in, &f); d.Outcome != schema.OutcomeBatch || len(sv.main()) != 0 {
		t.Errorf("foreseen: %+v", d)
	}
	if d := sv.pipeline.Replay(in, &f); d.Outcome != schema.OutcomeBatch {
		t.Errorf("%+v", d)
	}
	if n := len(sv.main()); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	if failed := sv.lastFailed(); failed.ID == f.ID || failed.ID == (schema.ID{}) {
		t.Errorf("the part that fails has the id %s, want one of its own", failed.ID)
	}
}

func TestForeseeingWritesNothing(t *testing.T) {
	sv := start(t, withProperties(limited("5")))
	sv.get("/demo/collect/generic?click_id=c1&commission=4&transaction_id=t1&token=s3cret")
	failed, next := sv.lastFailed(), sv.journal.Next()
	for least, want := range map[string]schema.Outcome{"2": schema.OutcomeAccepted, "4.5": schema.OutcomeSkipped} {
		for range 2 {
			if d := sv.pipeline.Foresee(lookup(t, limited(least)), &failed); d.Outcome != want {
				t.Errorf("limit %s: %+v, want %s", least, d, want)
			}
		}
	}
	if sv.journal.Next() != next {
		t.Errorf("%d records were written", sv.journal.Next()-next)
	}
	sv.pipeline.Replay(lookup(t, limited("2")), &failed)
	if d := sv.pipeline.Foresee(lookup(t, limited("2")), &failed); d.Outcome != schema.OutcomeDuplicate {
		t.Errorf("after the replay: %+v, want duplicate", d)
	}
}

func TestReplayOfANotedRepeatDoesNotNoteItAgain(t *testing.T) {
	sv := start(t)
	sv.get("/demo/collect/generic?click_id=c1&commission=4&transaction_id=t1")
	sv.get("/demo/collect/generic?click_id=c2&commission=4&transaction_id=t1")
	failed := sv.lastFailed()
	if failed.Reason != schema.ReasonIDSharedByClicks || failed.Outcome != schema.OutcomeDuplicate {
		t.Fatalf("%+v", failed)
	}
	d := sv.pipeline.Replay(lookup(t, ingest.PropertyConfig{ID: "demo", Open: true}), &failed)
	if d.Outcome != schema.OutcomeDuplicate || len(sv.failed()) != 1 || len(sv.main()) != 1 {
		t.Errorf("%+v, %d failed, %d events", d, len(sv.failed()), len(sv.main()))
	}
}

func TestReplayedTestTrafficSaysSo(t *testing.T) {
	sv := start(t)
	f := schema.Failed{
		ID: schema.ID{3}, Property: "demo", Network: "generic", ReceivedMS: 1_700_000_000_000, Method: "GET",
		Target: "/demo/collect/generic?click_id=c1&commission=1&transaction_id=x&status=test",
	}
	if d := sv.pipeline.Replay(lookup(t, ingest.PropertyConfig{ID: "demo", Open: true}), &f); d.Outcome != schema.OutcomeTest {
		t.Fatalf("%+v", d)
	}
	if e := sv.topic(ingest.TopicTest)[0]; e.value["replayed"] != true || e.headers["replayed"] != "1" {
		t.Errorf("%s %v", e.text, e.headers)
	}
}

func TestRepublishedRecordIsTheSameBytesAndLeavesNoState(t *testing.T) {
	dir := t.TempDir()
	sv := start(t, withDir(dir))
	sv.get("/demo/collect/generic?click_id=c1&commission=4&transaction_id=t1")
	var original journal.Record
	_, err := sv.journal.Read(0, func(_ uint64, r journal.Record) bool {
		original = journal.Record{Topic: r.Topic, Time: r.Time, Key: []byte(string(r.Key)), Value: []byte(string(r.Value)), Headers: []byte(string(r.Headers))}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sv.pipeline.Republish(original); err != nil {
			t.Fatal(err)
		}
	}
	all := sv.main()
	for _, copied := range all[1:] {
		want := maps.Clone(all[0].headers)
		want["replayed"] = "1"
		if copied.text != all[0].text || copied.key != all[0].key || !maps.Equal(copied.headers, want) {
			t.Errorf("copy %+v\nof   %+v", copied, all[0])
		}
	}
	_, _ = sv.journal.Read(1, func(seq uint64, r journal.Record) bool {
		if len(r.Meta) != 0 || r.Time != original.Time {
			t.Errorf("record %d carries state or another time: %+v", seq, r)
		}
		return true
	})
	sv.stop()
	sv = start(t, withDir(dir))
	if a := sv.get("/demo/collect/generic?click_id=c1&commission=4&transaction_id=t1"); a.result != "duplicate" {
		t.Errorf("after a restart: %+v", a)
	}
	if a := sv.get("/demo/collect/generic?click_id=c1&commission=5&transaction_id=t1"); a.result != "updated" {
		t.Errorf("another state: %+v", a)
	}
	if seq := sv.main()[3].value["seq"]; seq != float64(2) {
		t.Errorf("seq %v, want 2", seq)
	}
}

func TestRepublishingAMarkedRecordMarksItOnce(t *testing.T) {
	sv := start(t)
	headers := journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: []byte("x")}, journal.Header{Key: "replayed", Value: []byte("1")})
	if err := sv.pipeline.Republish(journal.Record{Key: []byte("k"), Value: []byte("{}"), Headers: headers}); err != nil {
		t.Fatal(err)
	}
	_, _ = sv.journal.Read(0, func(_ uint64, r journal.Record) bool {
		if string(r.Headers) != string(headers) {
			t.Errorf("headers %q, want %q", r.Headers, headers)
		}
		return true
	})
	if err := sv.pipeline.Republish(journal.Record{Headers: []byte{9, 9}}); err == nil || !strings.Contains(err.Error(), "headers") {
		t.Errorf("malformed headers: %v", err)
	}
}

func TestRepublishSaysWhenNothingTakesIt(t *testing.T) {
	sv := start(t, smallJournal)
	var err error
	for n := 0; err == nil && n < 100; n++ {
		err = sv.pipeline.Republish(journal.Record{Key: []byte("k"), Value: make([]byte, 64<<10)})
	}
	if !errors.Is(err, journal.ErrFull) {
		t.Errorf("%v, want that the journal is full", err)
	}
}

func TestFailedRecordIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []schema.Failed{
		{
			ID: schema.ID{1, 2}, Outcome: schema.OutcomeSkipped, Reason: schema.ReasonCountry, Detail: "d", Rule: "countries", Property: "p",
			Network: "n", ReceivedMS: 1_700_000_000_123, Method: "POST", Target: "/p/collect/n?a=1", ContentType: "text/plain",
			Headers: `{"a":"1","a":"2"}`, Body: []byte("hällo"), Event: []byte(`{"origin":"batch"}`),
		},
		{ID: schema.ID{3}, Outcome: schema.OutcomeQuarantined, ReceivedMS: 1, Method: "GET", Target: "/", Body: []byte{0xff, 0, 1}},
	} {
		got, err := ingest.ReadFailed(want.AppendJSON(nil))
		if err != nil || fmt.Sprintf("%q", fmt.Sprint(got)) != fmt.Sprintf("%q", fmt.Sprint(want)) {
			t.Errorf("%v\n got %v\nwant %v", err, got, want)
		}
	}
}

func TestRecordsThatAreNoRequestsAreToldApart(t *testing.T) {
	id := `"failed_id":"01020000-0000-0000-0000-000000000000"`
	for text, want := range map[string]string{
		`{` + id + `,"event":"{}"}`:            ingest.ErrNoRequest.Error(),
		`{"failed_id":"x"}`:                    "failed_id",
		`nonsense`:                             "no record of the failed topic",
		`{` + id + `,"body_base64":"*"}`:       "body_base64",
		`{` + id + `,"received_at_ms":"soon"}`: "no record of the failed topic",
	} {
		if _, err := ingest.ReadFailed([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	f, err := ingest.ReadFailed([]byte(`{` + id + `,"reason":"publish_refused","event":"{}"}`))
	if !errors.Is(err, ingest.ErrNoRequest) || f.Reason != schema.ReasonPublishRefused || string(f.Event) != "{}" {
		t.Errorf("%+v %v", f, err)
	}
}

func TestBrokenHeadersOfAFailedRecordAreLeftOut(t *testing.T) {
	sv := start(t)
	in := lookup(t, ingest.PropertyConfig{ID: "demo", Open: true})
	for _, headers := range []string{"", "[]", "nonsense", `{"a":`, `{"a":1}`, `{"a":"b","c":{}}`} {
		f := schema.Failed{ID: schema.ID{5}, Property: "demo", Network: "generic", Method: "GET", Target: "/demo/collect/generic?commission=1", Headers: headers}
		if d := sv.pipeline.Replay(in, &f); d.Outcome != schema.OutcomeQuarantined {
			t.Errorf("headers %q: %+v", headers, d)
		}
	}
}

func TestServerTellsTheDirectoryInForce(t *testing.T) {
	sv := start(t)
	next := directoryOf(t, nil, []ingest.PropertyConfig{{ID: "other", Open: true}})
	sv.server.SetDirectory(next)
	if sv.server.Directory() != next {
		t.Error("it is another one")
	}
}
