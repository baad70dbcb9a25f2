package publish

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

func TestConcurrentSendersKeepTheirOwnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each, parts = 16, 200, 5
		c := newCluster(2, parts)
		c.fault = func(n int, _ attempt) *fault {
			if n%7 == 0 {
				return &fault{code: int16(kafka.NotEnoughReplicas)}
			}
			return nil
		}
		p, r := onCluster(t, c, Config{MaxBatchBytes: 2000})
		up(t, p)
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				for i := range each {
					m := message(fmt.Sprint("sender", s), fmt.Sprintf("%d %d", s, i))
					m.Deadline = time.Time{}
					p.Send([]*Message{m})
				}
			})
		}
		wg.Wait()
		pass(time.Minute)
		next, stored := map[string]int{}, 0
		for part := range int32(parts) {
			for _, v := range c.log(part) {
				sender, number, _ := strings.Cut(v, " ")
				if i, _ := strconv.Atoi(number); i != next[sender] {
					t.Fatalf("sender %s: %d came, want %d", sender, i, next[sender])
				}
				next[sender]++
				stored++
			}
		}
		if stored != senders*each || len(r.order) != stored || len(r.twice) > 0 {
			t.Errorf("%d stored, %d delivered, twice %v", stored, len(r.order), r.twice)
		}
	})
}

func TestMessageWithoutADeadlineIsTriedUntilItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.fault = func(int, attempt) *fault { return &fault{code: int16(kafka.NotEnoughReplicas)} } })
		m := message("a", "patient")
		m.Deadline = time.Time{}
		p.Send([]*Message{m})
		pass(10 * time.Minute)
		if _, ok := r.of(m); ok {
			t.Fatalf("given up: %v", m.Err)
		}
		c.do(func() { c.fault = nil })
		pass(time.Second)
		wantResult(t, r, m, nil)
		wantLog(t, c, 0, "patient")
	})
}

func TestEarlierDeadlineBehindALaterOneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.leaders[fakeTopic][0] = -1 })
		pass(time.Second)
		patient, hasty := message("a", "patient"), message("a", "hasty")
		patient.Deadline, hasty.Deadline = time.Now().Add(time.Minute), time.Now().Add(time.Second)
		p.Send([]*Message{patient, hasty})
		pass(2 * time.Second)
		wantResult(t, r, hasty, ErrUnavailable)
		if _, ok := r.of(patient); ok {
			t.Fatalf("the one ahead was given up too: %v", patient.Err)
		}
		c.do(func() { c.leaders[fakeTopic][0] = 1 })
		pass(time.Second)
		wantResult(t, r, patient, nil)
		wantLog(t, c, 0, "patient")
	})
}

func TestDeliverMaySendAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		var p *Producer
		rounds := make(chan int, 10)
		cfg := Config{Brokers: []string{"b1:9092"}, Topics: []TopicConfig{{Name: fakeTopic}}, Replication: 1}
		cfg.Deliver = func(batch []*Message) {
			n := batch[0].User.(int)
			rounds <- n
			if n < 3 {
				batch[0].User = n + 1
				p.Send(batch[:1])
			}
		}
		p = newProducer(cfg.withDefaults(), c.dial)
		p.Start(t.Context())
		defer func() { _ = p.Close(context.Background()) }()
		up(t, p)
		m := message("a", "m")
		m.User = 1
		p.Send([]*Message{m})
		pass(time.Second)
		for want := 1; want <= 3; want++ {
			if got := <-rounds; got != want {
				t.Fatalf("round %d, want %d", got, want)
			}
		}
		wantLog(t, c, 0, "m", "m", "m")
	})
}

// TestTopicsTravelTogether also shows that one topic's trouble is not the
// other's.
func TestTopicsTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 2)
		c.leaders["failed"] = []int32{1}
		p, r := onCluster(t, c, Config{Topics: []TopicConfig{{Name: fakeTopic}, {Name: "failed"}}})
		up(t, p)
		good, other := message("a", "good"), message("a", "other")
		other.Record.Topic = 1
		before := p.Status().Requests
		p.Send([]*Message{good, other})
		synctest.Wait()
		wantResult(t, r, good, nil)
		wantResult(t, r, other, nil)
		if n := p.Status().Requests - before; n != 1 {
			t.Errorf("%d requests", n)
		}
		c.do(func() { delete(c.leaders, "failed") })
		pass(2 * time.Second)
		good, other = message("a", "good"), message("a", "other")
		other.Record.Topic = 1
		p.Send([]*Message{good, other})
		pass(3 * time.Second)
		wantResult(t, r, good, nil)
		wantResult(t, r, other, ErrUnavailable)
		if s := p.Status(); s.Err == nil || !strings.Contains(s.Err.Error(), "failed does not exist") {
			t.Errorf("error %v", s.Err)
		}
	})
}

// strange answers the supervisor's questions with something of the test's.
type strange struct {
	wire
	answer func(protocol.Message) protocol.Message
}

func (s *strange) RoundTrip(msg protocol.Message) (protocol.Message, error) {
	if res := s.answer(msg); res != nil {
		return res, nil
	}
	return s.wire.RoundTrip(msg)
}

func TestRefusedQuestionsAreExplained(t *testing.T) {
	topicCode := func(code kafka.Error) func(protocol.Message) protocol.Message {
		return func(msg protocol.Message) protocol.Message {
			if _, ok := msg.(*metadata.Request); !ok {
				return nil
			}
			return &metadata.Response{
				Brokers: []metadata.ResponseBroker{{NodeID: 1, Host: "b1", Port: 9092}},
				Topics:  []metadata.ResponseTopic{{Name: fakeTopic, ErrorCode: int16(code)}},
			}
		}
	}
	cases := []struct {
		name   string
		answer func(protocol.Message) protocol.Message
		want   string
	}{
		{"no right to see the topic", topicCode(kafka.TopicAuthorizationFailed), "grant Describe and Write"},
		{"invalid topic", topicCode(kafka.InvalidTopic), "topic events: "},
		{"no right to a producer id", func(msg protocol.Message) protocol.Message {
			if _, ok := msg.(*initproducerid.Request); !ok {
				return nil
			}
			return &initproducerid.Response{ErrorCode: int16(kafka.ClusterAuthorizationFailed)}
		}, "grant IdempotentWrite"},
		{"nonsense", func(protocol.Message) protocol.Message { return &initproducerid.Response{} }, "answered a *metadata.Request with a *initproducerid.Response"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(1, 1)
				cfg := Config{Brokers: []string{"b1:9092"}, Topics: []TopicConfig{{Name: fakeTopic}}, Replication: 1}
				p := newProducer(cfg.withDefaults(), func(ctx context.Context, addr string) (wire, time.Time, error) {
					w, until, err := c.dial(ctx, addr)
					return &strange{wire: w, answer: tc.answer}, until, err
				})
				p.Start(t.Context())
				defer func() { _ = p.Close(context.Background()) }()
				pass(2 * time.Second)
				s := p.Status()
				if s.Up || s.Err == nil || !strings.Contains(s.Err.Error(), tc.want) {
					t.Errorf("up %v, error %v, want %q", s.Up, s.Err, tc.want)
				}
			})
		})
	}
}

func TestEndOfTheStartContextStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 2)
		cfg := Config{Brokers: []string{"b1:9092"}, Topics: []TopicConfig{{Name: fakeTopic}}, Replication: 1}
		r := &results{at: map[*Message]time.Time{}}
		cfg.Deliver = r.deliver
		p := newProducer(cfg.withDefaults(), c.dial)
		ctx, cancel := context.WithCancel(t.Context())
		p.Start(ctx)
		up(t, p)
		c.do(func() { c.fault = func(int, attempt) *fault { return &fault{hang: true} } })
		m := message("a", "m")
		p.Send([]*Message{m})
		synctest.Wait()
		cancel()
		synctest.Wait()
		begin := time.Now()
		if err := p.Close(context.Background()); err != nil && !strings.Contains(err.Error(), "handed back") {
			t.Error(err)
		}
		if time.Since(begin) > 0 {
			t.Errorf("Close took %v after a hard stop", time.Since(begin))
		}
		wantResult(t, r, m, ErrUnknown)
		if errors.Is(m.Err, ErrUnavailable) {
			t.Error("the result says both: surely not written, and perhaps")
		}
	})
}
