package rules_test

import (
	"testing"

	"github.com/postbackhq/postback/ingest/rules"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

func event(micros int64) *schema.Event {
	return &schema.Event{
		EventName: schema.NamePurchase, Commission: money.Amount{Micros: micros, State: money.OK},
	}
}

func compile(t *testing.T, c rules.Config) *rules.Rules {
	t.Helper()
	r, err := rules.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRulesRefuseByName(t *testing.T) {
	f := func(c rules.Config, ev *schema.Event, want string) {
		t.Helper()
		refusal, ok := compile(t, c).Check(ev, "US")
		if ok != (want == "") || refusal.Rule != want {
			t.Errorf("Check = %+v, %v, want %q", refusal, ok, want)
		}
	}
	f(rules.Config{}, event(1), "")
	f(rules.Config{MinCommission: "5"}, event(4_990_000), "min_commission")
	f(rules.Config{MinCommission: "4.99"}, event(4_990_000), "")
	f(rules.Config{MaxCommission: "4.98"}, event(4_990_000), "max_commission")
	f(rules.Config{MinCommission: "5"}, &schema.Event{EventName: schema.NameUnclassified}, "")
	f(rules.Config{MinCommission: "5"}, &schema.Event{EventName: schema.NameReversal, Commission: money.Amount{State: money.OK}}, "")
	f(rules.Config{Countries: rules.Countries{Allow: []string{"de"}}}, event(1), "countries.allow")
	f(rules.Config{Countries: rules.Countries{Allow: []string{"us"}}}, event(1), "")
	f(rules.Config{Countries: rules.Countries{Block: []string{"US"}}}, event(1), "countries.block")
	f(rules.Config{Countries: rules.Countries{Limits: []rules.CountryLimit{{Country: "US", Min: "1"}}}}, event(1), "min_commission")
	f(rules.Config{Countries: rules.Countries{Limits: []rules.CountryLimit{{Country: "DE", Min: "1"}}}}, event(1), "")
	f(rules.Config{Objectives: []string{"cpl"}}, event(1), "objectives")
	f(rules.Config{Objectives: []string{"CPS", "cpl"}}, event(1), "")
}

func TestPayoutIsExact(t *testing.T) {
	f := func(ratio string, micros, want int64) {
		t.Helper()
		ev := event(micros)
		compile(t, rules.Config{PayoutRatio: ratio}).Pay(ev)
		if ev.Payout.Micros != want || (ev.Payout.State == money.OK) != (want != 0) {
			t.Errorf("%d at %s gives %+v, want %d", micros, ratio, ev.Payout, want)
		}
	}
	f("0.7", 4_990_000, 3_493_000)
	f("0.5", 1, 1)
	f("0.5", -1, -1)
	f("0.333333", 3_000_000, 999_999)
	f("1", 4_990_000, 0)
	f("", 4_990_000, 0)
	f("2", 999_999_999_999_999_999, 999_999_999_999_999_999)
	ev := event(10_000_000)
	ev.Params = []schema.Param{{Name: "Sub_ID", Value: "vip"}}
	compile(t, rules.Config{PayoutRatio: "0.5", PayoutBy: rules.Ratios{Param: "sub_id", Values: map[string]string{"vip": "0.9"}}}).Pay(ev)
	if ev.Payout.Micros != 9_000_000 {
		t.Errorf("payout by parameter is %d", ev.Payout.Micros)
	}
	missing := &schema.Event{}
	compile(t, rules.Config{PayoutRatio: "0.5"}).Pay(missing)
	if missing.Payout.State == money.OK {
		t.Error("a missing commission has a payout")
	}
}

func TestBrokenRulesNameTheirKey(t *testing.T) {
	for want, c := range map[string]rules.Config{
		`min_commission: "free" is no decimal amount such as 4.99`:                  {MinCommission: "free"},
		`min_commission 5 is above max_commission 4`:                                {MinCommission: "5", MaxCommission: "4"},
		`payout_ratio: "-1" is negative`:                                            {PayoutRatio: "-1"},
		`countries.allow: "USA" is no ISO 3166 alpha-2 code such as US`:             {Countries: rules.Countries{Allow: []string{"USA"}}},
		`objectives: "cpm" is none of cpa, cpl, cps, cpi`:                           {Objectives: []string{"cpm"}},
		`countries.limits[0].min_commission: "x" is no decimal amount such as 4.99`: {Countries: rules.Countries{Limits: []rules.CountryLimit{{Country: "US", Min: "x"}}}},
		`payout_ratio_by.values.vip: "much" is no decimal amount such as 4.99`:      {PayoutBy: rules.Ratios{Param: "s", Values: map[string]string{"vip": "much"}}},
	} {
		if _, err := rules.Compile(c); err == nil || err.Error() != want {
			t.Errorf("Compile gives %v, want %s", err, want)
		}
	}
}
