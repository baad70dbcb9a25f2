package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
)

// topicWords are the words for journal.Record.Topic.
var topicWords = []string{ingest.TopicMain: "main", ingest.TopicFailed: "failed", ingest.TopicTest: "test"}

func topicWord(topic uint8) string {
	if int(topic) < len(topicWords) {
		return topicWords[topic]
	}
	return strconv.Itoa(int(topic))
}

func newJournal(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Inspect a journal, also one whose process is gone",
		Long: "journal looks into the journal of a data folder: the topic itself without Kafka, else what waits for\n" +
			"Kafka. ls, verify and export only read and work beside a running service; replay brings what a lost\n" +
			"instance left behind into Kafka.\n\n" +
			"--data may name the data folder, or the journal's own folder where only that was saved.",
		Example: "  postback journal ls\n  postback journal verify --data /mnt/rescued",
		Args:    cobra.ArbitraryArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("postback journal has no %q%s `postback journal --help` lists what it has", args[0], hintOr(args[0], commandNames(cmd), ";"))
		}
		return usagef("postback journal needs ls, verify, export or replay; `postback journal --help` shows an example")
	}
	cmd.AddCommand(newJournalList(s), newJournalVerify(s), newJournalExport(s), newJournalReplay(s))
	return cmd
}

// journalIn finds the journal below a data folder, or takes the folder for one.
func journalIn(data string) (string, error) {
	folder := filepath.Join(data, journalFolder)
	if fileExists(folder) {
		return folder, nil
	}
	if segments, err := filepath.Glob(filepath.Join(data, "*.seg")); err == nil && len(segments) > 0 {
		return data, nil
	}
	return "", fmt.Errorf("there is no journal in %s: say with --data where it is", data)
}

// journalOf finds the journal that flags, environment and file name.
func journalOf(keys *keyFlags) (string, error) {
	c, err := mustLoad(keys.sources(), func(string) {})
	if err != nil {
		return "", err
	}
	return journalIn(c.Data)
}

// journalReport reads the whole folder.
func journalReport(folder string) (journal.Report, error) {
	report, err := journal.Verify(folder)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return report, fmt.Errorf("the journal in %s may not be read: run this as the user that runs the service", folder)
	case err != nil:
		return report, fmt.Errorf("the journal cannot be read: %w", err)
	}
	return report, nil
}

// journalListing is what ls tells.
type journalListing struct {
	Folder string `json:"folder"`
	// First and Next are the number of the oldest record and of the one to come;
	// everything below Published is in Kafka.
	First     uint64           `json:"first"`
	Next      uint64           `json:"next"`
	Published uint64           `json:"published"`
	Records   uint64           `json:"records"`
	Bytes     int64            `json:"bytes"`
	Segments  []journalSegment `json:"segments"`
}

// journalSegment is one file of the journal.
type journalSegment struct {
	Name    string         `json:"name"`
	Base    uint64         `json:"base"`
	Next    uint64         `json:"next"`
	Records uint64         `json:"records"`
	Bytes   int64          `json:"bytes"`
	From    string         `json:"from,omitempty"`
	To      string         `json:"to,omitempty"`
	Topics  map[string]int `json:"topics"`

	fromMS, toMS int64
}

func newJournalList(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the segments of a journal",
		Long: "ls lists the journal's files: number of the first record, records, bytes, the time they span by\n" +
			"received_at, how many are of which topic, and how much of it is in Kafka.",
		Example: "  postback journal ls\n  postback journal ls --json | jq .segments[].records",
		Args:    argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(*cobra.Command, []string) error {
		folder, err := journalOf(keys)
		if err != nil {
			return err
		}
		listing, err := listJournal(folder)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(s.out, listing)
		}
		_, err = io.WriteString(s.out, listing.table(terminalOf(s.out, s.getenv)))
		return err //nolint:wrapcheck // a closed pipe is told apart by its type
	}
	return cmd
}

// listJournal reads the folder twice: once for what is whole, once for what is
// in it.
func listJournal(folder string) (*journalListing, error) {
	report, err := journalReport(folder)
	if err != nil {
		return nil, err
	}
	l := &journalListing{
		Folder: folder, First: report.First, Next: report.Next, Published: report.Published, Records: report.Records,
		Segments: make([]journalSegment, len(report.Segments)),
	}
	for i, r := range report.Segments {
		l.Bytes += r.Bytes
		l.Segments[i] = journalSegment{
			Name: r.Name, Base: r.Base, Next: r.Next, Records: r.Records, Bytes: r.Bytes, Topics: make(map[string]int),
		}
	}
	viewer, err := journal.View(folder)
	if err != nil {
		return nil, fmt.Errorf("the journal cannot be read: %w", err)
	}
	at := 0
	_, err = viewer.Read(report.First, func(seq uint64, r journal.Record) bool {
		for at < len(l.Segments) && (seq >= l.Segments[at].Next || l.Segments[at].Records == 0) {
			at++
		}
		if at == len(l.Segments) {
			return false // written since
		}
		l.Segments[at].add(r)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("the journal cannot be read: %w", err)
	}
	for i := range l.Segments {
		l.Segments[i].span()
	}
	return l, nil
}

func (g *journalSegment) add(r journal.Record) {
	g.Topics[topicWord(r.Topic)]++
	if g.fromMS == 0 || r.Time < g.fromMS {
		g.fromMS = r.Time
	}
	g.toMS = max(g.toMS, r.Time)
}

func (g *journalSegment) span() {
	if g.toMS > 0 {
		g.From = time.UnixMilli(g.fromMS).UTC().Format(time.RFC3339)
		g.To = time.UnixMilli(g.toMS).UTC().Format(time.RFC3339)
	}
}

// published says how much of a segment is in Kafka.
func (g *journalSegment) published(upTo uint64) string {
	switch {
	case g.Records == 0:
		return "-"
	case upTo >= g.Next:
		return "all"
	case upTo > g.Base:
		return "to " + strconv.FormatUint(upTo-1, 10)
	}
	return "none"
}

// table shows the listing to people.
func (l *journalListing) table(t terminal) string {
	out := newTable(t, "SEGMENT", "#FIRST", "#RECORDS", "#SIZE", "RECEIVED FROM", "TO", "#MAIN", "#FAILED", "#TEST", "IN KAFKA")
	for i := range l.Segments {
		g := &l.Segments[i]
		from, to := "-", "-"
		if g.toMS > 0 {
			from, to = clock(g.fromMS), clock(g.toMS)
		}
		out.add(g.Name, strconv.FormatUint(g.Base, 10), strconv.FormatUint(g.Records, 10), roundSize(g.Bytes), from, to,
			strconv.Itoa(g.Topics["main"]), strconv.Itoa(g.Topics["failed"]), strconv.Itoa(g.Topics["test"]), g.published(l.Published))
	}
	waiting := "nothing of it is known to be in Kafka"
	if l.Published > 0 {
		waiting = fmt.Sprintf("%d not in Kafka yet", max(l.Next, l.Published)-max(l.First, l.Published))
	}
	return out.String() + fmt.Sprintf("%s: %s, %s, records %d to %d, %s\n",
		l.Folder, count(int(l.Records), "record"), roundSize(l.Bytes), l.First, max(l.Next, 1)-1, waiting)
}

// roundSize writes bytes for people.
func roundSize(n int64) string {
	value, unit := float64(n), "B"
	for _, larger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, larger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v) //nolint:wrapcheck // a closed pipe is told apart by its type
}

// segmentFinding is what verify says about one file.
type segmentFinding struct {
	Name    string `json:"name"`
	Base    uint64 `json:"base"`
	Records uint64 `json:"records"`
	Lost    uint64 `json:"lost"`
	Torn    int64  `json:"torn_bytes"`
	Sealed  bool   `json:"sealed"`
	State   string `json:"state"`
}

// journalFinding is what verify says about the whole.
type journalFinding struct {
	Folder   string           `json:"folder"`
	Damaged  bool             `json:"damaged"`
	Records  uint64           `json:"records"`
	Lost     uint64           `json:"lost"`
	Torn     int64            `json:"torn_bytes"`
	Segments []segmentFinding `json:"segments"`
}

func newJournalVerify(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every record of a journal against its CRC",
		Long: "verify reads everything and changes nothing. A torn tail is what a crash cut before it was answered:\n" +
			"it is no damage, and the next start removes it. Lost records were acknowledged and cannot be read.\n" +
			"Beside a running service the last segment's figures are of a moment.\n\n" +
			"Exit status: 0 when nothing acknowledged is lost, 1 when the journal is damaged.",
		Example: "  postback journal verify\n  postback journal verify --data /mnt/rescued --json",
		Args:    argsBetween(0, 0, ""),
	}
	keys := addKeyFlags(cmd, s, "data")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(*cobra.Command, []string) error {
		folder, err := journalOf(keys)
		if err != nil {
			return err
		}
		report, err := journalReport(folder)
		if err != nil {
			return err
		}
		return judgeJournal(s, folder, &report, *asJSON)
	}
	return cmd
}

// judgeJournal prints what was found; damage is the exit status.
func judgeJournal(s streams, folder string, report *journal.Report, asJSON bool) error {
	f := journalFinding{Folder: folder, Damaged: report.Damaged(), Records: report.Records, Lost: report.Lost, Torn: report.Torn, Segments: []segmentFinding{}}
	out := newTable(terminalOf(s.out, s.getenv), "SEGMENT", "#FIRST", "#RECORDS", "#LOST", "#TORN BYTES", "STATE")
	for i := range report.Segments {
		g := &report.Segments[i]
		one := segmentFinding{Name: g.Name, Base: g.Base, Records: g.Records, Lost: g.Lost, Torn: g.Torn, Sealed: g.Sealed, State: segmentState(g)}
		f.Segments = append(f.Segments, one)
		out.add(one.Name, strconv.FormatUint(one.Base, 10), strconv.FormatUint(one.Records, 10), strconv.FormatUint(one.Lost, 10), strconv.FormatInt(one.Torn, 10), one.State)
	}
	var err error
	if asJSON {
		err = printJSON(s.out, &f)
	} else {
		verdict := "every record is whole"
		if f.Damaged {
			verdict = fmt.Sprintf("damaged, %s lost", count(int(f.Lost), "acknowledged record"))
		}
		_, err = fmt.Fprintf(s.out, "%s%s: %s, %s\n", out, folder, count(int(f.Records), "record"), verdict)
	}
	if err == nil && f.Damaged {
		return errQuiet
	}
	return err
}

// segmentState is one word or two about a segment.
func segmentState(g *journal.SegmentReport) string {
	switch {
	case filepath.Ext(g.Name) != ".seg":
		return "set aside"
	case !g.Header:
		return "header unreadable"
	case g.Lost > 0:
		return "damaged"
	case g.Torn > 0:
		return "torn tail"
	case g.Sealed:
		return "ok, sealed"
	}
	return "ok"
}
