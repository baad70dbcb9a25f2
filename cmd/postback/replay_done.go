package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/postbackhq/postback/schema"
)

const (
	// replaysFile remembers, below data, the failed_ids that were replayed with
	// success: one a line. The topic itself never changes.
	replaysFile = "replays"
	// replaysEvery is how many may be forgotten by a crash; a replay of those
	// once more meets the dedupe.
	replaysEvery = 256
)

// replays knows which failed requests were replayed. It may be used by many
// goroutines.
type replays struct {
	mu      sync.Mutex
	known   map[schema.ID]bool
	file    *os.File // nil where nothing is to be written
	out     *bufio.Writer
	pending int
	err     error
}

// openReplays reads the file, and makes it where there is none unless it is
// only to be looked at. A line that a crash cut is left alone.
func openReplays(path string, readOnly bool) (*replays, error) {
	d := &replays{known: make(map[schema.ID]bool)}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("what was replayed before cannot be read: %w", err)
	}
	for line := range bytes.Lines(data) {
		if id, err := schema.ParseID(string(bytes.TrimSpace(line))); err == nil {
			d.known[id] = true
		}
	}
	if readOnly {
		return d, nil
	}
	if d.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("what is replayed cannot be remembered: %w", err)
	}
	d.out = bufio.NewWriter(d.file)
	if len(data) > 0 && data[len(data)-1] != '\n' {
		d.err = d.out.WriteByte('\n')
	}
	return d, nil
}

func (d *replays) has(id schema.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[id]
}

// add remembers an id.
func (d *replays) add(id schema.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[id] = true
	if d.file == nil {
		return
	}
	_, err := d.out.WriteString(id.String() + "\n")
	if d.pending++; d.pending >= replaysEvery {
		err = errors.Join(err, d.syncLocked())
	}
	d.err = errors.Join(d.err, err)
}

func (d *replays) syncLocked() error {
	d.pending = 0
	return errors.Join(d.out.Flush(), d.file.Sync())
}

// close writes what is left. An error says that a second run repeats some.
func (d *replays) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == nil {
		return nil
	}
	err := errors.Join(d.err, d.syncLocked(), d.file.Close())
	d.file = nil
	if err != nil {
		return fmt.Errorf("what was replayed is not remembered, a second run repeats it: %w", err)
	}
	return nil
}
