package journal

import (
	"encoding/binary"
	"errors"
)

// Record is one Kafka record to be. Its slices belong to the caller: Append
// copies them, and Read lends its own for the length of one call.
//
// A nil Key or Value is kept apart from an empty one, because Kafka keeps them
// apart (a nil value is a tombstone). Empty Headers and Meta come back as nil.
type Record struct {
	// Topic says which topic; the number's meaning belongs to the caller.
	Topic uint8
	// Time is the record's timestamp in milliseconds since the Unix epoch.
	Time int64
	// Key and Value are the record's, byte for byte.
	Key, Value []byte
	// Headers is the header list in the wire form of Kafka's message format
	// v2, ready to copy into a record: see AppendHeaders. Empty means none,
	// where the wire form of none is one zero byte.
	Headers []byte
	// Meta travels with the record and is opaque to the journal.
	Meta []byte
}

// Header is one header of a record. A nil Value is Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// errHeaders is returned by ParseHeaders for bytes that are no header list.
var errHeaders = errors.New("journal: record headers are malformed: expected a varint count and that many length-prefixed pairs")

// AppendHeaders appends the header list to dst as Kafka's message format v2
// writes it (Apache Kafka documentation, "Message Format"): a zigzag varint
// count, then for each header the varint length of the key, the key, the varint
// length of the value (-1 for null) and the value.
func AppendHeaders(dst []byte, h ...Header) []byte {
	dst = binary.AppendVarint(dst, int64(len(h)))
	for i := range h {
		dst = binary.AppendVarint(dst, int64(len(h[i].Key)))
		dst = append(dst, h[i].Key...)
		if h[i].Value == nil {
			dst = binary.AppendVarint(dst, -1)
			continue
		}
		dst = binary.AppendVarint(dst, int64(len(h[i].Value)))
		dst = append(dst, h[i].Value...)
	}
	return dst
}

// ParseHeaders calls f for every header of a list written by AppendHeaders, in
// order; the slices are parts of b, and value is nil for null. An empty b is an
// empty list. After an error f may have seen the headers before the fault.
func ParseHeaders(b []byte, f func(key, value []byte)) error {
	if len(b) == 0 {
		return nil
	}
	count, n := binary.Varint(b)
	if n <= 0 || count < 0 {
		return errHeaders
	}
	b = b[n:]
	for ; count > 0; count-- {
		key, rest, ok := cutSized(b)
		if !ok || key == nil {
			return errHeaders
		}
		value, rest, ok := cutSized(rest)
		if !ok {
			return errHeaders
		}
		f(key, value)
		b = rest
	}
	if len(b) != 0 {
		return errHeaders
	}
	return nil
}

// cutSized splits a varint-sized field off b; the field is nil for size -1.
func cutSized(b []byte) (field, rest []byte, ok bool) {
	size, n := binary.Varint(b)
	switch {
	case n <= 0 || size < -1 || size > int64(len(b)-n):
		return nil, nil, false
	case size == -1:
		return nil, b[n:], true
	}
	end := n + int(size)
	return b[n:end:end], b[end:], true
}
