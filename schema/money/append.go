package money

import "strconv"

// Append appends the canonical decimal of micros to dst and returns the longer slice: a minus if negative, no
// grouping, a dot, at least exponent fraction digits and beyond them no trailing zeros. Examples: 4.50 (exponent 2),
// 500 (0), 1.500 (3), 4.485 (2), -4.99 (2). exponent is clamped to 0..6. Zero is never written with a minus.
//
// Equal amounts of one currency always give equal bytes, and Parse of the result gives micros back for every amount
// Parse can return. With room in dst nothing is allocated.
func Append(dst []byte, micros int64, exponent int) []byte {
	magnitude := uint64(micros)
	if micros < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	dst = strconv.AppendUint(dst, magnitude/microsPerUnit, 10)

	var digits [KeptFractionDigits]byte
	rest, keep := magnitude%microsPerUnit, clampExponent(exponent)
	for i := KeptFractionDigits - 1; i >= 0; i-- {
		digit := byte(rest % 10)
		if digit != 0 {
			keep = max(keep, i+1)
		}
		digits[i] = '0' + digit
		rest /= 10
	}
	if keep == 0 {
		return dst
	}
	return append(append(dst, '.'), digits[:keep]...)
}
