package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/journal"
)

// positioned is a store that knows up to where in the journal its state goes:
// the local one, whose log is written lazily.
type positioned interface {
	Position() uint64
	SetPosition(seq uint64)
	Sync() error
	Checkpoint() error
}

const (
	syncEvery = time.Second
	// checkpointEvery counts syncs.
	checkpointEvery = 60
	// replayed is how far back an embedded journal is replayed over a shared
	// store, which has known what is older since long.
	replayed = time.Hour
)

// keep writes a local store's state every second, together with how far it
// covers the journal, so that a restart has little to replay.
func (p *Pipeline) keep(local positioned) {
	defer close(p.kept)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-p.stop:
			p.sync(local)
			return
		case <-tick.C:
			p.sync(local)
		}
		if n%checkpointEvery != 0 {
			continue
		}
		if err := local.Checkpoint(); err != nil {
			p.alarm("the dedupe state cannot be compacted; its log keeps growing", err)
		}
	}
}

func (p *Pipeline) sync(local positioned) {
	if given := p.claims.given.Load(); given > local.Position() {
		local.SetPosition(given)
	}
	if err := local.Sync(); err != nil {
		p.alarm("the dedupe state cannot be written; a restart replays more of the journal", err)
	}
}

// recover replays the journal's marks over the store, so that what was
// answered before a crash is known again. A local store takes all that its own
// log does not hold yet; a shared one what is not in Kafka yet, for its holder
// may have died before it could say so.
func (p *Pipeline) recover(cfg PipelineConfig) error {
	published := cfg.Journal.Published()
	from, since := published, cfg.Now().Add(-replayed).UnixMilli()
	if local, ok := p.store.(positioned); ok {
		from, since = local.Position(), 0
	}
	from = max(from, cfg.Journal.First())
	var marks []dedupe.Mark
	var failed error
	_, err := cfg.Journal.Read(from, func(seq uint64, r journal.Record) bool {
		if len(r.Meta) == 0 || cfg.Kafka == nil && r.Time < since {
			return true
		}
		mark, err := dedupe.DecodeMark(r.Meta)
		if err != nil {
			p.alarm("a record of the journal carries no readable mark; a late repeat of it may pass", err)
			return true
		}
		mark.Standing, mark.Owner = dedupe.StandingDone, cfg.Owner
		if cfg.Kafka != nil && seq >= published {
			mark.Standing = dedupe.StandingJournaled
		}
		marks = append(marks, mark)
		if len(marks) == maxTrip {
			failed = p.replay(marks)
			marks = marks[:0]
		}
		return failed == nil
	})
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	if failed != nil {
		return failed
	}
	p.claims.logged = cfg.Journal.Next()
	return p.replay(marks)
}

// replay hands marks to the store. A shared store that does not answer keeps
// them for later; that is no reason not to start.
func (p *Pipeline) replay(marks []dedupe.Mark) error {
	if len(marks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.budgets.Request)
	defer cancel()
	if err := p.store.Claim(ctx, marks, nil, nil); err != nil {
		p.alarm("the dedupe store does not answer at start", err)
	}
	return nil
}
