package network

import (
	"strings"

	"github.com/postbackhq/postback/schema/params"
)

// secretTable holds the folded names that every preset removes. Read-only.
var secretTable = compileSecrets()

func compileSecrets() map[string]bool {
	table := make(map[string]bool)
	for _, name := range secretNames() {
		table[foldName(name)] = true
	}
	return table
}

// Secret reports whether a parameter or header field of that name carries a
// credential that must not be kept, logged or published.
func Secret(name string) bool {
	var buf [64]byte
	if len(name) > len(buf) {
		return false
	}
	return secretTable[string(params.Fold(buf[:0], name))]
}

// Tokens appends the credentials that stood among the parameters of the request
// s was last used for: the values of api_key and token, in the order they were
// sent. They are views into the request, valid as long as it is.
func (s *Scratch) Tokens(dst []string) []string {
	for i := range s.list.Params {
		p := &s.list.Params[i]
		if p.Value == "" || p.Macro || p.JSONNull {
			continue
		}
		var buf [64]byte
		if len(p.Name) > len(buf) {
			continue
		}
		switch string(params.Fold(buf[:0], p.Name)) {
		case "apikey", "token":
			dst = append(dst, p.Value)
		}
	}
	return dst
}

// Fix says in one sentence what to do about a word of the closed vocabularies of
// repairs and reasons, given as it stands in an event ("macro:click_id").
func Fix(word string) string {
	kind, detail, _ := strings.Cut(word, ":")
	advice, ok := fixes[kind]
	if !ok {
		return "See the documentation of this word."
	}
	if detail == "" {
		return advice
	}
	return detail + ": " + advice
}

// fixes is the advice for each word. Read-only.
var fixes = map[string]string{
	"macro":                    "the network did not fill this macro in; use the spelling its own documentation gives, capitals included.",
	"null_word":                "a word such as null stood for a value; let the network leave the parameter empty.",
	"entity":                   "an HTML page or e-mail turned part of the URL into a symbol; copy the URL as plain text, and put currency first after the question mark.",
	"amp_prefix":               "the URL was copied out of HTML source; write & instead of &amp;.",
	"conflict":                 "the parameter came twice with different values and the first was taken; send it once.",
	"decimal_comma":            "the amount was written with a decimal comma; a point is safer.",
	"grouping_removed":         "the amount had thousands separators; send plain digits.",
	"symbol_stripped":          "the amount carried a currency symbol; send the ISO code as currency.",
	"code_in_amount":           "the amount carried a currency code; send it as currency.",
	"email_plus":               "a plus in the e-mail was decoded to a blank; send it as %2B.",
	"second_question_mark":     "the URL has two question marks; join further parameters with &.",
	"json_ampersand":           "the URL was copied out of JSON; write & instead of \\u0026.",
	"latin1":                   "the text was not UTF-8 and was read as Windows-1252; send UTF-8.",
	"lone_surrogate":           "half a character in a JSON escape was replaced; send UTF-8.",
	"double_decoded":           "the value was percent-encoded twice; encode it once.",
	"bad_escape":               "a percent sign was not followed by two hex digits; encode it as %25.",
	"truncated_number":         "a JSON number lost its leading zero; send it as a string.",
	"rounded":                  "more than six fraction digits were rounded.",
	"fraction_beyond_exponent": "the amount has more fraction digits than its currency; check that the point is not a thousands separator.",
	"control_stripped":         "control characters were removed.",
	"phone_no_country":         "the phone number has no country code; send it with a plus, or set the property's country.",
	"date_ambiguous":           "day and month could be the other way round; send dates as 2006-01-02.",
	"date_out_of_range":        "the date is in the future, too old, or no date; send Unix seconds or RFC 3339.",
	"too_many_params":          "only the first 64 parameters without a meaning were kept.",
	"truncated":                "the text was longer than what is kept, and was cut.",
	"invalid_body":             "the body could not be read; the event was made from the URL alone.",
	"phone_plus":               "a plus before the phone number was decoded to a blank; send it as %2B.",
	"rejected_value":           "the value could not be normalized and was left out.",
	"unattributable":           "there is no click id, no transaction id and no e-mail; add the click id macro of the network to the URL.",
	"unresolved_macro":         "the macros of the URL arrived unfilled; this is a test of the template, or the network spells them differently.",
	"too_long":                 "an id is longer than any network's; it is never cut, for two ids could become one.",
	"id_shared_by_clicks":      "one transaction id came with several click ids; check that the transaction id macro is not a constant.",
	"batch_too_large":          "a batch holds at most 1,000 conversions; send several.",
	"publish_refused":          "Kafka refused the record for good, mostly because it is larger than the topic allows.",
	"internal_error":           "the service failed on this request; please report it with the request.",
	"ping":                     "a status word of a connection check; nothing to do.",
	"empty":                    "a request without parameters is how senders test a URL; nothing to do.",
	"not_a_conversion":         "a notice of the network that is no conversion; nothing to do.",
	"ignored_change":           "the integration ignores changes (dedupe.on_change: ignore).",
	"unknown_property":         "the first part of the URL names no property; compare it with the configuration.",
	"unknown_network":          "the last part of the URL names no network of this property; list it or set open: true.",
	"disabled":                 "the integration is switched off (enabled: false).",
	"token_conflict":           "the request carries two different tokens; send one.",
	"rate_limited":             "the integration's rate is used up; raise rate.",
	"method_not_allowed":       "send GET or POST.",
	"encoded_body":             "send the body without Content-Encoding.",
	"body_too_large":           "the body is larger than limits.body or limits.json_body allow.",
	"head_too_large":           "URL and header are larger than limits.head allows.",
	"unavailable":              "nothing durable could be made of it; send it again.",
	"bad_request":              "the request is no valid HTTP; blanks in the URL must be encoded as %20.",
	"test_traffic":             "test traffic goes to the test topic and is never counted.",
	"repeat":                   "this state of the conversion is known already; nothing to do.",
	"stale_repeat":             "an older state of the conversion came again; nothing to do.",
	"no_token":                 "the integration asks for a token; add api_key to the URL.",
	"wrong_token":              "the token is not the integration's; compare it with the configuration.",
	"address_refused":          "the sender's address is not on the integration's list.",
	"min_commission":           "the commission is below the integration's limit.",
	"max_commission":           "the commission is above the integration's limit.",
	"country":                  "the integration does not count this country.",
	"objective":                "the integration does not count this kind of conversion.",
}
