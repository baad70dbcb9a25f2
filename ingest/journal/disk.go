package journal

// Disk returns the real file system, the one a nil Config.FS stands for: what a
// test or a tool wraps to see or to disturb.
func Disk() FS { return diskFS{} }
