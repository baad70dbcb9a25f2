package dedupe

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// decideOn claims and decides; it fails the test when the store does not answer.
func decideOn(t *testing.T, s Store, a Arrival, marks ...Mark) (*Claim, Decision) {
	t.Helper()
	c := claimOne(t, s, marks, a)
	if c.Unknown {
		t.Fatal("the store did not answer")
	}
	return c, Decide(c, &a)
}

func TestAClaimInFlightElsewhereSuppressesNothing(t *testing.T) {
	srv := startServer(t)
	one, two := srv.dial(t, RedisConfig{Owner: 1}), srv.dial(t, RedisConfig{Owner: 2})
	five, six := arrivalOf(t, "approved 5", nil), arrivalOf(t, "approved 6", nil)

	if c, d := decideOn(t, one, five); c.OpenSame || c.OpenOther || render(d) != "new seq1 delta 5" {
		t.Errorf("first claim: %v %v %s", c.OpenSame, c.OpenOther, render(d))
	}
	if c, d := decideOn(t, one, five); c.OpenSame || c.OpenOther || d.Duplicate {
		t.Error("the owner's own claim must not count against it")
	}
	if c, d := decideOn(t, two, five); !c.OpenSame || c.OpenOther || render(d) != "new seq1 delta 5" {
		t.Errorf("same print elsewhere: %v %v %s", c.OpenSame, c.OpenOther, render(d))
	}
	c, d := decideOn(t, two, six)
	if c.OpenSame || !c.OpenOther || render(d) != "new seq? delta ?" || d.HasPrevious {
		t.Errorf("other print elsewhere: %v %v %s", c.OpenSame, c.OpenOther, render(d))
	}
	m := NewMark(&five, &Decision{Seq: 1}, StandingDone, 1)
	if _, d := decideOn(t, two, five, m); !d.Duplicate {
		t.Errorf("done by the other: %s", render(d))
	}
	if c, _ := decideOn(t, one, five); !c.OpenOther {
		t.Error("the claim of owner 2 for the other print is still open")
	}
	late := NewMark(&six, &Decision{Kind: KindUpdate, Seq: 2}, StandingDone, 2)
	if c, d := decideOn(t, one, six, late); c.OpenSame || c.OpenOther || !d.Duplicate {
		t.Errorf("all done: %v %v %s", c.OpenSame, c.OpenOther, render(d))
	}
}

func TestAClaimLapsesOnTheServersClockAndIsForgottenWithItsKey(t *testing.T) {
	srv := startServer(t)
	one := srv.dial(t, RedisConfig{Owner: 1, Lease: 30 * time.Millisecond})
	two := srv.dial(t, RedisConfig{Owner: 2})
	a := arrivalOf(t, "approved 5 +24h", nil) // whatever this instance's clock says
	decideOn(t, one, a)
	eventually(t, "the lease ends", func() bool {
		n, err := srv.ctl.Exists(t.Context(), string(a.Key[:])).Result()
		return err == nil && n == 0
	})
	if c, d := decideOn(t, two, a); c.OpenSame || render(d) != "new seq1 delta 5" {
		t.Errorf("after the lease: %v %s", c.OpenSame, render(d))
	}
	// The first owner was only slow. Its mark counts, and the second's says nothing new.
	m := NewMark(&a, &Decision{}, StandingDone, 1)
	if _, d := decideOn(t, one, a, m); !d.Duplicate {
		t.Error("a mark after the lease must count")
	}
	m.Owner = 2
	if c, _ := decideOn(t, one, a, m); c.State.Len() != 1 || c.State.Seq != 1 {
		t.Errorf("%d states, seq %d after both marks", c.State.Len(), c.State.Seq)
	}
}

func TestAStateIsForgottenAfterItsWindowWhichOnlyAChangeRenews(t *testing.T) {
	eachStore(t, func(t *testing.T, s *subject) {
		store := s.open(t)
		defer closeStore(t, store)
		p := &Policy{Window: 20 * time.Minute}
		five, six := arrivalOf(t, "5", p), arrivalOf(t, "6", p)
		now := testStart
		claimAt := func(a Arrival, marks ...Mark) Decision {
			a.Now = now
			_, d := decideOn(t, store, a, marks...)
			return d
		}
		pass := func(d time.Duration) { s.pass(t, d); now += d.Milliseconds() }
		mark := func(a Arrival, d Decision) Mark { a.Now = now; return NewMark(&a, &d, StandingDone, 1) }

		d := claimAt(five)
		pass(12 * time.Minute)
		if d = claimAt(five, mark(five, d)); !d.Duplicate {
			t.Fatalf("within the window: %s", render(d))
		}
		d = claimAt(six)
		pass(12 * time.Minute)
		if d = claimAt(five, mark(six, d)); !d.Duplicate {
			t.Fatalf("a change did not renew the window: %s", render(d))
		}
		pass(12 * time.Minute)
		if d = claimAt(six); !d.Duplicate {
			t.Fatalf("within the renewed window: %s", render(d))
		}
		pass(20 * time.Minute)
		if d = claimAt(six); render(d) != "new seq1 delta 6" {
			t.Fatalf("the repeat renewed the window: %s", render(d))
		}
	})
}

// hungry is a proxy that eats the reply to the n-th write of its clients, and cuts the connection.
type hungry struct {
	listener net.Listener
	server   string
	meals    atomic.Int64 // replies still to eat
	eaten    atomic.Int64
}

func startHungry(t *testing.T, server string) *hungry {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hungry{listener: l, server: server}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(c)
		}
	}()
	return h
}

func (h *hungry) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", h.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := client.Read(b)
			if err != nil {
				_ = server.Close()
				return
			}
			if _, err := server.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		if h.meals.Add(-1) >= 0 {
			h.eaten.Add(1)
			return
		}
		if _, err := client.Write(b[:n]); err != nil {
			return
		}
	}
}

func TestALostReplyNeverMakesANewConversionADuplicate(t *testing.T) {
	srv := startServer(t)
	h := startHungry(t, srv.addr)
	r := srv.dial(t, RedisConfig{URL: "redis://" + h.listener.Addr().String(), Owner: 1})
	out := make([]Claim, 1)
	for i := range 200 {
		a := arrivalOf(t, "5", nil)
		a.Key[0], a.Key[1] = byte(i), byte(i>>8)
		decideOn(t, r, arrivalOf(t, "1 id=warm", nil)) // the connection stands, and the breaker is calm
		h.meals.Store(1)
		err := r.Claim(t.Context(), nil, []Arrival{a}, out)
		h.meals.Store(0)
		if !errors.Is(err, ErrUnavailable) || !out[0].Unknown {
			t.Fatalf("a lost reply is unknown, got %v", err)
		}
		if d := Decide(&out[0], &a); d.Duplicate || d.Seq != 0 {
			t.Fatalf("unknown is published: %s", render(d))
		}
		if c, d := decideOn(t, r, a); c.OpenSame || c.OpenOther || render(d) != "new seq1 delta 5" {
			t.Fatalf("asked again: %v %v %s", c.OpenSame, c.OpenOther, render(d))
		}
	}
	if h.eaten.Load() != 200 {
		t.Errorf("%d replies were eaten, not 200", h.eaten.Load())
	}
}

func TestAMarkWhoseReplyIsLostIsSentAgain(t *testing.T) {
	srv := startServer(t)
	h := startHungry(t, srv.addr)
	r := srv.dial(t, RedisConfig{URL: "redis://" + h.listener.Addr().String(), Owner: 1})
	a := arrivalOf(t, "5", nil)
	_, d := decideOn(t, r, a)
	h.meals.Store(1)
	m := NewMark(&a, &d, StandingDone, 1)
	if err := r.Claim(t.Context(), []Mark{m}, nil, nil); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if n := r.Stats().MarksWaiting; n != 1 {
		t.Fatalf("%d marks wait", n)
	}
	if c, d := decideOn(t, r, a); !d.Duplicate || c.State.Len() != 1 {
		t.Errorf("%s, %d states", render(d), c.State.Len())
	}
	if st := r.Stats(); st.MarksWaiting != 0 || st.MarksDropped != 0 {
		t.Errorf("%+v", st)
	}
}

func TestADeadRedisCostsNoLatencyAndComesBack(t *testing.T) {
	srv := startServer(t)
	h := startHungry(t, srv.addr)
	addr := h.listener.Addr().String()
	r := srv.dial(t, RedisConfig{URL: "redis://" + addr, Owner: 1, Budget: 250 * time.Millisecond})
	a := arrivalOf(t, "5", nil)
	eventually(t, "first claim", func() bool {
		return r.Claim(t.Context(), nil, []Arrival{a}, make([]Claim, 1)) == nil
	})
	h.meals.Store(1 << 40) // from here on nothing comes back
	out := make([]Claim, 1)
	for range breakerLimit {
		if err := r.Claim(t.Context(), nil, []Arrival{a}, out); err == nil {
			t.Fatal("a claim without a reply succeeds")
		}
	}
	if !r.Stats().Away {
		t.Fatal("the breaker is not open")
	}
	m := NewMark(&a, &Decision{}, StandingDone, 1)
	start := time.Now()
	for range 100 {
		if err := r.Claim(t.Context(), []Mark{m}, []Arrival{a}, out); !errors.Is(err, ErrUnavailable) || !out[0].Unknown {
			t.Fatalf("got %v", err)
		}
	}
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("100 claims on a dead Redis took %v", took)
	}
	h.meals.Store(0)
	eventually(t, "suppression is back", func() bool {
		return r.Claim(t.Context(), nil, []Arrival{a}, out) == nil && Decide(&out[0], &a).Duplicate
	})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("suppression came back after %v", took)
	}
}

func TestASlowRedisCostsItsBudgetAndNoMore(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{Owner: 1, Budget: 50 * time.Millisecond})
	a := arrivalOf(t, "5", nil)
	eventually(t, "first claim", func() bool {
		return r.Claim(t.Context(), nil, []Arrival{a}, make([]Claim, 1)) == nil
	})
	srv.do(t, "CLIENT", "PAUSE", "700", "ALL")
	start := time.Now()
	err := r.Claim(t.Context(), nil, []Arrival{a}, make([]Claim, 1))
	if took := time.Since(start); !errors.Is(err, ErrUnavailable) || took > 400*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Claim(ctx, nil, []Arrival{a}, make([]Claim, 1)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a cancelled call: %v", err)
	}
}

func TestErrorsOfTheServerAreUnknown(t *testing.T) {
	for name, spoil := range map[string][]any{
		"READONLY": {"REPLICAOF", "127.0.0.1", "1"},
		"OOM":      {"CONFIG", "SET", "maxmemory", "1"},
		"NOPERM":   {"ACL", "SETUSER", "default", "-evalsha"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startServer(t)
			r := srv.dial(t, RedisConfig{Owner: 1})
			a := arrivalOf(t, "5", nil)
			_, d := decideOn(t, r, a)
			srv.do(t, spoil...)
			out := make([]Claim, 1)
			m := NewMark(&a, &d, StandingDone, 1)
			err := r.Claim(t.Context(), []Mark{m}, []Arrival{a}, out)
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), name) || !out[0].Unknown {
				t.Errorf("got %v", err)
			}
			if n := r.Stats().MarksWaiting; n != 1 {
				t.Errorf("%d marks wait", n)
			}
		})
	}
}

func TestAForgottenScriptIsLoadedAgain(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{Owner: 1})
	arrivals := make([]Arrival, 3*scriptKeys)
	for i := range arrivals {
		arrivals[i] = arrivalOf(t, "5", nil)
		arrivals[i].Key[0], arrivals[i].Key[1] = byte(i), byte(i>>8)
	}
	out := make([]Claim, len(arrivals))
	for range 2 {
		srv.do(t, "SCRIPT", "FLUSH")
		if err := r.Claim(t.Context(), nil, arrivals, out); err != nil {
			t.Fatal(err)
		}
		for i := range out {
			if out[i].Unknown {
				t.Fatalf("arrival %d has no answer", i)
			}
		}
	}
	if n := r.Stats().ScriptLoads; n != 2 {
		t.Errorf("loaded %d times", n)
	}
}

func TestALookChangesNothing(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{Owner: 1})
	out := make([]Claim, 1)
	if err := r.Look(t.Context(), []Arrival{arrivalOf(t, "5", nil)}, out); err != nil || out[0].Unknown {
		t.Fatal(err)
	}
	if n, err := srv.ctl.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("%d keys after a look, %v", n, err)
	}
}

func TestAValueOfANewerVersionIsUnknownAndLeftAlone(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{Owner: 1})
	a := arrivalOf(t, "5", nil)
	srv.do(t, "SET", string(a.Key[:]), "\x80\x01new")
	out := make([]Claim, 1)
	m := NewMark(&a, &Decision{}, StandingDone, 1)
	err := r.Claim(t.Context(), []Mark{m}, []Arrival{a}, out)
	if err != nil || !out[0].Unknown {
		t.Errorf("got %v, unknown %v", err, out[0].Unknown)
	}
	if v := srv.ctl.Get(t.Context(), string(a.Key[:])).Val(); v != "\x80\x01new" {
		t.Errorf("the value became %q", v)
	}
}

func TestAClosedStoreRefuses(t *testing.T) {
	eachStore(t, func(t *testing.T, s *subject) {
		store := s.open(t)
		closeStore(t, store)
		closeStore(t, store)
		out := make([]Claim, 1)
		a := []Arrival{arrivalOf(t, "5", nil)}
		if err := store.Claim(t.Context(), nil, a, out); !errors.Is(err, ErrClosed) || !out[0].Unknown {
			t.Errorf("claim: %v", err)
		}
		if err := store.Look(t.Context(), a, out); !errors.Is(err, ErrClosed) {
			t.Errorf("look: %v", err)
		}
	})
}

func TestAnIDTakesAtMost195BytesOfRedis(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{Owner: 1})
	used := func() int64 {
		rep, err := r.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rep.UsedMemory
	}
	const ids = 60_000 // a little below a power of two, where Redis' tables are fullest
	a := arrivalOf(t, "approved 4.99", nil)
	empty := used()
	for i := 0; i < ids; i += 1000 {
		arrivals, marks := make([]Arrival, 1000), make([]Mark, 1000)
		for j := range arrivals {
			arrivals[j], arrivals[j].Key = a, numbered(i+j)
			marks[j] = NewMark(&arrivals[j], &Decision{}, StandingDone, 1)
		}
		if err := r.Claim(t.Context(), nil, arrivals, make([]Claim, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := r.Claim(t.Context(), marks, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if each := (used() - empty) / ids; each > 195 {
		t.Errorf("%d bytes an id", each)
	} else {
		t.Logf("%d bytes an id", each)
	}
	info := srv.ctl.Info(t.Context(), "commandstats").Val()
	for line := range strings.Lines(info) {
		if strings.Contains(line, "evalsha") {
			t.Log(strings.TrimSpace(line), "for", scriptKeys, "keys a call")
		}
	}
}
