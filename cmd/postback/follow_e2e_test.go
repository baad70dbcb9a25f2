package main

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// followed is a running tail -f and what it has printed.
type followed struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	out  bytes.Buffer
	done chan struct{}
}

// Write implements io.Writer for the process's output.
func (f *followed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(p)
}

func (f *followed) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.String()
}

// follow starts tail -f --json in a folder.
func follow(t *testing.T, folder string, args ...string) *followed {
	t.Helper()
	f := &followed{done: make(chan struct{})}
	f.cmd = exec.Command(program(t), append([]string{"tail", "-f", "--json"}, args...)...)
	f.cmd.Dir, f.cmd.Env, f.cmd.Stdout = folder, cleanEnv(), f
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.done)
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-f.done
	})
	return f
}

// interrupt ends it as Ctrl-C does and returns its exit status.
func (f *followed) interrupt(t *testing.T) int {
	t.Helper()
	if err := f.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.done:
	case <-time.After(10 * time.Second):
		t.Fatal("tail -f does not end")
	}
	return f.cmd.ProcessState.ExitCode()
}
