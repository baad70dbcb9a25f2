package journal

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"
)

const sectorBytes = 512 // what a disk writes whole or not at all

// memFS is a file system in memory that can lose power: it tells written bytes
// and names from durable ones. fault, when set, is asked before each operation
// and may fail it; it runs without the lock, so it may crash the file system.
type memFS struct {
	mu      sync.Mutex
	files   map[string]*memInode
	durable map[string]*memInode // names as of the last SyncDir
	locked  map[string]bool
	fault   func(op, name string) error
	now     func() time.Time
}

// memInode is a file's content. dirty are the sectors a sync would write; a
// failed sync forgets them, as Linux marks pages clean after an error.
type memInode struct {
	data, synced []byte
	dirty        map[int64]bool
	modified     time.Time
}

// memFile is an open memInode; it outlives its name.
type memFile struct {
	fs    *memFS
	inode *memInode
	name  string
}

func newMemFS() *memFS {
	return &memFS{
		files: map[string]*memInode{}, durable: map[string]*memInode{}, locked: map[string]bool{}, now: time.Now,
	}
}

// failing asks fault about an operation.
func (m *memFS) failing(op, name string) error {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(op, filepath.Base(name))
}

func (m *memFS) setFault(fault func(op, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

func (m *memFS) MakeDir(string) error { return nil }

func (m *memFS) List(dir string) ([]FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []FileInfo
	for name, inode := range m.files {
		if filepath.Dir(name) == dir {
			list = append(list, FileInfo{Name: filepath.Base(name), Size: int64(len(inode.data)), Modified: inode.modified})
		}
	}
	return list, nil
}

func (m *memFS) Create(name string) (File, error) {
	if err := m.failing("create", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	inode := &memInode{dirty: map[int64]bool{}, modified: m.now()}
	m.files[name] = inode
	return &memFile{fs: m, inode: inode, name: name}, nil
}

func (m *memFS) Open(name string, _ bool) (File, error) {
	if err := m.failing("open", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	inode, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return &memFile{fs: m, inode: inode, name: name}, nil
}

func (m *memFS) Rename(from, to string) error {
	if err := m.failing("rename", from); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memFS) Remove(name string) error {
	if err := m.failing("remove", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	if err := m.failing("syncdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.durable = map[string]*memInode{}
	for name, inode := range m.files {
		m.durable[name] = inode
	}
	return nil
}

func (m *memFS) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[name] {
		return nil, &LockedError{Dir: filepath.Dir(name), PID: 1}
	}
	m.locked[name] = true
	return memLock{m, name}, nil
}

type memLock struct {
	fs   *memFS
	name string
}

func (l memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locked, l.name)
	return nil
}

// kill returns the file system as a new process finds it after the old one died:
// everything written, no locks, no faults. The old one stays as it is.
func (m *memFS) kill() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	after.now = m.now
	copies := map[*memInode]*memInode{}
	clone := func(inode *memInode) *memInode {
		if copies[inode] == nil {
			c := &memInode{data: clone(inode.data), synced: clone(inode.synced), dirty: map[int64]bool{}, modified: inode.modified}
			for sector := range inode.dirty {
				c.dirty[sector] = true
			}
			copies[inode] = c
		}
		return copies[inode]
	}
	for name, inode := range m.files {
		after.files[name] = clone(inode)
	}
	for name, inode := range m.durable {
		after.durable[name] = clone(inode)
	}
	return after
}

// powerLoss returns the file system after a power failure: of what was not
// synced, rng decides name by name and sector by sector what survived.
func (m *memFS) powerLoss(rng *rand.Rand) *memFS {
	after := m.kill()
	names := map[string]*memInode{}
	for name, inode := range after.durable {
		if _, still := after.files[name]; still || rng.IntN(2) == 0 {
			names[name] = inode
		}
	}
	for name, inode := range after.files {
		if after.durable[name] != inode && rng.IntN(2) == 0 {
			names[name] = inode
		}
	}
	for _, inode := range names {
		inode.tear(rng)
	}
	after.files = names
	_ = after.SyncDir("")
	return after
}

// tear leaves the synced content and a random part of what was not.
func (i *memInode) tear(rng *rand.Rand) {
	data := clone(i.synced)
	chance := rng.IntN(4)
	for sector := range i.dirty {
		begin := sector * sectorBytes
		if rng.IntN(3) >= chance || begin >= int64(len(i.data)) {
			continue
		}
		end := min(begin+sectorBytes, int64(len(i.data)))
		if grow := end - int64(len(data)); grow > 0 {
			data = append(data, make([]byte, grow)...)
		}
		copy(data[begin:end], i.data[begin:end])
	}
	i.data, i.synced, i.dirty = data, clone(data), map[int64]bool{}
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

func (f *memFile) Close() error { return nil }

// failing asks the fault, by the name the file has now.
func (f *memFile) failing(op string) error {
	f.fs.mu.Lock()
	name := f.name
	for n, inode := range f.fs.files {
		if inode == f.inode {
			name = n
		}
	}
	f.fs.mu.Unlock()
	return f.fs.failing(op, name)
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.failing("read"); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.inode.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes half of b when the fault says so.
func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.failing("write")
	if err != nil {
		b = b[:len(b)/2]
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.inode.resize(max(int64(len(f.inode.data)), off+int64(len(b))))
	copy(f.inode.data[off:], b)
	for sector := off / sectorBytes; sector*sectorBytes < off+int64(len(b)); sector++ {
		f.inode.dirty[sector] = true
	}
	f.inode.modified = f.fs.now()
	return len(b), err
}

// resize changes the length; what is new is zero and dirty.
func (i *memInode) resize(size int64) {
	for sector := int64(len(i.data)) / sectorBytes; sector*sectorBytes < size; sector++ {
		i.dirty[sector] = true
	}
	if size <= int64(len(i.data)) {
		i.data = i.data[:size:size]
		return
	}
	i.data = append(i.data, make([]byte, size-int64(len(i.data)))...)
}

func (f *memFile) Allocate(size int64) error {
	if err := f.failing("allocate"); err != nil {
		return err
	}
	return f.Truncate(size)
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.inode.resize(size)
	return nil
}

func (f *memFile) Sync() error {
	err := f.failing("sync")
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err == nil {
		synced := make([]byte, len(f.inode.data))
		copy(synced, f.inode.synced)
		for sector := range f.inode.dirty {
			begin := min(sector*sectorBytes, int64(len(synced)))
			end := min(begin+sectorBytes, int64(len(synced)))
			copy(synced[begin:end], f.inode.data[begin:end])
		}
		f.inode.synced = synced
	}
	f.inode.dirty = map[int64]bool{}
	return err
}
