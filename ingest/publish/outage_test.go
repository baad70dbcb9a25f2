package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ownKafka starts a broker of the test's own, which it may stop and kill.
// POSTBACK_TEST_KAFKA must be set as well: it says that Kafka tests are wanted.
func ownKafka(t *testing.T, brokers string) (addr string, control func(...string)) {
	t.Helper()
	realKafka(t)
	if testing.Short() {
		t.Skip("starts and kills a broker of its own: not with -short")
	}
	script, err := filepath.Abs("../../deploy/kafka")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "kafka")
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, script, append([]string{args[0], dir}, args[1:]...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("deploy/kafka %s: %v\n%s", args[0], err, errs.String())
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "broker-1")); err == nil {
			run("down")
		}
	})
	return run("up", "0", brokers), func(args ...string) { run(args...) }
}

// TestRealKafkaOutageLosesAndDoublesNothing sends all the time while its broker
// is killed and stopped. What failed is sent again at the end, as the journal's
// drain would do.
func TestRealKafkaOutageLosesAndDoublesNothing(t *testing.T) {
	addr, control := ownKafka(t, "1")
	c := newCollector()
	cfg := Config{
		Brokers: []string{addr}, Topics: []TopicConfig{{Name: "outage"}}, Partitions: 4, Replication: 1,
		CreateTopics: true, Deliver: c.deliver,
	}
	p := running(t, cfg)
	s := startStream(p, c)
	for _, how := range []string{"kill", "stop"} {
		s.atLeast(500)
		control(how)
		s.atLeast(300)
		control("start")
		up30(t, p)
	}
	s.atLeast(500)
	results := s.end(t)
	settleOutage(t, p, c, results)
	checkOutage(t, cfg, results)
}

// TestRealKafkaWithOneBrokerOfThreeLostStaysUp needs about 2 GB of memory.
func TestRealKafkaWithOneBrokerOfThreeLostStaysUp(t *testing.T) {
	if os.Getenv("POSTBACK_TEST_KAFKA_CLUSTER") != "1" {
		t.Skip("optional: minutes with three real brokers: run deploy/test --soak")
	}
	addr, control := ownKafka(t, "3")
	c := newCollector()
	cfg := Config{
		Brokers: strings.Split(addr, ","), Topics: []TopicConfig{{Name: "outage"}}, Partitions: 6, Replication: 3,
		CreateTopics: true, Deliver: c.deliver,
	}
	p := running(t, cfg)
	if w := p.Status().Warnings; len(w) > 0 {
		t.Errorf("warnings %v", w)
	}
	s := startStream(p, c)
	for _, how := range []string{"stop", "kill"} {
		for _, broker := range []string{"1", "2", "3"} {
			s.atLeast(1000)
			control(how, broker)
			s.atLeast(8000)
			if !p.Status().Up {
				t.Errorf("Down after the %s of broker %s: %v", how, broker, p.Status().Err)
			}
			control("start", broker)
			s.atLeast(8000)
		}
	}
	results := s.end(t)
	failed := 0
	for _, m := range results {
		if m.Err != nil {
			failed++
		}
	}
	t.Logf("%d of %d failed, %d retries, %d moves", failed, len(results), p.Status().Retries, p.Status().Moves)
	settleOutage(t, p, c, results)
	checkOutage(t, cfg, results)
}

// stream sends a message every millisecond.
type stream struct {
	c             *collector
	sent          atomic.Int64
	stop, stopped chan struct{}
}

func startStream(p *Producer, c *collector) *stream {
	s := &stream{c: c, stop: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-ticker.C:
				i := s.sent.Add(1)
				m := message(fmt.Sprint("a", i%20), fmt.Sprint(i))
				m.Record.Time = time.Now().UnixMilli() // retention goes by it
				p.Send([]*Message{m})
			}
		}
	}()
	return s
}

// atLeast returns when that many more were sent.
func (s *stream) atLeast(more int64) {
	for target := s.sent.Load() + more; s.sent.Load() < target; {
		<-s.c.arrived
	}
}

// end stops the stream and returns all results.
func (s *stream) end(t *testing.T) []*Message {
	t.Helper()
	close(s.stop)
	<-s.stopped
	return s.c.wait(t, int(s.sent.Load()))
}

func up30(t *testing.T, p *Producer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.WaitUp(ctx); err != nil {
		t.Fatal(err)
	}
}

// settleOutage sends what was surely not written once more.
func settleOutage(t *testing.T, p *Producer, c *collector, results []*Message) {
	t.Helper()
	var again []*Message
	for _, m := range results {
		if errors.Is(m.Err, ErrUnavailable) {
			m.Deadline = time.Now().Add(20 * time.Second)
			again = append(again, m)
		}
	}
	for done := 0; done < len(again); done += 1000 {
		upTo := min(done+1000, len(again))
		p.Send(again[done:upTo])
		for _, m := range c.wait(t, len(results)+upTo)[len(results)+done:] {
			if m.Err != nil {
				t.Fatal(m.Err)
			}
		}
	}
}

func checkOutage(t *testing.T, cfg Config, results []*Message) {
	t.Helper()
	stored := map[string]int{}
	if err := Tail(t.Context(), cfg, "outage", false, func(f Fetched) bool { stored[string(f.Value)]++; return true }); err != nil {
		t.Fatal(err)
	}
	unknown := 0
	wrong := map[int32][]string{}
	for _, m := range results {
		n := stored[string(m.Record.Value)]
		if errors.Is(m.Err, ErrUnknown) {
			unknown++
		}
		if n > 1 || n == 0 && !errors.Is(m.Err, ErrUnknown) {
			wrong[m.Partition] = append(wrong[m.Partition], fmt.Sprintf("%s x%d", m.Record.Value, n))
		}
	}
	for part, values := range wrong {
		t.Errorf("partition %d: %d records are not stored once: %v ... %v", part, len(values), values[:min(5, len(values))], values[len(values)-1])
	}
	t.Logf("%d messages, %d with an unknown outcome", len(results), unknown)
}
