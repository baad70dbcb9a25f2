package schema

import (
	"strconv"
	"unicode/utf8"

	"github.com/postbackhq/postback/schema/money"
)

// Version is the value of schema_version: it rises when a field changes its
// meaning, which the contract of the topic forbids, so it is 1. AppendBody has
// it as text.
const Version = 1

// AppendJSON appends the event as the topic carries it: one flat JSON object
// of scalars, without a line break. e must be identified, named and judged.
func (e *Event) AppendJSON(dst []byte) []byte {
	return e.AppendVerdict(e.AppendBody(dst))
}

// AppendBody appends the opened object with all that is known before dedupe
// has spoken: everything but the Verdict. Together with AppendVerdict it
// allows to encode while the request is still in its own goroutine. The event
// id stands in it, so an event whose ID changes is encoded anew.
func (e *Event) AppendBody(dst []byte) []byte {
	o := object{append(dst, `{"schema_version":1`...)}
	o.id("event_id", e.ID)
	o.text("event_name", e.EventName)
	o.known("event_name_raw", e.EventNameRaw)
	o.word("event_name_source", e.NameSource.String())
	o.word("status", e.Status.String())
	o.known("status_raw", e.StatusRaw)
	o.text("property", e.Property)
	o.text("network", e.Network)
	o.text("click_id", e.ClickID)
	o.text("transaction_id", e.TransactionID)
	o.known("goal", e.Goal)
	e.money(&o)
	o.word("dedupe_key", e.KeyKind.String())
	o.known("brand_name", e.Brand)
	if e.OccurredMS != 0 {
		o.time("occurred_at", e.OccurredMS)
		o.int("occurred_at_ms", e.OccurredMS)
	}
	o.time("received_at", e.ReceivedMS)
	o.int("received_at_ms", e.ReceivedMS)
	e.Customer.append(&o)
	if len(e.Params) > 0 {
		o.params(e.Params)
	}
	o.known("repairs", e.Repairs())
	o.word("origin", e.Origin.String())
	return o.b
}

// AppendVerdict appends the fields of the Verdict and closes the object that
// AppendBody opened.
func (e *Event) AppendVerdict(dst []byte) []byte {
	o := object{dst}
	v := &e.Verdict
	o.word("kind", v.Kind.String())
	if v.Seq > 0 {
		o.int("seq", int64(v.Seq))
	} else {
		o.null("seq")
	}
	if v.DeltaKnown {
		o.decimal("counted_delta", v.Delta, int(e.Exponent))
		o.int("counted_delta_micros", v.Delta)
	} else {
		o.null("counted_delta")
		o.null("counted_delta_micros")
	}
	if v.HasPrevious {
		o.id("previous_event_id", v.PreviousID)
		o.word("previous_status", v.PreviousStatus.String())
		if v.PreviousCommission.State == money.OK {
			o.decimal("previous_commission", v.PreviousCommission.Micros, int(v.PreviousExponent))
		}
	}
	if v.HasPossible {
		o.id("possible_duplicate_of", v.PossibleDuplicateOf)
	}
	o.flag("out_of_order", v.OutOfOrder)
	o.flag("replayed", v.Replayed)
	o.flag("identity_uncertain", v.Uncertain)
	return append(o.b, '}')
}

func (e *Event) money(o *object) {
	exponent := int(e.Exponent)
	if e.Commission.State == money.OK {
		o.decimal("commission", e.Commission.Micros, exponent)
		o.int("commission_micros", e.Commission.Micros)
	} else {
		o.null("commission")
		o.null("commission_micros")
	}
	o.word("amount_state", e.Commission.State.String())
	if e.Delta {
		o.word("amount_effect", "delta")
	}
	if e.Sale.State == money.OK {
		o.decimal("sale_amount", e.Sale.Micros, exponent)
		o.int("sale_amount_micros", e.Sale.Micros)
	}
	if e.Payout.State == money.OK {
		o.decimal("payout", e.Payout.Micros, exponent)
		o.int("payout_micros", e.Payout.Micros)
	}
	o.text("currency", e.Currency)
	o.word("currency_source", e.CurrencySource.String())
}

func (c *Customer) append(o *object) {
	o.known("email", c.Email)
	o.known("phone", c.Phone)
	o.known("first_name", c.FirstName)
	o.known("last_name", c.LastName)
	o.known("birthdate", c.Birthdate)
	o.known("city", c.City)
	o.known("state", c.State)
	o.known("zipcode", c.Zipcode)
	o.known("country", c.Country)
	o.known("email_sha256", c.EmailSHA256)
	o.known("phone_sha256", c.PhoneSHA256)
	o.known("first_name_sha256", c.FirstNameSHA256)
	o.known("last_name_sha256", c.LastNameSHA256)
	o.known("birthdate_sha256", c.BirthdateSHA256)
	o.known("city_sha256", c.CitySHA256)
	o.known("state_sha256", c.StateSHA256)
	o.known("zipcode_sha256", c.ZipcodeSHA256)
	o.known("country_sha256", c.CountrySHA256)
}

// object appends further members of a JSON object that has one already. Names
// are constants of this package and need no escaping.
type object struct{ b []byte }

func (o *object) name(name string) {
	o.b = append(append(append(o.b, ',', '"'), name...), '"', ':')
}

// text writes a core string: null when empty, for an empty string would turn
// into a zero downstream.
func (o *object) text(name, s string) {
	if s == "" {
		o.null(name)
		return
	}
	o.name(name)
	o.b = appendString(o.b, s)
}

// known writes a string only when there is one.
func (o *object) known(name, s string) {
	if s != "" {
		o.name(name)
		o.b = appendString(o.b, s)
	}
}

// word writes a string of our own vocabulary, which needs no escaping.
func (o *object) word(name, s string) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = append(o.b, s...)
	o.b = append(o.b, '"')
}

func (o *object) null(name string) {
	o.name(name)
	o.b = append(o.b, "null"...)
}

func (o *object) int(name string, v int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

func (o *object) flag(name string, v bool) {
	if v {
		o.name(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) id(name string, id ID) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = id.Append(o.b)
	o.b = append(o.b, '"')
}

func (o *object) decimal(name string, micros int64, exponent int) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = money.Append(o.b, micros, exponent)
	o.b = append(o.b, '"')
}

func (o *object) time(name string, ms int64) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = AppendTime(o.b, ms)
	o.b = append(o.b, '"')
}

// params writes the remaining parameters as the JSON text of an object of
// strings: a string in the event, so that nobody who can call the URL can add
// columns to a table that is made from the topic.
func (o *object) params(params []Param) {
	o.name("params")
	o.b = append(o.b, '"', '{')
	for i, p := range params {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendNested(o.b, p.Name)
		o.b = append(o.b, ':')
		o.b = appendNested(o.b, p.Value)
	}
	o.b = append(o.b, '}', '"')
}

// AppendTime appends an RFC 3339 time in UTC with milliseconds. Years are those
// of four digits: 0000 to 9999.
func AppendTime(dst []byte, ms int64) []byte {
	const day = int64(24 * 60 * 60 * 1000)
	days, rest := ms/day, ms%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	year, month, date := civil(days)
	dst = append2(dst, year/100)
	dst = append(append2(dst, year%100), '-')
	dst = append(append2(dst, month), '-')
	dst = append(append2(dst, date), 'T')
	second := rest / 1000
	dst = append(append2(dst, second/3600), ':')
	dst = append(append2(dst, second/60%60), ':')
	dst = append(append2(dst, second%60), '.')
	milli := rest % 1000
	dst = append(dst, byte('0'+milli/100))
	return append(append2(dst, milli%100), 'Z')
}

func append2(dst []byte, v int64) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

// civil turns days since the epoch into a date of the Gregorian calendar. It
// counts in years that begin in March, so that the leap day is the last (Howard
// Hinnant, "chrono-Compatible Low-Level Date Algorithms"). Package time needs
// four times as long, and two of these are in every event.
func civil(days int64) (year, month, date int64) {
	days += 719_468 // from 0000-03-01
	const era = 146_097
	cycle := days / era
	if days < 0 {
		cycle = (days - era + 1) / era
	}
	ofCycle := days - cycle*era
	ofYear := (ofCycle - ofCycle/1460 + ofCycle/36_524 - ofCycle/146_096) / 365
	rest := ofCycle - (365*ofYear + ofYear/4 - ofYear/100)
	march := (5*rest + 2) / 153
	date = rest - (153*march+2)/5 + 1
	year = ofYear + cycle*400
	if month = march + 3; month > 12 {
		month, year = month-12, year+1
	}
	return year, month, date
}

// appendString appends s as a JSON string (RFC 8259, section 7). What is not
// UTF-8 becomes U+FFFD and U+0000 is left out, so that the topic is valid
// whatever came in; the readers of this project never let either through.
func appendString(dst []byte, s string) []byte {
	return append(appendText(append(dst, '"'), s, false), '"')
}

// appendNested appends s as a JSON string inside a JSON string: escaped twice.
func appendNested(dst []byte, s string) []byte {
	return append(appendText(append(dst, '\\', '"'), s, true), '\\', '"')
}

// appendText appends what stands between the quotes.
func appendText(dst []byte, s string, nested bool) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		} else if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		if nested {
			dst = appendNestedEscape(dst, c)
		} else {
			dst = appendEscape(dst, c)
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case 0:
		return dst
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\uFFFD"...)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

func appendNestedEscape(dst []byte, c byte) []byte {
	var once [8]byte
	for _, e := range appendEscape(once[:0], c) {
		if e == '"' || e == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, e)
	}
	return dst
}
