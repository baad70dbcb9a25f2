package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// Sizes that bound a record and a call.
const (
	// MaxRecord is the limit of one record in bytes: key, value, headers and
	// meta with about 30 bytes of framing.
	MaxRecord = 16 << 20
	// MaxAppend is the limit of the records of one Append together, in bytes.
	MaxAppend = 256 << 20
)

// Layout of segments and frames; doc.go describes it.
const (
	segmentMagic   = "pbjournl"
	segmentVersion = 1
	headerBytes    = 36   // magic, version, base, salt, reserved, CRC
	dataStart      = 4096 // a bad block takes the header or frames, not both

	frameHead  = 20 // CRC, length, tag, index
	flagFirst  = 1 << 31
	flagLast   = 1 << 30
	flagSeal   = 1 << 29
	lengthMask = flagSeal - 1

	payloadHead = 10 // topic, flags, time
	nilKey      = 1
	nilValue    = 2
)

// segmentHeader is what identifies a segment.
type segmentHeader struct {
	version    uint32
	base, salt uint64
}

// append encodes the header to dst.
func (h segmentHeader) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, h.version)
	dst = binary.LittleEndian.AppendUint64(dst, h.base)
	dst = binary.LittleEndian.AppendUint64(dst, h.salt)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[start:]))
}

// parseSegmentHeader reports false for anything but a header written by append.
func parseSegmentHeader(b []byte) (h segmentHeader, ok bool) {
	if len(b) < headerBytes || string(b[:8]) != segmentMagic ||
		binary.LittleEndian.Uint32(b[32:]) != checksum(b[:32]) {
		return h, false
	}
	h.version = binary.LittleEndian.Uint32(b[8:])
	h.base = binary.LittleEndian.Uint64(b[12:])
	h.salt = binary.LittleEndian.Uint64(b[20:])
	return h, true
}

// checksum is CRC-32C (Castagnoli), which processors compute themselves.
func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// frameHeader is a frame's head without its CRC.
type frameHeader struct {
	length uint32 // payload bytes
	flags  uint32
	seq    uint64
	index  uint32
}

// bytes is the length of the whole frame.
func (h frameHeader) bytes() int64 { return frameHead + int64(h.length) }

// group is the sequence number of the first record of the frame's group.
func (h frameHeader) group() uint64 { return h.seq - uint64(h.index) }

// parseFrameHeader reports false for a head no writer made; the CRC is not
// looked at. b has at least frameHead bytes.
func parseFrameHeader(b []byte, salt uint64) (h frameHeader, ok bool) {
	word := binary.LittleEndian.Uint32(b[4:])
	h.length = word & lengthMask
	h.flags = word &^ lengthMask
	h.seq = binary.LittleEndian.Uint64(b[8:]) ^ salt
	h.index = binary.LittleEndian.Uint32(b[16:])
	if h.flags&flagSeal != 0 {
		return h, h.length == 0 && h.flags == flagSeal && h.index == 0
	}
	return h, h.length > payloadHead && h.length <= MaxRecord && uint64(h.index) <= h.seq
}

// intact reports whether frame, head and payload, matches its CRC.
func intact(frame []byte) bool {
	return binary.LittleEndian.Uint32(frame) == checksum(frame[4:])
}

// finishFrame fills in what is known only when the frame is about to be written.
func finishFrame(frame []byte, seq, salt uint64, index uint32) {
	binary.LittleEndian.PutUint64(frame[8:], seq^salt)
	binary.LittleEndian.PutUint32(frame[16:], index)
	binary.LittleEndian.PutUint32(frame, checksum(frame[4:]))
}

// appendSeal appends a finished seal frame; next is the number that would follow.
func appendSeal(dst []byte, next, salt uint64) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameHead)...)
	binary.LittleEndian.PutUint32(dst[start+4:], flagSeal)
	finishFrame(dst[start:], next, salt, 0)
	return dst
}

// payloadSize is the length of r's payload.
func payloadSize(r *Record) int64 {
	return payloadHead + uvarintSize(len(r.Key)) + uvarintSize(len(r.Meta)) + uvarintSize(len(r.Headers)) +
		int64(len(r.Key)) + int64(len(r.Meta)) + int64(len(r.Headers)) + int64(len(r.Value))
}

func uvarintSize(n int) int64 {
	size := int64(1)
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// appendFrame appends a frame whose tag, index and CRC finishFrame fills in.
func appendFrame(dst []byte, r *Record, flags uint32) []byte {
	start := len(dst)
	var head [frameHead + payloadHead]byte
	head[frameHead] = r.Topic
	if r.Key == nil {
		head[frameHead+1] |= nilKey
	}
	if r.Value == nil {
		head[frameHead+1] |= nilValue
	}
	binary.LittleEndian.PutUint64(head[frameHead+2:], uint64(r.Time))
	dst = append(dst, head[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(r.Key)))
	dst = binary.AppendUvarint(dst, uint64(len(r.Meta)))
	dst = binary.AppendUvarint(dst, uint64(len(r.Headers)))
	dst = append(dst, r.Key...)
	dst = append(dst, r.Meta...)
	dst = append(dst, r.Headers...)
	dst = append(dst, r.Value...)
	length := uint32(len(dst) - start - frameHead)
	binary.LittleEndian.PutUint32(dst[start+4:], length|flags)
	return dst
}

// parsePayload splits a payload; r's slices are parts of p. False means that no
// writer made it.
func parsePayload(p []byte) (r Record, ok bool) {
	if len(p) < payloadHead {
		return r, false
	}
	r.Topic = p[0]
	flags := p[1]
	r.Time = int64(binary.LittleEndian.Uint64(p[2:]))
	p = p[payloadHead:]
	var sizes [3]uint64
	for i := range sizes {
		size, n := binary.Uvarint(p)
		if n <= 0 || size > MaxRecord {
			return r, false
		}
		sizes[i], p = size, p[n:]
	}
	if sizes[0]+sizes[1]+sizes[2] > uint64(len(p)) {
		return r, false
	}
	r.Key, p = cut(p, sizes[0])
	r.Meta, p = cut(p, sizes[1])
	r.Headers, p = cut(p, sizes[2])
	r.Value = p[:len(p):len(p)]
	r.Key = present(r.Key, flags&nilKey == 0)
	r.Value = present(r.Value, flags&nilValue == 0)
	r.Meta = present(r.Meta, len(r.Meta) != 0)
	r.Headers = present(r.Headers, len(r.Headers) != 0)
	return r, true
}

// cut splits b; the first part cannot grow into the second.
func cut(b []byte, n uint64) (first, rest []byte) { return b[:n:n], b[n:] }

// present returns b, or nil for a field that was nil.
func present(b []byte, is bool) []byte {
	if is {
		return b
	}
	return nil
}
