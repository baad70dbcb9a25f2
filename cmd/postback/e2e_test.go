package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is where TestMain's temporary folder is; the program is built into it
// when the first test asks for it.
var built struct {
	folder string
	once   sync.Once
	err    error
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "postback-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.folder = folder
	status := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(status)
}

// program returns the program's path.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(built.folder, "postback")
	built.once.Do(func() {
		if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return path
}

// cleanEnv is an environment without keys of ours, and what a test adds.
func cleanEnv(add ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "POSTBACK_") {
			env = append(env, pair)
		}
	}
	return append(env, add...)
}

// result is what a finished command left.
type result struct {
	status   int
	out, err string
}

// command runs the program to its end in a folder of its own.
func command(t *testing.T, folder string, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = folder, strings.NewReader(stdin), &out, &err, cleanEnv()
	failure := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(failure)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), err.String()}
}

// instance is a running serve.
type instance struct {
	t       *testing.T
	cmd     *exec.Cmd
	folder  string
	collect string
	admin   string
	talk    *transcript
	ended   chan struct{}
}

// transcript is what a process has said so far.
type transcript struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func (s *transcript) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *transcript) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// read collects lines until the stream ends.
func (s *transcript) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		s.add(scanner.Text())
	}
}

// await returns the first match of pattern in what is or will be said.
func (s *transcript) await(t *testing.T, pattern string, ended <-chan struct{}) []string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	limit := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		if m := expression.FindStringSubmatch(s.text()); m != nil {
			return m
		}
		select {
		case <-more:
		case <-ended:
			if m := expression.FindStringSubmatch(s.text()); m != nil {
				return m
			}
			t.Fatalf("the process ended without saying %q:\n%s", pattern, s.text())
		case <-limit:
			t.Fatalf("the process did not say %q within 30 s:\n%s", pattern, s.text())
		}
	}
}

// launch starts the program and does not wait for anything.
func launch(t *testing.T, folder string, env []string, args ...string) *instance {
	t.Helper()
	v := &instance{t: t, folder: folder, talk: &transcript{more: make(chan struct{})}, ended: make(chan struct{})}
	v.cmd = exec.Command(program(t), args...)
	v.cmd.Dir, v.cmd.Env = folder, cleanEnv(env...)
	stderr, err := v.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		v.talk.read(stderr)
		_ = v.cmd.Wait()
		close(v.ended)
	}()
	t.Cleanup(v.kill)
	return v
}

// start runs serve on free ports and waits until it is ready. env holds
// POSTBACK_… pairs, args further flags.
func start(t *testing.T, folder string, env []string, args ...string) *instance {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)
	v := launch(t, folder, env, args...)
	v.ready()
	return v
}

// ready waits for the greeting and reads the addresses from it.
func (v *instance) ready() {
	v.t.Helper()
	v.collect = v.talk.await(v.t, `collect +https?://([^/]+)/|"collect":"([^"]+)"`, v.ended)[1]
	if v.collect == "" {
		v.collect = v.talk.await(v.t, `"collect":"([^"]+)"`, v.ended)[1]
	}
	// The greeting may arrive in pieces; with the admin listener off it names none.
	admin, limit := regexp.MustCompile(`admin +http://([^/]+)/|"admin":"([^"]+)"`), time.After(time.Second)
	for {
		v.talk.mu.Lock()
		more := v.talk.more
		v.talk.mu.Unlock()
		if m := admin.FindStringSubmatch(v.talk.text()); m != nil {
			v.admin = m[1] + m[2]
			return
		}
		select {
		case <-more:
		case <-limit:
			return
		}
	}
}

// kill ends the process as a crash would.
func (v *instance) kill() {
	_ = v.cmd.Process.Kill()
	<-v.ended
}

// stop ends the process in good order and returns its exit status.
func (v *instance) stop() int {
	v.t.Helper()
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		v.t.Fatal(err)
	}
	select {
	case <-v.ended:
	case <-time.After(40 * time.Second):
		v.t.Fatalf("still running 40 s after SIGTERM:\n%s", v.talk.text())
	}
	return v.cmd.ProcessState.ExitCode()
}

// send posts a query to a network of the property demo and returns status and
// result word; the status is 0 when there was no answer.
func (v *instance) send(query string) (status int, result string) {
	return collect(http.DefaultClient, "http://"+v.collect+"/demo/collect/generic?"+query)
}

func collect(client *http.Client, url string) (status int, result string) {
	response, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("X-Postback-Result")
}

// want sends a query and fails the test unless it ends as result.
func (v *instance) want(query, result string) {
	v.t.Helper()
	if status, got := v.send(query); status != 200 || got != result {
		v.t.Fatalf("%s: %d %s, want 200 %s\n%s", query, status, got, result, v.talk.text())
	}
}

// get reads a page of the admin listener.
func (v *instance) get(path string) (status int, body string) {
	response, err := http.Get("http://" + v.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	data, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(data)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// missing lists the words of want that are not among got.
func missing(want []string, got map[string]int) []string {
	var out []string
	for _, word := range want {
		if got[word] == 0 {
			out = append(out, word)
		}
	}
	slices.Sort(out)
	return out
}
