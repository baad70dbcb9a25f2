package money

import "testing"

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"4.99", "32252.1922", "$1,234.56", "5 EUR", "free"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Parse(text, Format{}, 2)
			}
		})
	}
	b.Run("full 4.99", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = parseFull("4.99", Format{}, 2)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	buffer := make([]byte, 0, 32)
	b.ReportAllocs()
	for b.Loop() {
		buffer = Append(buffer[:0], 4_990_000, 2)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, text := range []string{"USD", "usd", " eur ", "HRK", "840", "€", "USDT", "usdt"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Lookup(text)
			}
		})
	}
}
