package dedupe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// LocalConfig says where and how much Local remembers.
type LocalConfig struct {
	Dir       string           // of the state log, made when absent; "": memory only
	MaxMemory int64            // bytes, 0: 512 MiB, at least 1 MiB
	Owner     uint32           // this instance's number, as in RedisConfig
	Now       func() time.Time // nil: time.Now
}

const (
	shards           = 64
	defaultMaxMemory = 512 << 20
	minMaxMemory     = 1 << 20
)

// Local is the store of a single instance: memory with a state log behind it. It has no open claims,
// because one process joins its own arrivals in flight. The log is written lazily: a crash loses what
// came after the last [Local.Sync], and what is replayed from the journal, beginning at
// [Local.Position], brings it back. All methods may be called concurrently.
type Local struct {
	owner  uint32
	now    func() time.Time
	log    *stateLog // nil: memory only
	closed atomic.Bool

	mu     sync.Mutex // held for a batch, or for one chunk of one shard
	tables [shards]table
	refs   []uint32 // scratch of whoever holds mu, as the rest
	state  State
	body   []byte
	peeked byte
}

// OpenLocal makes the store and reads its log. A log that was torn by a crash is repaired silently; one
// that is damaged elsewhere is read as far as possible, its position falls back to before the damage, and
// it is written anew.
func OpenLocal(cfg LocalConfig) (*Local, error) {
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = defaultMaxMemory
	}
	if cfg.MaxMemory < minMaxMemory {
		return nil, fmt.Errorf("dedupe.max_memory is %d bytes; the least is %d (1 MiB)", cfg.MaxMemory, minMaxMemory)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Local{owner: cfg.Owner, now: cfg.Now}
	for i := range l.tables {
		l.tables[i].open(cfg.MaxMemory / shards)
	}
	if cfg.Dir == "" {
		return l, nil
	}
	log, damaged, err := openStateLog(cfg.Dir, l.restore)
	if err != nil {
		return nil, fmt.Errorf("dedupe state log in %s: %w", cfg.Dir, err)
	}
	l.log = log
	if damaged {
		if err := l.compact(); err != nil {
			return nil, errors.Join(fmt.Errorf("dedupe state log in %s is damaged and cannot be written anew: %w", cfg.Dir, err), log.close())
		}
	}
	return l, nil
}

// table returns the shard of a key, by bytes its index does not use.
func (l *Local) table(k *Key) *table { return &l.tables[k[0]%shards] }

// restore takes an image from the log.
func (l *Local) restore(key *Key, expiry uint32, state []byte) {
	now := seconds(l.now().UnixMilli())
	if expiry > now {
		l.table(key).put(key, expiry, now, state)
	}
}

// Claim implements Store. It fails only after Close. A known arrival costs no allocation.
func (l *Local) Claim(_ context.Context, marks []Mark, arrivals []Arrival, out []Claim) error {
	if l.closed.Load() {
		unknown(out, l.owner)
		return ErrClosed
	}
	now := l.now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range marks {
		l.mark(&marks[i], now)
	}
	l.warm(arrivals)
	for i := range arrivals {
		l.claim(&arrivals[i], &out[i], now)
	}
	return nil
}

// Look implements Store.
func (l *Local) Look(_ context.Context, arrivals []Arrival, out []Claim) error {
	if l.closed.Load() {
		unknown(out, l.owner)
		return ErrClosed
	}
	now := l.now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warm(arrivals)
	for i := range arrivals {
		l.answer(l.table(&arrivals[i].Key), &arrivals[i], &out[i], now)
	}
	return nil
}

// warm brings what the batch will read into the processor's caches.
func (l *Local) warm(arrivals []Arrival) {
	l.refs = slices.Grow(l.refs[:0], len(arrivals))[:len(arrivals)]
	for i := range arrivals {
		l.refs[i] = l.table(&arrivals[i].Key).touch(&arrivals[i].Key)
	}
	var sum byte
	for i := range arrivals {
		sum += l.table(&arrivals[i].Key).peek(l.refs[i])
	}
	l.peeked = sum // or the compiler would see that nobody wants it
}

// unknown is the answer of a store that has none.
func unknown(out []Claim, owner uint32) {
	for i := range out {
		c := &out[i]
		c.Unknown, c.Owner, c.Now, c.OpenSame, c.OpenOther = true, owner, 0, false, false
		c.State.reset()
	}
}

// answer fills c with what is known and returns its expiry. The caller holds mu.
func (l *Local) answer(t *table, a *Arrival, c *Claim, now int64) (expiry uint32) {
	c.Unknown, c.Owner, c.Now, c.OpenSame, c.OpenOther = false, l.owner, now, false, false
	expiry, b := t.get(&a.Key, seconds(now))
	if b == nil {
		c.State.reset()
		return 0
	}
	if _, err := c.State.Decode(b); err != nil {
		c.Unknown = true
		return 0
	}
	return expiry
}

func (l *Local) claim(a *Arrival, c *Claim, now int64) {
	t := l.table(&a.Key)
	expiry := l.answer(t, a, c, now)
	limit := a.hotLimit()
	if expiry == 0 || limit == 0 || a.Click == c.State.Click {
		return
	}
	_, b := t.get(&a.Key, seconds(now))
	if _, err := l.state.Decode(b); err != nil || !noteClick(&l.state, a.Click, seconds(now), limit) {
		return
	}
	l.body, _ = l.state.AppendBinary(l.body[:0])
	t.put(&a.Key, expiry, seconds(now), l.body)
}

func (l *Local) mark(m *Mark, now int64) {
	t := l.table(&m.Key)
	expiry, b := t.get(&m.Key, seconds(now))
	if b == nil {
		l.state.reset()
	} else if _, err := l.state.Decode(b); err != nil {
		b = nil
	}
	if Apply(&l.state, m) {
		expiry = max(expiry, expiryAt(m, now))
	}
	if l.state.n == 0 || expiry <= seconds(now) {
		return
	}
	l.body, _ = l.state.AppendBinary(l.body[:0])
	if bytes.HasPrefix(b, l.body) {
		return // seen before
	}
	t.put(&m.Key, expiry, seconds(now), l.body)
	if l.log != nil {
		l.log.image(&m.Key, expiry, l.body)
	}
}

// expiryAt is when a state marked now is forgotten, rounded up to seconds.
func expiryAt(m *Mark, now int64) uint32 {
	if m.Seen > 0 {
		now = m.Seen
	}
	end := now/1000 + int64((m.Window+time.Second-1)/time.Second)
	return uint32(min(max(end, 0), math.MaxUint32))
}

// Position returns the journal sequence last given to SetPosition, as far as the log has it: after a
// start, every mark before it is in the store. 0 without a log.
func (l *Local) Position() uint64 {
	if l.log == nil {
		return 0
	}
	return l.log.currentPosition()
}

// SetPosition says that all marks of the journal up to that sequence have been given to Claim.
func (l *Local) SetPosition(p uint64) {
	if l.log != nil {
		l.log.setPosition(p)
	}
}

// Sync puts everything given so far on stable storage. Other calls go on meanwhile.
func (l *Local) Sync() error {
	if l.log == nil {
		return nil
	}
	return l.log.sync()
}

// Checkpoint forgets what is over and syncs the log; a log that has grown to more than its content is
// written anew. Call it every minute or so, from a goroutine of its own: it may take seconds, while other
// calls go on. After an error the memory is intact and the next Checkpoint tries again.
func (l *Local) Checkpoint() error {
	now := seconds(l.now().UnixMilli())
	for i := range l.tables {
		for n := len(l.slots(i)); n > 0; n-- {
			l.mu.Lock()
			l.tables[i].sweepSome(1, now)
			l.mu.Unlock()
		}
	}
	if l.log == nil {
		return nil
	}
	if l.log.worthCompacting() {
		return l.compact()
	}
	return l.log.sync()
}

// compact writes all states as a snapshot and drops the log before it.
func (l *Local) compact() error {
	now := seconds(l.now().UnixMilli())
	return l.log.compact(func(flush func([]byte) error) error {
		var buf []byte
		for i := range l.tables {
			for _, slot := range l.slots(i) {
				l.mu.Lock()
				buf = l.tables[i].copyChunk(slot, now, buf[:0])
				l.mu.Unlock()
				if err := flush(buf); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// slots returns the chunks of a shard, oldest first.
func (l *Local) slots(shard int) []uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tables[shard].order)
}

// Close syncs the log and closes it. Claims after it answer unknown.
func (l *Local) Close() error {
	if l.closed.Swap(true) || l.log == nil {
		return nil
	}
	return l.log.close()
}

// Each calls f with every known state until it returns false, oldest first within a shard. The state is
// f's until it returns. Calls of Claim wait meanwhile, for one shard of 64 at a time; f must not call l.
func (l *Local) Each(f func(k Key, s *State, expires time.Time) bool) {
	now := seconds(l.now().UnixMilli())
	for i := range l.tables {
		l.mu.Lock()
		more := l.tables[i].each(now, &l.state, f)
		l.mu.Unlock()
		if !more {
			return
		}
	}
}

// LocalStats is a snapshot of counters.
type LocalStats struct {
	IDs      int    // identities held, those whose time is over included until they are swept
	Memory   int64  // bytes held
	Evicted  uint64 // identities forgotten before their time because of MaxMemory
	Expired  uint64 // identities forgotten after it
	LogBytes int64  // state log on disk
	Damaged  int64  // bytes of the log that could not be read at start
	LogError error  // last failure to write the log; nil once a checkpoint succeeded
}

// Stats returns a snapshot.
func (l *Local) Stats() LocalStats {
	var s LocalStats
	l.mu.Lock()
	for i := range l.tables {
		t := &l.tables[i]
		s.IDs += t.used
		s.Memory += t.held
		s.Evicted += t.evicted
		s.Expired += t.expired
	}
	l.mu.Unlock()
	if l.log != nil {
		s.LogBytes, s.Damaged, s.LogError = l.log.stats()
	}
	return s
}
