package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
)

// orphanPatience is how long an orphan's replay goes on without Kafka taking
// anything.
const orphanPatience = 30 * time.Second

// forgetful is a store that knows nothing: what an orphan holds was judged when
// it came.
type forgetful struct{}

// Claim implements dedupe.Store.
func (forgetful) Claim(_ context.Context, _ []dedupe.Mark, _ []dedupe.Arrival, out []dedupe.Claim) error {
	for i := range out {
		out[i] = dedupe.Claim{Unknown: true}
	}
	return nil
}

// Look implements dedupe.Store.
func (f forgetful) Look(ctx context.Context, arrivals []dedupe.Arrival, out []dedupe.Claim) error {
	return f.Claim(ctx, nil, arrivals, out)
}

// Close implements dedupe.Store.
func (forgetful) Close() error { return nil }

// orphan is a journal whose process is gone, on its way into Kafka.
type orphan struct {
	s   streams
	v   *service
	bar *progressBar
	// first and start are the numbers of the oldest record and of the first that
	// was not published.
	first, start uint64
}

func newJournalReplay(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Bring what a lost instance left behind into Kafka",
		Long: "replay publishes what the journal of an orphaned data folder holds and Kafka does not: the same bytes\n" +
			"under the same ids, in their order, without asking the dedupe. It remembers how far it came, so it may\n" +
			"be interrupted and run again. With Redis configured it also says there that the events are published.\n" +
			"A folder that a live process owns is refused: that process publishes by itself.\n\n" +
			"Exit status: 0 when everything is in Kafka, 1 when something is left or cannot be read.",
		Example: "  postback journal replay --data /mnt/rescued --kafka 127.0.0.1:9092\n" +
			"  postback journal replay --data /mnt/rescued --config postback.yaml",
		Args: argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data", "kafka", "redis")
	cmd.RunE = func(*cobra.Command, []string) error {
		from := keys.sources()
		c, err := mustLoad(from, func(string) {})
		if err != nil {
			return err
		}
		if c.embedded() {
			return usagef("journal replay needs Kafka: name its brokers with --kafka, or a configuration with --config")
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		o := &orphan{s: s, v: &service{setup: c, from: from, log: newLogger(s.err, c)}, bar: newProgressBar(s)}
		return o.run(ctx)
	}
	return cmd
}

func (o *orphan) run(ctx context.Context) error {
	if err := o.open(); err != nil {
		o.v.abandon()
		return err
	}
	err := o.drain(ctx)
	o.bar.clear()
	published, next, lost := o.v.journal.Published(), o.v.journal.Next(), o.v.journal.Stats().LostRecords
	closing, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	refused := o.v.pipeline.Stats().KafkaRefused
	err = errors.Join(err, o.v.unwind(closing))
	fmt.Fprintf(o.s.out, "%s published, %d left", count(int(published-o.start), "record"), next-published)
	if refused > 0 {
		fmt.Fprintf(o.s.out, ", %d refused by Kafka and set aside in the failed topic", refused)
	}
	if lost > 0 {
		fmt.Fprintf(o.s.out, ", %d cannot be read", lost)
	}
	fmt.Fprintln(o.s.out)
	switch {
	case err != nil:
		return err
	case lost > 0:
		return fmt.Errorf("the journal is damaged: `postback journal verify --data %s` shows where", o.v.Data)
	}
	return nil
}

// open takes the folder and starts the drain.
func (o *orphan) open() error {
	folder, err := journalIn(o.v.Data)
	if err != nil {
		return err
	}
	c := o.v.journalConfig()
	c.Dir = folder
	o.v.journal, err = journal.Open(c)
	if locked, ok := errors.AsType[*journal.LockedError](err); ok {
		return fmt.Errorf("%s is no orphan: process %d owns it and publishes what it holds", o.v.Data, locked.PID)
	}
	if err != nil {
		return fmt.Errorf("the journal cannot be opened: %w", err)
	}
	o.v.keep("journal", closer(o.v.journal))
	o.first, o.start = o.v.journal.First(), o.v.journal.Published()
	if o.start = max(o.start, o.first); o.start > o.v.journal.Published() {
		if err := o.v.journal.SetPublished(o.start); err != nil {
			return fmt.Errorf("the journal cannot remember how far it is published: %w", err)
		}
	}
	store, owner, err := o.store()
	if err != nil {
		return err
	}
	o.v.keep("dedupe", closer(store))
	o.v.pipeline, err = ingest.Open(ingest.PipelineConfig{
		Ack: ingest.AckJournal, Budgets: o.v.budgets(), Store: store, Journal: o.v.journal, Owner: owner,
		Kafka: o.v.kafka(), Alarm: newAlarms(o.v.log).ring,
	})
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	o.v.keep("pipeline", o.v.pipeline.Close)
	return nil
}

// store is Redis where it is configured, which then learns that the orphan's
// events are done, under the orphan's own number.
func (o *orphan) store() (dedupe.Store, uint32, error) {
	owner := uint32(1)
	if path := filepath.Join(o.v.Data, instanceFile); fileExists(path) {
		var err error
		if owner, err = instanceNumber(path); err != nil {
			return nil, 0, err
		}
	}
	if o.v.Redis.URL == "" {
		return forgetful{}, owner, nil
	}
	store, err := dedupe.DialRedis(o.v.redisConfig(owner))
	if err != nil {
		return nil, 0, &usageError{err: err}
	}
	return store, owner, nil
}

// drain waits until everything is in Kafka.
func (o *orphan) drain(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	before, since := o.start, time.Now()
	for {
		published, next := o.v.journal.Published(), o.v.journal.Next()
		if published >= next {
			return nil
		}
		if published > before {
			before, since = published, time.Now()
		}
		o.bar.show("publish", published-o.start, next-o.start, fmt.Sprintf("%d left", next-published))
		if time.Since(since) > orphanPatience {
			return fmt.Errorf("kafka takes nothing for %s: run it again when it does: %w", orphanPatience, o.reason())
		}
		select {
		case <-ctx.Done():
			return errors.New("interrupted; what is published is remembered, run it again")
		case <-tick.C:
		}
	}
}

// reason is Kafka's word on why nothing is taken.
func (o *orphan) reason() error {
	if err := o.v.pipeline.Stats().KafkaError; err != nil {
		return err
	}
	return errors.New("it gives no reason")
}
