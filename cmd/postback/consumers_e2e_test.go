//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest/publish"
	"github.com/postbackhq/postback/schema/money"
)

// consumerRounds is how often the stories are told: enough records that a kill meets a consumer at work.
const consumerRounds = 100

// consumerPatience bounds what takes seconds on a machine that has nothing else to do.
const consumerPatience = 3 * time.Minute

// consumerReport is the line that a consumer prints at its end.
type consumerReport struct {
	Records     int               `json:"records"`
	Applied     int               `json:"applied"`
	Copies      int               `json:"copies"`
	Conversions int               `json:"conversions"`
	Totals      map[string]string `json:"totals"`
}

func (r consumerReport) equal(o consumerReport) bool {
	return r.Records == o.Records && r.Applied == o.Applied && r.Copies == o.Copies && r.sameTables(o)
}

func (r consumerReport) sameTables(o consumerReport) bool {
	return r.Conversions == o.Conversions && maps.Equal(r.Totals, o.Totals)
}

// consumerExample is one of the examples in deploy/consumers.
type consumerExample struct {
	folder  string
	needs   []string // programs
	prepare func(t *testing.T, source string) []string
}

func consumerExamples() []consumerExample {
	return []consumerExample{
		{"go", []string{"go"}, consumerGo},
		{"python", []string{"python3"}, consumerPython},
		{"typescript", []string{"node", "npm"}, consumerTypeScript},
		{"java", []string{"java", "mvn"}, consumerJava},
	}
}

func TestConsumersCountEveryConversionOnceOverCopiesAndKills(t *testing.T) {
	address, topic := kafkaAddress(t), topicName()
	want := consumerServed(t, address, topic)
	stories := consumerTold()
	want.add(stories)
	consumerPublish(t, address, topic, stories)
	for _, example := range consumerExamples() {
		t.Run(example.folder, func(t *testing.T) {
			t.Parallel()
			for _, program := range example.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("optional: %s is not installed, so deploy/consumers/%s was not run", program, example.folder)
				}
			}
			source, err := filepath.Abs(filepath.Join("..", "..", "deploy", "consumers", example.folder))
			if err != nil {
				t.Fatal(err)
			}
			c := consumerRun{argv: example.prepare(t, source), address: address, topic: topic, group: topic + "-" + example.folder}
			c.checkOnce(t, want.report())
			c.checkKill(t, want.report())
		})
	}
}

// consumerRun runs one consumer.
type consumerRun struct {
	argv                  []string
	address, topic, group string
}

// command is the consumer with the flags that all of them share.
func (c consumerRun) command(ctx context.Context, group, db string, more ...string) *exec.Cmd {
	args := append(c.argv[1:len(c.argv):len(c.argv)], "--brokers", c.address, "--topic", c.topic, "--group", group, "--db", db)
	cmd := exec.CommandContext(ctx, c.argv[0], append(args, more...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// once reads to the end of the topic.
func (c consumerRun) once(t *testing.T, group, db string) consumerReport {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), consumerPatience)
	defer cancel()
	cmd := c.command(ctx, group, db, "--once")
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, &out, &talk)
	}
	var report consumerReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("want one line of JSON: %v\n%s", err, &out)
	}
	return report
}

// checkOnce reads the topic three times into one file of tables: as a new group, as the same group, and as one that knows
// no offsets, as if every commit had been lost.
func (c consumerRun) checkOnce(t *testing.T, want consumerReport) {
	t.Helper()
	db := filepath.Join(t.TempDir(), "conversions.db")
	if got := c.once(t, c.group, db); !got.equal(want) {
		t.Fatalf("first run:\n%+v, want\n%+v", got, want)
	}
	if got := c.once(t, c.group, db); got.Applied != 0 || got.Records != 0 || !got.sameTables(want) {
		t.Errorf("second run: %+v, want nothing applied", got)
	}
	if got := c.once(t, c.group+"-again", db); got.Records != want.Records || got.Copies != want.Records || !got.sameTables(want) {
		t.Errorf("every record again: %+v, want only copies", got)
	}
}

// checkKill ends a consumer with SIGKILL twice, once in the middle of its work and once between a fetch and its transaction,
// and lets another go on.
func (c consumerRun) checkKill(t *testing.T, want consumerReport) {
	t.Helper()
	db := filepath.Join(t.TempDir(), "conversions.db")
	c.kill(t, db, 3, nil)
	c.kill(t, db, 1, consumerHold)
	got := c.once(t, c.group+"-killed", db)
	if !got.sameTables(want) {
		t.Errorf("after two kills: %+v, want the tables of %+v", got, want)
	}
	if got.Applied == 0 || got.Applied >= want.Applied {
		t.Errorf("the kills did not meet a consumer at work: %d of %d were applied afterwards", got.Applied, want.Applied)
	}
}

// kill starts a consumer without --once and kills it after some batches; with hold, once it waits for that lock.
func (c consumerRun) kill(t *testing.T, db string, batches int, hold func(t *testing.T, db string) *os.File) {
	t.Helper()
	cmd := c.command(t.Context(), c.group+"-killed", db)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	talk, ended := &transcript{more: make(chan struct{})}, make(chan struct{})
	go func() {
		talk.read(stderr)
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	consumerAwait(t, talk, batches, ended)
	if hold != nil {
		lock := hold(t, db)
		defer func() { _ = lock.Close() }()
		consumerQuiet(talk, ended)
	}
	_ = cmd.Process.Kill()
	<-ended
}

// consumerAwait waits until a consumer has applied some batches; one that joins after a kill has to wait for the dead one's
// session to end.
func consumerAwait(t *testing.T, talk *transcript, batches int, ended <-chan struct{}) {
	t.Helper()
	limit := time.After(consumerPatience)
	for {
		talk.mu.Lock()
		more := talk.more
		talk.mu.Unlock()
		if strings.Count(talk.text(), " applied, ") >= batches {
			return
		}
		select {
		case <-more:
		case <-ended:
			t.Fatalf("it ended after fewer than %d batches:\n%s", batches, talk.text())
		case <-limit:
			t.Fatalf("fewer than %d batches within %s:\n%s", batches, consumerPatience, talk.text())
		}
	}
}

// consumerHold takes the lock that every writer of a database in WAL mode needs (SQLite, "WAL-mode File Format", section 2.3:
// WAL_WRITE_LOCK is byte 120 of the shared memory), until the file is closed.
func consumerHold(t *testing.T, db string) *os.File {
	t.Helper()
	file, err := os.OpenFile(db+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: 120, Len: 1}); err != nil {
		t.Fatal(err)
	}
	return file
}

// consumerQuiet waits until a consumer has said nothing for a while.
func consumerQuiet(talk *transcript, ended <-chan struct{}) {
	for {
		talk.mu.Lock()
		more := talk.more
		talk.mu.Unlock()
		select {
		case <-more:
		case <-ended:
			return
		case <-time.After(time.Second):
			return
		}
	}
}

// consumerWant adds up what the tables must say, by hand and not by deltas.
type consumerWant struct {
	records, copies, conversions int
	totals                       map[string]int64 // micros
}

func (w *consumerWant) add(stories []consumerStory) {
	for i := range stories {
		s := &stories[i]
		w.conversions += s.conversions
		for currency, micros := range s.totals {
			w.totals[currency] += micros
		}
		for _, step := range s.steps {
			w.records++
			if step.copyOf > 0 {
				w.copies++
			}
		}
	}
}

func (w *consumerWant) report() consumerReport {
	r := consumerReport{Records: w.records, Applied: w.records - w.copies, Copies: w.copies, Conversions: w.conversions, Totals: map[string]string{}}
	for currency, micros := range w.totals {
		r.Totals[currency] = string(money.Append(nil, micros, 2))
	}
	return r
}

// consumerServed lets the service itself make the first events of the topic.
func consumerServed(t *testing.T, address, topic string) *consumerWant {
	t.Helper()
	v := start(t, t.TempDir(), kafkaEnv(address, topic))
	waitKafka(t, v)
	for _, pair := range [][2]string{
		{"click_id=c1&transaction_id=t1&commission=4.99&currency=USD", "accepted"},
		{"click_id=c1&transaction_id=t1&commission=4.99&currency=USD", "duplicate"},
		{"click_id=c1&transaction_id=t1&commission=6&currency=USD", "updated"},
		{"click_id=c2&transaction_id=t2&commission=10&currency=EUR", "accepted"},
		{"click_id=c2&transaction_id=t2&commission=10&currency=EUR&status=reversed", "updated"},
		{"click_id=c3&transaction_id=t3&commission=3&currency=USD&status=pending", "accepted"},
		{"click_id=c3&transaction_id=t3&commission=3&currency=USD&status=approved", "updated"},
		{"click_id=c4&commission=0", "accepted"},
	} {
		v.want(pair[0], pair[1])
	}
	if code := v.stop(); code != 0 {
		t.Fatalf("serve: exit status %d\n%s", code, v.talk.text())
	}
	return &consumerWant{records: 7, conversions: 4, totals: map[string]int64{"USD": 9_000_000, "EUR": 0}}
}

// consumerPublish writes the stories to the topic, round robin: the steps of different stories lie between each other.
func consumerPublish(t *testing.T, address, topic string, stories []consumerStory) {
	t.Helper()
	delivered := make(chan error, 1<<16)
	producer := publish.New(publish.Config{
		Brokers: []string{address}, Topics: []publish.TopicConfig{{Name: topic}}, Partitions: 3, Replication: 1, CreateTopics: true,
		Deliver: func(batch []*publish.Message) {
			for _, m := range batch {
				delivered <- m.Err
			}
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	producer.Start(ctx)
	if err := producer.WaitUp(ctx); err != nil {
		t.Fatal(err)
	}
	var batch []*publish.Message
	for n, more := 0, true; more; n++ {
		more = false
		for i := range stories {
			if n < len(stories[i].steps) {
				batch = append(batch, &publish.Message{Record: stories[i].record(n)})
				more = true
			}
		}
	}
	producer.Send(batch)
	for range batch {
		if err := <-delivered; err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.Close(ctx); err != nil {
		t.Error(err)
	}
}

// consumerPrepare runs one command of a preparation, for at most ten minutes.
func consumerPrepare(t *testing.T, folder string, argv ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = folder
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v in %s: %w\n%s", argv, folder, err, out)
	}
	return nil
}

// consumerPackages returns a folder of installed packages, kept from run to run under the hash of the files that name them.
// What cannot be fetched is a reason to skip, but not where all tests must run.
func consumerPackages(t *testing.T, source, name string, manifests []string, install func(folder string) error) string {
	t.Helper()
	hash := sha256.New()
	for _, manifest := range manifests {
		text, err := os.ReadFile(filepath.Join(source, manifest))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", manifest, len(text), text)
	}
	home, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(home, "postback-consumers")
	folder := filepath.Join(cache, name+"-"+hex.EncodeToString(hash.Sum(nil)[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := install(fresh); err != nil {
		if os.Getenv("POSTBACK_TEST_REQUIRE") == "1" {
			t.Fatal(err)
		}
		t.Skipf("optional: the packages of deploy/consumers/%s cannot be installed: %v", filepath.Base(source), err)
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return folder
}

func consumerGo(t *testing.T, source string) []string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "consumer")
	if err := consumerPrepare(t, source, "go", "build", "-o", binary, "."); err != nil {
		t.Fatal(err)
	}
	return []string{binary}
}

func consumerPython(t *testing.T, source string) []string {
	t.Helper()
	venv := consumerPackages(t, source, "python", []string{"requirements.txt"}, func(folder string) error {
		if err := consumerPrepare(t, source, "python3", "-m", "venv", folder); err != nil {
			return err
		}
		python := filepath.Join(folder, "bin", "python")
		return consumerPrepare(t, source, python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt")
	})
	return []string{filepath.Join(venv, "bin", "python"), filepath.Join(source, "consume.py")}
}

func consumerTypeScript(t *testing.T, source string) []string {
	t.Helper()
	manifests := []string{"package.json", "package-lock.json"}
	packages := consumerPackages(t, source, "typescript", manifests, func(folder string) error {
		consumerCopy(t, source, folder, manifests...)
		return consumerPrepare(t, folder, "npm", "ci", "--no-audit", "--no-fund")
	})
	folder := t.TempDir()
	consumerCopy(t, source, folder, "package.json", "tsconfig.json", "consume.ts")
	if err := os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if err := consumerPrepare(t, folder, "npm", "run", "build"); err != nil {
		t.Fatal(err)
	}
	return []string{"node", filepath.Join(folder, "dist", "consume.js")}
}

func consumerJava(t *testing.T, source string) []string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "src"), os.DirFS(filepath.Join(source, "src"))); err != nil {
		t.Fatal(err)
	}
	consumerCopy(t, source, folder, "pom.xml")
	if err := consumerPrepare(t, folder, "mvn", "-q", "-B", "package"); err != nil {
		t.Fatal(err)
	}
	return []string{"java", "-XX:TieredStopAtLevel=1", "-jar", filepath.Join(folder, "target", "consumer.jar")}
}

func consumerCopy(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
