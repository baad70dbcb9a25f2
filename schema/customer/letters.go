package customer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// trim cuts blanks from both ends, the invisible ones that copy and paste
// leave included (no-break space, byte order mark, zero-width and direction
// marks).
func trim(s string) string { return strings.TrimFunc(s, isBlank) }

// isBlank says whether r is white space, a control or an invisible mark.
func isBlank(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return unicode.IsSpace(r) || r == 0xfeff || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// withoutFloatTail cuts the ".0" a spreadsheet puts behind a number it took
// for a measurement.
func withoutFloatTail(s string) string {
	if whole, cut := strings.CutSuffix(s, ".0"); cut && allDigits(whole) {
		return whole
	}
	return s
}

func appendLowerASCII(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

func appendUpperASCII(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c &^= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// appendSpaced appends s with every run of blanks inside it as one space. It
// expects s to be trimmed.
func appendSpaced(dst []byte, s string) []byte {
	gap := false
	for _, r := range s {
		if isBlank(r) {
			gap = true
			continue
		}
		if gap {
			dst = append(dst, ' ')
			gap = false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// maxFold is the room for a folded word; the longest name of the tables fits.
const maxFold = 64

// fold appends the letters and digits of s to dst in lower case and without
// accents, everything else left out, so that "Côte d'Ivoire", "COTE D IVOIRE"
// and "cote-divoire" are one key. It stops after maxFold bytes: a longer text
// is in no table. Letters of other scripts stay as they are.
func fold(dst []byte, s string) []byte {
	for _, r := range s {
		if len(dst) > maxFold-utf8.UTFMax {
			return dst
		}
		if r < utf8.RuneSelf {
			if c := byte(r); isLetter(c) {
				dst = append(dst, c|0x20)
			} else if isDigit(c) {
				dst = append(dst, c)
			}
			continue
		}
		if plain := withoutAccent(unicode.ToLower(r)); plain != "" {
			dst = append(dst, plain...)
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// accents lists the Latin letters that have an ASCII base, each group behind
// its base. Read-only. Letters that become two are in withoutAccent.
const accents = "aàáâãäåāăąǎ cçćĉċč dďđð eèéêëēĕėęě gĝğġģ hĥħ iìíîïĩīĭįı jĵ kķ lĺļľŀł nñńņňŉ oòóôõöøōŏőǒ rŕŗř sśŝşšș tţťŧț uùúûüũūŭůűųǔ wŵ yýÿŷ zźżž"

// withoutAccent returns the ASCII spelling of a lower-case Latin letter, or ""
// when there is none.
func withoutAccent(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	}
	if r > 0x24f {
		return ""
	}
	at := strings.IndexRune(accents, r)
	if at < 0 {
		return ""
	}
	base := strings.LastIndexByte(accents[:at], ' ') + 1
	return accents[base : base+1]
}
