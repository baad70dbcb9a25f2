package publish

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/deletetopics"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"github.com/postbackhq/postback/ingest/journal"
)

// realKafka returns the address of a broker for tests, or skips.
func realKafka(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("POSTBACK_TEST_KAFKA")
	if addr == "" {
		if os.Getenv("POSTBACK_TEST_REQUIRE") == "1" {
			t.Fatal("POSTBACK_TEST_KAFKA is not set although POSTBACK_TEST_REQUIRE=1: run deploy/test")
		}
		t.Skip("needs a real Kafka: run deploy/test")
	}
	return addr
}

// collector is a Deliver that lets a test wait for results.
type collector struct {
	mu      sync.Mutex
	results []*Message
	arrived chan struct{}
}

func newCollector() *collector { return &collector{arrived: make(chan struct{}, 1)} }

func (c *collector) deliver(batch []*Message) {
	c.mu.Lock()
	c.results = append(c.results, batch...)
	c.mu.Unlock()
	notify(c.arrived)
}

// wait returns the results once there are n of them.
func (c *collector) wait(t testing.TB, n int) []*Message {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		got := append([]*Message(nil), c.results...)
		c.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-c.arrived:
		case <-timeout:
			t.Fatalf("%d of %d results after 30 s", len(got), n)
		}
	}
}

// realConfig names one fresh topic, deleted when the test ends.
func realConfig(t testing.TB, partitions int) (Config, string) {
	t.Helper()
	addr := realKafka(t)
	id := make([]byte, 6)
	_, _ = rand.Read(id)
	name := "publish-test-" + hex.EncodeToString(id)
	cfg := Config{
		Brokers: []string{addr}, Topics: []TopicConfig{{Name: name}},
		Partitions: partitions, Replication: 1, CreateTopics: true,
	}
	t.Cleanup(func() { deleteTopic(t, cfg, addr, name) })
	return cfg, name
}

func deleteTopic(t testing.TB, cfg Config, addr, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r := &tailer{cfg: cfg.withDefaults(), wires: make(map[string]wire)}
	defer r.close()
	msg, err := r.ask(ctx, addr, &deletetopics.Request{TopicNames: []string{name}, TimeoutMs: 5000})
	if err != nil {
		t.Errorf("deleting topic %s: %v", name, err)
		return
	}
	if res, ok := msg.(*deletetopics.Response); ok {
		for _, r := range res.Responses {
			if r.ErrorCode != 0 {
				t.Errorf("deleting topic %s: %v", name, kafka.Error(r.ErrorCode))
			}
		}
	}
}

// running starts a producer, waits until it is up and closes it at the end.
func running(t testing.TB, cfg Config) *Producer {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	p := New(cfg)
	p.Start(context.Background())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.WaitUp(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

func numbered(n, keys int) []*Message {
	batch := make([]*Message, n)
	for i := range batch {
		batch[i] = &Message{
			Record: journal.Record{
				Time: 1_700_000_000_000 + int64(i), Key: fmt.Appendf(nil, "key-%d", i%keys), Value: fmt.Appendf(nil, "%d", i),
				Headers: journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: fmt.Appendf(nil, "id-%d", i)}),
			},
			Deadline: time.Now().Add(10 * time.Second),
		}
	}
	return batch
}

func TestRealKafkaReturnsEveryRecordOnceInOrder(t *testing.T) {
	for _, compression := range []Compression{None, LZ4, Zstd} {
		t.Run(string(compression), func(t *testing.T) {
			cfg, topic := realConfig(t, 6)
			c := newCollector()
			cfg.Deliver, cfg.Compression = c.deliver, compression
			p := running(t, cfg)
			const n, keys = 5000, 40
			batch := numbered(n, keys)
			for len(batch) > 0 {
				p.Send(batch[:50])
				batch = batch[50:]
			}
			partition := map[string]int32{}
			for _, m := range c.wait(t, n) {
				if m.Err != nil {
					t.Fatal(m.Err)
				}
				partition[string(m.Record.Value)] = m.Partition
			}
			last, seen := map[string]int{}, 0
			err := Tail(t.Context(), cfg, topic, false, func(f Fetched) bool {
				var i int
				if _, err := fmt.Sscan(string(f.Value), &i); err != nil {
					t.Fatal(err)
				}
				if prev, ok := last[string(f.Key)]; ok && i <= prev {
					t.Fatalf("key %s: %d came after %d", f.Key, i, prev)
				}
				last[string(f.Key)] = i
				if f.Time != 1_700_000_000_000+int64(i) || f.Partition != partition[string(f.Value)] ||
					len(f.Headers) != 1 || string(f.Headers[0].Value) != fmt.Sprintf("id-%d", i) {
					t.Fatalf("record %d came back as %+v", i, f)
				}
				seen++
				return true
			})
			if err != nil || seen != n {
				t.Fatalf("read %d records of %d, error %v", seen, n, err)
			}
			if s := p.Status(); s.Records != n || !s.Up || s.Queued != 0 || s.Retries > 60 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestRealKafkaRefusesOnlyTheOversizedRecord(t *testing.T) {
	cfg, topic := realConfig(t, 1)
	c := newCollector()
	cfg.Deliver = c.deliver
	p := running(t, cfg)
	batch := numbered(9, 3)
	batch[4].Record.Value = make([]byte, 3<<20)
	p.Send(batch)
	for _, m := range c.wait(t, len(batch)) {
		var no *RefusedError
		if large := len(m.Record.Value) > 1<<20; errors.As(m.Err, &no) != large || !large && m.Err != nil {
			t.Errorf("%d bytes: %v", len(m.Record.Value), m.Err)
		}
	}
	n := 0
	if err := Tail(t.Context(), cfg, topic, false, func(Fetched) bool { n++; return true }); err != nil || n != 8 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestRealKafkaStoresARepeatedRequestOnce(t *testing.T) {
	cfg, topic := realConfig(t, 1)
	c := newCollector()
	cfg.Deliver = c.deliver
	real := cfg.withDefaults()
	lossy := func(ctx context.Context, addr string) (wire, time.Time, error) {
		w, until, err := real.connect(ctx, addr)
		return &forgetful{wire: w}, until, err
	}
	p := newProducer(real, lossy)
	p.Start(t.Context())
	defer func() { _ = p.Close(context.Background()) }()
	up30(t, p)
	const n = 50
	for i, m := range numbered(n, 5) {
		p.Send([]*Message{m})
		c.wait(t, i+1)
	}
	for _, m := range c.wait(t, n) {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
	}
	seen := map[string]int{}
	if err := Tail(t.Context(), cfg, topic, false, func(f Fetched) bool { seen[string(f.Value)]++; return true }); err != nil {
		t.Fatal(err)
	}
	for v, times := range seen {
		if times != 1 {
			t.Errorf("%s is stored %d times", v, times)
		}
	}
	if s := p.Status(); len(seen) != n || s.Retries == 0 {
		t.Errorf("%d values, %d repeats", len(seen), s.Retries)
	}
}

// forgetful loses every third answer to a produce request after the broker gave
// it.
type forgetful struct {
	wire
	n int
}

func (f *forgetful) RoundTrip(msg protocol.Message) (protocol.Message, error) {
	res, err := f.wire.RoundTrip(msg)
	if _, ok := msg.(*rawproduce.Request); ok {
		if f.n++; f.n%3 == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return res, err
}

func TestRealKafkaTailFollows(t *testing.T) {
	cfg, topic := realConfig(t, 3)
	c := newCollector()
	cfg.Deliver = c.deliver
	p := running(t, cfg)
	p.Send(numbered(10, 10))
	c.wait(t, 10)
	seen := make(chan Fetched, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Tail(ctx, cfg, topic, true, func(f Fetched) bool { seen <- f; return true }) }()
	for i := range 10 {
		if f := <-seen; string(f.Value) != fmt.Sprint(i) {
			t.Errorf("record %d is %s: partitions are not merged by time", i, f.Value)
		}
	}
	p.Send(numbered(5, 5))
	for range 5 {
		<-seen
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := Tail(t.Context(), cfg, topic+"-missing", false, nil); err == nil {
		t.Error("a missing topic was read")
	}
	n := 0
	if err := Tail(t.Context(), cfg, topic, false, func(Fetched) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("stopped after %d records, %v", n, err)
	}
}

func TestRealKafkaPassesCheck(t *testing.T) {
	cfg, _ := realConfig(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Check(ctx, cfg); err != nil {
		t.Error(err)
	}
	running(t, cfg)
	cfg.CreateTopics = false
	if err := Check(ctx, cfg); err != nil {
		t.Error(err)
	}
}
