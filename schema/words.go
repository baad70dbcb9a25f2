package schema

// Status is the class of a network's status word.
type Status uint8

// The classes. StatusNone is a postback without a status, which counts like
// an approved one; StatusUnknown is a word the preset does not know.
const (
	StatusNone Status = iota
	StatusPending
	StatusApproved
	StatusRejected
	StatusReversed
	StatusUnknown
	StatusTest
)

// statusWords are the words of Status, in its order.
var statusWords = [...]string{"none", "pending", "approved", "rejected", "reversed", "unknown", "test"}

// String returns the word of the event's status field.
func (s Status) String() string { return word(statusWords[:], int(s)) }

// Kind says what an event is among the events of its conversion. Consumers
// count KindNew and KindPromotion and add up counted_delta for money.
type Kind uint8

// The kinds of the event's kind field.
const (
	KindUndecided Kind = iota
	KindNew
	KindUpdate
	KindPromotion
	KindReversal
	KindAdjustment
	KindTest
)

// kindWords are the words of Kind, in its order.
var kindWords = [...]string{"", "new", "update", "promotion", "reversal", "adjustment", "test"}

// String returns the word of the event's kind field; empty while undecided.
func (k Kind) String() string { return word(kindWords[:], int(k)) }

// NameSource says where an event name came from.
type NameSource uint8

// NameRule is the status and the amount, NameExplicit the request's own word,
// NameMapped a word of the request that the preset translates.
const (
	NameRule NameSource = iota
	NameExplicit
	NameMapped
)

// nameSourceWords are the words of NameSource, in its order.
var nameSourceWords = [...]string{"rule", "explicit", "mapped"}

// String returns the word of the event's event_name_source field.
func (n NameSource) String() string { return word(nameSourceWords[:], int(n)) }

// CurrencySource says where a currency came from.
type CurrencySource uint8

// The sources of the event's currency_source field.
const (
	CurrencyDefault CurrencySource = iota
	CurrencyGiven
	CurrencyOverride
	CurrencyFromAmount
	CurrencyHistoric
	CurrencyUnknown
)

// currencySourceWords are the words of CurrencySource, in its order.
var currencySourceWords = [...]string{"default", "given", "override", "from_amount", "historic", "unknown"}

// String returns the word of the event's currency_source field.
func (c CurrencySource) String() string { return word(currencySourceWords[:], int(c)) }

// Origin is the door an event came through.
type Origin uint8

// The doors of the event's origin field.
const (
	OriginPostback Origin = iota
	OriginPixel
	OriginImport
	OriginBatch
)

// originWords are the words of Origin, in its order.
var originWords = [...]string{"postback", "pixel", "import", "batch"}

// String returns the word of the event's origin field.
func (o Origin) String() string { return word(originWords[:], int(o)) }

// KeyKind says what identifies a conversion.
type KeyKind uint8

// KeyTransaction is the network's transaction id, KeyClick the click id by the
// integration's choice, KeyFallback the content of the postback within a
// rolling window, for postbacks without a usable id.
const (
	KeyTransaction KeyKind = iota
	KeyClick
	KeyFallback
)

// keyKindWords are the words of KeyKind, in its order.
var keyKindWords = [...]string{"transaction", "click", "fallback"}

// String returns the word of the event's dedupe_key field.
func (k KeyKind) String() string { return word(keyKindWords[:], int(k)) }

func word(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return "unknown"
}

// The event names that the rules give. Explicit names go beside them as sent,
// standard ones in their standard spelling.
const (
	NameLead         = "Lead"
	NamePurchase     = "Purchase"
	NamePending      = "PendingConversion"
	NameReversal     = "Reversal"
	NameUnclassified = "Unclassified"
	NameTest         = "Test"
)

// RepairWord is a word of the closed vocabulary of the repairs field.
type RepairWord string

// The vocabulary. Words that end in a colon in the event carry a detail: the
// field, or what was seen and what it was taken for.
const (
	RepairMacro              RepairWord = "macro"
	RepairNullWord           RepairWord = "null_word"
	RepairEntity             RepairWord = "entity"
	RepairAmpPrefix          RepairWord = "amp_prefix"
	RepairConflict           RepairWord = "conflict"
	RepairDecimalComma       RepairWord = "decimal_comma"
	RepairGrouping           RepairWord = "grouping_removed"
	RepairSymbol             RepairWord = "symbol_stripped"
	RepairCodeInAmount       RepairWord = "code_in_amount"
	RepairEmailPlus          RepairWord = "email_plus"
	RepairPhonePlus          RepairWord = "phone_plus"
	RepairSecondQuestionMark RepairWord = "second_question_mark"
	RepairJSONAmpersand      RepairWord = "json_ampersand"
	RepairLatin1             RepairWord = "latin1"
	RepairDoubleDecoded      RepairWord = "double_decoded"
	RepairBadEscape          RepairWord = "bad_escape"
	RepairTruncatedNumber    RepairWord = "truncated_number"
	RepairRounded            RepairWord = "rounded"
	RepairBeyondExponent     RepairWord = "fraction_beyond_exponent"
	RepairControl            RepairWord = "control_stripped"
	RepairLoneSurrogate      RepairWord = "lone_surrogate"
	RepairPhoneNoCountry     RepairWord = "phone_no_country"
	RepairDateAmbiguous      RepairWord = "date_ambiguous"
	RepairDateOutOfRange     RepairWord = "date_out_of_range"
	RepairTooManyParams      RepairWord = "too_many_params"
	RepairTruncated          RepairWord = "truncated"
	RepairInvalidBody        RepairWord = "invalid_body"
	RepairRejectedValue      RepairWord = "rejected_value"
)

// Reason is why something was not accepted: a word of a closed list that is
// the same in replies, the failed topic, metrics and the event log.
type Reason string

// The reasons. ReasonNone accompanies what was accepted.
const (
	ReasonNone             Reason = ""
	ReasonUnattributable   Reason = "unattributable"
	ReasonUnresolvedMacro  Reason = "unresolved_macro"
	ReasonInvalidBody      Reason = "invalid_body"
	ReasonTooLong          Reason = "too_long"
	ReasonBatchTooLarge    Reason = "batch_too_large"
	ReasonIDSharedByClicks Reason = "id_shared_by_clicks"
	ReasonPublishRefused   Reason = "publish_refused"
	ReasonInternal         Reason = "internal_error"
	ReasonPing             Reason = "ping"
	ReasonEmpty            Reason = "empty"
	ReasonNotAConversion   Reason = "not_a_conversion"
	ReasonTestTraffic      Reason = "test_traffic"
	ReasonRepeat           Reason = "repeat"
	ReasonStaleRepeat      Reason = "stale_repeat"
	ReasonIgnoredChange    Reason = "ignored_change"

	ReasonUnknownProperty Reason = "unknown_property"
	ReasonUnknownNetwork  Reason = "unknown_network"
	ReasonDisabled        Reason = "disabled"
	ReasonNoToken         Reason = "no_token"
	ReasonWrongToken      Reason = "wrong_token"
	ReasonTokenConflict   Reason = "token_conflict"
	ReasonAddressRefused  Reason = "address_refused"
	ReasonRateLimited     Reason = "rate_limited"
	ReasonMethod          Reason = "method_not_allowed"
	ReasonEncodedBody     Reason = "encoded_body"
	ReasonBodyTooLarge    Reason = "body_too_large"
	ReasonHeadTooLarge    Reason = "head_too_large"
	ReasonUnavailable     Reason = "unavailable"
	ReasonBadRequest      Reason = "bad_request"

	ReasonMinCommission Reason = "min_commission"
	ReasonMaxCommission Reason = "max_commission"
	ReasonCountry       Reason = "country"
	ReasonObjective     Reason = "objective"
)

// Outcome is what became of one postback: the value of X-Postback-Result.
type Outcome uint8

// The outcomes. All but OutcomeIgnored and the refusals are durable before
// they are answered.
const (
	OutcomeNone Outcome = iota
	OutcomeAccepted
	OutcomeUpdated
	OutcomeDuplicate
	OutcomeTest
	OutcomeSkipped
	OutcomeQuarantined
	OutcomeIgnored
	OutcomeBatch
	OutcomeUnknown
	OutcomeRefused
	OutcomeUnavailable
)

// outcomeWords are the words of Outcome, in its order.
var outcomeWords = [...]string{
	"", "accepted", "updated", "duplicate", "test", "skipped", "quarantined", "ignored", "batch", "unknown", "refused", "unavailable",
}

// String returns the word of the X-Postback-Result header.
func (o Outcome) String() string { return word(outcomeWords[:], int(o)) }
