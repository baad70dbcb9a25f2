package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"syscall"
)

const (
	windowBytes = 256 << 10 // what a scanner reads at once
	markSpacing = 64 << 10  // bytes between two entries of a segment's index
	blockBytes  = 4096      // unit of what a disk can fail to read
)

// forever is the limit of a segment whose successor is not known.
const forever = math.MaxUint64

// mark is an index entry: the frame at off is the first of an Append call and
// carries seq.
type mark struct {
	seq uint64
	off int64
}

// located is a frame and where it is.
type located struct {
	frameHeader
	off int64
}

// scanner walks the frames of one segment, one Append call at a time, and finds
// its way past damage. It returns only frames whose CRC, place and number agree.
type scanner struct {
	src   io.ReaderAt
	end   int64  // bytes from here on are not looked at
	blank int64  // from here to end nothing begins: all zeros
	salt  uint64 // of the segment
	limit uint64 // records from here on are not looked at
	quick bool   // an all-zero frame head is the end: nothing is searched behind it

	off    int64  // next frame
	expect uint64 // its number

	window   []byte // bytes of src from windowAt
	windowAt int64
	calls    []located // frames of the Append call being collected

	inRest   bool // the frames at off belong to a call that lost its beginning
	keepRest bool // and its group was synced

	goodEnd  int64  // end of the last frame returned
	proven   uint64 // records below were once on stable storage
	sealed   bool   // the walk ended at a seal
	unproven bool   // intact frames were dropped because their group may not have been synced
	err      error  // of reading; damage is none
	marks    []mark
}

// reset prepares s for a walk from start, keeping its buffers.
func (s *scanner) reset(src io.ReaderAt, end int64, salt uint64, start mark) {
	*s = scanner{
		src: src, end: end, blank: end, salt: salt, limit: forever,
		off: start.off, expect: start.seq, goodEnd: start.off,
		window: s.window[:0], calls: s.calls[:0], marks: s.marks[:0],
	}
}

// run calls fn for the records from `from` on, until it returns false, and lost
// (if not nil) for the numbers missing between them. The records are valid
// during the call. next is the number after the last record seen.
func (s *scanner) run(from uint64, fn func(uint64, Record) bool, lost func(from, to uint64)) (next uint64, stopped bool) {
	next = from
	for s.next() {
		for _, f := range s.calls {
			if f.seq < from {
				continue
			}
			r, ok := parsePayload(s.bytes(f.off+frameHead, int64(f.length)))
			if !ok {
				continue // the gap is reported with the next record
			}
			if f.seq > next && lost != nil {
				lost(next, f.seq)
			}
			next = f.seq + 1
			if !fn(f.seq, r) {
				return next, true
			}
		}
	}
	return next, false
}

// next collects the next Append call, or what damage left of it, in s.calls. It
// returns false at the end of the segment and after a failed read.
func (s *scanner) next() bool {
	s.calls = s.calls[:0]
	for s.expect < s.limit {
		h, ok := s.frame(s.off)
		switch {
		case ok && h.flags&flagSeal != 0 && h.seq == s.expect && len(s.calls) == 0:
			s.sealed = true
			s.proven = h.seq
			return false
		case ok && s.fits(h):
			if !s.inRest || s.keepRest {
				s.collect(h)
			}
			s.off += h.bytes()
			s.expect++
			s.proven = max(s.proven, h.group())
			if h.flags&flagLast == 0 {
				continue
			}
			s.inRest = false
			if len(s.calls) > 0 {
				s.goodEnd = s.off
				return true
			}
		default:
			deliver, more := s.skipDamage()
			if deliver || !more {
				return deliver
			}
		}
	}
	s.calls = s.calls[:0]
	if h, ok := s.frame(s.off); ok && h.flags&flagSeal != 0 && h.seq == s.expect {
		s.sealed = true
	}
	return false
}

// fits reports whether the frame is what comes next.
func (s *scanner) fits(h frameHeader) bool {
	return h.flags&flagSeal == 0 && h.seq == s.expect &&
		(h.flags&flagFirst != 0) == (len(s.calls) == 0 && !s.inRest)
}

// collect adds the frame at s.off to the call being collected.
func (s *scanner) collect(h frameHeader) {
	if h.flags&flagFirst != 0 {
		if n := len(s.marks); n == 0 || s.off-s.marks[n-1].off >= markSpacing {
			s.marks = append(s.marks, mark{seq: h.seq, off: s.off})
		}
	}
	s.calls = append(s.calls, located{frameHeader: h, off: s.off})
}

// skipDamage moves on to the next good frame after a bad one at s.off. deliver
// says that s.calls holds what came before the damage and may be returned; more
// says that there is a frame to go on with.
func (s *scanner) skipDamage() (deliver, more bool) {
	if s.err != nil || s.quick && s.zeroAt(s.off) {
		s.calls = s.calls[:0]
		return false, false
	}
	ahead := &scanner{src: s.src, end: s.end, blank: s.blank, salt: s.salt, limit: s.limit}
	f, found := ahead.search(s.off, s.expect)
	deliver = found && len(s.calls) > 0 && ahead.synced(f.off, s.calls[0].group())
	first := f.flags&(flagFirst|flagSeal) != 0
	keepRest := found && !first && ahead.synced(f.off, f.group())
	if s.err = ahead.err; !found || s.err != nil {
		s.calls = s.calls[:0]
		return false, false
	}
	// A writer at work may have finished the frame since it was read: look again.
	s.window = s.window[:0]
	if h, ok := s.frame(s.off); ok && s.fits(h) {
		return false, true
	}
	s.unproven = s.unproven || len(s.calls) > 0 && !deliver || !first && !keepRest
	if !deliver {
		s.calls = s.calls[:0]
	} else {
		last := s.calls[len(s.calls)-1]
		s.goodEnd = last.off + last.bytes()
	}
	s.off, s.expect = f.off, f.seq
	s.inRest, s.keepRest = !first, keepRest
	return deliver, true
}

// synced reports whether the bytes from off on prove that group was on stable
// storage: a frame of a later group, or a seal, is written only then.
func (s *scanner) synced(off int64, group uint64) bool {
	for {
		h, ok := s.frame(off)
		if !ok {
			f, found := s.search(off+1, group)
			if !found {
				return false
			}
			h, off = f.frameHeader, f.off
		}
		if h.flags&flagSeal != 0 || h.group() > group {
			return true
		}
		off += h.bytes()
	}
}

// search finds the first intact frame at or behind off whose number is at least
// least and within the walk's limit. It tries every byte: a random salt in the
// number makes a chance hit, or a forged one, as good as impossible.
func (s *scanner) search(off int64, least uint64) (f located, found bool) {
	span := min(s.limit-least, 1<<32) // no segment has more records
	for off+frameHead <= s.end && off < s.blank {
		b := s.rest(off)
		if len(b) < frameHead {
			return f, false
		}
		i, last := 0, len(b)-frameHead
		for i <= last && binary.LittleEndian.Uint64(b[i+8:])^s.salt-least > span {
			i++
		}
		off += int64(i)
		if i > last {
			continue
		}
		h, ok := s.frame(off)
		if ok && h.seq >= least && (h.seq < s.limit || h.flags&flagSeal != 0) {
			return located{frameHeader: h, off: off}, true
		}
		off++
	}
	return f, false
}

// frame returns the head of the intact frame at off, if there is one.
func (s *scanner) frame(off int64) (h frameHeader, ok bool) {
	head := s.bytes(off, frameHead)
	if head == nil {
		return h, false
	}
	if h, ok = parseFrameHeader(head, s.salt); !ok {
		return h, false
	}
	whole := s.bytes(off, h.bytes())
	return h, whole != nil && intact(whole)
}

// zeroAt reports whether nothing was written at off.
func (s *scanner) zeroAt(off int64) bool {
	for _, b := range s.bytes(off, frameHead) {
		if b != 0 {
			return false
		}
	}
	return true
}

// bytes returns n bytes from off, valid until the next call; nil beyond the end.
func (s *scanner) bytes(off, n int64) []byte {
	if off < 0 || n > s.end-off {
		return nil
	}
	if off < s.windowAt || off+n > s.windowAt+int64(len(s.window)) {
		if s.load(off, n); s.err != nil {
			return nil
		}
	}
	i := off - s.windowAt
	return s.window[i : i+n : i+n]
}

// rest returns what the window holds from off on, at least a frame's head unless
// the segment ends before.
func (s *scanner) rest(off int64) []byte {
	if s.bytes(off, frameHead) == nil {
		return nil
	}
	return s.window[off-s.windowAt:]
}

// load fills the window with n bytes from off or more, and with the frames of
// the call being collected, which lie before off.
func (s *scanner) load(off, n int64) {
	begin := off
	if len(s.calls) > 0 {
		begin = min(off, s.calls[0].off)
	}
	old := s.window
	size := max(off+n-begin, windowBytes)
	if begin == s.windowAt {
		size = max(size, 2*int64(len(old))) // a long call is not copied once a frame
	}
	size = min(size, s.end-begin)
	if int64(cap(s.window)) < size {
		s.window = make([]byte, size)
	}
	s.window = s.window[:size]
	have := 0
	if begin >= s.windowAt && begin < s.windowAt+int64(len(old)) {
		have = copy(s.window, old[begin-s.windowAt:])
	}
	s.windowAt = begin
	if err := readLenient(s.src, s.window[have:], begin+int64(have)); err != nil {
		s.err = err
		s.window = s.window[:0]
	}
}

// readLenient fills b from off. Blocks that the disk cannot read (EIO) come back
// as zeros, which no frame is; any other error is returned.
func readLenient(src io.ReaderAt, b []byte, off int64) error {
	n, err := src.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		clear(b[n:]) // cut since its size was asked
		return nil
	case !errors.Is(err, syscall.EIO):
		return err
	case len(b) <= blockBytes:
		clear(b)
		return nil
	}
	for len(b) > 0 {
		block := b[:min(int64(len(b)), blockBytes-off%blockBytes)]
		if err := readLenient(src, block, off); err != nil {
			return err
		}
		b, off = b[len(block):], off+int64(len(block))
	}
	return nil
}

// lastNonZero returns the end of the last byte of src below size that is not
// zero, at least dataStart. A frame may end behind it, in zeros of its own.
func lastNonZero(src io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, min(windowBytes, max(size-dataStart, 0)))
	for size > dataStart {
		begin := max(size-windowBytes, dataStart)
		b := buf[:size-begin]
		if err := readLenient(src, b, begin); err != nil {
			return 0, err
		}
		n := len(b)
		for n >= 8 && binary.LittleEndian.Uint64(b[n-8:]) == 0 {
			n -= 8
		}
		for n > 0 && b[n-1] == 0 {
			n--
		}
		if n > 0 {
			return begin + int64(n), nil
		}
		size = begin
	}
	return dataStart, nil
}
