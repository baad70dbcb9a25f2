package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readmeFile is the page whose commands and snippets are run here.
const readmeFile = "../../README.md"

// block is one fenced block of the page. mark is what the comment before it
// says: "test: server", "test: kafka", "test: exists PATH", "test: go" or
// "output"; without one a block of commands is run as it stands.
type block struct {
	line           int
	language, mark string
	text           string
}

var readmeMark = regexp.MustCompile(`^<!-- (.+) -->$`)

// blocks reads the page.
func blocks(t *testing.T) []block {
	t.Helper()
	page, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	var current *block
	mark := ""
	for i, line := range strings.Split(string(page), "\n") {
		switch m := readmeMark.FindStringSubmatch(line); {
		case current != nil && line == "```":
			list = append(list, *current)
			current, mark = nil, ""
		case current != nil:
			current.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			current = &block{line: i + 1, language: line[3:], mark: mark}
		case m != nil:
			mark = m[1]
		case line != "":
			mark = ""
		}
	}
	if current != nil {
		t.Fatalf("line %d: the block is not closed", current.line)
	}
	return list
}

// shell runs commands as a reader of the page would, with the addresses of the
// test in place of those of the page.
func shell(t *testing.T, folder, commands string, swap ...string) (string, error) {
	t.Helper()
	swap = append(swap, "go run ./cmd/postback", "postback")
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.NewReplacer(swap...).Replace(commands))
	cmd.Dir = folder
	cmd.Env = cleanEnv("PATH="+filepath.Dir(program(t))+string(os.PathListSeparator)+os.Getenv("PATH"), "COLUMNS=110")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err != nil {
		t.Logf("%s%s", out.String(), complaint.String())
	}
	return out.String(), err
}

func TestCommandsOfTheReadmeWork(t *testing.T) {
	list := blocks(t)
	folder := t.TempDir()
	for _, b := range list {
		if b.language == "yaml" {
			writeConfig(t, folder, b.text)
		}
	}
	v := start(t, folder, nil)
	ran, last := 0, ""
	for _, b := range list {
		switch {
		case b.mark == "output":
			if got := strings.TrimSpace(clockless(last)); got != strings.TrimSpace(b.text) {
				t.Errorf("README.md:%d: the command above prints something else:\n%s", b.line, got)
			}
		case b.language != "sh" || strings.HasPrefix(b.mark, "test: "):
		default:
			ran++
			var err error
			if last, err = shell(t, folder, b.text, "127.0.0.1:8080", v.collect, "127.0.0.1:8081", v.admin); err != nil {
				t.Errorf("README.md:%d: %v:\n%s", b.line, err, b.text)
			}
		}
	}
	if ran < 9 {
		t.Errorf("only %d blocks were run", ran)
	}
	got := transactions(t, command(t, folder, "", "tail").out)
	if got["t1"] != 2 || got[""] != 2 {
		t.Errorf("the postbacks of the page made %v, want two events of t1 and two of the batch", got)
	}
}

func TestMarkedCommandsOfTheReadmeWork(t *testing.T) {
	for _, b := range blocks(t) {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(b.mark, "test: "), " ")
		switch {
		case b.language != "sh" || !strings.HasPrefix(b.mark, "test: "):
		case kind == "exists":
			if info, err := os.Stat(filepath.Join("../..", rest)); err != nil || info.Mode()&0o111 == 0 || strings.TrimSpace(b.text) != rest {
				t.Errorf("README.md:%d: %s is not there, or not executable: %v", b.line, rest, err)
			}
		case kind == "server":
			serveBlock(t, b)
		case kind == "kafka":
			address, redis := os.Getenv("POSTBACK_TEST_KAFKA"), ""
			if address == "" {
				address, redis = closedAddress(t), closedAddress(t)
			} else {
				redis = startRedis(t).address
			}
			serveBlock(t, b, "127.0.0.1:9092", address, "127.0.0.1:6379", redis)
		case kind == "go":
			checkGoBlock(t, b)
		default:
			t.Errorf("README.md:%d: unknown mark %q", b.line, b.mark)
		}
	}
}

// serveBlock runs a block that starts the service, until it is ready.
func serveBlock(t *testing.T, b block, swap ...string) {
	t.Helper()
	words := strings.Fields(strings.NewReplacer(append(swap, "go run ./cmd/postback", "postback")...).Replace(b.text))
	if len(words) < 2 || words[0] != "postback" || strings.Count(b.text, "\n") != 1 {
		t.Fatalf("README.md:%d: no single line that serves: %s", b.line, b.text)
	}
	env := []string{"POSTBACK_LISTEN=127.0.0.1:0", "POSTBACK_ADMIN=127.0.0.1:0", "POSTBACK_KAFKA_TOPIC=" + topicName(), "POSTBACK_KAFKA_PARTITIONS=1"}
	v := launch(t, t.TempDir(), env, words[1:]...)
	v.ready()
	v.want(firstPostback, "accepted")
	if code := v.stop(); code != 0 {
		t.Errorf("README.md:%d: exit status %d:\n%s", b.line, code, v.talk.text())
	}
}

// checkGoBlock looks at commands of the Go tool, which would run this test
// again: they must name packages that are there.
func checkGoBlock(t *testing.T, b block) {
	t.Helper()
	for line := range strings.Lines(b.text) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "go" {
			t.Errorf("README.md:%d: not a simple line of the Go tool: %s", b.line, line)
			continue
		}
		list := exec.Command("go", "list", words[2])
		list.Dir = "../.."
		if out, err := list.Output(); err != nil || len(out) == 0 {
			t.Errorf("README.md:%d: %s: %v", b.line, words[2], err)
		}
	}
}

func TestGreetingsCurlLineWorksWhenPasted(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	line := v.talk.await(t, `(?m)^ *(curl -i '.*')$`, v.ended)[1]
	out, err := shell(t, v.folder, line)
	if err != nil || !strings.Contains(out, "X-Postback-Result: accepted") || !strings.HasSuffix(out, "OK") {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

func TestConfigurationsOfTheReadmeHaveNoProblem(t *testing.T) {
	found := 0
	for _, b := range blocks(t) {
		if b.language != "yaml" {
			continue
		}
		found++
		got := call(nil, "", "check", writeConfig(t, t.TempDir(), b.text))
		if got.status != 0 || got.out != "" {
			t.Errorf("README.md:%d: exit %d\n%s%s", b.line, got.status, got.out, got.err)
		}
	}
	if found == 0 {
		t.Error("no configuration is shown")
	}
}

func TestSecondSignalEndsThePatience(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	v.want(firstPostback, "accepted")
	began := time.Now()
	_ = v.cmd.Process.Signal(os.Interrupt)
	_ = v.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-v.ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("still running:\n%s", v.talk.text())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
