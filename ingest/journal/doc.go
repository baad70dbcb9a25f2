// Package journal is a durable, segmented append log with group commit: the
// spool of the service while Kafka does not answer, and in embedded mode the
// topic itself.
//
// It promises: when Append returns nil, every record of the call is on stable
// storage; the records of one call survive a crash together or not at all;
// sequence numbers are dense and start at 0; what Read returns was appended,
// byte for byte, whatever happened to the files; damage never keeps the journal
// from opening. It refuses: a second owner of the folder (LockedError), records
// beyond the size limit (ErrFull, before anything is written) and retrying an
// fdatasync that failed. It does not log, does not know Kafka, and does not
// interpret records.
//
// # Files
//
// A folder (mode 0700) holds segments named by the sequence number of their
// first record, twenty digits and ".seg"; "lock", which the owner holds locked
// and which names its process; and "published", the drain's checkpoint. A
// segment whose header cannot be read is kept as ".seg.bad" for a person to look
// at. All files have mode 0600.
//
// A segment begins with a page of 4096 bytes: magic, version, base, salt, CRC.
// Frames follow, and a length word of zero ends them (space is allocated ahead,
// so a full disk shows when a segment is created, not in the middle of a record):
//
//	crc     uint32  CRC-32C of everything below
//	length  uint32  bytes of payload; the top bits say: first of its Append call,
//	                last of its Append call, seal
//	tag     uint64  sequence number XOR the segment's salt
//	index   uint32  position in the group written and synced together
//	payload         topic, flags, time, sizes, key, meta, headers, value
//
// The salt is random and secret to the folder, so bytes inside a record, which
// strangers send, can never pass for a frame when a reader searches for the next
// good one behind damage. If the header page is lost, the salt is found again
// from the first frame and the file's name.
//
// # Torn or damaged
//
// A group is written only after the group before it was synced. So a frame of a
// later group, or a seal, proves that everything before was once on stable
// storage: a bad frame with such a proof behind it is damage, and every record
// that can still be read is returned, also from an Append call that lost one. A
// bad frame without it may be a write that a crash cut: what is left of its
// Append call is dropped, and whole calls behind it are kept. A segment's records
// end where the next segment's name begins.
//
// An existing segment is never appended to again: opening trims the torn tail of
// the last one and seals it, and the next Append creates a new one. The same
// happens after a failed write or fdatasync: the file is left alone, and what was
// not yet acknowledged is written again, to a new segment with the same numbers.
package journal
