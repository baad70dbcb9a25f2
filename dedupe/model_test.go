package dedupe

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is the plain map that both stores are compared with: the pure functions of the machine on a map, and
// what the stores add to them in words of its own: when a claim lapses, when an identity is forgotten, whose
// open claims an owner is told of.
type world struct {
	ids     map[Key]*known
	lease   int64 // ms; 0: the store has no open claims
	windows bool  // the store's clock is the trial's, so windows end
	tally   tally
}

type known struct {
	State
	until int64 // the end of its window
}

// at is what is left of an identity at that moment of the store's clock.
func (w *world) at(k Key, now int64) *known {
	s := w.ids[k]
	if s != nil && w.windows && s.n > 0 && s.until <= now {
		w.tally["window over"]++
		s = nil
	}
	if s == nil {
		s = new(known)
		w.ids[k] = s
	}
	w.tally["claim lapsed"] += lapse(&s.State, now)
	return s
}

// lapse drops the open claims whose lease is over, and counts them.
func lapse(s *State, now int64) (dropped int) {
	kept := s.open[:0]
	for _, o := range s.open[:s.opens] {
		if o.until > now {
			kept = append(kept, o)
		}
	}
	dropped = int(s.opens) - len(kept)
	s.opens = uint8(len(kept))
	return dropped
}

func (w *world) mark(m *Mark, now int64) {
	s := w.at(m.Key, now)
	if Apply(&s.State, m) {
		s.until = max(s.until, m.Seen+m.Window.Milliseconds())
	}
}

// opens tells whether others have claimed this state, or another one that is not a copy of a done state.
func (w *world) opens(a *Arrival, owner uint32, now int64) (same, other bool) {
	s := w.at(a.Key, now)
	for _, o := range s.open[:s.opens] {
		foreign, copied := o.owner != owner, !a.mayReenter() && s.done(o.print)
		same = same || foreign && o.print == a.Print
		other = other || foreign && o.print != a.Print && !copied
	}
	return same, other
}

// claim notes the click and opens a claim, unless a done state settles the arrival.
func (w *world) claim(a *Arrival, owner uint32, now int64) {
	s := w.at(a.Key, now)
	noteClick(&s.State, a.Click, seconds(now), a.hotLimit())
	if w.lease == 0 || (!a.mayReenter() && s.done(a.Print)) {
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

// encoded is the binary form of s, with or without its open claims.
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

// ground is what trials run on: one store as its owners 1, 2, ... see it.
type ground struct {
	owners []Store
	lease  time.Duration                         // 0: no open claims
	clock  *int64                                // the store's, where the trial sets it
	values func(t *rapid.T, keys []Key) []string // what is stored, "" for nothing; nil: not to be read
}

// tally counts what happened, so that no comparison is an empty one.
type tally map[string]int

func (n tally) note(what string, happened bool) {
	if happened {
		n[what]++
	}
}

// trial is one random run: trips of marks and arrivals over a few keys.
type trial struct {
	ground
	policies []*Policy
	world    world
	recent   []Arrival
	pending  []Mark // decided, not yet marked; each may be marked several times, late, and by anybody
	now      int64  // of the arrivals
	nonce    int
	tally    tally
}

func newTrial(nonce int, g ground, n tally) *trial {
	r := &trial{ground: g, nonce: nonce, tally: n, now: testStart}
	r.policies = []*Policy{
		{}, {OnReentry: ReentryUpdate, HotClicks: 3, Window: time.Hour}, {OnChange: ChangeIgnore, Window: 48 * time.Hour},
		{OnChange: ChangeIncrement, HotClicks: 2, Window: time.Minute},
		{OnChange: ChangeCreateNew, FallbackWindow: time.Second}, {FallbackWindow: time.Second, CountPending: true},
	}
	r.world = world{ids: map[Key]*known{}, lease: g.lease.Milliseconds(), windows: g.clock != nil, tally: n}
	return r
}

// pass lets time go by, for the arrivals and, where it can be set, for the store.
func (r *trial) pass(t *rapid.T) {
	const day = 24 * time.Hour
	r.now += rapid.SampledFrom([]time.Duration{
		0, 0, 0, 0, 0, 0, 0, time.Second, time.Second, time.Minute, time.Hour, 25 * time.Hour, 20 * day,
	}).Draw(t, "pass").Milliseconds()
	if r.clock != nil {
		*r.clock = r.now
	}
}

// arrivals draws new states and, as often, recent ones once more.
func (r *trial) arrivals(t *rapid.T) []Arrival {
	list := make([]Arrival, rapid.IntRange(1, 4).Draw(t, "arrivals"))
	for i := range list {
		list[i] = r.arrival(t)
		if len(r.recent) > 0 && rapid.Bool().Draw(t, "repeat") {
			now := list[i].Now
			list[i] = rapid.SampledFrom(r.recent).Draw(t, "of")
			list[i].Now = now
		}
	}
	r.recent = append(r.recent, list...)
	r.recent = r.recent[max(0, len(r.recent)-8):]
	return list
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
		Now:       r.now - rapid.SampledFrom([]int64{0, 0, 1000, 5000, 3_700_000}).Draw(t, "late"),
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

// marks draws from what is pending, in any order, again and again, as its owner or as another.
func (r *trial) marks(t *rapid.T) []Mark {
	var marks []Mark
	for range rapid.IntRange(0, min(len(r.pending), 4)).Draw(t, "marks") {
		m := r.pending[rapid.IntRange(0, len(r.pending)-1).Draw(t, "which")]
		m.Standing = rapid.SampledFrom([]Standing{StandingJournaled, StandingDone}).Draw(t, "standing")
		by := rapid.SampledFrom([]uint32{m.Owner, 1, 2, 7}).Draw(t, "by")
		r.tally.note("mark by another", by != m.Owner)
		m.Owner = by
		marks = append(marks, m)
	}
	return marks
}

// trip makes one call with random marks and arrivals; of some calls the reply is lost.
func (r *trial) trip(t *rapid.T) {
	r.pass(t)
	owner := uint32(rapid.IntRange(1, len(r.owners)).Draw(t, "owner"))
	marks := r.marks(t)
	arrivals := r.arrivals(t)
	var got []Decision
	if rapid.IntRange(0, 4).Draw(t, "reply lost") == 4 {
		got = r.again(t, owner, marks, arrivals)
	} else {
		_, got = r.call(t, owner, marks, arrivals)
	}
	for i, d := range got {
		if !d.Hot && !d.Duplicate {
			r.pending = append(r.pending, NewMark(&arrivals[i], &d, StandingDone, owner))
		}
	}
	r.pending = r.pending[max(0, len(r.pending)-12):]
}

// again makes a call whose reply nobody sees and then the same one: what was new has not become a repeat of itself,
// and gets the same event id.
func (r *trial) again(t *rapid.T, owner uint32, marks []Mark, arrivals []Arrival) []Decision {
	r.tally["reply lost"]++
	before, first := r.call(t, owner, marks, arrivals)
	after, second := r.call(t, owner, marks, arrivals)
	for i := range second {
		a, b := &first[i], &second[i]
		// Marks sent again may bring back a state that had left the list, or whose window was over before it had company.
		if a.Hot || b.Hot || !slices.Equal(before[i].State.list(), after[i].State.list()) {
			continue
		}
		if a.Duplicate != b.Duplicate || a.Kind != b.Kind || a.Occurrence != b.Occurrence || a.Day != b.Day {
			t.Fatalf("arrival %d: %s, and asked again %s", i, render(*a), render(*b))
		}
	}
	return second
}

// call makes a call, compares every answer with the world, and has the same happen there.
func (r *trial) call(t *rapid.T, owner uint32, marks []Mark, arrivals []Arrival) ([]Claim, []Decision) {
	out := make([]Claim, len(arrivals))
	if err := r.owners[owner-1].Claim(context.Background(), marks, arrivals, out); err != nil {
		t.Fatal(err)
	}
	r.tally["moves"] += len(marks) + len(arrivals)
	now := out[0].Now
	for i := range marks {
		r.world.mark(&marks[i], now)
	}
	decisions := make([]Decision, len(arrivals))
	for i := range arrivals {
		a, c := &arrivals[i], &out[i]
		want := r.world.at(a.Key, now)
		if c.Unknown || c.Owner != owner || !bytes.Equal(encoded(&c.State, false), encoded(&want.State, false)) {
			t.Fatalf("arrival %d: got %x\nwant %x", i, encoded(&c.State, false), encoded(&want.State, false))
		}
		if same, other := r.world.opens(a, owner, now); c.OpenSame != same || c.OpenOther != other {
			t.Fatalf("arrival %d: open same %v other %v, want %v %v", i, c.OpenSame, c.OpenOther, same, other)
		}
		decisions[i] = Decide(c, a)
		r.tally.note("duplicate", decisions[i].Duplicate)
		r.tally.note("hot", decisions[i].Hot)
		r.tally.note("open same", c.OpenSame)
		r.tally.note("open other", c.OpenOther)
		r.world.claim(a, owner, now)
	}
	if r.values != nil {
		r.compareValues(t, arrivals, now)
	}
	return out, decisions
}

// compareValues looks at what is stored. Lapsed claims may lie there, and a key that had nothing else may be gone.
func (r *trial) compareValues(t *rapid.T, arrivals []Arrival, now int64) {
	keys := make([]Key, len(arrivals))
	for i := range arrivals {
		keys[i] = arrivals[i].Key
	}
	for i, value := range r.values(t, keys) {
		var got State
		want := r.world.at(keys[i], now).State
		if value == "" {
			now = time.Now().UnixMilli()
		} else if rest, err := got.Decode([]byte(value)); err != nil || len(rest) > 0 {
			t.Fatalf("value of arrival %d: %x, %v", i, value, err)
		}
		lapse(&got, now)
		lapse(&want, now)
		if !bytes.Equal(encoded(&got, true), encoded(&want, true)) {
			t.Fatalf("value of arrival %d: got %x\nwant %x", i, encoded(&got, true), encoded(&want, true))
		}
	}
}

// compare makes random moves until there were enough and each of the events has happened.
func compare(t *testing.T, grounds []ground, events ...string) {
	const checks = 100 // that rapid makes
	wanted := envInt(t, "POSTBACK_TEST_MOVES", 10_000)
	n, trials := tally{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		for begin := n["moves"]; n["moves"] <= begin+wanted/checks; {
			trials++
			r := newTrial(trials, rapid.SampledFrom(grounds).Draw(rt, "ground"), n)
			for range 80 {
				r.trip(rt)
			}
		}
	})
	t.Logf("%d random moves (arrivals and marks) in %d trials: %v", n["moves"], trials, n)
	if n["moves"] < wanted {
		t.Errorf("%d moves, not %d", n["moves"], wanted)
	}
	for _, event := range events {
		if n[event] == 0 {
			t.Errorf("never happened: %s", event)
		}
	}
}

// TestBothStoresEqualAPlainMap makes random moves on each store and on a plain map: changes of all kinds with the
// network's clock running forth and back, replies lost, marks late, twice, out of order and by instances that hold
// no claim; on Redis two instances, with leases that last or lapse within a few moves; on Local, which has no open
// claims, windows that end. POSTBACK_TEST_MOVES says how many arrivals and marks there are at least.
func TestBothStoresEqualAPlainMap(t *testing.T) {
	t.Run("Local", func(t *testing.T) {
		clock := testStart
		l, err := OpenLocal(LocalConfig{Owner: 1, Now: func() time.Time { return time.UnixMilli(clock) }})
		if err != nil {
			t.Fatal(err)
		}
		defer closeStore(t, l)
		compare(t, []ground{{owners: []Store{l}, clock: &clock}},
			"duplicate", "hot", "reply lost", "mark by another", "window over")
	})
	t.Run("Redis", func(t *testing.T) {
		srv := startServer(t)
		var grounds []ground
		for _, lease := range []time.Duration{10 * time.Minute, 2 * time.Millisecond} {
			one, two := srv.dial(t, RedisConfig{Owner: 1, Lease: lease}), srv.dial(t, RedisConfig{Owner: 2, Lease: lease})
			grounds = append(grounds, ground{owners: []Store{one, two}, lease: lease, values: srv.values})
		}
		compare(t, grounds,
			"duplicate", "hot", "reply lost", "mark by another", "open same", "open other", "claim lapsed")
	})
}

// values reads what Redis holds.
func (s *server) values(t *rapid.T, keys []Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = string(k[:])
	}
	found, err := s.ctl.MGet(context.Background(), names...).Result()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]string, len(keys))
	for i := range found {
		values[i], _ = found[i].(string)
	}
	return values
}
