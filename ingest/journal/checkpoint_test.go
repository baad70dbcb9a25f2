package journal

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

func TestACheckpointSlotThatIsDamagedLeavesTheOneBefore(t *testing.T) {
	fsys := newMemFS()
	path := filepath.Join(testDir, "published")
	c, err := openCheckpoint(fsys, path)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq < 6; seq++ {
		if err := c.set(seq * 10); err != nil {
			t.Fatal(err)
		}
		newest := int(seq%2) * slotSpacing
		for at := range slotBytes {
			after := fsys.kill()
			after.files[path].data[newest+at] ^= 1
			again, err := openCheckpoint(after, path)
			if err != nil || again.get() != (seq-1)*10 {
				t.Fatalf("%d set, byte %d flipped: %d, %v", seq*10, at, again.get(), err)
			}
		}
		again, err := openCheckpoint(fsys.kill(), path)
		if err != nil || again.get() != seq*10 {
			t.Fatalf("%d set: %d, %v", seq*10, again.get(), err)
		}
	}
}

func TestACheckpointThatCannotBeWrittenHoldsInMemoryAndSaysSo(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	mustAppend(t, j, numberedRange(0, 9)...)
	fail, _ := failing("write", "published", syscall.ENOSPC, 1)
	fsys.setFault(fail)
	if err := j.SetPublished(4); !errors.Is(err, syscall.ENOSPC) || j.Published() != 4 {
		t.Fatalf("published %d, %v", j.Published(), err)
	}
	if err := j.SetPublished(5); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if j = mustOpen(t, small(fsys)); j.Published() != 5 {
		t.Fatalf("published %d", j.Published())
	}
	mustClose(t, j)
}
