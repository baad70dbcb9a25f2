package publish

import (
	"errors"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"github.com/postbackhq/postback/ingest/journal"
)

// ErrUnavailable is the result of a message that is surely not in Kafka:
// Kafka is down, the queue is full, its partition had no reachable leader by
// the deadline, or the producer is closed. Results wrap it together with the
// reason, so test for it with errors.Is.
var ErrUnavailable = errors.New("publish: kafka is unavailable, the record was not written")

// ErrUnknown is the result of a message whose request was sent and whose answer
// never came or said "perhaps": it may be in Kafka or not. Sending it again may
// store a second copy, which consumers recognise by the event id. Test for it
// with errors.Is.
var ErrUnknown = errors.New("publish: outcome unknown, the record may have been written")

// RefusedError is the result of a record that Kafka will never take as it is:
// too large, or invalid for the topic. Other records of its batch are not
// touched by it. The record must be set aside, not retried.
type RefusedError struct {
	Topic     string // the topic's name, empty when Record.Topic names none
	Partition int32
	Bytes     int    // key, value and headers, so that "too large" can be judged
	Code      int16  // Kafka's error code, 0 when the producer itself refused
	Reason    string // one line, says what to change
}

// Error says which topic refused the record and why.
func (e *RefusedError) Error() string {
	if e.Code == 0 {
		return "publish: record refused: " + e.Reason
	}
	return fmt.Sprintf("publish: topic %s, partition %d refused a record of %d bytes: %s (%s, code %d)",
		e.Topic, e.Partition, e.Bytes, e.Reason, kafka.Error(e.Code).Title(), e.Code)
}

// Message is one record on its way and, once delivered, its result.
//
// It belongs to the Producer from Send until Deliver: nobody else may touch it
// or the memory of its Record in between. Afterwards it belongs to the receiver
// of Deliver and may be used again.
type Message struct {
	// Record is what is published. Key nil is a null key; an absent Value is
	// written as an empty one, never as a tombstone; Headers are in wire form.
	// Meta is not published.
	Record journal.Record
	// Deadline is when the sender stops waiting. Until then a failed attempt is
	// repeated; zero means for as long as Kafka is up and the producer open.
	Deadline time.Time
	// Partition is filled by Send from Record.Key; -1 when it could not be known.
	Partition int32
	// Err is the result, valid inside and after Deliver: nil (acknowledged by
	// all in-sync replicas), ErrUnavailable, ErrUnknown or *RefusedError.
	Err error
	// User is the sender's own, never read here.
	User any
}

// size is what the record takes on the wire at most, without the batch header.
func (m *Message) size() int {
	return len(m.Record.Key) + len(m.Record.Value) + len(m.Record.Headers) + maxRecordOverhead
}

// payload is the size of what the sender handed in.
func (m *Message) payload() int {
	return len(m.Record.Key) + len(m.Record.Value) + len(m.Record.Headers)
}
