package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

const (
	refreshEvery = 900 * time.Millisecond // leaders and partitions are never older
	refreshGap   = 20 * time.Millisecond  // between refreshes on demand
	probeFirst   = 250 * time.Millisecond // while down, doubling
	probeMost    = time.Second
	// downAfter is how long Kafka must have been silent, and in at least two
	// attempts, before messages are refused without trying.
	downAfter = 200 * time.Millisecond
	// controlTimeout bounds one question to one broker.
	controlTimeout = 2 * time.Second
)

// supervisor keeps up what the lanes need: who leads what, a producer id, and
// the verdict whether Kafka is there at all.
type supervisor struct {
	p    *Producer
	line *line // to any broker; nil while there is none
	next int   // which address to try

	failing  time.Time // since when, zero while all is well
	failures int
	pause    time.Duration // while down
}

// supervise is the supervisor's goroutine.
func (p *Producer) supervise() {
	s := &supervisor{p: p}
	defer s.hangUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for p.ctx.Err() == nil {
		reachErr, err := s.pass(p.ctx)
		if p.ctx.Err() != nil {
			return
		}
		now := time.Now()
		timer.Reset(s.judge(reachErr, err, now))
		kick := p.kick
		if s.pause > 0 {
			kick = nil // the probes have their own pace
		}
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		case <-kick:
			timer.Reset(max(refreshGap-time.Since(now), 0))
			select {
			case <-timer.C:
			case <-p.ctx.Done():
			}
		}
	}
}

// pass asks Kafka for everything once. reachErr means that nothing can be
// published, err that something is wrong besides.
func (s *supervisor) pass(ctx context.Context) (reachErr, err error) {
	res, reachErr := ask[*metadata.Response](ctx, s, &metadata.Request{TopicNames: s.p.cfg.topicNames()})
	if reachErr != nil {
		return reachErr, nil
	}
	missing, err := s.p.apply(res)
	if len(missing) > 0 {
		if cerr := s.create(ctx, missing, res); cerr != nil {
			err = cerr
		}
	}
	ierr := s.renewIdentity(ctx)
	if ierr != nil && !s.p.hasIdentity() {
		return ierr, nil
	}
	return nil, errors.Join(err, ierr)
}

func (p *Producer) hasIdentity() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ident.gen > 0
}

// renewIdentity takes a producer id if a partition waits for one. A broker
// that has just started answers code 14 for a moment; the next pass asks again.
func (s *supervisor) renewIdentity(ctx context.Context) error {
	p := s.p
	p.mu.Lock()
	needed := p.wanted > p.ident.gen
	p.mu.Unlock()
	if !needed {
		return nil
	}
	res, err := ask[*initproducerid.Response](ctx, s, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1})
	if err == nil && res.ErrorCode != 0 {
		err = kafka.Error(res.ErrorCode)
		if errors.Is(err, kafka.ClusterAuthorizationFailed) {
			err = fmt.Errorf("%w: grant IdempotentWrite on the cluster, or Write on the topics", err)
		}
	}
	if err != nil {
		return fmt.Errorf("taking a producer id: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ident = identity{id: res.ProducerID, epoch: res.ProducerEpoch, gen: p.ident.gen + 1}
	p.count.producers++
	p.wakeAllLocked()
	return nil
}

func (p *Producer) wakeAllLocked() {
	for _, l := range p.lanes {
		l.wakeLocked()
	}
}

// judge turns the outcome of a pass into the producer's state and returns how
// long to wait before the next.
func (s *supervisor) judge(reachErr, err error, now time.Time) time.Duration {
	p := s.p
	p.mu.Lock()
	var wait time.Duration
	if reachErr == nil {
		s.failing, s.failures, s.pause = time.Time{}, 0, 0
		if !p.reachable {
			p.reachable, p.downErr = true, nil
			p.forgiveLocked()
		}
		if wait = refreshEvery; err != nil || p.wanted > p.ident.gen {
			wait = probeFirst
		}
	} else {
		wait = s.failedLocked(reachErr, now)
		err = reachErr
	}
	switch {
	case err != nil:
		p.noteLocked(err, now)
	case p.lastErr != nil && now.Sub(p.lastErrAt) > 5*time.Second, errors.Is(p.lastErr, errStarted):
		p.lastErr = nil
	}
	changed := p.setUpLocked(now)
	status := Status{}
	if changed {
		status = p.statusLocked()
	}
	p.mu.Unlock()
	if changed {
		p.cfg.Notify(status)
	}
	return wait
}

// failedLocked counts a pass without an answer. Kafka is down after the second
// in a row, unless lanes get their acknowledgements meanwhile.
func (s *supervisor) failedLocked(err error, now time.Time) time.Duration {
	p := s.p
	if s.failing.IsZero() {
		s.failing = now
	}
	s.failures++
	if p.reachable {
		if s.failures < 2 || now.Sub(s.failing) < downAfter || p.lastTaken.After(s.failing) {
			return downAfter
		}
		p.goDownLocked(err)
	}
	p.downErr = fmt.Errorf("%w: %w", ErrUnavailable, err)
	s.pause = min(max(2*s.pause, probeFirst), probeMost)
	return s.pause
}

// goDownLocked refuses what waits and ends the attempts in progress.
func (p *Producer) goDownLocked(err error) {
	p.reachable = false
	p.giveUpAllLocked(fmt.Errorf("%w: %w", ErrUnavailable, err), fmt.Errorf("%w: %w", ErrUnknown, err))
	for _, l := range p.lanes {
		l.abortLocked()
	}
}

// forgiveLocked gives every partition a fresh start.
func (p *Producer) forgiveLocked() {
	for _, t := range p.topics {
		for _, part := range t.parts {
			part.stuck = false
		}
	}
	p.wakeAllLocked()
}

// setUpLocked computes Up anew and reports whether it changed.
func (p *Producer) setUpLocked(now time.Time) bool {
	up := p.reachable
	for _, t := range p.topics {
		up = up && len(t.parts) > 0
	}
	if up == p.up {
		return false
	}
	p.up, p.since = up, now
	close(p.changed)
	p.changed = make(chan struct{})
	return true
}

// ask sends one request to any broker, trying each known address once.
func ask[R protocol.Message](ctx context.Context, s *supervisor, req protocol.Message) (R, error) {
	var none R
	addrs := s.p.addresses()
	var first error
	for try := 0; try <= len(addrs) && ctx.Err() == nil; try++ {
		res, err := s.askLine(ctx, addrs, req)
		if err == nil {
			if r, ok := res.(R); ok {
				return r, nil
			}
			err = fmt.Errorf("answered a %T with a %T", req, res)
		}
		s.hangUp()
		if first == nil || try > 0 && errors.Is(first, errStale) {
			first = err
		}
	}
	if first == nil {
		first = ctx.Err()
	}
	return none, first
}

// errStale marks the failure of a connection that had worked before.
var errStale = errors.New("connection lost")

func (s *supervisor) askLine(ctx context.Context, addrs []string, req protocol.Message) (protocol.Message, error) {
	if s.line != nil && s.line.expired() {
		s.hangUp()
	}
	fresh := s.line == nil
	if fresh {
		addr := addrs[s.next%len(addrs)]
		s.next++
		l, err := s.p.open(ctx, addr)
		if err != nil {
			return nil, err
		}
		s.line = l
	}
	_ = s.line.wire.SetDeadline(time.Now().Add(controlTimeout))
	res, err := s.line.wire.RoundTrip(req)
	switch {
	case err == nil:
		return res, nil
	case fresh:
		return nil, advise(s.line.addr, err)
	}
	return nil, fmt.Errorf("broker %s: %w: %w", s.line.addr, errStale, err)
}

func (s *supervisor) hangUp() {
	if s.line != nil {
		s.line.close()
		s.line = nil
	}
}

// addresses lists the brokers the cluster told us about, then those of the
// configuration.
func (p *Producer) addresses() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	addrs := make([]string, 0, len(p.brokers)+len(p.cfg.Brokers))
	for _, a := range p.brokers {
		addrs = append(addrs, a)
	}
	slices.Sort(addrs)
	for _, a := range p.cfg.Brokers {
		if !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
