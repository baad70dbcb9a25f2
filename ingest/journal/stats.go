package journal

import "time"

// Stats is a snapshot of the journal's counts; sums start at zero with Open.
type Stats struct {
	Bytes    int64 // bytes the segment files take, allocated ones included
	MaxBytes int64 // the limit they are held to
	Segments int   // segment files

	First     uint64 // oldest record retained
	Next      uint64 // number of the record to come
	Published uint64 // everything below is in Kafka
	Pending   uint64 // retained records not yet published

	OldestPending time.Time // timestamp of the oldest of them, zero when none is

	Appended     uint64        // records made durable
	AppendedSize int64         // bytes of them, as framed
	Refused      uint64        // records Append returned an error for, mostly ErrFull
	Fsyncs       uint64        // fdatasyncs of appended groups
	FsyncTime    time.Duration // time spent in them
	FsyncFailed  uint64        // of them failed; each one abandoned a segment

	// LostRecords counts records found unreadable that were, or in a crash's last
	// group may have been, acknowledged; DamagedSegments counts the segments they
	// were in, or whose header is gone. Both are alarms. Old segments are checked
	// when read, not when opened.
	LostRecords     uint64
	DamagedSegments int
	TornBytes       int64 // bytes dropped from the last segment's tail by Open
}
