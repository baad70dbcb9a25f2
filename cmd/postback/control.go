package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	// controlFile is the socket below data through which commands reach the
	// service that owns the folder.
	controlFile = "control.sock"
	// controlDial bounds finding out whether anybody answers.
	controlDial = time.Second
	// maxControlPath is what every system takes as the path of a socket
	// (sockaddr_un, unix(7): 108 bytes, elsewhere 104).
	maxControlPath = 100
	maxControlBody = 1 << 20
)

// controlLine is one line of an answer: how far it is, and at the end what came
// of it, or why nothing did.
type controlLine struct {
	Progress *replayProgress `json:"progress,omitempty"`
	Summary  *replaySummary  `json:"summary,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// control serves commands over the socket. It is for whoever may open a file of
// mode 0600 in the data folder, and for nobody else.
type control struct {
	v      *service
	server *http.Server
	// ctx ends what runs when the service stops.
	ctx    context.Context //nolint:containedctx // the server's own life, ended by stop
	cancel context.CancelFunc
	// one replay runs at a time.
	replaying sync.Mutex
}

// openControl serves the socket. Without it the service does its work all the
// same, so failing is only said.
func (v *service) openControl() {
	path := filepath.Join(v.Data, controlFile)
	listener, release, err := listenControl(path)
	if err != nil {
		v.log.Warn("the control socket cannot be opened; replay needs the service to be stopped first", zap.String("path", path), zap.Error(err))
		return
	}
	c := &control{v: v}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /service", c.about)
	mux.HandleFunc("POST /replay", c.replay)
	c.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return c.ctx },
	}
	v.keep("control", func(ctx context.Context) error {
		defer release()
		c.cancel()
		return c.server.Shutdown(ctx)
	})
	go v.run(func() error {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("control socket: %w", err)
		}
		return nil
	})
}

// listenControl makes the socket, for its owner only, in place of one that a
// killed process left behind. release is called after the listener is closed.
func listenControl(path string) (net.Listener, func(), error) {
	short, release, err := shortPath(path)
	if err != nil {
		return nil, nil, err
	}
	listener, err := bindControl(short)
	if err != nil {
		release()
		return nil, nil, err
	}
	return listener, release, nil
}

func bindControl(path string) (net.Listener, error) {
	if _, err := os.Lstat(path); err == nil {
		if conn, err := net.DialTimeout("unix", path, controlDial); err == nil { //nolint:noctx // it has a timeout
			_ = conn.Close()
			return nil, errors.New("another process answers there: two services have one data folder")
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("the socket of an earlier run cannot be removed: %w", err)
		}
	}
	private := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// On Linux bind gives the file the mode of the socket, so that there is no
		// moment at which others could connect; elsewhere the call below has to do.
		return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	listener, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("it cannot be made: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("it cannot be kept from others: %w", err), listener.Close())
	}
	return listener, nil
}

// shortPath gives a path that fits into a socket's address, by way of the open
// folder where the system has one. release lets go of the folder.
func shortPath(path string) (short string, release func(), err error) {
	if len(path) <= maxControlPath {
		return path, func() {}, nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("its folder cannot be opened: %w", err)
	}
	short = filepath.Join("/proc/self/fd", strconv.FormatUint(uint64(folder.Fd()), 10), filepath.Base(path))
	if _, err := os.Stat(filepath.Dir(short)); errors.Is(err, fs.ErrNotExist) {
		_ = folder.Close()
		return "", nil, fmt.Errorf("its path has %d bytes, more than a socket may: choose a shorter data folder", len(path))
	}
	return short, func() { _ = folder.Close() }, nil
}

// about says who answers.
func (c *control) about(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"pid": os.Getpid(), "started": c.v.started.UTC().Format(time.RFC3339)})
}

// replay runs a replay inside the service and tells how it goes, line by line.
// It ends when whoever asked is gone.
func (c *control) replay(w http.ResponseWriter, r *http.Request) {
	lines := &controlWriter{w: w, encoder: json.NewEncoder(w)}
	var options replayOptions
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&options); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		lines.write(controlLine{Error: "the request cannot be read: " + err.Error() + ": are both of the same version?"})
		return
	}
	if !c.replaying.TryLock() {
		w.WriteHeader(http.StatusConflict)
		lines.write(controlLine{Error: "another replay is running; wait for its end"})
		return
	}
	defer c.replaying.Unlock()
	summary, err := c.v.replay(r.Context(), options, c.v.server.Directory(), c.v.replaySource(&options), func(p replayProgress) {
		lines.write(controlLine{Progress: &p})
	})
	if err != nil {
		c.v.log.Warn("a replay ended early", zap.Error(err))
		lines.write(controlLine{Summary: &summary, Error: err.Error()})
		return
	}
	c.v.log.Info("replayed", zap.String("from", options.From), zap.Bool("dry_run", options.DryRun),
		zap.Int("sent", summary.Sent), zap.Int("failed", summary.Failed), zap.Int("done_before", summary.DoneBefore))
	lines.write(controlLine{Summary: &summary})
}

// controlWriter sends each line at once.
type controlWriter struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	encoder *json.Encoder
}

func (c *controlWriter) write(line controlLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.encoder.Encode(line) // who asked may be gone, which ends the request's context
	if flusher, ok := c.w.(http.Flusher); ok {
		flusher.Flush()
	}
}
