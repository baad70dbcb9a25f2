package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

// stopBudget bounds an orderly stop: less than the half minute an orchestrator
// waits before it kills.
const stopBudget = 25 * time.Second

func newServe(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "serve receives postbacks until it gets SIGINT or SIGTERM. With no configuration at all it listens\n" +
			"on 127.0.0.1:8080 with an open property \"demo\"; the journal below ./postback-data is the topic.\n" +
			"With --kafka the journal drains into Kafka, with --redis many instances share their dedupe state.\n" +
			"SIGHUP reads properties and networks again.",
		Example: "  postback serve\n" +
			"  postback serve --config postback.yaml\n" +
			"  postback serve --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379",
		Args: argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "listen", "admin", "data", "kafka", "redis", "ack")
	cmd.RunE = func(*cobra.Command, []string) error {
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(signals)
		return serve(s, keys.sources(), signals)
	}
	return cmd
}

// serve builds the service leaves first, waits for a signal or a failure, and
// takes it down in reverse.
func serve(s streams, from sources, signals <-chan os.Signal) error {
	var warnings []string
	c, err := mustLoad(from, func(line string) { warnings = append(warnings, line) })
	if err != nil {
		return err
	}
	v := &service{setup: c, from: from, log: newLogger(s.err, c), started: time.Now()}
	for _, line := range warnings {
		v.log.Warn("configuration", zap.String("warning", line))
	}
	if err := v.build(s.err); err != nil {
		v.abandon()
		return err
	}
	v.announce(s)
	for {
		select {
		case err := <-v.failed:
			v.log.Error("a listener ended", zap.Error(err))
			return errors.Join(err, v.stop(signals))
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				_ = v.reload() // it logs what it did
				continue
			}
			v.log.Info("stopping", zap.Stringer("signal", sig))
			return v.stop(signals)
		}
	}
}

// part is one thing that was started and has to be stopped.
type part struct {
	name string
	stop func(context.Context) error
}

// keep remembers how to stop what was just started.
func (v *service) keep(name string, stop func(context.Context) error) {
	v.parts = append(v.parts, part{name, stop})
}

// keepLast is keep for what shall see all others end.
func (v *service) keepLast(name string, stop func(context.Context) error) {
	v.parts = append([]part{{name, stop}}, v.parts...)
}

// stop takes the service down: no new requests, answers for those that came,
// then the lanes, the stores and the journal. A second signal ends the
// patience.
func (v *service) stop(signals <-chan os.Signal) error {
	v.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case sig := <-signals:
				if sig != syscall.SIGHUP {
					cancel()
				}
			case <-done:
				return
			}
		}
	}()
	began := time.Now()
	err := v.unwind(ctx)
	if err != nil {
		v.log.Error("stopped, but not cleanly", zap.Duration("took", time.Since(began)), zap.Error(err))
		return fmt.Errorf("stopping: %w", err)
	}
	v.log.Info("stopped", zap.Duration("took", time.Since(began)), zap.Duration("ran", time.Since(v.started)))
	_ = v.log.Sync()
	return nil
}

// unwind stops the parts in reverse order of their start.
func (v *service) unwind(ctx context.Context) error {
	var errs []error
	for i := len(v.parts) - 1; i >= 0; i-- {
		p := v.parts[i]
		began := time.Now()
		if err := p.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
		v.log.Debug("stopped part", zap.String("part", p.name), zap.Duration("took", time.Since(began)))
	}
	v.parts = nil
	return errors.Join(errs...)
}

// abandon takes down what was built before a start failed.
func (v *service) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	if err := v.unwind(ctx); err != nil {
		v.log.Error("taking down", zap.Error(err))
	}
}

// closer adapts a Close without a context.
func closer(c io.Closer) func(context.Context) error {
	return func(context.Context) error { return c.Close() }
}
