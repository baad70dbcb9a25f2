package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/admin"
	"github.com/postbackhq/postback/ingest/journal"
)

// service is a running postback.
type service struct {
	*setup
	from    sources
	log     *zap.Logger
	started time.Time

	journal  *journal.Journal
	local    *dedupe.Local // nil with Redis
	redis    *dedupe.Redis // nil without
	metrics  *ingest.Metrics
	pipeline *ingest.Pipeline
	server   *ingest.Server
	admin    *admin.Server

	collectAt, adminAt net.Addr

	parts    []part
	failed   chan error
	stopping atomic.Bool
	// full says that the journal refuses what comes.
	full atomic.Bool
}

// build starts everything, leaves first.
func (v *service) build(talk io.Writer) error {
	v.failed = make(chan error, 2)
	alarm := newAlarms(v.log).ring
	if err := v.openPipeline(talk, alarm); err != nil {
		return err
	}
	v.metrics = ingest.NewMetrics()
	v.metrics.Observe(v.pipeline)
	v.keep("housekeeping", v.startHousekeeping())
	if err := v.openAdmin(); err != nil {
		return err
	}
	if err := v.openCollect(alarm); err != nil {
		return err
	}
	v.openControl()
	return nil
}

// openPipeline takes the data folder and starts the way of a postback.
func (v *service) openPipeline(talk io.Writer, alarm func(string, error)) error {
	owner, err := v.openData()
	if err != nil {
		return err
	}
	store, err := v.openStore(talk, owner)
	if err != nil {
		return err
	}
	pipeline := ingest.PipelineConfig{
		Ack: v.ack(), Budgets: v.budgets(), Store: store, Journal: v.journal, Owner: owner, Alarm: alarm,
	}
	if !v.embedded() {
		pipeline.Kafka = v.kafka()
	}
	if v.pipeline, err = ingest.Open(pipeline); err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	v.keep("pipeline", v.pipeline.Close)
	return nil
}

// openData takes the data folder: its journal and the number of this instance.
func (v *service) openData() (owner uint32, err error) {
	if err := os.MkdirAll(v.Data, 0o700); err != nil {
		return 0, fmt.Errorf("the data folder %s cannot be made: %s: make it writable, or choose another with --data", v.Data, reasonOf(err))
	}
	v.journal, err = journal.Open(v.journalConfig())
	if locked, ok := errors.AsType[*journal.LockedError](err); ok {
		owner := "another process"
		if locked.PID > 0 {
			owner = "process " + strconv.Itoa(locked.PID)
		}
		return 0, fmt.Errorf("the data folder %s is in use by %s: stop that one, or choose another folder with --data", v.Data, owner)
	}
	if err != nil {
		return 0, fmt.Errorf("the data folder %s cannot be used: %w", v.Data, err)
	}
	v.keep("journal", closer(v.journal))
	if owner, err = instanceNumber(filepath.Join(v.Data, instanceFile)); err != nil {
		return 0, err
	}
	return owner, nil
}

// instanceNumber reads the number that tells this instance from others in a
// shared store, and makes it once: it must live exactly as long as the journal.
func instanceNumber(path string) (uint32, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 32)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%s holds no instance number: restore it, or delete it together with the journal beside it", path)
		}
		return uint32(n), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("the instance number cannot be read: %w", err)
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	n := binary.BigEndian.Uint32(b[:]) | 1
	if err := writeDurably(path, strconv.FormatUint(uint64(n), 10)+"\n"); err != nil {
		return 0, fmt.Errorf("the instance number cannot be kept: %w", err)
	}
	return n, nil
}

// writeDurably makes a file that is there as a whole or not at all, also after
// a power failure.
func writeDurably(path, text string) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// openStore opens the dedupe store that is configured.
func (v *service) openStore(talk io.Writer, owner uint32) (dedupe.Store, error) {
	if v.Redis.URL == "" {
		local, err := dedupe.OpenLocal(v.localConfig(owner))
		if err != nil {
			return nil, fmt.Errorf("the dedupe state cannot be used: %w", err)
		}
		v.local = local
		v.keep("dedupe", closer(local))
		return local, nil
	}
	shared, err := dedupe.DialRedis(v.redisConfig(owner))
	if err != nil {
		return nil, &usageError{err: err}
	}
	v.redis = shared
	v.keep("dedupe", closer(shared))
	v.seed(talk, owner)
	return shared, nil
}

// listen opens a socket and says what to do when it cannot.
func listen(address, flag string) (net.Listener, error) {
	var sockets net.ListenConfig
	listener, err := sockets.Listen(context.Background(), "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another process: stop that one, or choose another address with --%s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be listened on: ports below 1024 need the right to it; choose another with --%s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be listened on: %w: choose another with --%s", address, err, flag)
	}
	return listener, nil
}

func (v *service) openAdmin() error {
	if v.Admin == "" {
		return nil
	}
	listener, err := listen(v.Admin, "admin")
	if err != nil {
		return err
	}
	v.adminAt = listener.Addr()
	v.admin = admin.New(admin.Config{
		Registry: v.metrics.Registry, Ready: v.readiness, Reload: v.reload,
		Token: v.adminToken, Loopback: isLoopback(v.Admin),
	})
	v.keepLast("admin", v.admin.Shutdown)
	go v.run(func() error { return v.admin.Serve(listener) })
	return nil
}

func (v *service) openCollect(alarm func(string, error)) error {
	c, err := v.serverConfig()
	if err != nil {
		return err
	}
	c.Alarm = alarm
	listener, err := listen(v.Listen, "listen")
	if err != nil {
		return err
	}
	v.collectAt = listener.Addr()
	v.server = ingest.NewServer(c, v.pipeline, v.directory, v.metrics)
	v.keep("collect", func(ctx context.Context) error { return v.server.Shutdown(ctx) })
	go v.run(func() error { return v.server.Serve(listener) })
	return nil
}

// run reports a listener that ends by itself.
func (v *service) run(serve func() error) {
	if err := serve(); err != nil && !v.stopping.Load() {
		v.failed <- err
	}
}
