// Package params turns the raw bytes of a postback (query string, form,
// multipart or JSON body) into a flat list of named text parameters, in the
// order they were sent.
//
// It promises: every value is valid UTF-8 without control characters; the
// undecoded text stays beside it; damage that links suffer on their way through
// HTML, e-mail and templates (entities without a semicolon, "&amp;", a second
// question mark, Latin-1 bytes) is undone only where a known name proves it, and
// every such repair is recorded; an unfilled macro is recognised before percent
// decoding can disguise it; the work is linear in the input, whatever the input,
// and a clean query on a warm List allocates nothing.
//
// It refuses to decide what a parameter means: aliases, conflicts between equal
// names, null words and limits on unknown parameters belong to the caller. It
// never guesses at broken JSON or broken multipart: those are errors.
package params

import "unsafe"

// Limits of one List. They bound the memory a hostile request can take; the
// product's own limit of unknown parameters is the caller's and far lower.
const (
	// MaxParams is the number of parameters kept; later ones set List.TooMany.
	MaxParams = 20_000
	// MaxPath is the length in bytes of the longest JSON path kept. Without it
	// one long outer key repeated in every leaf's path would cost quadratic
	// memory. Leaves below a longer path set List.TooMany.
	MaxPath = 256
	// maxKnown is the length of the longest name damage is repaired towards.
	maxKnown = 64
	// MaxRepairs is the number of repairs recorded; repairing goes on after it.
	MaxRepairs = 256
	// MaxDepth is the deepest nesting of JSON objects and arrays accepted.
	MaxDepth = 32
)

// Buffers larger than these are given up by Reset, so that one large body does
// not stay pinned in a pool of Lists.
const (
	keepArena  = 256 << 10
	keepParams = 1024
)

// Source says which part of the request a parameter came from.
type Source uint8

// The four sources a List reads.
const (
	// Query is the query string of the URL.
	Query Source = iota
	// Form is a body of type application/x-www-form-urlencoded.
	Form
	// Multipart is a body of type multipart/form-data (RFC 7578).
	Multipart
	// JSON is a body holding one JSON object (RFC 8259).
	JSON
)

// String returns the source's name as used in traces: "query", "form",
// "multipart" or "json".
func (s Source) String() string {
	switch s {
	case Query:
		return "query"
	case Form:
		return "form"
	case Multipart:
		return "multipart"
	case JSON:
		return "json"
	}
	return "unknown"
}

// Param is one parameter as sent. Its strings are views into the List's arena
// or into the input: they are valid until List.Reset and only while the input
// bytes stay untouched. Whoever keeps one longer copies it (strings.Clone).
type Param struct {
	// Name is the decoded name, without surrounding spaces and leading "amp;".
	// For JSON it is the path of the leaf: keys joined with '.', array indexes
	// as numbers ("items.0.sku"). Empty when the sender gave a value no name.
	Name string
	// Path is Name with bracketed keys in dotted form: "transaction[id]" has the
	// path "transaction.id". Without brackets it equals Name. Empty brackets, as
	// in "tag[]", add nothing.
	Path string
	// Value is the decoded value: valid UTF-8, without C0 and C1 controls and
	// byte order marks. Spaces are kept as sent. For a macro that only the raw
	// text shows ("%date%") it is that raw text.
	Value string
	// Raw is the value as it arrived, before any decoding. For JSON it is the
	// token, for strings without the quotes.
	Raw string
	// Notes are the wounds found on this parameter.
	Notes Notes
	// Source is the part of the request it came from.
	Source Source
	// Macro marks an unfilled template macro: the value must be taken as absent.
	Macro bool
	// Weak marks a shape that is a macro in some networks and plain text
	// elsewhere (__x__, xx..xx, --X--, :x:). It counts only in click_id,
	// transaction_id, commission, currency and status: the caller decides.
	Weak bool
	// Null marks a literal null word (null, none, undefined, n/a, -, ...). The
	// caller decides by field: people are called Null and None.
	Null bool
	// JSONNull marks the JSON literal null: absent, whatever the field.
	JSONNull bool
	// Number marks a JSON number; Value is its text exactly as written, because
	// a float64 would turn 9007199254740993 into ...992.
	Number bool
}

// Notes are bits that say what was wrong with one parameter.
type Notes uint8

// The wounds a single parameter can have.
const (
	// BadEscape: a '%' without two hex digits; it was kept as a literal '%'.
	BadEscape Notes = 1 << iota
	// Latin1: the bytes were no UTF-8 and were read as Windows-1252.
	Latin1
	// ControlStripped: control characters or a byte order mark were removed.
	ControlStripped
	// DoubleDecoded: the macro showed only after more than one decoding.
	DoubleDecoded
	// LoneSurrogate: half a UTF-16 pair in a JSON escape became U+FFFD.
	LoneSurrogate
	// Repeated: the same JSON path stood in the document before.
	Repeated
)

// Has reports whether all bits of which are set.
func (n Notes) Has(which Notes) bool { return n&which == which }

// AppendWords appends the snake_case word of every bit that is set, in the
// order of the constants. These words are the ones used in an event's repairs.
func (n Notes) AppendWords(dst []string) []string {
	words := [...]string{"bad_escape", "latin1", "control_stripped", "double_decoded", "lone_surrogate", "repeated"}
	for i, w := range words {
		if n&(1<<i) != 0 {
			dst = append(dst, w)
		}
	}
	return dst
}

// Words of the repairs that change which parameters a request has.
const (
	// RepairEntity: a name lost its start to an HTML entity that needs no
	// semicolon; the detail is "seen->name", for example "¤cy->currency".
	RepairEntity = "entity"
	// RepairAmpPrefix: a leading "amp;" was removed from a name.
	RepairAmpPrefix = "amp_prefix"
	// RepairSecondQuestionMark: a '?' stood where '&' was meant.
	RepairSecondQuestionMark = "second_question_mark"
	// RepairEscapedAmpersand: a literal \u0026 stood where '&' was meant.
	RepairEscapedAmpersand = "escaped_ampersand"
)

// Repair is one change made to the request as sent. Its strings live as long as
// those of Param.
type Repair struct {
	// Word is one of the Repair constants.
	Word string
	// Detail says what was changed; empty when the word says it all.
	Detail string
}

// String returns "word" or "word:detail", the form recorded in events.
func (r Repair) String() string {
	if r.Detail == "" {
		return r.Word
	}
	return r.Word + ":" + r.Detail
}

// Known says whether a name, given in its folded form (see Fold), is one the
// canonical schema or the preset in force knows. Damage is repaired only towards
// known names. The argument is valid only during the call. A nil Known knows
// nothing.
type Known func(folded string) bool

// List collects the parameters of one request. The zero List is ready to use;
// Reset makes it ready again and keeps its buffers. The methods that read input
// append, so query and body go into one List, query first. Equal names are all
// kept, in order: choosing among them is the caller's. A List is not safe for
// concurrent use, and is large enough that it should be reused.
type List struct {
	// Params are the parameters in order of appearance.
	Params []Param
	// Repairs are the repairs in order of appearance, at most MaxRepairs.
	Repairs []Repair
	// Files counts multipart parts with a file name; they are not kept.
	Files int
	// TooMany reports that parameters were left out: more than MaxParams, or
	// JSON leaves below a path longer than MaxPath.
	TooMany bool

	arena  []byte
	path   []byte
	peeked [maxKnown]byte
	folded [maxKnown]byte
	seen   map[string]struct{}
}

// Reset empties the list. Every string handed out before becomes invalid.
func (l *List) Reset() {
	if cap(l.Params) > keepParams {
		l.Params = nil
	}
	if cap(l.arena) > keepArena {
		l.arena = nil
	}
	if cap(l.path) > keepArena {
		l.path = nil
	}
	clear(l.Params)
	clear(l.Repairs)
	clear(l.seen)
	l.Params, l.Repairs = l.Params[:0], l.Repairs[:0]
	l.arena, l.path = l.arena[:0], l.path[:0]
	l.Files, l.TooMany = 0, false
}

// Add appends one parameter whose name and value need no percent decoding: a
// multipart field, a cell of a table. Both are trimmed, cleaned and examined
// like any other; the macro test still looks through percent encoding.
func (l *List) Add(name, value []byte, source Source) {
	if !l.room() {
		return
	}
	p := Param{Raw: view(value), Source: source}
	p.Name, p.Notes = l.text(name)
	p.Name = trim(p.Name)
	p.Path = l.dotted(p.Name)
	var notes Notes
	p.Value, notes = l.text(value)
	l.judge(&p, notes)
	l.Params = append(l.Params, p)
}

// room reports whether one more parameter may be kept, and remembers if not.
func (l *List) room() bool {
	if len(l.Params) < MaxParams {
		return true
	}
	l.TooMany = true
	return false
}

// repaired records one repair.
func (l *List) repaired(word, detail string) {
	if len(l.Repairs) < MaxRepairs {
		l.Repairs = append(l.Repairs, Repair{Word: word, Detail: detail})
	}
}

// alloc takes n bytes from the arena. A full arena is replaced by a larger one
// instead of being copied: strings already handed out keep the old one alive.
func (l *List) alloc(n int) []byte {
	if cap(l.arena)-len(l.arena) < n {
		l.arena = make([]byte, 0, max(n, 2*cap(l.arena), 512))
	}
	start := len(l.arena)
	l.arena = l.arena[:start+n]
	return l.arena[start : start+n : start+n]
}

// giveBack returns the last n bytes of the latest alloc to the arena.
func (l *List) giveBack(n int) { l.arena = l.arena[:len(l.arena)-n] }

// view returns b as a string without copying it.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the lifetime is documented at Param
}

// bytesOf returns s as bytes without copying it; they must not be written.
func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // read only, as long as s lives
}

// trim removes surrounding spaces. Other white space is a control character and
// is gone by then.
func trim(s string) string {
	for s != "" && s[0] == ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}
