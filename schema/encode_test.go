package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/postbackhq/postback/schema"
)

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func TestEventIsOneFlatObjectOfKnownFields(t *testing.T) {
	known := map[string]schema.Field{}
	for _, f := range schema.Fields() {
		known[f.Name] = f
	}
	full, empty := sample(), &schema.Event{Property: "p", Network: "n", EventName: "Lead", ReceivedMS: 1}
	empty.Verdict.Kind = schema.KindNew
	for _, e := range []*schema.Event{full, empty} {
		text := e.AppendJSON(nil)
		if bytes.ContainsAny(text, "\n\r") {
			t.Errorf("a line break in %s", text)
		}
		m := decode(t, text)
		for name, value := range m {
			if _, ok := known[name]; !ok {
				t.Errorf("%s is no field of the schema", name)
			}
			switch v := value.(type) {
			case map[string]any, []any:
				t.Errorf("%s is no scalar", name)
			case string:
				if v == "" {
					t.Errorf("%s is an empty string", name)
				}
			}
		}
		for name, f := range known {
			if _, ok := m[name]; f.Core && !ok {
				t.Errorf("core field %s is missing in %s", name, text)
			}
		}
	}
	if got := len(decode(t, full.AppendJSON(nil))); got < 45 {
		t.Errorf("the full sample has only %d fields", got)
	}
}

func TestEventValidatesAgainstItsJSONSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("event.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(sample().AppendJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := value.(map[string]any)
	if !ok {
		t.Fatal("the event is no object")
	}
	for _, id := range []string{"previous_event_id", "possible_duplicate_of"} {
		delete(m, id) // the sample's are no version 8 UUIDs
	}
	if err := compiled.Validate(m); err != nil {
		t.Errorf("the sample does not validate: %v", err)
	}
	m["kind"] = "sale"
	if compiled.Validate(m) == nil {
		t.Error("an unknown kind validates")
	}
}

func TestJSONSchemaFileIsWhatFieldsGenerate(t *testing.T) {
	want, err := schema.GenerateJSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("event.schema.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(schema.JSONSchema(), want) {
		t.Error("event.schema.json differs from Fields: run go test ./schema -update")
	}
}

func TestNoTwoFieldsDifferByCaseOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range schema.Fields() {
		lower := strings.ToLower(f.Name)
		if seen[lower] || lower != f.Name {
			t.Errorf("field %s is not lower case or stands twice", f.Name)
		}
		seen[lower] = true
		if f.Doc == "" || f.NotNull && !f.Core {
			t.Errorf("field %s lacks a doc or is not null without being core", f.Name)
		}
	}
}

func TestBodyAndVerdictTogetherAreTheEvent(t *testing.T) {
	e := sample()
	body := e.AppendBody([]byte("x"))
	if got, want := string(e.AppendVerdict(body)), "x"+string(e.AppendJSON(nil)); got != want {
		t.Errorf("in two parts %s\nin one %s", got, want)
	}
}

func TestParamsAreJSONTextOfStrings(t *testing.T) {
	m := decode(t, sample().AppendJSON(nil))
	text, ok := m["params"].(string)
	if !ok {
		t.Fatalf("params is %T", m["params"])
	}
	var params map[string]string
	if err := json.Unmarshal([]byte(text), &params); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if params["sub1"] != `a"b\c` || params["ключ"] != "тест\n" {
		t.Errorf("params read back as %q", params)
	}
}

func TestTimesAreRFC3339WithMilliseconds(t *testing.T) {
	for _, ms := range []int64{0, 1, 999, 1_700_000_000_123, -1, 253_402_300_799_999} {
		got := string(schema.AppendTime(nil, ms))
		back, err := time.Parse("2006-01-02T15:04:05.000Z", got)
		if err != nil || back.UnixMilli() != ms {
			t.Errorf("AppendTime(%d) = %s reads back as %v, %v", ms, got, back, err)
		}
	}
}

func TestTimesAreThoseOfPackageTime(t *testing.T) {
	const step = 1_000_003 * 977 // a prime number of milliseconds, about eleven days
	for ms := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(); ms < time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(); ms += step {
		if got, want := string(schema.AppendTime(nil, ms)), time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("AppendTime(%d) = %s, want %s", ms, got, want)
		}
	}
}

func TestVersionStandsInTheEvent(t *testing.T) {
	if got := decode(t, sample().AppendJSON(nil))["schema_version"]; got != json.Number(strconv.Itoa(schema.Version)) {
		t.Errorf("schema_version is %v, Version %d", got, schema.Version)
	}
}

func TestFailedRecordKeepsTextAsTextAndBytesAsBase64(t *testing.T) {
	f := schema.Failed{
		ID: schema.ID{1}, Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonInvalidBody,
		Property: "p", Network: "n", ReceivedMS: 5, Method: "POST", Target: "/p/collect/n",
		Headers: string(schema.TextObject(nil, schema.Param{Name: "user-agent", Value: `a"b`})),
		Body:    []byte(`{"a":`), Event: []byte(`{}`),
	}
	m := decode(t, f.AppendJSON(nil))
	if m["body"] != `{"a":` || m["reason"] != "invalid_body" || m["headers"] != `{"user-agent":"a\"b"}` {
		t.Errorf("record %v", m)
	}
	for _, body := range [][]byte{{0xff, 0xfe}, {'a', 0}} {
		f.Body = body
		m = decode(t, f.AppendJSON(nil))
		if m["body"] != nil || m["body_base64"] == nil {
			t.Errorf("body %x is written as %v", body, m["body"])
		}
	}
}

func FuzzEventIsValidJSON(f *testing.F) {
	f.Add("c1", "a\"b", "\x00\xff\u2028")
	f.Add("", "\xed\xa0\x80", "<script>")
	f.Fuzz(func(t *testing.T, click, name, value string) {
		e := sample()
		e.ClickID = click
		e.Params = []schema.Param{{Name: name, Value: value}}
		text := e.AppendJSON(nil)
		if !json.Valid(text) || !utf8.Valid(text) || bytes.ContainsRune(text, 0) {
			t.Fatalf("not valid: %q", text)
		}
		m := decode(t, text)
		params, _ := m["params"].(string)
		var back map[string]string
		if err := json.Unmarshal([]byte(params), &back); err != nil {
			t.Fatalf("params %q: %v", params, err)
		}
		if utf8.ValidString(value) && !strings.ContainsRune(value, 0) && utf8.ValidString(name) && !strings.ContainsRune(name, 0) {
			if back[name] != value {
				t.Fatalf("param %q came back as %q", value, back[name])
			}
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	e := sample()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func BenchmarkIdentify(b *testing.B) {
	e := sample()
	b.ReportAllocs()
	for b.Loop() {
		e.Identify()
		e.ID = e.FirstID()
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	e := sample()
	buf := make([]byte, 0, 4096)
	if allocs := testing.AllocsPerRun(100, func() {
		e.Identify()
		e.ID = e.FirstID()
		buf = e.AppendJSON(buf[:0])
	}); allocs != 0 {
		t.Errorf("identify and encode allocate %.1f times", allocs)
	}
}
