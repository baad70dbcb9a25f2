package dedupe

// MaxEntries bounds the states kept per identity; the oldest leave first. A repeat of a state that left
// is published as a change: a copy, not a loss.
const MaxEntries = 16

const (
	maxClicks = 15
	maxOpens  = 7
	hotSpan   = 3600 // seconds within which click ids are counted
)

// Effect is what an entry does to the counted amount of its identity.
type Effect uint8

// EffectNone leaves the counted amount alone, EffectZero makes it nothing (rejected, reversed, pending),
// EffectSets replaces it, EffectAdds adds to it.
const (
	EffectNone Effect = iota
	EffectZero
	EffectSets
	EffectAdds
)

// Entry is one state an identity was in. A value without pointers.
type Entry struct {
	Print      Print
	Amount     int64  // millionths; meaningful with HasAmount
	At         int64  // Timed only: when it arrived, Unix milliseconds
	Owner      uint32 // who holds it, StandingJournaled only
	Day        int32  // Timed only: as in Decision.Day
	Occurrence uint16 // how often the state was entered before
	Currency   Currency
	Class      Class
	Kind       Kind     // of the event that was published for it
	Standing   Standing // StandingJournaled or StandingDone
	Effect     Effect
	HasAmount  bool
	Timed      bool // At and Day are kept: fallback identities and ChangeCreateNew
	Exponent   int8
}

// same reports whether two entries are one state: marks merge by it.
func (e *Entry) same(o *Entry) bool {
	return e.Print == o.Print && e.Occurrence == o.Occurrence && e.Day == o.Day && e.Timed == o.Timed
}

// suppresses reports whether a repeat of e is a duplicate for that owner.
func (e *Entry) suppresses(owner uint32) bool {
	return e.Standing == StandingDone || (e.Standing == StandingJournaled && e.Owner == owner)
}

type clickSeen struct {
	click uint32 // 0: not a click but the moment the identity was last found hot
	at    uint32 // Unix seconds
}

type openClaim struct {
	print Print
	owner uint32
	until int64 // Unix milliseconds
}

// State is what is known of an identity. The zero value is nothing. It holds no pointers; copying it is
// allowed and expensive. It is not safe for concurrent use.
type State struct {
	// Seq is the number of states marked so far, including those that left the list.
	Seq uint32
	// Click is the hash of the click id the identity was first seen with, 0: none.
	Click uint32
	// Date is the newest date of the network's clock, Unix milliseconds, 0: none.
	Date int64

	n, clicks, opens uint8
	entries          [MaxEntries]Entry
	click            [maxClicks]clickSeen
	open             [maxOpens]openClaim
}

// Len returns the number of entries kept.
func (s *State) Len() int { return int(s.n) }

// Entry returns the i-th entry, oldest first, 0 <= i < Len.
func (s *State) Entry(i int) Entry { return s.list()[i] }

func (s *State) list() []Entry { return s.entries[:s.n] }

func (s *State) last() *Entry { return &s.entries[s.n-1] }

// reset empties s without clearing the arrays, which are bounded by their counts.
func (s *State) reset() {
	s.Seq, s.Click, s.Date = 0, 0, 0
	s.n, s.clicks, s.opens = 0, 0, 0
}

// truncated reports whether entries have left the list.
func (s *State) truncated() bool { return s.Seq > uint32(s.n) }

// find returns the newest entry with that print, or -1.
func (s *State) find(p Print) int {
	for i := int(s.n) - 1; i >= 0; i-- {
		if s.entries[i].Print == p {
			return i
		}
	}
	return -1
}

// done reports whether a state with that print is done.
func (s *State) done(p Print) bool {
	for i := range s.list() {
		if e := &s.entries[i]; e.Print == p && e.Standing == StandingDone {
			return true
		}
	}
	return false
}

// lastAbsolute returns the class of the newest entry that is not a mere correction.
func (s *State) lastAbsolute() Class {
	for i := int(s.n) - 1; i >= 0; i-- {
		if s.entries[i].Effect != EffectAdds {
			return s.entries[i].Class
		}
	}
	return s.last().Class
}

// orphaned reports whether nothing but reversals was ever seen.
func (s *State) orphaned() bool {
	for i := range s.list() {
		if k := s.entries[i].Kind; k != KindReversal && k != KindAdjustment {
			return false
		}
	}
	return !s.truncated()
}

// counted is the running total of an identity: what all its events together should add to a sum.
type counted struct {
	value    int64
	currency Currency
	unknown  bool
	started  bool // a counting amount was seen: an absolute one replaces from here on
	zeroed   bool // the last absolute state counts nothing: a negative corrects nothing
	restates bool // an absolute amount replaces what corrections before it made, see Policy.Restatement
}

// Counted returns the running total of the identity in millionths of its last counted currency, and
// whether it is known: the commission when the last state is approved or has no status, with the
// corrections since; nothing when it is rejected, reversed, unknown or (without CountPending) pending. It
// is the total of a policy without Restatement.
func (s *State) Counted() (int64, bool) {
	c := s.fold(Policy{})
	return c.value, !c.unknown
}

func (s *State) fold(p Policy) counted {
	c := counted{restates: p.Restatement}
	if s.truncated() {
		c.unknown, c.started = true, true
	}
	for i := range s.list() {
		c = c.add(&s.entries[i])
	}
	return c
}

func (c counted) add(e *Entry) counted {
	switch e.Effect {
	case EffectZero:
		if c.started {
			c.value, c.unknown = 0, false
		}
		c.zeroed = true
	case EffectSets:
		// A correction may overtake the sale it corrects: the first counted amount joins it.
		if c.started || c.restates {
			c.value, c.unknown = e.Amount, false
		} else {
			c = c.plus(e)
		}
		c.currency, c.started, c.zeroed = e.Currency, true, false
	case EffectAdds:
		if e.Amount < 0 && c.zeroed {
			return c
		}
		c = c.plus(e)
		c.currency = e.Currency
		if e.Amount >= 0 {
			c.started, c.zeroed = true, false
		}
	}
	return c
}

func (c counted) plus(e *Entry) counted {
	if c.value != 0 && c.currency != e.Currency {
		c.unknown = true
	}
	sum := c.value + e.Amount
	if (e.Amount > 0) != (sum > c.value) && e.Amount != 0 {
		c.unknown = true // beyond int64
	}
	c.value = sum
	return c
}

// Apply merges a mark into s: an entry not there yet is appended as the last one, one that is there only
// rises in standing. It reports whether it appended, which renews the window. Applying a mark twice
// changes nothing. The mark's own open claim ends. A mark of StandingOpen is no state and is ignored.
func Apply(s *State, m *Mark) (appended bool) {
	if m.Standing == StandingOpen {
		return false
	}
	s.closeOpen(m)
	for i := range s.list() {
		e := &s.entries[i]
		if e.same(&m.Entry) {
			if m.Standing == StandingDone && e.Standing != StandingDone {
				e.Standing, e.Owner = StandingDone, 0
			}
			return false
		}
	}
	if s.n == MaxEntries {
		copy(s.entries[:], s.entries[1:])
		s.n--
	}
	e := &s.entries[s.n]
	*e = m.Entry
	if e.Standing == StandingDone {
		e.Owner = 0
	}
	s.n++
	s.Seq++
	if s.Click == 0 {
		s.Click = m.Click
	}
	s.Date = max(s.Date, m.Date)
	return true
}

func (s *State) closeOpen(m *Mark) {
	kept := s.open[:0]
	for _, o := range s.open[:s.opens] {
		if o.print != m.Print || o.owner != m.Owner {
			kept = append(kept, o)
		}
	}
	s.opens = uint8(len(kept))
}

// noteClick remembers the click id of an arrival of a known identity, so that an id that many clicks
// share is found out. It reports whether s changed. The Redis script does the same.
func noteClick(s *State, click, now uint32, hot int) bool {
	if hot <= 0 || s.n == 0 || click == 0 || s.Click == 0 || click == s.Click {
		return false
	}
	kept := s.click[:0]
	for _, c := range s.click[:s.clicks] {
		if c.click == click {
			return false
		}
		if c.at+hotSpan > now {
			kept = append(kept, c)
		}
	}
	if isHot(kept, hot) {
		click = 0
		for i, c := range kept {
			if c.click == 0 {
				kept = append(kept[:i], kept[i+1:]...)
				break
			}
		}
	}
	if len(kept) == maxClicks {
		kept = append(kept[:0], kept[1:]...)
	}
	kept = append(kept, clickSeen{click, now})
	s.clicks = uint8(len(kept))
	return true
}

// isHot reports whether those other clicks and the first one make an identity hot.
func isHot(clicks []clickSeen, hot int) bool {
	others := 1
	for _, c := range clicks {
		if c.click == 0 {
			return true
		}
		others++
	}
	return others >= hot
}

// hot reports whether an arrival with that click is one too many.
func (s *State) hot(click, now uint32, limit int) bool {
	if limit <= 0 || click == 0 || s.Click == 0 || click == s.Click {
		return false
	}
	var live [maxClicks]clickSeen
	n := 0
	for _, c := range s.click[:s.clicks] {
		if c.click == click {
			return false
		}
		if c.at+hotSpan > now {
			live[n] = c
			n++
		}
	}
	return isHot(live[:n], limit)
}
