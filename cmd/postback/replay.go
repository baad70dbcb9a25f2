package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/ingest/journal"
)

// replaying is one run of replay.
type replaying struct {
	s       streams
	setup   *setup
	from    sources
	options replayOptions
	asJSON  bool
	bar     *progressBar
}

func newReplay(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send failed requests through again, or republish past events",
		Long: "replay takes requests of the failed topic by the same way as a new one: rules, presets and dedupe\n" +
			"decide anew, and received_at stays that of the first arrival. What fails again keeps its failed_id;\n" +
			"what succeeds is remembered in the data folder, so that the next run leaves it out.\n\n" +
			"With --from main it publishes past events once more, byte for byte and past the dedupe, with the header\n" +
			"replayed=1. Either way the topics only grow.\n\n" +
			"A running service does the work itself, by the rules it has in force; else the command opens the data\n" +
			"folder. --dry-run writes nothing and shows what would become of each, judged alone.\n\n" +
			"--where takes field=value pairs: all fields must match, one of several values of a field is enough.\n" +
			"Fields of failed requests: reason, outcome, rule, property, network, failed_id. Of events: event_name,\n" +
			"kind, status, property, network, currency, goal, click_id, transaction_id, event_id. Repeats noted as\n" +
			"id_shared_by_clicks did not fail and are left out unless reason, outcome or failed_id names them.\n\n" +
			"Exit status: 0 when all succeeded, 1 when something failed again, 2 for wrong usage.",
		Example: "  postback replay --dry-run\n" +
			"  postback replay --where reason=min_commission,network=tune --since 24h\n" +
			"  postback replay --from main --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z",
		Args: argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data", "kafka", "redis")
	run := &replaying{s: s}
	cmd.Flags().StringVar(&run.options.From, "from", replayFailed, "`TOPIC`: failed or main")
	cmd.Flags().BoolVar(&run.options.DryRun, "dry-run", false, "show what would happen and write nothing")
	cmd.Flags().BoolVar(&run.asJSON, "json", false, "print the summary as JSON")
	where := cmd.Flags().StringSlice("where", nil, "only these: `FIELD=VALUE,…`")
	since := cmd.Flags().String("since", "", "received at or after this `TIME`, or so long ago")
	until := cmd.Flags().String("until", "", "received before this `TIME`, or longer ago")
	cmd.RunE = func(*cobra.Command, []string) error {
		err := run.options.set(*where, *since, *until, time.Now())
		if err != nil {
			return err
		}
		run.from = keys.sources()
		if run.setup, err = mustLoad(run.from, func(string) {}); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return run.run(ctx)
	}
	return cmd
}

func (r *replaying) run(ctx context.Context) error {
	r.bar = newProgressBar(r.s)
	summary, err := r.replay(ctx)
	r.bar.clear()
	if err != nil && summary.Matched == 0 {
		return err
	}
	if failure := r.print(&summary); failure != nil {
		return failure
	}
	switch {
	case err != nil:
		return err
	case summary.Failed > 0 && !summary.DryRun:
		return errQuiet
	}
	return nil
}

// replay finds who owns the folder and has it done there.
func (r *replaying) replay(ctx context.Context) (replaySummary, error) {
	client, err := dialControl(r.setup.Data)
	if err != nil {
		return replaySummary{}, err
	}
	if client != nil {
		defer client.close()
		return client.replay(ctx, r.options, r.tell)
	}
	folder := filepath.Join(r.setup.Data, journalFolder)
	if !fileExists(folder) {
		return replaySummary{}, fmt.Errorf("there is no journal in %s: say with --data where the service keeps its data", r.setup.Data)
	}
	if r.options.DryRun {
		return r.foresee(ctx, folder)
	}
	v, err := openFolder(ctx, r.s, r.setup, r.from)
	if err != nil {
		return replaySummary{}, err
	}
	summary, err := v.replay(ctx, r.options, r.setup.directory, v.replaySource(&r.options), r.tell)
	ctx, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	return summary, errors.Join(err, v.unwind(ctx))
}

// foresee is a dry run beside a folder that nobody owns.
func (r *replaying) foresee(ctx context.Context, folder string) (replaySummary, error) {
	read := kafkaSource(r.setup, r.options.topic())
	if r.setup.embedded() {
		viewer, err := journal.View(folder)
		if err != nil {
			return replaySummary{}, fmt.Errorf("the journal cannot be read: %w", err)
		}
		read = journalSource(viewer, 0, math.MaxUint64, r.options.topic())
	}
	v, err := openShadow(r.setup)
	if err != nil {
		return replaySummary{}, err
	}
	defer v.abandon()
	done, err := openReplays(filepath.Join(r.setup.Data, replaysFile), true)
	if err != nil {
		return replaySummary{}, err
	}
	run := &replayer{options: r.options, pipeline: v.pipeline, done: done, tell: r.tell, lookup: r.setup.directory.Lookup, read: read}
	return run.run(ctx)
}

func (r *replaying) tell(p replayProgress) {
	r.bar.show("replay", p.Read, p.Total, fmt.Sprintf("%d sent", p.Sent))
}

// print writes the summary: a table for people, or JSON.
func (r *replaying) print(summary *replaySummary) error {
	if r.asJSON {
		encoder := json.NewEncoder(r.s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(summary) //nolint:wrapcheck // a closed pipe is told apart by its type
	}
	return summary.print(r.s.out, terminalOf(r.s.out, r.s.getenv))
}
