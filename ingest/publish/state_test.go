package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

func TestUnreachableKafkaAtStartIsAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.alive[1] = false
		p, r := onCluster(t, c, Config{})
		early := message("a", "early")
		p.Send([]*Message{early})
		pass(2 * time.Second)
		wantResult(t, r, early, ErrUnavailable)
		if s := p.Status(); s.Up || s.Err == nil || !strings.Contains(s.Err.Error(), "is Kafka running") {
			t.Fatalf("status %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.WaitUp(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "b1:9092") {
			t.Fatalf("WaitUp: %v", err)
		}
		if _, ok := p.Partition(0, []byte("a")); ok || early.Partition != -1 {
			t.Error("a partition was known without metadata")
		}
		c.do(func() { c.alive[1] = true })
		pass(1100 * time.Millisecond)
		m := message("a", "m")
		p.Send([]*Message{m})
		pass(10 * time.Millisecond)
		wantResult(t, r, m, nil)
	})
}

func TestDownAnswersAtOnceAndHealsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []bool
		c := newCluster(2, 4)
		p, r := onCluster(t, c, Config{Notify: func(s Status) { changes = append(changes, s.Up) }})
		up(t, p)
		c.do(func() { c.alive[1], c.alive[2] = false, false })
		caught := message("a", "caught")
		p.Send([]*Message{caught})
		pass(1500 * time.Millisecond)
		if _, ok := r.of(caught); !ok || caught.Err == nil {
			t.Fatal("what was on its way is still held although Kafka is known to be down")
		}
		refusedAt := time.Now()
		m := message("a", "m")
		p.Send([]*Message{m})
		synctest.Wait()
		wantResult(t, r, m, ErrUnavailable)
		if at, _ := r.of(m); at != refusedAt {
			t.Error("the answer was not immediate")
		}
		if s := p.Status(); s.Up || s.Queued != 0 || s.Since.IsZero() {
			t.Errorf("status %+v", s)
		}
		c.do(func() { c.alive[1], c.alive[2] = true, true })
		pass(1100 * time.Millisecond)
		up(t, p)
		again := message("a", "again")
		p.Send([]*Message{again})
		pass(10 * time.Millisecond)
		wantResult(t, r, again, nil)
		if !slices.Equal(changes, []bool{true, false, true}) {
			t.Errorf("notified of %v", changes)
		}
	})
}

func TestFrozenKafkaIsDownWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		p.Send([]*Message{message("a", "connects the lane")})
		synctest.Wait()
		c.do(func() { c.frozen[1] = true })
		m := message("a", "m")
		p.Send([]*Message{m})
		pass(3 * time.Second)
		wantResult(t, r, m, ErrUnknown)
		pass(10 * time.Second)
		next := message("a", "next")
		p.Send([]*Message{next})
		synctest.Wait()
		wantResult(t, r, next, ErrUnavailable)
		if p.Status().Up {
			t.Error("still Up")
		}
		c.do(func() { c.frozen[1] = false })
		pass(5 * time.Second)
		up(t, p)
	})
}

func TestOneLostBrokerDoesNotMeanDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(3, 3)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.alive[1] = false })
		pass(2 * time.Second)
		m := message(keyFor(1, 3), "m")
		p.Send([]*Message{m})
		pass(10 * time.Millisecond)
		wantResult(t, r, m, nil)
		if !p.Status().Up {
			t.Error("Down although two of three brokers answer")
		}
	})
}

func TestProducerIDIsAskedForUntilItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.pidCodes = []int16{14, 14, 15}
		p, r := onCluster(t, c, Config{})
		up(t, p)
		m := message("a", "m")
		p.Send([]*Message{m})
		synctest.Wait()
		wantResult(t, r, m, nil)
	})
}

func TestMissingTopics(t *testing.T) {
	cases := []struct {
		name    string
		cfg     Config
		code    int16
		up      bool
		warning string
		err     string
	}{
		{"may not be created", Config{}, 0, false, "does not exist", "does not exist"},
		{"are created with the replicas there can be", Config{CreateTopics: true, Replication: 3, Partitions: 5}, 0, true, "1 replicas, 3 are configured", ""},
		{"cannot be created", Config{CreateTopics: true}, int16(kafka.PolicyViolation), false, "does not exist", "Policy Violation"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(2, 1)
				c.createCode = tc.code
				tc.cfg.Topics = []TopicConfig{{Name: fakeTopic}, {Name: "other", Partitions: 7}}
				p, r := onCluster(t, c, tc.cfg)
				pass(2 * time.Second)
				s := p.Status()
				if s.Up != tc.up || !strings.Contains(strings.Join(s.Warnings, "\n"), tc.warning) {
					t.Fatalf("status %+v", s)
				}
				if tc.err != "" && (s.Err == nil || !strings.Contains(s.Err.Error(), tc.err)) {
					t.Fatalf("error %v", s.Err)
				}
				if tc.up && (c.created[0].NumPartitions != 7 || c.created[0].ReplicationFactor != 2) {
					t.Errorf("created %+v", c.created)
				}
				here, there := message("a", "here"), message("a", "there")
				there.Record.Topic = 1
				p.Send([]*Message{here, there})
				synctest.Wait()
				wantResult(t, r, here, nil)
				if !tc.up {
					wantResult(t, r, there, ErrUnavailable)
				}
			})
		})
	}
}

func TestGrownTopicIsUsedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 2)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.leaders[fakeTopic] = []int32{1, 1, 1, 1} })
		pass(time.Second)
		m := message(keyFor(3, 4), "m")
		p.Send([]*Message{m})
		synctest.Wait()
		wantResult(t, r, m, nil)
		if part, ok := p.Partition(0, m.Record.Key); part != 3 || !ok || m.Partition != 3 {
			t.Errorf("partition %d, message went to %d", part, m.Partition)
		}
		if s := p.Status(); !strings.Contains(strings.Join(s.Warnings, "\n"), "from 2 to 4 partitions") {
			t.Errorf("warnings %v", s.Warnings)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{MaxQueued: 10})
		up(t, p)
		c.do(func() { c.leaders[fakeTopic][0] = -1 })
		pass(time.Second)
		var batch []*Message
		for i := range 15 {
			batch = append(batch, message("a", fmt.Sprint(i)))
		}
		p.Send(batch)
		synctest.Wait()
		if s := p.Status(); s.Queued != 10 {
			t.Errorf("%d queued", s.Queued)
		}
		for i, m := range batch {
			if _, ok := r.of(m); ok != (i >= 10) {
				t.Errorf("message %d delivered: %v", i, ok)
			}
		}
		wantResult(t, r, batch[12], ErrUnavailable)
	})
}

func TestCloseHandsBackWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 2)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.fault = func(int, attempt) *fault { return &fault{hang: true} } })
		sent, waiting := message(keyFor(0, 2), "sent"), message(keyFor(1, 2), "waiting")
		sent.Deadline, waiting.Deadline = time.Time{}, time.Time{}
		p.Send([]*Message{sent})
		synctest.Wait()
		p.Send([]*Message{waiting})
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		begin := time.Now()
		err := p.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "2 messages") || time.Since(begin) > time.Second {
			t.Errorf("Close: %v after %v", err, time.Since(begin))
		}
		wantResult(t, r, sent, ErrUnknown)
		wantResult(t, r, waiting, ErrUnavailable)
		after := message("a", "after")
		p.Send([]*Message{after})
		wantResult(t, r, after, ErrUnavailable)
		if err := p.Close(ctx); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestCloseWaitsForWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.fault = once(1, fault{code: int16(kafka.NotEnoughReplicas)})
		p, r := onCluster(t, c, Config{})
		up(t, p)
		m := message("a", "m")
		p.Send([]*Message{m})
		synctest.Wait()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wantResult(t, r, m, nil)
	})
}

func TestCloseBeforeStartHandsBack(t *testing.T) {
	c := newCollector()
	p := New(Config{Brokers: []string{"127.0.0.1:1"}, Topics: []TopicConfig{{Name: "t"}}, Deliver: c.deliver})
	p.Send([]*Message{message("a", "m")})
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	p.Start(t.Context())
	if got := c.wait(t, 1); !errors.Is(got[0].Err, ErrUnavailable) {
		t.Errorf("result %v", got[0].Err)
	}
}
