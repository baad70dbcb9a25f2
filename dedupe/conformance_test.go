package dedupe

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// subject is a store under test.
type subject struct {
	open func(t *testing.T) Store            // owner 1
	pass func(t *testing.T, d time.Duration) // lets time pass for the store
}

// eachStore runs a test over all stores.
func eachStore(t *testing.T, f func(t *testing.T, s *subject)) {
	t.Run("Local", func(t *testing.T) { f(t, localSubject(t)) })
	t.Run("Redis", func(t *testing.T) { f(t, redisSubject(t)) })
}

func localSubject(*testing.T) *subject {
	now := testStart
	return &subject{
		open: func(t *testing.T) Store {
			l, err := OpenLocal(LocalConfig{Owner: 1, Now: func() time.Time { return time.UnixMilli(now) }})
			if err != nil {
				t.Fatal(err)
			}
			return l
		},
		pass: func(_ *testing.T, d time.Duration) { now += d.Milliseconds() },
	}
}

func claimOne(t *testing.T, s Store, marks []Mark, a Arrival) *Claim {
	t.Helper()
	out := make([]Claim, 1)
	if err := s.Claim(context.Background(), marks, []Arrival{a}, out); err != nil {
		t.Fatal(err)
	}
	return &out[0]
}

// step is an arrival and what must come of it. What is published is then marked done, unless the arrival
// begins with a word of its own: "lost" is never marked, "held" journaled by owner 1, "away" by owner 2.
type step struct{ arrival, want string }

func play(t *testing.T, s Store, p *Policy, steps []step) {
	t.Helper()
	var marks []Mark
	for i, st := range steps {
		var fate string
		text := st.arrival
		if n, _ := fmt.Sscanf(text, "%s", &fate); n == 1 && (fate == "lost" || fate == "held" || fate == "away") {
			text = text[len(fate):]
		}
		a := arrivalOf(t, text, p)
		c := claimOne(t, s, marks, a)
		d := Decide(c, &a)
		if got := render(d); got != st.want {
			t.Fatalf("step %d, %s:\n got %s\nwant %s", i+1, st.arrival, got, st.want)
		}
		marks = marks[:0]
		if d.Duplicate || d.Hot || fate == "lost" {
			continue
		}
		switch fate {
		case "held":
			marks = append(marks, NewMark(&a, &d, StandingJournaled, 1))
		case "away":
			marks = append(marks, NewMark(&a, &d, StandingJournaled, 2))
		default:
			marks = append(marks, NewMark(&a, &d, StandingDone, 1))
		}
	}
}

type scenario struct {
	name   string
	policy Policy
	steps  []step
}

func playAll(t *testing.T, scenarios []scenario) {
	eachStore(t, func(t *testing.T, s *subject) {
		store := s.open(t)
		defer closeStore(t, store)
		for _, sc := range scenarios {
			t.Run(sc.name, func(t *testing.T) { play(t, store, &sc.policy, sc.steps) })
		}
	})
}

func closeStore(t *testing.T, s Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheEdgeCasesOfTheDomainHold(t *testing.T) {
	latest := Policy{OnReentry: ReentryUpdate}
	window := Policy{FallbackWindow: 20 * time.Minute}
	playAll(t, []scenario{
		{"D1 a repeat", Policy{}, []step{{"4.99", "new seq1 delta 4.99"}, {"4.99", "duplicate"}}},
		{"D3 pending, then approved", Policy{}, []step{
			{"pending 0", "new seq1 delta 0"}, {"approved 4.99", "promotion seq2 delta 4.99"}, {"approved 4.99", "duplicate"},
		}},
		{"D4 rejected", Policy{}, []step{{"4.99", "new seq1 delta 4.99"}, {"rejected 4.99", "reversal seq2 delta -4.99"}}},
		{"D5 payout correction", Policy{}, []step{{"4.99", "new seq1 delta 4.99"}, {"9.99", "update seq2 delta 5"}}},
		{"D6 negative row", Policy{}, []step{{"4.99", "new seq1 delta 4.99"}, {"reversed -4.99", "reversal seq2 delta -4.99 adds"}}},
		{"D7 reversal first", Policy{}, []step{{"reversed 4.99", "reversal seq1 delta ?"}}},
		{"D8 late retry of an old state", Policy{}, []step{
			{"approved 4.99", "new seq1 delta 4.99"}, {"reversed 4.99", "reversal seq2 delta -4.99"}, {"approved 4.99", "duplicate stale"},
		}},
		{"D8b re-approval", latest, []step{
			{"approved 4.99", "new seq1 delta 4.99"}, {"reversed 4.99", "reversal seq2 delta -4.99"},
			{"approved 4.99", "update seq3 delta 4.99 #1"}, {"approved 4.99", "duplicate"},
			{"reversed 4.99", "reversal seq4 delta -4.99 #1"}, {"approved 4.99", "update seq5 delta 4.99 #2"},
		}},
		{"D9 two clicks", Policy{}, []step{{"5 c1", "new seq1 delta 5"}, {"5 c2", "duplicate shared"}, {"5 c1", "duplicate"}}},
		{"D10 own id of an upsell", Policy{}, []step{{"5 id=T1", "new seq1 delta 5"}, {"5 id=T2", "new seq1 delta 5"}}},
		{"D12 nothing, then an amount", Policy{}, []step{{"0", "new seq1 delta 0"}, {"5", "update seq2 delta 5"}}},
		{"D13 no id", window, []step{
			{"fallback 5", "new seq1 delta 5"}, {"fallback 5 +900s", "duplicate"}, {"fallback 5 +720h", "new seq1 delta 5"},
		}},
		{"D14 no id, two amounts", window, []step{{"fallback 5", "new seq1 delta 5"}, {"fallback 6", "new seq1 delta 6"}}},
		{"D19 back to pending", Policy{PendingAfterApproval: true}, []step{
			{"approved 4.99", "new seq1 delta 4.99"}, {"pending 4.99", "update seq2 delta -4.99"},
		}},
		{"D20 reversal first, negative", Policy{}, []step{{"reversed -5", "reversal seq1 delta -5 adds"}}},
		{"D21 ignore", Policy{OnChange: ChangeIgnore}, []step{
			{"4.99", "new seq1 delta 4.99"}, {"6.99", "duplicate ignored"}, {"reversed 4.99", "duplicate ignored"}, {"4.99", "duplicate"},
		}},
		{"E45 a retry days later", Policy{}, []step{{"5", "new seq1 delta 5"}, {"5 +264h", "duplicate"}}},
		{"E46 payment after its refund", Policy{}, []step{
			{"reversed 5", "reversal seq1 delta ?"}, {"approved 5", "update seq2 delta 5 late"}, {"reversed 5", "duplicate stale"},
		}},
		{"E46 payment after a negative refund", Policy{}, []step{
			{"reversed -5", "reversal seq1 delta -5 adds"}, {"approved 5", "update seq2 delta 5 late"},
		}},
		{"E48 partial refund", Policy{}, []step{
			{"approved 10", "new seq1 delta 10"}, {"reversed -3", "adjustment seq2 delta -3 adds"},
			{"rejected 10", "reversal seq3 delta -7"},
		}},
		{"E50 restated after an unseen sale", Policy{Restatement: true}, []step{
			{"reversed -10", "reversal seq1 delta -10 adds"}, {"12", "update seq2 delta 22 late"}, {"reversed 12", "reversal seq3 delta -12"},
		}},
		{"E49 two equal partial refunds", Policy{}, []step{
			{"10", "new seq1 delta 10"}, {"reversed -3", "adjustment seq2 delta -3 adds"}, {"reversed -3", "duplicate"},
			{"reversed -3 dated=5", "adjustment seq3 delta -3 adds"},
		}},
		{"E50 restatement", Policy{}, []step{
			{"10", "new seq1 delta 10"}, {"reversed -10", "reversal seq2 delta -10 adds"}, {"12", "update seq3 delta 12"},
		}},
	})
}

func TestTheRowsOfTheTransitionTableHold(t *testing.T) {
	playAll(t, []scenario{
		{"1 orphans", Policy{}, []step{{"rejected 1 id=a", "reversal seq1 delta ?"}, {"reversed -1 id=b", "reversal seq1 delta -1 adds"}}},
		{"3b newer date", Policy{}, []step{
			{"approved 1 date=5", "new seq1 delta 1"}, {"reversed 1 date=6", "reversal seq2 delta -1"},
			{"approved 1 date=5", "duplicate stale"}, {"approved 1 date=7", "update seq3 delta 1 #1"},
		}},
		{"4 pending to approved", Policy{}, []step{{"pending 3", "new seq1 delta 0"}, {"approved 3", "promotion seq2 delta 3"}}},
		{"4 with pending counted", Policy{CountPending: true}, []step{
			{"pending 3", "new seq1 delta 3"}, {"approved 4", "promotion seq2 delta 1"}, {"rejected 4", "reversal seq3 delta -4"},
		}},
		{"6 other currency", Policy{}, []step{
			{"1 USD", "new seq1 delta 1"}, {"2 EUR", "update seq2 delta ? currency"}, {"5 EUR", "update seq3 delta 3"},
		}},
		{"7 reversals", Policy{}, []step{
			{"5", "new seq1 delta 5"}, {"reversed 5", "reversal seq2 delta -5"}, {"rejected 5", "reversal seq3 delta 0"},
		}},
		{"8 more than was counted", Policy{}, []step{{"5", "new seq1 delta 5"}, {"reversed -6", "reversal seq2 delta -6 adds"}}},
		{"8 a sale that never counted", Policy{}, []step{{"pending 5", "new seq1 delta 0"}, {"reversed -5", "reversal seq2 delta 0 adds"}}},
		{"9 approved to pending", Policy{}, []step{{"approved 5", "new seq1 delta 5"}, {"pending 5", "update seq2 delta -5 late"}}},
		{"10 restored", Policy{}, []step{
			{"approved 5", "new seq1 delta 5"}, {"reversed 5", "reversal seq2 delta -5"},
			{"approved 6", "update seq3 delta 6"}, {"pending 6", "update seq4 delta -6 late"},
		}},
		{"11 unknown", Policy{}, []step{
			{"unknown 5", "new seq1 delta 0"}, {"approved 5", "update seq2 delta 5"}, {"unknown 6", "update seq3 delta -5"},
		}},
		{"13 ignore", Policy{OnChange: ChangeIgnore}, []step{{"pending 5", "new seq1 delta 0"}, {"approved 5", "duplicate ignored"}}},
		{"14 increment", Policy{OnChange: ChangeIncrement}, []step{
			{"5", "new seq1 delta 5"}, {"7", "update seq2 delta 7 adds"}, {"7", "duplicate"}, {"5", "duplicate stale"},
			{"reversed -2", "adjustment seq3 delta -2 adds"}, {"reversed 5", "reversal seq4 delta -10"}, {"8", "update seq5 delta 8 adds"},
		}},
		{"15 create new", Policy{OnChange: ChangeCreateNew, FallbackWindow: time.Minute}, []step{
			{"5", "new seq1 delta 5"}, {"5 +30s", "duplicate"}, {"5 +90s", "new seq2 delta 5 #1"}, {"6 +91s", "new seq3 delta 6"},
			{"5 +92s", "duplicate stale"}, {"5 +200s", "new seq4 delta 5 #2"}, {"reversed 5 +201s", "reversal seq5 delta ?"},
			{"reversed -1 +202s", "reversal seq6 delta -1 adds"},
		}},
		{"16 the window begins at what was published", Policy{FallbackWindow: 20 * time.Minute}, []step{
			{"fallback 5", "new seq1 delta 5"}, {"fallback 5 +15m", "duplicate"}, {"fallback 5 +20m", "duplicate"},
			{"fallback 5 +21m", "new seq1 delta 5 #1 possible"}, {"fallback 5 +40m", "duplicate"},
		}},
		{"17 within a day, 18 later", Policy{FallbackWindow: 20 * time.Minute}, []step{
			{"fallback 5", "new seq1 delta 5"}, {"fallback 5 +23h", "new seq1 delta 5 #1 possible"},
			{"fallback 5 +47h", "new seq1 delta 5 #2 possible"}, {"fallback 5 +72h", "new seq1 delta 5"},
		}},
		{"window off", Policy{}, []step{{"fallback 5", "new seq1 delta 5"}, {"fallback 5 +1s", "new seq1 delta 5 #1 possible"}}},
		{"22 nothing durable", Policy{}, []step{{"lost 5", "new seq1 delta 5"}, {"5", "new seq1 delta 5"}}},
		{"older date", Policy{}, []step{{"5 date=9", "new seq1 delta 5"}, {"6 date=8", "update seq2 delta 1 late"}}},
	})
}

func TestMissingAmountsAreNotZero(t *testing.T) {
	playAll(t, []scenario{
		{"first", Policy{}, []step{{"approved", "new seq1 delta ?"}, {"approved 5", "update seq2 delta 5"}}},
		{"later", Policy{}, []step{
			{"approved 5", "new seq1 delta 5"}, {"approved", "update seq2 delta ?"}, {"approved 6", "update seq3 delta 1"},
		}},
		{"promotion", Policy{}, []step{
			{"pending 5", "new seq1 delta 0"}, {"approved", "promotion seq2 delta ?"}, {"approved 5", "update seq3 delta 5"},
		}},
		{"reversal", Policy{}, []step{{"approved 5", "new seq1 delta 5"}, {"rejected", "reversal seq2 delta -5"}}},
		{"increment", Policy{OnChange: ChangeIncrement}, []step{
			{"5", "new seq1 delta 5"}, {"none", "update seq2 delta ?"}, {"7", "update seq3 delta 7 adds"}, {"rejected", "reversal seq4 delta -12"},
		}},
	})
}

func TestOnlyDoneSuppressesEverywhere(t *testing.T) {
	playAll(t, []scenario{
		{"journaled here", Policy{}, []step{{"held 5", "new seq1 delta 5"}, {"5", "duplicate"}}},
		{"journaled elsewhere", Policy{}, []step{
			{"away 5", "new seq1 delta 5"}, {"lost 5", "new seq? delta ?"}, {"5", "new seq? delta ?"}, {"5", "duplicate"},
		}},
		{"journaled elsewhere is a previous state", Policy{}, []step{
			{"away approved 5", "new seq1 delta 5"}, {"rejected 5", "reversal seq2 delta -5"}, {"approved 5", "new seq? delta ?"},
			{"approved 5", "duplicate stale"},
		}},
		{"same kind and occurrence again", Policy{OnReentry: ReentryUpdate}, []step{
			{"approved 5", "new seq1 delta 5"}, {"reversed 5", "reversal seq2 delta -5"},
			{"away approved 5", "update seq3 delta 5 #1"}, {"approved 5", "update seq? delta ? #1"},
		}},
		{"ignore", Policy{OnChange: ChangeIgnore}, []step{
			{"away 5", "new seq1 delta 5"}, {"6", "new seq? delta ?"}, {"7", "duplicate ignored"},
		}},
		{"fallback", Policy{FallbackWindow: time.Minute}, []step{
			{"away fallback 5", "new seq1 delta 5"}, {"fallback 5 +1s", "new seq? delta ?"}, {"fallback 5 +2s", "duplicate"},
		}},
		{"create new", Policy{OnChange: ChangeCreateNew, FallbackWindow: time.Minute}, []step{
			{"away 5", "new seq1 delta 5"}, {"5 +1s", "new seq? delta ?"}, {"5 +2s", "duplicate"},
		}},
	})
}

func TestAnIdSharedByManyClicksIsTreatedAsAbsent(t *testing.T) {
	var steps []step
	steps = append(steps, step{"5 c1", "new seq1 delta 5"})
	for i := 2; i <= 10; i++ {
		steps = append(steps, step{fmt.Sprintf("5 c%d", i), "duplicate shared"})
	}
	steps = append(steps, step{"5 c11", "hot"}, step{"5 c11", "hot"}, step{"7 c12", "hot"},
		step{"5 c1", "duplicate"}, step{"5 c7", "duplicate shared"}, step{"6 c3", "update seq2 delta 1"})
	playAll(t, []scenario{
		{"after ten", Policy{}, steps},
		{"off", Policy{HotClicks: -1}, []step{{"5 c1", "new seq1 delta 5"}, {"5 c2", "duplicate shared"}, {"5 c3", "duplicate shared"}}},
		{"after two", Policy{HotClicks: 2}, []step{
			{"5 c1", "new seq1 delta 5"}, {"5 c2", "duplicate shared"}, {"5 c3", "hot"}, {"6 c2", "update seq2 delta 1"},
		}},
		{"no click", Policy{HotClicks: 2}, []step{{"5 c0", "new seq1 delta 5"}, {"5 c2", "duplicate"}, {"5 c3", "duplicate"}}},
	})
}
