package publish

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest/journal"
)

func benchBatch(n int) *batch {
	b := &batch{ident: identity{id: 1, gen: 1}, count: int32(n)}
	for i := range n {
		b.msgs = append(b.msgs, &Message{Record: journal.Record{
			Time: 1_700_000_000_000 + int64(i), Key: []byte("GqxV3nTo|impact|1234567890"),
			Value:   bytes.Repeat([]byte("v"), 300),
			Headers: journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: []byte("0190a0b0-c0d0-8e00-9f00-a0b0c0d0e0f0")}),
		}})
	}
	return b
}

func TestEncodingAllocatesNothingOnceWarm(t *testing.T) {
	b := benchBatch(100)
	var scratch []byte
	b.encode(nil, &scratch)
	if n := testing.AllocsPerRun(100, func() { b.encode(nil, &scratch) }); n != 0 {
		t.Errorf("%v allocations for a batch of 100", n)
	}
}

func TestSendAllocatesNothingOnceWarm(t *testing.T) {
	p := New(Config{Brokers: []string{"127.0.0.1:1"}, Topics: []TopicConfig{{Name: "t"}}})
	p.reachable = true
	part := &partition{topic: p.topics[0], lane: &lane{wake: make(chan struct{}, 1)}}
	p.topics[0].parts = []*partition{part}
	m := []*Message{message("a", "m")}
	send := func() {
		p.Send(m)
		part.cut(1 << 20)
		part.batch.clear()
		p.held = 0
	}
	send()
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations to queue one message", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		for _, codec := range []Compression{None, LZ4} {
			b.Run(fmt.Sprintf("%s/%d", codec, n), func(b *testing.B) {
				batch := benchBatch(n)
				var scratch []byte
				b.ReportAllocs()
				for b.Loop() {
					batch.encode(codecOf(codec), &scratch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
			})
		}
	}
}

// BenchmarkProduce has callers that each wait for their own acknowledgement, the
// shape of the service.
func BenchmarkProduce(b *testing.B) {
	for _, callers := range []int{1, 256, 1024} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			cfg, _ := realConfig(b, 6)
			cfg.Deliver = func(batch []*Message) {
				for _, m := range batch {
					if m.Err != nil {
						b.Error(m.Err)
					}
					m.User.(chan struct{}) <- struct{}{}
				}
			}
			p := running(b, cfg)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					ack := make(chan struct{}, 1)
					m := benchBatch(1).msgs[0]
					m.Record.Key = fmt.Appendf(nil, "caller-%d", c)
					m.User = ack
					m.Deadline = time.Now().Add(time.Minute)
					for range b.N/callers + 1 {
						p.Send([]*Message{m})
						<-ack
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
