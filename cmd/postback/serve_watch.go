package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/admin"
	"github.com/postbackhq/postback/ingest/journal"
)

const (
	trimEvery  = time.Minute
	watchEvery = time.Second
	// kafkaGrace is how long after the start Kafka may be away unmentioned.
	kafkaGrace = 3 * time.Second
)

// startHousekeeping trims the journal and watches what the parts count. It returns how to stop that.
func (v *service) startHousekeeping() func(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { v.trimEveryMinute(ctx) })
	running.Go(func() { v.watch(ctx) })
	return func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	}
}

func (v *service) trimEveryMinute(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.trim()
		}
	}
}

func (v *service) trim() {
	if err := v.journal.Trim(time.Now(), v.embedded()); err != nil {
		v.log.Warn("the journal cannot be trimmed", zap.Error(err))
	}
}

// watcher remembers what was said already.
type watcher struct {
	v       *service
	kafkaUp bool
	said    map[string]bool
	lost    uint64
	evicted uint64
	// refused, appended and bytes are the journal's counts as last seen.
	refused, appended uint64
	bytes             int64
}

func (v *service) watch(ctx context.Context) {
	w := &watcher{v: v, kafkaUp: true, said: make(map[string]bool)}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(v.pipeline.Stats())
			w.room(v.journal.Stats())
		}
	}
}

// look logs changes: Kafka going and coming, warnings about topics, and losses
// that must never happen silently.
func (w *watcher) look(s ingest.Stats) {
	log := w.v.log
	if s.JournalBytes > s.JournalLimit/4*3 {
		w.v.trim() // a full journal answers 503; room is not to wait for the minute
	}
	if s.KafkaConfigured && s.KafkaUp != w.kafkaUp && (s.KafkaUp || time.Since(w.v.started) > kafkaGrace) {
		w.kafkaUp = s.KafkaUp
		if s.KafkaUp {
			log.Info("kafka answers again", zap.Uint64("journal_pending", s.JournalPending))
		} else {
			log.Warn("kafka does not answer: "+w.v.meanwhile(), zap.Error(s.KafkaError))
		}
	}
	for _, warning := range s.KafkaWarnings {
		if !w.said[warning] {
			w.said[warning] = true
			log.Warn("kafka", zap.String("warning", warning))
		}
	}
	if s.JournalLost > w.lost {
		w.lost = s.JournalLost
		log.Error("the journal has acknowledged records that cannot be read", zap.Uint64("records", s.JournalLost))
	}
	if w.v.local == nil {
		return
	}
	if evicted := w.v.local.Stats().Evicted; evicted > w.evicted {
		w.evicted = evicted
		log.Warn("dedupe.max_memory is full: the oldest ids are forgotten, late repeats of them will pass", zap.Uint64("evicted", evicted))
	}
}

// room notices a journal that refuses what comes: from then on it counts as
// full until it takes something again or was trimmed. That it has room for the
// smallest record says little.
func (w *watcher) room(s journal.Stats) {
	switch {
	case s.Refused > w.refused && s.Appended == w.appended:
		w.v.full.Store(true)
	case s.Appended > w.appended, s.Bytes < w.bytes:
		w.v.full.Store(false)
	}
	w.refused, w.appended, w.bytes = s.Refused, s.Appended, s.Bytes
}

// journalRoom returns nil when the journal takes events.
func (v *service) journalRoom() error {
	if err := v.journal.Room(); err != nil || !v.full.Load() {
		return err
	}
	return fmt.Errorf("%w: it refuses what comes: raise journal.max_size, or bring Kafka back", journal.ErrFull)
}

// meanwhile says what becomes of postbacks while Kafka is away.
func (v *service) meanwhile() string {
	if v.Ack == "kafka" {
		return "postbacks are answered 503"
	}
	return "postbacks wait in the journal"
}

// readiness tells whether a 2xx could be made true right now.
func (v *service) readiness() admin.Readiness {
	stats := v.pipeline.Stats()
	room := v.journalRoom()
	journalPart := admin.Part{Name: "journal", OK: room == nil}
	switch used := fmt.Sprintf("%s of %s", size(stats.JournalBytes), size(stats.JournalLimit)); {
	case room != nil:
		journalPart.Detail = room.Error()
	case v.embedded():
		journalPart.Detail = used
	default:
		journalPart.Detail = fmt.Sprintf("%s, %d waiting for Kafka", used, stats.JournalPending)
	}
	parts := []admin.Part{journalPart}
	ready := room == nil
	if !v.embedded() {
		kafka := admin.Part{Name: "kafka", OK: stats.KafkaUp, Detail: fmt.Sprintf("%d queued", stats.KafkaQueued)}
		if !stats.KafkaUp && stats.KafkaError != nil {
			kafka.Detail = stats.KafkaError.Error()
		}
		parts = append(parts, kafka)
		switch v.Ack {
		case "kafka":
			ready = stats.KafkaUp
		case "hybrid":
			ready = stats.KafkaUp || room == nil
		}
	}
	parts = append(parts, v.dedupePart())
	if v.stopping.Load() {
		ready = false
		parts = append(parts, admin.Part{Name: "process", Detail: "stopping"})
	}
	return admin.Readiness{Ready: ready, Parts: parts}
}

// dedupePart never makes the whole unready: without its store everything is
// published.
func (v *service) dedupePart() admin.Part {
	p := admin.Part{Name: "dedupe", OK: true}
	switch {
	case v.redis != nil && v.redis.Stats().Away:
		p.OK, p.Detail = false, "Redis does not answer; events are published unasked"
	case v.redis != nil:
		p.Detail = "Redis"
	case v.local != nil:
		p.Detail = fmt.Sprintf("local, %d ids", v.local.Stats().IDs)
	}
	return p
}

// errRestart says that a reload found changes it cannot make.
var errRestart = errors.New("needs a restart")

// reload reads the configuration again and puts its properties and networks in
// force. With any problem in it nothing changes.
func (v *service) reload() error {
	c, err := mustLoad(v.from, func(line string) { v.log.Warn("configuration", zap.String("warning", line)) })
	if err != nil {
		v.log.Error("reload refused, the configuration in force stays", zap.Error(err))
		return err
	}
	v.server.SetDirectory(c.directory)
	v.log.Info("reloaded", zap.Int("properties", len(c.Properties)), zap.Int("integrations", c.integrations()))
	for _, key := range changedKeys(&v.config, &c.config) {
		v.log.Warn("a changed key", zap.String("key", key), zap.Error(errRestart))
	}
	return nil
}

// changedKeys lists the top-level keys that differ and that only a restart
// puts in force.
func changedKeys(old, next *config) []string {
	var keys []string
	a, b := reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("yaml")
		switch name {
		case "", "properties", "networks_dir":
			continue
		}
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			keys = append(keys, name)
		}
	}
	return keys
}
