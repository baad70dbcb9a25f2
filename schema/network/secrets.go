package network

// secretNames are the parameters that are removed unread from every request:
// credentials a sender has to put into the URL, and what senders pass on unasked
// (NATS posts the member's password, Hotmart its shared secret).
func secretNames() []string {
	return []string{
		"password", "passwd", "pass", "pwd", "cryptpass", "login_password", "passphrase",
		"token", "api_key", "api_token", "access_token", "auth_token", "refresh_token", "security_token",
		"verification_token", "postback_token", "postback_key", "hottok", "secure", "authorization", "auth",
		"secret", "secret_key", "client_secret", "shared_secret", "private_key", "webhook_secret",
		"signature", "sig", "sign", "sha_sign", "hmac", "checksum", "cverify", "digest",
		"card_number", "credit_card", "cc_number", "cc_num", "ccnum", "pan", "cvv", "cvc", "cvv2", "iban", "ssn",
	}
}

// entityNames are parameter names that HTML damages (see package params) and that
// are repaired in every preset, beside those that mean a field.
func entityNames() []string {
	return []string{
		"currency", "currency_code", "current", "current_page", "timestamp", "times", "region", "region_code",
		"reg_id", "register", "registration", "section", "section_id", "sect", "note", "notes", "notify_url",
		"notification", "not_id", "param", "param1", "params", "para", "copy", "copy_id", "copyright", "degree",
		"deg", "cent", "cents", "center", "pound", "pounds", "yen", "quote", "quotes", "quot", "ltv", "lt_id",
		"gt", "gtin", "micro", "microsite", "macro", "macro_id", "ethnicity", "divide", "ordfield", "middot",
		"acute", "cedil", "uml", "shy", "sup1", "sup2", "sup3", "frac12", "plusmn", "iexcl", "iquest", "thorn",
		"szlig", "aring", "auml", "ouml", "uuml", "lang",
	}
}

// cardLike reports whether s looks like the number of a payment card: the digit
// count and first digits of the large issuers (ISO/IEC 7812-1) and a right check
// digit, blanks and dashes aside.
func cardLike(s string) bool {
	const shortest, longest, separators = 13, 19, 4
	if len(s) < shortest || len(s) > longest+separators || s[0] < '3' || s[0] > '6' {
		return false
	}
	var digits [longest]byte
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && n < longest:
			digits[n] = c - '0'
			n++
		case c != ' ' && c != '-':
			return false
		}
	}
	return issued(digits[:n]) && luhn(digits[:n])
}

func issued(d []byte) bool {
	if len(d) < 13 {
		return false
	}
	two := d[0]*10 + d[1]
	switch {
	case d[0] == 4:
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two == 34 || two == 37:
		return len(d) == 15
	case two >= 51 && two <= 55, two == 60, two == 65:
		return len(d) == 16
	}
	return false
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
