package journal

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Allocate reserves blocks with fallocate; a file system without it gets a
// sparse file, and then a full disk shows when a group is written.
func (f diskFile) Allocate(size int64) error {
	err := ignoringInterrupts(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.File.Truncate(size)
	}
	return err
}

// Sync is fdatasync: the length is covered, the modification time is not.
func (f diskFile) Sync() error {
	return ignoringInterrupts(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// ignoringInterrupts repeats a call that a signal interrupted before it did anything.
func ignoringInterrupts(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
