package dedupe

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"
)

// A table is one shard of the local memory, small enough that to enlarge its index takes no time: records
// in chunks, oldest chunk first, and an open-addressing index of where they are. A changed state is
// written anew at the end; chunks shrink in place as their records die. So to drop the first chunk is to
// forget the ids that were renewed longest ago. Keys are hashes, so their bytes serve as hash values.
//
// Record: key 16, expiry 4 (s), size in words 1, state (self-delimiting), padding to 4 bytes.
type table struct {
	index  []uint32 // 0: empty; else from high to low: tag of the key, slot, offset in words
	used   int
	chunks []chunk  // by slot; slot 0 is never used
	free   []uint32 // slots
	order  []uint32 // slots, oldest first; the last one is written to
	bits   int      // of a slot in the index; what is left of 32 bits is tag
	sweep  int      // position in order where the search for expired records goes on

	limit     int64
	chunkSize int
	held      int64 // bytes of chunks and index
	evicted   uint64
	expired   uint64
}

type chunk struct {
	buf  []byte
	dead int // bytes of records that were superseded
}

const (
	recordHead   = 16 + 4 + 1
	offsetBits   = 14
	offsetMask   = 1<<offsetBits - 1
	maxChunk     = 4 << offsetBits
	minChunk     = 1 << 10
	minIndex     = 64
	firstBuffer  = 512
	chunksOfFull = 16 // a shard is at least so many chunks when full
	spareSlots   = 16 // chunks shrink as their records die, so there may be so many times more of them
)

func (t *table) open(limit int64) {
	t.limit = limit
	t.chunkSize = int(min(max(limit/chunksOfFull, minChunk), maxChunk))
	t.chunks = make([]chunk, 1)
	t.bits = min(bits.Len(uint(spareSlots*limit/int64(t.chunkSize))), 32-offsetBits)
	t.index = make([]uint32, minIndex)
	t.held = 4 * minIndex
}

// home is where the index search for a key begins. Scaling the hash instead of masking it lets the index
// grow by half, which wastes less than doubling.
func (t *table) home(key []byte) int {
	hi, _ := bits.Mul64(binary.LittleEndian.Uint64(key[8:16]), uint64(len(t.index)))
	return int(hi)
}

func (t *table) next(at int) int {
	if at++; at < len(t.index) {
		return at
	}
	return 0
}

// refTo is the index entry of a record. Its tag spares most looks at records of other keys.
func (t *table) refTo(key []byte, slot uint32, offset int) uint32 {
	return binary.LittleEndian.Uint32(key[8:])<<(offsetBits+t.bits) | slot<<offsetBits | uint32(offset/4)
}

func (t *table) slotOf(ref uint32) uint32 { return ref >> offsetBits & (1<<t.bits - 1) }

// find returns where key is in the index, or where it would go, and its position or 0.
func (t *table) find(key []byte) (at int, ref uint32) {
	shift := offsetBits + t.bits
	tag := binary.LittleEndian.Uint32(key[8:]) << shift >> shift
	for at = t.home(key); ; at = t.next(at) {
		ref = t.index[at]
		if ref == 0 || (ref>>shift == tag && [16]byte(t.record(ref)) == [16]byte(key)) {
			return at, ref
		}
	}
}

// record returns the bytes of a record with what follows it.
func (t *table) record(ref uint32) []byte {
	return t.chunks[t.slotOf(ref)].buf[(ref&offsetMask)*4:]
}

func sizeOf(record []byte) int      { return int(record[20]) * 4 }
func expiryOf(record []byte) uint32 { return binary.LittleEndian.Uint32(record[16:]) }
func stateOf(record []byte) []byte  { return record[recordHead:sizeOf(record)] }

// get returns the expiry and state of key, nil when it is not known or its time is over.
func (t *table) get(key *Key, now uint32) (expiry uint32, state []byte) {
	_, ref := t.find(key[:])
	if ref == 0 {
		return 0, nil
	}
	r := t.record(ref)
	if expiry = expiryOf(r); expiry <= now {
		return 0, nil
	}
	return expiry, stateOf(r)
}

// touch reads where a search for key begins; the caller reads what it points at with peek. Done for a whole
// batch before the searches, the processor waits for many cache misses at once instead of for each.
func (t *table) touch(key *Key) uint32 { return t.index[t.home(key[:])] }

func (t *table) peek(ref uint32) byte {
	if ref == 0 {
		return 0
	}
	return t.record(ref)[0]
}

// put writes a state. With the same expiry and enough room it is overwritten where it is.
func (t *table) put(key *Key, expiry, now uint32, state []byte) {
	size := (recordHead + len(state) + 3) &^ 3
	at, old := t.find(key[:])
	if old != 0 {
		r := t.record(old)
		if expiryOf(r) == expiry && sizeOf(r) >= size {
			copy(r[recordHead:], state)
			return
		}
	}
	if t.full(size) {
		t.makeRoom(size, now)
		at, old = t.find(key[:]) // chunks may have been forgotten
	}
	slot := t.order[len(t.order)-1]
	c := &t.chunks[slot]
	before, offset := cap(c.buf), len(c.buf)
	c.buf = append(c.buf, key[:]...)
	c.buf = binary.LittleEndian.AppendUint32(c.buf, expiry)
	c.buf = append(c.buf, byte(size/4))
	c.buf = append(c.buf, state...)
	for len(c.buf) < offset+size {
		c.buf = append(c.buf, 0)
	}
	t.held += int64(cap(c.buf) - before)
	t.index[at] = t.refTo(key[:], slot, offset)
	if old == 0 {
		t.used++
		t.grow()
		return
	}
	t.bury(old, now)
}

// full reports whether a record of that size needs a new chunk.
func (t *table) full(size int) bool {
	return len(t.order) == 0 || len(t.chunks[t.order[len(t.order)-1]].buf)+size > t.chunkSize
}

// bury counts a superseded record and rewrites its chunk when half of it is dead.
func (t *table) bury(ref, now uint32) {
	slot := t.slotOf(ref)
	c := &t.chunks[slot]
	c.dead += sizeOf(t.record(ref))
	if c.dead*2 > len(c.buf) && slot != t.order[len(t.order)-1] {
		t.rewrite(slot, now)
	}
}

// makeRoom sees to it that the last chunk can take a record of that size.
func (t *table) makeRoom(size int, now uint32) {
	if n := len(t.order); n > 0 {
		if c := &t.chunks[t.order[n-1]]; c.dead*2 > len(c.buf) {
			t.rewrite(t.order[n-1], now)
		}
	}
	if t.full(size) {
		t.addChunk(now)
	}
}

// addChunk begins a new chunk, after forgetting what is over or, at the limit, oldest.
func (t *table) addChunk(now uint32) {
	t.sweepSome(2, now)
	for len(t.order) > 0 && (t.held+int64(t.chunkSize) > t.limit || len(t.order)+1 >= 1<<t.bits) {
		t.forgetOldest(now)
	}
	slot := uint32(len(t.chunks))
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.chunks = append(t.chunks, chunk{})
	}
	size := t.chunkSize
	if len(t.order) == 0 {
		size = min(size, firstBuffer) // most shards of a small store stay small
	}
	t.chunks[slot] = chunk{buf: make([]byte, 0, size)}
	t.held += int64(cap(t.chunks[slot].buf))
	t.order = append(t.order, slot)
}

// sweepSome looks through up to n chunks for records whose time is over.
func (t *table) sweepSome(n int, now uint32) {
	for n = min(n, len(t.order)); n > 0 && len(t.order) > 0; n-- {
		t.sweep++
		if t.sweep >= len(t.order) {
			t.sweep = 0
		}
		slot := t.order[t.sweep]
		buf := t.chunks[slot].buf
		for off := 0; off < len(buf); off += sizeOf(buf[off:]) {
			if expiryOf(buf[off:]) <= now {
				t.rewrite(slot, now)
				break
			}
		}
	}
}

// rewrite keeps what lives of a chunk, in its place in the order.
func (t *table) rewrite(slot, now uint32) {
	buf := t.chunks[slot].buf
	kept := 0
	for off, size := 0, 0; off < len(buf); off += size {
		r := buf[off:]
		size = sizeOf(r)
		at, ref := t.find(r[:16])
		if ref != t.refTo(r, slot, off) {
			continue
		}
		if expiryOf(r) <= now {
			t.remove(at)
			t.expired++
			continue
		}
		// Moved within the buffer first: the index must lead to readable records at every step.
		copy(buf[kept:], r[:size])
		t.index[at] = t.refTo(buf[kept:], slot, kept)
		kept += size
	}
	if kept == 0 {
		t.drop(slot)
		return
	}
	t.held += int64(kept - cap(buf))
	exact := make([]byte, kept)
	copy(exact, buf)
	t.chunks[slot] = chunk{buf: exact}
}

// forgetOldest drops the first chunk with all that lives in it.
func (t *table) forgetOldest(now uint32) {
	slot := t.order[0]
	buf := t.chunks[slot].buf
	for off := 0; off < len(buf); off += sizeOf(buf[off:]) {
		r := buf[off:]
		at, ref := t.find(r[:16])
		if ref != t.refTo(r, slot, off) {
			continue
		}
		t.remove(at)
		if expiryOf(r) <= now {
			t.expired++
		} else {
			t.evicted++
		}
	}
	t.drop(slot)
}

// drop frees a chunk nothing points to.
func (t *table) drop(slot uint32) {
	t.held -= int64(cap(t.chunks[slot].buf))
	t.chunks[slot] = chunk{}
	t.free = append(t.free, slot)
	i := slices.Index(t.order, slot)
	t.order = slices.Delete(t.order, i, i+1)
	if t.sweep > i {
		t.sweep--
	}
}

// remove takes an entry out of the index and closes the gap, so that searches need no tombstones.
func (t *table) remove(at int) {
	t.index[at] = 0
	t.used--
	for next := t.next(at); t.index[next] != 0; next = t.next(next) {
		home := t.home(t.record(t.index[next]))
		if t.distance(home, next) >= t.distance(at, next) {
			t.index[at], t.index[next] = t.index[next], 0
			at = next
		}
	}
}

// distance is how far a search goes from one place in the index to another.
func (t *table) distance(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(t.index)
}

// grow enlarges the index by half at a load of 3/4.
func (t *table) grow() {
	if t.used*4 < len(t.index)*3 {
		return
	}
	old := t.index
	t.index = make([]uint32, len(old)+len(old)/2)
	t.held += int64(4 * (len(t.index) - len(old)))
	for _, ref := range old {
		if ref == 0 {
			continue
		}
		at := t.home(t.record(ref))
		for t.index[at] != 0 {
			at = t.next(at)
		}
		t.index[at] = ref
	}
}

// copyChunk appends the live records of a chunk, in the form of log images, to dst. A chunk that was
// dropped and used again meanwhile does no harm.
func (t *table) copyChunk(slot, now uint32, dst []byte) []byte {
	buf := t.chunks[slot].buf
	for off := 0; off < len(buf); off += sizeOf(buf[off:]) {
		r := buf[off:]
		if _, ref := t.find(r[:16]); ref == t.refTo(r, slot, off) && expiryOf(r) > now {
			dst = appendImage(dst, r[:16], expiryOf(r), stateOf(r))
		}
	}
	return dst
}

// each decodes every live record into s and calls f, until it returns false.
func (t *table) each(now uint32, s *State, f func(Key, *State, time.Time) bool) bool {
	for _, slot := range t.order {
		buf := t.chunks[slot].buf
		for off := 0; off < len(buf); off += sizeOf(buf[off:]) {
			r := buf[off:]
			if _, ref := t.find(r[:16]); ref != t.refTo(r, slot, off) || expiryOf(r) <= now {
				continue
			}
			if _, err := s.Decode(stateOf(r)); err != nil {
				continue
			}
			if !f(Key(r[:16]), s, time.Unix(int64(expiryOf(r)), 0)) {
				return false
			}
		}
	}
	return true
}
