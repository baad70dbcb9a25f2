package dedupe

import (
	"context"
	"errors"
	"time"
)

// Key identifies a conversion: the first 16 bytes of a cryptographic hash over its identity. Stores use
// its bytes as a hash value, so it must be uniform.
type Key [16]byte

// Print is the fingerprint of one state of a conversion: 8 bytes of a cryptographic hash over status
// class, commission, sale amount, currency and, where the network dates its changes, its date.
type Print [8]byte

// Class is the status class of a state.
type Class uint8

// The status classes. ClassNone is a postback without a status; ClassUnknown has one nobody can place.
const (
	ClassNone Class = iota
	ClassPending
	ClassApproved
	ClassRejected
	ClassReversed
	ClassUnknown
)

// OnChange says what a changed state of a known identity means (`dedupe.on_change`).
type OnChange uint8

// The modes. ChangeUpdate: the new amount replaces the old (rows 4 to 11). ChangeIgnore: all but the
// first is a duplicate, reversals too (row 13). ChangeIncrement: the amount is added (row 14).
// ChangeCreateNew: every arrival is a conversion of its own, except an exact repeat within the fallback
// window (row 15). RedTrack's "Duplicate postback settings" describes the same wishes.
const (
	ChangeUpdate OnChange = iota
	ChangeIgnore
	ChangeIncrement
	ChangeCreateNew
)

// OnReentry says what the return of an earlier state means (`dedupe.on_reentry`).
type OnReentry uint8

// ReentryDuplicate takes it for a late retry (row 3), ReentryUpdate for a change back (row 3b), as on
// impact.com, where a reversed action can be restored.
const (
	ReentryDuplicate OnReentry = iota
	ReentryUpdate
)

// Kind is the `kind` of a published event, as far as this package decides it.
type Kind uint8

// The kinds, spelled by [Kind.String] as the event spells them. KindNew is a first sight, KindUpdate a
// change, KindPromotion a pending conversion that was approved, KindReversal a rejected or reversed one or
// a correction that leaves nothing, KindAdjustment a correction that leaves something.
const (
	KindNew Kind = iota
	KindUpdate
	KindPromotion
	KindReversal
	KindAdjustment
)

// String returns the word the event uses.
func (k Kind) String() string {
	switch k {
	case KindNew:
		return "new"
	case KindUpdate:
		return "update"
	case KindPromotion:
		return "promotion"
	case KindReversal:
		return "reversal"
	case KindAdjustment:
		return "adjustment"
	}
	return "invalid"
}

// Standing is how far a state has got. It only rises.
type Standing uint8

// StandingOpen is claimed and nothing more; it is never kept in a [State]. StandingJournaled is on stable
// storage of one instance, not yet in Kafka. StandingDone is in Kafka, or in the journal where the
// journal is the topic.
const (
	StandingOpen Standing = iota
	StandingJournaled
	StandingDone
)

// Currency is a currency code packed into 16 bits: equal codes are equal, 0 is none.
type Currency uint16

// DefaultWindow is how long an identity is remembered when its policy does not say: longer than networks
// retry (Digistore24: ten days) and correct (Google Ads: about 55 days), and as long as Everflow keeps the
// clicks that reversals refer to.
const DefaultWindow = 90 * 24 * time.Hour

// DefaultHotClicks is the number of click ids that may share an identity within an hour. A choice
// of ours: more than the clicks of one buyer, few enough to notice a constant id soon.
const DefaultHotClicks = 10

// Policy is what an integration configures. One value is shared by all its arrivals and must not change
// while they are in flight. The zero value is usable.
type Policy struct {
	OnChange             OnChange
	OnReentry            OnReentry
	Window               time.Duration // memory of an identity; 0: DefaultWindow
	FallbackWindow       time.Duration // from a published state on, repeats without a transaction id are duplicates; 0: off
	CountPending         bool          // pending amounts count like approved ones
	PendingAfterApproval bool          // modifications go back to pending (impact.com): not out of order
	Restatement          bool          // an amount after corrections is the new total, also where nothing was known before them (CJ)
	HotClicks            int           // click ids per hour before an id is absent; 0: DefaultHotClicks, < 0: never, at most 15
}

// Arrival is what the state machine needs to know of a postback. It is a value and points at nothing of
// the request. Times are Unix milliseconds.
type Arrival struct {
	Key    Key
	Print  Print
	Policy *Policy // nil: the zero policy

	Fallback  bool // no usable transaction id: rows 16 to 18, the print is part of the key
	Class     Class
	HasAmount bool     // the commission is known; false for missing and invalid ones
	Delta     bool     // the amount is negative: it corrects instead of replacing
	Exponent  int8     // digits of Currency's minor unit, 0-6
	Currency  Currency // of the commission, from CurrencyOf
	Amount    int64    // commission in millionths of the major unit
	Click     uint32   // hash of the click id, 0: none
	Date      int64    // the network's clock, 0: unknown
	Now       int64    // our clock, at arrival
}

// Previous is the state that an event replaces or may repeat: enough to compute its event id, and to
// write `previous_status` and `previous_commission`.
type Previous struct {
	Print      Print
	Occurrence uint16
	Day        int32 // as in Decision.Day
	Class      Class
	HasAmount  bool
	Exponent   int8
	Currency   Currency
	Amount     int64
}

// Decision is what the machine says about an arrival. A value without pointers.
type Decision struct {
	// Duplicate: do not publish; Kind, Occurrence and Day are those of the event it repeats.
	Duplicate     bool
	Stale         bool // a duplicate of an earlier state, not of the last one
	IgnoredChange bool // a duplicate of Previous only because changes are ignored
	// SharedByClicks: a duplicate under another click id than the one the identity was first seen with.
	SharedByClicks bool
	// Hot: too many click ids share this identity. Nothing else is set: treat the transaction id as
	// absent, that is, claim again with the fallback identity.
	Hot bool

	Kind       Kind
	Occurrence uint16 // how often this state was entered before
	Day        int32  // fallback only: UTC day number since 1970 that goes into the event id
	Seq        uint32 // 1 for the first state; 0 unknown, then Kind is a guess

	DeltaKnown bool
	Delta      int64 // counted_delta, millionths
	Adds       bool  // amount_effect is delta: the amount does not replace the one before

	HasPrevious bool
	Previous    Previous

	// OutOfOrder: an older date of the network's clock, pending after approved, or a sale after its refund.
	OutOfOrder        bool
	PossibleDuplicate bool // Previous is the event that this one may repeat (row 17)
	CurrencyChanged   bool // against the last state; amounts are then not comparable (row 6)
	// Uncertain: the store could not answer and the occurrence could matter. The event id must take a
	// random arrival id: a possible copy beats a loss.
	Uncertain bool
}

// Claim is a store's answer about one arrival. Reuse the slices that hold it: it is large. The zero
// value is an identity never seen.
type Claim struct {
	// Unknown: the store could not answer for this arrival. Decide then publishes.
	Unknown bool
	// OpenSame and OpenOther: another owner has an unexpired claim of the same fingerprint, or of
	// another one. With OpenSame, and unless the decision is a duplicate, it is worth asking again.
	OpenSame, OpenOther bool
	// Owner is the instance that asked; journaled states of it suppress.
	Owner uint32
	// Now is the store's clock, Unix milliseconds.
	Now   int64
	State State
}

// Store keeps states. Both implementations may be called concurrently.
type Store interface {
	// Claim applies marks, then looks up each arrival and registers an open claim for it. out[i] answers
	// arrivals[i]; the slices must have one length. Nothing is kept of the arguments. An error means that
	// every answer is Unknown (out says so too): publish. Without one, single answers may still be, as
	// when one master of a Cluster is away. Arrivals of one batch do not see each other's claims. Marks
	// are the store's from here on: what could not be written is kept and tried again, within bounds.
	// Calling again with the same arguments, because the answer got lost, is safe.
	Claim(ctx context.Context, marks []Mark, arrivals []Arrival, out []Claim) error
	// Look answers like Claim and changes nothing.
	Look(ctx context.Context, arrivals []Arrival, out []Claim) error
	// Close writes what is pending and frees everything. Calls after it fail.
	Close() error
}

// ErrUnavailable is wrapped by the errors of a store that cannot answer now.
var ErrUnavailable = errors.New("dedupe store unavailable")

// ErrClosed is returned by a store after Close.
var ErrClosed = errors.New("dedupe store is closed")
