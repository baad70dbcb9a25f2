package dedupe

import "math"

const dayMillis = 24 * 60 * 60 * 1000

// Decide says what an arrival is, given what a store answered: the transition table of the package's
// documentation. It is pure and does not allocate.
//
// Amounts that are missing or invalid are never taken for zero: such a state leaves the counted amount
// as it was and its own delta is unknown, unless its class counts nothing anyway.
func Decide(c *Claim, a *Arrival) Decision {
	if c.Unknown {
		return DecideUnknown(a)
	}
	s := &c.State
	if s.n == 0 {
		return c.first(a)
	}
	if a.Fallback {
		return c.fallback(a)
	}
	p := a.policy()
	if s.hot(a.Click, seconds(c.Now), p.hotClicks()) {
		return Decision{Hot: true}
	}
	var d Decision
	switch p.OnChange {
	case ChangeCreateNew:
		d = c.createNew(a)
	case ChangeIgnore:
		d = c.ignore(a)
	default:
		d = c.changed(a)
	}
	d.SharedByClicks = d.Duplicate && a.Click != 0 && s.Click != 0 && a.Click != s.Click
	return d
}

// DecideUnknown says what an arrival is when nothing can be known (row 21): it is published, its kind is a
// guess from the arrival alone, and seq, delta and previous are unknown. Its event id is the one it would
// have had, so that consumers recognize a copy, unless Uncertain says that it cannot be known either.
func DecideUnknown(a *Arrival) Decision {
	p := a.policy()
	d := Decision{
		Kind:      a.firstKind(),
		Adds:      a.Delta || p.OnChange == ChangeIncrement,
		Uncertain: a.Fallback || p.OnReentry == ReentryUpdate || p.OnChange == ChangeCreateNew,
	}
	if a.Fallback {
		d.Day = a.day()
	}
	return d
}

// first is row 1, and every other arrival that begins a conversion.
func (c *Claim) first(a *Arrival) Decision {
	e := a.entry()
	d := Decision{Kind: a.firstKind(), Seq: c.State.Seq + 1, Adds: a.Delta}
	if a.Fallback {
		d.Day, d.Seq = a.day(), 1
	}
	d.DeltaKnown = a.deltaKnown(&e) && (d.Kind != KindReversal || e.Effect == EffectAdds)
	if d.DeltaKnown {
		d.Delta = counted{}.add(&e).value
	}
	c.blur(&d)
	return d
}

// blur takes back what another owner's claim in flight makes unsure.
func (c *Claim) blur(d *Decision) {
	if !c.OpenOther {
		return
	}
	d.Seq, d.Delta, d.DeltaKnown = 0, 0, false
	d.HasPrevious, d.Previous = false, Previous{}
}

// changed is ChangeUpdate and ChangeIncrement: rows 2 to 11 and 14.
func (c *Claim) changed(a *Arrival) Decision {
	s := &c.State
	i := s.find(a.Print)
	if i < 0 {
		d := c.transition(a)
		if s.truncated() && a.policy().OnReentry == ReentryUpdate {
			d.occur(s.Seq) // it may have been here and left the list
		}
		return d
	}
	e, last := &s.entries[i], i == int(s.n)-1
	if !last && c.reenters(a) {
		d := c.transition(a)
		d.occur(uint32(e.Occurrence) + 1)
		if d.Kind == KindPromotion {
			d.Kind = KindUpdate
		}
		return d
	}
	return c.repeat(e, last)
}

// reenters reports whether the return of an earlier state is a change back and not a late retry.
func (c *Claim) reenters(a *Arrival) bool {
	newer := a.Date > 0 && c.State.Date > 0 && a.Date > c.State.Date
	return newer || a.policy().OnReentry == ReentryUpdate
}

// repeat is an arrival whose state is known: a duplicate if that state is safe, else the same event again.
func (c *Claim) repeat(e *Entry, last bool) Decision {
	d := Decision{Kind: e.Kind, Occurrence: e.Occurrence, Day: e.Day}
	d.Adds = e.Effect == EffectAdds && (e.Amount < 0 || e.Kind != KindNew)
	if e.suppresses(c.Owner) {
		d.Duplicate, d.Stale = true, !last
	}
	return d
}

// ignore is row 13.
func (c *Claim) ignore(a *Arrival) Decision {
	s := &c.State
	if i := s.find(a.Print); i >= 0 {
		return c.repeat(&s.entries[i], i == int(s.n)-1)
	}
	for i := range s.list() {
		if e := &s.entries[i]; e.suppresses(c.Owner) {
			d := c.repeat(e, true)
			d.IgnoredChange, d.HasPrevious, d.Previous = true, true, e.previous()
			return d
		}
	}
	// What is known lies on another instance's disk only. It must not swallow this one.
	d := c.first(a)
	d.Seq, d.Delta, d.DeltaKnown = 0, 0, false
	return d
}

// createNew is row 15: a conversion of its own, unless exactly that came within the window.
func (c *Claim) createNew(a *Arrival) Decision {
	s := &c.State
	i := s.find(a.Print)
	if i >= 0 && a.within(&s.entries[i]) {
		return c.repeat(&s.entries[i], i == int(s.n)-1)
	}
	d := c.first(a)
	switch {
	case i >= 0:
		d.occur(uint32(s.entries[i].Occurrence) + 1)
	case s.truncated():
		d.occur(s.Seq) // never used before: occurrences stay below seq
	}
	return d
}

// fallback is rows 16 to 18. All states of such an identity have one print.
func (c *Claim) fallback(a *Arrival) Decision {
	s := &c.State
	e := s.last()
	if a.within(e) {
		return c.repeat(e, true)
	}
	d := c.first(a)
	if a.Now-e.At <= dayMillis {
		d.PossibleDuplicate, d.HasPrevious, d.Previous = true, true, e.previous()
		if a.Date == 0 {
			d.Day = e.Day
		}
	}
	for i := range s.list() {
		if o := &s.entries[i]; o.Day == d.Day && o.Occurrence >= d.Occurrence {
			d.occur(uint32(o.Occurrence) + 1)
		}
	}
	return d
}

// transition is a state that differs from the last one.
func (c *Claim) transition(a *Arrival) Decision {
	s := &c.State
	last, total, e := s.last(), s.fold(a.policy()), a.entry()
	d := Decision{Seq: s.Seq + 1, HasPrevious: true, Previous: last.previous()}
	d.Adds = e.Effect == EffectAdds || a.Delta // amount_effect of rows 8 and 14
	d.CurrencyChanged = a.HasAmount && last.HasAmount && a.Currency != last.Currency
	d.Kind = c.kind(a, total)
	d.OutOfOrder = c.outOfOrder(a)
	next := total.add(&e)
	known := !total.unknown && !next.unknown
	if e.Effect == EffectAdds {
		known = true // a correction is its own difference
	}
	if total.value != 0 && a.Currency != 0 && total.currency != a.Currency {
		known = false
	}
	if d.DeltaKnown = known && !d.CurrencyChanged && a.deltaKnown(&e); d.DeltaKnown {
		d.Delta = next.value - total.value
	}
	c.blur(&d)
	return d
}

func (c *Claim) kind(a *Arrival, total counted) Kind {
	switch {
	case a.Delta:
		if !total.unknown && a.Amount > -total.value {
			return KindAdjustment
		}
		return KindReversal
	case a.Class == ClassRejected || a.Class == ClassReversed:
		return KindReversal
	case a.Class == ClassApproved && c.State.lastAbsolute() == ClassPending && a.policy().OnChange == ChangeUpdate:
		return KindPromotion
	}
	return KindUpdate
}

func (c *Claim) outOfOrder(a *Arrival) bool {
	s, p := &c.State, a.policy()
	if a.Date > 0 && a.Date < s.Date {
		return true
	}
	if a.Class == ClassPending && s.lastAbsolute() == ClassApproved && !p.PendingAfterApproval {
		return true
	}
	return a.firstKind() == KindNew && s.orphaned()
}

// occur sets the occurrence. What does not fit makes the event id uncertain rather than equal to another.
func (d *Decision) occur(n uint32) {
	if n > math.MaxUint16 {
		d.Occurrence, d.Uncertain = math.MaxUint16, true
		return
	}
	d.Occurrence = uint16(n)
}

func (e *Entry) previous() Previous {
	return Previous{
		Print: e.Print, Occurrence: e.Occurrence, Day: e.Day, Class: e.Class,
		HasAmount: e.HasAmount, Amount: e.Amount, Exponent: e.Exponent, Currency: e.Currency,
	}
}

func seconds(ms int64) uint32 {
	return uint32(min(max(ms/1000, 0), math.MaxUint32))
}
