package network

import (
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/schema"
)

// body wraps lines of a preset into what every preset needs. They begin on line 2.
func body(lines string) []byte {
	return []byte("{\"name\": \"x\", \"title\": \"X\", \"certainty\": \"seen\", \"sources\": [\"s\"],\n" + lines + "\n}")
}

func TestMistakesInPresetsAreReportedWithFileLineAndKey(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{`"titel": "Y"`, `x.json:2: titel: unknown key; did you mean "title"?`},
		{`"notes": "one"`, `x.json:2: notes: want a list of texts`},
		{`"link": 3`, `x.json:2: link: want a text in quotes`},
		{`"notes": [""]`, `x.json:2: notes: a text of the list is empty`},
		{`"fields": {"commission_x": ["a"]}`, `x.json:2: fields.commission_x: unknown field; did you mean "commission"?`},
		{"\"fields\": {\n\"click_id\": [\"a\"],\n\"status\": [\"A\"]}", `x.json:4: fields.status: "A" is a name of click_id already`},
		{`"fields": {"click_id": ["a", "A_"]}`, `x.json:2: fields.click_id: "A_" is a name of click_id already`},
		{`"fields": {"click_id": ["a"], "click-id": ["b"]}`, `x.json:2: fields.click-id: given twice`},
		{`"fields": {"click_id": ["commission"]}`, `is a name of click_id already`},
		{`"fields": ["a"]`, `x.json:2: fields: want an object`},
		{`"status": {"aproved": ["1"]}`, `x.json:2: status.aproved: unknown key; did you mean "approved"?`},
		{`"status": {"approved": ["1"], "pending": ["1"]}`, `x.json:2: status.pending: "1" is in two classes`},
		{`"status": ["1"]`, `x.json:2: status: want an object`},
		{`"status": {"approved": ["a word that is far too long to be a status"]}`, `longer than the 32 characters`},
		{`"default_status": "pendign"`, `x.json:2: default_status: want one of pending, approved, rejected, reversed, test; did you mean "pending"?`},
		{`"events": {"dep": ""}`, `x.json:2: events.dep: want an event name`},
		{`"amounts": {"unit": "cents"}`, `x.json:2: amounts.unit: want one of major, minor`},
		{`"currency": "US$"`, `x.json:2: currency: want a current ISO 4217 code`},
		{`"dates": {"zone": "Berlin"}`, `x.json:2: dates.zone: "Berlin" is no IANA time zone`},
		{`"dates": {"layouts": ["yyyy"]}`, `x.json:2: dates.layouts: "yyyy" holds no part of the reference time`},
		{`"ignore_when": "x"`, `x.json:2: ignore_when: want a list such as`},
		{`"test_when": [{"equals": ["1"]}]`, `x.json:2: test_when: a condition needs a param`},
		{`"zero_absent": ["clik_id"]`, `x.json:2: zero_absent: unknown field "clik_id"; did you mean "click_id"?`},
		{`"join": {"click_id": {"names": ["a"]}}`, `x.json:2: join.click_id: want 2 to 8 names`},
		{`"join": {"click_id": {"names": ["a", "b"]}}`, `x.json:1: join.click_id: "a", the first piece, must be a name of the field`},
		{`"dedupe": {"window": "90d"}`, `x.json:2: dedupe.window: want a duration such as 720h, not "90d"`},
		{`"dedupe": {"restatement": "yes"}`, `x.json:2: dedupe.restatement: want true or false`},
		{`"reply": {"status": 302}`, `x.json:2: reply.status: want a whole number from 200 to 299`},
		{`"methods": ["PUT"]`, `x.json:2: methods: want GET or POST, not "PUT"`},
		{`"link": "a", "link": "b"`, `x.json:2: link: given twice; remove one`},
		{`"link": }`, `x.json: line 2: not valid JSON`},
	} {
		_, err := ReadPreset("x.json", body(c.lines))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot:  %v\nwant: %s", c.lines, err, c.want)
		}
	}
}

func TestWholeFilesThatAreNoPresetsAreRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "line 1: not valid JSON"},
		{`[]`, "want an object"},
		{`{} {}`, "text after the closing brace"},
		{`{}`, "x.json:1: name: is missing"},
		{`{"name": "X y"}`, "x.json:1: name: want lower-case letters"},
		{`{"name": "x"}`, "x.json:1: sources: is missing"},
		{`{"name": "x"`, "not valid JSON"},
		{`{"a": [1, {"b"`, "not valid JSON"},
	} {
		if _, err := ReadPreset("x.json", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot:  %v\nwant: %s", c.text, err, c.want)
		}
	}
}

func TestAllProblemsOfAFileAreReportedAtOnce(t *testing.T) {
	_, err := ReadPreset("x.json", body(`"a": 1, "b": 2, "link": 3`))
	if err == nil || strings.Count(err.Error(), "x.json:2: ") != 3 {
		t.Errorf("want three problems, got %v", err)
	}
}

func TestAPresetHoldsWhatItsFileSays(t *testing.T) {
	p, err := ReadPreset("x.json", body(`
		"aliases": ["y"], "fields": {"commission": ["payout", "commission"], "click_id": ["sid"]},
		"fallbacks": {"click_id": ["sub"]},
		"status": {"approved": ["OK "], "ignored": ["Expire"]}, "default_status": "pending",
		"events": {"first_deposit": "Purchase"},
		"amounts": {"unit": "minor", "decimal": "comma"}, "currency": "EUR",
		"dates": {"zone": "Europe/Berlin"}, "unwrap": {"form_field": "data"},
		"dedupe": {"identity": "click", "scope": "click", "on_change": "ignore", "on_reentry": "update", "window": "48h",
		  "fallback_window": "1m", "date_marks_change": true, "pending_after_approval": true, "restatement": true},
		"reply": {"status": 204, "type": "text/xml", "body": "1", "duplicate": "DUP"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := DedupeRule{
		Identity: IdentityClick, Scope: ScopeClick, OnChange: "ignore", OnReentry: "update", Window: 48 * time.Hour,
		FallbackWindow: time.Minute, DateMarksChange: true, PendingAfterApproval: true, Restatement: true,
	}
	for name, ok := range map[string]bool{
		"dedupe":     p.Dedupe == want,
		"reply":      p.Reply == Reply{Status: 204, Type: "text/xml", Body: "1", Duplicate: "DUP"},
		"preference": p.Alias(FieldCommission) == "payout" && p.Alias(FieldClickID) == "click_id" && p.Alias(FieldStatus) == "status",
		"status":     p.Status.Words["ok"] == schema.StatusApproved && p.Status.Ignored["expire"] && p.Status.Default == schema.StatusPending,
		"events":     p.Events["firstdeposit"] == "Purchase",
		"amounts":    p.Amounts.Minor && p.Amounts.DecimalComma && !p.Amounts.DecimalDot && p.Currency == "EUR",
		"dates":      p.Dates.Zone.String() == "Europe/Berlin",
		"envelope":   p.Envelope == "data",
		"fallbacks":  len(p.Fallbacks[FieldClickID]) == 1,
	} {
		if !ok {
			t.Errorf("%s was not read as written: %+v", name, p)
		}
	}
}

func TestAPresetAnswersOKUnlessItSaysOtherwise(t *testing.T) {
	p, err := ReadPreset("x.json", body(`"link": ""`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Reply{Status: 200, Body: "OK"}); p.Reply != want {
		t.Errorf("got %+v, want %+v", p.Reply, want)
	}
}
