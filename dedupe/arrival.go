package dedupe

import "time"

// fallbackMemory is how long a fallback identity matters beyond its window (row 17: within 24 h).
const fallbackMemory = 24 * time.Hour

func (a *Arrival) policy() Policy {
	if a.Policy == nil {
		return Policy{}
	}
	return *a.Policy
}

func (p Policy) hotClicks() int {
	switch {
	case p.HotClicks == 0:
		return DefaultHotClicks
	case p.HotClicks > maxClicks:
		return maxClicks
	}
	return max(p.HotClicks, 0)
}

// memory is how long a state is kept after it was last changed.
func (a *Arrival) memory() time.Duration {
	p := a.policy()
	switch {
	case a.Fallback:
		return fallbackMemory + max(p.FallbackWindow, 0)
	case p.Window > 0:
		return p.Window
	}
	return DefaultWindow
}

// counts reports whether an amount of that class is part of the counted total.
func (a *Arrival) counts() bool {
	switch a.Class {
	case ClassNone, ClassApproved:
		return true
	case ClassPending:
		return a.policy().CountPending
	}
	return false
}

// timed reports whether the moment of a state matters later.
func (a *Arrival) timed() bool {
	return a.Fallback || a.policy().OnChange == ChangeCreateNew
}

// mayReenter reports whether a done state of the same print does not settle the arrival, so that its
// claim must be registered anyway.
func (a *Arrival) mayReenter() bool {
	return a.timed() || a.Date > 0 || a.policy().OnReentry == ReentryUpdate
}

func (a *Arrival) firstKind() Kind {
	if a.Delta || a.Class == ClassRejected || a.Class == ClassReversed {
		return KindReversal
	}
	return KindNew
}

// effect is what the arrival does to the counted total.
func (a *Arrival) effect() Effect {
	adding := a.policy().OnChange == ChangeIncrement || a.policy().OnChange == ChangeCreateNew
	settles := a.Class == ClassRejected || a.Class == ClassReversed
	switch {
	case a.Delta && a.HasAmount:
		if a.counts() || settles {
			return EffectAdds
		}
		return EffectNone
	case a.counts():
		switch {
		case !a.HasAmount:
			return EffectNone
		case adding:
			return EffectAdds
		}
		return EffectSets
	case a.policy().OnChange == ChangeCreateNew, adding && !settles:
		return EffectNone
	}
	return EffectZero
}

// deltaKnown reports whether the arrival itself says enough for a counted_delta.
func (a *Arrival) deltaKnown(e *Entry) bool {
	if (a.counts() || a.Delta) && !a.HasAmount {
		return false
	}
	reversal := a.Class == ClassRejected || a.Class == ClassReversed
	return !reversal || e.Effect != EffectNone
}

// entry is the arrival as a state, not yet marked.
func (a *Arrival) entry() Entry {
	e := Entry{
		Print: a.Print, Class: a.Class, Effect: a.effect(),
		HasAmount: a.HasAmount, Exponent: a.Exponent, Currency: a.Currency,
	}
	if a.HasAmount {
		e.Amount = a.Amount
	}
	return e
}

// within reports whether the arrival falls into the rolling window after that state. The window begins
// at the last published arrival, so a chain of repeats does not stretch it.
func (a *Arrival) within(e *Entry) bool {
	w := a.policy().FallbackWindow.Milliseconds()
	return w > 0 && a.Now-e.At <= w
}

// day is the UTC day that goes into the event id of a fallback identity.
func (a *Arrival) day() int32 {
	ms := a.Now
	if a.Date > 0 {
		ms = a.Date
	}
	return int32(min(max(ms/dayMillis, 0), 1<<16-1))
}

// hotLimit is the number of clicks that may share the arrival's identity, 0: any.
func (a *Arrival) hotLimit() int {
	if a.Fallback {
		return 0
	}
	return a.policy().hotClicks()
}
