package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestASecondOwnerIsRefusedAndToldWhoTheFirstIs(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentSize: minSegmentSize}
	j := mustOpen(t, cfg)
	_, err := Open(cfg)
	var locked *LockedError
	if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || locked.PID != os.Getpid() || locked.Dir != cfg.Dir {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), cfg.Dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("the message is %q", err)
	}
	mustAppend(t, j, numbered(0))
	mustClose(t, j)
	mustClose(t, mustOpen(t, cfg))
}

const ownerDir = "JOURNAL_TEST_OWNER_DIR"

// TestOwnerProcess is not a test: another test runs it as a process that owns a
// journal, appends to it without end and waits to be killed.
func TestOwnerProcess(t *testing.T) {
	dir := os.Getenv(ownerDir)
	if dir == "" {
		t.Skip("optional: runs only as a child process of another test")
	}
	j := mustOpen(t, Config{Dir: dir, SegmentSize: 1 << 16, MaxSize: 1 << 30})
	for n := 0; ; n++ {
		mustAppend(t, j, numbered(n))
		fmt.Printf("acked %d\n", n)
	}
}

func TestAKilledProcessLeavesItsRecordsAndItsFolder(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestOwnerProcess$", "-test.v")
	child.Env = append(os.Environ(), ownerDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acked := -1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "acked %d", &acked); err != nil || acked < 500 {
			continue
		}
		break
	}
	_, err = Open(Config{Dir: dir})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != child.Process.Pid {
		t.Errorf("while it runs: %v", err)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		_, _ = fmt.Sscanf(lines.Text(), "acked %d", &acked)
	}
	_ = child.Wait() // killed
	j := mustOpen(t, Config{Dir: dir})
	defer mustClose(t, j)
	got, next := read(t, j, 0)
	wantNumbered(t, got, 0, int(next))
	if acked < 500 || int(next) <= acked {
		t.Fatalf("acknowledged up to %d, found up to %d", acked, next)
	}
}

func TestTheDiskAllocatesTruncatesAndSyncs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	var fsys diskFS
	if err := fsys.MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "f")
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Allocate(1<<20), f.Sync()); err != nil {
		t.Fatal(err)
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(name, &stat); err != nil || stat.Size != 1<<20 {
		t.Fatalf("size %d, %v", stat.Size, err)
	}
	if err := errors.Join(f.Truncate(100), f.Sync(), f.Close(), fsys.SyncDir(dir)); err != nil {
		t.Fatal(err)
	}
	list, err := fsys.List(dir)
	if err != nil || len(list) != 1 || list[0].Name != "f" || list[0].Size != 100 || list[0].Modified.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
}
