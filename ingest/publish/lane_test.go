package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"github.com/postbackhq/postback/ingest/journal"
)

// message makes one with a two-second deadline; keys a0, a1, ... reach all
// partitions.
func message(key, value string) *Message {
	return &Message{
		Record:   journal.Record{Time: 1, Key: []byte(key), Value: []byte(value)},
		Deadline: time.Now().Add(2 * time.Second),
	}
}

// keyFor returns a key of the given partition among n.
func keyFor(partition int32, n int) string {
	for i := 0; ; i++ {
		if key := fmt.Sprintf("a%d", i); positiveHash([]byte(key))%int32(n) == partition {
			return key
		}
	}
}

func up(t *testing.T, p *Producer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.WaitUp(ctx); err != nil {
		t.Fatal(err)
	}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantResult(t *testing.T, r *results, m *Message, want error) {
	t.Helper()
	_, ok := r.of(m)
	switch {
	case !ok:
		t.Fatalf("%s was not delivered", m.Record.Value)
	case want == nil && m.Err != nil, want != nil && !errors.Is(m.Err, want):
		t.Fatalf("%s: result %v, want %v", m.Record.Value, m.Err, want)
	}
	if len(r.twice) > 0 {
		t.Fatalf("delivered twice: %v", r.twice)
	}
}

func wantLog(t *testing.T, c *cluster, partition int32, want ...string) {
	t.Helper()
	if got := c.log(partition); !slices.Equal(got, want) {
		t.Fatalf("partition %d holds %v, want %v", partition, got, want)
	}
}

// once injects f into the n-th attempt at any batch, counted from 1.
func once(n int, f fault) func(int, attempt) *fault {
	return func(i int, _ attempt) *fault {
		if i == n {
			return &f
		}
		return nil
	}
}

func TestRepeatIsStoredOnceWithTheSameBytes(t *testing.T) {
	cases := []struct {
		name  string
		fault fault
	}{
		{"answer lost after the append", fault{apply: true, drop: true}},
		{"connection lost before the append", fault{drop: true}},
		{"timed out after the append", fault{apply: true, code: int16(kafka.RequestTimedOut)}},
		{"timed out before the append", fault{code: int16(kafka.RequestTimedOut)}},
		{"not enough replicas", fault{code: int16(kafka.NotEnoughReplicas)}},
		{"not enough replicas after the append", fault{apply: true, code: int16(kafka.NotEnoughReplicasAfterAppend)}},
		{"not the leader", fault{code: int16(kafka.NotLeaderForPartition)}},
		{"not the leader any more, appended", fault{apply: true, code: int16(kafka.NotLeaderForPartition)}},
		{"unknown partition", fault{code: int16(kafka.UnknownTopicOrPartition)}},
		{"a code from the future", fault{code: 30000}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(1, 1)
				c.fault = once(1, tc.fault)
				p, r := onCluster(t, c, Config{})
				up(t, p)
				first, second := message("a", "first"), message("a", "second")
				p.Send([]*Message{first})
				p.Send([]*Message{second})
				pass(time.Second)
				wantResult(t, r, first, nil)
				wantResult(t, r, second, nil)
				wantLog(t, c, 0, "first", "second")
				got := c.seen()
				if len(got) < 2 || got[0].bytes != got[1].bytes {
					t.Fatalf("the second attempt was not the same bytes: %d attempts", len(got))
				}
				if s := p.Status(); s.Retries == 0 || s.Producers != 1 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestLeaderMoveHealsWithinASecondAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		var all []*Message
		var want []string
		for i := range 40 {
			m := message("a", fmt.Sprint(i))
			all, want = append(all, m), append(want, fmt.Sprint(i))
			p.Send([]*Message{m})
			if i == 20 {
				c.do(func() { c.leaders[fakeTopic][0] = 2 })
			}
			pass(2 * time.Millisecond)
		}
		pass(time.Second)
		for _, m := range all {
			wantResult(t, r, m, nil)
		}
		wantLog(t, c, 0, want...)
		if s := p.Status(); s.Moves != 1 || s.Producers != 1 {
			t.Errorf("moves %d, producer ids %d, want 1 and 1", s.Moves, s.Producers)
		}
	})
}

func TestDeadLeaderIsLeftAsSoonAsAnotherIsElected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 2)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() { c.frozen[2] = true })
		m := message(keyFor(1, 2), "m")
		p.Send([]*Message{m})
		pass(500 * time.Millisecond)
		c.do(func() { c.leaders[fakeTopic][1] = 1 })
		pass(time.Second)
		wantResult(t, r, m, nil)
		wantLog(t, c, 1, "m")
	})
}

func TestNewProducerIDAfterSequenceErrors(t *testing.T) {
	for _, code := range []kafka.Error{kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId, kafka.InvalidProducerEpoch} {
		t.Run(code.Title(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(1, 2)
				c.fault = once(2, fault{code: int16(code)})
				p, r := onCluster(t, c, Config{})
				up(t, p)
				var all []*Message
				for i := range 3 {
					m := message(keyFor(0, 2), fmt.Sprint(i))
					all = append(all, m)
					p.Send([]*Message{m})
					synctest.Wait()
				}
				pass(time.Second)
				for _, m := range all {
					wantResult(t, r, m, nil)
				}
				wantLog(t, c, 0, "0", "1", "2")
				got := c.seen()
				if a, b := got[0], got[len(got)-1]; a.pid == b.pid {
					t.Errorf("still producer id %d", b.pid)
				}
				if s := p.Status(); s.Producers != 2 {
					t.Errorf("%d producer ids were taken, want 2", s.Producers)
				}
			})
		})
	}
}

func TestBatchInDoubtIsNeverNumberedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.fault = func(n int, _ attempt) *fault {
			switch n {
			case 1:
				return &fault{drop: true}
			case 2:
				return &fault{code: int16(kafka.OutOfOrderSequenceNumber)}
			}
			return nil
		}
		p, r := onCluster(t, c, Config{})
		up(t, p)
		doubtful, later := message("a", "doubtful"), message("a", "later")
		p.Send([]*Message{doubtful})
		pass(500 * time.Millisecond)
		wantResult(t, r, doubtful, ErrUnknown)
		p.Send([]*Message{later})
		pass(500 * time.Millisecond)
		wantResult(t, r, later, nil)
		wantLog(t, c, 0, "later")
	})
}

func TestDeadlineTellsUnsentFromUnknown(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(c *cluster)
		want    error
	}{
		{"no leader", func(c *cluster) { c.leaders[fakeTopic][0] = -1 }, ErrUnavailable},
		{"refused before the append", func(c *cluster) {
			c.fault = func(int, attempt) *fault { return &fault{code: int16(kafka.NotEnoughReplicas)} }
		}, ErrUnavailable},
		{"no right to write", func(c *cluster) {
			c.fault = func(int, attempt) *fault { return &fault{code: int16(kafka.TopicAuthorizationFailed)} }
		}, ErrUnavailable},
		{"no answer", func(c *cluster) {
			c.fault = func(int, attempt) *fault { return &fault{hang: true} }
		}, ErrUnknown},
		{"answers perhaps", func(c *cluster) {
			c.fault = func(int, attempt) *fault { return &fault{code: int16(kafka.NotEnoughReplicasAfterAppend)} }
		}, ErrUnknown},
		{"perhaps once, then surely not", func(c *cluster) {
			c.fault = func(n int, _ attempt) *fault {
				if n == 1 {
					return &fault{drop: true}
				}
				return &fault{code: int16(kafka.NotEnoughReplicas)}
			}
		}, ErrUnknown},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(1, 1)
				p, r := onCluster(t, c, Config{})
				up(t, p)
				c.do(func() { tc.prepare(c) })
				if c.leaders[fakeTopic][0] < 0 {
					pass(time.Second)
				}
				m, behind := message("a", "m"), message("a", "behind")
				begin := time.Now()
				p.Send([]*Message{m})
				synctest.Wait()
				p.Send([]*Message{behind})
				pass(3 * time.Second)
				wantResult(t, r, m, tc.want)
				wantResult(t, r, behind, ErrUnavailable)
				if r.order[0] != m {
					t.Error("what was behind came back before it")
				}
				at, _ := r.of(m)
				if late := at.Sub(begin) - 2*time.Second; late < 0 || late > 2*sweepEvery {
					t.Errorf("delivered %v after the deadline", late)
				}
			})
		})
	}
}

func TestSilentLeaderShutsItsPartitionsAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(2, 2)
		p, r := onCluster(t, c, Config{RequestTimeout: 8 * time.Second})
		up(t, p)
		c.do(func() {
			c.fault = func(_ int, a attempt) *fault {
				if a.broker == 2 {
					return &fault{hang: true}
				}
				return nil
			}
		})
		slow, quick := message(keyFor(1, 2), "slow"), message(keyFor(0, 2), "quick")
		begin := time.Now()
		p.Send([]*Message{slow, quick})
		synctest.Wait()
		wantResult(t, r, quick, nil)
		if at, _ := r.of(quick); at != begin {
			t.Error("the other leader was waited for")
		}
		pass(3 * time.Second)
		wantResult(t, r, slow, ErrUnknown)
		next := message(keyFor(1, 2), "next")
		p.Send([]*Message{next})
		synctest.Wait()
		wantResult(t, r, next, ErrUnavailable)
		c.do(func() { c.fault = nil })
		pass(8 * time.Second)
		last := message(keyFor(1, 2), "last")
		p.Send([]*Message{last})
		pass(time.Second)
		wantResult(t, r, last, nil)
		wantLog(t, c, 1, "last")
	})
}

func TestGivenUpBatchLeavesNoGapInTheSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{RequestTimeout: time.Second})
		up(t, p)
		before := message("a", "before")
		p.Send([]*Message{before})
		pass(10 * time.Millisecond)
		c.do(func() { c.fault = func(int, attempt) *fault { return &fault{apply: true, drop: true} } })
		lost := message("a", "lost")
		p.Send([]*Message{lost})
		pass(3 * time.Second)
		wantResult(t, r, lost, ErrUnknown)
		c.do(func() { c.fault = nil })
		after := message("a", "after")
		p.Send([]*Message{after})
		pass(time.Second)
		wantResult(t, r, after, nil)
		wantLog(t, c, 0, "before", "lost", "after")
		if s := p.Status(); s.Producers != 2 {
			t.Errorf("%d producer ids, want a second one after the batch in doubt", s.Producers)
		}
	})
}
