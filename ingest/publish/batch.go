package publish

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"time"

	"github.com/segmentio/kafka-go/compress"

	"github.com/postbackhq/postback/ingest/journal"
)

// Offsets inside a record batch of magic 2 (Apache Kafka documentation, "Record
// Batch"), counted from the batch; in our buffer the size of the record set
// comes first, without which kafka-go's raw produce writes a request no broker
// can read.
const (
	setSize        = 4
	atLength       = 8
	atLeaderEpoch  = 12
	atMagic        = 16
	atCRC          = 17
	atAttributes   = 21
	atLastDelta    = 23
	atFirstTime    = 27
	atMaxTime      = 35
	atProducerID   = 43
	atEpoch        = 51
	atBaseSequence = 53
	atCount        = 57
	batchHeader    = 61

	magicV2 = 2
	// maxRecordOverhead is what a record needs besides key, value and headers:
	// five varints at their longest, attributes, an empty header list.
	maxRecordOverhead = 5*binary.MaxVarintLen32 + binary.MaxVarintLen64 + 2
)

// castagnoli is read-only.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// identity is a producer id as a broker handed it out. gen counts ours from 1;
// zero means none.
type identity struct {
	id    int64
	epoch int16
	gen   uint32
}

// batch is what one partition sends at once. While its partition is flying and
// the batch is not sealed it belongs to the lane alone; otherwise the Producer's
// lock guards it. buf is never touched while sealed, so a repeat sends the very
// same bytes.
type batch struct {
	msgs     []*Message // to be delivered; empty once given up
	deadline time.Time  // the earliest of msgs, zero for none
	buf      []byte     // size of the record set, then the batch
	reader   bytes.Reader
	ident    identity
	seq      int32 // of the first record
	count    int32
	size     int // at most, before compression

	sealed    bool // buf is complete
	onWire    bool // an attempt has begun and not ended
	doubt     bool // an earlier attempt may have been written
	abandoned bool // msgs were delivered while the lane was busy with it
}

// active reports whether there is a batch that is not settled.
func (b *batch) active() bool { return b.count > 0 }

// unknown reports whether the batch may be in Kafka.
func (b *batch) unknown() bool { return b.doubt || b.onWire }

// clear forgets the batch and keeps its memory.
func (b *batch) clear() {
	clear(b.msgs)
	b.msgs, b.buf = b.msgs[:0], b.buf[:0]
	b.deadline, b.ident, b.seq, b.count, b.size = time.Time{}, identity{}, 0, 0, 0
	b.sealed, b.onWire, b.doubt, b.abandoned = false, false, false, false
}

// encode renders msgs. scratch is the lane's, for records before compression.
// The result is a pure function of the messages, the identity and the sequence.
func (b *batch) encode(codec compress.Codec, scratch *[]byte) {
	buf := append(b.buf[:0], emptyBatch[:]...)
	first, latest := b.msgs[0].Record.Time, int64(math.MinInt64)
	for i, m := range b.msgs {
		buf = appendRecord(buf, &m.Record, m.Record.Time-first, int64(i))
		latest = max(latest, m.Record.Time)
	}
	attributes := int16(0)
	if codec != nil {
		var ok bool
		if buf, ok = compressRecords(buf, codec, scratch); ok {
			attributes = int16(codec.Code())
		}
	}
	b.buf = buf
	h := buf[setSize:]
	put16, put32, put64 := binary.BigEndian.PutUint16, binary.BigEndian.PutUint32, binary.BigEndian.PutUint64
	put32(buf, uint32(len(h)))
	put32(h[atLength:], uint32(len(h)-atLength-4))
	put32(h[atLeaderEpoch:], math.MaxUint32) // -1: any leader
	h[atMagic] = magicV2
	put16(h[atAttributes:], uint16(attributes))
	put32(h[atLastDelta:], uint32(b.count-1))
	put64(h[atFirstTime:], uint64(first))
	put64(h[atMaxTime:], uint64(latest))
	put64(h[atProducerID:], uint64(b.ident.id))
	put16(h[atEpoch:], uint16(b.ident.epoch))
	put32(h[atBaseSequence:], uint32(b.seq))
	put32(h[atCount:], uint32(b.count))
	put32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
}

// emptyBatch is the room for size and header.
var emptyBatch [setSize + batchHeader]byte

// appendRecord appends one record in wire form.
func appendRecord(dst []byte, r *journal.Record, timeDelta, offsetDelta int64) []byte {
	headers := len(r.Headers)
	if headers == 0 {
		headers = 1
	}
	keySize := int64(len(r.Key))
	if r.Key == nil {
		keySize = -1
	}
	size := 1 + varintSize(timeDelta) + varintSize(offsetDelta) +
		varintSize(keySize) + len(r.Key) + varintSize(int64(len(r.Value))) + len(r.Value) + headers
	dst = binary.AppendVarint(dst, int64(size))
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timeDelta)
	dst = binary.AppendVarint(dst, offsetDelta)
	dst = binary.AppendVarint(dst, keySize)
	dst = append(dst, r.Key...)
	dst = binary.AppendVarint(dst, int64(len(r.Value)))
	dst = append(dst, r.Value...)
	if len(r.Headers) == 0 {
		return append(dst, 0)
	}
	return append(dst, r.Headers...)
}

// varintSize is the length of the zigzag varint of v.
func varintSize(v int64) int {
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// compressRecords replaces the records behind the header by their compressed
// form, if that is smaller; otherwise buf stays and false is returned.
func compressRecords(buf []byte, codec compress.Codec, scratch *[]byte) ([]byte, bool) {
	records := buf[setSize+batchHeader:]
	out := sliceWriter{buf: (*scratch)[:0]}
	w := codec.NewWriter(&out)
	_, err := w.Write(records)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	*scratch = out.buf
	if err != nil || len(out.buf) >= len(records) {
		return buf, false
	}
	return append(buf[:setSize+batchHeader], out.buf...), true
}

// sliceWriter appends and never fails.
type sliceWriter struct{ buf []byte }

var _ io.Writer = (*sliceWriter)(nil)

// Write appends b.
func (w *sliceWriter) Write(b []byte) (int, error) {
	w.buf = append(w.buf, b...)
	return len(b), nil
}

// codecOf returns nil for no compression.
func codecOf(c Compression) compress.Codec {
	switch c {
	case LZ4:
		return compress.Lz4.Codec()
	case Zstd:
		return compress.Zstd.Codec()
	}
	return nil
}
