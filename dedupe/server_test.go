package dedupe

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// server is a redis-server of the test's own, on a free port of the loopback.
type server struct {
	addr string
	cmd  *exec.Cmd
	ctl  *redis.Client // for the test's own commands
}

func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("POSTBACK_TEST_REQUIRE") == "1" {
			t.Fatal("redis-server is not installed, and POSTBACK_TEST_REQUIRE=1 forbids to skip")
		}
		t.Skip("NOT TESTED: redis-server is not installed")
	}
	s := &server{addr: freeAddr(t)}
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	base := []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}
	s.start(t, binary, append(base, args...))
	return s
}

func (s *server) start(t *testing.T, binary string, args []string) {
	t.Helper()
	s.cmd = exec.CommandContext(context.Background(), binary, args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logging.Disable()
	s.ctl = redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DisableIdentity: true, DialerRetries: 1})
	t.Cleanup(func() {
		s.stop()
		if err := s.ctl.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "redis-server answers", func() bool { return s.ctl.Ping(t.Context()).Err() == nil })
}

// stop kills the server; it may be called again.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) dial(t *testing.T, cfg RedisConfig) *Redis {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = "redis://" + s.addr
	}
	if cfg.Budget == 0 {
		cfg.Budget = 5 * time.Second // the machine may be busy; what tests the budget sets it
	}
	r, err := DialRedis(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, r) })
	return r
}

func (s *server) do(t *testing.T, args ...any) {
	t.Helper()
	if err := s.ctl.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(fmt.Sprint(args...), err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func redisSubject(t *testing.T) *subject {
	s := startServer(t)
	return &subject{
		open: func(t *testing.T) Store { return s.dial(t, RedisConfig{Owner: 1}) },
		pass: s.pass,
	}
}

// pass brings the end of every key closer, which for Redis is the same as waiting.
func (s *server) pass(t *testing.T, d time.Duration) {
	t.Helper()
	keys, err := s.ctl.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		left, err := s.ctl.PTTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		s.do(t, "PEXPIRE", key, (left - d).Milliseconds()) // not positive: deleted
	}
}

func envInt(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
