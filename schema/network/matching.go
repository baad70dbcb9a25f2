package network

import (
	"time"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/customer"
)

// customer fills the matching fields that were sent and returns the event's
// country as an alpha-2 code. The event's own country decides about phones and
// states; the property's stands in for it but is never written into an event.
func (s *Scratch) customer(received int64) (country string) {
	if s.sent>>FieldName == 0 {
		return ""
	}
	hints := customer.Hints{Country: s.n.country}
	if received > 0 {
		hints.Now = time.UnixMilli(received).UTC()
	}
	s.matching(FieldCountry, hints)
	if p := s.param(FieldCountry); p != nil {
		if code, ok := customer.Country(p.Value); ok {
			country, hints.Country = code, code
		}
	}
	for f := FieldEmail; f < FieldCountry; f++ {
		s.matching(f, hints)
	}
	for f := FieldEmailSHA256; s.sent>>FieldEmailSHA256 != 0 && f <= FieldCountrySHA256; f++ {
		s.hashed(f)
	}
	s.fullName(hints)
	return country
}

// matching takes one field in its normal form.
func (s *Scratch) matching(f Field, hints customer.Hints) {
	p := s.param(f)
	if p == nil {
		return
	}
	hints.Number = p.Number
	s.put(f, p.Value, hints)
}

// put normalizes raw as f and stores it, hashed values in their own place.
func (s *Scratch) put(f Field, raw string, hints customer.Hints) {
	field := f.matching()
	if limited(f) {
		var shorter bool
		if raw, shorter = cutRunes(raw, MaxText); shorter {
			s.ev.Repair(schema.RepairTruncated, f.String())
		}
	}
	var note customer.Note
	normal := s.ev.Grow(func(dst []byte) []byte {
		dst, note = customer.Append(dst, field, raw, hints)
		return dst
	})
	if note != 0 {
		s.customerRepairs(f, note)
	}
	if normal == "" {
		return
	}
	if note&customer.Hashed != 0 {
		*hashSlot(&s.ev.Customer, field) = normal
		return
	}
	*slot(&s.ev.Customer, field) = normal
}

// limited reports whether f is free text, which is cut at MaxText.
func limited(f Field) bool {
	switch f {
	case FieldFirstName, FieldLastName, FieldCity, FieldState:
		return true
	}
	return false
}

// customerRepairs records what was mended in f. A country nobody knows stays in
// params where personal data is kept.
func (s *Scratch) customerRepairs(f Field, note customer.Note) {
	for _, w := range [...]struct {
		note   customer.Note
		word   schema.RepairWord
		detail string
	}{
		{customer.EmailPlus, schema.RepairEmailPlus, ""},
		{customer.DoubleDecoded, schema.RepairDoubleDecoded, ""},
		{customer.PhonePlus, schema.RepairPhonePlus, ""},
		{customer.PhoneNoCountry, schema.RepairPhoneNoCountry, ""},
		{customer.DateAmbiguous, schema.RepairDateAmbiguous, ""},
		{customer.DateOutOfRange, schema.RepairDateOutOfRange, ""},
		{customer.TruncatedNumber, schema.RepairTruncatedNumber, ""},
		{customer.Rejected, schema.RepairRejectedValue, f.String()},
	} {
		if note&w.note != 0 {
			s.ev.Repair(w.word, w.detail)
		}
	}
	if at := s.picks[f].at; f == FieldCountry && note&customer.Rejected != 0 && at > 0 && s.n.settings.PII == KeepPII {
		s.use[at-1] = useParam
	}
}

// hashed takes a field whose value the sender has hashed.
func (s *Scratch) hashed(f Field) {
	text := s.text(f)
	if text == "" {
		return
	}
	place := hashSlot(&s.ev.Customer, f.matching())
	if !customer.IsSHA256(text) {
		s.ev.Repair(schema.RepairRejectedValue, f.String())
		return
	}
	if *place == "" {
		*place = s.ev.Grow(func(dst []byte) []byte { return appendLower(dst, text) })
	}
}

// fullName splits the parameter name where first or last name are absent.
func (s *Scratch) fullName(hints customer.Hints) {
	p := s.param(FieldName)
	if p == nil {
		return
	}
	first, last := customer.SplitName(p.Value)
	c := &s.ev.Customer
	if c.FirstName == "" && c.FirstNameSHA256 == "" && first != "" {
		s.put(FieldFirstName, first, hints)
	}
	if c.LastName == "" && c.LastNameSHA256 == "" && last != "" {
		s.put(FieldLastName, last, hints)
	}
}

// protect hashes or drops the customer fields as the property wants it. It runs
// after Identify, which needs the e-mail.
func (s *Scratch) protect() {
	switch s.n.settings.PII {
	case DropPII:
		s.ev.Customer = schema.Customer{}
	case HashPII:
		for f := customer.FieldEmail; f <= customer.FieldCountry; f++ {
			s.hashField(f)
		}
	}
}

func (s *Scratch) hashField(f customer.Field) {
	plain, hash := slot(&s.ev.Customer, f), hashSlot(&s.ev.Customer, f)
	if *plain == "" {
		return
	}
	s.fold = appendLower(s.fold[:0], *plain)
	*hash = s.ev.Grow(func(dst []byte) []byte { return customer.AppendSHA256(dst, s.fold) })
	*plain = ""
}

// slot returns the place of f in c.
func slot(c *schema.Customer, f customer.Field) *string {
	switch f {
	case customer.FieldEmail:
		return &c.Email
	case customer.FieldPhone:
		return &c.Phone
	case customer.FieldFirstName:
		return &c.FirstName
	case customer.FieldLastName:
		return &c.LastName
	case customer.FieldBirthdate:
		return &c.Birthdate
	case customer.FieldCity:
		return &c.City
	case customer.FieldState:
		return &c.State
	case customer.FieldZipcode:
		return &c.Zipcode
	default:
		return &c.Country
	}
}

// hashSlot returns the place of the hash of f in c.
func hashSlot(c *schema.Customer, f customer.Field) *string {
	switch f {
	case customer.FieldEmail:
		return &c.EmailSHA256
	case customer.FieldPhone:
		return &c.PhoneSHA256
	case customer.FieldFirstName:
		return &c.FirstNameSHA256
	case customer.FieldLastName:
		return &c.LastNameSHA256
	case customer.FieldBirthdate:
		return &c.BirthdateSHA256
	case customer.FieldCity:
		return &c.CitySHA256
	case customer.FieldState:
		return &c.StateSHA256
	case customer.FieldZipcode:
		return &c.ZipcodeSHA256
	default:
		return &c.CountrySHA256
	}
}
