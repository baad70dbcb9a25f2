package publish

import (
	"fmt"
	"math/rand/v2"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// verdict is what an attempt at a batch came to.
type verdict uint8

const (
	taken    verdict = iota // in Kafka
	later                   // surely not written by this attempt, may work later
	perhaps                 // may have been written by this attempt, repeat it
	refused                 // not written, and never will be as it is
	renumber                // not written: producer id or sequence do not fit
)

const (
	codeDuplicateSequence = 46

	firstBackoff = 10 * time.Millisecond
	maxBackoff   = 250 * time.Millisecond
	// minLimit is the smallest bound that refused batches can lead to.
	minLimit = 16 << 10
)

// judge sorts Kafka's produce error codes (Apache Kafka, class Errors). What is
// not known to be refused before the append counts as perhaps: even 3 and 6
// (unknown partition, not the leader) are answered for batches that were
// appended and then waited for replicas when the leadership moved (DelayedProduce).
func judge(code int16) verdict {
	switch kafka.Error(code) {
	case 0, codeDuplicateSequence:
		return taken
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidTimestamp, kafka.InvalidRecord:
		return refused
	case kafka.OutOfOrderSequenceNumber, kafka.UnknownProducerId, kafka.InvalidProducerEpoch, kafka.ProducerFenced:
		return renumber
	case kafka.NotEnoughReplicas, kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.InvalidTopic, kafka.InvalidMessage, kafka.InvalidRequiredAcks, kafka.LeaderNotAvailable,
		kafka.UnsupportedCompressionType, kafka.ThrottlingQuotaExceeded:
		return later
	}
	return perhaps
}

// settlePartLocked applies a partition's part of an answer.
func (l *lane) settlePartLocked(part *partition, a *produce.ResponsePartition, now time.Time) {
	p := l.p
	switch v := judge(a.ErrorCode); v {
	case taken:
		p.landLocked(part)
		l.takenLocked(part, now)
	case refused:
		p.refusedLocked(part, a, now)
	default:
		p.attemptFailedLocked(part, v, answerError(part, a), now)
	}
}

func answerError(part *partition, a *produce.ResponsePartition) error {
	err := fmt.Errorf("topic %s, partition %d: %w", part.topic.name, part.id, kafka.Error(a.ErrorCode))
	if a.ErrorMessage != "" {
		err = fmt.Errorf("%w: %s", err, a.ErrorMessage)
	}
	return err
}

// landLocked ends the attempt.
func (p *Producer) landLocked(part *partition) {
	part.flyer = nil
	part.batch.onWire = false
}

// takenLocked counts the batch as acknowledged and queues its messages for
// delivery.
func (l *lane) takenLocked(part *partition, now time.Time) {
	p, b := l.p, &part.batch
	p.lastTaken = now
	p.count.batches++
	p.count.records += uint64(b.count)
	p.count.bytes += uint64(len(b.buf))
	if part.most > 0 {
		part.topic.limit = max(part.topic.limit, b.size, minLimit)
		if part.most *= 2; part.most > 1<<12 {
			part.most = 0
		}
	}
	l.done = append(l.done, b.msgs...)
	p.releaseLocked(len(b.msgs))
	part.advance()
	part.stuck = false
	part.settled()
	b.clear()
	if part.idle() {
		part.soonest = time.Time{}
	}
}

// settled forgets the troubles of the last batch.
func (p *partition) settled() {
	p.attempts, p.retryAt = 0, time.Time{}
}

// refusedLocked finds the records that are at fault. Kafka names them for some
// codes; otherwise the batch goes again in halves until one record is alone.
func (p *Producer) refusedLocked(part *partition, a *produce.ResponsePartition, now time.Time) {
	b := &part.batch
	if b.doubt || b.abandoned {
		p.attemptFailedLocked(part, later, answerError(part, a), now)
		return
	}
	p.landLocked(part)
	p.noteLocked(answerError(part, a), now)
	culprits := named(a, len(b.msgs))
	if len(b.msgs) == 1 {
		culprits = []bool{true}
	}
	if culprits == nil {
		part.most = max(len(b.msgs)/2, 1)
		part.requeue(0)
		b.clear()
		part.settled()
		return
	}
	kept := b.msgs[:0]
	for i, m := range b.msgs {
		if culprits[i] {
			m.Err = refusal(part, m, a, i)
			p.releaseLocked(1)
			p.returnLocked(m)
			continue
		}
		kept = append(kept, m)
	}
	b.msgs = kept
	part.requeue(0)
	b.clear()
	part.settled()
}

// named returns which records the answer blames, nil if it blames none.
func named(a *produce.ResponsePartition, n int) []bool {
	var culprits []bool
	for _, e := range a.RecordErrors {
		if e.BatchIndex < 0 || int(e.BatchIndex) >= n {
			continue
		}
		if culprits == nil {
			culprits = make([]bool, n)
		}
		culprits[e.BatchIndex] = true
	}
	return culprits
}

func refusal(part *partition, m *Message, a *produce.ResponsePartition, i int) error {
	reason := a.ErrorMessage
	for _, e := range a.RecordErrors {
		if int(e.BatchIndex) == i && e.BatchIndexErrorMessage != "" {
			reason = e.BatchIndexErrorMessage
		}
	}
	switch {
	case kafka.Error(a.ErrorCode) == kafka.MessageSizeTooLarge, kafka.Error(a.ErrorCode) == kafka.RecordListTooLarge:
		reason = "it exceeds max.message.bytes of the topic"
	case reason == "":
		reason = kafka.Error(a.ErrorCode).Description()
	}
	return &RefusedError{
		Topic: part.topic.name, Partition: part.id, Bytes: m.payload(), Code: a.ErrorCode, Reason: reason,
	}
}

// attemptFailedLocked decides whether a batch is sent again, numbered anew or
// given up.
func (p *Producer) attemptFailedLocked(part *partition, v verdict, err error, now time.Time) {
	b := &part.batch
	p.landLocked(part)
	p.noteLocked(err, now)
	notify(p.kick)
	b.doubt = b.doubt || v == perhaps
	if b.abandoned {
		if v == renumber {
			part.spoil()
		}
		p.dropLocked(part)
		return
	}
	if v == renumber {
		if b.doubt {
			p.giveUpLocked(part, err)
			return
		}
		part.requeue(0)
		b.clear()
		part.spoil()
	}
	if part.stuck || !p.reachable || p.ctx.Err() != nil {
		p.giveUpLocked(part, err)
		return
	}
	part.attempts++
	part.retryAt = now.Add(backoff(part.attempts))
	if part.lane != nil {
		part.lane.wakeLocked()
	}
}

// dropLocked forgets a batch whose messages were delivered already. If it may
// have been written, the sequence is not known any more.
func (p *Producer) dropLocked(part *partition) {
	if part.batch.unknown() {
		part.spoil()
	}
	part.batch.clear()
	part.settled()
	if part.lane != nil && !part.idle() {
		part.lane.wakeLocked()
	}
}

// backoff doubles from firstBackoff to maxBackoff and is jittered downwards by
// up to a half.
func backoff(attempts int) time.Duration {
	d := min(firstBackoff<<min(attempts-1, 10), maxBackoff)
	return d/2 + rand.N(d/2+1)
}
