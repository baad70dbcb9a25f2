package money

// Kind classifies what a sender gave as a currency. The zero value is NoCode.
type Kind uint8

// The kinds of codes.
const (
	// NoCode means nothing was given: blank text.
	NoCode Kind = iota
	// Current is a code of ISO 4217 List One.
	Current
	// Historic is a code that ISO 4217 has withdrawn; it stays as it is.
	Historic
	// Test is XTS or XXX, which ISO 4217 reserves for testing and for no currency at all.
	Test
	// Symbol is a currency sign that belongs to more than one currency, such as $; it is no code.
	Symbol
	// Unknown is any other word, such as USDT, points or US$; it is kept and flagged, never replaced.
	Unknown
)

// String returns the name of k in lower case.
func (k Kind) String() string {
	switch k {
	case NoCode:
		return "none"
	case Current:
		return "current"
	case Historic:
		return "historic"
	case Test:
		return "test"
	case Symbol:
		return "symbol"
	default:
		return "unknown"
	}
}

// defaultExponent is assumed where ISO 4217 says nothing: unknown codes, and codes without a minor unit.
const defaultExponent = 2

// Currency is one code and what is known about it.
type Currency struct {
	// Code is what an event carries: three letters for a known code, the word as sent in ASCII upper case for
	// Unknown, and "" for NoCode and Symbol.
	Code string
	// Number is the ISO 4217 numeric code, 0 if there is none.
	Number uint16
	// Exponent is the number of digits an amount is padded to: those of the minor unit, 2 if there is none or it
	// is not known.
	Exponent int
	// Kind says how far Code can be relied upon.
	Kind Kind
	// NoMinorUnit is true for codes to which ISO 4217 gives no minor unit ("N.A."): metals, funds, XTS, XXX.
	NoMinorUnit bool
	// Successor is the code that replaced a historic one, "" if none or several did. It is information only.
	Successor string
}

// Lookup classifies the text of a currency parameter: a code in any case, an ISO 4217 numeric code of one to three
// digits ("840", "036", "36"), or the signs € and £, which stand for one currency each in practice; blanks around
// them are allowed. A number that was passed on belongs to the newest code that has it. Nothing is ever rewritten: historic
// codes stay, unknown words come back in ASCII upper case.
//
// The Code of an Unknown may share memory with text; all others are constants. Lookup allocates only for an unknown
// word that has lower-case letters.
func Lookup(text string) Currency {
	if c := byLetters(text); c != nil {
		return *c
	}
	text = trimBlanks(text)
	switch text {
	case "":
		return Currency{Exponent: defaultExponent}
	case "€":
		text = "EUR"
	case "£":
		text = "GBP"
	}
	if c := byLetters(text); c != nil {
		return *c
	}
	if c := byNumber(text); c != nil {
		return *c
	}
	if isSignOnly(text) {
		return Currency{Exponent: defaultExponent, Kind: Symbol}
	}
	return Currency{Code: upperASCII(text), Exponent: defaultExponent, Kind: Unknown}
}

// IsCode reports whether text is a code that Lookup would call Current, Historic or Test: three letters in any case,
// with no blanks around them.
func IsCode(text string) bool {
	return byLetters(text) != nil
}

// directory finds currencies by letters and by number. Positions are one more than the index in all; 0 is nothing.
// Two direct tables of 37 KB stand in for a map, because letters of either case lead to their place without an
// upper-cased key being made first: 11 ns for USD and usd alike (BenchmarkLookup).
type directory struct {
	all     []Currency
	letters [26 * 26 * 26]uint16
	numbers [1000]uint16
}

// currencies is filled once from the tables and only read after that.
var currencies = newDirectory()

func newDirectory() *directory {
	d := &directory{all: make([]Currency, 0, len(currentRows)+len(historicRows))}
	for _, r := range currentRows {
		d.add(r, Current)
	}
	for _, r := range historicRows {
		d.add(r, Historic)
	}
	return d
}

// add enters one row. The first to claim a number keeps it, which gives current codes precedence over historic ones.
func (d *directory) add(r row, kind Kind) {
	if r.code == "XTS" || r.code == "XXX" {
		kind = Test
	}
	c := Currency{
		Code:      r.code,
		Number:    r.number,
		Exponent:  int(r.digits),
		Kind:      kind,
		Successor: r.successor,
	}
	if r.digits == noMinorUnit {
		c.Exponent, c.NoMinorUnit = defaultExponent, true
	}
	d.all = append(d.all, c)
	position := uint16(len(d.all))
	if slot, ok := letterSlot(r.code); ok {
		d.letters[slot] = position
	}
	if r.number != 0 && d.numbers[r.number] == 0 {
		d.numbers[r.number] = position
	}
}

// letterSlot returns the place of a three-letter word in directory.letters.
func letterSlot(word string) (int, bool) {
	if len(word) != 3 || !isLetter(word[0]) || !isLetter(word[1]) || !isLetter(word[2]) {
		return 0, false
	}
	a, b, c := int(word[0]|0x20)-'a', int(word[1]|0x20)-'a', int(word[2]|0x20)-'a'
	return (a*26+b)*26 + c, true
}

// byLetters returns the currency of a three-letter code in any case, nil if there is none. Nobody may write to it.
func byLetters(word string) *Currency {
	slot, ok := letterSlot(word)
	if !ok {
		return nil
	}
	return currencies.at(currencies.letters[slot])
}

// byNumber is byLetters for numeric codes, with or without leading zeros.
func byNumber(text string) *Currency {
	if len(text) > 3 {
		return nil
	}
	number := 0
	for i := range len(text) {
		if !isDigit(text[i]) {
			return nil
		}
		number = number*10 + int(text[i]-'0')
	}
	return currencies.at(currencies.numbers[number])
}

func (d *directory) at(position uint16) *Currency {
	if position == 0 {
		return nil
	}
	return &d.all[position-1]
}

func isSignOnly(text string) bool {
	for _, r := range text {
		if !isSymbol(r) {
			return false
		}
	}
	return true
}

// upperASCII leaves other letters alone, so that the result is the same however often it is applied.
func upperASCII(s string) string {
	for i := range len(s) {
		if s[i]-'a' < 26 {
			return upperFrom(s, i)
		}
	}
	return s
}

func upperFrom(s string, first int) string {
	b := []byte(s)
	for i := first; i < len(b); i++ {
		if b[i]-'a' < 26 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}
