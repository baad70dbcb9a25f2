package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
)

func TestMistakesWithReplayAreUsage(t *testing.T) {
	for line, says := range map[string]string{
		"replay --from faild":                          `did you mean "failed"?`,
		"replay --from main":                           "say which, with --since or --where",
		"replay --where reason":                        `"reason" is no condition`,
		"replay --where reason=":                       "is no condition",
		"replay --where reson=a":                       `did you mean "reason"?`,
		"replay --where click_id=a":                    "is none of reason, outcome",
		"replay --from main --where reason=a":          "is none of event_name, kind",
		"replay --since yesterday":                     `--since: "yesterday" is no time`,
		"replay --until 25:00":                         `--until: "25:00" is no time`,
		"replay --since 2026-02-01 --until 2026-01-01": "nothing lies between",
		"replay now":                                   `"now" is too much`,
		"replay --form main":                           `did you mean "--from"?`,
	} {
		got := call(nil, "", append(strings.Fields(line), "--data", t.TempDir())...)
		if got.status != 2 || !strings.Contains(got.err, says) || strings.Count(got.err, "\n") != 1 || got.out != "" {
			t.Errorf("postback %s: exit %d\n%s%swant one line with %q", line, got.status, got.out, got.err, says)
		}
	}
	data := t.TempDir()
	for _, extra := range []string{"", "--dry-run"} {
		got := call(nil, "", strings.Fields("replay --data "+data+" "+extra)...)
		if got.status != 1 || !strings.Contains(got.err, "there is no journal in "+data) || got.out != "" {
			t.Errorf("without a journal %s: exit %d %s", extra, got.status, got.err)
		}
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 0 {
		t.Errorf("an empty folder now holds %v", left)
	}
}

func TestMomentsAreTimesAgoDatesOrInstants(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"24h":                       now.Add(-24 * time.Hour),
		"7d":                        now.Add(-7 * 24 * time.Hour),
		"2026-01-31":                time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00Z":      time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00+02:00": time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := moment("since", text, now); err != nil || got != want.UnixMilli() {
			t.Errorf("%s: %d %v, want %d", text, got, err, want.UnixMilli())
		}
	}
	if got, err := moment("since", "", now); got != 0 || err != nil {
		t.Errorf("none: %d %v", got, err)
	}
}

func TestConditionsHoldFieldsTogetherAndValuesApart(t *testing.T) {
	failed := schema.Failed{ID: schema.ID{1}, Outcome: schema.OutcomeSkipped, Reason: "country", Rule: "countries", Property: "p", Network: "impact"}
	noted := failed
	noted.Outcome, noted.Reason = schema.OutcomeDuplicate, schema.ReasonIDSharedByClicks
	for where, want := range map[string][2]bool{
		"":                                     {true, false},
		"reason=country":                       {true, false},
		"reason=country,network=tune":          {false, false},
		"reason=a,reason=country":              {true, false},
		"network=tune,network=impact":          {true, false},
		"outcome=skipped":                      {true, false},
		"outcome=duplicate":                    {false, true},
		"reason=id_shared_by_clicks":           {false, true},
		"rule=countries,property=p":            {true, false},
		"failed_id=" + schema.ID{1}.String():   {true, true},
		"failed_id=" + schema.ID{2}.String():   {false, false},
		"property=p,network=impact,rule=other": {false, false},
	} {
		o := replayOptions{From: replayFailed}
		var pairs []string
		if where != "" {
			pairs = strings.Split(where, ",")
		}
		if err := o.set(pairs, "", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{o.wants(&failed), o.wants(&noted)}; got != want {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
	}
}

func TestTimeBoundsIncludeTheFirstAndNotTheLast(t *testing.T) {
	o := replayOptions{SinceMS: 100, UntilMS: 200}
	for ms, want := range map[int64]bool{99: false, 100: true, 199: true, 200: false} {
		if o.covers(ms) != want {
			t.Errorf("%d: %v", ms, !want)
		}
	}
	if open := (replayOptions{}); !open.covers(0) || !open.covers(1<<50) {
		t.Error("without bounds everything is covered")
	}
}

func TestWhatWasReplayedIsRememberedAcrossCrashes(t *testing.T) {
	path := filepath.Join(t.TempDir(), replaysFile)
	d, err := openReplays(path, false)
	if err != nil {
		t.Fatal(err)
	}
	for n := range replaysEvery + 10 {
		d.add(schema.ID{byte(n), byte(n >> 8), 1})
	}
	if data, _ := os.ReadFile(path); strings.Count(string(data), "\n") < replaysEvery {
		t.Errorf("%d bytes after %d ids, want them written", len(data), replaysEvery+10)
	}
	if err := d.close(); err != nil || d.close() != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "\n") != replaysEvery+10 {
		t.Fatalf("%d lines, %v", strings.Count(string(data), "\n"), err)
	}
	if err := os.WriteFile(path, data[:len(data)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err = openReplays(path, false); err != nil {
		t.Fatal(err)
	}
	if !d.has(schema.ID{0, 0, 1}) || d.has(schema.ID{9, 1, 1}) {
		t.Error("the whole lines count, the cut one does not")
	}
	d.add(schema.ID{9, 1, 1})
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if d, err = openReplays(path, true); err != nil || !d.has(schema.ID{9, 1, 1}) || d.close() != nil {
		t.Errorf("what came after a cut line is forgotten: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want mode 0600", info, err)
	}
}

func TestMemoryOfReplaysSaysWhatItCannotDo(t *testing.T) {
	folder := t.TempDir()
	if _, err := openReplays(folder, true); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a folder in its place: %v", err)
	}
	if _, err := openReplays(filepath.Join(folder, "no", replaysFile), false); err == nil || !strings.Contains(err.Error(), "cannot be remembered") {
		t.Errorf("a folder that is not there: %v", err)
	}
	d, err := openReplays(filepath.Join(folder, replaysFile), false)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.file.Close()
	d.add(schema.ID{1})
	if err := d.close(); err == nil || !strings.Contains(err.Error(), "a second run repeats it") {
		t.Errorf("a file that takes nothing: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "none")); err == nil {
		t.Fatal("unexpected")
	}
	if d, err = openReplays(filepath.Join(folder, "none"), true); err != nil || fileExists(filepath.Join(folder, "none")) {
		t.Errorf("looking makes a file: %v", err)
	}
	d.add(schema.ID{1})
}

// fedBy is a replay source with these records.
func fedBy(records ...journal.Record) replaySource {
	return func(_ context.Context, take func(replayRecord) bool) error {
		for i, r := range records {
			if !take(replayRecord{Record: r, read: uint64(i + 1), total: uint64(len(records))}) {
				return nil
			}
		}
		return nil
	}
}

// dryReplayer is a replay whose service cannot be written to.
func dryReplayer(t *testing.T, options replayOptions, read replaySource) *replayer {
	t.Helper()
	data := journalOfTest(t, 0, 0)
	c, err := mustLoad(sources{getenv: func(string) (string, bool) { return "", false }, flags: map[string]flagText{"data": {"data", data}}}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	v, err := openShadow(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.abandon)
	done, err := openReplays(filepath.Join(data, replaysFile), true)
	if err != nil {
		t.Fatal(err)
	}
	return &replayer{options: options, pipeline: v.pipeline, done: done, tell: func(replayProgress) {}, lookup: c.directory.Lookup, read: read}
}

func failedOf(id byte, ms int64, target string) journal.Record {
	f := schema.Failed{
		ID: schema.ID{id}, Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonUnattributable, Property: "demo", Network: "generic",
		ReceivedMS: ms, Method: "GET", Target: target,
	}
	return journal.Record{Topic: ingest.TopicFailed, Time: ms, Key: []byte{id}, Value: f.AppendJSON(nil)}
}

func TestOneRequestIsReplayedOnceHoweverOftenItFailed(t *testing.T) {
	const good, bad = "/demo/collect/generic?click_id=c&commission=1&transaction_id=t", "/demo/collect/generic?commission=1"
	unknown := failedOf(7, 100, good)
	unknown.Value = []byte(strings.Replace(string(unknown.Value), `"demo"`, `"gone"`, 1))
	r := dryReplayer(t, replayOptions{From: replayFailed, SinceMS: 100, DryRun: true}, fedBy(
		failedOf(1, 100, good), failedOf(2, 100, bad), failedOf(1, 100, good), failedOf(3, 99, good), failedOf(4, 100, good), unknown,
		journal.Record{Time: 100, Value: []byte("nonsense")},
	))
	r.done.add(schema.ID{4})
	s, err := r.run(t.Context())
	if err != nil || s.Matched != 5 || s.DoneBefore != 1 || s.Sent != 1 || s.Failed != 3 {
		t.Errorf("%+v %v", s, err)
	}
	want := []replayRow{
		{Result: "unreadable", Count: 1},
		{Reason: "unattributable", Property: "demo", Network: "generic", Result: "accepted", Count: 1},
		{Reason: "unattributable", Property: "demo", Network: "generic", Result: "quarantined", Why: "unattributable", Count: 1},
		{Reason: "unattributable", Property: "gone", Network: "generic", Result: "unknown", Why: "unknown_property", Count: 1},
	}
	if !slices.Equal(s.Rows, want) {
		t.Errorf("%+v\nwant %+v", s.Rows, want)
	}
}

func TestReplayEndsWhenItIsInterruptedOrTheTopicCannotBeRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	good := failedOf(1, 100, "/demo/collect/generic?click_id=c&commission=1")
	r := dryReplayer(t, replayOptions{From: replayFailed, DryRun: true}, func(_ context.Context, take func(replayRecord) bool) error {
		cancel()
		if take(replayRecord{Record: good}) {
			t.Error("it wants more")
		}
		return nil
	})
	if _, err := r.run(ctx); !errors.Is(err, errInterrupted) {
		t.Errorf("%v", err)
	}
	broken := errors.New("broken")
	r = dryReplayer(t, replayOptions{From: replayFailed, DryRun: true}, func(context.Context, func(replayRecord) bool) error { return broken })
	if _, err := r.run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "the topic cannot be read") {
		t.Errorf("%v", err)
	}
}

// fullPipeline is one whose journal has no room.
func fullPipeline(t *testing.T) *ingest.Pipeline {
	t.Helper()
	p, log := smallPipeline(t)
	var err error
	for err == nil {
		_, err = log.Append([]journal.Record{{Topic: ingest.TopicTest, Value: make([]byte, 4<<10)}})
	}
	if !errors.Is(err, journal.ErrFull) {
		t.Fatal(err)
	}
	return p
}

// smallPipeline is one with room for a few records.
func smallPipeline(t *testing.T) (*ingest.Pipeline, *journal.Journal) {
	t.Helper()
	log, err := journal.Open(journal.Config{Dir: t.TempDir(), SegmentSize: 8 << 10, MaxSize: 32 << 10})
	if err != nil {
		t.Fatal(err)
	}
	store, err := dedupe.OpenLocal(dedupe.LocalConfig{Owner: 1})
	if err != nil {
		t.Fatal(err)
	}
	second := ingest.Budgets{Store: time.Second, ClaimWait: time.Second, Kafka: time.Second, Request: 10 * time.Second}
	p, err := ingest.Open(ingest.PipelineConfig{Store: store, Journal: log, Owner: 1, Budgets: second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(context.Background()), store.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, log
}

func TestEventThatKafkaRefusedGoesOnceMoreAsItWas(t *testing.T) {
	f := schema.Failed{ID: schema.ID{1}, Outcome: schema.OutcomeQuarantined, Reason: schema.ReasonPublishRefused, ReceivedMS: 100, Event: []byte(`{"a":1}`)}
	headers := journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: []byte("x")})
	refused := journal.Record{Topic: ingest.TopicFailed, Time: 100, Key: []byte("p|n|t"), Value: f.AppendJSON(nil), Headers: headers}
	r := dryReplayer(t, replayOptions{From: replayFailed}, fedBy(refused))
	var log *journal.Journal
	r.pipeline, log = smallPipeline(t)
	s, err := r.run(t.Context())
	if err != nil || s.Sent != 1 || s.Rows[0] != (replayRow{Reason: "publish_refused", Result: "republished", Count: 1}) {
		t.Errorf("%+v %v", s, err)
	}
	_, _ = log.Read(0, func(_ uint64, r journal.Record) bool {
		if r.Topic != ingest.TopicMain || string(r.Key) != "p|n|t" || string(r.Value) != `{"a":1}` || r.Time != 100 || len(r.Meta) != 0 {
			t.Errorf("%+v", r)
		}
		return true
	})
	if s, err = r.run(t.Context()); err != nil || log.Next() != 1 {
		t.Errorf("once more: %+v %v, %d records", s, err, log.Next())
	}
}

func TestReplayGivesUpWhenNothingTakesAnything(t *testing.T) {
	var records []journal.Record
	for n := range 5000 {
		r := failedOf(byte(n), 100, fmt.Sprintf("/demo/collect/generic?click_id=c&commission=1&transaction_id=t%d", n))
		r.Value = []byte(strings.Replace(string(r.Value), `"failed_id":"`+schema.ID{byte(n)}.String(), fmt.Sprintf(`"failed_id":"%08d-0000-0000-0000-000000000000`, n), 1))
		records = append(records, r)
	}
	r := dryReplayer(t, replayOptions{From: replayFailed}, fedBy(records...))
	r.pipeline = fullPipeline(t)
	s, err := r.run(t.Context())
	if !errors.Is(err, errNowhere) || s.Sent != 0 || s.Failed < replayPatience || s.Failed >= 5000 {
		t.Errorf("%d sent, %d failed, %v", s.Sent, s.Failed, err)
	}
}

func TestSummarySaysItInWords(t *testing.T) {
	for want, s := range map[string]replaySummary{
		"no failed request to replay":                                               {From: replayFailed},
		"no past event to replay":                                                   {From: replayMain},
		"1 failed request: 1 replayed, 0 failed again":                              {From: replayFailed, Matched: 1, Sent: 1},
		"9 failed requests: 1 replayed, 2 failed again, 5 done before, 1 not tried": {From: replayFailed, Matched: 9, Sent: 1, Failed: 2, DoneBefore: 5},
		"dry run of 2 past events: 2 would succeed, 0 would fail again":             {From: replayMain, DryRun: true, Matched: 2, Sent: 2},
	} {
		if got := s.sentence(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s := replaySummary{From: replayFailed, DryRun: true, Matched: 1, Sent: 1, Rows: []replayRow{{Reason: "country", Property: "p", Network: "n", Result: "accepted", Count: 1}}}
	var out strings.Builder
	if err := s.print(&out, terminal{width: 80}); err != nil || !strings.HasPrefix(out.String(), "FAILED AS  FROM  WOULD BECOME  COUNT\ncountry    p/n   accepted          1\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestProgressShowsRateAndRemainingTimeOnTerminalsOnly(t *testing.T) {
	for want, c := range map[string]struct{ done, total uint64 }{
		"replay  ████████████░░░░░░░░░░░░  50%  100 read  10/s  7 sent  10s left": {100, 200},
		"replay  ████████████████████████ 100%  200 read  20/s  7 sent":           {200, 200},
		"replay  100 read  10/s  7 sent": {100, 0},
	} {
		if got := progressLine("replay", c.done, c.total, 10*time.Second, "7 sent"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var out strings.Builder
	bar := &progressBar{w: &out, t: terminal{width: 30}, began: time.Now()}
	bar.show("replay", 1, 2, "")
	bar.clear()
	if out.String() != "" {
		t.Errorf("in a pipe: %q", out.String())
	}
	bar.t.is = true
	bar.show("replay", 1, 2, "")
	bar.clear()
	if text := out.String(); !strings.HasPrefix(text, "\r\x1b[Kreplay  ") || !strings.HasSuffix(text, "\r\x1b[K") || len([]rune(text)) > 30+2*len("\r\x1b[K") {
		t.Errorf("on a terminal: %q", text)
	}
}
