package network

import (
	"time"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// Preset is what we know about one network. It comes from a JSON file (see
// ReadPreset), is never changed afterwards and may be read by many goroutines at
// once; its slices and maps are its own, callers only read them.
type Preset struct {
	// Name is the URL segment, Aliases other segments that mean the same network,
	// Title the name people use.
	Name, Title string
	Aliases     []string

	// Certainty says how well the facts are founded, Sources where they come
	// from, Notes what a user of the preset should know.
	Certainty      Certainty
	Sources, Notes []string

	// Methods are the HTTP methods the network uses; empty means that it is not
	// known to send postbacks at all.
	Methods []string

	// Names lists, by field, the parameter names in order of preference, the
	// canonical one included. A name with dots is the path of a value in a JSON
	// body or of a bracketed form key. Fallbacks lists names that count only
	// where no other name of the field has a value.
	Names, Fallbacks map[Field][]string

	Status StatusRule
	// Events maps words of the event name parameter, folded, to event names.
	Events map[string]string

	// Amounts is what is known of the network's numbers, Currency what it pays
	// in when a request names no currency; empty: the property's default.
	Amounts  money.Format
	Currency string

	Dates DateRule

	// Envelope names a form field whose value is a JSON document holding the
	// parameters; empty: none.
	Envelope string

	// IgnoreWhen and TestWhen describe requests that are no conversions, and
	// test traffic. One matching condition is enough.
	IgnoreWhen, TestWhen []Condition

	// Secrets are names of parameters that are removed unread, beside those that
	// every preset removes.
	Secrets []string

	// ZeroAbsent lists fields in which "0" means that nothing was sent.
	ZeroAbsent []Field

	// ReversalPrefixes are prefixes of a transaction id that mark a reversal and
	// do not belong to the id ("r-" of ayeT).
	ReversalPrefixes []string

	Join   []Join
	Dedupe DedupeRule
	Reply  Reply

	// Link is what to append to the affiliate link so that the click id comes
	// back, with {click_id} in it. Macros gives, by field, the network's own
	// macro for the postback URL; Delimiters the style of its macros, for people.
	Link       string
	Macros     map[Field]string
	Delimiters string
}

// Certainty says how well a preset's facts are founded.
type Certainty string

// The certainties: the vendor's own page says it; it was seen in public code or
// in another vendor's guide; it is a guess.
const (
	Documented Certainty = "documented"
	Seen       Certainty = "seen"
	Guess      Certainty = "guess"
)

// StatusRule says what a network's status words mean.
type StatusRule struct {
	// Words maps status words, in lower case, to classes; they win over the
	// words that are safe everywhere (see ClassOf).
	Words map[string]schema.Status
	// Ignored are status words, in lower case, of requests that are no conversions.
	Ignored map[string]bool
	// Default is the class of a request without a status word, StatusNone if
	// nothing is known.
	Default schema.Status
}

// DateRule says how a network writes dates. Unix times, ISO 8601 and RFC 1123
// are always read. Layouts, in the notation of package time, come first; Zone is
// the zone of dates without one, nil when unknown.
type DateRule struct {
	Layouts []string
	Zone    *time.Location
}

// Condition holds when a parameter (folded name or path) has one of the values,
// compared without regard to case; without values, when it has any.
type Condition struct {
	Param  string
	Equals []string
}

// Join puts one value together from pieces that a network spread over several
// parameters (CAKE moves what exceeds 100 characters of s2 to s3). A piece of
// fewer than Size characters is the last one; with Size 0 all are taken.
type Join struct {
	Field Field
	Names []string
	Size  int
}

// DedupeRule is what a network's habits mean for dedupe. Words and durations are
// those of the configuration; empty and 0 mean the default.
type DedupeRule struct {
	Identity               Identity
	Scope                  Scope
	OnChange, OnReentry    string
	Window, FallbackWindow time.Duration
	// DateMarksChange: another event date alone makes another state.
	// PendingAfterApproval: a modified conversion goes back to pending.
	// Restatement: corrections come as a reversal and a new total.
	DateMarksChange, PendingAfterApproval, Restatement bool
}

// Identity says what identifies a conversion when there is no usable
// transaction id.
type Identity uint8

// IdentityPreset, the zero value, leaves the choice to the preset, and a
// preset's to IdentityTransaction: without a transaction id content and window
// decide. With IdentityClick click id and goal stand for the transaction id.
const (
	IdentityPreset Identity = iota
	IdentityTransaction
	IdentityClick
)

// Scope says how far a transaction id is unique.
type Scope uint8

// ScopePreset, the zero value, leaves the choice to the preset, and a preset's to
// ScopeNetwork. With ScopeClick one id under two clicks is two conversions.
const (
	ScopePreset Scope = iota
	ScopeNetwork
	ScopeClick
)

// Reply is what the network wants to hear. Status is always 200 but where a
// vendor documents another success status; Duplicate replaces Body for exact
// repeats when not empty.
type Reply struct {
	Status                int
	Type, Body, Duplicate string
}

// Alias returns the first name the preset prefers for f, which is the canonical
// one unless the preset places another before it.
func (p *Preset) Alias(f Field) string {
	if names := p.Names[f]; len(names) > 0 {
		return names[0]
	}
	return f.String()
}
