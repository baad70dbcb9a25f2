//go:build !race

package money

import "testing"

func TestHotPathAllocatesNothing(t *testing.T) {
	buffer := make([]byte, 0, 32)
	work := map[string]func(){
		"Parse plain":   func() { _ = Parse("4.99", Format{}, 2) },
		"Parse foreign": func() { _ = Parse(" € -1.234,5678901 EUR ", Format{}, 2) },
		"Parse minor":   func() { _ = Parse("2995", Format{Minor: true}, 2) },
		"Parse invalid": func() { _ = Parse("free", Format{}, 2) },
		"Append":        func() { buffer = Append(buffer[:0], -4_485_000, 2) },
		"Lookup upper":  func() { _ = Lookup("USD") },
		"Lookup lower":  func() { _ = Lookup(" jpy ") },
		"Lookup number": func() { _ = Lookup("840") },
		"Lookup sign":   func() { _ = Lookup("€") },
		"Lookup USDT":   func() { _ = Lookup("USDT") },
	}
	for name, run := range work {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
}
