package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/ingest/journal"
)

// exportedRecord is one line of export.
type exportedRecord struct {
	Seq    uint64  `json:"seq"`
	Topic  string  `json:"topic"`
	TimeMS int64   `json:"time_ms"`
	Key    *string `json:"key"`
	// Value is the record's text; bytes that are no UTF-8 go to ValueBase64, and
	// KeyBase64, instead.
	Value       *string           `json:"value"`
	KeyBase64   string            `json:"key_base64,omitempty"`
	ValueBase64 string            `json:"value_base64,omitempty"`
	Headers     map[string]string `json:"headers"`
}

// exporting is one run of export.
type exporting struct {
	folder      string
	topic       int // -1 for all
	from, to    uint64
	bounded     bool // to holds
	unpublished bool
	out         *bufio.Writer
}

func newJournalExport(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the records of a journal",
		Long: "export prints whole records as NDJSON: {seq, topic, time_ms, key, value, headers}. The value is a text\n" +
			"as it was published. It reads beside a running service, and what a lost one left behind.",
		Example: "  postback journal export --topic failed\n" +
			"  postback journal export --from 1000 --to 1999 > records.ndjson\n" +
			"  postback journal export --data /mnt/rescued --unpublished | jq -r .value",
		Args: argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data")
	topic := cmd.Flags().String("topic", "", "only this `TOPIC`: main, failed or test")
	e := &exporting{topic: -1}
	cmd.Flags().Uint64Var(&e.from, "from", 0, "first `SEQ`")
	cmd.Flags().Uint64Var(&e.to, "to", 0, "last `SEQ`, included")
	cmd.Flags().BoolVar(&e.unpublished, "unpublished", false, "only what is not in Kafka yet")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *topic != "" {
			number, err := topicNumber(*topic)
			if err != nil {
				return err
			}
			e.topic = int(number)
		}
		if e.bounded = cmd.Flags().Changed("to"); e.bounded && e.to < e.from {
			return usagef("--to %d is before --from %d", e.to, e.from)
		}
		var err error
		if e.folder, err = journalOf(keys); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		e.out = bufio.NewWriterSize(s.out, 64<<10)
		return e.run(ctx)
	}
	return cmd
}

func (e *exporting) run(ctx context.Context) error {
	if e.unpublished {
		report, err := journalReport(e.folder)
		if err != nil {
			return err
		}
		e.from = max(e.from, report.Published)
	}
	viewer, err := journal.View(e.folder)
	if err != nil {
		return fmt.Errorf("the journal cannot be read: %w", err)
	}
	var failed error
	_, err = viewer.Read(e.from, func(seq uint64, r journal.Record) bool {
		if e.bounded && seq > e.to {
			return false
		}
		if e.topic < 0 || int(r.Topic) == e.topic {
			failed = e.print(seq, r)
		}
		return failed == nil && ctx.Err() == nil
	})
	if err = errors.Join(err, failed, e.out.Flush()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if ctx.Err() != nil {
		return errors.New("export: interrupted, the output is not whole")
	}
	return nil
}

func (e *exporting) print(seq uint64, r journal.Record) error {
	line := exportedRecord{Seq: seq, Topic: topicWord(r.Topic), TimeMS: r.Time, Headers: make(map[string]string)}
	line.Key, line.KeyBase64 = textOrBase64(r.Key)
	line.Value, line.ValueBase64 = textOrBase64(r.Value)
	if err := journal.ParseHeaders(r.Headers, func(key, value []byte) { line.Headers[string(key)] = string(value) }); err != nil {
		return fmt.Errorf("record %d: %w", seq, err)
	}
	encoder := json.NewEncoder(e.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(&line) //nolint:wrapcheck // a closed pipe is told apart by its type
}

// textOrBase64 gives bytes as text where they are, nil for none at all.
func textOrBase64(b []byte) (text *string, encoded string) {
	switch {
	case b == nil:
		return nil, ""
	case !utf8.Valid(b):
		return nil, base64.StdEncoding.EncodeToString(b)
	}
	t := string(b)
	return &t, ""
}
