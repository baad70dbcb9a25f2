package journal

import (
	"errors"
	"fmt"
)

// Reasons for which the journal says no. Errors returned by the package wrap them.
var (
	// ErrFull means that the size limit or the disk leaves no room; nothing was
	// written. Appending works again when Trim or the disk made room.
	ErrFull = errors.New("journal: full")
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("journal: closed")
	// ErrTooLarge means that a record, or the records of one Append together,
	// exceed MaxRecord or MaxAppend; trying again cannot help.
	ErrTooLarge = errors.New("journal: too large")
	// ErrLocked is what a LockedError wraps.
	ErrLocked = errors.New("journal: folder is in use by another process")
)

// LockedError is returned by Open when another owner holds the folder. Only one
// process may append to a folder; View reads it without owning it.
type LockedError struct {
	// Dir is the folder.
	Dir string
	// PID is the owner's process number as it wrote it, 0 when unknown.
	PID int
}

// Error names the folder and its owner.
func (e *LockedError) Error() string {
	return fmt.Sprintf("journal: %s is in use by process %d: stop it or configure another folder", e.Dir, e.PID)
}

// Unwrap returns ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }
