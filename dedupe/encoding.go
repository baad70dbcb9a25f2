package dedupe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The binary form of a State, the same in Redis, in memory and in the state log. redis_script.lua reads
// and writes it too: change both, and the version bit.
//
//	byte 0    bit 0: seq follows; bit 1: click; bit 2: date; bits 3-6: number of clicks; bit 7: 0 (version)
//	byte 1    bits 0-4: number of entries; bits 5-7: number of open claims
//	opens     18 bytes each: print 8, owner 4, until 6 (ms)
//	clicks     8 bytes each: click 4, at 4 (s)
//	seq        4 bytes, absent when it equals the number of entries
//	click      4 bytes
//	date       6 bytes (ms)
//	entries   22 bytes each: print 8, occurrence 2, class and kind and effect 1, flags and exponent 1,
//	          currency 2, amount 8; timed ones 8 more: day 2, at 6 (ms); journaled ones 4 more: owner
//
// All numbers are big-endian. An id done once takes 24 bytes, or 28 with its click id.
const (
	entrySize  = 22
	timedSize  = 8
	ownerSize  = 4
	openSize   = 18
	clickSize  = 8
	hasSeq     = 1
	hasClick   = 2
	hasDate    = 4
	newVersion = 0x80

	flagJournaled = 1
	flagTimed     = 2
	flagAmount    = 4
)

// ErrState is wrapped by errors of State.Decode.
var ErrState = errors.New("not a dedupe state")

// AppendBinary appends the binary form of s to dst. It never fails; the error is there for
// encoding.BinaryAppender.
func (s *State) AppendBinary(dst []byte) ([]byte, error) {
	flags := s.clicks << 3
	if s.truncated() {
		flags |= hasSeq
	}
	if s.Click != 0 {
		flags |= hasClick
	}
	if s.Date > 0 {
		flags |= hasDate
	}
	dst = append(dst, flags, s.n|s.opens<<5)
	for i := range s.open[:s.opens] {
		o := &s.open[i]
		dst = append(dst, o.print[:]...)
		dst = binary.BigEndian.AppendUint32(dst, o.owner)
		dst = put48(dst, o.until)
	}
	for _, c := range s.click[:s.clicks] {
		dst = binary.BigEndian.AppendUint32(dst, c.click)
		dst = binary.BigEndian.AppendUint32(dst, c.at)
	}
	if flags&hasSeq != 0 {
		dst = binary.BigEndian.AppendUint32(dst, s.Seq)
	}
	if flags&hasClick != 0 {
		dst = binary.BigEndian.AppendUint32(dst, s.Click)
	}
	if flags&hasDate != 0 {
		dst = put48(dst, s.Date)
	}
	for i := range s.list() {
		dst = appendEntry(dst, &s.entries[i])
	}
	return dst, nil
}

// Decode replaces s by the state that b begins with and returns the rest of b. It keeps nothing of b and
// does not allocate. After an error s is empty.
func (s *State) Decode(b []byte) (rest []byte, err error) {
	s.reset()
	rest, ok := s.decode(b)
	if !ok {
		s.reset()
		return b, fmt.Errorf("%w: %d bytes; was it written by a newer version?", ErrState, len(b))
	}
	return rest, nil
}

func (s *State) decode(b []byte) ([]byte, bool) {
	if len(b) < 2 || b[0]&newVersion != 0 {
		return b, false
	}
	flags, n, opens, clicks := b[0], b[1]&31, b[1]>>5, b[0]>>3&15
	b = b[2:]
	if n > MaxEntries || len(b) < headSize(flags, opens, clicks) {
		return b, false
	}
	for i := range opens {
		o := &s.open[i]
		copy(o.print[:], b)
		o.owner, o.until = binary.BigEndian.Uint32(b[8:]), get48(b[12:])
		b = b[openSize:]
	}
	for i := range clicks {
		s.click[i] = clickSeen{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
		b = b[clickSize:]
	}
	s.opens, s.clicks, s.Seq = opens, clicks, uint32(n)
	if flags&hasSeq != 0 {
		s.Seq, b = max(s.Seq, binary.BigEndian.Uint32(b)), b[4:]
	}
	if flags&hasClick != 0 {
		s.Click, b = binary.BigEndian.Uint32(b), b[4:]
	}
	if flags&hasDate != 0 {
		s.Date, b = get48(b), b[6:]
	}
	for i := range n {
		var ok bool
		if b, ok = decodeEntry(b, &s.entries[i]); !ok {
			return b, false
		}
	}
	s.n = n
	return b, true
}

func headSize(flags, opens, clicks byte) int {
	size := int(opens)*openSize + int(clicks)*clickSize
	if flags&hasSeq != 0 {
		size += 4
	}
	if flags&hasClick != 0 {
		size += 4
	}
	if flags&hasDate != 0 {
		size += 6
	}
	return size
}

func appendEntry(dst []byte, e *Entry) []byte {
	flags := byte(e.Exponent&7) << 3
	if e.Standing != StandingDone {
		flags |= flagJournaled
	}
	if e.Timed {
		flags |= flagTimed
	}
	if e.HasAmount {
		flags |= flagAmount
	}
	dst = append(dst, e.Print[:]...)
	dst = binary.BigEndian.AppendUint16(dst, e.Occurrence)
	dst = append(dst, byte(e.Class)|byte(e.Kind)<<3|byte(e.Effect)<<6, flags)
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.Currency))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Amount))
	if e.Timed {
		dst = binary.BigEndian.AppendUint16(dst, uint16(e.Day))
		dst = put48(dst, e.At)
	}
	if e.Standing != StandingDone {
		dst = binary.BigEndian.AppendUint32(dst, e.Owner)
	}
	return dst
}

func decodeEntry(b []byte, e *Entry) ([]byte, bool) {
	if len(b) < entrySize {
		return b, false
	}
	words, flags := b[10], b[11]
	size := entrySize
	if flags&flagTimed != 0 {
		size += timedSize
	}
	if flags&flagJournaled != 0 {
		size += ownerSize
	}
	if len(b) < size || Class(words&7) > ClassUnknown || Kind(words>>3&7) > KindAdjustment {
		return b, false
	}
	*e = Entry{
		Print: Print(b[:8]), Occurrence: binary.BigEndian.Uint16(b[8:]),
		Class: Class(words & 7), Kind: Kind(words >> 3 & 7), Effect: Effect(words >> 6),
		Standing: StandingDone, HasAmount: flags&flagAmount != 0, Exponent: int8(flags >> 3 & 7),
		Currency: Currency(binary.BigEndian.Uint16(b[12:])), Amount: int64(binary.BigEndian.Uint64(b[14:])),
	}
	b = b[entrySize:]
	if flags&flagTimed != 0 {
		e.Timed, e.Day, e.At = true, int32(binary.BigEndian.Uint16(b)), get48(b[2:])
		b = b[timedSize:]
	}
	if flags&flagJournaled != 0 {
		e.Standing, e.Owner = StandingJournaled, binary.BigEndian.Uint32(b)
		b = b[ownerSize:]
	}
	return b, true
}

// put48 appends 48 bits, which hold Unix milliseconds to the year 10889. Out of range is clamped.
func put48(dst []byte, v int64) []byte {
	v = min(max(v, 0), 1<<48-1)
	return append(dst, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func get48(b []byte) int64 {
	return int64(binary.BigEndian.Uint16(b))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
}
