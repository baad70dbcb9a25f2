package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write golden files anew")

// exampleFile is the full example that ships with the program.
const exampleFile = "../../deploy/examples/postback.yaml"

// writeConfig makes postback.yaml in a folder and returns its path.
func writeConfig(t *testing.T, folder, text string) string {
	t.Helper()
	path := filepath.Join(folder, "postback.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// call runs a command in this process.
func call(env map[string]string, stdin string, args ...string) result {
	var out, err bytes.Buffer
	getenv := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	status := run(args, streams{in: strings.NewReader(stdin), out: &out, err: &err, getenv: getenv})
	return result{status, out.String(), err.String()}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; with -update it is written anew.\ngot:\n%s\nwant:\n%s", name, text, want)
	}
}

func TestCheckNamesEveryProblemWithItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v %v", files, err)
	}
	t.Chdir("testdata/check")
	for _, file := range files {
		name := filepath.Base(file)
		got := call(nil, "", "check", name)
		text := got.out + "--- exit " + string(rune('0'+got.status)) + "\n" + got.err
		t.Run(name, func(t *testing.T) {
			t.Chdir("../..")
			golden(t, filepath.Join("check", strings.TrimSuffix(name, ".yaml")+".golden"), text)
		})
	}
}

// keysIn collects the key paths of a YAML document, list indexes left out.
func keysIn(n *yaml.Node, path string, into map[string]bool) {
	switch n.Kind {
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, c := range n.Content {
			keysIn(c, path, into)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := join(path, n.Content[i].Value)
			into[key] = true
			keysIn(n.Content[i+1], key, into)
		}
	}
}

// keysOfType collects the key paths a struct type has.
func keysOfType(t reflect.Type, path string, into map[string]bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		name := field.Tag.Get("yaml")
		if name == "" {
			continue
		}
		into[join(path, name)] = true
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			keysOfType(inner, join(path, name), into)
		}
	}
}

func TestExampleNamesEveryKeyAndHasNoProblem(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	written, known := make(map[string]bool), make(map[string]bool)
	keysIn(&document, "", written)
	keysOfType(reflect.TypeFor[config](), "", known)
	for key := range known {
		if !written[key] && !strings.Contains(key, "rules.caps.") {
			t.Errorf("the example lacks %s", key)
		}
	}
	got := call(nil, "", "check", exampleFile)
	if got.status != 0 || got.out != "" {
		t.Errorf("check of the example: exit %d\n%s%s", got.status, got.out, got.err)
	}
}

func TestExampleShowsTheDefaults(t *testing.T) {
	defaults := fileDefaults()
	s, p, err := loadConfig(sources{file: exampleFile, getenv: func(string) (string, bool) { return "", false }})
	if err != nil || p.errors() > 0 {
		t.Fatal(err, p.lines())
	}
	a, b := reflect.ValueOf(s.config), reflect.ValueOf(defaults)
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("yaml")
		if name == "" || name == "properties" || name == "proxy" {
			continue
		}
		x, err1 := yaml.Marshal(structNodeOf(a.Field(i)))
		y, err2 := yaml.Marshal(structNodeOf(b.Field(i)))
		if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
			t.Errorf("%s is not the default:\n%s\nwant:\n%s", name, x, y)
		}
	}
}

// structNodeOf prints any field for a comparison.
func structNodeOf(v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Struct {
		return structNode(v)
	}
	text, _ := scalarText(v)
	return textNode(text)
}

func TestConfigPrintsTheDefaults(t *testing.T) {
	got := call(nil, "", "config")
	if got.status != 0 {
		t.Fatalf("exit %d: %s", got.status, got.err)
	}
	golden(t, "config.golden", got.out)
}

func TestPrintedConfigurationIsAConfigurationAndHidesSecrets(t *testing.T) {
	folder := t.TempDir()
	password := filepath.Join(folder, "password")
	if err := os.WriteFile(password, []byte("s3cret-in-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := writeConfig(t, folder, `
kafka: {brokers: [k:9092], sasl: {mechanism: plain, username: u, password_file: `+password+`}}
redis: {url: "redis://user:s3cret@h:6379/1"}
networks_dir: ""
properties:
  - {id: a, token: s3cret, open: true, integrations: [{network: impact, nickname: "$${x}", token: [s3cret, "sha256:`+strings.Repeat("ab", 32)+`"]}]}
  - {id: b, token_file: `+password+`}
`)
	first := call(nil, "", "config", file)
	if first.status != 0 || strings.Contains(first.out, "s3cret") || strings.Contains(first.out, "abab") {
		t.Fatalf("exit %d, or a secret:\n%s%s", first.status, first.out, first.err)
	}
	if !strings.Contains(first.out, "redis://user:***@h:6379/1") || !strings.Contains(first.out, "nickname: $${x}") {
		t.Errorf("not as expected:\n%s", first.out)
	}
	second := call(nil, "", "config", writeConfig(t, t.TempDir(), first.out))
	if second.status != 0 || second.out != first.out {
		t.Errorf("printed, read and printed again it differs: exit %d %s\n%s", second.status, second.err, second.out)
	}
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := writeConfig(t, t.TempDir(), "listen: \":1\"\nack: journal\nproperties: [{id: p}]\n")
	load := func(env map[string]string, args ...string) string {
		t.Helper()
		got := call(env, "", append([]string{"config"}, args...)...)
		if got.status != 0 {
			t.Fatalf("exit %d: %s", got.status, got.err)
		}
		return regexp.MustCompile(`(?m)^listen: (.*)$`).FindStringSubmatch(got.out)[1]
	}
	env := map[string]string{"POSTBACK_LISTEN": ":2"}
	for _, c := range []struct {
		got, want string
	}{
		{load(nil), "127.0.0.1:8080"},
		{load(nil, file), ":1"},
		{load(env, file), ":2"},
		{load(env, file, "--listen", ":3"), ":3"},
		{load(map[string]string{"POSTBACK_CONFIG": file}), ":1"},
		{load(nil, writeConfig(t, t.TempDir(), "properties: []\n")), ":8080"},
	} {
		if strings.Trim(c.got, "\"'") != c.want {
			t.Errorf("listen is %s, want %s", c.got, c.want)
		}
	}
}

// other gives a valid value for a key that differs from the one it has.
func other(path string, v reflect.Value, field reflect.StructField) string {
	now, _ := scalarText(v)
	if words := strings.Fields(field.Tag.Get("oneof")); len(words) > 1 {
		return words[(slices.Index(words, now)+1)%len(words)]
	}
	switch v.Interface().(type) {
	case size:
		return (v.Interface().(size) + 1024).String()
	case span:
		return (v.Interface().(span) + span(time.Millisecond)).String()
	case bool:
		return map[string]string{"true": "false", "false": "true"}[now]
	case int:
		return "7"
	case []string:
		return map[string]string{"kafka.brokers": "a:1, b:2", "proxy.trusted": "10.0.0.0/8,::1/128"}[path]
	}
	return map[string]string{"redis.url": "redis://h:1", "listen": ":7", "admin": "127.0.0.1:7"}[path] + map[bool]string{true: "", false: "x"}[path == "redis.url" || path == "listen" || path == "admin"]
}

func TestEveryKeyOutsideTheListsHasAnEnvironmentVariable(t *testing.T) {
	c := fileDefaults()
	seen := 0
	eachKey(reflect.ValueOf(&c).Elem(), "", func(path string, field reflect.StructField, v reflect.Value) {
		if v.Kind() == reflect.Struct || path == "properties" {
			return
		}
		seen++
		text := other(path, v, field)
		name := "POSTBACK_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		p := &problems{at: make(map[string]place)}
		changed := fileDefaults()
		p.override(&changed, func(n string) (string, bool) { return text, n == name })
		got, ok := scalarText(fieldAt(reflect.ValueOf(changed), path))
		if !ok {
			got = strings.Join(fieldAt(reflect.ValueOf(changed), path).Interface().([]string), ",")
			text = strings.ReplaceAll(text, " ", "")
		}
		if got != text || len(p.list) > 0 {
			t.Errorf("%s=%s makes %s %q %v", name, text, path, got, p.lines())
		}
	})
	if seen < 45 {
		t.Errorf("only %d keys were tried", seen)
	}
}

// fieldAt follows a path of keys.
func fieldAt(v reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		v, _ = fieldOf(v, name)
	}
	return v
}
