// Package publish carries records to Kafka.
//
// It is the only importer of kafka-go, and of that library it uses the protocol
// package: one connection to each broker that leads partitions of ours, owned by
// one goroutine, the lane. A lane sends one request at a time with everything
// that waits for its leader, so whatever arrives during a round trip goes out
// together with the next one. There is no linger time to tune.
//
// It promises: a message is delivered exactly once with its result; nil means
// that all in-sync replicas have it; messages of one partition are written in
// the order in which they were sent, across repeats and leader moves; a repeat
// is the very same bytes with the same producer id and sequence, so the broker
// stores it once; one slow leader holds up nobody else's partitions; memory is
// bounded by Config.MaxQueued and the batches in flight.
//
// It refuses: to block a sender, to queue while Kafka is known to be down, to
// write without an acknowledgement, to guess. "Perhaps written" has an error of
// its own.
//
// Neither Writer nor Transport of kafka-go is used. The Writer repeats without
// idempotence, the Transport hides failed metadata refreshes, cannot refresh on
// demand, sends a request for a producer id through the transaction coordinator
// (which then needs rights and an internal topic), and cannot say whether a
// failed request had left.
//
// Files: message.go and config.go are the sender's side; partition.go and
// batch.go what waits and what is sent; lane.go, answer.go one leader's way;
// cluster.go, topics.go what Kafka tells about itself; sweep.go deadlines and
// failures; connect.go, scram.go the connection; tail.go, check.go the readers.
package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Results that need no detail are made once, so that refusing costs nothing.
var (
	errFull    = fmt.Errorf("%w: the queue is full (MaxQueued)", ErrUnavailable)
	errClosed  = fmt.Errorf("%w: the producer is closed", ErrUnavailable)
	errMissing = fmt.Errorf("%w: the topic does not exist or is not known yet", ErrUnavailable)
	errNoLead  = fmt.Errorf("%w: the partition has no reachable leader", ErrUnavailable)
	errLate    = fmt.Errorf("%w: the deadline passed before it could be sent", ErrUnavailable)
	errBehind  = fmt.Errorf("%w: an earlier record of its partition was given up", ErrUnavailable)
	errLost    = fmt.Errorf("%w: the deadline passed before an answer came", ErrUnknown)
	errStopped = fmt.Errorf("%w: the producer was closed before an answer came", ErrUnknown)
	errStarted = errors.New("publish: not connected yet")
)

// Producer publishes records. All its methods may be called concurrently.
type Producer struct {
	cfg  Config
	dial dialer

	mu       sync.Mutex
	topics   []*topic
	lanes    map[int32]*lane  // by broker id, exactly the present leaders
	brokers  map[int32]string // id to host:port, as advertised
	held     int              // messages queued or in a batch, not delivered yet
	returns  []*Message       // failures on their way to Deliver, in order
	sweeping bool             // the sweeper is awake
	closed   bool

	reachable bool  // Kafka answers and we hold a producer id
	downErr   error // ErrUnavailable with the reason; what Send answers while not reachable
	up        bool
	since     time.Time
	changed   chan struct{} // closed and replaced when up changes
	emptied   chan struct{} // told when held becomes 0
	lastErr   error
	lastErrAt time.Time
	lastTaken time.Time // a batch was acknowledged
	missed    time.Time // a topic was first seen to be missing
	warnings  map[string]string
	count     counters

	ident  identity // the newest producer id
	wanted uint32   // identity generation somebody waits for

	kick   chan struct{} // wakes the supervisor
	attend chan struct{} // wakes the sweeper
	stop   context.CancelFunc
	ctx    context.Context // of all goroutines; set by Start
	wg     sync.WaitGroup
}

// New returns a producer for a configuration that Validate accepts. It connects
// to nothing; an unreachable Kafka is a state, not an error.
func New(cfg Config) *Producer {
	cfg = cfg.withDefaults()
	return newProducer(cfg, cfg.connect)
}

func newProducer(cfg Config, dial dialer) *Producer {
	p := &Producer{
		cfg: cfg, dial: dial,
		lanes: make(map[int32]*lane), brokers: make(map[int32]string), warnings: make(map[string]string),
		changed: make(chan struct{}), emptied: make(chan struct{}, 1),
		kick: make(chan struct{}, 1), attend: make(chan struct{}, 1),
		since: time.Now(), lastErr: errStarted, wanted: 1,
	}
	p.downErr = fmt.Errorf("%w: %w", ErrUnavailable, errStarted)
	for i, t := range cfg.Topics {
		p.topics = append(p.topics, &topic{name: t.Name, index: i})
	}
	return p
}

// Start begins to connect, in the background. The end of ctx stops everything
// hard; Close must be called all the same, it hands back what is left. Start is
// called once.
func (p *Producer) Start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx != nil {
		panic("BUG: publish: Start called twice")
	}
	if p.closed {
		return
	}
	p.ctx, p.stop = context.WithCancel(ctx)
	p.wg.Go(p.supervise)
	p.wg.Go(p.sweep)
}

// Send hands messages to their lanes and returns without waiting. Each message
// comes back through Deliver exactly once, with its result in Err; those that
// cannot even be queued come back with ErrUnavailable at once. Messages of one
// partition keep the order of their Send. The slice is the caller's again when
// Send returns, the messages are not.
//
// After Close the messages are delivered on the caller's own goroutine.
func (p *Producer) Send(batch []*Message) {
	for _, m := range batch {
		m.Err = nil
		m.Partition = positiveHash(m.Record.Key)
	}
	p.mu.Lock()
	for _, m := range batch {
		p.enqueueLocked(m)
	}
	gone := p.closed && p.ctx == nil
	p.mu.Unlock()
	if gone {
		p.deliverReturns()
	}
}

// enqueueLocked puts m behind its partition or hands it back. Until here
// m.Partition holds the hash of the key.
func (p *Producer) enqueueLocked(m *Message) {
	if int(m.Record.Topic) >= len(p.topics) {
		m.Partition = -1
		m.Err = &RefusedError{Partition: -1, Bytes: m.payload(), Reason: fmt.Sprintf(
			"it names topic number %d, there are %d", m.Record.Topic, len(p.topics))}
		p.returnLocked(m)
		return
	}
	t := p.topics[m.Record.Topic]
	var part *partition
	if n := int32(len(t.parts)); n > 0 {
		m.Partition %= n
		part = t.parts[m.Partition]
	} else {
		m.Partition = -1
	}
	if m.Err = p.refusalLocked(part); m.Err != nil {
		p.returnLocked(m)
		return
	}
	part.push(m)
	p.held++
	if !p.sweeping {
		p.sweeping = true
		notify(p.attend)
	}
	if part.lane != nil {
		part.lane.wakeLocked()
	}
}

// refusalLocked says why a message for part cannot be queued now; nil if it can.
func (p *Producer) refusalLocked(part *partition) error {
	switch {
	case p.closed:
		return errClosed
	case !p.reachable && (part == nil || part.empty()):
		return p.downErr
	case part == nil:
		return errMissing
	case part.shut():
		return errNoLead
	case p.held >= p.cfg.MaxQueued:
		return errFull
	}
	return nil
}

// Partition returns the partition a key of a topic goes to, as the Java client
// would choose it; false while the topic's partitions are not known.
func (p *Producer) Partition(topic uint8, key []byte) (int32, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(topic) >= len(p.topics) || len(p.topics[topic].parts) == 0 {
		return -1, false
	}
	n := int32(len(p.topics[topic].parts))
	return positiveHash(key) % n, true
}

// WaitUp returns nil once the producer is Up, or an error wrapping that of ctx
// and the reason why it is not.
func (p *Producer) WaitUp(ctx context.Context) error {
	for {
		p.mu.Lock()
		up, changed := p.up, p.changed
		p.mu.Unlock()
		if up {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			reason := p.Status().Err
			if reason == nil {
				reason = errStarted
			}
			return fmt.Errorf("publish: kafka is not up: %w (%w)", reason, ctx.Err())
		}
	}
}

// Close refuses new messages, waits for those held until they are settled or ctx
// ends, then hands the rest back as ErrUnavailable or ErrUnknown, closes all
// connections and waits for its goroutines. It returns an error that says how
// many were handed back unsettled, if any. A second call does nothing.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	started := p.ctx != nil
	p.mu.Unlock()
	if started {
		p.awaitEmpty(ctx)
	}
	p.mu.Lock()
	before := p.count.unsent + p.count.unknown
	p.giveUpAllLocked(errClosed, errStopped)
	p.mu.Unlock()
	if started {
		p.stop()
		p.wg.Wait()
	}
	p.mu.Lock()
	p.giveUpAllLocked(errClosed, errStopped)
	left := p.count.unsent + p.count.unknown - before
	p.ctx = nil
	p.mu.Unlock()
	p.deliverReturns()
	if left > 0 {
		return fmt.Errorf("publish: closed with %d messages not acknowledged, they were handed back", left)
	}
	return nil
}

// awaitEmpty returns when nothing is held or nothing more can come.
func (p *Producer) awaitEmpty(ctx context.Context) {
	for {
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held == 0 {
			return
		}
		select {
		case <-p.emptied:
		case <-ctx.Done():
			return
		case <-p.ctx.Done():
			return
		}
	}
}

// notify wakes whoever waits on a channel of capacity one; a pending wake-up is
// enough.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
