package dedupe

import (
	"bytes"
	"testing"
	"time"
)

func FuzzStateDecodeNeverTrustsItsInput(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3})
	seed := State{Seq: 20, Click: 1, Date: 5, n: 1}
	f.Add(encoded(&seed, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again State
		rest, err := s.Decode(b)
		if err != nil {
			if s.n != 0 || s.Seq != 0 {
				t.Fatal("an error leaves something behind")
			}
			return
		}
		out := encoded(&s, true)
		if left, err := again.Decode(out); err != nil || len(left) != 0 || !bytes.Equal(encoded(&again, true), out) {
			t.Fatalf("%x decodes to what does not encode: %x, %v", b, out, err)
		}
		if len(rest) > len(b) {
			t.Fatal("more left than there was")
		}
		_, _ = s.Counted()
	})
}

func FuzzDecodeMarkNeverTrustsItsInput(f *testing.F) {
	m := Mark{Key: Key{1}, Entry: Entry{Print: Print{2}, Timed: true, Day: 3, At: 4, Standing: StandingJournaled, Owner: 5}, Window: time.Hour}
	b, _ := m.AppendBinary(nil)
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMark(b)
		if err != nil {
			return
		}
		out, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeMark(out)
		if err != nil || back != m {
			t.Fatalf("%+v\nbecame %+v (%v)", m, back, err)
		}
	})
}

func TestAnIDDoneOnceTakes28Bytes(t *testing.T) {
	a := arrivalOf(t, "approved 4.99 USD c1", &Policy{})
	d := Decide(&Claim{}, &a)
	m := NewMark(&a, &d, StandingDone, 1)
	var s State
	Apply(&s, &m)
	if n := len(encoded(&s, true)); n != 28 {
		t.Errorf("%d bytes; Redis' 48-byte allocation class takes 28", n)
	}
	a = arrivalOf(t, "rejected 4.99 USD c1", &Policy{})
	d = Decide(&Claim{State: s}, &a)
	m = NewMark(&a, &d, StandingDone, 1)
	Apply(&s, &m)
	if n := len(encoded(&s, true)); n != 28+entrySize {
		t.Errorf("a further state makes it %d bytes", n)
	}
}
