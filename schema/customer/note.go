package customer

// Note is a set of remarks on one value: what was mended, what stays doubtful,
// why nothing was kept. The zero Note says that the value was clean or absent.
type Note uint16

// The remarks. Each but Hashed stands for a word of the event's `repairs`.
const (
	// Rejected says that a value was sent and could not be normalized; nothing
	// was appended.
	Rejected Note = 1 << iota
	// Hashed says that the sender sent a SHA-256; it was appended in lower-case
	// hex and belongs into the field's `_sha256` twin.
	Hashed
	// EmailPlus says that a space inside the address was put back to `+`.
	EmailPlus
	// DoubleDecoded says that the address was percent-encoded twice.
	DoubleDecoded
	// PhonePlus says that a leading space was put back to `+`.
	PhonePlus
	// PhoneNoCountry says that the calling code is unknown: digits, no `+`.
	PhoneNoCountry
	// DateAmbiguous says that day and month could be swapped; read month first.
	DateAmbiguous
	// DateOutOfRange says that the date lies before 1900 or after today; it
	// comes with Rejected.
	DateOutOfRange
	// TruncatedNumber says that a JSON number has lost its leading zeros.
	TruncatedNumber
)

// noteWords gives the word of `repairs` for each remark that has one of its
// own. Read-only.
var noteWords = [...]struct {
	note Note
	word string
}{
	{EmailPlus, "email_plus"},
	{DoubleDecoded, "double_decoded"},
	{PhonePlus, "phone_plus"},
	{PhoneNoCountry, "phone_no_country"},
	{DateAmbiguous, "date_ambiguous"},
	{DateOutOfRange, "date_out_of_range"},
	{TruncatedNumber, "truncated_number"},
}

// AppendWords appends the words of `repairs` that n stands for, comma-joined
// and without a leading comma, and returns the longer slice. Rejected becomes
// `rejected_value:` and the field's name. Nothing of the value is in them.
func (n Note) AppendWords(dst []byte, f Field) []byte {
	start := len(dst)
	for _, w := range noteWords {
		if n&w.note == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, w.word...)
	}
	if n&Rejected != 0 {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, "rejected_value:"...)
		dst = append(dst, f.String()...)
	}
	return dst
}
