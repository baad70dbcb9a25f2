package dedupe

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is the plain map that both stores are compared with. It applies marks and notes clicks with the
// same pure functions; the stores add their layouts, the Redis script and everything in between.
type world struct {
	states map[Key]*State
	lease  int64
}

func (w *world) at(k Key) *State {
	s := w.states[k]
	if s == nil {
		s = new(State)
		w.states[k] = s
	}
	return s
}

// claim does what a store must: note the click, and open a claim unless a done state settles it.
func (w *world) claim(a *Arrival, owner uint32, now int64) {
	s := w.at(a.Key)
	noteClick(s, a.Click, seconds(now), a.hotLimit())
	if !a.mayReenter() && s.done(a.Print) {
		return
	}
	s.closeOpen(&Mark{Entry: Entry{Print: a.Print, Owner: owner}})
	if s.opens == maxOpens {
		copy(s.open[:], s.open[1:])
		s.opens--
	}
	s.open[s.opens] = openClaim{a.Print, owner, now + w.lease}
	s.opens++
}

func encoded(s *State, opens bool) []byte {
	n := s.opens
	if !opens {
		s.opens = 0
	}
	b, err := s.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	s.opens = n
	return b
}

// trial is one random run: trips of marks and arrivals over a few keys.
type trial struct {
	policies []*Policy
	world    world
	owner    uint32
	pending  []Mark // decided, not yet marked; each may be marked several times
	nonce    uint64
}

func newTrial(nonce uint64, owner uint32) *trial {
	return &trial{
		policies: []*Policy{
			{}, {OnReentry: ReentryUpdate, HotClicks: 3}, {OnChange: ChangeIgnore}, {OnChange: ChangeIncrement, HotClicks: 2},
			{OnChange: ChangeCreateNew, FallbackWindow: time.Second}, {FallbackWindow: time.Second, CountPending: true},
		},
		world: world{states: map[Key]*State{}, lease: (10 * time.Minute).Milliseconds()}, owner: owner, nonce: nonce,
	}
}

func (r *trial) arrival(t *rapid.T) Arrival {
	i := rapid.IntRange(0, 7).Draw(t, "id")
	a := Arrival{
		Policy: r.policies[i%len(r.policies)], Fallback: i == 5,
		Class:     Class(rapid.IntRange(0, int(ClassUnknown)).Draw(t, "class")),
		HasAmount: rapid.IntRange(0, 4).Draw(t, "missing") > 0,
		Amount:    rapid.SampledFrom([]int64{0, 1, 5_000_000, -2_000_000, 1 << 59, -(1 << 59)}).Draw(t, "amount"),
		Currency:  rapid.SampledFrom([]Currency{CurrencyOf("USD"), CurrencyOf("EUR"), CurrencyOf("USDT")}).Draw(t, "currency"),
		Click:     rapid.Uint32Range(0, 6).Draw(t, "click"),
		Date:      rapid.SampledFrom([]int64{0, 0, 1, 2, 1 << 41}).Draw(t, "date"),
		Now:       testStart + rapid.Int64Range(0, 5000).Draw(t, "later") + rapid.Int64Range(0, 3).Draw(t, "days")*dayMillis,
		Exponent:  2,
	}
	a.Delta = a.HasAmount && a.Amount < 0
	if !a.HasAmount {
		a.Amount = 0
	}
	text := fmt.Sprint(a.Class, a.HasAmount, a.Amount, a.Currency)
	if a.Fallback {
		a.Key = keyOf(fmt.Sprint(r.nonce, i, text))
	} else {
		a.Key = keyOf(fmt.Sprint(r.nonce, i))
	}
	copy(a.Print[:], keyPrint(text))
	return a
}

func keyPrint(text string) []byte {
	k := keyOf(text)
	return k[:8]
}

// trip does one call with random marks and arrivals and compares every answer.
func (r *trial) trip(t *rapid.T, s Store, look func(k Key) []byte) {
	var marks []Mark
	for range rapid.IntRange(0, min(len(r.pending), 4)).Draw(t, "marks") {
		m := r.pending[rapid.IntRange(0, len(r.pending)-1).Draw(t, "which")]
		m.Standing = rapid.SampledFrom([]Standing{StandingJournaled, StandingDone}).Draw(t, "standing")
		m.Owner = rapid.SampledFrom([]uint32{r.owner, 7}).Draw(t, "owner")
		marks = append(marks, m)
	}
	arrivals := make([]Arrival, rapid.IntRange(1, 4).Draw(t, "arrivals"))
	for i := range arrivals {
		arrivals[i] = r.arrival(t)
	}
	out := make([]Claim, len(arrivals))
	if err := s.Claim(context.Background(), marks, arrivals, out); err != nil {
		t.Fatal(err)
	}
	for i := range marks {
		Apply(r.world.at(marks[i].Key), &marks[i])
	}
	for i := range arrivals {
		a, c := &arrivals[i], &out[i]
		want := r.world.at(a.Key)
		if c.Unknown || !bytes.Equal(encoded(&c.State, false), encoded(want, false)) {
			t.Fatalf("arrival %d: got %x\nwant %x", i, encoded(&c.State, false), encoded(want, false))
		}
		d := Decide(c, a)
		r.world.claim(a, r.owner, c.Now)
		if !d.Hot && !d.Duplicate {
			r.pending = append(r.pending, NewMark(a, &d, StandingDone, r.owner))
		}
		r.pending = r.pending[max(0, len(r.pending)-8):]
	}
	for i := range arrivals {
		if got, want := look(arrivals[i].Key), r.world.at(arrivals[i].Key); got != nil && !bytes.Equal(got, encoded(want, true)) {
			t.Fatalf("value of arrival %d: got %x\nwant %x", i, got, encoded(want, true))
		}
	}
}

// TestBothStoresEqualAPlainMap makes at least 10,000 random moves on each store;
// POSTBACK_TEST_MOVES multiplies them.
func TestBothStoresEqualAPlainMap(t *testing.T) {
	trips := 80 * envInt(t, "POSTBACK_TEST_MOVES", 1)
	var nonce uint64
	check := func(t *testing.T, s Store, look func(k Key) []byte) {
		rapid.Check(t, func(rt *rapid.T) {
			nonce++
			r := newTrial(nonce, 1)
			for range trips {
				r.trip(rt, s, look)
			}
		})
	}
	t.Run("Local", func(t *testing.T) {
		l := localSubject(t).open(t)
		defer closeStore(t, l)
		check(t, l, func(Key) []byte { return nil })
	})
	t.Run("Redis", func(t *testing.T) {
		srv := startServer(t)
		s := srv.dial(t, RedisConfig{Owner: 1, Lease: 10 * time.Minute, Prefix: "p:"})
		check(t, s, func(k Key) []byte {
			b, err := srv.ctl.Get(context.Background(), "p:"+string(k[:])).Bytes()
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
	})
}

// idOf is what an event id depends on besides the identity.
func idOf(d *Decision, p Print) string {
	return fmt.Sprintf("%x %d %d", p, d.Occurrence, d.Day)
}

// TestTheMachineKeepsItsInvariants feeds random arrivals and marks every published one done.
func TestTheMachineKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newTrial(1, 1)
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

func FuzzStateDecodeNeverTrustsItsInput(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3})
	seed := State{Seq: 20, Click: 1, Date: 5, n: 1}
	f.Add(encoded(&seed, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again State
		rest, err := s.Decode(b)
		if err != nil {
			if s.n != 0 || s.Seq != 0 {
				t.Fatal("an error leaves something behind")
			}
			return
		}
		out := encoded(&s, true)
		if left, err := again.Decode(out); err != nil || len(left) != 0 || !bytes.Equal(encoded(&again, true), out) {
			t.Fatalf("%x decodes to what does not encode: %x, %v", b, out, err)
		}
		if len(rest) > len(b) {
			t.Fatal("more left than there was")
		}
		_, _ = s.Counted()
	})
}

func FuzzDecodeMarkNeverTrustsItsInput(f *testing.F) {
	m := Mark{Key: Key{1}, Entry: Entry{Print: Print{2}, Timed: true, Day: 3, At: 4, Standing: StandingJournaled, Owner: 5}, Window: time.Hour}
	b, _ := m.AppendBinary(nil)
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMark(b)
		if err != nil {
			return
		}
		out, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeMark(out)
		if err != nil || back != m {
			t.Fatalf("%+v\nbecame %+v (%v)", m, back, err)
		}
	})
}

func TestAnIDDoneOnceTakes28Bytes(t *testing.T) {
	a := arrivalOf(t, "approved 4.99 USD c1", &Policy{})
	d := Decide(&Claim{}, &a)
	m := NewMark(&a, &d, StandingDone, 1)
	var s State
	Apply(&s, &m)
	if n := len(encoded(&s, true)); n != 28 {
		t.Errorf("%d bytes; Redis' 48-byte allocation class takes 28", n)
	}
	a = arrivalOf(t, "rejected 4.99 USD c1", &Policy{})
	d = Decide(&Claim{State: s}, &a)
	m = NewMark(&a, &d, StandingDone, 1)
	Apply(&s, &m)
	if n := len(encoded(&s, true)); n != 28+entrySize {
		t.Errorf("a further state makes it %d bytes", n)
	}
}
