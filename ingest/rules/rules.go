// Package rules decides what an integration accepts: commission limits,
// countries and objectives, and what share of a commission is paid on.
//
// Rules never drop anything. A refused event goes to the failed topic with the
// name of the rule, and can be replayed when the rule has changed. The rules
// of this package look at one event alone; they keep no state and may be used
// by any number of goroutines.
package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// Config is what an operator writes under rules: amounts are decimal texts in
// the major unit, countries ISO 3166 alpha-2 codes.
type Config struct {
	// PayoutRatio times the commission is the event's payout; empty or "1"
	// writes none.
	PayoutRatio string
	// PayoutBy gives the ratio by the value of one parameter, such as the
	// publisher's sub id; values it does not name take PayoutRatio.
	PayoutBy Ratios
	// MinCommission and MaxCommission bound the commission, both inclusive;
	// empty means no bound.
	MinCommission, MaxCommission string
	// Countries says which countries count.
	Countries Countries
	// Objectives lists the kinds of conversion that count: cpa, cpl, cps,
	// cpi. Empty means all.
	Objectives []string
}

// Ratios names a parameter and the payout ratio for each of its values.
type Ratios struct {
	Param  string
	Values map[string]string
}

// Countries says which countries count. An event without a country passes
// Block but not Allow.
type Countries struct {
	Allow, Block []string
	Limits       []CountryLimit
}

// CountryLimit bounds the commission of one country's events.
type CountryLimit struct{ Country, Min, Max string }

// Rules are compiled from a Config. The zero value accepts everything.
type Rules struct {
	ratio      int64 // millionths; 0: none
	ratioParam string
	ratioBy    map[string]int64
	bounds     bounds
	allow      []string
	block      []string
	limits     map[string]bounds
	objectives []string
}

type bounds struct {
	min, max       int64
	hasMin, hasMax bool
}

// Refusal says which rule refused an event and why, for the failed topic.
type Refusal struct {
	Rule   string
	Reason schema.Reason
	Detail string
}

// Compile checks a Config. Its errors name the key and the value.
func Compile(c Config) (*Rules, error) {
	r := &Rules{ratioParam: c.PayoutBy.Param}
	var err error
	if r.ratio, err = ratio("payout_ratio", c.PayoutRatio); err != nil {
		return nil, err
	}
	for value, text := range c.PayoutBy.Values {
		if r.ratioBy == nil {
			r.ratioBy = make(map[string]int64, len(c.PayoutBy.Values))
		}
		if r.ratioBy[value], err = ratio("payout_ratio_by.values."+value, text); err != nil {
			return nil, err
		}
	}
	if r.bounds, err = compileBounds("", c.MinCommission, c.MaxCommission); err != nil {
		return nil, err
	}
	if r.allow, err = countryList("countries.allow", c.Countries.Allow); err != nil {
		return nil, err
	}
	if r.block, err = countryList("countries.block", c.Countries.Block); err != nil {
		return nil, err
	}
	if err := r.compileLimits(c.Countries.Limits); err != nil {
		return nil, err
	}
	return r, r.compileObjectives(c.Objectives)
}

func (r *Rules) compileLimits(limits []CountryLimit) error {
	for i, l := range limits {
		at := fmt.Sprintf("countries.limits[%d].", i)
		code, err := countryList(at+"country", []string{l.Country})
		if err != nil {
			return err
		}
		b, err := compileBounds(at, l.Min, l.Max)
		if err != nil {
			return err
		}
		if r.limits == nil {
			r.limits = make(map[string]bounds, len(limits))
		}
		r.limits[code[0]] = b
	}
	return nil
}

func (r *Rules) compileObjectives(objectives []string) error {
	known := []string{"cpa", "cpl", "cps", "cpi"}
	for _, o := range objectives {
		o = strings.ToLower(o)
		if !slices.Contains(known, o) {
			return fmt.Errorf("objectives: %q is none of %s", o, strings.Join(known, ", "))
		}
		r.objectives = append(r.objectives, o)
	}
	return nil
}

// Pay fills ev.Payout where a payout ratio is set. The product is exact and
// rounded half away from zero at the sixth fraction digit.
func (r *Rules) Pay(ev *schema.Event) {
	ratio := r.ratio
	if r.ratioParam != "" {
		for _, p := range ev.Params {
			if by, ok := r.ratioBy[p.Value]; ok && strings.EqualFold(p.Name, r.ratioParam) {
				ratio = by
			}
		}
	}
	if ratio == 0 || ev.Commission.State != money.OK {
		return
	}
	ev.Payout = money.Amount{Micros: scale(ev.Commission.Micros, ratio), State: money.OK}
}

// Check applies the rules to an event that counts: reversals and corrections
// pass, for what was accepted once must be taken back in full. country is the
// event's ISO 3166-1 alpha-2 code even where the property hashes or drops it.
func (r *Rules) Check(ev *schema.Event, country string) (Refusal, bool) {
	if ev.EventName == schema.NameReversal || ev.Status == schema.StatusRejected || ev.Status == schema.StatusReversed {
		return Refusal{}, true
	}
	if rule, ok := r.bounds.check(ev.Commission); !ok {
		return refuse(rule, "the commission is outside the integration's limits")
	}
	if len(r.allow) > 0 && !slices.Contains(r.allow, country) {
		return Refusal{"countries.allow", schema.ReasonCountry, "the country is not on the list of allowed ones"}, false
	}
	if slices.Contains(r.block, country) {
		return Refusal{"countries.block", schema.ReasonCountry, "the country is on the list of blocked ones"}, false
	}
	if b, ok := r.limits[country]; ok {
		if rule, ok := b.check(ev.Commission); !ok {
			return refuse(rule, "the commission is outside the limits of country "+country)
		}
	}
	if len(r.objectives) > 0 && !slices.Contains(r.objectives, objective(ev)) {
		return Refusal{"objectives", schema.ReasonObjective, "this kind of conversion does not count for the integration"}, false
	}
	return Refusal{}, true
}

func refuse(rule, detail string) (Refusal, bool) {
	return Refusal{Rule: rule, Reason: schema.Reason(rule), Detail: detail}, false
}

func (b bounds) check(a money.Amount) (rule string, ok bool) {
	if a.State != money.OK {
		return "", true
	}
	if b.hasMin && a.Micros < b.min {
		return string(schema.ReasonMinCommission), false
	}
	if b.hasMax && a.Micros > b.max {
		return string(schema.ReasonMaxCommission), false
	}
	return "", true
}

// objective maps an event to the trade's pricing models: a lead, a sale, an
// install, and any other action.
func objective(ev *schema.Event) string {
	switch strings.ToLower(ev.EventName) {
	case "lead", "completeregistration":
		return "cpl"
	case "purchase":
		return "cps"
	case "install", "mobileappinstall":
		return "cpi"
	}
	return "cpa"
}

func compileBounds(at, lowest, highest string) (b bounds, err error) {
	if b.min, b.hasMin, err = amount(at+"min_commission", lowest); err != nil {
		return b, err
	}
	if b.max, b.hasMax, err = amount(at+"max_commission", highest); err != nil {
		return b, err
	}
	if b.hasMin && b.hasMax && b.min > b.max {
		return b, fmt.Errorf("%smin_commission %s is above max_commission %s", at, lowest, highest)
	}
	return b, nil
}

func amount(key, text string) (int64, bool, error) {
	if text == "" {
		return 0, false, nil
	}
	p := money.Parse(text, money.Format{DecimalDot: true}, 2)
	if p.Amount.State != money.OK || p.Notes != 0 {
		return 0, false, fmt.Errorf("%s: %q is no decimal amount such as 4.99", key, text)
	}
	return p.Amount.Micros, true, nil
}

func ratio(key, text string) (int64, error) {
	r, ok, err := amount(key, text)
	if err != nil || !ok || r == 1_000_000 {
		return 0, err
	}
	if r < 0 {
		return 0, fmt.Errorf("%s: %q is negative", key, text)
	}
	return r, nil
}

func countryList(key string, codes []string) ([]string, error) {
	out := make([]string, 0, len(codes))
	for _, c := range codes {
		if len(c) != 2 {
			return nil, fmt.Errorf("%s: %q is no ISO 3166 alpha-2 code such as US", key, c)
		}
		out = append(out, strings.ToUpper(c))
	}
	return out, nil
}

// scale multiplies two numbers of millionths without overflow: both are below
// 10^18, so the product fits into 128 bits and, for ratios that make sense,
// the quotient into 64; a quotient that does not is held at the largest.
func scale(micros, ratio int64) int64 {
	const million, limit = 1_000_000, 1_000_000_000_000_000_000 - 1
	negative := micros < 0
	if negative {
		micros = -micros
	}
	hi, lo := bits.Mul64(uint64(micros), uint64(ratio))
	lo, carry := bits.Add64(lo, million/2, 0)
	hi += carry
	if hi >= million {
		return limit
	}
	quotient, _ := bits.Div64(hi, lo, million)
	out := int64(min(quotient, limit))
	if negative {
		return -out
	}
	return out
}
