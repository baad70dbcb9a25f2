package customer

import (
	"strings"
	"time"
	"unicode/utf8"
)

// firstYear is the earliest year of birth that is believed; senders write 1900
// or 0000 for "unknown".
const firstYear = 1900

// AppendBirthdate appends the date as YYYY-MM-DD to dst and returns the longer
// slice. It reads year-first dates with any separator or none, `26.05.1991`
// (day first), `05/26/1991` and `05-26-1991` (month first, unless that cannot
// be; DateAmbiguous when both could), and months as English, German, French or
// Spanish words, in full or cut to three letters and more. A time of day or a
// remark in brackets behind the date is left out. Years of two digits and days
// that do not exist are refused; so is a date before 1900 or after now's UTC
// date (DateOutOfRange; a zero now skips the latter). It does not allocate.
func AppendBirthdate(dst []byte, raw string, now time.Time) ([]byte, Note) {
	if out, n, found := appendHashed(dst, raw); found {
		return out, n
	}
	text := trim(raw)
	if text == "" {
		return dst, 0
	}
	d, n, ok := parseDate(text)
	if !ok {
		return dst, Rejected
	}
	if d.year < firstYear || !now.IsZero() && d.after(now) {
		return dst, Rejected | DateOutOfRange
	}
	return d.appendISO(dst), n
}

// date is a day of the Gregorian calendar.
type date struct{ year, month, day int }

func (d date) appendISO(dst []byte) []byte {
	return append(dst, digit(d.year/1000), digit(d.year/100), digit(d.year/10), digit(d.year), '-',
		digit(d.month/10), digit(d.month), '-', digit(d.day/10), digit(d.day))
}

// digit returns the last decimal digit of n as a character.
func digit(n int) byte { return '0' + byte(n%10) }

// exists says whether the calendar has the day.
func (d date) exists() bool {
	if d.month < 1 || d.month > 12 || d.day < 1 {
		return false
	}
	last := 31
	switch d.month {
	case 4, 6, 9, 11:
		last = 30
	case 2:
		last = 28
		if d.year%4 == 0 && (d.year%100 != 0 || d.year%400 == 0) {
			last = 29
		}
	}
	return d.day <= last
}

func (d date) after(now time.Time) bool {
	year, month, day := now.UTC().Date()
	return d.year*10000+d.month*100+d.day > year*10000+int(month)*100+day
}

// datePart is one of the three parts of a date: a number of some digits, or
// the number of a month that was written as a word.
type datePart struct {
	value, digits int
	word          bool
}

// parseDate reads text as a date. The note may hold DateAmbiguous.
func parseDate(text string) (d date, n Note, ok bool) {
	if len(text) >= 8 && allDigits(text[:8]) {
		d = date{atoi(text[:4]), atoi(text[4:6]), atoi(text[6:8])}
		return d, 0, d.exists() && isDateTail(text[8:])
	}
	var parts [3]datePart
	var separator byte
	for i := range parts {
		if i > 0 {
			cut := dateGap(text)
			if i == 1 && cut != "" {
				separator = cut[0]
			}
			text = text[len(cut):]
		}
		if parts[i], text, ok = nextPart(text); !ok {
			return date{}, 0, false
		}
	}
	if !isDateTail(text) {
		return date{}, 0, false
	}
	return arrange(parts, separator)
}

// arrange decides which part is what.
func arrange(p [3]datePart, separator byte) (d date, n Note, ok bool) {
	short := func(i int) bool { return !p[i].word && p[i].digits <= 2 }
	year := func(i int) bool { return !p[i].word && p[i].digits == 4 }
	switch {
	case year(0) && (p[1].word || short(1)) && short(2):
		d = date{p[0].value, p[1].value, p[2].value}
	case p[0].word && short(1) && year(2):
		d = date{p[2].value, p[0].value, p[1].value}
	case short(0) && p[1].word && year(2):
		d = date{p[2].value, p[1].value, p[0].value}
	case short(0) && short(1) && year(2):
		monthFirst := date{p[2].value, p[0].value, p[1].value}
		dayFirst := date{p[2].value, p[1].value, p[0].value}
		d = monthFirst
		if separator == '.' && dayFirst.exists() || !monthFirst.exists() {
			d = dayFirst
		} else if separator != '.' && dayFirst.exists() && dayFirst != monthFirst {
			n = DateAmbiguous
		}
	}
	return d, n, d.exists()
}

// nextPart cuts one part off the front of text.
func nextPart(text string) (p datePart, rest string, ok bool) {
	for p.digits < len(text) && p.digits <= 4 && isDigit(text[p.digits]) {
		p.value = p.value*10 + int(text[p.digits]-'0')
		p.digits++
	}
	if p.digits > 0 {
		return p, text[p.digits+ordinalLen(text[p.digits:]):], p.digits <= 4
	}
	end := 0
	for end < len(text) && (isLetter(text[end]) || text[end] >= utf8.RuneSelf) {
		end++
	}
	p.value, p.word = month(text[:end]), true
	return p, text[end:], p.value > 0
}

// ordinalLen returns the length of an English ordinal ending at the front of
// text, 0 when there is none.
func ordinalLen(text string) int {
	if len(text) < 2 || len(text) > 2 && isLetter(text[2]) {
		return 0
	}
	for _, ending := range [...]string{"st", "nd", "rd", "th"} {
		if strings.EqualFold(text[:2], ending) {
			return 2
		}
	}
	return 0
}

// dateGap returns what separates two parts: punctuation and blanks, with the
// "of" or "de" of a spoken date.
func dateGap(text string) string {
	end := separatorLen(text)
	if end > 0 && len(text) > end+2 {
		if word := text[end : end+2]; strings.EqualFold(word, "of") || strings.EqualFold(word, "de") {
			if more := separatorLen(text[end+2:]); more > 0 {
				return text[:end+2+more]
			}
		}
	}
	return text[:end]
}

func separatorLen(text string) int {
	return len(text) - len(strings.TrimLeft(text, " -/.,"))
}

// isDateTail says whether text may stand behind a date: nothing, a time of day
// or a remark in brackets.
func isDateTail(text string) bool {
	rest := trim(text)
	switch {
	case rest == "":
		return true
	case rest[0] == '(':
		return true
	case text[0] == 'T' || text[0] == 't' || text[0] == ' ':
		clock := strings.TrimLeft(text[1:], " ")
		return len(clock) >= 5 && allDigits(clock[:2]) && clock[2] == ':'
	}
	return false
}

// monthNames has the names of each month folded, English first, then German,
// French and Spanish where they differ. Read-only.
var monthNames = [12][]string{
	{"january", "januar", "janner", "jaenner", "janvier", "enero"},
	{"february", "februar", "fevrier", "febrero"},
	{"march", "marz", "maerz", "mars", "marzo"},
	{"april", "avril", "abril"},
	{"may", "mai", "mayo"},
	{"june", "juni", "juin", "junio"},
	{"july", "juli", "juillet", "julio"},
	{"august", "aout", "agosto"},
	{"september", "septembre", "septiembre", "setiembre"},
	{"october", "oktober", "octobre", "octubre"},
	{"november", "novembre", "noviembre"},
	{"december", "dezember", "decembre", "diciembre"},
}

// month returns the number of the month that word names, in full or by its
// first three letters or more; 0 when none or several begin so.
func month(word string) int {
	var room [maxFold]byte
	key := fold(room[:0], word)
	found := 0
	if len(key) < 3 {
		return 0
	}
	for i, names := range monthNames {
		for _, name := range names {
			if len(key) > len(name) || name[:len(key)] != string(key) {
				continue
			}
			if found != 0 && found != i+1 {
				return 0
			}
			found = i + 1
		}
	}
	return found
}

// atoi reads a few decimal digits.
func atoi(digits string) int {
	n := 0
	for i := 0; i < len(digits); i++ {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
