package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
)

const (
	// replayWorkers share one fsync; records of one key stay in order.
	replayWorkers = 32
	replayTold    = 250 * time.Millisecond
	// replayPatience is how many in a row may find nothing durable before the
	// rest is left for a better day.
	replayPatience = 64
)

// Errors that end a replay early.
var (
	errInterrupted = errors.New("interrupted; what was done is remembered, run it again")
	errNowhere     = errors.New("neither Kafka nor the journal takes anything; the rest was not tried, run it again later")
)

// replayProgress is how far a replay is. Total is 0 while unknown.
type replayProgress struct {
	Read  uint64 `json:"read"`
	Total uint64 `json:"total,omitempty"`
	Sent  int    `json:"sent"`
}

// replayRow counts what was one thing before and became one thing now.
type replayRow struct {
	// Reason is why it failed before; EventName stands there for past events.
	Reason    string `json:"reason,omitempty"`
	EventName string `json:"event_name,omitempty"`
	Property  string `json:"property"`
	Network   string `json:"network"`
	Result    string `json:"result"`
	Why       string `json:"result_reason,omitempty"`
	Count     int    `json:"count"`
}

// replaySummary is what came of a replay, or would.
type replaySummary struct {
	From   string `json:"from"`
	DryRun bool   `json:"dry_run"`
	// Matched counts what was asked for; of it DoneBefore was replayed by an
	// earlier run, Sent was done now and Failed failed again.
	Matched    int         `json:"matched"`
	DoneBefore int         `json:"done_before"`
	Sent       int         `json:"sent"`
	Failed     int         `json:"failed"`
	Rows       []replayRow `json:"rows"`
}

// replayRecord is one record of the topic that is read. Its slices are the
// receiver's.
type replayRecord struct {
	journal.Record
	// read and total say how far the reading is.
	read, total uint64
}

// replayTask is one record that was asked for.
type replayTask struct {
	record journal.Record
	failed schema.Failed // of the failed topic
	whole  bool          // failed holds a request
	event  pastEvent     // of the main topic
}

// replayer is one replay.
type replayer struct {
	options  replayOptions
	pipeline *ingest.Pipeline
	lookup   func(property, network string) (*ingest.Integration, schema.Reason)
	// read gives the records of the topic as it is when it begins, until take
	// returns false.
	read func(ctx context.Context, take func(replayRecord) bool) error
	done *replays
	tell func(replayProgress)

	mu       sync.Mutex
	progress replayProgress
	summary  replaySummary
	rows     map[replayRow]int
	refused  int // in a row
	seen     map[schema.ID]bool
}

// run reads the topic once and sends what was asked for, each key in its order.
func (r *replayer) run(ctx context.Context) (replaySummary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.rows, r.seen = make(map[replayRow]int), make(map[schema.ID]bool)
	stopTelling := r.keepTelling()
	lanes := make([]chan replayTask, replayWorkers)
	var working sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan replayTask, 8)
		working.Go(func() {
			for task := range lanes[i] {
				if ctx.Err() == nil && !r.work(&task) {
					cancel(errNowhere)
				}
			}
		})
	}
	err := r.read(ctx, func(record replayRecord) bool {
		if task, ok := r.choose(record); ok {
			lanes[laneOf(record.Key)] <- task
		}
		return ctx.Err() == nil
	})
	for i := range lanes {
		close(lanes[i])
	}
	working.Wait()
	stopTelling()
	return r.sum(), ending(ctx, err)
}

// ending says why a replay ended early; nil when it did not.
func ending(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errNowhere):
		return errNowhere
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("the topic cannot be read: %w", err)
	}
	return nil
}

func laneOf(key []byte) int {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return int(h.Sum32() % replayWorkers)
}

// keepTelling reports progress until the function it returns is called.
func (r *replayer) keepTelling() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(replayTold)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				r.mu.Lock()
				now := r.progress
				now.Sent = r.summary.Sent
				r.mu.Unlock()
				r.tell(now)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// choose decides whether a record was asked for. A failed_id counts once in a
// run, however often it failed; so does an event of which there are copies.
func (r *replayer) choose(record replayRecord) (replayTask, bool) {
	r.mu.Lock()
	r.progress.Read, r.progress.Total = record.read, record.total
	r.mu.Unlock()
	task := replayTask{record: record.Record}
	if !r.options.covers(record.Time) {
		return task, false
	}
	id, ok := r.understand(&task)
	if !ok || r.seen[id] {
		return task, false
	}
	r.seen[id] = true
	before := r.options.From == replayFailed && r.done.has(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Matched++
	if before {
		r.summary.DoneBefore++
	}
	return task, !before
}

// understand reads a record and holds it to the conditions.
func (r *replayer) understand(task *replayTask) (schema.ID, bool) {
	var err error
	if r.options.From == replayMain {
		if task.event, err = readPastEvent(task.record.Value); err == nil {
			return task.event.id, r.options.matches(task.event.value)
		}
	} else {
		task.failed, err = ingest.ReadFailed(task.record.Value)
		task.whole = err == nil
		if err == nil || errors.Is(err, ingest.ErrNoRequest) {
			return task.failed.ID, r.options.wants(&task.failed)
		}
	}
	if len(r.options.Where) == 0 {
		r.mu.Lock()
		r.summary.Matched++
		r.mu.Unlock()
		r.count(replayRow{Result: "unreadable"}, false)
	}
	return schema.ID{}, false
}

// work ends one task. It is false when nothing durable can be made any more.
func (r *replayer) work(task *replayTask) bool {
	switch {
	case r.options.From == replayMain:
		row := replayRow{EventName: task.event.value("event_name"), Property: task.event.value("property"), Network: task.event.value("network")}
		_, more := r.republish(row, task.record)
		return more
	case !task.whole:
		record := task.record
		record.Topic, record.Value = ingest.TopicMain, task.failed.Event
		good, more := r.republish(replayRow{Reason: string(task.failed.Reason)}, record)
		if good {
			r.done.add(task.failed.ID)
		}
		return more
	}
	row := replayRow{Reason: string(task.failed.Reason), Property: task.failed.Property, Network: task.failed.Network}
	d := r.decide(&task.failed)
	row.Result, row.Why = d.Outcome.String(), string(d.Reason)
	good := settled(d.Outcome)
	if good {
		r.done.add(task.failed.ID)
	}
	r.count(row, good)
	return r.durable(d.Outcome != schema.OutcomeUnavailable)
}

// decide replays a failed request, or foresees what that would come to.
func (r *replayer) decide(f *schema.Failed) ingest.Decision {
	in, unknown := r.lookup(f.Property, f.Network)
	switch {
	case unknown != schema.ReasonNone:
		return ingest.Decision{Outcome: schema.OutcomeUnknown, Reason: unknown}
	case r.options.DryRun:
		return r.pipeline.Foresee(in, f)
	}
	return r.pipeline.Replay(in, f)
}

// settled reports whether an outcome leaves nothing to replay.
func settled(o schema.Outcome) bool {
	switch o {
	case schema.OutcomeAccepted, schema.OutcomeUpdated, schema.OutcomeDuplicate, schema.OutcomeTest, schema.OutcomeIgnored, schema.OutcomeBatch:
		return true
	}
	return false
}

// republish sends a record once more as it is; more is false when nothing
// durable can be made any more.
func (r *replayer) republish(row replayRow, record journal.Record) (good, more bool) {
	row.Result = "republished"
	if r.options.DryRun {
		r.count(row, true)
		return true, true
	}
	err := r.pipeline.Republish(record)
	if err != nil {
		row.Result, row.Why = schema.OutcomeUnavailable.String(), string(schema.ReasonUnavailable)
	}
	r.count(row, err == nil)
	return err == nil, r.durable(err == nil)
}

func (r *replayer) count(row replayRow, good bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[row]++
	if good {
		r.summary.Sent++
	} else {
		r.summary.Failed++
	}
}

// durable counts what found nothing durable in a row; false is too often.
func (r *replayer) durable(ok bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused++; ok {
		r.refused = 0
	}
	return r.refused < replayPatience
}

// sum gives the summary, its rows sorted.
func (r *replayer) sum() replaySummary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary
	s.From, s.DryRun, s.Rows = r.options.From, r.options.DryRun, []replayRow{}
	for row, n := range r.rows {
		row.Count = n
		s.Rows = append(s.Rows, row)
	}
	slices.SortFunc(s.Rows, func(a, b replayRow) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.EventName, b.EventName), cmp.Compare(a.Property, b.Property),
			cmp.Compare(a.Network, b.Network), cmp.Compare(a.Result, b.Result), cmp.Compare(a.Why, b.Why))
	})
	return s
}
