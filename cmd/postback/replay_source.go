package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
)

// replaySource gives the records of a topic as it is now.
type replaySource func(ctx context.Context, take func(replayRecord) bool) error

// journalReader is a journal that is owned, or one that is only looked at.
type journalReader interface {
	Read(from uint64, fn func(seq uint64, r journal.Record) bool) (next uint64, err error)
}

// replaySource reads the topic where it is: in Kafka, or in the journal.
func (v *service) replaySource(o *replayOptions) replaySource {
	if v.embedded() {
		return journalSource(v.journal, v.journal.First(), v.journal.Next(), o.topic())
	}
	return kafkaSource(v.setup, o.topic())
}

func journalSource(from journalReader, first, end uint64, topic uint8) replaySource {
	return func(ctx context.Context, take func(replayRecord) bool) error {
		_, err := from.Read(first, func(seq uint64, r journal.Record) bool {
			if seq >= end || ctx.Err() != nil {
				return false
			}
			if r.Topic != topic {
				return true
			}
			r.Key, r.Value, r.Headers, r.Meta = bytes.Clone(r.Key), bytes.Clone(r.Value), bytes.Clone(r.Headers), nil
			return take(replayRecord{Record: r, read: seq - first + 1, total: end - first})
		})
		if err != nil {
			return fmt.Errorf("reading the journal: %w", err)
		}
		return nil
	}
}

func kafkaSource(c *setup, topic uint8) replaySource {
	return func(ctx context.Context, take func(replayRecord) bool) error {
		read := uint64(0)
		err := publish.Tail(ctx, *c.kafka(), c.topics()[topic], false, func(f publish.Fetched) bool {
			read++
			return take(replayRecord{Record: fetchedRecord(&f, topic), read: read})
		})
		if err != nil {
			return fmt.Errorf("reading Kafka: %w", err)
		}
		return nil
	}
}

// fetchedRecord is a record of Kafka in the journal's form.
func fetchedRecord(f *publish.Fetched, topic uint8) journal.Record {
	r := journal.Record{Topic: topic, Time: f.Time, Key: f.Key, Value: f.Value}
	if len(f.Headers) > 0 {
		headers := make([]journal.Header, len(f.Headers))
		for i, h := range f.Headers {
			headers[i] = journal.Header(h)
		}
		r.Headers = journal.AppendHeaders(nil, headers...)
	}
	return r
}

// replay runs in whoever owns the folder: the service, or the command itself.
func (v *service) replay(ctx context.Context, options replayOptions, directory *ingest.Directory, read replaySource, tell func(replayProgress)) (replaySummary, error) {
	done, err := openReplays(filepath.Join(v.Data, replaysFile), options.DryRun)
	if err != nil {
		return replaySummary{}, err
	}
	r := &replayer{options: options, pipeline: v.pipeline, done: done, tell: tell, lookup: directory.Lookup, read: read}
	summary, err := r.run(ctx)
	return summary, errors.Join(err, done.close())
}

// replayKafkaBudget bounds the wait for Kafka at the start of a command.
const replayKafkaBudget = 20 * time.Second

// openFolder takes a data folder that no service owns, with everything serve
// has behind its listeners.
func openFolder(ctx context.Context, s streams, c *setup, from sources) (*service, error) {
	v := &service{setup: c, from: from, log: newLogger(s.err, c), started: time.Now()}
	if err := v.openPipeline(s.err, newAlarms(v.log).ring); err != nil {
		v.abandon()
		return nil, err
	}
	if err := v.awaitKafka(ctx); err != nil {
		v.abandon()
		return nil, err
	}
	return v, nil
}

// awaitKafka waits until Kafka takes events and has what waited in the journal,
// so that the topic is complete before it is read.
func (v *service) awaitKafka(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replayKafkaBudget)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		stats := v.pipeline.Stats()
		if !stats.KafkaConfigured || stats.KafkaUp && stats.JournalPending == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if stats.KafkaError != nil {
				return fmt.Errorf("kafka does not answer: %w", stats.KafkaError)
			}
			return fmt.Errorf("the journal has %d events that are not in Kafka yet: run it again", stats.JournalPending)
		}
	}
}

// openShadow gives a pipeline that knows what the folder knows and changes
// nothing there: its dedupe state is a copy, its journal an empty one.
func openShadow(c *setup) (*service, error) {
	temporary, err := os.MkdirTemp("", "postback-dry-run-")
	if err != nil {
		return nil, fmt.Errorf("a dry run needs a temporary folder: %w", err)
	}
	copied := *c
	copied.Data = temporary
	copied.Kafka.Brokers = nil
	v := &service{setup: &copied, log: newLogger(os.Stderr, c)}
	v.keep("copy", func(context.Context) error { return os.RemoveAll(temporary) })
	if err := v.buildShadow(c); err != nil {
		v.abandon()
		return nil, err
	}
	return v, nil
}

func (v *service) buildShadow(of *setup) error {
	var err error
	if v.journal, err = journal.Open(v.journalConfig()); err != nil {
		return fmt.Errorf("a dry run's journal: %w", err)
	}
	v.keep("journal", closer(v.journal))
	owner := uint32(1)
	if path := filepath.Join(of.Data, instanceFile); fileExists(path) {
		if owner, err = instanceNumber(path); err != nil {
			return err
		}
	}
	store, err := v.shadowStore(of, owner)
	if err != nil {
		return err
	}
	v.keep("dedupe", closer(store))
	v.pipeline, err = ingest.Open(ingest.PipelineConfig{
		Ack: ingest.AckJournal, Budgets: of.budgets(), Store: store, Journal: v.journal, Owner: owner, Alarm: newAlarms(v.log).ring,
	})
	if err != nil {
		return fmt.Errorf("a dry run's pipeline: %w", err)
	}
	v.keep("pipeline", v.pipeline.Close)
	return nil
}

// shadowStore is Redis, which a look-up does not change, or a copy of the local
// state with what only the journal knows so far.
func (v *service) shadowStore(of *setup, owner uint32) (dedupe.Store, error) {
	if of.Redis.URL != "" {
		store, err := dedupe.DialRedis(of.redisConfig(owner))
		if err != nil {
			return nil, &usageError{err: err}
		}
		return store, nil
	}
	if state := filepath.Join(of.Data, dedupeFolder); fileExists(state) {
		if err := os.CopyFS(filepath.Join(v.Data, dedupeFolder), os.DirFS(state)); err != nil {
			return nil, fmt.Errorf("the dedupe state cannot be copied for a dry run: %w", err)
		}
	}
	local, err := dedupe.OpenLocal(v.localConfig(owner))
	if err != nil {
		return nil, fmt.Errorf("the dedupe state cannot be read: %w", err)
	}
	if err := catchUp(local, filepath.Join(of.Data, journalFolder)); err != nil {
		return nil, errors.Join(err, local.Close())
	}
	return local, nil
}

// catchUp gives a store the marks of the journal behind its position.
func catchUp(local *dedupe.Local, folder string) error {
	viewer, err := journal.View(folder)
	if err != nil {
		return fmt.Errorf("the journal cannot be read: %w", err)
	}
	var marks []dedupe.Mark
	_, err = viewer.Read(local.Position(), func(_ uint64, r journal.Record) bool {
		if mark, err := dedupe.DecodeMark(r.Meta); err == nil && len(r.Meta) > 0 {
			mark.Standing = dedupe.StandingDone
			marks = append(marks, mark)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("the journal cannot be read: %w", err)
	}
	return local.Claim(context.Background(), marks, nil, nil)
}
