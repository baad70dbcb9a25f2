package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSizesAndDurationsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]size{
		"0": 0, "65536": 64 << 10, "64KiB": 64 << 10, "64kib": 64 << 10, "64 KiB": 64 << 10, "1MB": 1e6, "10GiB": 10 << 30, "2TiB": 2 << 40, "7B": 7,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("size %q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5MiB", "KiB", "9999999999TiB", "1 K B"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("size %q is read as %d", text, got)
		}
	}
	for text, want := range map[string]time.Duration{
		"25ms": 25 * time.Millisecond, "5s": 5 * time.Second, "720h": 720 * time.Hour, "30d": 720 * time.Hour, "0.5d": 12 * time.Hour,
		"1h30m": 90 * time.Minute, "0": 0, " 2m ": 2 * time.Minute,
	} {
		if got, err := parseSpan(text); err != nil || time.Duration(got) != want {
			t.Errorf("duration %q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "-5s", "d", "-1d", "1e9d", "NaNd", "soon"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("duration %q is read as %s", text, got)
		}
	}
	for text, want := range map[string]string{"90s": "1m30s", "60s": "1m", "3600s": "1h", "30d": "720h", "1500ms": "1.5s", "0": "0s", "1h1s": "1h0m1s"} {
		if d, err := parseSpan(text); err != nil || d.String() != want {
			t.Errorf("%s is written %s, want %s", text, d, want)
		}
	}
	for text, want := range map[string]string{"1024": "1KiB", "1025": "1025", "1048576": "1MiB", "0": "0", "3221225472": "3GiB"} {
		if s, err := parseSize(text); err != nil || s.String() != want {
			t.Errorf("%s is written %s, want %s", text, s, want)
		}
	}
}

// read loads a configuration text with an environment.
func read(t *testing.T, text string, env map[string]string) (*setup, *problems) {
	t.Helper()
	getenv := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	s, p, err := loadConfig(sources{file: writeConfig(t, t.TempDir(), text), getenv: getenv})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func TestVariablesExpandInValues(t *testing.T) {
	env := map[string]string{"HOST": "kafka-1", "EMPTY": "", "N": "7"}
	for _, c := range []struct{ value, want string }{
		{"${HOST}", "kafka-1"},
		{"a-${HOST}-b-${HOST}", "a-kafka-1-b-kafka-1"},
		{"${NONE:-x}", "x"},
		{"${NONE:-}", ""},
		{"${EMPTY}", ""},
		{"${EMPTY:-x}", "x"},
		{"$${HOST}", "${HOST}"},
		{"$HOST", "$HOST"},
		{"${NONE:-a:-b}", "a:-b"},
	} {
		s, p := read(t, "kafka: {sasl: {username: \""+c.value+"\"}}\n", env)
		if got := s.Kafka.SASL.Username; got != c.want || p.errors() > 0 {
			t.Errorf("%s is %q %v, want %q", c.value, got, p.lines(), c.want)
		}
	}
	s, p := read(t, "kafka: {partitions: \"${N}\", brokers: \"${HOST}:1, ${HOST}:2\"}\nlimits:\n  head: ${H:-32KiB}\n", env)
	if s.Kafka.Partitions != 7 || len(s.Kafka.Brokers) != 2 || s.Kafka.Brokers[1] != "kafka-1:2" || s.Limits.Head != 32<<10 || p.errors() > 0 {
		t.Errorf("%+v %v", s.Kafka, p.lines())
	}
	for text, part := range map[string]string{
		"\nkafka:\n  topic: a${NONE}\n": "postback.yaml:3:10: kafka.topic: the environment has no NONE",
		"kafka: {topic: \"${HOST\"}":    "${ without }",
	} {
		if _, p := read(t, text, env); p.errors() != 1 || !strings.Contains(p.lines()[0], part) {
			t.Errorf("%q: %v, want %q", text, p.lines(), part)
		}
	}
}

func TestSecretsAreReadFromFilesAndTrimmed(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two, none := file("one", " first \n"), file("two", "first\nsecond\n\n"), file("none", "\n")
	redis := file("redis", "redis://u:p@h:1\n")
	s, p := read(t, "admin_token_file: "+one+"\nredis: {url_file: "+redis+"}\nkafka: {brokers: [a:1], sasl: {mechanism: plain, username: u, password_file: "+one+"}}\n"+
		"properties:\n  - {id: a, token_file: "+two+", integrations: [{network: tune, token_file: "+one+"}]}\n", nil)
	if p.errors() > 0 {
		t.Fatal(p.lines())
	}
	a := s.Properties[0]
	if s.adminToken != "first" || s.Redis.URL != "redis://u:p@h:1" || s.Kafka.SASL.Password != "first" ||
		!reflect.DeepEqual(a.Token, secrets{"first", "second"}) || !reflect.DeepEqual(a.Integrations[0].Token, secrets{"first"}) {
		t.Errorf("%+v", s.config)
	}
	big := file("big", strings.Repeat("x", maxSecret+1))
	for text, part := range map[string]string{
		"admin_token_file: " + none:                         "is empty",
		"admin_token_file: " + big:                          "that is no secret",
		"admin_token_file: /nowhere/at/all":                 "no such file",
		"properties: [{id: a, token: x, token_file: " + one: "",
	} {
		if part == "" {
			text, part = text+"}]", "there is also token"
		}
		if _, p := read(t, text+"\n", nil); p.errors() != 1 || !strings.Contains(strings.Join(p.lines(), "\n"), part) {
			t.Errorf("%q: %v, want %q", text, p.lines(), part)
		}
	}
}

func TestProblemsOfEnvironmentAndFlagsNameThem(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		args []string
		says string
	}{
		{map[string]string{"POSTBACK_KAFKA_PARTITIONS": "many"}, nil, "POSTBACK_KAFKA_PARTITIONS: kafka.partitions: \"many\": want a whole number"},
		{map[string]string{"POSTBACK_BUDGETS_KAFKA": "0s"}, nil, "POSTBACK_BUDGETS_KAFKA: budgets.kafka: 0s is too small"},
		{map[string]string{"POSTBACK_LOG_LEVEL": "warm"}, nil, "did you mean \"warn\"?"},
		{nil, []string{"--listen", "here"}, "--listen: listen: \"here\" is no address"},
		{nil, []string{"--kafka", "a:1,b"}, "kafka.brokers: \"b\" is no broker"},
		{nil, []string{"--redis", "redis://:s3cret@h:x"}, "redis.url"},
		{nil, []string{"--data", ""}, "--data: data: a folder is needed"},
	} {
		got := call(c.env, "", append([]string{"config"}, c.args...)...)
		if got.status != 2 || !strings.Contains(got.err, c.says) || strings.Contains(got.err, "s3cret") || strings.Count(got.err, "\n") != 1 {
			t.Errorf("%v %v: exit %d\n%swant %q", c.env, c.args, got.status, got.err, c.says)
		}
	}
}

func TestEmptyVariableLeavesNumbersAlone(t *testing.T) {
	got := call(map[string]string{"POSTBACK_KAFKA_PARTITIONS": "", "POSTBACK_ADMIN": "", "POSTBACK_PORT": "tcp://10.0.0.1:80"}, "", "config")
	if got.status != 0 || !strings.Contains(got.out, "partitions: 12") || !strings.Contains(got.out, "admin: \"\"") {
		t.Errorf("exit %d %s%s", got.status, got.out, got.err)
	}
}

func TestPropertyDemoExistsWithAFileOnlyIfListed(t *testing.T) {
	s, _ := read(t, "properties: [{id: shop}]\n", nil)
	if len(s.Properties) != 1 || s.Properties[0].ID != "shop" || s.Listen != ":8080" {
		t.Errorf("%+v", s.config)
	}
	if p := s.Properties[0]; p.Currency != "USD" || p.Timezone != "UTC" || p.PII != "keep" || p.Open {
		t.Errorf("defaults of a property: %+v", p)
	}
}

func TestOwnPresetsWinAndTheirMistakesAreNamed(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "mine.json"), []byte(`{"nam": "mine"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, p := read(t, "networks_dir: "+folder+"\nproperties: [{id: a}]\n", nil)
	if p.errors() != 1 || !strings.Contains(p.lines()[0], "mine.json") {
		t.Errorf("%v", p.lines())
	}
	_, p = read(t, "networks_dir: "+t.TempDir()+"\nproperties: [{id: a}]\n", nil)
	if p.errors() != 0 || len(p.lines()) != 1 {
		t.Errorf("an empty folder: %v, want a warning", p.lines())
	}
	_, p = read(t, "networks_dir: /nowhere/at/all\nproperties: [{id: a}]\n", nil)
	if p.errors() != 1 || !strings.Contains(p.lines()[0], "cannot be read") {
		t.Errorf("no folder: %v", p.lines())
	}
}

func TestCertificatesThatCannotBeUsedAreNamed(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "no.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, part := range map[string]string{
		"tls: {cert_file: " + file + ", key_file: " + file + "}":          "tls.cert_file: the certificate cannot be used",
		"tls: {key_file: " + file + "}":                                   "belong together",
		"kafka: {tls: {enabled: true, ca_file: " + file + "}}":            "holds no certificate in PEM form",
		"kafka: {tls: {enabled: true, ca_file: /nowhere}}":                "/nowhere cannot be read",
		"kafka: {tls: {enabled: true, cert_file: " + file + "}}":          "belong together",
		"kafka: {brokers: [a:1], sasl: {mechanism: gssapi, username: u}}": "is not one of plain",
		"ack: kafka":                         "needs kafka.brokers",
		"budgets: {kafka: 10s, request: 5s}": "is more than budgets.request",
	} {
		if _, p := read(t, text+"\nproperties: [{id: a}]\n", nil); p.errors() != 1 || !strings.Contains(strings.Join(p.lines(), "\n"), part) {
			t.Errorf("%s: %v, want %q", text, p.lines(), part)
		}
	}
}

func TestClosestWordIsSuggestedOnlyWhenItIsClose(t *testing.T) {
	words := []string{"serve", "check", "config", "networks", "tail"}
	for word, want := range map[string]string{
		"serv": "serve", "SERVE": "serve", "chekc": "check", "tial": "tail", "netwoks": "networks", "xyzzy": "", "": "", "a": "", strings.Repeat("a", 100): "",
	} {
		if got := closest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
