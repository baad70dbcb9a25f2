package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const firstPostback = "click_id=c1&commission=4.99&currency=USD&transaction_id=t1"

func TestServeWithoutAnythingAnswersAndKeepsTheEvent(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	for _, part := range []string{"postback is ready", "/demo/collect/generic", "./postback-data", "curl -i 'http://", " tail -f", "/  health"} {
		if !strings.Contains(v.talk.text(), part) {
			t.Errorf("the greeting lacks %q:\n%s", part, v.talk.text())
		}
	}
	v.want(firstPostback, "accepted")
	v.want(firstPostback, "duplicate")
	v.want(firstPostback+"&status=reversed", "updated")
	v.want("click_id={click_id}&commission=1", "quarantined")
	v.want("status=test&click_id=c9&commission=1&transaction_id=t9", "test")
	if status, _ := collect(http.DefaultClient, "http://"+v.collect+"/nobody/collect/generic?click_id=1"); status != 404 {
		t.Errorf("an unknown property: %d, want 404", status)
	}
	for topic, want := range map[string]int{"main": 2, "failed": 1, "test": 1} {
		got := command(t, v.folder, "", "tail", "--topic", topic)
		if lines := strings.Count(got.out, "\n"); got.status != 0 || lines != want {
			t.Errorf("tail --topic %s: exit %d, %d lines, want %d: %s", topic, got.status, lines, want, got.err)
		}
	}
	if code := v.stop(); code != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0\n%s", code, v.talk.text())
	}
	if !strings.Contains(v.talk.text(), "stopped") {
		t.Errorf("it does not say how long the stop took:\n%s", v.talk.text())
	}
}

func TestWithoutACommandItServes(t *testing.T) {
	v := launch(t, t.TempDir(), nil, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	v.ready()
	v.want(firstPostback, "accepted")
}

func TestAdminListenerShowsHealthAndMetrics(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	v.want(firstPostback, "accepted")
	for path, part := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/readyz?verbose": `"journal"`, "/debug/pprof/goroutine?debug=1": "goroutine",
		"/metrics": `postback_requests_total{network="generic",property="demo",result="accepted"} 1`,
	} {
		if status, body := v.get(path); status != 200 || !strings.Contains(body, part) {
			t.Errorf("%s: %d without %q: %.300s", path, status, part, body)
		}
	}
	_, metrics := v.get("/metrics")
	for _, name := range []string{
		"postback_request_seconds_bucket", "postback_journal_pending_events", "postback_journal_oldest_seconds",
		"postback_dedupe_errors_total", "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
}

func TestNothingAnsweredIsLostWhenItIsKilled(t *testing.T) {
	folder := t.TempDir()
	v := start(t, folder, nil)
	v.want(firstPostback, "accepted")
	v.kill()
	v = start(t, folder, nil)
	v.want(firstPostback, "duplicate")
	v.want("click_id=c1&commission=6&currency=USD&transaction_id=t1", "updated")
	v.kill()
	v = start(t, folder, nil)
	v.want(firstPostback, "duplicate")
	if got := command(t, folder, "", "tail"); strings.Count(got.out, "\n") != 2 {
		t.Errorf("the topic holds %q, want two events", got.out)
	}
}

func TestMistakesAtStartAreOneLineEach(t *testing.T) {
	folder := t.TempDir()
	v := start(t, folder, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	other := t.TempDir()
	file := filepath.Join(other, "file")
	if err := os.WriteFile(file, []byte("listen: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{1, "in use by process " + strconv.Itoa(v.cmd.Process.Pid), []string{"serve", "--data", filepath.Join(folder, "postback-data"), "--listen", "127.0.0.1:0", "--admin", ""}},
		{1, taken.Addr().String() + " is in use by another process", []string{"serve", "--listen", taken.Addr().String(), "--admin", ""}},
		{1, "choose another address with --admin", []string{"serve", "--listen", "127.0.0.1:0", "--admin", taken.Addr().String()}},
		{1, "cannot be made", []string{"serve", "--data", "/proc/nowhere"}},
		{2, "is a file, not a folder", []string{"serve", "--data", file}},
		{2, "cannot be read", []string{"serve", "--config", "nowhere.yaml"}},
		{2, "file:1:9: listen: \"nowhere\" is no address", []string{"serve", "--config", "file"}},
		{2, "did you mean \"--listen\"?", []string{"serve", "--lisen", ":1"}},
		{2, "did you mean \"serve\"?", []string{"serv"}},
		{2, "admin_token_file", []string{"serve", "--admin", ":0"}},
		{2, "ack", []string{"serve", "--ack", "kafka"}},
		{2, "--ack: ack: \"kafak\" is none of", []string{"serve", "--ack", "kafak"}},
		{2, "redis.url", []string{"serve", "--redis", "http://localhost"}},
		{2, "takes no argument", []string{"serve", "now"}},
	} {
		got := command(t, other, "", c.args...)
		if got.status != c.status || !strings.Contains(got.err, c.says) || strings.Count(got.err, "\n") != 1 || got.out != "" {
			t.Errorf("%v: exit %d, want %d, saying %q in one line:\n%s%s", c.args, got.status, c.status, c.says, got.out, got.err)
		}
	}
}

func TestReloadKeepsTheOldConfigurationWhenTheNewOneIsWrong(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "postback.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("properties: [{id: demo, open: true}]\n")
	v := start(t, folder, nil, "--config", "postback.yaml")
	v.want(firstPostback, "accepted")
	other := "http://" + v.collect + "/second/collect/generic?" + firstPostback
	if status, _ := collect(http.DefaultClient, other); status != 404 {
		t.Fatalf("a property not listed: %d, want 404", status)
	}
	write("properties: [{id: demo, open: true}, {id: second, opn: true}]\n")
	response, err := http.Post("http://"+v.admin+"/-/reload", "", http.NoBody)
	if err != nil || response.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("a reload with a mistake: %v %v, want 422", response, err)
	}
	_ = response.Body.Close()
	v.want(firstPostback, "duplicate")
	v.talk.await(t, `reload refused.*postback.yaml:1:\d+: unknown key`, v.ended)

	write("properties: [{id: demo, open: true}, {id: second, open: true}]\nlimits: {params: 64, connections: 9}\n")
	if err := v.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	v.talk.await(t, `"reloaded"`, v.ended)
	if status, result := collect(http.DefaultClient, other); status != 200 || result != "accepted" {
		t.Errorf("after the reload: %d %s", status, result)
	}
	v.talk.await(t, `"key":"limits".*needs a restart`, v.ended)
}

func TestTokenOfTheAdminListenerIsReadFromItsFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte(" s3cret \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := start(t, folder, []string{"POSTBACK_ADMIN_TOKEN_FILE=token"})
	if status, _ := v.get("/metrics"); status != 401 {
		t.Errorf("without token: %d, want 401", status)
	}
	if status, _ := v.get("/readyz"); status != 200 {
		t.Errorf("a probe without token: %d, want 200", status)
	}
	request, _ := http.NewRequest(http.MethodGet, "http://"+v.admin+"/metrics", http.NoBody)
	request.Header.Set("Authorization", "Bearer s3cret")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("with the token: %v %v, want 200", response, err)
	}
	if response != nil {
		_ = response.Body.Close()
	}
	if strings.Contains(v.talk.text(), "s3cret") {
		t.Error("the log shows the token")
	}
}

func TestTailFollowsUntilItIsInterrupted(t *testing.T) {
	folder := t.TempDir()
	tail := launch(t, folder, nil, "tail", "-f", "--json")
	tail.talk.await(t, "waiting for a journal", tail.ended)
	tail.kill()

	v := start(t, folder, nil)
	v.want(firstPostback, "accepted")
	out := follow(t, folder)
	eventually(t, 5*time.Second, "the first event", func() bool { return strings.Count(out.text(), "event_id") == 1 })
	began := time.Now()
	v.want("click_id=c2&commission=1&transaction_id=t2", "accepted")
	eventually(t, 5*time.Second, "the second event", func() bool { return strings.Count(out.text(), "event_id") == 2 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("an event took %s to be shown", took)
	}
	v.kill()
	if code := out.interrupt(t); code != 0 {
		t.Errorf("exit status %d after SIGINT, want 0", code)
	}
}

// load sends distinct postbacks from several goroutines until the process is
// gone, and returns the transaction ids that were answered 200.
func load(v *instance, prefix string, senders int, run time.Duration, end func()) []string {
	var mu sync.Mutex
	var acknowledged []string
	var over atomic.Bool
	var running sync.WaitGroup
	client := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	for s := range senders {
		running.Go(func() {
			for n := 0; !over.Load(); n++ {
				id := fmt.Sprintf("%s-%d-%d", prefix, s, n)
				url := "http://" + v.collect + "/demo/collect/generic?click_id=c&commission=1.5&currency=USD&transaction_id=" + id
				if status, _ := collect(client, url); status == 200 {
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				}
			}
		})
	}
	<-time.After(run)
	end()
	over.Store(true)
	running.Wait()
	client.CloseIdleConnections()
	return acknowledged
}

// transactions counts the transaction ids of NDJSON.
func transactions(t *testing.T, text string) map[string]int {
	t.Helper()
	ids := make(map[string]int)
	for line := range strings.Lines(text) {
		var e struct {
			ID string `json:"transaction_id"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("no JSON: %q: %v", line, err)
		}
		ids[e.ID]++
	}
	return ids
}

func TestTwentyKillsUnderLoadLoseNothingEmbedded(t *testing.T) {
	folder := t.TempDir()
	var all []string
	for round := range 20 {
		v := start(t, folder, nil)
		got := load(v, "r"+strconv.Itoa(round), 8, time.Duration(100+round*10)*time.Millisecond, v.kill)
		if len(got) == 0 {
			t.Fatalf("round %d: nothing was answered:\n%s", round, v.talk.text())
		}
		all = append(all, got...)
	}
	v := start(t, folder, nil)
	for _, id := range all[len(all)-5:] {
		v.want("click_id=c&commission=1.5&currency=USD&transaction_id="+id, "duplicate")
	}
	got := command(t, folder, "", "tail")
	if lost := missing(all, transactions(t, got.out)); len(lost) > 0 {
		t.Errorf("%d of %d acknowledged postbacks are lost: %.300s", len(lost), len(all), strings.Join(lost, " "))
	}
	t.Logf("%d acknowledged over 20 kills, none lost", len(all))
}
