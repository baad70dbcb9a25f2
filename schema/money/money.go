// Package money reads the amounts and currency codes that senders of postbacks write, exactly.
//
// It promises: an amount is an integer number of millionths of the major unit and never passes through binary
// floating point; missing, invalid, ambiguous, out of range and zero stay five different things; what had to be
// mended on the way is reported as Notes; the canonical text of an amount parses back to the same amount; nothing
// panics on any input. Everything here is a pure function over read-only tables, safe for concurrent use.
//
// It refuses: to guess between a decimal and a grouping comma, to trust a currency sign, to convert between
// currencies, and to rename a historic code.
//
// Start reading at Parse (parse.go); affix.go takes off what stands around the number, number.go decides which
// separator is the decimal one, append.go writes the canonical text, currency.go classifies codes.
package money

// State tells what became of a text that should have been an amount. The zero value is Missing.
type State uint8

// The states, in the order of the words String returns.
const (
	// Missing means the text was blank: nothing was sent. It is not zero.
	Missing State = iota
	// OK means Amount.Micros is the amount, exact or rounded as NoteRounded says.
	OK
	// Invalid means the text is no amount in any notation this package reads.
	Invalid
	// Ambiguous means the text has two readings that differ in value, such as 1,234.
	Ambiguous
	// OutOfRange means more than MaxIntegerDigits or MaxFractionDigits were written.
	OutOfRange
)

// String returns the word of the event field amount_state; an undefined State gives "invalid".
func (s State) String() string {
	switch s {
	case Missing:
		return "missing"
	case OK:
		return "ok"
	case Ambiguous:
		return "ambiguous"
	case OutOfRange:
		return "out_of_range"
	default:
		return "invalid"
	}
}

// The limits of an amount. Leading zeros of the integer part and trailing zeros of the fraction carry no value and
// are not counted, so a zero-filled database column such as 0000000000000004.9900000000 stays readable.
const (
	// MaxIntegerDigits is how many integer digits an amount in major units may have; more is OutOfRange.
	MaxIntegerDigits = 12
	// MaxFractionDigits is how many fraction digits are read; more is OutOfRange.
	MaxFractionDigits = 8
	// KeptFractionDigits is how many fraction digits are kept; more are rounded half-even and noted.
	KeptFractionDigits = 6
)

// microsPerUnit is 10 to the power of KeptFractionDigits.
const microsPerUnit = 1_000_000

// microsLimit is 10 to the power of MaxIntegerDigits + KeptFractionDigits; every amount is below it.
const microsLimit = 1_000_000_000_000_000_000

// Amount is a sum of money without its currency. Micros counts millionths of the major unit, is negative for a
// correction, stays below 10^18 in absolute value, and is 0 unless State is OK.
type Amount struct {
	Micros int64
	State  State
}

// Format is what a preset knows about the numbers of a network. The zero value knows nothing, which is the safe
// default. DecimalComma and DecimalDot together contradict each other and count as neither.
type Format struct {
	// DecimalComma says that a comma is the decimal separator: 1,234 is a little over one, 1.234 is over a thousand.
	DecimalComma bool
	// DecimalDot says that a dot is the decimal separator and a comma groups: 1,234 is over a thousand.
	DecimalDot bool
	// Minor says that the network sends integers of the minor unit (cents), as NATS, wecantrack and FirstPromoter do.
	Minor bool
}

func (f Format) comma() bool { return f.DecimalComma && !f.DecimalDot }

func (f Format) dot() bool { return f.DecimalDot && !f.DecimalComma }

// Parsed is everything Parse learned from one text. It is a value; Code points into a static table, so nothing in
// it refers to the text.
type Parsed struct {
	Amount Amount
	// Notes says what was mended; empty when State is Missing or Invalid.
	Notes Notes
	// Code is the ISO 4217 code, current or historic, that stood beside the number, in upper case; "" if none did.
	// It is set for OK, Ambiguous and OutOfRange.
	Code string
	// FractionDigits counts the digits written after the decimal separator, trailing zeros included.
	FractionDigits int
}

// Notes is the set of things Parse mended or noticed in one amount.
type Notes uint16

// The notes; those with a word are repairs of the event, see AppendWords.
const (
	// NoteDecimalComma: a comma was read as the decimal separator.
	NoteDecimalComma Notes = 1 << iota
	// NoteGroupingRemoved: separators of thousands were removed.
	NoteGroupingRemoved
	// NoteSymbolStripped: a currency sign was removed and not believed ($ is the sign of some twenty currencies).
	NoteSymbolStripped
	// NoteCodeInAmount: an ISO code stood beside the number; it is in Parsed.Code.
	NoteCodeInAmount
	// NoteRounded: digits beyond KeptFractionDigits that were not zero were rounded away, half-even.
	NoteRounded
	// NoteFraction3: exactly three digits follow the only separator, a dot, so the sender may have meant thousands.
	// It has no repair word of its own: BeyondExponent turns it into one when the currency is known.
	NoteFraction3
)

// Has reports whether all of want are in n.
func (n Notes) Has(want Notes) bool { return n&want == want }

// AppendWords appends the repair words of n to dst, in the order of the constants, and returns the longer slice.
// The words are constants; dst stays the caller's.
func (n Notes) AppendWords(dst []string) []string {
	for i, word := range noteWords {
		if n.Has(1 << i) {
			dst = append(dst, word)
		}
	}
	return dst
}

// noteWords holds the repair word of each note, by bit number.
var noteWords = [...]string{
	"decimal_comma", "grouping_removed", "symbol_stripped", "code_in_amount", "rounded",
}
