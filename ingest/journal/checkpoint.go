package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

const (
	checkpointMagic = "pbpublsh"
	slotBytes       = 28 // magic, turn, sequence number, CRC
	slotSpacing     = blockBytes
)

// checkpoint is the file that remembers what is published: two slots, in blocks
// of their own, written in turn. A write that a crash cuts leaves the other slot,
// and costs no rename, so it can follow every published batch.
type checkpoint struct {
	path string

	mu    sync.Mutex
	file  File
	seq   uint64
	turn  uint64 // of the last write
	dirty bool   // written since the last sync
}

// openCheckpoint reads the newer intact slot. A file without one counts as 0:
// publishing again is allowed, forgetting is not.
func openCheckpoint(fsys FS, path string) (*checkpoint, error) {
	f, err := fsys.Open(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = fsys.Create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: open checkpoint: %w", err)
	}
	c := &checkpoint{path: path, file: f}
	c.seq, c.turn, err = readCheckpoint(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: read %s: %w", path, err), f.Close())
	}
	return c, nil
}

// readCheckpoint returns the newer intact slot of f.
func readCheckpoint(f File) (seq, turn uint64, err error) {
	b := make([]byte, slotBytes)
	for slot := range int64(2) {
		if err := readLenient(f, b, slot*slotSpacing); err != nil {
			return 0, 0, err
		}
		if string(b[:8]) != checkpointMagic || binary.LittleEndian.Uint32(b[24:]) != checksum(b[:24]) {
			continue
		}
		if t := binary.LittleEndian.Uint64(b[8:]); t > turn {
			turn, seq = t, binary.LittleEndian.Uint64(b[16:])
		}
	}
	return seq, turn, nil
}

func (c *checkpoint) get() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq
}

// set moves the checkpoint forward; a lower value changes nothing.
func (c *checkpoint) set(seq uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return ErrClosed
	}
	if seq <= c.seq {
		return nil
	}
	c.seq = seq
	c.turn++
	var slot [slotBytes]byte
	b := append(slot[:0], checkpointMagic...)
	b = binary.LittleEndian.AppendUint64(b, c.turn)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint32(b, checksum(b))
	if _, err := c.file.WriteAt(b, int64(c.turn%2)*slotSpacing); err != nil {
		return fmt.Errorf("journal: write %s: %w", c.path, err)
	}
	c.dirty = true
	return nil
}

// sync makes the last value durable.
func (c *checkpoint) sync() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.syncLocked()
}

func (c *checkpoint) syncLocked() error {
	if c.file == nil || !c.dirty {
		return nil
	}
	if err := c.file.Sync(); err != nil {
		return fmt.Errorf("journal: fdatasync %s: %w", c.path, err)
	}
	c.dirty = false
	return nil
}

func (c *checkpoint) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	err := errors.Join(c.syncLocked(), c.file.Close())
	c.file = nil
	return err
}
