package schema

// Field describes one member of the event for consumers: the one source of
// the JSON Schema and of every other definition that is generated.
type Field struct {
	Name string
	Type FieldType
	// Core fields are always written, null when unknown; the others only when
	// known, and absent means null.
	Core bool
	// NotNull is set for core fields that are never null.
	NotNull bool
	// Words is the closed list of values, if there is one.
	Words []string
	// Doc says what the field means, in one sentence.
	Doc string
}

// FieldType is a scalar type of the event.
type FieldType uint8

// The types: TypeDecimal is a string holding an exact decimal with at most 12
// integer and 6 fraction digits, TypeTime an RFC 3339 string in UTC with
// milliseconds, TypeUUID a string, TypeText any string.
const (
	TypeText FieldType = iota
	TypeInt
	TypeBool
	TypeDecimal
	TypeTime
	TypeUUID
)

// Fields lists the members of the event in the order in which the contract
// names them. New ones are only ever added at the end, nullable.
func Fields() []Field {
	var fields []Field
	for _, group := range [][]Field{identityFields(), amountFields(), stateFields(), contentFields()} {
		fields = append(fields, group...)
	}
	return fields
}

func identityFields() []Field {
	return []Field{
		{Name: "schema_version", Type: TypeInt, Core: true, NotNull: true, Doc: "Version of this schema."},
		{Name: "event_id", Type: TypeUUID, Core: true, NotNull: true, Doc: "Deterministic id of this state of this conversion; the same for every retry, replay and import. Dedupe on it."},
		{Name: "kind", Type: TypeText, Core: true, NotNull: true, Words: kindWords[1:], Doc: "Place among the events of the conversion. Count new and promotion."},
		{Name: "event_name", Type: TypeText, Core: true, NotNull: true, Doc: "Lead, Purchase, PendingConversion, Reversal, Unclassified, Test, or the explicit name."},
		{Name: "event_name_raw", Type: TypeText, Doc: "The event name as sent."},
		{Name: "event_name_source", Type: TypeText, Core: true, NotNull: true, Words: nameSourceWords[:], Doc: "Where the event name came from."},
		{Name: "status", Type: TypeText, Core: true, NotNull: true, Words: statusWords[:], Doc: "Class of the network's status word."},
		{Name: "status_raw", Type: TypeText, Doc: "The network's status word as sent."},
		{Name: "property", Type: TypeText, Core: true, NotNull: true, Doc: "First segment of the collect URL."},
		{Name: "network", Type: TypeText, Core: true, NotNull: true, Doc: "Network segment of the collect URL."},
		{Name: "click_id", Type: TypeText, Core: true, Doc: "Click id as sent."},
		{Name: "transaction_id", Type: TypeText, Core: true, Doc: "The network's transaction id as sent."},
		{Name: "goal", Type: TypeText, Doc: "Explicit event or goal name in lower case; part of the identity."},
	}
}

func amountFields() []Field {
	return []Field{
		{Name: "commission", Type: TypeDecimal, Core: true, Doc: "Commission in major units; null unless amount_state is ok."},
		{Name: "commission_micros", Type: TypeInt, Core: true, Doc: "Commission in millionths of the major unit."},
		{Name: "amount_state", Type: TypeText, Core: true, NotNull: true, Words: []string{"ok", "missing", "invalid", "ambiguous", "out_of_range"}, Doc: "Whether the commission could be read."},
		{Name: "amount_effect", Type: TypeText, Words: []string{"absolute", "delta"}, Doc: "delta: the commission is a correction to add. Absent means absolute."},
		{Name: "sale_amount", Type: TypeDecimal, Doc: "Order value; never used by the lead-or-purchase rule."},
		{Name: "sale_amount_micros", Type: TypeInt, Doc: "Order value in millionths of the major unit."},
		{Name: "payout", Type: TypeDecimal, Doc: "Commission times the integration's payout ratio."},
		{Name: "payout_micros", Type: TypeInt, Doc: "Payout in millionths of the major unit."},
		{Name: "currency", Type: TypeText, Core: true, Doc: "ISO 4217 code, or what was sent when unknown."},
		{Name: "currency_source", Type: TypeText, Core: true, NotNull: true, Words: currencySourceWords[:], Doc: "Where the currency came from."},
	}
}

func stateFields() []Field {
	return []Field{
		{Name: "counted_delta", Type: TypeDecimal, Core: true, Doc: "What a running total adds for this event; null when the previous state is unknown."},
		{Name: "counted_delta_micros", Type: TypeInt, Core: true, Doc: "The same in millionths."},
		{Name: "seq", Type: TypeInt, Core: true, Doc: "1 for the first state of a transaction, then dense; null when unknown."},
		{Name: "previous_event_id", Type: TypeUUID, Doc: "Event id of the state this one replaces."},
		{Name: "previous_status", Type: TypeText, Words: statusWords[:], Doc: "Status of that state."},
		{Name: "previous_commission", Type: TypeDecimal, Doc: "Commission of that state."},
		{Name: "out_of_order", Type: TypeBool, Doc: "The state came after one that should follow it."},
		{Name: "replayed", Type: TypeBool, Doc: "Sent through again by an operator."},
		{Name: "possible_duplicate_of", Type: TypeUUID, Doc: "Event id of a conversion without a usable id that looks the same."},
		{Name: "identity_uncertain", Type: TypeBool, Doc: "The store could not answer and the event id holds a random part: it may be a copy."},
		{Name: "dedupe_key", Type: TypeText, Core: true, NotNull: true, Words: keyKindWords[:], Doc: "What identified the conversion."},
	}
}

func contentFields() []Field {
	fields := []Field{
		{Name: "brand_name", Type: TypeText, Doc: "Offer, programme or product."},
		{Name: "occurred_at", Type: TypeTime, Doc: "When it happened by the network's clock."},
		{Name: "occurred_at_ms", Type: TypeInt, Doc: "The same in milliseconds since the epoch."},
		{Name: "received_at", Type: TypeTime, Core: true, NotNull: true, Doc: "When it first arrived by our clock."},
		{Name: "received_at_ms", Type: TypeInt, Core: true, NotNull: true, Doc: "The same in milliseconds since the epoch; also the record's timestamp."},
	}
	for _, name := range customerNames {
		fields = append(fields, Field{Name: name, Type: TypeText, Doc: "Customer matching field in normal form, unhashed."})
	}
	for _, name := range customerNames {
		fields = append(fields, Field{Name: name + "_sha256", Type: TypeText, Doc: "SHA-256 in hex of the normal form, where the sender or the property hashes."})
	}
	return append(fields,
		Field{Name: "params", Type: TypeText, Doc: "Every other parameter, secrets removed: JSON text of an object of strings."},
		Field{Name: "repairs", Type: TypeText, Doc: "What had to be mended: comma-joined words of a closed vocabulary."},
		Field{Name: "origin", Type: TypeText, Core: true, NotNull: true, Words: originWords[:], Doc: "The door it came through."},
	)
}

// customerNames are the matching fields in the order of the contract.
var customerNames = [...]string{"email", "phone", "first_name", "last_name", "birthdate", "city", "state", "zipcode", "country"}
