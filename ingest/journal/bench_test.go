package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// payload is a record of about 500 bytes.
func payload() Record {
	return Record{
		Time: 1_700_000_000_000, Key: []byte("0123456789abcdef"), Value: bytes.Repeat([]byte("v"), 400),
		Headers: AppendHeaders(nil, Header{Key: "ce_id", Value: []byte("0123456789abcdef0123456789abcdef")}),
		Meta:    bytes.Repeat([]byte("m"), 32),
	}
}

// openBench opens a journal on the real disk and keeps it from filling up.
func openBench(b *testing.B) *Journal {
	b.Helper()
	j, err := Open(Config{Dir: b.TempDir(), MaxSize: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Error(err)
		}
	})
	return j
}

// appendTrimming appends and, when the journal is full, publishes and trims.
func appendTrimming(b *testing.B, j *Journal, recs []Record) {
	for {
		first, err := j.Append(recs)
		if err == nil {
			return
		}
		if err := j.SetPublished(j.Next()); err != nil {
			b.Error(err)
			return
		}
		if err := j.Trim(time.Now(), false); err != nil {
			b.Error(first, err)
			return
		}
	}
}

func BenchmarkAppendFromManyGoroutines(b *testing.B) {
	for _, callers := range []int{1, 16, 256, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := openBench(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					recs := []Record{payload()}
					for left.Add(-1) >= 0 {
						appendTrimming(b, j, recs)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			st := j.Stats()
			b.ReportMetric(float64(st.Appended)/float64(max(st.Fsyncs, 1)), "records/sync")
			b.ReportMetric(float64(st.FsyncTime.Microseconds())/float64(max(st.Fsyncs, 1)), "µs/sync")
		})
	}
}

func BenchmarkAppendBatch(b *testing.B) {
	j := openBench(b)
	recs := make([]Record, 256)
	for i := range recs {
		recs[i] = payload()
	}
	b.ReportAllocs()
	for b.Loop() {
		appendTrimming(b, j, recs)
	}
	b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkRead(b *testing.B) {
	j := openBench(b)
	recs := make([]Record, 250)
	for i := range recs {
		recs[i] = payload()
	}
	for range 40 {
		if _, err := j.Append(recs); err != nil {
			b.Fatal(err)
		}
	}
	var from uint64
	b.ReportAllocs()
	for b.Loop() {
		count := 0
		next, err := j.Read(from%10_000, func(uint64, Record) bool { count++; return count < 256 })
		if err != nil {
			b.Fatal(err)
		}
		from = next
	}
	b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkOpen opens a journal of 1 GB whose owner was killed.
func BenchmarkOpen(b *testing.B) {
	if testing.Short() {
		b.Skip("writes 1 GB")
	}
	dir := b.TempDir()
	j, err := Open(Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	recs := make([]Record, 8_000)
	for i := range recs {
		recs[i] = payload()
	}
	for j.Stats().AppendedSize < 1_000_000_000 {
		if _, err := j.Append(recs); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.lock.Close(); err != nil { // as the kernel does when it dies
		b.Fatal(err)
	}
	tail := filepath.Join(dir, segmentName(j.segments[len(j.segments)-1].base))
	image, err := os.ReadFile(tail)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := os.WriteFile(tail, image, 0o600); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		again, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	runtime.KeepAlive(j)
}
