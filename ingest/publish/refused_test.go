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

// held sends messages so that they wait together: the first batch is kept in the
// air until all are queued.
func held(t *testing.T, p *Producer, c *cluster, batch []*Message) {
	t.Helper()
	c.do(func() { c.leaders[fakeTopic][0] = -1 })
	pass(time.Second)
	p.Send(batch)
	synctest.Wait()
	c.do(func() { c.leaders[fakeTopic][0] = 1 })
}

func TestOversizedRecordIsRefusedAloneAndDoesNotBlock(t *testing.T) {
	for _, at := range []int{0, 1, 17, 62, 63} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(1, 1)
				c.maxBytes = 6000
				p, r := onCluster(t, c, Config{})
				up(t, p)
				var batch []*Message
				var want []string
				for i := range 64 {
					value := fmt.Sprint(i)
					if i == at {
						value = strings.Repeat("x", 7000)
					} else {
						want = append(want, value)
					}
					batch = append(batch, message("a", value))
				}
				held(t, p, c, batch)
				pass(2 * time.Second)
				for i, m := range batch {
					var no *RefusedError
					if i != at {
						wantResult(t, r, m, nil)
					} else if !errors.As(m.Err, &no) || no.Topic != fakeTopic || no.Code != int16(kafka.MessageSizeTooLarge) ||
						!strings.Contains(no.Error(), "max.message.bytes") {
						t.Fatalf("the large one came back with %v", m.Err)
					}
				}
				wantLog(t, c, 0, want...)
				if s := p.Status(); s.Refused != 1 || s.Queued != 0 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestTopicWithASmallLimitGetsSmallerBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		c.maxBytes = 40_000
		p, r := onCluster(t, c, Config{})
		up(t, p)
		for range 4 {
			var batch []*Message
			for range 200 {
				batch = append(batch, message("a", strings.Repeat("v", 1000)))
			}
			held(t, p, c, batch)
			pass(2 * time.Second)
			for _, m := range batch {
				wantResult(t, r, m, nil)
			}
		}
		attempts := c.seen()
		for _, a := range attempts[len(attempts)-5:] {
			if len(a.bytes) > 41_000 {
				t.Errorf("a batch of %d bytes although the topic takes 40,000", len(a.bytes))
			}
		}
	})
}

func TestOnlyTheRecordsKafkaNamesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() {
			c.fault = func(_ int, a attempt) *fault {
				var blamed []int32
				for i, v := range a.values {
					if v == "bad" {
						blamed = append(blamed, int32(i))
					}
				}
				if blamed == nil {
					return nil
				}
				return &fault{code: int16(kafka.InvalidRecord), blamed: append(blamed, -1, 900)}
			}
		})
		batch := []*Message{message("a", "1"), message("a", "bad"), message("a", "2"), message("a", "bad"), message("a", "3")}
		held(t, p, c, batch)
		pass(time.Second)
		wantLog(t, c, 0, "1", "2", "3")
		for _, m := range batch {
			var no *RefusedError
			if refused := errors.As(m.Err, &no); refused != (string(m.Record.Value) == "bad") {
				t.Errorf("%s: %v", m.Record.Value, m.Err)
			}
			if _, ok := r.of(m); !ok {
				t.Errorf("%s was not delivered", m.Record.Value)
			}
		}
	})
}

func TestRecordOfAnUnknownTopicNumberIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		m := message("a", "m")
		m.Record.Topic = 9
		p.Send([]*Message{m})
		synctest.Wait()
		var no *RefusedError
		if _, ok := r.of(m); !ok || !errors.As(m.Err, &no) || m.Partition != -1 {
			t.Errorf("result %v, partition %d", m.Err, m.Partition)
		}
	})
}

func TestBatchesAreCutByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 1)
		p, r := onCluster(t, c, Config{MaxBatchBytes: 10_000})
		up(t, p)
		var batch []*Message
		var want []string
		for i := range 100 {
			value := fmt.Sprintf("%03d%s", i, strings.Repeat("v", 997))
			if i == 50 {
				value = strings.Repeat("w", 15_000)
			}
			batch, want = append(batch, message("a", value)), append(want, value)
		}
		held(t, p, c, batch)
		pass(time.Second)
		for _, m := range batch {
			wantResult(t, r, m, nil)
		}
		wantLog(t, c, 0, want...)
		for _, a := range c.seen() {
			if len(a.bytes) > 10_000 && len(a.values) > 1 {
				t.Errorf("%d records in a batch of %d bytes", len(a.values), len(a.bytes))
			}
		}
	})
}

func TestWhatWaitsGoesOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 8)
		p, r := onCluster(t, c, Config{})
		up(t, p)
		c.do(func() {
			c.fault = func(n int, _ attempt) *fault {
				if n == 1 {
					return &fault{code: int16(kafka.NotEnoughReplicas)}
				}
				return nil
			}
		})
		first := message(keyFor(0, 8), "first")
		p.Send([]*Message{first})
		synctest.Wait()
		before := p.Status().Requests
		c.mu.Lock() // the broker cannot answer
		p.Send([]*Message{message(keyFor(1, 8), "opener")})
		var batch []*Message
		for i := range 80 {
			batch = append(batch, message(keyFor(int32(1+i%7), 8), fmt.Sprint(i)))
		}
		for _, m := range batch {
			p.Send([]*Message{m})
		}
		c.mu.Unlock()
		pass(time.Second)
		for _, m := range append(slices.Clone(batch), first) {
			wantResult(t, r, m, nil)
		}
		if n := p.Status().Requests - before; n > 4 {
			t.Errorf("%d requests for what arrived during one", n)
		}
	})
}
