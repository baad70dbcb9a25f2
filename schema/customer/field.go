package customer

import "time"

// Field names one matching field of the event. The zero value is FieldEmail.
type Field uint8

// The fields, in the order the event writes them. The postback parameter
// `name` is none of them: SplitName turns it into a first and a last name.
const (
	FieldEmail Field = iota
	FieldPhone
	FieldFirstName
	FieldLastName
	FieldBirthdate
	FieldCity
	FieldState
	FieldZipcode
	FieldCountry
	numFields
)

// fieldNames holds the parameter name and the name of the hashed twin of each
// field. Read-only.
var fieldNames = [numFields][2]string{
	FieldEmail:     {"email", "email_sha256"},
	FieldPhone:     {"phone", "phone_sha256"},
	FieldFirstName: {"first_name", "first_name_sha256"},
	FieldLastName:  {"last_name", "last_name_sha256"},
	FieldBirthdate: {"birthdate", "birthdate_sha256"},
	FieldCity:      {"city", "city_sha256"},
	FieldState:     {"state", "state_sha256"},
	FieldZipcode:   {"zipcode", "zipcode_sha256"},
	FieldCountry:   {"country", "country_sha256"},
}

// Fields returns every field in the order of the event. The array is a copy.
func Fields() [9]Field {
	var all [numFields]Field
	for i := range all {
		all[i] = Field(i)
	}
	return all
}

// FieldOf returns the field whose parameter name is name, spelled as in the
// event (`first_name`); ok is false for any other word, `name` included.
func FieldOf(name string) (f Field, ok bool) {
	for i := range fieldNames {
		if fieldNames[i][0] == name {
			return Field(i), true
		}
	}
	return 0, false
}

// String returns the parameter name of the field, which is also its name in
// the event.
func (f Field) String() string {
	if f >= numFields {
		return "unknown"
	}
	return fieldNames[f][0]
}

// HashName returns the event's name for a value the sender had hashed already:
// `email_sha256` for FieldEmail. It is where a value flagged Hashed belongs.
func (f Field) HashName() string {
	if f >= numFields {
		return "unknown_sha256"
	}
	return fieldNames[f][1]
}

// NullWords says whether a literal null word (`null`, `none`, `undefined` …)
// in this field means that nothing was sent. Names and cities say no: people
// and places are called Null and None.
func (f Field) NullWords() bool {
	return f != FieldFirstName && f != FieldLastName && f != FieldCity
}

// Hints is what surrounds a value and decides how it reads. The zero value is
// "nothing known" and always safe.
type Hints struct {
	// Country is the ISO 3166-1 alpha-2 code, in upper case, of the event's own
	// country, else of the property's. It gives national phone numbers their
	// calling code and states their codes. Empty: unknown.
	Country string
	// Now is the first arrival of the postback. A birthdate after its UTC date
	// is refused; zero skips that test.
	Now time.Time
	// Number says that the value was a number in JSON, so leading zeros are
	// already lost.
	Number bool
}

// Append appends the normal form of raw, read as field f, to dst and returns
// the longer slice. When nothing was appended, nothing usable was sent: the
// Note then holds Rejected, or is zero when raw was blank. When the Note holds
// Hashed, what was appended is the sender's SHA-256 in lower-case hex and
// belongs into f.HashName(). raw is not kept. It allocates only to grow dst.
func Append(dst []byte, f Field, raw string, h Hints) ([]byte, Note) {
	switch f {
	case FieldEmail:
		return AppendEmail(dst, raw)
	case FieldPhone:
		return AppendPhone(dst, raw, h.Country)
	case FieldFirstName, FieldLastName:
		return AppendName(dst, raw)
	case FieldBirthdate:
		return AppendBirthdate(dst, raw, h.Now)
	case FieldCity:
		return AppendCity(dst, raw)
	case FieldState:
		return AppendState(dst, raw, h.Country)
	case FieldZipcode:
		return AppendZip(dst, raw, h.Country, h.Number)
	case FieldCountry:
		return AppendCountry(dst, raw)
	}
	return dst, Rejected
}
