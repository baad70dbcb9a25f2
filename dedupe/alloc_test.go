//go:build !race

package dedupe

import "testing"

func TestKnownArrivalsCostNoAllocation(t *testing.T) {
	d := openDiary(t, "", 0)
	defer closeStore(t, d)
	d.remember(t, 0, 256, nil)
	a := make([]Arrival, 256)
	out := make([]Claim, 256)
	for i := range a {
		a[i] = arrivalOf(t, "approved 5", &Policy{})
		a[i].Key = numbered(i)
	}
	m := NewMark(&a[0], &Decision{}, StandingDone, 1)
	marks := []Mark{m}
	buf := make([]byte, 0, 100)
	duplicates := 0
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Claim(t.Context(), marks, a, out); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if dec := Decide(&out[i], &a[i]); dec.Duplicate {
				duplicates++
			}
		}
		buf, _ = marks[0].AppendBinary(buf[:0])
		if _, err := DecodeMark(buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 || duplicates != 101*256 {
		t.Errorf("%v allocations for a batch of 256, %d duplicates", n, duplicates)
	}
}
