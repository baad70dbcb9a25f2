//go:build !linux

package journal

// Allocate makes a sparse file: a full disk shows when a group is written.
func (f diskFile) Allocate(size int64) error { return f.File.Truncate(size) }
