//go:build !race

package journal

import "testing"

func TestAppendingAndReadingDoNotAllocatePerRecord(t *testing.T) {
	for _, c := range []struct {
		name    string
		records int
	}{{"one record", 1}, {"a batch", 256}} {
		j := mustOpen(t, Config{Dir: t.TempDir()})
		recs := make([]Record, c.records)
		for i := range recs {
			recs[i] = payload()
		}
		mustAppend(t, j, recs...)
		appending := testing.AllocsPerRun(50, func() {
			if _, err := j.Append(recs); err != nil {
				t.Fatal(err)
			}
		})
		if appending > 1 { // an entry of the segment's index now and then
			t.Errorf("%s: %v allocations to append", c.name, appending)
		}
		var from uint64
		reading := testing.AllocsPerRun(20, func() {
			count := 0
			next, err := j.Read(from, func(uint64, Record) bool { count++; return count < c.records })
			if err != nil {
				t.Fatal(err)
			}
			from = next
		})
		if reading > 8 { // opening a file and the closures
			t.Errorf("%s: %v allocations to read", c.name, reading)
		}
		mustClose(t, j)
	}
}
