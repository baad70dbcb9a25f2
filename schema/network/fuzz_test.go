package network

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

func FuzzNormalize(f *testing.F) {
	f.Add([]byte(commonQuery), []byte(""), "", uint8(0))
	f.Add([]byte("click_id={x}&commission=4.99\xa4cy=EUR"), []byte(`{"a":{"b":[1,null]}}`), "application/json", uint8(1))
	f.Add([]byte("s2=0123456789&s3=a"), []byte("AwinTransactionPush=%7B%7D"), "application/x-www-form-urlencoded", uint8(2))
	f.Add([]byte("transaction_id=r-&timestamp=2023-11-14T22:13:20"), []byte(""), "", uint8(3))
	all := make([]*Normalizer, 0, 16)
	presets := catalog(f)
	for _, name := range presets.Names() {
		p, _ := presets.Lookup(name)
		n, err := New(p, Settings{Property: "p", Network: name, PII: PII(len(all) % 3)})
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, n)
	}
	f.Fuzz(func(t *testing.T, query, body []byte, contentType string, which uint8) {
		n := all[int(which)%len(all)]
		var s Scratch
		var ev schema.Event
		r := n.Normalize(&s, &Request{Query: query, Body: body, ContentType: contentType, ReceivedMS: received}, &ev, &Trace{})
		checkEvent(t, r, &ev, len(query)+len(body))
	})
}

// checkEvent holds for every event of every request.
func checkEvent(t *testing.T, r Result, ev *schema.Event, size int) {
	t.Helper()
	switch r.Outcome {
	case schema.OutcomeAccepted:
		if ev.EventName == "" || ev.ClickID == "" && ev.TransactionID == "" && ev.Identity == (schema.Identity{}) {
			t.Errorf("accepted without a name or an identity")
		}
	case schema.OutcomeTest, schema.OutcomeQuarantined, schema.OutcomeIgnored:
		if r.Reason == schema.ReasonNone {
			t.Errorf("%s without a reason", r.Outcome)
		}
	default:
		t.Errorf("outcome %s", r.Outcome)
	}
	if len(ev.ClickID) > MaxClickID || len(ev.TransactionID) > MaxTransactionID || len(ev.Params) > defaultMaxParams {
		t.Errorf("over a limit: %d, %d, %d", len(ev.ClickID), len(ev.TransactionID), len(ev.Params))
	}
	if limit := 64*size + 4096; len(ev.Repairs()) > limit {
		t.Errorf("%d bytes of repairs for %d bytes of request", len(ev.Repairs()), size)
	}
	for _, text := range append([]string{ev.ClickID, ev.TransactionID, ev.EventName, ev.Goal, ev.Brand, ev.StatusRaw, ev.Currency, ev.Repairs()}, values(ev)...) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n") {
			t.Errorf("not clean text: %q", text)
		}
	}
	if ev.Commission.State != money.OK && ev.Commission.Micros != 0 {
		t.Errorf("an amount that is %s: %d", ev.Commission.State, ev.Commission.Micros)
	}
	counted := ev.EventName == schema.NameLead || ev.EventName == schema.NamePurchase
	if counted && ev.Status != schema.StatusNone && ev.Status != schema.StatusApproved {
		t.Errorf("%s with status %s", ev.EventName, ev.Status)
	}
}

func values(ev *schema.Event) []string {
	var all []string
	for _, p := range ev.Params {
		all = append(all, p.Name, p.Value)
	}
	return all
}

func FuzzReadPreset(f *testing.F) {
	f.Add([]byte(`{"name": "x", "fields": {"click_id": ["a"]}}`))
	f.Add(body(`"dates": {"zone": "UTC", "layouts": ["2006"]}`))
	f.Add(body(`"fields": {"click_id": ["a"]}, "ignore_when": [{"param": "a", "equals": []}], "join": {"click_id": {"names": ["a", "b"], "size": 3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPreset("x.json", data)
		if err != nil {
			return
		}
		n, err := New(p, Settings{Property: "p", Network: "n"})
		if err != nil {
			t.Fatalf("a preset that can be read must compile: %v", err)
		}
		var s Scratch
		var ev schema.Event
		n.Normalize(&s, &Request{Query: []byte(commonQuery)}, &ev, nil)
	})
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"1700000000", "2023-11-14T22:13:20.5+01:00", "20231114221320", "Tue, 14 Nov 2023 22:13:20 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want time.Time
		if err := want.UnmarshalText([]byte(text)); err == nil {
			if _, east := want.Zone(); east > 18*3600 || east < -18*3600 {
				return // no place on earth, whatever package time says
			}
			if ms, ok := parseDate(text, nil, time.UTC); !ok || ms != want.UnixMilli() {
				t.Errorf("%q: got %d, %v, want %d", text, ms, ok, want.UnixMilli())
			}
			return
		}
		parseDate(text, nil, time.UTC)
	})
}
