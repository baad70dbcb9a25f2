package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Header is one record header as read back. Value is nil for Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// Fetched is one record read back. Its slices belong to the receiver.
type Fetched struct {
	Topic      string
	Partition  int32
	Offset     int64
	Time       int64 // the record's timestamp, milliseconds since the epoch
	Key, Value []byte
	Headers    []Header
}

const (
	earliest = -2 // ListOffsets timestamps (Apache Kafka protocol guide)
	latest   = -1

	fetchWait      = 250 * time.Millisecond
	fetchBytes     = 8 << 20
	partitionBytes = 1 << 20
	tailRetries    = 20
	tailPause      = 250 * time.Millisecond
	// emptyFetches in a row, below the end, mean that the records cannot be read.
	emptyFetches = 40
)

// Tail reads a whole topic from its beginning and calls fn for every record,
// from one goroutine, until fn returns false. Within a partition records come in
// offset order; across partitions the one with the earliest timestamp comes
// first, as far as both are at hand. It ends where the topic ended when it was
// called, or with follow goes on until ctx ends, which then is not an error.
// Leader moves and lost connections are survived; a topic that does not exist is
// an error. Of cfg it uses what concerns connecting; fn may take its time.
func Tail(ctx context.Context, cfg Config, topic string, follow bool, fn func(Fetched) bool) error {
	t := &tailer{cfg: cfg.withDefaults(), topic: topic, follow: follow, wires: make(map[string]wire)}
	defer t.close()
	err := t.run(ctx, fn)
	if err == nil || follow && ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("publish: reading topic %s: %w", topic, err)
}

// tailer is one call of Tail.
type tailer struct {
	cfg    Config
	topic  string
	follow bool
	wires  map[string]wire // by address
	parts  []*tailPart
	ready  bool // the ends are known
}

// tailPart is the reading position in one partition.
type tailPart struct {
	id        int32
	leader    string // address, empty while there is none
	next, end int64  // end as it was when Tail began
	empty     int
	buffered  []Fetched
}

// lacking reports whether the merge must wait for the partition.
func (p *tailPart) lacking() bool { return len(p.buffered) == 0 && p.next < p.end }

func (t *tailer) run(ctx context.Context, fn func(Fetched) bool) error {
	failures := 0
	for {
		err := t.step(ctx)
		if err == nil {
			failures = 0
		} else {
			var gone *missingTopicError
			if failures++; errors.As(err, &gone) || ctx.Err() != nil || !t.follow && failures > tailRetries {
				return err
			}
			t.close()
			if perr := pause(ctx, tailPause); perr != nil {
				return fmt.Errorf("%w (%w)", err, perr)
			}
			continue
		}
		if !t.emit(fn) || !t.follow && t.finished() {
			return nil
		}
	}
}

// missingTopicError says that there is nothing to read.
type missingTopicError struct{ topic string }

func (e *missingTopicError) Error() string { return "it does not exist" }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// step locates the leaders if needed, then fetches for every partition whose
// buffer is empty.
func (t *tailer) step(ctx context.Context) error {
	if len(t.wires) == 0 {
		if err := t.locate(ctx); err != nil {
			return err
		}
	}
	if !t.ready {
		for _, when := range []int64{earliest, latest} {
			if err := t.bounds(ctx, when); err != nil {
				return err
			}
		}
		t.ready = true
	}
	leaders := t.leaders()
	for _, addr := range leaders {
		if err := t.fetch(ctx, addr, fetchWait/time.Duration(len(leaders))); err != nil {
			return err
		}
	}
	return nil
}

// leaders lists the addresses that owe us records.
func (t *tailer) leaders() []string {
	var addrs []string
	seen := make(map[string]bool)
	for _, p := range t.parts {
		if wanted := len(p.buffered) == 0 && (t.follow || p.lacking()); wanted && !seen[p.leader] {
			seen[p.leader] = true
			addrs = append(addrs, p.leader)
		}
	}
	return addrs
}

func (t *tailer) finished() bool {
	for _, p := range t.parts {
		if p.lacking() || len(p.buffered) > 0 {
			return false
		}
	}
	return true
}

// locate asks the first broker that answers who leads what.
func (t *tailer) locate(ctx context.Context) error {
	var errs []error
	for _, addr := range t.cfg.Brokers {
		msg, err := t.ask(ctx, addr, &metadata.Request{TopicNames: []string{t.topic}})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		res, ok := msg.(*metadata.Response)
		if !ok {
			return fmt.Errorf("broker %s answered metadata with a %T", addr, msg)
		}
		return t.place(res)
	}
	return errors.Join(errs...)
}

func (t *tailer) place(res *metadata.Response) error {
	told := topicIn(res, t.topic)
	if kafka.Error(told.ErrorCode) == kafka.UnknownTopicOrPartition {
		return &missingTopicError{topic: t.topic}
	}
	if told.ErrorCode != 0 {
		return kafka.Error(told.ErrorCode)
	}
	brokers := make(map[int32]string)
	for _, b := range res.Brokers {
		brokers[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	known := make(map[int32]*tailPart)
	for _, p := range t.parts {
		known[p.id] = p
	}
	for _, tp := range told.Partitions {
		p := known[tp.PartitionIndex]
		if p == nil {
			p = &tailPart{id: tp.PartitionIndex}
			t.parts = append(t.parts, p)
		}
		if p.leader = brokers[tp.LeaderID]; p.leader == "" {
			return fmt.Errorf("partition %d has no leader", p.id)
		}
	}
	return nil
}

// ask sends one request to the broker at addr.
func (t *tailer) ask(ctx context.Context, addr string, req protocol.Message) (protocol.Message, error) {
	w := t.wires[addr]
	if w == nil {
		dctx, cancel := context.WithTimeout(ctx, t.cfg.DialTimeout)
		defer cancel()
		var err error
		if w, _, err = t.cfg.connect(dctx, addr); err != nil {
			return nil, err
		}
		t.wires[addr] = w
	}
	_ = w.SetDeadline(time.Now().Add(t.cfg.RequestTimeout))
	unhook := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer unhook()
	res, err := w.RoundTrip(req)
	if err != nil {
		_ = w.Close()
		delete(t.wires, addr)
		return nil, advise(addr, err)
	}
	return res, nil
}

// bounds asks every leader for the first or the last offsets.
func (t *tailer) bounds(ctx context.Context, when int64) error {
	byLeader := make(map[string][]listoffsets.RequestPartition)
	for _, p := range t.parts {
		byLeader[p.leader] = append(byLeader[p.leader],
			listoffsets.RequestPartition{Partition: p.id, CurrentLeaderEpoch: -1, Timestamp: when})
	}
	for addr, parts := range byLeader {
		msg, err := t.ask(ctx, addr, &listoffsets.Request{
			ReplicaID: -1, Topics: []listoffsets.RequestTopic{{Topic: t.topic, Partitions: parts}},
		})
		if err != nil {
			return err
		}
		res, ok := msg.(*listoffsets.Response)
		if !ok || len(res.Topics) != 1 {
			return fmt.Errorf("broker %s answered offsets with a %T", addr, msg)
		}
		for _, a := range res.Topics[0].Partitions {
			if a.ErrorCode != 0 {
				return fmt.Errorf("offsets of partition %d: %w", a.Partition, kafka.Error(a.ErrorCode))
			}
			if p := t.part(a.Partition); p != nil && when == earliest {
				p.next = max(p.next, a.Offset)
			} else if p != nil {
				p.end = a.Offset
			}
		}
	}
	return nil
}

func (t *tailer) part(id int32) *tailPart {
	for _, p := range t.parts {
		if p.id == id {
			return p
		}
	}
	return nil
}

// fetch reads what the leader at addr has for partitions with an empty buffer.
func (t *tailer) fetch(ctx context.Context, addr string, wait time.Duration) error {
	var parts []fetch.RequestPartition
	for _, p := range t.parts {
		if p.leader == addr && len(p.buffered) == 0 && (t.follow || p.lacking()) {
			parts = append(parts, fetch.RequestPartition{
				Partition: p.id, CurrentLeaderEpoch: -1, FetchOffset: p.next,
				LogStartOffset: -1, PartitionMaxBytes: partitionBytes,
			})
		}
	}
	msg, err := t.ask(ctx, addr, &fetch.Request{
		ReplicaID: -1, MaxWaitTime: millis(wait), MinBytes: 1, MaxBytes: fetchBytes, SessionID: 0, SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{Topic: t.topic, Partitions: parts}},
	})
	if err != nil {
		return err
	}
	res, ok := msg.(*fetch.Response)
	if !ok {
		return fmt.Errorf("broker %s answered a fetch with a %T", addr, msg)
	}
	if res.ErrorCode != 0 {
		return fmt.Errorf("broker %s: %w", addr, kafka.Error(res.ErrorCode))
	}
	for i := range res.Topics {
		for j := range res.Topics[i].Partitions {
			if err := t.take(&res.Topics[i].Partitions[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// take moves one partition's answer into its buffer.
func (t *tailer) take(a *fetch.ResponsePartition) error {
	p := t.part(a.Partition)
	if p == nil {
		return nil
	}
	switch code := kafka.Error(a.ErrorCode); {
	case code == kafka.OffsetOutOfRange:
		t.ready = false // retention took the records before we came
		return nil
	case code != 0:
		return fmt.Errorf("partition %d: %w", p.id, code)
	}
	before := p.next
	if err := t.decode(p, a.RecordSet.Records); err != nil {
		return fmt.Errorf("partition %d at offset %d: %w", p.id, p.next, err)
	}
	if p.empty++; p.next > before {
		p.empty = 0
	}
	if p.empty > emptyFetches && p.next < p.end {
		return fmt.Errorf("partition %d: nothing comes at offset %d, the end is %d", p.id, p.next, p.end)
	}
	return nil
}

// decode reads every batch, skipping markers of transactions.
func (t *tailer) decode(p *tailPart, records protocol.RecordReader) error {
	batches := []protocol.RecordReader{records}
	if s, ok := records.(*protocol.RecordStream); ok {
		batches = s.Records
	}
	for _, batch := range batches {
		_, control := batch.(*protocol.ControlBatch)
		for batch != nil {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("decoding records: %w", err)
			}
			if err := t.keep(p, r, control); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep buffers a copy of r unless it is not for us.
func (t *tailer) keep(p *tailPart, r *protocol.Record, control bool) error {
	key, err := readAll(r.Key)
	if err != nil {
		return err
	}
	value, err := readAll(r.Value)
	if err != nil {
		return err
	}
	if r.Offset < p.next || !t.follow && r.Offset >= p.end {
		return nil
	}
	p.next = r.Offset + 1
	if control {
		return nil
	}
	f := Fetched{
		Topic: t.topic, Partition: p.id, Offset: r.Offset, Time: r.Time.UnixMilli(), Key: key, Value: value,
	}
	for _, h := range r.Headers {
		f.Headers = append(f.Headers, Header{Key: h.Key, Value: h.Value})
	}
	p.buffered = append(p.buffered, f)
	return nil
}

func readAll(b protocol.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	defer func() { _ = b.Close() }()
	all, err := protocol.ReadAll(b)
	if err != nil {
		return nil, fmt.Errorf("decoding a record: %w", err)
	}
	return all, nil
}

// emit hands on what can be merged; false when fn has had enough.
func (t *tailer) emit(fn func(Fetched) bool) bool {
	for {
		var first *tailPart
		for _, p := range t.parts {
			if p.lacking() {
				return true
			}
			if len(p.buffered) > 0 && (first == nil || p.buffered[0].Time < first.buffered[0].Time) {
				first = p
			}
		}
		if first == nil {
			return true
		}
		f := first.buffered[0]
		first.buffered[0] = Fetched{}
		if first.buffered = first.buffered[1:]; len(first.buffered) == 0 {
			first.buffered = nil
		}
		if !fn(f) {
			return false
		}
	}
}

func (t *tailer) close() {
	for addr, w := range t.wires {
		_ = w.Close()
		delete(t.wires, addr)
	}
}
