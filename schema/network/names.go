package network

// maxEventName is the longest event name, in characters.
const maxEventName = 64

// StandardName returns the standard spelling of an event name that is given
// folded (lower case, without '_', '-' and spaces), and false for any other
// name.
//
// The list is AnyTrack's ("Standard events") and Meta's, with what GA4
// ("Recommended events") and TikTok call the same events; TikTok renamed
// CompletePayment to Purchase and SubmitForm to Lead in May 2025 and still sends
// both.
func StandardName(folded string) (string, bool) {
	switch folded {
	case "lead", "generatelead", "submitform":
		return "Lead", true
	case "purchase", "completepayment":
		return "Purchase", true
	case "completeregistration", "signup":
		return "CompleteRegistration", true
	case "addtocart":
		return "AddToCart", true
	case "initiatecheckout", "begincheckout":
		return "InitiateCheckout", true
	case "addpaymentinfo":
		return "AddPaymentInfo", true
	case "viewcontent", "viewitem":
		return "ViewContent", true
	case "pageview":
		return "PageView", true
	}
	return plainName(folded)
}

// plainName knows the standard events that have one name everywhere.
func plainName(folded string) (string, bool) {
	switch folded {
	case "outboundclick":
		return "OutboundClick", true
	case "formsubmit":
		return "FormSubmit", true
	case "subscribe":
		return "Subscribe", true
	case "starttrial":
		return "StartTrial", true
	case "schedule":
		return "Schedule", true
	case "contact":
		return "Contact", true
	case "submitapplication":
		return "SubmitApplication", true
	}
	return "", false
}
