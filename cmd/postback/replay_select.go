package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema"
)

// The topics a replay reads.
const (
	replayFailed = "failed"
	replayMain   = "main"
)

// replayOptions say what to replay.
type replayOptions struct {
	From string `json:"from"`
	// Where maps a field to the values allowed for it.
	Where map[string][]string `json:"where,omitempty"`
	// SinceMS and UntilMS bound received_at, in milliseconds since the epoch; 0
	// leaves a side open, the upper bound is not included.
	SinceMS int64 `json:"since_ms,omitempty"`
	UntilMS int64 `json:"until_ms,omitempty"`
	DryRun  bool  `json:"dry_run,omitempty"`
}

// topic is the number of the topic to read.
func (o *replayOptions) topic() uint8 {
	if o.From == replayMain {
		return ingest.TopicMain
	}
	return ingest.TopicFailed
}

// failedFields and eventFields are what --where knows for each topic.
var (
	failedFields = []string{"reason", "outcome", "rule", "property", "network", "failed_id"}
	eventFields  = []string{
		"event_name", "kind", "status", "property", "network", "currency", "goal", "click_id", "transaction_id", "event_id",
	}
)

// fields are what --where knows for the topic.
func (o *replayOptions) fields() []string {
	if o.From == replayMain {
		return eventFields
	}
	return failedFields
}

// set reads what the command line says. The errors are the caller's mistakes.
func (o *replayOptions) set(where []string, since, until string, now time.Time) error {
	if o.From != replayFailed && o.From != replayMain {
		return usagef("--from: %q is none of failed, main%s", o.From, didYouMean(o.From, []string{replayFailed, replayMain}))
	}
	for _, pair := range where {
		field, value, ok := strings.Cut(pair, "=")
		field, value = strings.TrimSpace(field), strings.TrimSpace(value)
		if !ok || value == "" {
			return usagef("--where: %q is no condition: want field=value, as in reason=unattributable", pair)
		}
		if !slices.Contains(o.fields(), field) {
			return usagef("--where: %q is none of %s%s", field, strings.Join(o.fields(), ", "), didYouMean(field, o.fields()))
		}
		if o.Where == nil {
			o.Where = make(map[string][]string)
		}
		o.Where[field] = append(o.Where[field], value)
	}
	var err error
	if o.SinceMS, err = moment("since", since, now); err != nil {
		return err
	}
	if o.UntilMS, err = moment("until", until, now); err != nil {
		return err
	}
	switch {
	case o.SinceMS > 0 && o.UntilMS > 0 && o.SinceMS >= o.UntilMS:
		return usagef("--since is not before --until: nothing lies between them")
	case o.From == replayMain && o.SinceMS == 0 && len(o.Where) == 0:
		return usagef("--from main publishes events once more: say which, with --since or --where")
	}
	return nil
}

// moment reads how long ago (24h, 7d), a time (RFC 3339) or a date in UTC.
func moment(flag, text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if ago, err := parseSpan(text); err == nil {
		return now.Add(-time.Duration(ago)).UnixMilli(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), nil
		}
	}
	return 0, usagef("--%s: %q is no time: want 24h or 7d ago, 2026-01-31, or 2026-01-31T12:00:00Z", flag, text)
}

// covers reports whether a record's time lies within the bounds.
func (o *replayOptions) covers(ms int64) bool {
	return ms >= o.SinceMS && (o.UntilMS == 0 || ms < o.UntilMS)
}

// matches reports whether every condition names the value of its field.
func (o *replayOptions) matches(value func(field string) string) bool {
	for field, allowed := range o.Where {
		if !slices.Contains(allowed, value(field)) {
			return false
		}
	}
	return true
}

// wants holds a failed record to the conditions. A repeat that was only noted,
// because it came under another click id, did not fail: it must be asked for.
func (o *replayOptions) wants(f *schema.Failed) bool {
	if f.Outcome == schema.OutcomeDuplicate && o.Where["reason"] == nil && o.Where["outcome"] == nil && o.Where["failed_id"] == nil {
		return false
	}
	return o.matches(failedValue(f))
}

// failedValue gives a field of a failed record.
func failedValue(f *schema.Failed) func(string) string {
	return func(field string) string {
		switch field {
		case "reason":
			return string(f.Reason)
		case "outcome":
			return f.Outcome.String()
		case "rule":
			return f.Rule
		case "property":
			return f.Property
		case "network":
			return f.Network
		case "failed_id":
			return f.ID.String()
		}
		return ""
	}
}

// pastEvent is an event of the main topic as far as a replay looks at it.
type pastEvent struct {
	id     schema.ID
	fields map[string]any
}

func readPastEvent(value []byte) (pastEvent, error) {
	var e pastEvent
	if err := json.Unmarshal(value, &e.fields); err != nil {
		return e, fmt.Errorf("no event: %w", err)
	}
	var err error
	if e.id, err = schema.ParseID(e.value("event_id")); err != nil {
		return e, fmt.Errorf("no event: event_id: %w", err)
	}
	return e, nil
}

// value gives a field that is a text.
func (e *pastEvent) value(field string) string {
	text, _ := e.fields[field].(string)
	return text
}
