package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// Limits and defaults of Config.
const (
	defaultSegmentSize = 64 << 20
	defaultMaxSize     = 10 << 30
	minSegmentSize     = 8 << 10
)

// Config says where a journal lives and how large it may grow.
type Config struct {
	// Dir is the folder; it is created with mode 0700. It must be a disk that
	// survives the process, and no one else may append to it.
	Dir string
	// SegmentSize is what a segment file takes on the disk, allocated when it is
	// created; 0 means 64 MiB. It is cut to a quarter of MaxSize, so that Trim
	// always has whole segments to delete. Records that need more get a segment of
	// their own size.
	SegmentSize int64
	// MaxSize bounds the sum of all segments; 0 means 10 GiB. Beyond it Append
	// returns ErrFull until Trim deleted something.
	MaxSize int64
	// Retention is the age below which Trim keeps a segment; 0 means that
	// published segments go at once, and that an embedded topic is kept forever.
	Retention time.Duration
	// FS is the file system; nil means the real one.
	FS FS
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Validate says what is wrong with the configuration, without touching the disk.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("journal: no folder configured: set Dir")
	case c.SegmentSize != 0 && c.SegmentSize < minSegmentSize:
		return fmt.Errorf("journal: segment size %d is below the minimum of %d bytes", c.SegmentSize, minSegmentSize)
	case c.MaxSize != 0 && c.MaxSize < 4*minSegmentSize:
		return fmt.Errorf("journal: maximum size %d is below the minimum of %d bytes", c.MaxSize, 4*minSegmentSize)
	case c.Retention < 0:
		return fmt.Errorf("journal: retention %v is negative: use 0 for none", c.Retention)
	}
	return nil
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.MaxSize == 0 {
		c.MaxSize = defaultMaxSize
	}
	if c.SegmentSize == 0 {
		c.SegmentSize = defaultSegmentSize
	}
	c.SegmentSize = min(c.SegmentSize, c.MaxSize/4)
	if c.FS == nil {
		c.FS = diskFS{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Journal is an open journal. All methods may be called concurrently.
//
// Locks are taken in the order commitMu, mu. commitMu is held through the disk's
// work of one group, mu never is. active and file change under both.
type Journal struct {
	cfg        Config
	lock       io.Closer
	checkpoint *checkpoint
	groups     sync.Pool // *group
	scanners   sync.Pool // *scanner
	leaders    sync.WaitGroup

	commitMu sync.Mutex
	active   *segment // being appended to; nil until the next Append creates one
	file     File     // of active
	written  int64    // end of the last durable frame in active

	mu       sync.Mutex
	filling  *group        // takes the records that come while a group is synced
	segments []*segment    // ascending; the last may be active
	next     uint64        // everything below is durable
	end      int64         // written, as readers see it
	arrival  chan struct{} // closed when next grows; nil while nobody waits
	closed   bool
	lost     spans
	damaged  map[uint64]bool // bases of segments with damage
	stats    Stats           // its sums
	oldest   oldest
}

// Open takes the folder of cfg and makes it ready: within a second for any
// amount of records, because only the last segment is read. Damage never fails
// it; Stats tells. The error is a *LockedError when the folder has an owner.
func Open(cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	j := &Journal{cfg: cfg.withDefaults(), damaged: make(map[uint64]bool)}
	j.groups.New = func() any { return new(group) }
	j.scanners.New = func() any { return new(scanner) }
	if err := j.cfg.FS.MakeDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("journal: create folder: %w", err)
	}
	lock, err := j.cfg.FS.Lock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("journal: take folder: %w", err)
	}
	j.lock = lock
	if err := j.recover(); err != nil {
		if j.checkpoint != nil {
			err = errors.Join(err, j.checkpoint.close())
		}
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// Next returns the sequence number the next record will get; everything below
// is durable.
func (j *Journal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// First returns the sequence number of the oldest record retained; it equals
// Next when there is none.
func (j *Journal) First() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.firstLocked()
}

func (j *Journal) firstLocked() uint64 {
	if len(j.segments) == 0 {
		return j.next
	}
	return min(j.segments[0].base, j.next)
}

// Wait returns nil when the record numbered from, or a later one, is durable. It
// returns the context's error, or ErrClosed.
func (j *Journal) Wait(ctx context.Context, from uint64) error {
	for {
		j.mu.Lock()
		if j.next > from || j.closed {
			closed := j.closed && j.next <= from
			j.mu.Unlock()
			if closed {
				return ErrClosed
			}
			return nil
		}
		if j.arrival == nil {
			j.arrival = make(chan struct{})
		}
		arrival := j.arrival
		j.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-arrival:
		}
	}
}

// wakeLocked releases everyone in Wait.
func (j *Journal) wakeLocked() {
	if j.arrival != nil {
		close(j.arrival)
		j.arrival = nil
	}
}

// SetPublished remembers that everything below seq is in Kafka; a lower value
// than before changes nothing. It survives a kill of the process at once, and a
// power failure after the next Trim or Close. An error means that a restart may
// publish these records again; the value holds nevertheless.
func (j *Journal) SetPublished(seq uint64) error {
	if next := j.Next(); seq > next {
		return fmt.Errorf("journal: cannot mark %d published: the next record is %d", seq, next)
	}
	return j.checkpoint.set(seq)
}

// Published returns what SetPublished last remembered, 0 at first.
func (j *Journal) Published() uint64 { return j.checkpoint.get() }

// Close waits for the Appends under way, seals the segment and gives the folder
// back. Whatever was acknowledged is safe whether Close is called or not. Later
// calls of Append and Read return ErrClosed; a second Close returns nil.
func (j *Journal) Close() error {
	j.mu.Lock()
	closed := j.closed
	j.closed = true
	j.wakeLocked()
	j.mu.Unlock()
	j.leaders.Wait()
	if closed {
		return nil
	}
	j.commitMu.Lock()
	defer j.commitMu.Unlock()
	var err error
	if j.active != nil {
		file := j.file
		err = errors.Join(j.sealActive(), file.Sync(), file.Close())
	}
	return errors.Join(err, j.checkpoint.close(), j.lock.Close())
}
