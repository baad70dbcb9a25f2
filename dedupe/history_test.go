package dedupe

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// idOf is what an event id depends on besides the identity.
func idOf(d *Decision, p Print) string {
	return fmt.Sprintf("%x %d %d", p, d.Occurrence, d.Day)
}

// TestTheMachineKeepsItsInvariants feeds random arrivals and marks every published one done.
func TestTheMachineKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newTrial(1, ground{}, tally{})
		policy := r.policies[rapid.IntRange(0, len(r.policies)-1).Draw(rt, "policy")]
		fallback := rapid.Bool().Draw(rt, "fallback")
		var s State
		published := map[string]bool{}
		var sum int64
		known := true
		for i := range rapid.IntRange(1, MaxEntries).Draw(rt, "n") {
			a := r.arrival(rt)
			a.Policy, a.Fallback, a.Click, a.Now = policy, fallback, 1, testStart+int64(i)*700
			if fallback {
				a.Print = Print{1} // of one key
			}
			c := Claim{Owner: 1, Now: a.Now, State: s}
			d := Decide(&c, &a)
			if d.Duplicate {
				if s.n == 0 {
					rt.Fatal("the first is a duplicate")
				}
				continue
			}
			if id := idOf(&d, a.Print); published[id] && !d.Uncertain {
				rt.Fatalf("event id used twice: %s, %s", id, render(d))
			} else {
				published[id] = true
			}
			if d.Seq != s.Seq+1 && !fallback {
				rt.Fatalf("seq %d after %d", d.Seq, s.Seq)
			}
			m := NewMark(&a, &d, StandingDone, 1)
			if !Apply(&s, &m) || Apply(&s, &m) {
				rt.Fatal("a mark is applied once and then known")
			}
			sum += d.Delta
			known = known && d.DeltaKnown
			again := Claim{Owner: 1, Now: a.Now, State: s}
			if d = Decide(&again, &a); !d.Duplicate && (!a.timed() || policy.FallbackWindow > 0) {
				rt.Fatalf("an immediate repeat is %s", render(d))
			}
		}
		if total, ok := s.Counted(); known && !fallback && policy.OnChange != ChangeCreateNew && (!ok || total != sum) {
			rt.Fatalf("counted %d (%v), the deltas make %d", total, ok, sum)
		}
	})
}

// history is the life of one identity: update mode, one currency, a sale first, a store that answers.
type history struct {
	store   Store
	policy  Policy
	key     Key
	marks   []Mark // for the next claim
	date    int64
	seq     uint32 // of the last published event
	sum     int64  // of the counted_delta of all published events
	counted int64  // what the last state counts, by the plain rule
	counts  bool   // the last absolute state counts at all
}

func newHistory(t *rapid.T, s Store, nonce int) *history {
	return &history{store: s, key: keyOf(fmt.Sprint("history ", nonce)), policy: Policy{
		OnReentry:            OnReentry(rapid.IntRange(0, 1).Draw(t, "reentry")),
		CountPending:         rapid.Bool().Draw(t, "count pending"),
		PendingAfterApproval: rapid.Bool().Draw(t, "pending after approval"),
		Restatement:          rapid.Bool().Draw(t, "restatement"),
	}}
}

func (h *history) arrival(t *rapid.T) Arrival {
	class, amounts := []Class{ClassNone, ClassPending, ClassApproved, ClassUnknown}, []int64{0, 1, 5_000_000, 7_250_000}
	if h.seq > 0 {
		class, amounts = append(class, ClassRejected, ClassReversed), append(amounts, -2_000_000, -5_000_000)
	}
	a := Arrival{Key: h.key, Policy: &h.policy, Click: 1, Now: testStart, HasAmount: true, Currency: CurrencyOf("USD"), Exponent: 2}
	a.Class = rapid.SampledFrom(class).Draw(t, "class")
	a.Amount = rapid.SampledFrom(amounts).Draw(t, "amount")
	a.Delta = a.Amount < 0
	if rapid.Bool().Draw(t, "dated") {
		h.date += rapid.Int64Range(-1, 2).Draw(t, "date")
		a.Date = max(h.date, 0)
	}
	copy(a.Print[:], keyPrint(fmt.Sprint(a.Class, a.Amount)))
	return a
}

// enter is the plain rule: an absolute state counts its commission or nothing, a negative one corrects what counts.
func (h *history) enter(a *Arrival) {
	counts := a.Class == ClassNone || a.Class == ClassApproved || (a.Class == ClassPending && h.policy.CountPending)
	settles := a.Class == ClassRejected || a.Class == ClassReversed
	switch {
	case a.Delta && h.counts && (counts || settles):
		h.counted += a.Amount
	case a.Delta:
	case counts:
		h.counted, h.counts = a.Amount, true
	default:
		h.counted, h.counts = 0, false
	}
}

// step has one arrival claimed, perhaps twice because the reply got lost, and published if it is no repeat. Its mark
// goes with the next claim: done, or journaled and a claim later done.
func (h *history) step(t *rapid.T) {
	a, out := h.arrival(t), make([]Claim, 1)
	for range rapid.IntRange(1, 2).Draw(t, "calls") {
		if err := h.store.Claim(context.Background(), h.marks, []Arrival{a}, out); err != nil {
			t.Fatal(err)
		}
	}
	var later []Mark
	for _, m := range h.marks {
		if m.Standing == StandingJournaled {
			m.Standing = StandingDone
			later = append(later, m)
		}
	}
	h.marks = later
	d := Decide(&out[0], &a)
	if d.Duplicate {
		return
	}
	h.seq++
	h.sum += d.Delta
	h.enter(&a)
	if d.Seq != h.seq || !d.DeltaKnown || h.sum != h.counted {
		t.Fatalf("event %d is %s; the deltas make %d, the state counts %d", h.seq, render(d), h.sum, h.counted)
	}
	standing := rapid.SampledFrom([]Standing{StandingDone, StandingJournaled}).Draw(t, "standing")
	h.marks = append(h.marks, NewMark(&a, &d, standing, 1))
}

// TestTheDeltasOfAHistoryAddUpToWhatItsLastStateCounts also finds seq dense, over both stores.
func TestTheDeltasOfAHistoryAddUpToWhatItsLastStateCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, s *subject) {
		store, nonce, longest := s.open(t), 0, uint32(0)
		defer closeStore(t, store)
		rapid.Check(t, func(rt *rapid.T) {
			nonce++
			h := newHistory(rt, store, nonce)
			for range rapid.IntRange(1, 40).Draw(rt, "arrivals") {
				h.step(rt)
			}
			longest = max(longest, h.seq)
			c := claimOne(t, store, h.marks, Arrival{Key: h.key})
			if total, ok := c.State.Counted(); c.State.Seq != h.seq || (ok && total != h.sum) {
				rt.Fatalf("the store: seq %d, %d (%v); published: %d events of %d", c.State.Seq, total, ok, h.seq, h.sum)
			}
		})
		if longest <= MaxEntries {
			t.Errorf("no history outgrew the %d states kept", MaxEntries)
		}
	})
}
