package dedupe

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const benchBatch = 256

// batchOf is a batch of sales with keys from first on, and their marks.
func batchOf(b *testing.B, first int) ([]Arrival, []Mark) {
	b.Helper()
	a, marks := make([]Arrival, benchBatch), make([]Mark, benchBatch)
	policy := &Policy{}
	for i := range a {
		a[i] = arrivalOf(b, "approved 5", policy)
		a[i].Now, a[i].Key = time.Now().UnixMilli(), numbered(first+i)
		marks[i] = NewMark(&a[i], &Decision{}, StandingDone, 1)
	}
	return a, marks
}

// BenchmarkLocalClaimOfKnownIds claims and decides batches of 256 repeats out of a million ids.
func BenchmarkLocalClaimOfKnownIds(b *testing.B) {
	l, err := OpenLocal(LocalConfig{Owner: 1})
	if err != nil {
		b.Fatal(err)
	}
	a, out := make([]Arrival, benchBatch), make([]Claim, benchBatch)
	for i := 0; i < 1<<20; i += benchBatch {
		var marks []Mark
		a, marks = batchOf(b, i)
		if err := l.Claim(context.Background(), marks, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	keys := make([]Key, 1<<16)
	for i := range keys {
		keys[i] = numbered(i * 15)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i += benchBatch {
		for j := range a {
			a[j].Key = keys[(i+j)%len(keys)]
		}
		if err := l.Claim(context.Background(), nil, a, out); err != nil {
			b.Fatal(err)
		}
		for j := range out {
			if d := Decide(&out[j], &a[j]); !d.Duplicate {
				b.Fatal(fmt.Sprint(i, j))
			}
		}
	}
	reportArrivals(b)
}

// reportArrivals adds the time of one arrival to that of a batch.
func reportArrivals(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/arrival")
}

// BenchmarkLocalClaimOfNewIds claims batches of 256 first sights; their marks go with the next batch.
func BenchmarkLocalClaimOfNewIds(b *testing.B) {
	l, err := OpenLocal(LocalConfig{Owner: 1})
	if err != nil {
		b.Fatal(err)
	}
	a, marks := batchOf(b, 0)
	out := make([]Claim, benchBatch)
	b.ReportAllocs()
	for i := 0; b.Loop(); i += benchBatch {
		for j := range a {
			marks[j].Key = a[j].Key
			a[j].Key = numbered(i + benchBatch + j)
		}
		if err := l.Claim(context.Background(), marks, a, out); err != nil {
			b.Fatal(err)
		}
	}
	reportArrivals(b)
}

func BenchmarkDecide(b *testing.B) {
	long := make([]string, MaxEntries)
	for i := range long {
		long[i] = fmt.Sprint("approved ", i)
	}
	for _, c := range []struct {
		name   string
		before []string
		now    string
	}{
		{"new", nil, "approved 5"},
		{"repeat", []string{"approved 5"}, "approved 5"},
		{"reversal", []string{"approved 5"}, "reversed 5"},
		{"update of 16 states", long, "approved 99"},
	} {
		claim := Claim{Owner: 1, Now: testStart}
		for _, text := range c.before {
			a := arrivalOf(b, text, &Policy{})
			d := Decide(&claim, &a)
			m := NewMark(&a, &d, StandingDone, 1)
			Apply(&claim.State, &m)
		}
		a := arrivalOf(b, c.now, &Policy{})
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var d Decision
			for b.Loop() {
				d = Decide(&claim, &a)
			}
			if d.Hot {
				b.Fatal("hot")
			}
		})
	}
}

func BenchmarkMark(b *testing.B) {
	_, marks := batchOf(b, 0)
	buf, err := marks[0].AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(buf)))
		for b.Loop() {
			buf, _ = marks[0].AppendBinary(buf[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(buf)))
		for b.Loop() {
			if _, err := DecodeMark(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}
