package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

const (
	acksAll = -1
	// maxRequestBytes bounds a request over many partitions, before compression;
	// brokers take 100 MiB by default (socket.request.max.bytes).
	maxRequestBytes = 16 << 20
	// answerGrace is how much longer than RequestTimeout we wait for an answer.
	answerGrace = time.Second
)

// errNoAnswer stands for a partition that the broker's answer left out.
var errNoAnswer = errors.New("the broker's answer left the partition out")

// lane is one leader's goroutine: it collects what waits for that broker, sends
// it as one request, settles the answer and begins again. Fields of the second
// group are guarded by the Producer's lock, those of the third are its own.
type lane struct {
	p    *Producer
	id   int32 // broker id
	wake chan struct{}

	addr   string
	parts  []*partition // led by the broker
	awake  bool         // it will collect again by itself
	hung   bool         // messages of the attempt in progress were given up
	gone   bool         // it leads nothing of ours any more
	line   *line        // nil while not connected
	hangup func()       // ends the connecting in progress

	turn    int // which of parts comes first
	flights []*partition
	request rawproduce.Request
	codec   compress.Codec
	scratch []byte
	done    []*Message
}

func (p *Producer) newLane(id int32, addr string) *lane {
	return &lane{
		p: p, id: id, addr: addr, wake: make(chan struct{}, 1),
		codec:   codecOf(p.cfg.Compression),
		request: rawproduce.Request{Acks: acksAll, Timeout: millis(p.cfg.RequestTimeout)},
	}
}

// run is the lane's goroutine.
func (l *lane) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		pause, ok := l.collect()
		if !ok {
			l.disconnect()
			return
		}
		if len(l.flights) > 0 {
			l.fly()
			continue
		}
		if pause > 0 {
			timer.Reset(pause)
		} else {
			timer.Stop()
		}
		select {
		case <-l.wake:
		case <-timer.C:
		case <-l.p.ctx.Done():
		}
	}
}

// wakeLocked makes the lane collect.
func (l *lane) wakeLocked() {
	if !l.awake {
		l.awake = true
		notify(l.wake)
	}
}

// collect takes every partition of the lane that has something to send into
// l.flights. With none it returns how long to wait for the next repeat, zero for
// "until woken". false ends the lane.
func (l *lane) collect() (time.Duration, bool) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.gone || p.ctx.Err() != nil {
		return 0, false
	}
	now := time.Now()
	var next time.Time
	room := maxRequestBytes
	l.flights = l.flights[:0]
	for i := range l.parts {
		part := l.parts[(l.turn+i)%len(l.parts)]
		if part.busy() || part.idle() {
			continue
		}
		if now.Before(part.retryAt) {
			if next.IsZero() || part.retryAt.Before(next) {
				next = part.retryAt
			}
			continue
		}
		if !p.loadLocked(part) {
			continue
		}
		part.flyer, part.flying = l, now
		l.flights = append(l.flights, part)
		if room -= part.batch.size; room <= 0 {
			l.turn += i + 1 // the others come first next time
			break
		}
	}
	l.awake = len(l.flights) > 0
	if next.IsZero() {
		return 0, true
	}
	return max(next.Sub(now), time.Millisecond), true
}

// loadLocked makes sure the partition has a batch to send; false if it must wait
// for a producer id.
func (p *Producer) loadLocked(part *partition) bool {
	if part.batch.active() {
		p.count.retries++
		return true
	}
	if !part.adopt(p.ident) {
		p.wanted = max(p.wanted, part.minGen)
		notify(p.kick)
		return false
	}
	limit := p.cfg.MaxBatchBytes
	if part.topic.limit > 0 {
		limit = min(limit, part.topic.limit)
	}
	part.cut(limit)
	return true
}

// fly sends l.flights and settles what comes of it.
func (l *lane) fly() {
	for _, part := range l.flights {
		if !part.batch.sealed {
			part.batch.encode(l.codec, &l.scratch)
		}
	}
	l.seal()
	line, err := l.connected()
	if err != nil {
		l.fail(fmt.Errorf("leader %d: %w", l.id, err), later)
		return
	}
	if !l.board() {
		return
	}
	_ = line.wire.SetDeadline(time.Now().Add(l.p.cfg.RequestTimeout + answerGrace))
	res, err := line.wire.RoundTrip(&l.request)
	if err != nil {
		l.disconnect()
		l.fail(fmt.Errorf("produce to leader %d at %s: %w", l.id, line.addr, err), perhaps)
		return
	}
	answer, ok := res.(*produce.Response)
	if !ok {
		l.disconnect()
		l.fail(fmt.Errorf("produce to leader %d at %s: answered with a %T", l.id, line.addr, res), perhaps)
		return
	}
	l.settle(answer)
}

// seal publishes the finished bytes to the sweeper.
func (l *lane) seal() {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	for _, part := range l.flights {
		part.batch.sealed = true
	}
}

// board writes the request from what was not given up while connecting, and
// marks that as on its way; false when nothing is left.
func (l *lane) board() bool {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	aboard := l.flights[:0]
	l.request.Topics = l.request.Topics[:0]
	for _, part := range l.flights {
		if part.batch.abandoned {
			p.landLocked(part)
			p.dropLocked(part)
			l.hung = false
			continue
		}
		part.batch.onWire = true
		aboard = append(aboard, part)
		l.addToRequest(part)
	}
	l.flights = aboard
	p.count.requests++
	return len(aboard) > 0
}

// addToRequest appends the partition's bytes, reusing the request's memory.
func (l *lane) addToRequest(part *partition) {
	r := &l.request
	at := -1
	for i := range r.Topics {
		if r.Topics[i].Topic == part.topic.name {
			at = i
		}
	}
	if at < 0 {
		at = len(r.Topics)
		if at < cap(r.Topics) {
			r.Topics = r.Topics[:at+1]
		} else {
			r.Topics = append(r.Topics, rawproduce.RequestTopic{})
		}
		r.Topics[at].Topic = part.topic.name
		r.Topics[at].Partitions = r.Topics[at].Partitions[:0]
	}
	b := &part.batch
	b.reader.Reset(b.buf)
	entry := rawproduce.RequestPartition{Partition: part.id}
	entry.RecordSet.Reader = &b.reader
	r.Topics[at].Partitions = append(r.Topics[at].Partitions, entry)
}

// connected returns the lane's connection, made now if there is none, if the
// broker moved or if its credentials run out.
func (l *lane) connected() (*line, error) {
	p := l.p
	p.mu.Lock()
	current, addr := l.line, l.addr
	p.mu.Unlock()
	if current != nil {
		if current.addr == addr && !current.expired() {
			return current, nil
		}
		l.disconnect()
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	p.mu.Lock()
	l.hangup = cancel
	p.mu.Unlock()
	fresh, err := p.open(ctx, addr)
	p.mu.Lock()
	l.hangup, l.line = nil, fresh
	p.mu.Unlock()
	return fresh, err
}

// disconnect closes the lane's connection.
func (l *lane) disconnect() {
	l.p.mu.Lock()
	old := l.line
	l.line = nil
	l.p.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// abortLocked makes the attempt in progress fail now.
func (l *lane) abortLocked() {
	if l.hangup != nil {
		l.hangup()
	}
	if l.line != nil {
		_ = l.line.wire.Close()
	}
}

// settle gives every partition of the request its part of the answer, then
// delivers what is in Kafka.
func (l *lane) settle(answer *produce.Response) {
	p := l.p
	now := time.Now()
	p.mu.Lock()
	for i := range answer.Topics {
		t := p.topicLocked(answer.Topics[i].Topic)
		for j := range answer.Topics[i].Partitions {
			a := &answer.Topics[i].Partitions[j]
			if t == nil || a.Partition < 0 || int(a.Partition) >= len(t.parts) || t.parts[a.Partition].flyer != l {
				continue
			}
			l.settlePartLocked(t.parts[a.Partition], a, now)
		}
	}
	for _, part := range l.flights {
		if part.flyer == l {
			p.attemptFailedLocked(part, perhaps, errNoAnswer, now)
		}
	}
	l.hung = false
	p.mu.Unlock()
	if len(l.done) > 0 {
		p.cfg.Deliver(l.done)
		clear(l.done)
		l.done = l.done[:0]
	}
}

// fail ends an attempt that got no answer.
func (l *lane) fail(err error, v verdict) {
	now := time.Now()
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	for _, part := range l.flights {
		l.p.attemptFailedLocked(part, v, err, now)
	}
	l.hung = false
}

func (p *Producer) topicLocked(name string) *topic {
	for _, t := range p.topics {
		if t.name == name {
			return t
		}
	}
	return nil
}

func millis(d time.Duration) int32 {
	return int32(min(d.Milliseconds(), 1<<30))
}
