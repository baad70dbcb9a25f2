package journal

import (
	"testing"
)

// FuzzGarbageBehindAGoodPrefixKeepsThePrefix writes any bytes behind, or from
// any place over, a journal of a killed process. Whole calls before the place
// come back, nothing foreign does, and the journal goes on.
func FuzzGarbageBehindAGoodPrefixKeepsThePrefix(f *testing.F) {
	shape := calls{1, 3, 2, 1}
	whole := newMemFS()
	shape.write(f, whole, true)
	used := whole.file(f, 0).used()
	image := clone(whole.file(f, 0).data)
	ends := frameEnds(f, whole.file(f, 0), shape.total())
	f.Add(uint16(used), []byte("garbage"))
	f.Add(uint16(used), image[dataStart:used])
	f.Add(uint16(ends[0]), image[ends[3]:used])
	f.Add(uint16(ends[1]), make([]byte, 50))
	f.Add(uint16(0), make([]byte, dataStart))
	f.Fuzz(func(t *testing.T, at uint16, garbage []byte) {
		fsys := whole.kill()
		data := fsys.file(t, 0).data
		begin := min(int(at), len(data))
		copy(data[begin:], garbage)
		whole := 0
		for i, n := range ends {
			if begin >= n && (i == 0 || i == 3 || i == 5 || i == 6) {
				whole = i + 1
			}
		}
		j := mustOpen(t, small(fsys))
		defer mustClose(t, j)
		got, next := read(t, j, 0)
		for seq, r := range got {
			if seq >= uint64(shape.total()) || !sameRecord(r, numbered(int(seq))) {
				t.Fatalf("foreign record %d: %+v", seq, r)
			}
		}
		if len(got) < whole {
			t.Fatalf("%d records before the garbage, %d read", whole, len(got))
		}
		if first := mustAppend(t, j, numbered(int(next))); first != next {
			t.Fatalf("went on with %d, not %d", first, next)
		}
	})
}

// FuzzRecordHeadersNeverPanic parses anything, and what parses is written back
// to something that parses the same.
func FuzzRecordHeadersNeverPanic(f *testing.F) {
	f.Add(AppendHeaders(nil, Header{"k", []byte("v")}, Header{"n", nil}))
	f.Add([]byte{2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var headers []Header
		if err := ParseHeaders(b, func(k, v []byte) { headers = append(headers, Header{string(k), v}) }); err != nil {
			return
		}
		i := 0
		err := ParseHeaders(AppendHeaders(nil, headers...), func(k, v []byte) {
			if string(k) != headers[i].Key || string(v) != string(headers[i].Value) {
				t.Fatalf("header %d changed", i)
			}
			i++
		})
		if err != nil || i != len(headers) {
			t.Fatalf("%d of %d headers, %v", i, len(headers), err)
		}
	})
}
