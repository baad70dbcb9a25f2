package network

import "github.com/postbackhq/postback/schema"

// settableStatuses are the classes a preset may give to a word.
func settableStatuses() []schema.Status {
	return []schema.Status{schema.StatusPending, schema.StatusApproved, schema.StatusRejected, schema.StatusReversed, schema.StatusTest}
}

// ClassOf returns the class of a status word, given in lower case, that is safe
// without knowing the network, and StatusUnknown for every other word. ignored
// says that requests with that word are no conversions.
//
// The list is short on purpose: numbers and words such as lead, hold, new and
// accepted mean opposite things at different networks, so they need a preset.
func ClassOf(word string) (class schema.Status, ignored bool) {
	switch word {
	case "pending", "waiting", "processing":
		return schema.StatusPending, false
	case "approved", "confirmed", "paid", "locked":
		return schema.StatusApproved, false
	case "rejected", "declined", "denied", "cancelled", "canceled", "invalid", "trash":
		return schema.StatusRejected, false
	case "reversed", "refund", "refunded", "chargeback", "returned", "void":
		return schema.StatusReversed, false
	case "test":
		return schema.StatusTest, false
	case "ping", "heartbeat", "healthcheck", "visit", "order_impression":
		return schema.StatusUnknown, true
	}
	return schema.StatusUnknown, false
}

// class returns the class of a word, in lower case, by the preset first; a reason
// says that such requests are no conversions.
func (r *StatusRule) class(word []byte) (schema.Status, schema.Reason) {
	if class, ok := r.Words[string(word)]; ok {
		return class, schema.ReasonNone
	}
	if r.Ignored[string(word)] {
		return schema.StatusUnknown, schema.ReasonNotAConversion
	}
	class, ping := ClassOf(string(word))
	if ping {
		return class, schema.ReasonPing
	}
	return class, schema.ReasonNone
}
