package schema_test

import (
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// sample is an event with every field set.
func sample() *schema.Event {
	e := &schema.Event{
		Property: "GqxV3nTo", Network: "impact", ClickID: "c1", TransactionID: "10492A", Goal: "purchase",
		EventName: "Purchase", EventNameRaw: "purchase", NameSource: schema.NameExplicit,
		Status: schema.StatusApproved, StatusRaw: "APPROVED",
		Commission: money.Amount{Micros: 4_990_000, State: money.OK},
		Sale:       money.Amount{Micros: 49_900_000, State: money.OK},
		Payout:     money.Amount{Micros: 2_495_000, State: money.OK},
		Currency:   "USD", Exponent: 2, CurrencySource: schema.CurrencyGiven,
		Brand: "Apple Inc", OccurredMS: 1_700_000_000_000, ReceivedMS: 1_700_000_000_123,
		Customer: schema.Customer{Email: "jane@example.com", FirstName: "Jane", Country: "US", PhoneSHA256: "ab"},
		Params:   []schema.Param{{Name: "sub1", Value: `a"b\c`}, {Name: "ключ", Value: "тест\n"}},
		Origin:   schema.OriginPixel,
	}
	e.Repair(schema.RepairEntity, "¤cy->currency")
	e.Repair(schema.RepairAmpPrefix, "")
	e.Identify()
	e.ID = e.FirstID()
	e.Verdict = schema.Verdict{
		Kind: schema.KindUpdate, Seq: 2, Delta: 4_990_000, DeltaKnown: true,
		HasPrevious: true, PreviousID: schema.ID{1}, PreviousStatus: schema.StatusPending,
		PreviousCommission: money.Amount{State: money.OK}, PreviousExponent: 2,
		HasPossible: true, PossibleDuplicateOf: schema.ID{2}, OutOfOrder: true, Replayed: true, Uncertain: true,
	}
	return e
}

func TestResetKeepsMemoryAndForgetsEverythingElse(t *testing.T) {
	e := sample()
	e.Hold("something")
	e.Reset()
	if e.Property != "" || e.Repairs() != "" || len(e.Params) != 0 || e.Verdict != (schema.Verdict{}) {
		t.Errorf("after Reset something is left: %+v", e)
	}
	if allocs := testing.AllocsPerRun(100, func() { e.Hold("0123456789"); e.Reset() }); allocs != 0 {
		t.Errorf("Hold into kept memory allocates %.1f times", allocs)
	}
}

func TestHeldStringsStayWhenTheArenaMoves(t *testing.T) {
	var e schema.Event
	first := e.Hold("first")
	for range 1000 {
		e.Hold("filler that makes the arena grow and move")
	}
	if first != "first" {
		t.Errorf("the first held string became %q", first)
	}
	if grown := e.Grow(func(dst []byte) []byte { return append(dst, "built"...) }); grown != "built" {
		t.Errorf("Grow gave %q", grown)
	}
}

func TestHoldCopiesSoThatTheRequestMayGo(t *testing.T) {
	var e schema.Event
	request := []byte("AAAA")
	held := e.Hold(string(request))
	copy(request, "BBBB")
	if held != "AAAA" {
		t.Errorf("held string changed to %q with the request", held)
	}
}

func TestRepairsKeepTheirOrderAndStayOneLine(t *testing.T) {
	var e schema.Event
	e.Repair(schema.RepairAmpPrefix, "")
	e.Repair(schema.RepairMacro, "click_id")
	e.Repair(schema.RepairConflict, "a,b\nc")
	if got, want := e.Repairs(), "amp_prefix,macro:click_id,conflict:a_b_c"; got != want {
		t.Errorf("repairs %q, want %q", got, want)
	}
}

func TestRecordKeyHoldsAllStatesOfATransaction(t *testing.T) {
	f := func(change func(e *schema.Event), want string) {
		t.Helper()
		e := sample()
		change(e)
		e.Identify()
		if got := string(e.AppendKey(nil)); got != want {
			t.Errorf("key %q, want %q", got, want)
		}
	}
	f(func(*schema.Event) {}, "GqxV3nTo|impact|10492A")
	f(func(e *schema.Event) { e.Goal, e.Status = "lead", schema.StatusReversed }, "GqxV3nTo|impact|10492A")
	f(func(e *schema.Event) { e.Network, e.Canonical = "hasoffers", "tune" }, "GqxV3nTo|tune|10492A")
	f(func(e *schema.Event) { e.KeyKind, e.TransactionID = schema.KeyClick, "" }, "GqxV3nTo|impact|c1")
	f(func(e *schema.Event) { e.KeyKind = schema.KeyFallback }, "GqxV3nTo|impact|c1")
	e := sample()
	e.ClickID, e.TransactionID, e.KeyKind = "", "", schema.KeyFallback
	e.Identify()
	if key := string(e.AppendKey(nil)); !strings.HasPrefix(key, "GqxV3nTo|impact|") || len(key) != len("GqxV3nTo|impact|")+16 {
		t.Errorf("without any id the key is %q, want 16 hex digits at its end", key)
	}
}
