package dedupe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Mark carries everything a store needs to write a state that was published or journaled. The journal
// keeps its binary form beside the event and replays it at start. A value without pointers.
type Mark struct {
	Key Key
	// Entry is the state; raise Entry.Standing when it gets further.
	Entry
	Window time.Duration // memory of the identity, from Seen (Redis: from the writing) on
	Click  uint32        // hash of the click id
	Date   int64         // the network's clock, Unix milliseconds
	Seen   int64         // our clock at arrival, Unix milliseconds
}

// NewMark makes the mark for an arrival that was decided to be published and has now got that far. Owner
// is the instance that claimed and holds it.
func NewMark(a *Arrival, d *Decision, s Standing, owner uint32) Mark {
	m := Mark{Key: a.Key, Entry: a.entry(), Window: a.memory(), Click: a.Click, Date: max(a.Date, 0), Seen: a.Now}
	m.Kind, m.Occurrence, m.Standing, m.Owner = d.Kind, d.Occurrence, s, owner
	if a.Fallback {
		m.Click, m.Date = 0, 0 // the key holds them
	}
	if a.timed() {
		m.Timed, m.At, m.Day = true, a.Now, d.Day
	}
	return m
}

// Mark makes a mark of the i-th entry, to carry a state from one store into another. Pass all of them in
// order. The dates and clicks of single entries are not kept: all get those of the state.
func (s *State) Mark(i int, k Key, window time.Duration) Mark {
	return Mark{Key: k, Entry: s.list()[i], Window: window, Click: s.Click, Date: s.Date}
}

const (
	markVersion = 1
	markHead    = 1 + 16 + 1 + 6 + 4 + 6 + 6 + 4
	maxWindow   = math.MaxInt64 / int64(time.Millisecond)
)

// ErrMark is wrapped by errors of DecodeMark.
var ErrMark = errors.New("not a dedupe mark")

// AppendBinary appends the binary form of m, at most 70 bytes, to dst. It never fails; the error is there
// for encoding.BinaryAppender.
func (m *Mark) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, markVersion)
	dst = append(dst, m.Key[:]...)
	dst = append(dst, byte(m.Standing))
	dst = put48(dst, m.Window.Milliseconds())
	dst = binary.BigEndian.AppendUint32(dst, m.Click)
	dst = put48(dst, m.Date)
	dst = put48(dst, m.Seen)
	dst = binary.BigEndian.AppendUint32(dst, m.Owner)
	e := m.Entry
	e.Standing = StandingDone // standing and owner stand above
	return appendEntry(dst, &e), nil
}

// DecodeMark reads what AppendBinary wrote. It keeps nothing of b.
func DecodeMark(b []byte) (Mark, error) {
	var m Mark
	if len(b) < markHead+entrySize || b[0] != markVersion {
		return m, fmt.Errorf("%w: %d bytes do not begin one; was it written by a newer version?", ErrMark, len(b))
	}
	copy(m.Key[:], b[1:])
	standing := Standing(b[17])
	rest, ok := decodeEntry(b[markHead:], &m.Entry)
	if !ok || len(rest) != 0 || standing > StandingDone {
		return Mark{}, fmt.Errorf("%w: damaged after the key, %d bytes", ErrMark, len(b))
	}
	m.Standing = standing
	m.Window = time.Duration(min(get48(b[18:]), maxWindow)) * time.Millisecond
	m.Click = binary.BigEndian.Uint32(b[24:])
	m.Date, m.Seen = get48(b[28:]), get48(b[34:])
	m.Owner = binary.BigEndian.Uint32(b[40:])
	return m, nil
}
