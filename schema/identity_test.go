package schema_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestIdentityTellsConversionsApart(t *testing.T) {
	base := sample()
	f := func(name string, same bool, change func(e *schema.Event)) {
		t.Helper()
		e := sample()
		change(e)
		e.Identify()
		if got := e.Identity == base.Identity; got != same {
			t.Errorf("%s: same conversion = %v, want %v", name, got, same)
		}
	}
	f("another amount", true, func(e *schema.Event) { e.Commission.Micros++ })
	f("another status", true, func(e *schema.Event) { e.Status = schema.StatusReversed })
	f("another click", true, func(e *schema.Event) { e.ClickID = "c2" })
	f("another click, scope click", false, func(e *schema.Event) { e.ScopeClick = true })
	f("another id", false, func(e *schema.Event) { e.TransactionID = "10492a" })
	f("leading zeros", false, func(e *schema.Event) { e.TransactionID = "010492A" })
	f("another goal", false, func(e *schema.Event) { e.Goal = "lead" })
	f("another network", false, func(e *schema.Event) { e.Network = "awin" })
	f("an alias", true, func(e *schema.Event) { e.Network, e.Canonical = "impact-radius", "impact" })
	f("another property", false, func(e *schema.Event) { e.Property = "other" })
	f("parts shifted over a border", false, func(e *schema.Event) { e.TransactionID, e.Goal = "10492Ap", "urchase" })
	f("identified by click", false, func(e *schema.Event) { e.KeyKind = schema.KeyClick })
}

func TestFallbackIdentityHoldsWhateverTellsTwoPeopleApart(t *testing.T) {
	fallback := func(change func(e *schema.Event)) schema.Identity {
		e := sample()
		e.KeyKind, e.TransactionID = schema.KeyFallback, ""
		change(e)
		e.Identify()
		return e.Identity
	}
	base := fallback(func(*schema.Event) {})
	for name, change := range map[string]func(e *schema.Event){
		"amount":  func(e *schema.Event) { e.Commission.Micros++ },
		"status":  func(e *schema.Event) { e.Status = schema.StatusPending },
		"click":   func(e *schema.Event) { e.ClickID = "c2" },
		"e-mail":  func(e *schema.Event) { e.Customer.Email = "joe@example.com" },
		"goal":    func(e *schema.Event) { e.Goal = "lead" },
		"date":    func(e *schema.Event) { e.OccurredMS += 1000 },
		"sale":    func(e *schema.Event) { e.Sale.Micros++ },
		"missing": func(e *schema.Event) { e.Commission = money.Amount{} },
	} {
		if fallback(change) == base {
			t.Errorf("another %s gives the same fallback identity", name)
		}
	}
	hashed := fallback(func(e *schema.Event) {
		e.Customer.Email = ""
		e.Customer.EmailSHA256 = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d"
	})
	if hashed != base {
		t.Error("an e-mail and its own hash are two people")
	}
}

func TestPrintHoldsParsedValues(t *testing.T) {
	base := sample()
	f := func(name string, same bool, change func(e *schema.Event)) {
		t.Helper()
		e := sample()
		change(e)
		e.Identify()
		if got := e.Print == base.Print; got != same {
			t.Errorf("%s: same state = %v, want %v", name, got, same)
		}
	}
	f("another event name", true, func(e *schema.Event) { e.EventName = "Lead" })
	f("another raw status", true, func(e *schema.Event) { e.StatusRaw = "approved" })
	f("another date", true, func(e *schema.Event) { e.OccurredMS++ })
	f("a date that marks a change", false, func(e *schema.Event) { e.DateMarksChange = true })
	f("another status", false, func(e *schema.Event) { e.Status = schema.StatusNone })
	f("another amount", false, func(e *schema.Event) { e.Commission.Micros++ })
	f("no amount", false, func(e *schema.Event) { e.Commission = money.Amount{} })
	f("another currency", false, func(e *schema.Event) { e.Currency = "EUR" })
	f("another sale amount", false, func(e *schema.Event) { e.Sale.Micros++ })
}

func TestEventIDIsAVersion8UUIDThatReadsBack(t *testing.T) {
	e := sample()
	for _, id := range []schema.ID{e.FirstID(), e.IDFor(1, 0), e.UncertainID([16]byte{7})} {
		s := id.String()
		if s[14] != '8' || (s[19] != '8' && s[19] != '9' && s[19] != 'a' && s[19] != 'b') {
			t.Errorf("%s is no version 8 UUID", s)
		}
		back, err := schema.ParseID(s)
		if err != nil || back != id {
			t.Errorf("ParseID(%s) = %v, %v", s, back, err)
		}
	}
	for _, s := range []string{"", "x", "0123456789abcdef0123456789abcdef0123", "0123456g-89ab-8def-8123-456789abcdef"} {
		if _, err := schema.ParseID(s); err == nil {
			t.Errorf("ParseID(%q) gave no error", s)
		}
	}
}

func TestOccurrenceAndDayMakeOtherIDs(t *testing.T) {
	e := sample()
	seen := map[schema.ID]string{}
	add := func(name string, id schema.ID) {
		t.Helper()
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have one id", name, other)
		}
		seen[id] = name
	}
	add("first", e.FirstID())
	add("second", e.IDFor(1, 0))
	add("uncertain", e.UncertainID([16]byte{1}))
	add("other print", e.IDOf(schema.Print{1}, 0, 0))
	if e.IDFor(0, 19000) != e.FirstID() {
		t.Error("the day enters the id of a conversion that has a transaction id")
	}
	e.KeyKind, e.OccurredMS = schema.KeyFallback, 0
	e.Identify()
	add("day one", e.IDFor(0, 19000))
	add("day two", e.IDFor(0, 19001))
	if got := schema.DayOf(-1); got != -1 {
		t.Errorf("DayOf(-1) = %d, want -1", got)
	}
}

type vector struct {
	Name, Identity, Print, EventID string
}

// TestIdentityEncodingIsFrozen compares with vectors that must never change:
// consumers remember event ids for days, and stores keys for months.
func TestIdentityEncodingIsFrozen(t *testing.T) {
	cases := map[string]func(e *schema.Event){
		"transaction": func(*schema.Event) {},
		"scope click": func(e *schema.Event) { e.ScopeClick = true },
		"click":       func(e *schema.Event) { e.KeyKind = schema.KeyClick },
		"fallback":    func(e *schema.Event) { e.KeyKind, e.TransactionID = schema.KeyFallback, "" },
		"date":        func(e *schema.Event) { e.DateMarksChange = true },
		"missing":     func(e *schema.Event) { e.Commission = money.Amount{} },
		"alias":       func(e *schema.Event) { e.Network, e.Canonical = "hasoffers", "tune" },
	}
	file := filepath.Join("testdata", "identity.json")
	got := map[string]vector{}
	for name, change := range cases {
		e := sample()
		change(e)
		e.Identify()
		got[name] = vector{name, hexOf(e.Identity[:]), hexOf(e.Print[:]), e.FirstID().String()}
	}
	if *update {
		text, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]vector
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name := range cases {
		if got[name] != want[name] {
			t.Errorf("%s: %+v, frozen is %+v", name, got[name], want[name])
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	s := make([]byte, 0, 2*len(b))
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}
