package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest/publish"
)

// need skips a test without a server it needs, and fails it where all must run.
func need(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("POSTBACK_TEST_REQUIRE") == "1" {
		t.Fatalf("%s, and POSTBACK_TEST_REQUIRE=1 forbids skipping", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

// kafkaAddress is the broker to test with.
func kafkaAddress(t *testing.T) string {
	t.Helper()
	address := os.Getenv("POSTBACK_TEST_KAFKA")
	if address == "" {
		need(t, "POSTBACK_TEST_KAFKA names no broker")
	}
	return address
}

// topicName is a name no other test uses.
func topicName() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return "cmd-test-" + hex.EncodeToString(b[:])
}

// kafkaEnv is what a service needs for a topic of its own.
func kafkaEnv(address, topic string) []string {
	return []string{"POSTBACK_KAFKA_BROKERS=" + address, "POSTBACK_KAFKA_TOPIC=" + topic, "POSTBACK_KAFKA_PARTITIONS=3", "POSTBACK_KAFKA_REPLICATION=1"}
}

// inKafka counts the transaction ids of a topic; nothing while it is not there.
func inKafka(t *testing.T, address, topic string) map[string]int {
	t.Helper()
	ids := make(map[string]int)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = publish.Tail(ctx, publish.Config{Brokers: []string{address}}, topic, false, func(r publish.Fetched) bool {
		var e struct {
			ID string `json:"transaction_id"`
		}
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Errorf("no JSON: %q", r.Value)
		}
		ids[e.ID]++
		return true
	})
	return ids
}

// redisServer is a Redis of the test's own.
type redisServer struct {
	t       *testing.T
	address string
	folder  string
	cmd     *exec.Cmd
}

// startRedis starts one on a free port.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		need(t, "redis-server is not installed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{t: t, address: listener.Addr().String(), folder: t.TempDir()}
	_ = listener.Close()
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *redisServer) url() string { return "redis://" + r.address }

func (r *redisServer) start() {
	r.t.Helper()
	host, port, _ := net.SplitHostPort(r.address)
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", r.folder)
	r.cmd.Stdout, r.cmd.Stderr = io.Discard, io.Discard
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, 10*time.Second, "redis-server answers", func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (r *redisServer) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// closedAddress is one that nobody listens on: a Kafka that is away.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
