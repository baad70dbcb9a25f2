package network

import "github.com/postbackhq/postback/schema/customer"

// Field is a meaning a parameter can have: a canonical parameter of the collect
// API.
type Field uint8

// The fields. NoField is the zero value: an ordinary parameter. FieldTest is the
// parameter test=1, FieldGoal one that tells the conversions of a click apart
// without naming the event. The fields from FieldEmailSHA256 on carry values that
// the sender has hashed already.
const (
	NoField Field = iota
	FieldClickID
	FieldTransactionID
	FieldCommission
	FieldSaleAmount
	FieldCurrency
	FieldStatus
	FieldEventName
	FieldGoal
	FieldBrandName
	FieldOccurredAt
	FieldTest
	FieldName
	FieldEmail
	FieldPhone
	FieldFirstName
	FieldLastName
	FieldBirthdate
	FieldCity
	FieldState
	FieldZipcode
	FieldCountry
	FieldEmailSHA256
	FieldPhoneSHA256
	FieldFirstNameSHA256
	FieldLastNameSHA256
	FieldBirthdateSHA256
	FieldCitySHA256
	FieldStateSHA256
	FieldZipcodeSHA256
	FieldCountrySHA256

	numFields
)

// fieldNames are the canonical parameter names, in the order of Field.
var fieldNames = [numFields]string{
	"", "click_id", "transaction_id", "commission", "sale_amount", "currency", "status", "event_name", "goal",
	"brand_name", "occurred_at", "test", "name", "email", "phone", "first_name", "last_name", "birthdate", "city",
	"state", "zipcode", "country", "email_sha256", "phone_sha256", "first_name_sha256", "last_name_sha256",
	"birthdate_sha256", "city_sha256", "state_sha256", "zipcode_sha256", "country_sha256",
}

// String returns the canonical parameter name, which is also the field's name in
// presets and in repairs; empty for NoField.
func (f Field) String() string {
	if f < numFields {
		return fieldNames[f]
	}
	return ""
}

// FieldOf returns the field with that canonical name, spelled as in Field.String.
func FieldOf(name string) (Field, bool) {
	for f := NoField + 1; f < numFields; f++ {
		if fieldNames[f] == name {
			return f, true
		}
	}
	return NoField, false
}

// Fields returns every field in the order of the constants. The slice is the
// caller's.
func Fields() []Field {
	fields := make([]Field, 0, numFields-1)
	for f := NoField + 1; f < numFields; f++ {
		fields = append(fields, f)
	}
	return fields
}

// personal reports whether values of f are a person's: they never land in params.
func (f Field) personal() bool { return f >= FieldName && f < numFields }

// hashed reports whether f carries a value the sender has hashed.
func (f Field) hashed() bool { return f >= FieldEmailSHA256 }

// matching returns the customer field behind f, for FieldEmail to
// FieldCountrySHA256.
func (f Field) matching() customer.Field {
	if f.hashed() {
		return customer.Field(f - FieldEmailSHA256)
	}
	return customer.Field(f - FieldEmail)
}

// nullWords reports whether "null", "n/a" and the like mean absence in f: in
// identity, money, currency, status, event, e-mail, phone, dates and codes, but
// not in names, towns and brands, since people are called Null and None.
func (f Field) nullWords() bool {
	switch f {
	case FieldBrandName, FieldName, FieldFirstName, FieldLastName, FieldCity, FieldTest:
		return false
	}
	return true
}

// weakMacros reports whether the ambiguous macro shapes (__x__, --X--) count in f.
func (f Field) weakMacros() bool {
	switch f {
	case FieldClickID, FieldTransactionID, FieldCommission, FieldCurrency, FieldStatus:
		return true
	}
	return false
}

// FieldSet is a set of fields.
type FieldSet uint64

// Has reports whether f is in the set.
func (s FieldSet) Has(f Field) bool { return s&(1<<f) != 0 }

// add puts f into the set and reports whether it was not there yet.
func (s *FieldSet) add(f Field) bool {
	if s.Has(f) {
		return false
	}
	*s |= 1 << f
	return true
}
