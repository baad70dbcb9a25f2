package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
)

// Bounds of seeding: marks in one trip, how long one trip may be tried again,
// and the whole.
const (
	seedTrip    = 256
	seedPatient = 2 * time.Second
	seedBudget  = 10 * time.Minute
)

// errSeeding says that Redis did not take the state.
var errSeeding = errors.New("redis does not take the local dedupe state")

// seed carries the local dedupe state into Redis at the first start with it,
// so that what is known stays known. Where Redis does not answer, the next
// start tries again; until then repeats from before may pass once more.
func (v *service) seed(talk io.Writer, owner uint32) {
	marker := filepath.Join(v.Data, seededFile)
	if fileExists(marker) {
		return
	}
	if fileExists(filepath.Join(v.Data, dedupeFolder)) {
		n, err := v.copyState(owner)
		if err != nil {
			v.log.Warn("the local dedupe state is not in Redis yet; the next start tries again", zap.Error(err))
			return
		}
		if n > 0 {
			fmt.Fprintf(talk, "seeded Redis with %s from the local dedupe state\n", count(n, "known state"))
		}
	}
	if err := writeDurably(marker, time.Now().UTC().Format(time.RFC3339)+"\n"); err != nil {
		v.log.Warn("the seeding of Redis cannot be remembered; it will be repeated, which does no harm", zap.Error(err))
	}
}

// seeding is one copy of the local state into Redis.
type seeding struct {
	v     *service
	ctx   context.Context // bounds the one copy
	owner uint32
	// waiting are the keys of events that the journal holds for Kafka.
	waiting map[dedupe.Key]bool
	marks   []dedupe.Mark
	total   int
	err     error
}

// copyState hands every known state to Redis: those of the state log, and the
// journal's tail, which after a crash is ahead of it. What waits in the journal
// for Kafka counts as journaled by this instance, all else as done.
func (v *service) copyState(owner uint32) (int, error) {
	local, err := dedupe.OpenLocal(v.localConfig(owner))
	if err != nil {
		return 0, fmt.Errorf("the local dedupe state cannot be read: %w", err)
	}
	defer func() { _ = local.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), seedBudget)
	defer cancel()
	s := &seeding{v: v, ctx: ctx, owner: owner, waiting: make(map[dedupe.Key]bool)}
	if !v.embedded() {
		s.journal(v.journal.Published(), func(m *dedupe.Mark) bool {
			s.waiting[m.Key] = true
			return true
		})
	}
	local.Each(func(k dedupe.Key, state *dedupe.State, expires time.Time) bool {
		for i := range state.Len() {
			s.add(state.Mark(i, k, time.Until(expires)))
		}
		return s.err == nil
	})
	s.journal(local.Position(), func(m *dedupe.Mark) bool {
		s.add(*m)
		return s.err == nil
	})
	s.flush()
	return s.total, s.err
}

// journal reads the marks of the journal from a sequence number on.
func (s *seeding) journal(from uint64, f func(m *dedupe.Mark) bool) {
	if s.err != nil {
		return
	}
	_, err := s.v.journal.Read(max(from, s.v.journal.First()), func(_ uint64, r journal.Record) bool {
		mark, err := dedupe.DecodeMark(r.Meta)
		return err != nil || f(&mark) // records of other topics carry no mark
	})
	if err != nil {
		s.err = fmt.Errorf("reading the journal: %w", err)
	}
}

// add queues a mark with the standing it has by now.
func (s *seeding) add(mark dedupe.Mark) {
	mark.Standing, mark.Owner = dedupe.StandingDone, s.owner
	if s.waiting[mark.Key] {
		mark.Standing = dedupe.StandingJournaled
	}
	s.total++
	if s.marks = append(s.marks, mark); len(s.marks) >= seedTrip {
		s.flush()
	}
}

func (s *seeding) flush() {
	if s.err == nil {
		s.err = s.v.hand(s.ctx, s.marks)
	}
	s.marks = s.marks[:0]
}

// hand gives marks to Redis until it has taken them. Giving one twice does no
// harm.
func (v *service) hand(ctx context.Context, marks []dedupe.Mark) error {
	if len(marks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, seedPatient)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		err := v.redis.Claim(ctx, marks, nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errSeeding, err)
		case <-again.C:
		}
	}
}
