package dedupe

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests write arrivals as texts: "approved 4.99 USD c2 +900s date=7 id=T2". Any part may be missing:
//
//	none pending approved rejected reversed unknown   status class
//	4.99 USD            commission; a negative one is a correction; no number: the amount is missing
//	c2                  click id 2
//	+900s, +24h         time since the first arrival of the test
//	date=7              network's date, in ms; dated=7 also makes it part of the fingerprint
//	id=T2               identity, default T1
//	fallback            no usable transaction id
//
// and decisions the same way, as render does.

const testStart = int64(20_000*dayMillis) + 10*60*60*1000 // 10:00 UTC of day 20,000

func classOf(word string) (Class, bool) {
	for i, w := range []string{"none", "pending", "approved", "rejected", "reversed", "unknown"} {
		if w == word {
			return Class(i), true
		}
	}
	return 0, false
}

func arrivalOf(t testing.TB, text string, p *Policy) Arrival {
	t.Helper()
	a := Arrival{Policy: p, Now: testStart, Currency: CurrencyOf("USD"), Exponent: 2, Click: 1}
	id, dated := "T1", ""
	for _, w := range strings.Fields(text) {
		class, isClass := classOf(w)
		name, value, _ := strings.Cut(w, "=")
		switch {
		case isClass:
			a.Class = class
		case w == "fallback":
			a.Fallback = true
		case name == "id":
			id = value
		case name == "date" || name == "dated":
			a.Date = number(value)
			if name == "dated" {
				dated = value
			}
		case w[0] == '+':
			d, err := time.ParseDuration(w[1:])
			if err != nil {
				t.Fatal(err)
			}
			a.Now += d.Milliseconds()
		case w[0] == 'c':
			a.Click = uint32(number(w[1:]))
		case w[0] >= 'A' && w[0] <= 'Z':
			a.Currency = CurrencyOf(w)
		default:
			a.HasAmount, a.Amount = true, micros(t, w)
			a.Delta = a.Amount < 0
		}
	}
	print := fmt.Sprintf("%d %v %d %d %s", a.Class, a.HasAmount, a.Amount, a.Currency, dated)
	sum := sha256.Sum256([]byte(print))
	a.Print = Print(sum[:8])
	if a.Fallback {
		id += print
	}
	a.Key = keyOf(t.Name() + id)
	return a
}

func keyOf(id string) Key {
	sum := sha256.Sum256([]byte(id))
	return Key(sum[:16])
}

func micros(t testing.TB, s string) int64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("no amount: %q", s)
	}
	if f < 0 {
		return int64(f*1e6 - 0.5)
	}
	return int64(f*1e6 + 0.5)
}

func major(v int64) string {
	return strconv.FormatFloat(float64(v)/1e6, 'f', -1, 64)
}

// render tells a decision: "update seq2 delta 5", "duplicate stale", "new seq? delta ? #1 possible".
func render(d Decision) string {
	flag := func(set bool, word string) string {
		if set {
			return " " + word
		}
		return ""
	}
	if d.Hot {
		return "hot"
	}
	if d.Duplicate {
		return "duplicate" + flag(d.Stale, "stale") + flag(d.IgnoredChange, "ignored") + flag(d.SharedByClicks, "shared")
	}
	seq, delta := "seq?", "?"
	if d.Seq > 0 {
		seq = fmt.Sprintf("seq%d", d.Seq)
	}
	if d.DeltaKnown {
		delta = major(d.Delta)
	}
	s := d.Kind.String() + " " + seq + " delta " + delta
	if d.Occurrence > 0 {
		s += fmt.Sprintf(" #%d", d.Occurrence)
	}
	return s + flag(d.Adds, "adds") + flag(d.OutOfOrder, "late") + flag(d.CurrencyChanged, "currency") +
		flag(d.PossibleDuplicate, "possible") + flag(d.Uncertain, "uncertain")
}
