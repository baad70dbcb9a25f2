package network

import (
	"strings"
	"sync"
	"testing"

	"github.com/postbackhq/postback/schema"
)

const commonQuery = "click_id=CAxaduSFl0fpiROSdRkptrJ5REfN2GeEnE&commission=4.99&currency=USD&transaction_id=10492A" +
	"&brand_name=Apple%20Inc&event_name=CompleteRegistration&email=jsmith%40example.com&name=John%20Smith" +
	"&status=approved&sale_amount=100.00&sub2=abc&timestamp=1700000000"

// normalizer compiles a preset of the catalog with plain settings.
func normalizer(t testing.TB, preset string) *Normalizer {
	t.Helper()
	p, ok := catalog(t).Lookup(preset)
	if !ok {
		t.Fatalf("no preset %s", preset)
	}
	n, err := New(p, Settings{Property: "demo", Network: preset})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestACommonRequestAllocatesNothing(t *testing.T) {
	native := "SubId1=c1&CampaignName=Acme&ActionTrackerName=Sale&ActionId=1000.77.1&Amount=100.00&Payout=4.50&Currency=USD" +
		"&EventDate=2026-02-28T10%3A00%3A00-08%3A00&Status=APPROVED&PromoCode=SAVE"
	for preset, query := range map[string]string{"generic": commonQuery, "impact": native} {
		n := normalizer(t, preset)
		var s Scratch
		var ev schema.Event
		r := Request{Query: []byte(query), ReceivedMS: received}
		if got := testing.AllocsPerRun(200, func() { n.Normalize(&s, &r, &ev, nil) }); got != 0 {
			t.Errorf("%s: %v allocations", preset, got)
		}
		if ev.Repairs() != "" {
			t.Errorf("%s: a clean request was repaired: %s", preset, ev.Repairs())
		}
	}
}

func TestAnEventOwnsItsStrings(t *testing.T) {
	n := normalizer(t, "generic")
	query := []byte(commonQuery + "&currency=points")
	var s Scratch
	var ev schema.Event
	r := Request{Query: query, ReceivedMS: received}
	before := listing(n.Normalize(&s, &r, &ev, nil), &ev)
	copied := strings.Clone(before)
	for i := range query {
		query[i] = 'X'
	}
	var other schema.Event
	n.Normalize(&s, &Request{Query: []byte(strings.Repeat("y=z&", 100) + "click_id=q")}, &other, nil)
	if after := listing(Result{Outcome: schema.OutcomeAccepted}, &ev); after != copied {
		t.Errorf("the event changed with its request:\n%s\n%s", copied, after)
	}
}

func TestAScratchRemembersNothing(t *testing.T) {
	n := normalizer(t, "generic")
	dirty := []string{
		"click_id={click_id}&test=1&commission=x&email=a", commonQuery, "a=1&b=2&b=3&status=ping", "%zz=%ff&currency=XTS&transaction_id=null",
	}
	var fresh, used schema.Event
	var used1 Scratch
	for _, query := range dirty {
		n.Normalize(&used1, &Request{Query: []byte(query)}, &used, nil)
		var clean Scratch
		want := n.Normalize(&clean, &Request{Query: []byte(commonQuery), ReceivedMS: received}, &fresh, nil)
		got := n.Normalize(&used1, &Request{Query: []byte(commonQuery), ReceivedMS: received}, &used, nil)
		if want != got || listing(want, &fresh) != listing(got, &used) || fresh.Identity != used.Identity {
			t.Errorf("after %s the next event was another one:\n%s", query, listing(got, &used))
		}
	}
}

func TestANormalizerMayBeShared(t *testing.T) {
	n := normalizer(t, "generic")
	var want schema.Event
	var first Scratch
	n.Normalize(&first, &Request{Query: []byte(commonQuery)}, &want, nil)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			var s Scratch
			var ev schema.Event
			for range 200 {
				n.Normalize(&s, &Request{Query: []byte(commonQuery)}, &ev, nil)
				if ev.Identity != want.Identity || ev.Print != want.Print {
					t.Error("another identity")
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestAliasesShareIdentityAndOtherSegmentsDoNot(t *testing.T) {
	p, _ := catalog(t).Lookup("tune")
	identity := map[string]schema.Identity{}
	for _, segment := range []string{"tune", "TUNE", "hasoffers", "tune-us"} {
		n, err := New(p, Settings{Property: "p", Network: segment})
		if err != nil {
			t.Fatal(err)
		}
		var s Scratch
		var ev schema.Event
		n.Normalize(&s, &Request{Query: []byte("aff_click_id=c1&transaction_id=T1&payout=1")}, &ev, nil)
		identity[segment] = ev.Identity
	}
	if identity["tune"] != identity["hasoffers"] || identity["tune"] != identity["TUNE"] {
		t.Error("an alias must be the same network")
	}
	if identity["tune"] == identity["tune-us"] {
		t.Error("a second integration with the preset is a network of its own")
	}
}

func TestTheCountryIsKnownToRulesEvenWhenDropped(t *testing.T) {
	p, _ := catalog(t).Lookup("generic")
	n, err := New(p, Settings{Property: "p", Network: "generic", PII: DropPII})
	if err != nil {
		t.Fatal(err)
	}
	var s Scratch
	var ev schema.Event
	r := n.Normalize(&s, &Request{Query: []byte("click_id=c1&commission=1&country=Germany")}, &ev, nil)
	if r.Country != "DE" || ev.Customer != (schema.Customer{}) {
		t.Errorf("got %q and %+v", r.Country, ev.Customer)
	}
}

func TestUnresolvedMacrosAreReportedByField(t *testing.T) {
	n := normalizer(t, "generic")
	var s Scratch
	var ev schema.Event
	r := n.Normalize(&s, &Request{Query: []byte("click_id=c1&commission={payout}&x={y}")}, &ev, nil)
	if !r.Unresolved.Has(FieldCommission) || r.Unresolved.Has(FieldClickID) {
		t.Errorf("got %b", r.Unresolved)
	}
}

func TestABatchIsSplitUnlessThePresetUnwraps(t *testing.T) {
	body := []byte(`[{"click_id":"a"},{"click_id":"b"}]`)
	items, batch, err := normalizer(t, "generic").Split(&Request{Body: body, ContentType: "application/json"})
	if err != nil || !batch || len(items) != 2 {
		t.Errorf("got %q, %v, %v", items, batch, err)
	}
	if _, batch, err := normalizer(t, "awin").Split(&Request{Body: body}); batch || err != nil {
		t.Errorf("awin: got %v, %v", batch, err)
	}
	if _, batch, err := normalizer(t, "generic").Split(&Request{}); batch || err != nil {
		t.Errorf("no body: got %v, %v", batch, err)
	}
	if _, _, err := normalizer(t, "generic").Split(&Request{Body: []byte("[" + strings.Repeat(`{"a":1},`, MaxBatch) + `{"a":1}]`)}); err == nil {
		t.Error("more than a thousand conversions must be refused")
	}
}

func BenchmarkNormalize(b *testing.B) {
	n := normalizer(b, "generic")
	var s Scratch
	var ev schema.Event
	r := Request{Query: []byte(commonQuery), ReceivedMS: received}
	b.ReportAllocs()
	for b.Loop() {
		n.Normalize(&s, &r, &ev, nil)
	}
}

// plainQuery has twelve parameters as most networks send them: ids, money, names
// and sub ids, nothing of the customer.
const plainQuery = "click_id=CAxaduSFl0fpiROSdRkptrJ5REfN2GeEnE&transaction_id=10492A&commission=4.99&currency=USD" +
	"&sale_amount=49.90&status=approved&event_name=Purchase&brand_name=Apple&sub1=fb&sub2=cmp77&sub3=ad9&offer_id=51"

// BenchmarkNormalizeAndEncode is the whole work on one postback: from the query
// to the event's JSON, identity and event id included.
func BenchmarkNormalizeAndEncode(b *testing.B) {
	for name, query := range map[string]string{"plain": plainQuery, "customer": commonQuery} {
		b.Run(name, func(b *testing.B) {
			n := normalizer(b, "generic")
			var s Scratch
			var ev schema.Event
			var buf []byte
			r := Request{Query: []byte(query), ReceivedMS: received}
			b.ReportAllocs()
			for b.Loop() {
				n.Normalize(&s, &r, &ev, nil)
				ev.ID = ev.FirstID()
				ev.Verdict.Kind = schema.KindNew
				buf = ev.AppendJSON(buf[:0])
			}
		})
	}
}
