package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema"
)

func TestEveryCommandExplainsItselfWithAnExample(t *testing.T) {
	root := newRoot(streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: os.LookupEnv})
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || !strings.Contains(cmd.Example, "postback") {
			t.Errorf("%s lacks Short, Long or Example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for _, name := range commandNames(root) {
		got := call(nil, "", name, "--help")
		if got.status != 0 || !strings.Contains(got.out, "Examples:") || got.err != "" {
			t.Errorf("%s --help: exit %d, %q", name, got.status, got.err)
		}
	}
}

func TestWrongUsageIsOneLineAndStatus2(t *testing.T) {
	for line, says := range map[string]string{
		"srve":                      `unknown command "srve"; did you mean "serve"?`,
		"xyzzy":                     `unknown command "xyzzy"; `,
		"tail --folow":              `unknown flag --folow; did you mean "--follow"?`,
		"tail -x":                   "unknown flag -x;",
		"tail --topic mian":         `"mian" is none of main, failed, test; did you mean "main"?`,
		"tail --json --pretty":      "exclude each other",
		"tail --topic":              "needs an argument",
		"tail now":                  `takes no argument; "now" is too much`,
		"check":                     "needs a file",
		"check a b":                 `"b" is too much`,
		"check /nowhere.yaml":       "cannot be read",
		"config a b":                "too much",
		"try tune":                  "needs a network and a request",
		"try impct a=1":             `did you mean "impact"?`,
		"try zzzzzz a=1":            "`postback networks` lists them",
		"try tune a=1 --currency $": "no currency code",
		"try tune a=1 --country X1": "--country",
		"try tune a=1 --timezone X": "--timezone",
		"networks impct":            `did you mean "impact"?`,
		"schema avro":               `schema "avro" is not available`,
		"schema":                    "needs one format",
		"hash meta email":           "needs PLATFORM FIELD VALUE",
		"hash mета email x":         "unknown platform",
		"hash met email x":          `did you mean "meta"?`,
		"hash meta emial x":         `did you mean "email"?`,
		"version now":               "takes no argument",
	} {
		got := call(nil, "", strings.Fields(line)...)
		if got.status != 2 || !strings.Contains(got.err, says) || strings.Count(got.err, "\n") != 1 || got.out != "" {
			t.Errorf("postback %s: exit %d\n%s%swant one line with %q", line, got.status, got.out, got.err, says)
		}
	}
}

func TestFlagsMayStandAfterArguments(t *testing.T) {
	a := call(nil, "", "try", "generic", "click_id=1&commission=1", "--json")
	b := call(nil, "", "try", "--json", "generic", "click_id=1&commission=1")
	if a.status != 0 || b.status != 0 || !strings.HasPrefix(a.out, "{") || !strings.HasPrefix(b.out, "{") {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestVersionNamesVersionCommitAndGo(t *testing.T) {
	got := call(nil, "", "version")
	if got.status != 0 || !regexp.MustCompile(`^postback \S+, commit \S+( \(modified\))?, go1\.\d+\S* \w+/\w+\n$`).MatchString(got.out) {
		t.Errorf("%+v", got)
	}
}

func TestSchemaPrintsTheJSONSchemaOfTheEvent(t *testing.T) {
	got := call(nil, "", "schema", "json")
	if got.status != 0 || got.out != string(schema.JSONSchema()) || !json.Valid([]byte(got.out)) {
		t.Errorf("exit %d, %d bytes", got.status, len(got.out))
	}
}

func TestNetworksListsEveryPresetAndShowsOne(t *testing.T) {
	list := call(nil, "", "networks")
	for _, name := range []string{"generic", "impact", "tune", "awin", "anytrack", "s2s"} {
		if !regexp.MustCompile(`(?m)^` + name + ` +(documented|seen|guess)  \S`).MatchString(list.out) {
			t.Errorf("networks lacks %s:\n%s", name, list.out)
		}
		one := call(nil, "", "networks", strings.ToUpper(name))
		if one.status != 0 || !strings.Contains(one.out, "("+name+")") || !strings.Contains(one.out, "certainty") || !strings.Contains(one.out, "sources") {
			t.Errorf("networks %s: exit %d\n%s", name, one.status, one.out)
		}
	}
	if alias := call(nil, "", "networks", "hasoffers"); !strings.Contains(alias.out, "(tune)") {
		t.Errorf("an alias: %+v", alias)
	}
}

func TestHashGivesNormalFormAndDigest(t *testing.T) {
	got := call(nil, "", "hash", "meta", "email", " John_Smith@gmail.com")
	want := "normalized  john_smith@gmail.com\nsha256      62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f\n"
	if got.status != 0 || got.out != want {
		t.Errorf("%+v, want %q", got, want)
	}
	if got := call(nil, "", "hash", "google", "phone", "(650) 555-1212", "--country", "us"); got.status != 0 || !strings.Contains(got.out, "+16505551212") {
		t.Errorf("with a country: %+v", got)
	}
	if got := call(nil, "", "hash", "google", "country", "us"); got.status != 0 || !strings.Contains(got.out, "unhashed") {
		t.Errorf("a field in clear: %+v", got)
	}
	if got := call(nil, "", "hash", "meta", "email", "s3cret-nobody"); got.status != 1 || strings.Contains(got.err, "s3cret") {
		t.Errorf("a value without a form: %+v", got)
	}
}

func TestHashAnswersEachRowAndSaysNullWhereThereIsNone(t *testing.T) {
	in := `{"platform":"meta","field":"email","input":"A@Example.com","normalized":"x"}` + "\n\n" +
		`{"platform":"google","field":"country","input":"us"}` + "\n" +
		`{"platform":"meta","field":"email","input":"nobody"}` + "\n" +
		`{"platform":"tiktok","field":"phone","input":"650 555 1212","country":"us"}`
	got := call(nil, in, "hash", "-")
	lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	if got.status != 0 || len(lines) != 4 {
		t.Fatalf("%+v", got)
	}
	for i, part := range []string{
		`"normalized":"a@example.com","sha256":"`, `"normalized":"US","sha256":null`, `"normalized":null,"sha256":null,"error"`, `"normalized":"+16505551212"`,
	} {
		if !strings.Contains(lines[i], part) || !json.Valid([]byte(lines[i])) {
			t.Errorf("row %d: %s, want %s", i+1, lines[i], part)
		}
	}
	got = call(nil, "{\"platform\":\"meta\",\"field\":\"city\",\"input\":\"Paris\"}\nnonsense\n", "hash", "-")
	if got.status != 1 || !strings.Contains(got.err, "line 2") || strings.Count(got.out, "\n") != 1 {
		t.Errorf("a line that is no JSON: %+v", got)
	}
}

func TestPrettyLinesShowWhatMattersAndNoControlCharacters(t *testing.T) {
	event := `{"received_at_ms":1795254859386,"event_name":"Purchase","kind":"new","commission":"4.50","currency":"USD","amount_state":"ok",` +
		`"property":"demo","network":"tune","click_id":"c1","transaction_id":"t\u001b[31m1","repairs":"phone_plus"}`
	failed := `{"received_at_ms":1795254859386,"outcome":"quarantined","reason":"unresolved_macro","detail":"why","property":"demo","network":"tune","method":"GET","target":"/demo?x=1"}`
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	for _, c := range []struct {
		topic uint8
		value string
	}{{ingest.TopicMain, event}, {ingest.TopicFailed, failed}, {ingest.TopicMain, "no \x1b json"}, {ingest.TopicMain, `{"event_name":"Lead","amount_state":"missing"}`}} {
		if err := prettyPrinter(terminal{width: 100}, c.topic)(w, []byte(c.value)); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Flush()
	golden(t, "tail.golden", out.String())
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a control character of a stranger reaches the terminal")
	}
	coloured := terminal{width: 100, colour: true, is: true}
	if line, ok := coloured.eventLine([]byte(event)); !ok || !strings.Contains(line, "\x1b[32m") {
		t.Errorf("no colour: %q", line)
	}
}

func TestRawOutputIsTheValueByteForByte(t *testing.T) {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	value := []byte(`{"a": 1 , "b":"é"}`)
	if err := printRaw(w, value); err != nil || w.Flush() != nil || out.String() != string(value)+"\n" {
		t.Errorf("%v %q", err, out.String())
	}
}

// brokenPipe is an output whose reader has gone.
type brokenPipe struct{}

// Write implements io.Writer.
func (brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Err: syscall.EPIPE}
}

func TestOutputWithoutReaderEndsQuietly(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"config"}, {"schema", "json"}, {"networks"}, {"networks", "tune"}, {"try", "tune", "aff_sub=1&payout=1"}, {"hash", "meta", "email", "a@b.co"}} {
		var complaint bytes.Buffer
		s := streams{in: strings.NewReader(""), out: brokenPipe{}, err: &complaint, getenv: func(string) (string, bool) { return "", false }}
		if status := run(args, s); status != 0 || complaint.Len() > 0 {
			t.Errorf("%v: exit %d, %s", args, status, complaint.String())
		}
	}
	if isClosedPipe(errors.New("other")) {
		t.Error("any error counts as a closed pipe")
	}
}

func TestTailWithoutAJournalSaysWhatToDo(t *testing.T) {
	got := call(nil, "", "tail", "--data", t.TempDir())
	if got.status != 1 || !strings.Contains(got.err, "there is no journal") || !strings.Contains(got.err, "--data") {
		t.Errorf("%+v", got)
	}
}

func TestColoursNeedATerminal(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	if view := terminalOf(&bytes.Buffer{}, none); view.colour || view.is || view.width != defaultWidth {
		t.Errorf("a buffer: %+v", view)
	}
	columns := func(name string) (string, bool) { return "60", name == "COLUMNS" }
	if view := terminalOf(&bytes.Buffer{}, columns); view.width != 60 {
		t.Errorf("COLUMNS=60: %+v", view)
	}
	if got := (terminal{}).paint(red, "x"); got != "x" {
		t.Errorf("painted without colours: %q", got)
	}
	if got := clip("abcdef", 4) + pad("ä", 3) + clip("x", 0) + leftPad("1", 3); got != "abc…ä    1" {
		t.Errorf("%q", got)
	}
}
