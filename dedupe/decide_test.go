package dedupe

import (
	"bytes"
	"testing"
	"time"
)

// after returns what a store would answer once those arrivals are done.
func after(t *testing.T, p *Policy, texts ...string) *Claim {
	t.Helper()
	c := &Claim{Owner: 1, Now: testStart}
	for _, text := range texts {
		a := arrivalOf(t, text, p)
		d := Decide(c, &a)
		m := NewMark(&a, &d, StandingDone, 1)
		Apply(&c.State, &m)
	}
	return c
}

func TestPreviousIsTheStateThatIsReplaced(t *testing.T) {
	c := after(t, nil, "approved 5 EUR", "reversed 5 EUR")
	a, last := arrivalOf(t, "approved 6 EUR", nil), arrivalOf(t, "reversed 5 EUR", nil)
	d := Decide(c, &a)
	want := Previous{Print: last.Print, Class: ClassReversed, HasAmount: true, Amount: 5_000_000, Exponent: 2, Currency: CurrencyOf("EUR")}
	if !d.HasPrevious || d.Previous != want {
		t.Errorf("%+v", d.Previous)
	}
	p := &Policy{OnReentry: ReentryUpdate}
	c = after(t, p, "approved 5", "reversed 5", "approved 5")
	a = arrivalOf(t, "approved 6", p)
	if d = Decide(c, &a); d.Previous.Occurrence != 1 {
		t.Errorf("a state entered twice is previous with its occurrence: %+v", d.Previous)
	}
	for _, text := range []string{"5 id=first", "reversed 5 id=orphan"} {
		a = arrivalOf(t, text, nil)
		if d = Decide(&Claim{}, &a); d.HasPrevious {
			t.Errorf("%s has a previous state", text)
		}
	}
}

func TestTheRepeatOfACountedFallbackNamesWhatItMayRepeat(t *testing.T) {
	p := &Policy{FallbackWindow: 20 * time.Minute}
	c := after(t, p, "fallback 5", "fallback 5 +23h")
	a := arrivalOf(t, "fallback 5 +46h", p)
	d := Decide(c, &a)
	if !d.PossibleDuplicate || d.Previous.Occurrence != 1 || d.Previous.Day != 20_000 || d.Day != 20_000 {
		t.Errorf("day %d, %+v", d.Day, d.Previous)
	}
	a = arrivalOf(t, "fallback 5 +72h", p)
	if d = Decide(c, &a); d.PossibleDuplicate || d.HasPrevious || d.Day != 20_003 || d.Occurrence != 0 {
		t.Errorf("a rebill days later: %+v", d)
	}
}

func TestTheDayOfAFallbackIsTheNetworksWhenItIsKnown(t *testing.T) {
	p := &Policy{FallbackWindow: 20 * time.Minute}
	first := arrivalOf(t, "fallback 5 date=864000001", p)
	d := Decide(&Claim{}, &first)
	if d.Day != 10 {
		t.Errorf("day %d", d.Day)
	}
	var c Claim
	m := NewMark(&first, &d, StandingDone, 1)
	Apply(&c.State, &m)
	same, next := first, first
	same.Now += time.Hour.Milliseconds()
	next.Now, next.Date = same.Now, first.Date+dayMillis
	if d = Decide(&c, &same); d.Day != 10 || d.Occurrence != 1 {
		t.Errorf("same date: day %d, occurrence %d", d.Day, d.Occurrence)
	}
	if d = Decide(&c, &next); d.Day != 11 || d.Occurrence != 0 {
		t.Errorf("next date: day %d, occurrence %d", d.Day, d.Occurrence)
	}
}

func TestWithoutAnAnswerEverythingIsPublished(t *testing.T) {
	for _, c := range []struct {
		arrival string
		policy  Policy
		want    string
	}{
		{"approved 5", Policy{}, "new seq? delta ?"},
		{"pending 5", Policy{OnChange: ChangeIgnore}, "new seq? delta ?"},
		{"rejected 5", Policy{}, "reversal seq? delta ?"},
		{"reversed -5", Policy{}, "reversal seq? delta ? adds"},
		{"5", Policy{OnChange: ChangeIncrement}, "new seq? delta ? adds"},
		{"5", Policy{OnChange: ChangeCreateNew}, "new seq? delta ? uncertain"},
		{"5", Policy{OnReentry: ReentryUpdate}, "new seq? delta ? uncertain"},
		{"fallback 5", Policy{}, "new seq? delta ? uncertain"},
	} {
		a := arrivalOf(t, c.arrival, &c.policy)
		full := after(t, &c.policy, c.arrival)
		full.Unknown = true
		if got := render(Decide(full, &a)); got != c.want {
			t.Errorf("%s: %s, want %s", c.arrival, got, c.want)
		}
	}
}

func TestStatesThatLeftTheListAreNotMistaken(t *testing.T) {
	flap := &Policy{OnReentry: ReentryUpdate}
	create := &Policy{OnChange: ChangeCreateNew}
	var texts []string
	for i := range MaxEntries + 4 {
		texts = append(texts, "approved "+major(int64(i)*1_000_000))
	}
	for _, c := range []struct {
		name, arrival, want string
		policy              *Policy
	}{
		{"update: the id of a late retry is the old one", "approved 0", "update seq21 delta -19", &Policy{}},
		{"reentry: a new id", "approved 0", "update seq21 delta -19 #20", flap},
		{"create new: a new id", "approved 0", "new seq21 delta 0 #20", create},
		{"increment: the sum before is not known, its own amount is", "approved 99", "update seq21 delta 99 adds", &Policy{OnChange: ChangeIncrement}},
		{"increment: neither is what a reversal takes back", "rejected 99", "reversal seq21 delta ?", &Policy{OnChange: ChangeIncrement}},
	} {
		a := arrivalOf(t, c.arrival, c.policy)
		if got := render(Decide(after(t, c.policy, texts...), &a)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnOccurrenceThatDoesNotFitIsUncertain(t *testing.T) {
	p := &Policy{OnChange: ChangeCreateNew}
	c := after(t, p, "5")
	c.State.entries[0].Occurrence = 65535
	a := arrivalOf(t, "5", p)
	if d := Decide(c, &a); !d.Uncertain {
		t.Errorf("%s", render(d))
	}
}

func TestAmountsBeyondInt64MakeTheTotalUnknown(t *testing.T) {
	p := &Policy{OnChange: ChangeIncrement}
	c := after(t, p, "approved 1")
	c.State.entries[0].Amount = 1<<63 - 1
	a := arrivalOf(t, "approved 2", p)
	d := Decide(c, &a)
	m := NewMark(&a, &d, StandingDone, 1)
	Apply(&c.State, &m)
	if _, known := c.State.Counted(); known {
		t.Error("the total overflowed and passes for known")
	}
}

func TestMarksInAnyOrderMakeTheSameTotal(t *testing.T) {
	sale, refund := arrivalOf(t, "approved 10", nil), arrivalOf(t, "reversed -3", nil)
	d1, d2 := Decision{Kind: KindNew}, Decision{Kind: KindAdjustment}
	m1, m2 := NewMark(&sale, &d1, StandingDone, 1), NewMark(&refund, &d2, StandingDone, 1)
	for _, order := range [][]Mark{{m1, m2}, {m2, m1}, {m1, m2, m1, m2}} {
		var s State
		for i := range order {
			Apply(&s, &order[i])
		}
		if total, known := s.Counted(); total != 7_000_000 || !known || s.Seq != 2 {
			t.Errorf("total %d, seq %d", total, s.Seq)
		}
	}
}

func TestAStandingOnlyRises(t *testing.T) {
	a := arrivalOf(t, "5", nil)
	held, done := NewMark(&a, &Decision{}, StandingJournaled, 2), NewMark(&a, &Decision{}, StandingDone, 3)
	open := NewMark(&a, &Decision{}, StandingOpen, 3)
	var s State
	for i, m := range []Mark{open, held, done, held, open} {
		Apply(&s, &m)
		if i == 0 && s.Len() != 0 {
			t.Fatal("an open mark is no state")
		}
		if i == 1 && (s.Entry(0).Standing != StandingJournaled || s.Entry(0).Owner != 2) {
			t.Fatalf("%+v", s.Entry(0))
		}
	}
	if e := s.Entry(0); e.Standing != StandingDone || e.Owner != 0 || s.Len() != 1 {
		t.Errorf("%+v", e)
	}
}

func TestMarksSurviveTheirBinaryForm(t *testing.T) {
	for _, text := range []string{"approved 4.99 USD c7 date=5", "fallback none", "reversed -1 JPY", "unknown"} {
		a := arrivalOf(t, text, &Policy{Window: time.Hour, FallbackWindow: time.Minute})
		d := Decide(&Claim{}, &a)
		for _, s := range []Standing{StandingOpen, StandingJournaled, StandingDone} {
			m := NewMark(&a, &d, s, 9)
			b, err := m.AppendBinary([]byte("x"))
			if err != nil || len(b) > 75 {
				t.Fatal(len(b), err)
			}
			got, err := DecodeMark(b[1:])
			if err != nil || got != m {
				t.Errorf("%s: %+v became %+v, %v", text, m, got, err)
			}
			for cut := range len(b) - 1 {
				if _, err := DecodeMark(b[1 : 1+cut]); err == nil {
					t.Errorf("%s: %d of %d bytes pass", text, cut, len(b)-1)
				}
			}
		}
	}
}

func TestACrowdOfClicksStaysWithinItsBounds(t *testing.T) {
	c := after(t, nil, "5 c1")
	s := &c.State
	for i := range uint32(40) {
		noteClick(s, 100+i, 1000+i, maxClicks)
		if len(encoded(s, true)) > 28+maxClicks*clickSize {
			t.Fatalf("%d bytes", len(encoded(s, true)))
		}
	}
	if !s.hot(999, 1040, maxClicks) || s.hot(100, 1040, maxClicks) || s.hot(1, 1040, maxClicks) {
		t.Error("hot for all but those that were there before")
	}
	if s.hot(999, 1040+hotSpan, maxClicks) {
		t.Error("still hot after an hour without clicks")
	}
	var full State // a stored value may hold more than this version writes
	if _, err := full.Decode(append([]byte{maxClicks<<3 | hasClick, 1}, bytes.Repeat([]byte{9}, maxClicks*clickSize+4+entrySize)...)); err == nil {
		noteClick(&full, 5, 0x09090909, maxClicks)
		encoded(&full, true)
	}
}

func TestCurrencies(t *testing.T) {
	for _, code := range []string{"USD", "EUR", "AAA", "ZZZ"} {
		if got := CurrencyOf(code).String(); got != code {
			t.Errorf("%s became %q", code, got)
		}
	}
	seen := map[Currency]string{}
	for _, code := range []string{"", "USD", "usd", "USDT", "USDC", "BTC", "AAA", "US", "U$D"} {
		c := CurrencyOf(code)
		if other, taken := seen[c]; taken {
			t.Errorf("%q and %q are both %d", code, other, c)
		}
		seen[c] = code
	}
	if CurrencyOf("") != 0 || CurrencyOf("USDT").String() != "" {
		t.Error("no code is 0, and a hash has no letters")
	}
}
