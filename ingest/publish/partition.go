package publish

import (
	"math"
	"time"
)

// topic is one of ours, guarded by the Producer's lock.
type topic struct {
	name     string
	index    int // in Config.Topics
	parts    []*partition
	replicas int
	asked    time.Time // when its creation was last asked for
	limit    int       // a batch of this size was taken after a larger one was too large; 0: none yet
}

// partition is where messages wait for their turn and where order is kept: there
// is at most one unsettled batch, and while there is one nothing overtakes it,
// whoever leads the partition by then.
type partition struct {
	topic *topic
	id    int32

	lane   *lane // of the present leader, nil while there is none
	queue  []*Message
	batch  batch
	flyer  *lane // the lane that is busy with batch, nil if none
	flying time.Time

	stuck    bool      // the last batch was given up: the next gets one attempt
	attempts int       // at the present batch
	retryAt  time.Time // not before
	most     int       // messages in the next batch while a refused one is taken apart; 0: no bound

	ident  identity
	seq    int32  // of the next new record under ident
	minGen uint32 // identities older than this are spoiled here

	soonest time.Time // no message here is due earlier; zero: none is due
}

// push appends m to the queue.
func (p *partition) push(m *Message) {
	p.queue = append(p.queue, m)
	if !m.Deadline.IsZero() && (p.soonest.IsZero() || m.Deadline.Before(p.soonest)) {
		p.soonest = m.Deadline
	}
}

// busy reports whether a lane works on the batch.
func (p *partition) busy() bool { return p.flyer != nil }

// idle reports whether nothing waits and nothing is unsettled.
func (p *partition) idle() bool { return len(p.queue) == 0 && !p.batch.active() }

// empty reports whether no message is held here. A batch whose messages were
// given up may still be in the air.
func (p *partition) empty() bool { return len(p.queue) == 0 && len(p.batch.msgs) == 0 }

// shut reports whether a message has no chance now: nobody leads the partition
// since the last one was given up, or its leader left others unanswered beyond
// their deadline. It is never true while earlier messages wait, since those
// behind must not fail before them.
func (p *partition) shut() bool {
	if !p.empty() {
		return false
	}
	if p.lane == nil {
		return p.stuck
	}
	return p.lane.hung
}

// cut moves messages from the head of the queue into a new batch, up to
// maxBytes before compression but at least one.
func (p *partition) cut(maxBytes int) {
	b := &p.batch
	size, n := 0, 0
	for _, m := range p.queue {
		size += m.size()
		if n > 0 && (size > maxBytes || n == p.most || n == math.MaxInt32) {
			size -= m.size()
			break
		}
		if !m.Deadline.IsZero() && (b.deadline.IsZero() || m.Deadline.Before(b.deadline)) {
			b.deadline = m.Deadline
		}
		n++
	}
	b.msgs = append(b.msgs[:0], p.queue[:n]...)
	b.count, b.size = int32(n), size
	b.ident, b.seq = p.ident, p.seq
	p.dequeue(n)
}

// dequeue drops the first n of the queue. A long remainder is moved: that is a
// few thousand pointers for each batch of 900 KB.
func (p *partition) dequeue(n int) {
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
}

// requeue puts the batch's messages from index n on back to the head of the
// queue and forgets them here.
func (p *partition) requeue(n int) {
	back := p.batch.msgs[n:]
	p.queue = append(p.queue, back...) // room
	copy(p.queue[len(back):], p.queue[:len(p.queue)-len(back)])
	copy(p.queue, back)
	clear(back)
	p.batch.msgs = p.batch.msgs[:n]
}

// adopt takes the newest identity if the partition has none that is usable, and
// reports whether it has one now.
func (p *partition) adopt(newest identity) bool {
	if p.ident.gen != 0 && p.ident.gen >= p.minGen {
		return true
	}
	if newest.gen == 0 || newest.gen < p.minGen {
		return false
	}
	p.ident, p.seq = newest, 0
	return true
}

// spoil makes the present identity unusable here: the broker and we may
// disagree about its sequence.
func (p *partition) spoil() {
	p.minGen = max(p.minGen, p.ident.gen+1)
	p.ident, p.seq = identity{}, 0
}

// advance moves the sequence past the settled batch. It wraps to zero behind
// the largest int32, as the broker expects (Apache Kafka, DefaultRecordBatch).
func (p *partition) advance() {
	p.seq = nextSequence(p.batch.seq, p.batch.count)
}

func nextSequence(seq, count int32) int32 {
	return int32((int64(seq) + int64(count)) & math.MaxInt32)
}
