package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
)

// followEvery is how often a journal that somebody else writes is looked at.
const followEvery = 50 * time.Millisecond

// tailing is one run of tail.
type tailing struct {
	s      streams
	setup  *setup
	topic  uint8
	follow bool
	out    *bufio.Writer
	print  func(w *bufio.Writer, value []byte) error
}

func newTail(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Read the topic",
		Long: "tail prints the whole topic from its beginning and ends; with -f it goes on until it is interrupted.\n" +
			"It reads Kafka where brokers are configured, else the journal in the data folder; both may be in use.\n" +
			"On a terminal it prints aligned lines; in a pipe, or with --json, each record's value on a line of its\n" +
			"own, byte for byte (NDJSON).",
		Example: "  postback tail\n  postback tail -f --topic failed\n  postback tail --json | jq .commission\n  postback tail --kafka 127.0.0.1:9092",
		Args:    argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data", "kafka")
	follow := cmd.Flags().BoolP("follow", "f", false, "go on with what comes")
	topic := cmd.Flags().String("topic", "main", "`TOPIC`: main, failed or test")
	asJSON := cmd.Flags().Bool("json", false, "NDJSON, also on a terminal")
	pretty := cmd.Flags().Bool("pretty", false, "aligned lines, also in a pipe")
	cmd.RunE = func(*cobra.Command, []string) error {
		number, err := topicNumber(*topic)
		if err != nil {
			return err
		}
		if *asJSON && *pretty {
			return usagef("--json and --pretty exclude each other")
		}
		c, err := mustLoad(keys.sources(), func(string) {})
		if err != nil {
			return err
		}
		t := terminalOf(s.out, s.getenv)
		run := &tailing{s: s, setup: c, topic: number, follow: *follow, out: bufio.NewWriterSize(s.out, 64<<10), print: printRaw}
		if *pretty || t.is && !*asJSON {
			run.print = prettyPrinter(t, number)
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return run.read(ctx)
	}
	return cmd
}

func topicNumber(name string) (uint8, error) {
	switch name {
	case "main":
		return ingest.TopicMain, nil
	case "failed":
		return ingest.TopicFailed, nil
	case "test":
		return ingest.TopicTest, nil
	}
	names := []string{"main", "failed", "test"}
	return 0, usagef("--topic: %q is none of main, failed, test%s", name, didYouMean(name, names))
}

// printRaw writes a record's value and nothing else.
func printRaw(w *bufio.Writer, value []byte) error {
	_, _ = w.Write(value) // a bufio.Writer keeps its first error
	return w.WriteByte('\n')
}

func (t *tailing) read(ctx context.Context) error {
	if t.setup.embedded() {
		return t.readJournal(ctx)
	}
	return t.readKafka(ctx)
}

func (t *tailing) readKafka(ctx context.Context) error {
	var failed error
	err := publish.Tail(ctx, *t.setup.kafka(), t.setup.topics()[t.topic], t.follow, func(r publish.Fetched) bool {
		failed = t.print(t.out, r.Value)
		if failed == nil && t.follow {
			failed = t.out.Flush()
		}
		return failed == nil
	})
	if err = errors.Join(err, failed, t.out.Flush()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("tail: %w", err)
	}
	return nil
}

// readJournal reads the folder beside the process that owns it, or when that
// is gone.
func (t *tailing) readJournal(ctx context.Context) error {
	folder := filepath.Join(t.setup.Data, journalFolder)
	viewer, err := t.open(ctx, folder)
	if err != nil || viewer == nil {
		return err
	}
	next := uint64(0)
	for {
		var failed error
		next, err = viewer.Read(next, func(_ uint64, r journal.Record) bool {
			if r.Topic == t.topic {
				failed = t.print(t.out, r.Value)
			}
			return failed == nil && ctx.Err() == nil
		})
		if err = errors.Join(err, failed, t.out.Flush()); err != nil {
			return fmt.Errorf("tail: %w", err)
		}
		if !t.follow || !t.wait(ctx) {
			return nil
		}
	}
}

// open waits for the folder when it is followed and not there yet. A nil
// viewer without an error says that ctx ended first.
func (t *tailing) open(ctx context.Context, folder string) (*journal.Viewer, error) {
	told := false
	for {
		viewer, err := journal.View(folder)
		switch {
		case err == nil:
			return viewer, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the journal cannot be read: %w", err)
		case !t.follow:
			return nil, fmt.Errorf("there is no journal in %s: start `postback serve`, or say where it is with --data or --kafka", t.setup.Data)
		}
		if !told {
			fmt.Fprintf(t.s.err, "waiting for a journal in %s\n", t.setup.Data)
			told = true
		}
		if !t.wait(ctx) {
			return nil, nil
		}
	}
}

// wait reports whether to look again.
func (t *tailing) wait(ctx context.Context) bool {
	timer := time.NewTimer(followEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
