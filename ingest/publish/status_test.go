package publish

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

func TestStatusCountsEveryMessageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 4)
		c.maxBytes = 2000
		p, r := onCluster(t, c, Config{})
		up(t, p)
		for i := range 10 {
			p.Send([]*Message{message(keyFor(int32(i%2), 4), fmt.Sprint(i))})
			synctest.Wait()
		}
		p.Send([]*Message{message("a", strings.Repeat("x", 3000))})
		synctest.Wait()
		c.do(func() { c.leaders[fakeTopic] = []int32{1, 2, -1, -1} })
		pass(time.Second)
		p.Send([]*Message{message(keyFor(2, 4), "leaderless")})
		pass(3 * time.Second)
		c.do(func() { c.fault = func(int, attempt) *fault { return &fault{hang: true} } })
		p.Send([]*Message{message(keyFor(0, 4), "lost")})
		pass(3 * time.Second)
		s := p.Status()
		if s.Records != 10 || s.Refused != 1 || s.Unsent != 1 || s.Unknown != 1 || s.Queued != 0 {
			t.Errorf("records %d, refused %d, unsent %d, unknown %d, queued %d", s.Records, s.Refused, s.Unsent, s.Unknown, s.Queued)
		}
		if s.Bytes == 0 || s.Batches != 10 || s.Requests < 11 || s.Stuck != 3 || s.Brokers != 2 {
			t.Errorf("status %+v", s)
		}
		if want := (TopicStatus{Name: fakeTopic, Partitions: 4, Leaderless: 2, Replicas: 1}); s.Topics[0] != want {
			t.Errorf("topic %+v, want %+v", s.Topics[0], want)
		}
		if len(r.order) != 13 {
			t.Errorf("%d results of 13", len(r.order))
		}
	})
}

func TestStatusErrorFadesOnceAllIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.fault = once(1, fault{code: int16(kafka.NotEnoughReplicas)})
		p, _ := onCluster(t, c, Config{})
		up(t, p)
		if err := p.Status().Err; err != nil {
			t.Errorf("error %v although nothing failed", err)
		}
		p.Send([]*Message{message("a", "m")})
		pass(time.Second)
		s := p.Status()
		if !errors.Is(s.Err, kafka.NotEnoughReplicas) || s.ErrAt.IsZero() {
			t.Errorf("error %v, want the one just met", s.Err)
		}
		pass(10 * time.Second)
		if err := p.Status().Err; err != nil {
			t.Errorf("still %v", err)
		}
	})
}

func TestLaneReconnectsBeforeItsCredentialsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.lifetime = time.Minute
		p, r := onCluster(t, c, Config{})
		up(t, p)
		var all []*Message
		for range 10 {
			m := message("a", "m")
			all = append(all, m)
			p.Send(all[len(all)-1:])
			pass(20 * time.Second)
		}
		for _, m := range all {
			wantResult(t, r, m, nil)
		}
		if s := p.Status(); s.Retries != 0 || s.Err != nil {
			t.Errorf("%d retries, %v", s.Retries, s.Err)
		}
		c.do(func() {
			if c.dialed < 6 {
				t.Errorf("dialed %d times in 200 s with credentials for 60 s", c.dialed)
			}
		})
	})
}

func TestLaneFollowsItsBrokerToAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		first, second := message("a", "first"), message("a", "second")
		p.Send([]*Message{first})
		synctest.Wait()
		c.do(func() { // b2 takes over the part of b1
			c.hosts = map[int32]string{1: "b2"}
			c.leaders[fakeTopic][0] = 1
		})
		pass(time.Second)
		c.do(func() {
			c.fault = func(_ int, a attempt) *fault {
				if a.broker != 2 {
					t.Errorf("went to b%d", a.broker)
				}
				return &fault{code: 0}
			}
		})
		p.Send([]*Message{second})
		pass(100 * time.Millisecond)
		wantResult(t, r, first, nil)
		wantResult(t, r, second, nil)
	})
}

func TestLanesOfVanishedLeadersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(3, 6)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.leaders[fakeTopic] = []int32{1, 1, 1, 1, 1, 1} })
		pass(time.Second)
		p.mu.Lock()
		lanes := len(p.lanes)
		p.mu.Unlock()
		if lanes != 1 {
			t.Errorf("%d lanes for one leader", lanes)
		}
		c.do(func() { c.leaders[fakeTopic] = []int32{3, 3, 3, 3, 3, 3} })
		pass(time.Second)
		m := message("a", "m")
		p.Send([]*Message{m})
		synctest.Wait()
		wantResult(t, r, m, nil)
	})
}

func TestLargeRequestsAreCutAndNoPartitionStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts = 40
		c := newCluster(1, parts)
		p, r := onCluster(t, c, Config{MaxBatchBytes: 1 << 20})
		up(t, p)
		value := strings.Repeat("v", 900_000)
		var all []*Message
		for i := range 2 * parts {
			all = append(all, message(keyFor(int32(i%parts), parts), value))
		}
		before := p.Status().Requests
		p.Send(all)
		pass(time.Second)
		for _, m := range all {
			wantResult(t, r, m, nil)
		}
		if n := p.Status().Requests - before; n < 5 {
			t.Errorf("72 MB went out in %d requests", n)
		}
		seen := map[int32]int{}
		for i, a := range c.seen() {
			if seen[a.partition]++; seen[a.partition] == 2 && i < parts/2 {
				t.Errorf("partition %d had its second turn after %d batches", a.partition, i)
			}
		}
	})
}

func TestRefusedErrorNamesTheRecordAndTheCure(t *testing.T) {
	f := func(e RefusedError, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(e.Error(), w) {
				t.Errorf("%q does not contain %q", e.Error(), w)
			}
		}
	}
	f(RefusedError{Reason: "it names topic number 9, there are 2"}, "topic number 9")
	f(RefusedError{Topic: "events", Partition: 3, Bytes: 2_000_000, Code: 10, Reason: "it exceeds max.message.bytes of the topic"},
		"events", "partition 3", "2000000 bytes", "max.message.bytes", "code 10")
}

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	var last time.Duration
	for attempts := range 30 {
		longest := time.Duration(0)
		for range 200 {
			d := backoff(attempts + 1)
			if d < firstBackoff/2 || d > maxBackoff {
				t.Fatalf("attempt %d waits %v", attempts+1, d)
			}
			longest = max(longest, d)
		}
		if longest < last/2 {
			t.Errorf("attempt %d waits at most %v, the one before %v", attempts+1, longest, last)
		}
		last = longest
	}
}

func TestAddressesAreTheClustersThenTheConfigured(t *testing.T) {
	p := New(Config{Brokers: []string{"boot:1", "b2:9092"}, Topics: []TopicConfig{{Name: "t"}}})
	p.brokers = map[int32]string{2: "b2:9092", 1: "b1:9092"}
	if got := p.addresses(); !slices.Equal(got, []string{"b1:9092", "b2:9092", "boot:1"}) {
		t.Errorf("addresses %v", got)
	}
}

func TestIncompleteClusterIsWaitedForBeforeTopicsAreCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 0)
		cfg := Config{CreateTopics: true, Replication: 3, Brokers: []string{"b1:9092", "b2:9092", "b3:9092"}, Topics: []TopicConfig{{Name: "other"}}}
		p := newProducer(cfg.withDefaults(), c.dial)
		p.Start(t.Context())
		defer func() { _ = p.Close(t.Context()) }()
		pass(3 * time.Second)
		c.do(func() {
			if len(c.created) != 0 {
				t.Errorf("created %+v with one broker of three", c.created)
			}
			c.alive[2], c.alive[3] = true, true
		})
		pass(2 * time.Second)
		c.do(func() {
			if len(c.created) != 1 || c.created[0].ReplicationFactor != 3 {
				t.Errorf("created %+v, want three replicas", c.created)
			}
		})
		up(t, p)
	})
}

func TestBrokerThatNeverComesDelaysTopicsOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 0)
		cfg := Config{CreateTopics: true, Replication: 3, Brokers: []string{"b1:9092", "b2:9092"}, Topics: []TopicConfig{{Name: "other"}}}
		p := newProducer(cfg.withDefaults(), c.dial)
		p.Start(t.Context())
		defer func() { _ = p.Close(t.Context()) }()
		pass(assembly + 2*time.Second)
		up(t, p)
		if c.created[0].ReplicationFactor != 1 {
			t.Errorf("created %+v", c.created)
		}
	})
}
