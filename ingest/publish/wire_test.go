package publish

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"

	"github.com/postbackhq/postback/ingest/journal"
)

// miniKafka is one broker with one topic on a real socket. It decodes what
// arrives with kafka-go's own types and keeps it, so producer and Tail meet the
// wire format without a Kafka.
type miniKafka struct {
	mu         sync.Mutex
	partitions int32
	records    map[int32][]protocol.Record
	fetchCodes []int16 // answered first, one a fetch
	start      int64
	perFetch   int
	fetches    int
	wrongKind  bool // answers fetches with something else
	offsetCode int16
	metaCode   int16
}

func (k *miniKafka) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		version, id, _, msg, err := protocol.ReadRequest(r)
		if err != nil {
			return
		}
		k.mu.Lock()
		res := k.answer(c, msg)
		k.mu.Unlock()
		if res == nil || protocol.WriteResponse(c, version, id, res) != nil {
			return
		}
	}
}

func (k *miniKafka) answer(c net.Conn, msg protocol.Message) protocol.Message {
	switch req := msg.(type) {
	case *apiversions.Request:
		res := &apiversions.Response{}
		for _, key := range []protocol.ApiKey{
			protocol.Produce, protocol.Fetch, protocol.ListOffsets, protocol.Metadata, protocol.InitProducerId,
		} {
			res.ApiKeys = append(res.ApiKeys, apiversions.ApiKeyResponse{ApiKey: int16(key), MaxVersion: key.MaxVersion()})
		}
		return res
	case *metadata.Request:
		return k.metadata(c, req)
	case *initproducerid.Request:
		return &initproducerid.Response{ProducerID: 7}
	case *produce.Request:
		return k.produce(req)
	case *listoffsets.Request:
		return k.offsets(req)
	case *fetch.Request:
		return k.fetch(req)
	}
	return nil
}

func (k *miniKafka) metadata(c net.Conn, req *metadata.Request) protocol.Message {
	addr := c.LocalAddr().(*net.TCPAddr)
	res := &metadata.Response{Brokers: []metadata.ResponseBroker{{NodeID: 1, Host: "127.0.0.1", Port: int32(addr.Port)}}}
	for _, name := range req.TopicNames {
		t := metadata.ResponseTopic{Name: name, ErrorCode: k.metaCode}
		if name != fakeTopic {
			t.ErrorCode = int16(kafka.UnknownTopicOrPartition)
		}
		for i := int32(0); t.ErrorCode == 0 && i < k.partitions; i++ {
			t.Partitions = append(t.Partitions, metadata.ResponsePartition{PartitionIndex: i, LeaderID: 1, ReplicaNodes: []int32{1}})
		}
		res.Topics = append(res.Topics, t)
	}
	return res
}

func (k *miniKafka) produce(req *produce.Request) protocol.Message {
	res := &produce.Response{}
	for _, t := range req.Topics {
		answer := produce.ResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			for {
				r, err := p.RecordSet.Records.ReadRecord()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					return nil
				}
				k.keep(p.Partition, r)
			}
			answer.Partitions = append(answer.Partitions, produce.ResponsePartition{Partition: p.Partition})
		}
		res.Topics = append(res.Topics, answer)
	}
	return res
}

// keep stores a record whose bytes are read again for every fetch.
func (k *miniKafka) keep(partition int32, r *protocol.Record) {
	key, _ := protocol.ReadAll(r.Key)
	value, _ := protocol.ReadAll(r.Value)
	k.records[partition] = append(k.records[partition], protocol.Record{
		Offset: int64(len(k.records[partition])), Time: r.Time,
		Key: protocol.NewBytes(key), Value: protocol.NewBytes(value), Headers: slices.Clone(r.Headers),
	})
}

func (k *miniKafka) offsets(req *listoffsets.Request) protocol.Message {
	res := &listoffsets.Response{Topics: []listoffsets.ResponseTopic{{Topic: fakeTopic}}}
	for _, p := range req.Topics[0].Partitions {
		a := listoffsets.ResponsePartition{Partition: p.Partition, ErrorCode: k.offsetCode}
		if a.Offset = k.start; p.Timestamp == latest {
			a.Offset = int64(len(k.records[p.Partition]))
		}
		res.Topics[0].Partitions = append(res.Topics[0].Partitions, a)
	}
	return res
}

func (k *miniKafka) fetch(req *fetch.Request) protocol.Message {
	k.fetches++
	if k.wrongKind {
		return nil
	}
	res := &fetch.Response{Topics: []fetch.ResponseTopic{{Topic: fakeTopic}}}
	for _, p := range req.Topics[0].Partitions {
		a := fetch.ResponsePartition{Partition: p.Partition, HighWatermark: int64(len(k.records[p.Partition]))}
		if len(k.fetchCodes) > 0 {
			a.ErrorCode, k.fetchCodes = k.fetchCodes[0], k.fetchCodes[1:]
		} else {
			a.RecordSet = k.batchFrom(p.Partition, p.FetchOffset)
		}
		res.Topics[0].Partitions = append(res.Topics[0].Partitions, a)
	}
	return res
}

// batchFrom renders up to perFetch records; kafka-go numbers them from zero, so
// they are sent one batch before the asked offset as Kafka may do.
func (k *miniKafka) batchFrom(partition int32, from int64) protocol.RecordSet {
	records := k.records[partition]
	if from >= int64(len(records)) {
		return protocol.RecordSet{}
	}
	var out []protocol.Record
	for i := range records[:min(int(from)+k.perFetch, len(records))] {
		r := records[i]
		key, _ := protocol.ReadAll(r.Key)
		value, _ := protocol.ReadAll(r.Value)
		_, _ = records[i].Key.(io.Seeker).Seek(0, io.SeekStart)
		_, _ = records[i].Value.(io.Seeker).Seek(0, io.SeekStart)
		r.Key, r.Value = protocol.NewBytes(key), protocol.NewBytes(value)
		out = append(out, r)
	}
	return protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(out...)}
}

// mini starts the broker and fills it through a real producer with n records
// over its partitions, record i at time i.
func mini(t *testing.T, k *miniKafka, n int) Config {
	t.Helper()
	k.partitions, k.perFetch, k.records = max(k.partitions, 1), max(k.perFetch, 1000), map[int32][]protocol.Record{}
	addr := listen(t, k.serve)
	c := newCollector()
	cfg := Config{Brokers: []string{addr}, Topics: []TopicConfig{{Name: fakeTopic}}, Replication: 1, Deliver: c.deliver}
	p := running(t, cfg)
	for i := range n {
		p.Send([]*Message{{Record: journal.Record{
			Time: int64(i + 1), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%d", i),
			Headers: journal.AppendHeaders(nil, journal.Header{Key: "h", Value: fmt.Appendf(nil, "v%d", i)}),
		}}})
	}
	for _, m := range c.wait(t, n) {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
	}
	return cfg
}

func TestRecordsCrossTheWireUnchanged(t *testing.T) {
	k := &miniKafka{partitions: 3, perFetch: 7}
	const n = 100
	cfg := mini(t, k, n)
	i := 0
	err := Tail(t.Context(), cfg, fakeTopic, false, func(f Fetched) bool {
		if string(f.Value) != fmt.Sprint(i) || string(f.Key) != fmt.Sprint("k", i) || f.Time != int64(i+1) ||
			f.Topic != fakeTopic || len(f.Headers) != 1 || string(f.Headers[0].Value) != fmt.Sprint("v", i) {
			t.Fatalf("record %d came back as %+v", i, f)
		}
		if want := positiveHash(f.Key) % 3; f.Partition != want {
			t.Fatalf("record %d lies in partition %d, not %d", i, f.Partition, want)
		}
		i++
		return true
	})
	if err != nil || i != n {
		t.Fatalf("%d records, %v", i, err)
	}
}

func TestTailSurvivesLeaderErrors(t *testing.T) {
	k := &miniKafka{partitions: 2}
	cfg := mini(t, k, 20)
	k.mu.Lock()
	k.fetchCodes = []int16{int16(kafka.NotLeaderForPartition), int16(kafka.OffsetOutOfRange)}
	k.mu.Unlock()
	seen := 0
	if err := Tail(t.Context(), cfg, fakeTopic, false, func(Fetched) bool { seen++; return true }); err != nil || seen != 20 {
		t.Fatalf("%d records, %v", seen, err)
	}
}

func TestTailEndsWhereTheTopicEndedAtItsCall(t *testing.T) {
	k := &miniKafka{partitions: 1, perFetch: 5}
	cfg := mini(t, k, 20)
	seen := 0
	err := Tail(t.Context(), cfg, fakeTopic, false, func(Fetched) bool {
		k.mu.Lock()
		k.keep(0, &protocol.Record{Key: protocol.NewBytes([]byte("late")), Value: protocol.NewBytes([]byte("late"))})
		k.mu.Unlock()
		seen++
		return true
	})
	if err != nil || seen != 20 {
		t.Fatalf("%d records, %v", seen, err)
	}
}

func TestTailStopsWhenToldTo(t *testing.T) {
	k := &miniKafka{partitions: 2}
	cfg := mini(t, k, 20)
	for _, follow := range []bool{false, true} {
		seen := 0
		if err := Tail(t.Context(), cfg, fakeTopic, follow, func(Fetched) bool { seen++; return seen < 5 }); err != nil || seen != 5 {
			t.Fatalf("follow %v: %d records, %v", follow, seen, err)
		}
	}
}

func TestTailFollowsUntilItsContextEnds(t *testing.T) {
	k := &miniKafka{partitions: 1}
	cfg := mini(t, k, 3)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := Tail(ctx, cfg, fakeTopic, true, func(f Fetched) bool {
		if seen++; seen == 3 {
			k.mu.Lock()
			k.keep(0, &protocol.Record{Key: protocol.NewBytes([]byte("k")), Value: protocol.NewBytes([]byte("late"))})
			k.mu.Unlock()
		}
		if string(f.Value) == "late" {
			cancel()
		}
		return true
	})
	if err != nil || seen != 4 {
		t.Fatalf("%d records, %v", seen, err)
	}
}

func TestTailOfNothingEndsAtOnce(t *testing.T) {
	cfg := mini(t, &miniKafka{partitions: 4}, 0)
	if err := Tail(t.Context(), cfg, fakeTopic, false, func(Fetched) bool { t.Error("a record"); return false }); err != nil {
		t.Fatal(err)
	}
}

func TestTailSaysWhyItCannotRead(t *testing.T) {
	f := func(name, topic, want string, spoil func(*miniKafka)) {
		t.Helper()
		k := &miniKafka{partitions: 1}
		cfg := mini(t, k, 3)
		k.mu.Lock()
		spoil(k)
		k.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		err := Tail(ctx, cfg, topic, false, func(Fetched) bool { return true })
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), topic) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	f("missing topic", "elsewhere", "it does not exist", func(*miniKafka) {})
	f("no rights", fakeTopic, "Topic Authorization Failed", func(k *miniKafka) { k.metaCode = 29 })
	f("no offsets", fakeTopic, "offsets of partition 0", func(k *miniKafka) { k.offsetCode = 78 })
	f("hangs up", fakeTopic, "check credentials", func(k *miniKafka) { k.wrongKind = true })
	cfg := Config{Brokers: []string{"127.0.0.1:1"}}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := Tail(ctx, cfg, fakeTopic, false, nil); err == nil {
		t.Error("no broker, no error")
	}
}
