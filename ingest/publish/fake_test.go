package publish

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// attempt is one batch as a broker received it.
type attempt struct {
	broker    int32
	partition int32
	bytes     string // the whole record set
	pid       int64
	seq       int32
	values    []string
}

// fault says what a broker does with an attempt instead of the usual.
type fault struct {
	code   int16
	apply  bool // store it although code says otherwise or the answer is lost
	drop   bool // close the connection instead of answering
	hang   bool // never answer
	blamed []int32
}

// cluster behaves like Kafka as far as a producer can see: leaders, producer
// ids, sequences with duplicates recognised and gaps refused, logs.
type cluster struct {
	mu         sync.Mutex
	alive      map[int32]bool
	frozen     map[int32]bool // accepts nothing and answers nothing
	leaders    map[string][]int32
	told       map[string][]int32 // what metadata says, if it differs
	logs       map[int32][]string // values by partition, of the first topic
	last       map[string][2]int32
	nextPID    int64
	pidCodes   []int16
	maxBytes   int
	created    []createtopics.RequestTopic
	attempts   []attempt
	fault      func(n int, a attempt) *fault
	dialed     int
	openWires  int
	createCode int16
	lifetime   time.Duration    // of a connection's credentials, zero for ever
	hosts      map[int32]string // other than b<id>
}

const fakeTopic = "events"

// newCluster has brokers 1 to n and one topic whose partitions they lead in
// turn.
func newCluster(brokers, partitions int) *cluster {
	c := &cluster{
		alive: map[int32]bool{}, frozen: map[int32]bool{}, leaders: map[string][]int32{},
		told: map[string][]int32{}, logs: map[int32][]string{}, last: map[string][2]int32{},
	}
	for i := range brokers {
		c.alive[int32(i+1)] = true
	}
	for i := range partitions {
		c.leaders[fakeTopic] = append(c.leaders[fakeTopic], int32(i%brokers+1))
	}
	return c
}

// do changes the cluster.
func (c *cluster) do(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cluster) log(partition int32) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.logs[partition]...)
}

func (c *cluster) seen() []attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]attempt(nil), c.attempts...)
}

func (c *cluster) dial(ctx context.Context, addr string) (wire, time.Time, error) {
	host, _, _ := net.SplitHostPort(addr)
	var id int32
	_, _ = fmt.Sscanf(host, "b%d", &id)
	c.mu.Lock()
	alive, frozen := c.alive[id], c.frozen[id]
	c.dialed++
	c.mu.Unlock()
	if frozen {
		<-ctx.Done()
		return nil, time.Time{}, advise(addr, ctx.Err())
	}
	if !alive {
		return nil, time.Time{}, advise(addr, syscall.ECONNREFUSED)
	}
	c.do(func() { c.openWires++ })
	var until time.Time
	if c.lifetime > 0 {
		until = time.Now().Add(c.lifetime)
	}
	return &fakeWire{c: c, id: id, closed: make(chan struct{})}, until, nil
}

// fakeWire is a connection to one broker of a cluster.
type fakeWire struct {
	c        *cluster
	id       int32
	once     sync.Once
	closed   chan struct{}
	mu       sync.Mutex
	deadline time.Time
}

func (w *fakeWire) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = t
	return nil
}

func (w *fakeWire) Close() error {
	w.once.Do(func() {
		close(w.closed)
		w.c.do(func() { w.c.openWires-- })
	})
	return nil
}

func (w *fakeWire) hang() error {
	w.mu.Lock()
	timer := time.NewTimer(time.Until(w.deadline))
	w.mu.Unlock()
	defer timer.Stop()
	select {
	case <-w.closed:
		return net.ErrClosed
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

func (w *fakeWire) RoundTrip(msg protocol.Message) (protocol.Message, error) {
	w.c.mu.Lock()
	alive, frozen := w.c.alive[w.id], w.c.frozen[w.id]
	w.c.mu.Unlock()
	select {
	case <-w.closed:
		return nil, net.ErrClosed
	default:
	}
	if !alive {
		return nil, io.EOF
	}
	if frozen {
		return nil, w.hang()
	}
	switch req := msg.(type) {
	case *metadata.Request:
		return w.c.metadata(req), nil
	case *initproducerid.Request:
		return w.c.producerID(), nil
	case *createtopics.Request:
		return w.c.create(req), nil
	case *rawproduce.Request:
		return w.produce(req)
	}
	return nil, fmt.Errorf("the fake cannot answer a %T", msg)
}

func (c *cluster) metadata(req *metadata.Request) *metadata.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	res := &metadata.Response{ControllerID: 1}
	for id := range c.alive {
		host := fmt.Sprintf("b%d", id)
		if other, ok := c.hosts[id]; ok {
			host = other
		}
		res.Brokers = append(res.Brokers, metadata.ResponseBroker{NodeID: id, Host: host, Port: 9092})
	}
	for _, name := range req.TopicNames {
		t := metadata.ResponseTopic{Name: name}
		leaders, ok := c.leaders[name]
		if told, differs := c.told[name]; differs {
			leaders = told
		}
		if !ok {
			t.ErrorCode = int16(kafka.UnknownTopicOrPartition)
		}
		for i, leader := range leaders {
			t.Partitions = append(t.Partitions, metadata.ResponsePartition{
				PartitionIndex: int32(i), LeaderID: leader, ReplicaNodes: []int32{leader},
			})
		}
		res.Topics = append(res.Topics, t)
	}
	return res
}

func (c *cluster) producerID() *initproducerid.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pidCodes) > 0 {
		code := c.pidCodes[0]
		c.pidCodes = c.pidCodes[1:]
		return &initproducerid.Response{ErrorCode: code, ProducerID: -1, ProducerEpoch: -1}
	}
	c.nextPID++
	return &initproducerid.Response{ProducerID: 1000 + c.nextPID}
}

func (c *cluster) create(req *createtopics.Request) *createtopics.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	res := &createtopics.Response{}
	for _, t := range req.Topics {
		c.created = append(c.created, t)
		if c.createCode == 0 {
			for i := range t.NumPartitions {
				c.leaders[t.Name] = append(c.leaders[t.Name], i%int32(len(c.alive))+1)
			}
		}
		res.Topics = append(res.Topics, createtopics.ResponseTopic{Name: t.Name, ErrorCode: c.createCode})
	}
	return res
}

func (w *fakeWire) produce(req *rawproduce.Request) (protocol.Message, error) {
	if req.Acks != -1 {
		return nil, errors.New("acks is not all")
	}
	res := &produce.Response{}
	hang, drop := false, false
	for _, t := range req.Topics {
		answer := produce.ResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			raw, err := io.ReadAll(p.RecordSet.Reader)
			if err != nil {
				return nil, fmt.Errorf("reading a batch: %w", err)
			}
			a, err := parseAttempt(raw)
			if err != nil {
				return nil, err
			}
			a.broker, a.partition = w.id, p.Partition
			f := w.c.receive(t.Topic, a)
			hang, drop = hang || f.hang, drop || f.drop
			part := produce.ResponsePartition{Partition: p.Partition, ErrorCode: f.code}
			for _, i := range f.blamed {
				part.RecordErrors = append(part.RecordErrors, produce.ResponseError{BatchIndex: i, BatchIndexErrorMessage: "blamed"})
			}
			answer.Partitions = append(answer.Partitions, part)
		}
		res.Topics = append(res.Topics, answer)
	}
	switch {
	case hang:
		return nil, w.hang()
	case drop:
		_ = w.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return res, nil
}

// receive applies one batch the way a leader does.
func (c *cluster) receive(topic string, a attempt) fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, a)
	f := fault{apply: true}
	if c.fault != nil {
		if injected := c.fault(len(c.attempts), a); injected != nil {
			f = *injected
		}
	}
	if !f.apply {
		return f
	}
	code := c.append(topic, a)
	if f.code == 0 {
		f.code = code
	}
	return f
}

func (c *cluster) append(topic string, a attempt) int16 {
	if leaders := c.leaders[topic]; int(a.partition) >= len(leaders) || leaders[a.partition] != a.broker {
		return int16(kafka.NotLeaderForPartition)
	}
	if c.maxBytes > 0 && len(a.bytes)-4 > c.maxBytes {
		return int16(kafka.MessageSizeTooLarge)
	}
	key := fmt.Sprintf("%s/%d/%d", topic, a.partition, a.pid)
	last, known := c.last[key]
	n := int32(len(a.values))
	switch {
	case known && last == [2]int32{a.seq, n}:
		return 0 // seen: the old offset is answered, nothing is stored
	case known && a.seq != nextSequence(last[0], last[1]):
		return int16(kafka.OutOfOrderSequenceNumber)
	}
	c.last[key] = [2]int32{a.seq, n}
	c.logs[a.partition] = append(c.logs[a.partition], a.values...)
	return 0
}

// parseAttempt decodes a record set with kafka-go's own reader, which checks the
// checksum.
func parseAttempt(raw []byte) (attempt, error) {
	if len(raw) < setSize+batchHeader || int(binary.BigEndian.Uint32(raw)) != len(raw)-setSize {
		return attempt{}, fmt.Errorf("a record set of %d bytes has the wrong size", len(raw))
	}
	a := attempt{bytes: string(raw)}
	a.pid = int64(binary.BigEndian.Uint64(raw[setSize+atProducerID:]))
	a.seq = int32(binary.BigEndian.Uint32(raw[setSize+atBaseSequence:]))
	records, err := decodeSet(raw)
	if err != nil {
		return attempt{}, err
	}
	for _, r := range records {
		a.values = append(a.values, string(r.Value))
	}
	if int(binary.BigEndian.Uint32(raw[setSize+atCount:])) != len(a.values) {
		return attempt{}, fmt.Errorf("the header counts other than %d records", len(a.values))
	}
	return a, nil
}

func decodeSet(raw []byte) ([]Fetched, error) {
	var set protocol.RecordSet
	if _, err := set.ReadFrom(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+1)); err != nil {
		return nil, fmt.Errorf("kafka-go cannot read the batch: %w", err)
	}
	part := &tailPart{}
	tail := &tailer{follow: true}
	err := tail.decode(part, set.Records)
	return part.buffered, err
}

// onCluster returns a producer of the cluster that has been started, with what
// it delivers.
func onCluster(t *testing.T, c *cluster, cfg Config) (*Producer, *results) {
	t.Helper()
	cfg.Brokers = []string{"b1:9092"}
	if cfg.Topics == nil {
		cfg.Topics = []TopicConfig{{Name: fakeTopic}}
	}
	cfg.Replication = max(cfg.Replication, 1)
	r := &results{at: map[*Message]time.Time{}}
	cfg.Deliver = r.deliver
	p := newProducer(cfg.withDefaults(), c.dial)
	p.Start(context.Background())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx)
		c.do(func() {
			if c.openWires != 0 {
				t.Errorf("%d connections are still open after Close", c.openWires)
			}
		})
	})
	return p, r
}

// results checks that nothing is delivered twice.
type results struct {
	mu    sync.Mutex
	order []*Message
	at    map[*Message]time.Time
	twice []string
}

func (r *results) deliver(batch []*Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range batch {
		if _, ok := r.at[m]; ok {
			r.twice = append(r.twice, string(m.Record.Value))
		}
		r.at[m] = time.Now()
		r.order = append(r.order, m)
	}
}

// of returns when m was delivered; false if it was not.
func (r *results) of(m *Message) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.at[m]
	return at, ok
}
