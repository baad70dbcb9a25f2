//go:build !race

package customer

import "testing"

func TestAppendAllocatesNothingIntoAWarmBuffer(t *testing.T) {
	h, values := hotValues()
	buffer := make([]byte, 0, 256)
	check := func(what string, run func()) {
		t.Helper()
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%s: %v allocations, want none", what, n)
		}
	}
	for _, f := range Fields() {
		for _, raw := range []string{values[f], emptyHash, "not at all <this>", " 16505554444", "0171 1234567"} {
			check(f.String()+" "+raw, func() { buffer, _ = Append(buffer[:0], f, raw, h) })
		}
	}
	check("twice encoded email", func() { buffer, _ = AppendEmail(buffer[:0], "jane%2Bx%40example.com") })
	check("name", func() {
		first, last := SplitName("Public, Jane Q.")
		buffer = append(append(buffer[:0], first...), last...)
	})
	check("words", func() { buffer = (Rejected | DateOutOfRange).AppendWords(buffer[:0], FieldBirthdate) })
	value := []byte("jane@example.com")
	check("hash", func() { buffer = AppendSHA256(buffer[:0], value) })
	check("country", func() { _, _ = Country("Bosnia and Herzegovina") })
}
