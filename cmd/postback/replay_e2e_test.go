package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest/publish"
)

// rulesFile writes a configuration with a token and a rule, and more keys.
func rulesFile(t *testing.T, folder, least, more string) {
	t.Helper()
	writeConfig(t, folder, more+"\nproperties: [{id: demo, token: s3cret, integrations: [{network: generic, rules: {min_commission: "+least+"}}]}]\n")
}

// lineOf is what a test looks at in an event or a failed record.
type lineOf struct {
	EventID     string `json:"event_id"`
	FailedID    string `json:"failed_id"`
	Transaction string `json:"transaction_id"`
	ReceivedMS  int64  `json:"received_at_ms"`
	Replayed    bool   `json:"replayed"`
}

// topicOf reads a topic as tail prints it.
func topicOf(t *testing.T, folder, topic string) []lineOf {
	t.Helper()
	got := command(t, folder, "", "tail", "--config", "postback.yaml", "--json", "--topic", topic)
	if got.status != 0 {
		t.Fatalf("tail: %s", got.err)
	}
	var all []lineOf
	for line := range strings.Lines(got.out) {
		var e lineOf
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// replay runs the command and wants an exit status and a sentence.
func replay(t *testing.T, folder string, status int, sentence string, args ...string) result {
	t.Helper()
	got := command(t, folder, "", append([]string{"replay", "--config", "postback.yaml"}, args...)...)
	if got.status != status || !strings.HasSuffix(got.out, "\n"+sentence+"\n") && got.out != sentence+"\n" {
		t.Errorf("replay %v: exit %d, want %d and %q:\n%s%s", args, got.status, status, sentence, got.out, got.err)
	}
	return got
}

// skip sends postbacks of 1.00, 2.00 … up to total, all below the rule.
func skip(t *testing.T, v *instance, total int) {
	t.Helper()
	for n := range total {
		id := strconv.Itoa(n + 1)
		v.want("click_id=c"+id+"&commission="+id+"&currency=USD&token=s3cret&transaction_id=t"+id, "skipped")
	}
}

func TestSkippedPostbacksAreReplayedOnceAfterTheRuleChanged(t *testing.T) {
	folder := t.TempDir()
	rulesFile(t, folder, "10", "")
	v := start(t, folder, nil, "--config", "postback.yaml")
	skip(t, v, 4)
	before := topicOf(t, folder, "failed")
	replay(t, folder, 1, "4 failed requests: 0 replayed, 4 failed again")
	rulesFile(t, folder, "3", "")
	if err := v.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	v.talk.await(t, `"reloaded"`, v.ended)
	replay(t, folder, 0, "no failed request to replay", "--where", "reason=country")
	replay(t, folder, 0, "no failed request to replay", "--until", "1h")
	got := replay(t, folder, 1, "4 failed requests: 2 replayed, 2 failed again", "--where", "reason=min_commission,network=generic", "--since", "1h")
	if !strings.Contains(got.out, "min_commission  demo/generic  accepted                    2\n") {
		t.Errorf("%s", got.out)
	}
	events := topicOf(t, folder, "main")
	if len(events) != 2 {
		t.Fatalf("%+v, want two events", events)
	}
	// Conversions of different keys come in any order.
	slices.SortFunc(events, func(a, b lineOf) int { return strings.Compare(a.Transaction, b.Transaction) })
	for i, e := range events {
		if e.ReceivedMS != before[2+i].ReceivedMS || !e.Replayed || e.Transaction != "t"+strconv.Itoa(3+i) {
			t.Errorf("%+v, want the arrival of %+v", e, before[2+i])
		}
	}
	failed := make(map[string]int)
	for _, f := range topicOf(t, folder, "failed") {
		failed[f.FailedID]++
	}
	if want := map[string]int{before[0].FailedID: 3, before[1].FailedID: 3, before[2].FailedID: 2, before[3].FailedID: 2}; !maps.Equal(failed, want) {
		t.Errorf("failed ids %v, want %v", failed, want)
	}
	v.want("click_id=c3&commission=3&currency=USD&token=s3cret&transaction_id=t3", "duplicate")
	for range 2 {
		replay(t, folder, 1, "4 failed requests: 0 replayed, 2 failed again, 2 done before")
	}
	if n := len(topicOf(t, folder, "main")); n != 2 {
		t.Errorf("%d events after more replays, want 2", n)
	}
	if code := v.stop(); code != 0 {
		t.Errorf("exit status %d\n%s", code, v.talk.text())
	}
}

func TestReplayOpensTheFolderOfAStoppedService(t *testing.T) {
	folder := t.TempDir()
	rulesFile(t, folder, "10", "")
	v := start(t, folder, nil, "--config", "postback.yaml")
	skip(t, v, 3)
	v.kill()
	rulesFile(t, folder, "2", "")
	replay(t, folder, 1, "3 failed requests: 2 replayed, 1 failed again")
	replay(t, folder, 1, "3 failed requests: 0 replayed, 1 failed again, 2 done before")
	if events := topicOf(t, folder, "main"); len(events) != 2 || !events[0].Replayed {
		t.Errorf("%+v", events)
	}
	v = start(t, folder, nil, "--config", "postback.yaml")
	v.want("click_id=c2&commission=2&currency=USD&token=s3cret&transaction_id=t2", "duplicate")
	if err := os.Remove(filepath.Join(folder, "postback-data", controlFile)); err != nil {
		t.Fatal(err)
	}
	got := command(t, folder, "", "replay", "--config", "postback.yaml")
	if got.status != 1 || !strings.Contains(got.err, "in use by process "+strconv.Itoa(v.cmd.Process.Pid)) || got.out != "" {
		t.Errorf("a folder in use without its socket: exit %d %s%s", got.status, got.out, got.err)
	}
}

func TestDryRunTellsWhatWouldHappenAndWritesNothing(t *testing.T) {
	folder := t.TempDir()
	rulesFile(t, folder, "10", "")
	v := start(t, folder, nil, "--config", "postback.yaml")
	skip(t, v, 3)
	export := func() string { return command(t, folder, "", "journal", "export").out }
	before := export()
	const sentence = "dry run of 3 failed requests: 0 would succeed, 3 would fail again"
	replay(t, folder, 0, sentence, "--dry-run")
	if after := export(); after != before || fileExists(filepath.Join(folder, "postback-data", replaysFile)) {
		t.Errorf("the dry run wrote:\n%s", after)
	}
	v.want("click_id=c9&commission=20&currency=USD&token=s3cret&transaction_id=t9", "accepted")
	v.kill()
	rulesFile(t, folder, "2", "")
	files := filesOf(t, folder)
	got := command(t, folder, "", "replay", "--config", "postback.yaml", "--dry-run", "--json")
	var s replaySummary
	if err := json.Unmarshal([]byte(got.out), &s); err != nil || got.status != 0 || s.Sent != 2 || s.Failed != 1 || !s.DryRun || len(s.Rows) != 2 {
		t.Errorf("exit %d, %v: %s%s", got.status, err, got.out, got.err)
	}
	replay(t, folder, 0, "dry run of 1 past event: 1 would succeed, 0 would fail again", "--dry-run", "--from", "main", "--since", "1h")
	if !maps.Equal(files, filesOf(t, folder)) {
		t.Error("the dry run changed the folder of a stopped service")
	}
	replay(t, folder, 1, "3 failed requests: 2 replayed, 1 failed again")
	got = replay(t, folder, 0, "dry run of 3 failed requests: 0 would succeed, 1 would fail again, 2 done before", "--dry-run")
	if err := os.Remove(filepath.Join(folder, "postback-data", replaysFile)); err != nil {
		t.Fatal(err)
	}
	if got = replay(t, folder, 0, "dry run of 3 failed requests: 2 would succeed, 1 would fail again", "--dry-run"); !strings.Contains(got.out, "duplicate repeat") {
		t.Errorf("what the journal's tail knows is not seen:\n%s", got.out)
	}
}

func TestPastEventsAreRepublishedByteForByteEachOnce(t *testing.T) {
	folder := t.TempDir()
	writeConfig(t, folder, "properties: [{id: demo, open: true}]\n")
	v := start(t, folder, nil, "--config", "postback.yaml")
	v.want(firstPostback, "accepted")
	v.want(firstPostback+"&status=reversed", "updated")
	v.want("click_id=c2&commission=3&transaction_id=t2", "accepted")
	tail := func() []string {
		return strings.Split(strings.TrimSpace(command(t, folder, "", "tail", "--config", "postback.yaml").out), "\n")
	}
	before := tail()
	replay(t, folder, 0, "1 past event: 1 replayed, 0 failed again", "--from", "main", "--where", "event_name=Reversal")
	replay(t, folder, 0, "no past event to replay", "--from", "main", "--where", "transaction_id=t9")
	v.kill()
	replay(t, folder, 0, "3 past events: 3 replayed, 0 failed again", "--from", "main", "--since", "1h")
	after := tail()
	counts := make(map[string]int)
	for _, line := range after {
		counts[line]++
	}
	if len(after) != 7 || counts[before[0]] != 2 || counts[before[1]] != 3 || counts[before[2]] != 2 {
		t.Errorf("%d lines: %v", len(after), after)
	}
	for i, r := range exported(t, "--data", filepath.Join(folder, "postback-data")) {
		if want := map[bool]string{true: "1"}[i >= 3]; r.Headers["replayed"] != want || r.Headers["ce_id"] == "" {
			t.Errorf("record %d: headers %v", i, r.Headers)
		}
	}
	v = start(t, folder, nil, "--config", "postback.yaml")
	v.want(firstPostback, "duplicate")
	v.want("click_id=c2&commission=4&transaction_id=t2", "updated")
}

func TestControlSocketIsPrivateAndGoesWithTheService(t *testing.T) {
	folder := t.TempDir()
	socket := filepath.Join(folder, "postback-data", controlFile)
	v := start(t, folder, nil)
	eventually(t, 5*time.Second, "the socket is there", func() bool { return fileExists(socket) })
	info, err := os.Lstat(socket)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v %v, want a socket of mode 0600", info.Mode(), err)
	}
	v.kill()
	if !fileExists(socket) {
		t.Fatal("a killed process leaves its socket behind")
	}
	v = start(t, folder, nil)
	eventually(t, 5*time.Second, "somebody answers", func() bool {
		client, err := dialControl(filepath.Join(folder, "postback-data"))
		if client != nil {
			client.close()
		}
		return client != nil && err == nil
	})
	if strings.Contains(v.talk.text(), "control socket") {
		t.Errorf("it complains:\n%s", v.talk.text())
	}
	if code := v.stop(); code != 0 || fileExists(socket) {
		t.Errorf("exit status %d, socket there: %v", code, fileExists(socket))
	}
}

func TestReplayReadsAndWritesKafka(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	kafka := "kafka: {brokers: [\"" + address + "\"], topic: " + topic + ", partitions: 3, replication: 1}"
	rulesFile(t, folder, "10", kafka)
	v := start(t, folder, nil, "--config", "postback.yaml")
	waitKafka(t, v)
	skip(t, v, 4)
	rulesFile(t, folder, "3", kafka)
	if err := v.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	v.talk.await(t, `"reloaded"`, v.ended)
	replay(t, folder, 0, "dry run of 1 failed request: 1 would succeed, 0 would fail again", "--dry-run", "--where", "failed_id="+failedIDIn(t, folder, 4))
	replay(t, folder, 1, "4 failed requests: 2 replayed, 2 failed again")
	v.want("click_id=c9&commission=20&currency=USD&token=s3cret&transaction_id=t9", "accepted")
	if code := v.stop(); code != 0 {
		t.Fatalf("exit status %d\n%s", code, v.talk.text())
	}
	rulesFile(t, folder, "2", kafka)
	replay(t, folder, 0, "dry run of 4 failed requests: 1 would succeed, 1 would fail again, 2 done before", "--dry-run")
	replay(t, folder, 1, "4 failed requests: 1 replayed, 1 failed again, 2 done before")
	replay(t, folder, 0, "1 past event: 1 replayed, 0 failed again", "--from", "main", "--where", "transaction_id=t9")
	if got, want := inKafka(t, address, topic), map[string]int{"t2": 1, "t3": 1, "t4": 1, "t9": 2}; !maps.Equal(got, want) {
		t.Errorf("in Kafka %v, want %v", got, want)
	}
	err := publish.Tail(t.Context(), publish.Config{Brokers: []string{address}}, topic, false, func(r publish.Fetched) bool {
		var e lineOf
		if err := json.Unmarshal(r.Value, &e); err != nil || r.Time != e.ReceivedMS {
			t.Errorf("%v: timestamp %d of %s", err, r.Time, r.Value)
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
}

// failedIDIn finds the failed_id of the n-th failed request.
func failedIDIn(t *testing.T, folder string, n int) string {
	t.Helper()
	all := topicOf(t, folder, "failed")
	if len(all) < n {
		t.Fatalf("%d failed requests, want %d", len(all), n)
	}
	return all[n-1].FailedID
}

func TestOrphanedJournalIsBroughtIntoKafkaInOrderOnce(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	v := start(t, folder, nil)
	const total = 3000
	if got := sendMany(t, "o", total, v); got["200 accepted"] != total {
		t.Fatalf("%v", got)
	}
	v.want("click_id={x}&commission=1", "quarantined")
	writeConfig(t, folder, "kafka: {brokers: [\""+address+"\"], topic: "+topic+", partitions: 3, replication: 1}\n")
	live := command(t, folder, "", "journal", "replay", "--config", "postback.yaml")
	if live.status != 1 || !strings.Contains(live.err, "is no orphan: process "+strconv.Itoa(v.cmd.Process.Pid)) {
		t.Errorf("a live owner: exit %d %s%s", live.status, live.out, live.err)
	}
	v.kill()
	want := exported(t, "--data", filepath.Join(folder, "postback-data"), "--topic", "main")
	got := command(t, folder, "", "journal", "replay", "--config", "postback.yaml")
	if got.status != 0 || got.out != strconv.Itoa(total+1)+" records published, 0 left\n" {
		t.Fatalf("exit %d %s%s", got.status, got.out, got.err)
	}
	again := command(t, folder, "", "journal", "replay", "--config", "postback.yaml")
	if again.status != 0 || again.out != "0 records published, 0 left\n" {
		t.Errorf("once more: exit %d %s%s", again.status, again.out, again.err)
	}
	values, last := make(map[string]uint64, total), make(map[int32]uint64)
	for _, r := range want {
		values[*r.Key+*r.Value+r.Headers["ce_id"]] = r.Seq + 1
	}
	err := publish.Tail(t.Context(), publish.Config{Brokers: []string{address}}, topic, false, func(r publish.Fetched) bool {
		id := ""
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				id = string(h.Value)
			}
			if h.Key == "replayed" {
				t.Errorf("%s is marked as a replay", r.Key)
			}
		}
		key := string(r.Key) + string(r.Value) + id
		seq := values[key]
		if seq == 0 || seq <= last[r.Partition] {
			t.Errorf("%s: record %d after %d in partition %d", r.Key, seq, last[r.Partition], r.Partition)
		}
		delete(values, key)
		last[r.Partition] = seq
		return true
	})
	if err != nil || len(values) != 0 {
		t.Errorf("%v, %d of %d are not in Kafka", err, len(values), total)
	}
	if failed := inKafka(t, address, topic+".failed"); len(failed) != 1 {
		t.Errorf("failed topic: %v", failed)
	}
}

func TestOrphanStaysWholeWhenKafkaIsAway(t *testing.T) {
	data := journalOfTest(t, 5, 2)
	cmd := exec.Command(program(t), "journal", "replay", "--data", data, "--kafka", closedAddress(t))
	var out bytes.Buffer
	talk := &transcript{more: make(chan struct{})}
	cmd.Stdout, cmd.Env = &out, cleanEnv()
	stderr, err := cmd.StderrPipe()
	if err != nil || cmd.Start() != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		talk.read(stderr)
		_ = cmd.Wait()
		close(ended)
	}()
	lock := filepath.Join(data, journalFolder, "lock")
	eventually(t, 10*time.Second, "it owns the folder", func() bool {
		held, err := os.ReadFile(lock)
		return err == nil && strings.Contains(string(held), strconv.Itoa(cmd.Process.Pid))
	})
	_ = cmd.Process.Signal(os.Interrupt)
	<-ended
	if cmd.ProcessState.ExitCode() != 1 || out.String() != "0 records published, 3 left\n" || !strings.Contains(talk.text(), "interrupted; what is published is remembered") {
		t.Errorf("exit %d %s%s", cmd.ProcessState.ExitCode(), out.String(), talk.text())
	}
	if left := exported(t, "--data", data, "--unpublished"); len(left) != 3 {
		t.Errorf("%d records left, want 3", len(left))
	}
}

func TestOrphansEventsAreKnownToTheOthersOverRedis(t *testing.T) {
	address, redis, topic, folder := kafkaAddress(t), startRedis(t), topicName(), t.TempDir()
	env := []string{"POSTBACK_REDIS_URL=" + redis.url(), "POSTBACK_BUDGETS_REDIS=2s"}
	v := start(t, folder, append(kafkaEnv(closedAddress(t), topic), env...))
	if got := sendMany(t, "r", 50, v); got["200 accepted"] != 50 {
		t.Fatalf("without Kafka: %v\n%s", got, v.talk.text())
	}
	v.kill()
	got := command(t, folder, "", "journal", "replay", "--data", "postback-data", "--redis", redis.url(), "--config",
		writeConfig(t, folder, "kafka: {brokers: [\""+address+"\"], topic: "+topic+", partitions: 3, replication: 1}\nproperties: []\n"))
	if got.status != 0 || got.out != "50 records published, 0 left\n" {
		t.Fatalf("exit %d %s%s", got.status, got.out, got.err)
	}
	other := start(t, t.TempDir(), append(kafkaEnv(address, topic), env...))
	if got := sendMany(t, "r", 50, other); got["200 duplicate"] != 50 {
		t.Errorf("repeats at another instance: %v", got)
	}
	checkOnce(t, inKafka(t, address, topic), ids("r", 50))
}
