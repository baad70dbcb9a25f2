package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// FS is what the journal needs of a file system, small enough that a test can
// simulate one that loses power, fills up or fails. Names are full paths.
// Implementations must be safe for concurrent use.
type FS interface {
	// MakeDir creates dir and its parents with mode 0700 unless they exist.
	MakeDir(dir string) error
	// List returns the regular files of dir in any order.
	List(dir string) ([]FileInfo, error)
	// Create creates or empties a file with mode 0600, for reading and writing.
	Create(name string) (File, error)
	// Open opens an existing file; for reading only unless write is set. A
	// missing file's error is fs.ErrNotExist.
	Open(name string, write bool) (File, error)
	// Rename gives a file a new name, replacing what has it.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(name string) error
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
	// Lock takes the lock file for this owner until the Closer is closed.
	// When it is taken the error is a *LockedError.
	Lock(name string) (io.Closer, error)
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Allocate makes the file size bytes long, the new ones zero, and reserves
	// room on the disk for all of them if the file system can.
	Allocate(size int64) error
	// Truncate cuts the file to size bytes.
	Truncate(size int64) error
	// Sync puts the file's data, and its length, on stable storage.
	Sync() error
}

// FileInfo describes a file in a listing.
type FileInfo struct {
	// Name is the file's name within its folder.
	Name string
	// Size is its length in bytes.
	Size int64
	// Modified is when it was last written.
	Modified time.Time
}

// diskFS is the real file system.
type diskFS struct{}

func (diskFS) MakeDir(dir string) error     { return os.MkdirAll(dir, 0o700) }
func (diskFS) Rename(from, to string) error { return os.Rename(from, to) }
func (diskFS) Remove(name string) error     { return os.Remove(name) }
func (diskFS) Create(name string) (File, error) {
	return openDisk(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (diskFS) Open(name string, write bool) (File, error) {
	if write {
		return openDisk(name, os.O_RDWR)
	}
	return openDisk(name, os.O_RDONLY)
}

func (diskFS) List(dir string) ([]FileInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	list := make([]FileInfo, 0, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since ReadDir
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			list = append(list, FileInfo{Name: info.Name(), Size: info.Size(), Modified: info.ModTime()})
		}
	}
	return list, nil
}

func (diskFS) SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock uses flock, which the kernel releases when the owner dies in any way. The
// file stays behind: removing it would let two processes lock two files.
func (diskFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Clean(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		text, _ := io.ReadAll(io.LimitReader(f, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		_ = f.Close()
		return nil, &LockedError{Dir: filepath.Dir(name), PID: pid}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// diskFile is a file of the real file system; Allocate and Sync differ by system.
type diskFile struct{ *os.File }

func openDisk(name string, flag int) (File, error) {
	f, err := os.OpenFile(filepath.Clean(name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}
