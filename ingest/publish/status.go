package publish

import (
	"slices"
	"time"
)

// Status is a snapshot of a Producer. Counters only grow.
type Status struct {
	// Up is true while Kafka answers, we hold a producer id and every topic is
	// there. While it is false because Kafka does not answer, Send answers
	// ErrUnavailable at once.
	Up bool
	// Since is when Up last changed.
	Since time.Time
	// Err is the most recent failure with advice; nil while all is well. It may
	// be set while Up: one leader's trouble does not take the others down.
	Err error
	// ErrAt is when Err was seen.
	ErrAt time.Time
	// Brokers is how many the cluster has.
	Brokers int
	Topics  []TopicStatus // in the order of Config.Topics
	// Warnings are one line each, sorted: fewer replicas than wanted, a changed
	// number of partitions, a topic that is missing.
	Warnings []string

	Queued    int // messages held: waiting, sent or being repeated
	Stuck     int // partitions that have no leader or gave up on their last batch
	Requests  uint64
	Batches   uint64 // of one partition each, acknowledged
	Records   uint64 // acknowledged
	Bytes     uint64 // of acknowledged batches on the wire, after compression
	Retries   uint64 // attempts at a batch beyond its first
	Refused   uint64 // messages delivered with *RefusedError
	Unsent    uint64 // messages delivered with ErrUnavailable
	Unknown   uint64 // messages delivered with ErrUnknown
	Producers uint64 // producer ids taken, the first included
	Moves     uint64 // partitions that changed their leader
}

// TopicStatus is what is known of one topic.
type TopicStatus struct {
	Name       string
	Partitions int // 0 while unknown or missing
	Leaderless int
	Replicas   int // the smallest number any partition has
}

// counters live in the Producer under its lock.
type counters struct {
	requests, batches, records, bytes, retries uint64
	refused, unsent, unknown, producers, moves uint64
}

// Status returns a snapshot. It may be called from any goroutine and does not
// wait for the network.
func (p *Producer) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statusLocked()
}

func (p *Producer) statusLocked() Status {
	s := Status{
		Up: p.up, Since: p.since, Err: p.lastErr, ErrAt: p.lastErrAt, Brokers: len(p.brokers),
		Queued: p.held, Requests: p.count.requests, Batches: p.count.batches, Records: p.count.records,
		Bytes: p.count.bytes, Retries: p.count.retries, Refused: p.count.refused, Unsent: p.count.unsent,
		Unknown: p.count.unknown, Producers: p.count.producers, Moves: p.count.moves,
		Topics: make([]TopicStatus, 0, len(p.topics)),
	}
	for _, t := range p.topics {
		ts := TopicStatus{Name: t.name, Partitions: len(t.parts), Replicas: t.replicas}
		for _, part := range t.parts {
			if part.lane == nil {
				ts.Leaderless++
			}
			if part.lane == nil || part.stuck {
				s.Stuck++
			}
		}
		s.Topics = append(s.Topics, ts)
	}
	for _, w := range p.warnings {
		s.Warnings = append(s.Warnings, w)
	}
	slices.Sort(s.Warnings)
	return s
}
