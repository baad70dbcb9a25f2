package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestOrderlyStopUnderLoadAnswersWhatItHasAndLosesNothing(t *testing.T) {
	folder := t.TempDir()
	v := start(t, folder, nil)
	code := -1
	acknowledged := load(v, "s", 8, 400*time.Millisecond, func() { code = v.stop() })
	if code != 0 || len(acknowledged) == 0 {
		t.Fatalf("exit status %d after %d answers:\n%s", code, len(acknowledged), v.talk.text())
	}
	got := transactions(t, command(t, folder, "", "tail").out)
	if lost := missing(acknowledged, got); len(lost) > 0 {
		t.Errorf("%d of %d are lost", len(lost), len(acknowledged))
	}
	for id, n := range got {
		if n > 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	v = start(t, folder, nil)
	for _, id := range acknowledged[max(0, len(acknowledged)-20):] {
		v.want("click_id=c&commission=1.5&currency=USD&transaction_id="+id, "duplicate")
	}
}

func TestReadinessEndsWhenTheStopBegins(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	if status, body := v.get("/readyz?verbose"); status != 200 || strings.Contains(body, "stopping") {
		t.Fatalf("%d %s", status, body)
	}
	// A request that is under way keeps the stop waiting.
	conn, err := net.Dial("tcp", v.collect)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("POST /demo/collect/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nclick_id=1")); err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	v.talk.await(t, "stopping", v.ended)
	status, body := v.get("/readyz?verbose")
	select {
	case <-v.ended:
		t.Skip("optional: the stop did not wait for the request")
	default:
	}
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "stopping") {
		t.Errorf("while stopping: %d %s", status, body)
	}
	_ = conn.Close()
	<-v.ended
	if code := v.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, v.talk.text())
	}
}

func TestReaderThatLeavesEndsTailQuietly(t *testing.T) {
	folder := t.TempDir()
	v := start(t, folder, nil)
	if got := sendMany(t, "p", 2000, v); got["200 accepted"] != 2000 {
		t.Fatalf("%v", got)
	}
	out, err := shell(t, folder, "postback tail | head -n 1\npostback tail --pretty | head -n 1")
	if err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCrashedJournalIsCarriedIntoRedisToo(t *testing.T) {
	redis, folder := startRedis(t), t.TempDir()
	v := start(t, folder, nil)
	if got := sendMany(t, "s", 300, v); got["200 accepted"] != 300 {
		t.Fatalf("embedded: %v", got)
	}
	v.kill()
	v = start(t, folder, []string{"POSTBACK_REDIS_URL=" + redis.url(), "POSTBACK_BUDGETS_REDIS=2s"})
	if got := sendMany(t, "s", 300, v); got["200 duplicate"] != 300 {
		t.Errorf("repeats over Redis: %v", got)
	}
}

func TestRedisAwayAtTheFirstStartIsSeededAtTheNext(t *testing.T) {
	redis, folder := startRedis(t), t.TempDir()
	v := start(t, folder, nil)
	v.want(firstPostback, "accepted")
	v.stop()
	redis.stop()
	env := []string{"POSTBACK_REDIS_URL=" + redis.url(), "POSTBACK_BUDGETS_REDIS=2s"}
	v = start(t, folder, env)
	if !strings.Contains(v.talk.text(), "the next start tries again") {
		t.Errorf("it does not say that Redis is away:\n%s", v.talk.text())
	}
	v.want("click_id=c2&commission=1&transaction_id=t2", "accepted")
	v.stop()
	redis.start()
	v = start(t, folder, env)
	v.want(firstPostback, "duplicate")
}

func TestDirectlyPublishedEventsAreKnownAfterACrash(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	v := start(t, folder, kafkaEnv(address, topic))
	waitKafka(t, v)
	if got := sendMany(t, "c", 100, v); got["200 accepted"] != 100 {
		t.Fatalf("%v", got)
	}
	// The local state is written within a second or two.
	<-time.After(2500 * time.Millisecond)
	v.kill()
	v = start(t, folder, kafkaEnv(address, topic))
	waitKafka(t, v)
	if got := sendMany(t, "c", 100, v); got["200 duplicate"] != 100 {
		t.Errorf("repeats after the crash: %v", got)
	}
	checkOnce(t, inKafka(t, address, topic), ids("c", 100))
}

func TestAckJournalPublishesInTheBackground(t *testing.T) {
	address, topic := kafkaAddress(t), topicName()
	v := start(t, t.TempDir(), append(kafkaEnv(address, topic), "POSTBACK_ACK=journal"))
	if got := sendMany(t, "j", 200, v); got["200 accepted"] != 200 {
		t.Fatalf("%v", got)
	}
	eventually(t, 30*time.Second, "all are in Kafka", func() bool { return len(inKafka(t, address, topic)) == 200 })
	checkOnce(t, inKafka(t, address, topic), ids("j", 200))
	if code := v.stop(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, v.talk.text())
	}
}

func TestFullJournalIsAnswered503AndNotReady(t *testing.T) {
	v := start(t, t.TempDir(), []string{"POSTBACK_JOURNAL_MAX_SIZE=1MiB", "POSTBACK_JOURNAL_SEGMENT_SIZE=64KiB"})
	status, n := 200, 0
	for pad := strings.Repeat("x", 8000); status == 200 && n < 400; n++ {
		status, _ = v.send("click_id=c&commission=1&note=" + pad + "&transaction_id=" + strconv.Itoa(n))
	}
	if status != http.StatusServiceUnavailable || n < 20 {
		t.Fatalf("after %d postbacks of 8 kB: %d, want 503", n, status)
	}
	eventually(t, 10*time.Second, "it is not ready", func() bool {
		v.send("click_id=c&commission=1&note=" + strings.Repeat("x", 8000) + "&transaction_id=last")
		status, body := v.get("/readyz?verbose")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "full")
	})
	if status, result := v.send("click_id=c&commission=1&note=" + strings.Repeat("x", 8000) + "&transaction_id=0"); status != 200 || result != "duplicate" {
		t.Errorf("a repeat of what is there: %d %s", status, result)
	}
	if code := v.stop(); code != 0 {
		t.Errorf("exit status %d:\n%s", code, v.talk.text())
	}
}

// certificate writes a key pair for 127.0.0.1 into a folder.
func certificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	return pool
}

func TestCollectListenerSpeaksTLS(t *testing.T) {
	folder := t.TempDir()
	pool := certificate(t, folder)
	v := start(t, folder, []string{"POSTBACK_TLS_CERT_FILE=cert.pem", "POSTBACK_TLS_KEY_FILE=key.pem"})
	if !strings.Contains(v.talk.text(), "https://127.0.0.1:") {
		t.Errorf("the greeting shows no https URL:\n%s", v.talk.text())
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	if status, result := collect(client, "https://"+v.collect+"/demo/collect/generic?"+firstPostback); status != 200 || result != "accepted" {
		t.Errorf("%d %s", status, result)
	}
}

func TestEnvironmentAloneConfigures(t *testing.T) {
	folder := t.TempDir()
	v := launch(t, folder, []string{"POSTBACK_LISTEN=127.0.0.1:0", "POSTBACK_ADMIN=", "POSTBACK_DATA=here", "POSTBACK_LOG_FORMAT=console"}, "serve")
	v.ready()
	v.want(firstPostback, "accepted")
	if v.admin != "" {
		t.Errorf("an admin listener at %s", v.admin)
	}
	if _, err := os.Stat(filepath.Join(folder, "here", instanceFile)); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(folder, "here")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder: %v %v", info, err)
	}
}

func TestLogShowsNoPersonalDataAndNoSecret(t *testing.T) {
	folder := t.TempDir()
	writeConfig(t, folder, "log: {level: debug}\nproperties: [{id: demo, open: true, token: s3cret}]\n")
	v := start(t, folder, nil, "--config", "postback.yaml")
	for _, query := range []string{
		"click_id=c&email=jane@example.com&phone=%2B33612345678&commission=1&token=s3cret",
		"click_id=c&email=jane@example.com&token=wr0ng",
		"email={email}&token=s3cret",
	} {
		v.send(query)
	}
	conn, err := net.Dial("tcp", v.collect)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("GET /demo/collect/generic?email=jane@example.com&token=s3cret\x00 nonsense\r\n\r\n"))
	_ = conn.Close()
	v.stop()
	for _, word := range []string{"jane", "s3cret", "wr0ng", "612345678"} {
		if strings.Contains(v.talk.text(), word) {
			t.Errorf("the log shows %q:\n%s", word, v.talk.text())
		}
	}
	for _, topic := range []string{"main", "failed"} {
		if got := command(t, folder, "", "tail", "--topic", topic); strings.Contains(got.out, "s3cret") {
			t.Errorf("the topic %s holds the token: %s", topic, got.out)
		}
	}
}
