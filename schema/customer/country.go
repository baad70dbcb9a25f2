package customer

import "strings"

// Country returns the ISO 3166-1 alpha-2 code, in upper case, of a country sent
// as alpha-2, alpha-3 or numeric code, or by its English, German, French or
// Spanish name or an everyday one. Case, accents, blanks and punctuation do not
// matter; leading zeros of a number may be missing; UK is GB and EL is GR. ok is
// false for anything else: names are looked up, never cut to two letters. The
// code aliases a read-only table; nothing is allocated.
func Country(raw string) (alpha2 string, ok bool) {
	var room [maxFold]byte
	key := fold(room[:0], raw)
	if len(key) == 0 || len(key) == 2 && strings.IndexByte(raw, '/') >= 0 {
		return "", false // "n/a" is not Namibia
	}
	if len(key) < 3 && allDigits(string(key)) {
		var padded [3]byte
		copy(padded[:], "000")
		copy(padded[3-len(key):], key)
		return lookup(countryNames, padded[:])
	}
	if alpha2, ok = lookup(countryNames, key); ok {
		return alpha2, true
	}
	if len(key) > 3 && string(key[:3]) == "the" {
		return lookup(countryNames, key[3:])
	}
	return "", false
}

// AppendCountry appends the alpha-2 code of raw to dst, see Country, and
// returns the longer slice. A country nobody knows appends nothing and is
// Rejected; the caller may keep what was sent in params.
func AppendCountry(dst []byte, raw string) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	if trim(raw) == "" {
		return dst, 0
	}
	alpha2, ok := Country(raw)
	if !ok {
		return dst, Rejected
	}
	return append(dst, alpha2...), 0
}
