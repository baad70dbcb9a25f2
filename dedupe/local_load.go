package dedupe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// restorer takes an image of the log; it keeps nothing of its arguments.
type restorer func(key *Key, expiry uint32, state []byte)

// loader reads a state log, oldest file first.
type loader struct {
	crc      *crc32.Table
	restore  restorer
	position uint64
	trusted  bool // nothing was missing so far: positions count
	frame    []byte
}

// openStateLog reads the log in dir and begins a new segment. damaged says that something other than the
// torn end of the last segment could not be read, so that a snapshot is due.
func openStateLog(dir string, restore restorer) (g *stateLog, damaged bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, err
	}
	snaps, logs, err := logFiles(dir)
	if err != nil {
		return nil, false, err
	}
	g = &stateLog{dir: dir, crc: crc32.MakeTable(crc32.Castagnoli), buf: make([]byte, frameHead, flushSize+4096)}
	in := &loader{crc: g.crc, restore: restore, trusted: true}
	if damaged, err = g.load(in, snaps, logs); err != nil {
		return nil, false, err
	}
	g.position = in.position
	if _, _, err := g.rotate(); err != nil {
		return nil, false, err
	}
	return g, damaged, nil
}

// load reads the newest snapshot and the segments since.
func (g *stateLog) load(in *loader, snaps, logs []uint64) (damaged bool, err error) {
	var since uint64
	if len(snaps) > 0 {
		since = snaps[len(snaps)-1]
		g.segment = since
		size, good, err := in.read(g.path(since, snapSuffix))
		if err != nil {
			return false, err
		}
		g.snapshot, g.written = size, size
		if good != size || !in.complete() {
			damaged, in.trusted, in.position = true, false, 0
			g.damaged += size - good
		}
	}
	for i, n := range logs {
		if n < since {
			continue // left over by a crash while they were being removed
		}
		path := g.path(n, logSuffix)
		size, good, err := in.read(path)
		if err != nil {
			return false, err
		}
		g.segment = max(g.segment, n)
		g.written += good
		if good == size {
			continue
		}
		if i == len(logs)-1 {
			if err := truncate(path, good); err != nil {
				return false, err
			}
			continue
		}
		damaged, in.trusted = true, false
		g.damaged += size - good
	}
	return damaged, nil
}

// complete reports whether the file just read ended with its position.
func (in *loader) complete() bool {
	n := len(in.frame)
	return n >= placeSize && in.frame[n-placeSize] == itemPlace &&
		binary.BigEndian.Uint64(in.frame[n-placeSize+1:]) == in.position
}

// read restores what a file holds, up to the first frame that is not whole, and returns its size and how
// much of it is good.
func (in *loader) read(path string) (size, good int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	r := bufio.NewReaderSize(f, flushSize)
	in.frame = in.frame[:0]
	magic := make([]byte, len(logMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != logMagic {
		return info.Size(), 0, nil
	}
	good = int64(len(logMagic))
	for in.next(r) {
		if !in.items() {
			break
		}
		good += int64(frameHead + len(in.frame))
	}
	return info.Size(), good, nil
}

// next reads a frame; false at the end and at the first one that is not whole.
func (in *loader) next(r io.Reader) bool {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return false
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxFrame {
		return false
	}
	in.frame = slices.Grow(in.frame[:0], int(n))[:n]
	if _, err := io.ReadFull(r, in.frame); err != nil {
		return false
	}
	return crc32.Checksum(in.frame, in.crc) == binary.BigEndian.Uint32(head[4:])
}

// items restores what a frame holds.
func (in *loader) items() bool {
	for b := in.frame; len(b) > 0; {
		switch {
		case b[0] == itemImage && len(b) >= imageHead:
			n := int(binary.BigEndian.Uint16(b[21:]))
			if len(b) < imageHead+n || n > maxState {
				return false
			}
			key := Key(b[1:17])
			in.restore(&key, binary.BigEndian.Uint32(b[17:]), b[imageHead:imageHead+n])
			b = b[imageHead+n:]
		case b[0] == itemPlace && len(b) >= placeSize:
			if in.trusted {
				in.position = binary.BigEndian.Uint64(b[1:])
			}
			b = b[placeSize:]
		default:
			return false
		}
	}
	return true
}

// logFiles lists the numbers of the snapshots and segments in dir, in order, and removes unfinished
// snapshots.
func logFiles(dir string) (snaps, logs []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		var n uint64
		var suffix string
		if _, err := fmt.Sscanf(e.Name(), "dedupe-%16x%s", &n, &suffix); err != nil {
			continue
		}
		switch suffix {
		case snapSuffix:
			snaps = append(snaps, n)
		case logSuffix:
			logs = append(logs, n)
		case tmpSuffix:
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.Sort(snaps)
	slices.Sort(logs)
	return snaps, logs, nil
}

// removeBefore deletes the snapshots and segments that snapshot n replaces.
func (g *stateLog) removeBefore(n uint64) error {
	snaps, logs, err := logFiles(g.dir)
	if err != nil {
		return err
	}
	var freed int64
	remove := func(path string) {
		if info, e := os.Stat(path); e == nil {
			freed += info.Size()
		}
		err = errors.Join(err, os.Remove(path))
	}
	for _, s := range snaps {
		if s < n {
			remove(g.path(s, snapSuffix))
		}
	}
	for _, s := range logs {
		if s < n {
			remove(g.path(s, logSuffix))
		}
	}
	g.mu.Lock()
	g.written = max(g.written-freed, 0)
	g.mu.Unlock()
	return err
}

func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
