package money

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalTextIsPaddedToTheExponentAndTrimmedBeyondIt(t *testing.T) {
	for _, c := range []struct {
		micros   int64
		exponent int
		want     string
	}{
		{4_500_000, 2, "4.50"},
		{4_990_000, 2, "4.99"},
		{-4_990_000, 2, "-4.99"},
		{4_485_000, 2, "4.485"},
		{500_000_000, 0, "500"},
		{500_500_000, 0, "500.5"},
		{1_500_000, 3, "1.500"},
		{1_500_000, 4, "1.5000"},
		{0, 2, "0.00"},
		{0, 0, "0"},
		{1, 2, "0.000001"},
		{-1, 0, "-0.000001"},
		{10, 2, "0.00001"},
		{1_000_000, 9, "1.000000"},
		{1_000_000, -3, "1"},
		{999_999_999_999_999_999, 2, "999999999999.999999"},
		{math.MaxInt64, 2, "9223372036854.775807"},
		{math.MinInt64, 2, "-9223372036854.775808"},
	} {
		if got := string(Append([]byte("x"), c.micros, c.exponent)); got != "x"+c.want {
			t.Errorf("Append(%d, %d) = %q, want %q", c.micros, c.exponent, got, "x"+c.want)
		}
	}
}

func TestEqualAmountsHaveEqualCanonicalText(t *testing.T) {
	want := string(Append(nil, Parse("4.99", Format{}, 2).Amount.Micros, 2))
	for _, text := range []string{"4.990", "4,99", "+4.99", "004.99000000", "$4.99", "USD 4.99"} {
		if got := string(Append(nil, Parse(text, Format{}, 2).Amount.Micros, 2)); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}

func TestParseUndoesAppendForEveryAmountInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-microsLimit+1, microsLimit-1).Draw(t, "micros")
		exponent := rapid.IntRange(0, 6).Draw(t, "exponent")
		text := string(Append(nil, micros, exponent))
		if got := Parse(text, Format{}, exponent).Amount; got != (Amount{micros, OK}) {
			t.Fatalf("%d with exponent %d is written %s and read as %+v", micros, exponent, text, got)
		}
		if shift := powersOf10[KeptFractionDigits-exponent]; micros%shift == 0 {
			units := strconv.FormatInt(micros/shift, 10)
			if got := Parse(units, Format{Minor: true}, exponent).Amount; got != (Amount{micros, OK}) {
				t.Fatalf("%s minor units of exponent %d are read as %+v, want %d micros", units, exponent, got, micros)
			}
		}
	})
}
