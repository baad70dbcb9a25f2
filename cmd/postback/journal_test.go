package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
)

// journalOfTest makes a data folder with a journal of small segments and
// records of all topics, numbered from 0, of which published are in Kafka.
func journalOfTest(t *testing.T, records int, published uint64) string {
	t.Helper()
	data := t.TempDir()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(data, journalFolder), SegmentSize: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for n := range records {
		r := journal.Record{
			Topic: uint8(n % 3), Time: began.Add(time.Duration(n) * time.Minute).UnixMilli(),
			Key: fmt.Appendf(nil, "demo|generic|t%d", n), Value: fmt.Appendf(nil, `{"n":%d,"note":"<&>%s"}`, n, strings.Repeat("x", 1000)),
			Headers: journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: fmt.Appendf(nil, "id-%d", n)}),
		}
		if _, err := j.Append([]journal.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.SetPublished(published); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

// segmentsIn lists the segment files of a data folder.
func segmentsIn(t *testing.T, data string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, journalFolder, "*.seg"))
	if err != nil || len(names) == 0 {
		t.Fatal("no segments", err)
	}
	return names
}

// damage overwrites bytes in the middle of a file.
func damage(t *testing.T, path string, at int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.WriteAt([]byte("damaged by a test"), at); err != nil {
		t.Fatal(err)
	}
}

// filesOf gives the content of every file below a folder.
func filesOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestJournalListShowsSegmentsTopicsAndHowMuchIsInKafka(t *testing.T) {
	data := journalOfTest(t, 30, 14)
	before := filesOf(t, data)
	got := call(nil, "", "journal", "ls", "--data", data)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	segments := segmentsIn(t, data)
	if got.status != 0 || len(lines) != len(segments)+2 || len(segments) < 3 {
		t.Fatalf("exit %d, %d segments:\n%s%s", got.status, len(segments), got.out, got.err)
	}
	if !strings.HasPrefix(lines[0], "SEGMENT ") || !strings.HasSuffix(lines[0], "IN KAFKA") {
		t.Errorf("heading %q", lines[0])
	}
	if !strings.Contains(lines[1], filepath.Base(segments[0])) || !strings.Contains(lines[1], "2026-01-02 03:00:00") || !strings.HasSuffix(lines[1], "all") {
		t.Errorf("first segment %q", lines[1])
	}
	if !strings.HasSuffix(lines[2], "to 13") || !strings.HasSuffix(lines[len(segments)], "none") {
		t.Errorf("what is in Kafka:\n%s", got.out)
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "30 records") || !strings.Contains(last, "0 to 29, 16 not in Kafka yet") {
		t.Errorf("sum %q", last)
	}
	if !maps.Equal(before, filesOf(t, data)) {
		t.Error("listing changed the folder")
	}
}

func TestJournalListIsJSONForMachines(t *testing.T) {
	data := journalOfTest(t, 30, 0)
	got := call(nil, "", "journal", "ls", "--json", "--data", data)
	var l journalListing
	if err := json.Unmarshal([]byte(got.out), &l); err != nil || got.status != 0 {
		t.Fatalf("exit %d, %v: %s", got.status, err, got.out)
	}
	topics, records := map[string]int{}, uint64(0)
	for i, g := range l.Segments {
		for topic, n := range g.Topics {
			topics[topic] += n
		}
		records += g.Records
		if i > 0 && (g.Base != l.Segments[i-1].Next || g.From <= l.Segments[i-1].To) {
			t.Errorf("segment %d %+v does not follow %+v", i, g, l.Segments[i-1])
		}
	}
	if !maps.Equal(topics, map[string]int{"main": 10, "failed": 10, "test": 10}) || records != 30 || l.Records != 30 || l.Next != 30 || l.First != 0 {
		t.Errorf("%+v, topics %v", l, topics)
	}
	if table := call(nil, "", "journal", "ls", "--data", data); !strings.Contains(table.out, "nothing of it is known to be in Kafka") {
		t.Errorf("%s", table.out)
	}
}

func TestVerifySaysDamageAndFailsOnlyThen(t *testing.T) {
	data := journalOfTest(t, 30, 0)
	for _, c := range []struct {
		name   string
		hurt   func(segments []string)
		status int
		says   []string
	}{
		{"whole", func([]string) {}, 0, []string{"30 records, every record is whole", "ok, sealed"}},
		{"a torn tail", func(s []string) {
			info, err := os.Stat(s[len(s)-1])
			if err != nil || os.Truncate(s[len(s)-1], info.Size()-100) != nil {
				t.Fatal(err)
			}
		}, 0, []string{"torn tail", "every record is whole"}},
		{"a record", func(s []string) { damage(t, s[0], 8000) }, 1, []string{"damaged", "acknowledged record"}},
		{"a segment cut short", func(s []string) {
			if err := os.Truncate(s[1], 100); err != nil {
				t.Fatal(err)
			}
		}, 1, []string{"11        0    11           0  damaged", "12 acknowledged records lost"}},
	} {
		c.hurt(segmentsIn(t, data))
		got := call(nil, "", "journal", "verify", "--data", data)
		if got.status != c.status {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.name, got.status, c.status, got.out, got.err)
		}
		for _, part := range c.says {
			if !strings.Contains(got.out, part) {
				t.Errorf("%s: does not say %q:\n%s", c.name, part, got.out)
			}
		}
		var f journalFinding
		machine := call(nil, "", "journal", "verify", "--json", "--data", data)
		if err := json.Unmarshal([]byte(machine.out), &f); err != nil || machine.status != c.status || f.Damaged != (c.status == 1) {
			t.Errorf("%s: --json: exit %d, %v: %s", c.name, machine.status, err, machine.out)
		}
	}
	if left := call(nil, "", "journal", "export", "--data", data); left.status != 0 || strings.Count(left.out, "\n") >= 30 || left.out == "" {
		t.Errorf("a damaged journal is exported as far as it goes: exit %d, %d lines", left.status, strings.Count(left.out, "\n"))
	}
}

// exported reads what export prints.
func exported(t *testing.T, args ...string) []exportedRecord {
	t.Helper()
	got := call(nil, "", append([]string{"journal", "export"}, args...)...)
	if got.status != 0 || got.err != "" {
		t.Fatalf("%v: exit %d %s", args, got.status, got.err)
	}
	var all []exportedRecord
	for line := range strings.Lines(got.out) {
		var r exportedRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

func TestExportPrintsWholeRecordsOfWhatIsAskedFor(t *testing.T) {
	data := journalOfTest(t, 30, 20)
	for args, want := range map[string][]uint64{
		"":                           nil,
		"--topic failed":             {1, 4, 7, 10, 13, 16, 19, 22, 25, 28},
		"--from 5 --to 7":            {5, 6, 7},
		"--to 0":                     {0},
		"--from 28":                  {28, 29},
		"--from 100":                 {},
		"--unpublished --topic main": {21, 24, 27},
		"--unpublished --from 28":    {28, 29},
		"--unpublished --to 21":      {20, 21},
	} {
		all := exported(t, append(strings.Fields(args), "--data", data)...)
		got := []uint64{}
		for _, r := range all {
			got = append(got, r.Seq)
		}
		if args == "" {
			if len(got) != 30 {
				t.Errorf("everything: %d records, want 30", len(got))
			}
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", args, got, want)
		}
	}
	r := exported(t, "--from", "4", "--to", "4", "--data", data)[0]
	if r.Topic != "failed" || r.TimeMS != time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).UnixMilli() || *r.Key != "demo|generic|t4" || r.Headers["ce_id"] != "id-4" {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(*r.Value, `{"n":4,"note":"<&>x`) {
		t.Errorf("value %.40s", *r.Value)
	}
	raw := call(nil, "", "journal", "export", "--from", "4", "--to", "4", "--data", data)
	if !strings.HasPrefix(raw.out, `{"seq":4,"topic":"failed","time_ms":`) || !strings.Contains(raw.out, "<&>") {
		t.Errorf("%.100s", raw.out)
	}
}

func TestExportKeepsBytesThatAreNoText(t *testing.T) {
	data := t.TempDir()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(data, journalFolder)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = j.Append([]journal.Record{{Topic: 7, Key: []byte{0xff, 1}, Value: []byte{0xfe}}, {Topic: ingest.TopicTest}})
	if err != nil || j.Close() != nil {
		t.Fatal(err)
	}
	all := exported(t, "--data", data)
	if len(all) != 2 || all[0].Key != nil || all[0].KeyBase64 != "/wE=" || all[0].ValueBase64 != "/g==" || all[0].Topic != "7" {
		t.Errorf("%+v", all)
	}
	if all[1].Key != nil || all[1].Value != nil || all[1].KeyBase64 != "" || all[1].Topic != "test" {
		t.Errorf("%+v", all[1])
	}
}

func TestJournalCommandsTakeTheJournalsOwnFolder(t *testing.T) {
	data := journalOfTest(t, 5, 0)
	rescued := filepath.Join(t.TempDir(), "rescued")
	if err := os.Rename(filepath.Join(data, journalFolder), rescued); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ls", "verify", "export"} {
		if got := call(nil, "", "journal", name, "--data", rescued); got.status != 0 || got.out == "" {
			t.Errorf("journal %s: exit %d %s", name, got.status, got.err)
		}
		got := call(nil, "", "journal", name, "--data", data)
		if got.status != 1 || !strings.Contains(got.err, "there is no journal in "+data) || strings.Count(got.err, "\n") != 1 {
			t.Errorf("journal %s without one: exit %d %s", name, got.status, got.err)
		}
	}
}

func TestMistakesWithTheJournalAreUsage(t *testing.T) {
	data := journalOfTest(t, 1, 0)
	for line, says := range map[string]string{
		"journal":                        "needs ls, verify, export or replay",
		"journal lst":                    `has no "lst"; did you mean "ls"?`,
		"journal ls now":                 `"now" is too much`,
		"journal export --topic mian":    `did you mean "main"?`,
		"journal export --from 5 --to 3": "--to 3 is before --from 5",
		"journal export --from x":        "--from",
		"journal replay":                 "needs Kafka",
		"journal verify --config nope":   "cannot be read",
	} {
		args := strings.Fields(line)
		if len(args) > 1 && args[1] != "lst" {
			args = append(args, "--data", data)
		}
		got := call(nil, "", args...)
		if got.status != 2 || !strings.Contains(got.err, says) || strings.Count(got.err, "\n") != 1 || got.out != "" {
			t.Errorf("postback %s: exit %d\n%s%swant one line with %q", line, got.status, got.out, got.err, says)
		}
	}
}

func TestSizesAreRoundedForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 64 << 20: "64.0 MiB", 10 << 30: "10.0 GiB", 5 << 41: "10.0 TiB"} {
		if got := roundSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
