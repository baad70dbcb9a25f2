package customer

// What a value has to look like, for the errors.
const (
	wantsEmail   = "one address such as jane@example.com"
	wantsPhone   = "a phone number with its country code, 7 to 15 digits"
	wantsName    = "a name with at least one letter"
	wantsPlace   = "a name with at least one letter"
	wantsState   = "a state's name or code"
	wantsZip     = "a postal code"
	wantsCountry = "a two-letter country code of ISO 3166-1"
	wantsDate    = "a date after 1900 such as 1991-05-26"
	wantsGender  = "m or f"
	wantsID      = "an id that is not blank"
	wantsIP      = "an IPv4 or IPv6 address"
	wantsCode    = "a three-letter currency code"
)

// The forms several platforms share. Read-only.
var (
	emailForm      = form{normalize: plainEmail, wants: wantsEmail}
	digitsForm     = form{normalize: phoneDigits, wants: wantsPhone}
	plainNameForm  = form{normalize: lowerText, wants: wantsName}
	plainCityForm  = form{normalize: lowerText, wants: wantsPlace}
	letterCityForm = form{normalize: cityLetters, wants: wantsPlace}
	stateCodeForm  = form{normalize: stateCode, wants: wantsState}
	countryForm    = form{normalize: lowerCountry, wants: wantsCountry}
	birthdateForm  = form{normalize: compactDate, wants: wantsDate}
	genderForm     = form{normalize: gender, wants: wantsGender}
	idForm         = form{normalize: trimmed, wants: wantsID}
	lowerIDForm    = form{normalize: lowerText, wants: wantsID}
	addressForm    = form{normalize: address, wants: wantsIP}
)

// platformForms is what each platform wants of each field. Read-only.
var platformForms = map[string]map[string]form{
	Meta: {
		"email": emailForm, "phone": digitsForm,
		"first_name": {normalize: nameNoPunctuation, wants: wantsName},
		"last_name":  {normalize: nameNoPunctuation, wants: wantsName},
		"birthdate":  birthdateForm, "gender": genderForm,
		"city":        letterCityForm,
		"state":       {normalize: stateLetters, wants: wantsState},
		"zipcode":     {normalize: metaZip, wants: wantsZip},
		"country":     countryForm,
		"external_id": lowerIDForm,
		"currency":    form{normalize: currency, wants: wantsCode}.inClear(),
		// Meta matches on the address itself: hashing it loses the event.
		"client_ip_address": addressForm.inClear(),
	},
	MetaParamBuilder: {
		"email":      {normalize: strictEmail, wants: wantsEmail},
		"phone":      digitsForm,
		"first_name": {normalize: nameGlued, wants: wantsName},
		"last_name":  {normalize: nameGlued, wants: wantsName},
		"birthdate":  {normalize: compactNumericDate, wants: wantsDate},
		"gender":     genderForm,
		"city":       {normalize: cityASCII, wants: wantsPlace},
		"state":      stateCodeForm,
		"zipcode":    {normalize: metaZip, wants: wantsZip},
		"country":    {normalize: namedCountry, wants: wantsCountry}, "external_id": lowerIDForm,
	},
	Google: {
		"email":      {normalize: googleEmail, wants: wantsEmail},
		"phone":      {normalize: phoneE164, wants: wantsPhone},
		"first_name": {normalize: googleFirstName, wants: "a given name that is more than a title"},
		"last_name":  {normalize: googleLastName, wants: "a family name that is more than a suffix"},
		"street":     {normalize: textNoPunctuation, wants: wantsPlace},
		"city":       form{normalize: textNoPunctuation, wants: wantsPlace}.inClear(),
		"state":      form{normalize: textNoPunctuation, wants: wantsState}.inClear(),
		"zipcode":    form{normalize: trimmed, wants: wantsZip}.inClear(),
		"country":    form{normalize: upperCountry, wants: wantsCountry}.inClear(),
	},
	TikTok: {
		"email":      emailForm,
		"phone":      {normalize: tiktokPhone, wants: wantsPhone + ", not of calling code 86"},
		"first_name": plainNameForm, "last_name": plainNameForm,
		"city":        form{normalize: alphanumeric, wants: wantsPlace}.inClear(),
		"state":       form{normalize: alphanumeric, wants: wantsState}.inClear(),
		"zipcode":     {normalize: zipGlued, wants: wantsZip},
		"country":     countryForm.inClear(),
		"external_id": idForm, "client_ip_address": addressForm.inClear(),
	},
	Snap: {
		"email": emailForm, "phone": {normalize: snapPhone, wants: wantsPhone},
		"first_name": plainNameForm, "last_name": plainNameForm,
		"city": plainCityForm, "state": plainCityForm,
		"zipcode": {normalize: lowerText, wants: wantsZip},
		"country": countryForm, "gender": genderForm,
		"external_id": idForm, "client_ip_address": addressForm,
	},
	Pinterest: {
		"email": emailForm, "phone": digitsForm,
		"first_name": plainNameForm, "last_name": plainNameForm,
		"birthdate": birthdateForm, "gender": {normalize: genderOrNot, wants: "f, m or n"},
		"city": letterCityForm, "state": stateCodeForm,
		"zipcode": {normalize: metaZip, wants: wantsZip},
		"country": countryForm, "external_id": idForm,
		"client_ip_address": addressForm.inClear(),
	},
}
