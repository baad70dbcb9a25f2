package network

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postbackhq/postback/schema"
)

// pair is one parameter of a generated request.
type pair struct{ name, value string }

// cleanRequest draws a request without a wound: distinct names, honest values.
func cleanRequest(t *rapid.T) []pair {
	id := rapid.StringMatching(`[A-Za-z][A-Za-z0-9]{5,20}[0-9]`)
	pairs := []pair{
		{"click_id", id.Draw(t, "click")},
		{"transaction_id", id.Draw(t, "transaction")},
		{"commission", fmt.Sprintf("%d.%02d", rapid.IntRange(0, 9999).Draw(t, "units"), rapid.IntRange(0, 99).Draw(t, "cents"))},
	}
	optional := []pair{
		{"currency", rapid.SampledFrom([]string{"USD", "EUR", "GBP"}).Draw(t, "currency")},
		{"status", rapid.SampledFrom([]string{"approved", "pending", "rejected", "reversed"}).Draw(t, "status")},
		{"event_name", rapid.SampledFrom([]string{"Purchase", "Lead", "deposit"}).Draw(t, "event")},
		{"brand_name", rapid.StringMatching(`[A-Z][a-zé]{3,9} [A-Z][a-z&+=]{2,6}`).Draw(t, "brand")},
		{"sale_amount", "100.50"}, {"occurred_at", "1700000000"}, {"email", "jane@example.com"}, {"city", "São Paulo"}, {"own_param", "a b"},
	}
	for _, p := range optional {
		if rapid.Bool().Draw(t, "has "+p.name) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// encode writes a query; respell may change every name.
func encode(pairs []pair, respell func(string) string, escape func(string) string) []byte {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = escape(respell(p.name)) + "=" + escape(p.value)
	}
	return []byte(strings.Join(parts, "&"))
}

func same(s string) string { return s }

// everyByte percent-encodes all of s.
func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestCleanRequestsAreNeverRepaired(t *testing.T) {
	n := normalizer(t, "generic")
	rapid.Check(t, func(t *rapid.T) {
		var s Scratch
		var ev schema.Event
		query := encode(cleanRequest(t), same, url.QueryEscape)
		if r := n.Normalize(&s, &Request{Query: query, ReceivedMS: received}, &ev, nil); ev.Repairs() != "" || r.Outcome != schema.OutcomeAccepted {
			t.Fatalf("%s\n%v %s", query, r, ev.Repairs())
		}
	})
}

func TestOrderCaseAndEncodingDoNotChangeTheEventID(t *testing.T) {
	n := normalizer(t, "generic")
	rapid.Check(t, func(t *rapid.T) {
		pairs := cleanRequest(t)
		var s Scratch
		var want, got schema.Event
		n.Normalize(&s, &Request{Query: encode(pairs, same, url.QueryEscape)}, &want, nil)
		shuffled := rapid.Permutation(pairs).Draw(t, "order")
		respell := rapid.SampledFrom([]func(string) string{
			same, strings.ToUpper, strings.ToTitle,
			func(s string) string { return strings.ReplaceAll(s, "_", "") },
			func(s string) string { return strings.ReplaceAll(s, "_", "-") },
		}).Draw(t, "spelling")
		escape := rapid.SampledFrom([]func(string) string{url.QueryEscape, url.PathEscape, everyByte}).Draw(t, "encoding")
		query := encode(shuffled, respell, func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(escape(s), "&", "%26"), "+", "%20")
		})
		if rapid.Bool().Draw(t, "as form") {
			n.Normalize(&s, &Request{Body: query, ContentType: "application/x-www-form-urlencoded"}, &got, nil)
		} else {
			n.Normalize(&s, &Request{Query: query}, &got, nil)
		}
		if want.Identity != got.Identity || want.Print != got.Print {
			t.Fatalf("%s\ngives another id:\n%s\n%s", query, listing(Result{}, &want), listing(Result{}, &got))
		}
	})
}

func TestAmpersandsFromHTMLDoNotChangeTheEventID(t *testing.T) {
	n := normalizer(t, "generic")
	rapid.Check(t, func(t *rapid.T) {
		query := string(encode(cleanRequest(t), same, url.QueryEscape))
		var s Scratch
		var want, got schema.Event
		n.Normalize(&s, &Request{Query: []byte(query)}, &want, nil)
		n.Normalize(&s, &Request{Query: []byte(strings.ReplaceAll(query, "&", "&amp;"))}, &got, nil)
		if want.Identity != got.Identity || want.Print != got.Print {
			t.Fatalf("%s", query)
		}
	})
}

func TestNormalizingANormalizedEventChangesNothing(t *testing.T) {
	n := normalizer(t, "generic")
	rapid.Check(t, func(t *rapid.T) {
		var s Scratch
		var first, second schema.Event
		n.Normalize(&s, &Request{Query: encode(cleanRequest(t), same, url.QueryEscape)}, &first, nil)
		again := []pair{
			{"click_id", first.ClickID}, {"transaction_id", first.TransactionID}, {"currency", first.Currency}, {"event_name", first.Goal},
			{"status", first.StatusRaw}, {"brand_name", first.Brand}, {"email", first.Customer.Email}, {"city", first.Customer.City},
			{"commission", fmt.Sprintf("%d.%06d", first.Commission.Micros/1e6, first.Commission.Micros%1e6)},
			{"sale_amount", map[bool]string{true: "100.5", false: ""}[first.Sale.Micros != 0]},
		}
		n.Normalize(&s, &Request{Query: encode(again, same, url.QueryEscape)}, &second, nil)
		if first.Identity != second.Identity || first.Print != second.Print || first.EventName != second.EventName {
			t.Fatalf("%s\n%s", listing(Result{}, &first), listing(Result{}, &second))
		}
	})
}
