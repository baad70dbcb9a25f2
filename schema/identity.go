package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/postbackhq/postback/schema/money"
)

// Identity is the digest of what identifies a conversion.
type Identity [32]byte

// Key returns the first 16 bytes, which the dedupe store keeps.
func (i Identity) Key() [16]byte { return [16]byte(i[:16]) }

// Print is the digest of a conversion's state: its fingerprint.
type Print [8]byte

// ID is an event id: a version 8 UUID (RFC 9562, section 5.8) made from a
// hash. It holds no clock, no instance and no randomness, so that every retry,
// replay and import of one state of one conversion carries the same id.
type ID [16]byte

// The first bytes of what is hashed name the encoding; they are short so that
// most of it fits into one block of SHA-256. The encoding is frozen by
// testdata/identity.json: changing it would make every consumer see every late
// retry as new.
const (
	identityTag = "pb/id/1"
	printTag    = "pb/st/1"
	eventTag    = "pb/ev/1"
)

// Identify fills e.Identity and e.Print from the normalized fields.
//
// With KeyTransaction the identity is property, network, transaction id, goal
// and, if ScopeClick, the click id. With KeyClick it is property, network,
// click id and goal. With KeyFallback it is click id, hash of the e-mail, the
// network's own date, goal and the fingerprint itself: whatever tells two
// honest conversions apart, because a copy that passes costs less than a
// conversion that is swallowed.
func (e *Event) Identify() {
	e.Print = e.fingerprint()
	var buf [512]byte
	b := appendPart(buf[:0], identityTag)
	b = appendPart(b, e.Property)
	b = appendPart(b, e.NetworkKey())
	b = append(b, byte(e.KeyKind))
	switch e.KeyKind {
	case KeyTransaction:
		b = appendPart(b, e.TransactionID)
		b = appendPart(b, e.Goal)
		if e.ScopeClick {
			b = appendPart(b, e.ClickID)
		}
	case KeyClick:
		b = appendPart(b, e.ClickID)
		b = appendPart(b, e.Goal)
	default:
		b = appendPart(b, e.ClickID)
		b = e.appendEmailDigest(b)
		b = appendPart(b, e.Goal)
		b = append(b, e.Print[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(e.OccurredMS))
	}
	e.Identity = sha256.Sum256(b)
}

// fingerprint digests the state: status class, commission, sale amount and
// currency as parsed values, never text, and the network's date where the
// preset says that it marks a change.
func (e *Event) fingerprint() Print {
	var buf [128]byte
	b := append(buf[:0], printTag...)
	b = append(b, byte(e.Status))
	b = appendAmount(b, e.Commission)
	b = appendAmount(b, e.Sale)
	b = appendPart(b, e.Currency)
	if e.DateMarksChange {
		b = binary.BigEndian.AppendUint64(b, uint64(e.OccurredMS))
	}
	sum := sha256.Sum256(b)
	return Print(sum[:8])
}

// IDFor returns the id of e's own state entered for the given time. A fallback
// identity takes the network's own date where there is one, else day, the UTC
// day of the first arrival as the store keeps it.
func (e *Event) IDFor(occurrence uint16, day int64) ID {
	return e.IDOf(e.Print, occurrence, day)
}

// IDOf returns the id of another state of e's conversion.
func (e *Event) IDOf(print Print, occurrence uint16, day int64) ID {
	switch {
	case e.KeyKind != KeyFallback:
		day = 0
	case e.OccurredMS != 0:
		day = DayOf(e.OccurredMS)
	}
	return EventID(e.Identity, print, occurrence, day)
}

// FirstID returns the id that e has when its state was never seen before.
func (e *Event) FirstID() ID { return e.IDFor(0, DayOf(e.ReceivedMS)) }

// UncertainID returns the id of an event whose occurrence could matter while
// the store could not answer: see the function of that name.
func (e *Event) UncertainID(arrival [16]byte) ID {
	return UncertainID(e.Identity, e.Print, arrival)
}

// EventID returns the id of one state of the conversion. occurrence is 0 but
// for a state that was legitimately entered again; day is the UTC day since
// the epoch that a fallback identity takes, 0 for the others.
func EventID(identity Identity, print Print, occurrence uint16, day int64) ID {
	var buf [96]byte
	b := append(buf[:0], eventTag...)
	b = append(b, identity[:]...)
	b = append(b, print[:]...)
	if occurrence != 0 {
		b = append(b, 'o')
		b = binary.BigEndian.AppendUint16(b, occurrence)
	}
	if day != 0 {
		b = append(b, 'd')
		b = binary.BigEndian.AppendUint64(b, uint64(day))
	}
	return version8(sha256.Sum256(b))
}

// UncertainID returns the id of an event whose occurrence could matter while
// the store could not answer: arrival is random and made when the request
// came, so that a possible copy is published rather than a conversion lost.
func UncertainID(identity Identity, print Print, arrival [16]byte) ID {
	var buf [96]byte
	b := append(buf[:0], eventTag...)
	b = append(b, identity[:]...)
	b = append(b, print[:]...)
	b = append(b, 'u')
	b = append(b, arrival[:]...)
	return version8(sha256.Sum256(b))
}

// DayOf returns the UTC day since the epoch of a time in milliseconds, as
// EventID takes it.
func DayOf(ms int64) int64 {
	const day = int64(24 * time.Hour / time.Millisecond)
	if ms < 0 {
		return (ms - day + 1) / day
	}
	return ms / day
}

func version8(sum [32]byte) ID {
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ClickHash is a short digest of a click id for the dedupe store, which uses
// it to notice one transaction id under many clicks; 0 means no click id.
func ClickHash(click string) uint32 {
	if click == "" {
		return 0
	}
	var buf [256]byte
	sum := sha256.Sum256(append(buf[:0], click...))
	return binary.BigEndian.Uint32(sum[:4]) | 1
}

func (e *Event) appendEmailDigest(b []byte) []byte {
	var digest [64]byte
	switch {
	case e.Customer.EmailSHA256 != "":
		return appendPart(b, e.Customer.EmailSHA256)
	case e.Customer.Email != "":
		var buf [256]byte
		sum := sha256.Sum256(append(buf[:0], e.Customer.Email...))
		hex.Encode(digest[:], sum[:])
		return appendPart(b, view(digest[:]))
	}
	return appendPart(b, "")
}

func appendAmount(b []byte, a money.Amount) []byte {
	b = append(b, byte(a.State))
	return binary.BigEndian.AppendUint64(b, uint64(a.Micros))
}

// appendPart appends s with its length before it, so that no two lists of
// parts give the same bytes.
func appendPart(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// AppendText appends the id in the 8-4-4-4-12 form.
func (id ID) AppendText(dst []byte) ([]byte, error) { return id.Append(dst), nil }

// Append appends the id in the 8-4-4-4-12 form.
func (id ID) Append(dst []byte) []byte {
	dst = appendHex(dst, id[:4])
	for _, part := range [...][2]int{{4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		dst = append(dst, '-')
		dst = appendHex(dst, id[part[0]:part[1]])
	}
	return dst
}

// String returns the id in the 8-4-4-4-12 form.
func (id ID) String() string { return string(id.Append(make([]byte, 0, 36))) }

// ErrID says that a text is not an event id.
var ErrID = errors.New("not an event id: want 8-4-4-4-12 hex digits")

// ParseID reads the 8-4-4-4-12 form.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, ErrID
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, ErrID
	}
	return id, nil
}

func appendHex(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range b {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
