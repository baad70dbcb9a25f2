package main

import "golang.org/x/sys/unix"

// inMemory reports whether a folder lies on a file system that a reboot
// empties.
func inMemory(folder string) bool {
	var info unix.Statfs_t
	if err := unix.Statfs(folder, &info); err != nil {
		return false
	}
	switch uint32(info.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return true
	}
	return false
}
