package publish

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postbackhq/postback/ingest/journal"
)

func encoded(msgs []*Message, c Compression, ident identity, seq int32) *batch {
	b := &batch{msgs: msgs, count: int32(len(msgs)), ident: ident, seq: seq}
	var scratch []byte
	b.encode(codecOf(c), &scratch)
	return b
}

func drawRecord(t *rapid.T) journal.Record {
	r := journal.Record{
		Time:  rapid.Int64Range(0, 1<<42).Draw(t, "time"),
		Key:   rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key"),
		Value: rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "value"),
	}
	if rapid.Bool().Draw(t, "no key") {
		r.Key = nil
	}
	var headers []journal.Header
	for i := range rapid.IntRange(0, 4).Draw(t, "headers") {
		headers = append(headers, journal.Header{Key: fmt.Sprint("h", i), Value: []byte{byte(i)}})
	}
	if headers != nil || rapid.Bool().Draw(t, "explicit empty headers") {
		r.Headers = journal.AppendHeaders(nil, headers...)
	}
	return r
}

func TestKafkaGoReadsBackEveryBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var msgs []*Message
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			msgs = append(msgs, &Message{Record: drawRecord(t)})
		}
		codec := rapid.SampledFrom([]Compression{None, LZ4, Zstd}).Draw(t, "codec")
		b := encoded(msgs, codec, identity{id: 77, epoch: 3, gen: 1}, 123)
		got, err := decodeSet(b.buf)
		if err != nil || len(got) != len(msgs) {
			t.Fatalf("%d of %d records, %v", len(got), len(msgs), err)
		}
		for i, f := range got {
			r := msgs[i].Record
			if f.Time != r.Time || !bytes.Equal(f.Key, r.Key) || (f.Key == nil) != (r.Key == nil) ||
				!bytes.Equal(f.Value, r.Value) || f.Value == nil || f.Offset != int64(i) {
				t.Fatalf("record %d: %+v came back as %+v", i, r, f)
			}
			var headers []Header
			_ = journal.ParseHeaders(r.Headers, func(k, v []byte) { headers = append(headers, Header{string(k), v}) })
			if !slices.EqualFunc(headers, f.Headers, func(a, b Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }) {
				t.Fatalf("record %d: headers %v came back as %v", i, headers, f.Headers)
			}
		}
	})
}

func TestBatchHeaderFields(t *testing.T) {
	msgs := []*Message{
		{Record: journal.Record{Time: 1000, Value: []byte("a")}},
		{Record: journal.Record{Time: 5000, Value: []byte("b")}},
		{Record: journal.Record{Time: 400, Value: []byte("c")}},
	}
	b := encoded(msgs, None, identity{id: 0x0102030405060708, epoch: 9, gen: 1}, 0x0a0b0c0d)
	h := b.buf[setSize:]
	be := binary.BigEndian
	f := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %d, want %d", what, got, want)
		}
	}
	f("size", int64(be.Uint32(b.buf)), int64(len(h)))
	f("length", int64(be.Uint32(h[8:])), int64(len(h)-12))
	f("leader epoch", int64(int32(be.Uint32(h[12:]))), -1)
	f("magic", int64(h[16]), 2)
	f("crc", int64(be.Uint32(h[17:])), int64(crc32.Checksum(h[21:], crc32.MakeTable(crc32.Castagnoli))))
	f("attributes", int64(be.Uint16(h[21:])), 0)
	f("last offset delta", int64(be.Uint32(h[23:])), 2)
	f("first timestamp", int64(be.Uint64(h[27:])), 1000)
	f("max timestamp", int64(be.Uint64(h[35:])), 5000)
	f("producer id", int64(be.Uint64(h[43:])), 0x0102030405060708)
	f("epoch", int64(be.Uint16(h[51:])), 9)
	f("base sequence", int64(be.Uint32(h[53:])), 0x0a0b0c0d)
	f("count", int64(be.Uint32(h[57:])), 3)
}

func TestEncodingTwiceGivesTheSameBytes(t *testing.T) {
	msgs := numbered(50, 5)
	for _, c := range []Compression{None, LZ4, Zstd} {
		a, b := encoded(msgs, c, identity{id: 1, gen: 1}, 7), encoded(msgs, c, identity{id: 1, gen: 1}, 7)
		if !bytes.Equal(a.buf, b.buf) {
			t.Errorf("%s: the bytes differ", c)
		}
	}
}

func TestCompressionShrinksTextAndSkipsNoise(t *testing.T) {
	text := numbered(200, 5)
	noise := []*Message{{Record: journal.Record{Value: []byte("x")}}}
	for _, c := range []Compression{LZ4, Zstd} {
		plainSize := len(encoded(text, None, identity{}, 0).buf)
		b := encoded(text, c, identity{}, 0)
		if len(b.buf) >= plainSize*3/4 {
			t.Errorf("%s: %d bytes of %d", c, len(b.buf), plainSize)
		}
		attributes := binary.BigEndian.Uint16(b.buf[setSize+atAttributes:])
		if want := map[Compression]uint16{LZ4: 3, Zstd: 4}[c]; attributes != want {
			t.Errorf("%s: attributes %d, want %d", c, attributes, want)
		}
		if a := binary.BigEndian.Uint16(encoded(noise, c, identity{}, 0).buf[setSize+atAttributes:]); a != 0 {
			t.Errorf("%s: one byte was compressed", c)
		}
	}
}

func TestSequenceWrapsLikeTheBrokers(t *testing.T) {
	f := func(seq, count, want int32) {
		t.Helper()
		if got := nextSequence(seq, count); got != want {
			t.Errorf("%d + %d = %d, want %d", seq, count, got, want)
		}
	}
	f(0, 1, 1)
	f(14, 10, 24)
	f(math.MaxInt32, 1, 0)
	f(math.MaxInt32-1, 1, math.MaxInt32)
	f(math.MaxInt32-3, 10, 6)
}

func TestVarintSizeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		if got, want := varintSize(v), len(binary.AppendVarint(nil, v)); got != want {
			t.Fatalf("varintSize(%d) = %d, want %d", v, got, want)
		}
	})
}

func TestMessageSizeIsNeverTooSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Message{Record: drawRecord(t)}
		delta := rapid.Int64().Draw(t, "delta")
		if wireSize := len(appendRecord(nil, &m.Record, delta, math.MaxInt32)); wireSize > m.size() {
			t.Fatalf("%d bytes on the wire, size says %d", wireSize, m.size())
		}
	})
}

func TestRequeueKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		p := &partition{topic: &topic{}}
		var want []*Message
		for range n {
			m := &Message{Record: journal.Record{Value: make([]byte, rapid.IntRange(0, 50).Draw(t, "size"))}}
			want = append(want, m)
			p.push(m)
		}
		p.most = rapid.IntRange(0, 10).Draw(t, "most")
		p.cut(rapid.IntRange(1, 2000).Draw(t, "max"))
		cut := len(p.batch.msgs)
		keep := rapid.IntRange(0, cut).Draw(t, "keep")
		if p.most > 0 && cut > p.most || int(p.batch.count) != cut || cut == 0 {
			t.Fatalf("cut %d, most %d", cut, p.most)
		}
		p.requeue(keep)
		if got := slices.Concat(p.batch.msgs, p.queue); !slices.Equal(got, want) {
			t.Fatalf("the order changed")
		}
	})
}

func TestFailedCodesAreSorted(t *testing.T) {
	f := func(code int16, want verdict) {
		t.Helper()
		if got := judge(code); got != want {
			t.Errorf("code %d is %d, want %d", code, got, want)
		}
	}
	for _, code := range []int16{0, 46} {
		f(code, taken)
	}
	for _, code := range []int16{10, 18, 32, 87} {
		f(code, refused)
	}
	for _, code := range []int16{45, 47, 59, 90} {
		f(code, renumber)
	}
	for _, code := range []int16{19, 29, 31} {
		f(code, later)
	}
	for _, code := range []int16{-1, 3, 6, 7, 13, 20, 56, 1234} {
		f(code, perhaps)
	}
}
