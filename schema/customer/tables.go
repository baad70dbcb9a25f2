package customer

import (
	_ "embed" // the tables below
	"strings"
)

// countryTable has one record of countryRecord bytes a country, sorted:
// alpha-2, alpha-3, numeric, calling code, trunk prefix, shortest and longest
// national number. Codes are those of ISO 3166-1 (Debian iso-codes, as packaged
// in pycountry 26.2), plus XK, which the standard leaves to users and everyone
// uses for Kosovo. Calling codes follow ITU-T E.164; trunk prefixes and number
// lengths (fixed, mobile, VoIP) are the facts of Google's libphonenumber
// metadata 9.0, Belarus's prefix written as people dial it. "-" and 0: none.
//
//go:embed countries.txt
var countryTable string

// countryNames maps folded names to alpha-2 codes, a line each, sorted: the
// codes of ISO 3166-1 themselves, its English names with their German, French
// and Spanish translations (Debian iso-codes), and everyday names.
//
//go:embed country_names.txt
var countryNames string

// stateNames maps a lower-case country code followed by a folded name to the
// code of a state, a line each, sorted: ISO 3166-2 of US, CA and AU, the
// military codes of USPS Publication 28 and usual abbreviations.
//
//go:embed state_names.txt
var stateNames string

// countryRecord is the length of a record of countryTable, its newline
// included.
const countryRecord = 24

// lookup finds key in a table of sorted lines "key value" and returns the
// value. Searching the text itself needs no start-up work and no map.
func lookup(table string, key []byte) (value string, ok bool) {
	for low, high := 0, len(table); low < high; {
		middle := low + (high-low)/2
		start := low + strings.LastIndexByte(table[low:middle], '\n') + 1
		end := start + strings.IndexByte(table[start:], '\n')
		name, code, _ := strings.Cut(table[start:end], " ")
		switch {
		case string(key) == name:
			return code, true
		case string(key) < name:
			high = start
		default:
			low = end + 1
		}
	}
	return "", false
}

// plan is how a country writes phone numbers.
type plan struct {
	code     string // calling code; empty when the country is unknown or has none
	trunk    string // dialled before a national number, not part of it; may be empty
	min, max int    // digits of a national number without trunk prefix
}

// planAt reads the record that starts at the given byte of countryTable.
func planAt(at int) plan {
	r := countryTable[at : at+countryRecord]
	p := plan{
		code:  strings.TrimLeft(r[11:14], " "),
		trunk: strings.TrimLeft(r[15:17], " "),
		min:   twoDigits(r[18:20]),
		max:   twoDigits(r[21:23]),
	}
	if p.code == "-" {
		return plan{}
	}
	if p.trunk == "-" {
		p.trunk = ""
	}
	return p
}

// twoDigits reads a number below 100 that is padded with a blank.
func twoDigits(s string) int {
	n := int(s[1] - '0')
	if s[0] != ' ' {
		n += 10 * int(s[0]-'0')
	}
	return n
}

// planOf returns the plan of an alpha-2 code in upper case; the zero plan when
// it is none.
func planOf(alpha2 string) plan {
	if len(alpha2) != 2 {
		return plan{}
	}
	low, high := 0, len(countryTable)/countryRecord
	for low < high {
		middle := (low + high) / 2
		switch at := middle * countryRecord; {
		case countryTable[at:at+2] == alpha2:
			return planAt(at)
		case countryTable[at:at+2] < alpha2:
			low = middle + 1
		default:
			high = middle
		}
	}
	return plan{}
}

// planByCode returns the plan of the first country with that calling code;
// countries that share one also share what is used of it, the trunk prefix. It
// is a scan of the table, for the rare numbers that need it.
func planByCode(code []byte) plan {
	if len(code) > 3 {
		return plan{}
	}
	padded := [3]byte{' ', ' ', ' '}
	copy(padded[3-len(code):], code)
	for at := 11; at < len(countryTable); at += countryRecord {
		if countryTable[at:at+3] == string(padded[:]) {
			return planAt(at - 11)
		}
	}
	return plan{}
}
