package network

import (
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema"
)

// traced returns the steps of a request as lines "stage field from -> to (note)".
func traced(t *testing.T, preset string, r *Request) string {
	t.Helper()
	var s Scratch
	var ev schema.Event
	var trace Trace
	normalizer(t, preset).Normalize(&s, r, &ev, &trace)
	var b strings.Builder
	for _, step := range trace.Steps {
		b.WriteString(strings.Join([]string{step.Stage, step.Field, step.From, "->", step.To, "(" + step.Note + ")\n"}, " "))
	}
	return b.String()
}

func TestATraceTellsOfEveryParameterAndRule(t *testing.T) {
	got := traced(t, "tune", &Request{ReceivedMS: received, Query: []byte(
		"payout=4.5&commission=500¤cy=EUR&aff_sub=c1&api_key=hidden&x={y}&z=&status=none&own=1&datetime=1700000000&sale_amount=5&sale_amount=5.00")})
	for _, want := range []string{
		"repair  ¤cy->currency -> ", "HTML turned",
		"parameter commission payout=4.5 -> commission (query: a name of commission in the preset tune)",
		"parameter commission commission=500 -> params (query: commission could not use it, or has a better value)",
		"parameter currency currency=EUR -> currency (query: the canonical name)",
		"parameter click_id aff_sub=c1 -> click_id (query: a fallback name of click_id: nothing better was sent)",
		"api_key=(removed)", "x={y} ->  (query: a macro", "z= ->  (query: blank", "status=none ->  (query: a null word",
		"own=1 -> params (query: no field is called so)",
		"currency currency EUR -> EUR (as sent)", "amount commission 4.5 -> 4.50", "amount sale_amount 5 -> 5.00",
		"status status  -> none", "name event_name  -> Purchase (the commission is above 0)",
		"date occurred_at 1700000000 -> 2023-11-14T22:13:20.000Z", "identity   -> fallback",
		"result   -> accepted",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no step %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "hidden") {
		t.Error("a secret stands in the trace")
	}
}

func TestATraceExplainsRefusals(t *testing.T) {
	for _, c := range []struct {
		preset, want string
		request      Request
	}{
		{"generic", "result   -> quarantined (unattributable: no click_id", Request{Query: []byte("commission=1")}},
		{"generic", "body   ->  (the body could not be read", Request{Body: []byte(`{"a"`), ContentType: "application/json"}},
		{"awin", "the form field should hold JSON, but does not", Request{Query: []byte("AwinTransactionPush=x")}},
		{"awin", "holds the document with the parameters", Request{Query: []byte("AwinTransactionPush={}")}},
		{"wall", "rule  kind -> ignored", Request{Query: []byte("kind=joined&click_id=c")}},
		{"wall", "rule  mode -> test", Request{Query: []byte("mode=sandbox&click_id=c")}},
		{"wall", "rule transaction_id r-7 -> 7 (the prefix r- marks a reversal)", Request{Query: []byte("transaction_id=r-7")}},
		{"generic", "a correction", Request{Query: []byte("click_id=c&commission=-1")}},
		{"generic", "taken from the text of commission", Request{Query: []byte("click_id=c&commission=1+EUR")}},
		{"generic", "in no form that can be read for certain", Request{Query: []byte("click_id=c&timestamp=soon")}},
		{"generic", "before 2000, or more than a day ahead", Request{Query: []byte("click_id=c&timestamp=5")}},
		{"generic", "a leading amp; of a name was removed", Request{Query: []byte("click_id=c&amp;commission=1")}},
		{"generic", "a second ? was read as &", Request{Query: []byte("click_id=c?commission=1")}},
		{"generic", "was read as &", Request{Query: []byte(`click_id=c\u0026commission=1`)}},
	} {
		if got := traced(t, c.preset, &c.request); !strings.Contains(got, c.want) {
			t.Errorf("no step %q in\n%s", c.want, got)
		}
	}
}

func TestATraceDoesNotChangeTheEvent(t *testing.T) {
	n := normalizer(t, "generic")
	var s Scratch
	var with, without schema.Event
	r := Request{Query: []byte(commonQuery), ReceivedMS: received}
	a := n.Normalize(&s, &r, &with, &Trace{})
	b := n.Normalize(&s, &r, &without, nil)
	if a != b || listing(a, &with) != listing(b, &without) || with.Identity != without.Identity {
		t.Error("the traced event differs")
	}
}
