package schema

import (
	"unsafe"

	"github.com/postbackhq/postback/schema/money"
)

// Event is one conversion in the making: what the request said, normalized,
// and what dedupe decided. It is meant to be reused: Reset keeps its memory.
//
// Every string of an Event is valid until the next Reset: those that came
// from a request live in the Event's own buffer (see Hold), never in the
// request's. An Event belongs to one goroutine at a time.
type Event struct {
	// Property and Network are the two URL segments. Canonical is the name
	// that identity and record key use for the network: an alias counts as
	// its target. Empty means Network.
	Property, Network, Canonical string

	// ClickID and TransactionID are as sent, trimmed, case kept; empty when
	// absent. Goal is an explicit event or goal name in lower case: it tells
	// the conversions of one click or order apart and enters the identity.
	ClickID, TransactionID, Goal string

	// EventName is the decided name, EventNameRaw what was sent for it.
	EventName, EventNameRaw string
	NameSource              NameSource

	Status    Status
	StatusRaw string

	// Commission is what the network pays us and what the lead-or-purchase
	// rule looks at; Sale is the order value; Payout is Commission times the
	// integration's ratio when one is set.
	Commission, Sale, Payout money.Amount
	// Delta says that Commission is a correction to add, not the new total
	// (amount_effect=delta): a negative amount.
	Delta bool

	// Currency is an upper-case code as classified by money.Lookup, Exponent
	// the number of fraction digits amounts are padded to.
	Currency       string
	Exponent       int8
	CurrencySource CurrencySource

	Brand string

	// OccurredMS is the network's clock, ReceivedMS ours at the first
	// arrival, both in milliseconds since the epoch; OccurredMS 0 is unknown.
	OccurredMS, ReceivedMS int64

	Customer Customer

	// Params holds every parameter that no field took, secrets removed.
	Params []Param

	Origin Origin

	// KeyKind says what identifies the conversion; ScopeClick that one
	// transaction id under two clicks is two conversions; DateMarksChange
	// that another event date alone makes another state.
	KeyKind         KeyKind
	ScopeClick      bool
	DateMarksChange bool

	// Identity and Print are filled by Identify, ID by Name.
	Identity Identity
	Print    Print
	ID       ID

	// Verdict is what dedupe decided; the zero value is undecided.
	Verdict Verdict

	repairs []byte
	arena   []byte
}

// Customer holds the matching fields in normal form, unhashed unless the
// property hashes or the sender did. Empty means absent.
type Customer struct {
	Email, Phone, FirstName, LastName, Birthdate string
	City, State, Zipcode, Country                string
	EmailSHA256, PhoneSHA256                     string
	FirstNameSHA256, LastNameSHA256              string
	BirthdateSHA256, CitySHA256, StateSHA256     string
	ZipcodeSHA256, CountrySHA256                 string
}

// Param is one parameter that no field of the event took.
type Param struct{ Name, Value string }

// Verdict is what dedupe decided about an event. Amounts are micros.
type Verdict struct {
	Kind Kind
	// Seq is 1 for the first state of a transaction, then dense; 0 when the
	// store could not tell.
	Seq uint32
	// Delta is what a running total adds for this event, if DeltaKnown.
	Delta      int64
	DeltaKnown bool
	// Previous is the state this one replaces.
	HasPrevious        bool
	PreviousID         ID
	PreviousStatus     Status
	PreviousCommission money.Amount
	PreviousExponent   int8

	// PossibleDuplicateOf is set when HasPossible: a conversion without a
	// usable id that looks like an earlier one.
	HasPossible         bool
	PossibleDuplicateOf ID

	OutOfOrder, Replayed, Uncertain bool
}

// Reset empties e for the next request and keeps its memory. Strings taken
// from e before are invalid afterwards.
func (e *Event) Reset() {
	params, repairs, arena := e.Params, e.repairs, e.arena
	*e = Event{Params: params[:0], repairs: repairs[:0], arena: arena[:0]}
}

// Hold copies s into e's buffer and returns the copy, valid until Reset. It
// is the one copy a value makes on its way from a request into an event.
func (e *Event) Hold(s string) string {
	if s == "" {
		return ""
	}
	at := len(e.arena)
	e.arena = append(e.arena, s...)
	return view(e.arena[at:])
}

// Grow appends what f appends to e's buffer and returns it as a string, valid
// until Reset: for values that are built rather than copied.
func (e *Event) Grow(f func(dst []byte) []byte) string {
	at := len(e.arena)
	e.arena = f(e.arena)
	return view(e.arena[at:])
}

// view gives b as a string without copying. The arena only ever grows between
// two Resets, so the bytes behind the view do not change while it is valid;
// when the arena moves, the old array stays alive through the view.
func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b)) //nolint:gosec // the arena owns these bytes until Reset, see Hold
}

// Repair records one mended wound, a word of the closed vocabulary in
// repairs.go, with what it concerned: Repair(RepairMacro, "click_id").
func (e *Event) Repair(word RepairWord, detail string) {
	if len(e.repairs) > 0 {
		e.repairs = append(e.repairs, ',')
	}
	e.repairs = append(e.repairs, word...)
	if detail != "" {
		e.repairs = append(e.repairs, ':')
		for i := 0; i < len(detail); i++ {
			c := detail[i]
			if c == ',' || c < ' ' {
				c = '_'
			}
			e.repairs = append(e.repairs, c)
		}
	}
}

// Repairs returns the recorded repairs, comma-joined in the order they were
// found; empty for a clean request. Valid until Reset or the next Repair.
func (e *Event) Repairs() string { return view(e.repairs) }

// NetworkKey is the network's name in identity and record key.
func (e *Event) NetworkKey() string {
	if e.Canonical != "" {
		return e.Canonical
	}
	return e.Network
}

// AppendKey appends the Kafka record key, property|network|transaction_id
// (the click id where there is none, else a digest of the identity). Goal and
// status are never part of it, so that all states of a transaction keep their
// order in one partition.
func (e *Event) AppendKey(dst []byte) []byte {
	dst = append(dst, e.Property...)
	dst = append(dst, '|')
	dst = append(dst, e.NetworkKey()...)
	dst = append(dst, '|')
	switch {
	case e.KeyKind == KeyTransaction && e.TransactionID != "":
		return append(dst, e.TransactionID...)
	case e.ClickID != "":
		return append(dst, e.ClickID...)
	case e.TransactionID != "":
		return append(dst, e.TransactionID...)
	}
	return appendHex(dst, e.Identity[:8])
}
