package publish

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

// storm makes trouble of every kind at the pace of r.
type storm struct {
	c       *cluster
	r       *rand.Rand
	brokers int
	parts   int
}

func (s *storm) fault(int, attempt) *fault {
	if s.r.IntN(6) != 0 {
		return nil
	}
	codes := []kafka.Error{
		kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend, kafka.RequestTimedOut, kafka.NotLeaderForPartition,
		kafka.UnknownTopicOrPartition, kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId, kafka.Unknown,
	}
	f := &fault{apply: s.r.IntN(2) == 0}
	switch s.r.IntN(5) {
	case 0:
		f.drop = true
	case 1:
		f.hang = true
	default:
		f.code = int16(codes[s.r.IntN(len(codes))])
		switch kafka.Error(f.code) {
		case kafka.NotEnoughReplicas, kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId:
			f.apply = false // these are answered before the append only
		}
	}
	return f
}

// strike changes the cluster a little.
func (s *storm) strike() {
	b := int32(s.r.IntN(s.brokers) + 1)
	switch s.r.IntN(8) {
	case 0:
		s.c.alive[b] = !s.c.alive[b]
	case 1:
		s.c.frozen[b] = !s.c.frozen[b]
	case 2, 3, 4:
		s.c.leaders[fakeTopic][s.r.IntN(s.parts)] = b
	case 5:
		s.c.leaders[fakeTopic][s.r.IntN(s.parts)] = -1
	}
}

func TestNothingIsLostDoubledOrReorderedInAStorm(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { weather(t, seed) })
		})
	}
}

func weather(t *testing.T, seed uint64) {
	const brokers, parts, rounds = 3, 6, 120
	r := rand.New(rand.NewPCG(seed, 1))
	c := newCluster(brokers, parts)
	s := &storm{c: c, r: rand.New(rand.NewPCG(seed, 2)), brokers: brokers, parts: parts}
	p, got := onCluster(t, c, Config{RequestTimeout: time.Second})
	up(t, p)
	c.do(func() { c.fault = s.fault })
	var all []*Message
	for round := range rounds {
		if round == rounds*3/4 { // it clears up
			c.do(func() {
				c.fault = nil
				for b := range int32(brokers) {
					c.alive[b+1], c.frozen[b+1] = true, false
				}
				for i := range c.leaders[fakeTopic] {
					c.leaders[fakeTopic][i] = int32(i%brokers + 1)
				}
			})
		} else if round < rounds*3/4 && r.IntN(3) == 0 {
			c.do(s.strike)
		}
		var batch []*Message
		for range r.IntN(12) {
			m := message(keyFor(int32(r.IntN(parts)), parts), strconv.Itoa(len(all)))
			if seed%2 == 0 {
				m.Deadline = time.Now().Add(time.Duration(100+r.IntN(1900)) * time.Millisecond)
			}
			all, batch = append(all, m), append(batch, m)
		}
		p.Send(batch)
		pass(time.Duration(r.IntN(120)) * time.Millisecond)
	}
	pass(5 * time.Second)
	checkStorm(t, c, got, all, parts)
	if seed%2 == 1 {
		checkFailureOrder(t, got, parts)
	}
	if s := p.Status(); s.Queued != 0 || !s.Up {
		t.Errorf("after the storm: %+v", s)
	}
}

func checkStorm(t *testing.T, c *cluster, got *results, all []*Message, parts int) {
	t.Helper()
	stored := map[string]int{}
	for part := range int32(parts) {
		var order []int
		for _, v := range c.log(part) {
			stored[v]++
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, n)
		}
		if !slices.IsSorted(order) {
			t.Errorf("partition %d is out of order: %v", part, order)
		}
	}
	if len(got.twice) > 0 {
		t.Errorf("delivered twice: %v", got.twice)
	}
	for _, m := range all {
		v, n := string(m.Record.Value), stored[string(m.Record.Value)]
		_, delivered := got.of(m)
		switch {
		case !delivered:
			t.Errorf("%s was never delivered", v)
		case n > 1:
			t.Errorf("%s is stored %d times", v, n)
		case m.Err == nil && n != 1:
			t.Errorf("%s was acknowledged and is not stored", v)
		case errors.Is(m.Err, ErrUnavailable) && n != 0:
			t.Errorf("%s was said to be surely not written and is stored: %v", v, m.Err)
		}
	}
}

// checkFailureOrder holds for senders whose deadlines are in the order of
// sending.
func checkFailureOrder(t *testing.T, got *results, parts int) {
	t.Helper()
	failed := make([][]int, parts)
	for _, m := range got.order {
		if n, err := strconv.Atoi(string(m.Record.Value)); err != nil {
			t.Fatal(err)
		} else if m.Err != nil && m.Partition >= 0 {
			failed[m.Partition] = append(failed[m.Partition], n)
		}
	}
	for part, order := range failed {
		if !slices.IsSorted(order) {
			t.Errorf("failures of partition %d came back out of order: %v", part, order)
		}
	}
}
