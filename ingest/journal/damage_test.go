package journal

import (
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// calls are the sizes of Append calls; their records are numbered on.
type calls []int

func (c calls) total() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

// write appends the calls to a fresh journal, and closes it unless killed.
func (c calls) write(t testing.TB, fsys *memFS, killed bool) {
	t.Helper()
	j := mustOpen(t, small(fsys))
	n := 0
	for _, size := range c {
		mustAppend(t, j, numberedRange(n, n+size)...)
		n += size
	}
	if !killed {
		mustClose(t, j)
	}
}

// file returns the content of the only segment, or the one that begins with base.
func (m *memFS) file(t testing.TB, base uint64) *memInode {
	t.Helper()
	inode := m.files[filepath.Join(testDir, segmentName(base))]
	if inode == nil {
		t.Fatalf("no segment %d in %v", base, m.files)
	}
	return inode
}

// used returns the length of the file without the zeros at its end.
func (i *memInode) used() int {
	return len(strings.TrimRight(string(i.data), "\x00"))
}

// frameEnds returns where each record's frame ends.
func frameEnds(t testing.TB, inode *memInode, records int) []int {
	t.Helper()
	var ends []int
	off := dataStart
	for range records {
		off += frameHead + int(binary.LittleEndian.Uint32(inode.data[off+4:])&lengthMask)
		ends = append(ends, off)
	}
	return ends
}

func TestAJournalCutAnywhereKeepsEveryWholeAppend(t *testing.T) {
	shape := calls{1, 3, 1, 2, 1}
	for _, killed := range []bool{false, true} {
		whole := newMemFS()
		shape.write(t, whole, killed)
		ends := frameEnds(t, whole.file(t, 0), shape.total())
		for size := range whole.file(t, 0).used() + 1 {
			cut := whole.kill()
			cut.file(t, 0).resize(int64(size))
			want, end := 0, 0
			for _, n := range shape {
				if end += n; size >= ends[end-1] {
					want = end
				}
			}
			j := mustOpen(t, small(cut))
			got, next := read(t, j, 0)
			wantNumbered(t, got, 0, want)
			if first := mustAppend(t, j, numbered(want)); first != uint64(want) || next != uint64(want) {
				t.Fatalf("cut at %d: went on with %d after %d", size, first, next)
			}
			mustClose(t, j)
			got, _ = read(t, mustOpen(t, small(cut)), 0)
			wantNumbered(t, got, 0, want+1)
		}
	}
}

// survivors opens a damaged journal twice, with more records between, and
// returns what of the first n records is left. What is left must be unharmed,
// and stay the same once more is appended.
func survivors(t *testing.T, damaged *memFS, n int) map[uint64]Record {
	t.Helper()
	j := mustOpen(t, small(damaged))
	got, next := read(t, j, 0)
	for seq, r := range got {
		if seq >= uint64(n) || !sameRecord(r, numbered(int(seq))) {
			t.Fatalf("garbage as record %d: %+v", seq, r)
		}
	}
	mustAppend(t, j, numbered(int(next)))
	mustClose(t, j)
	j = mustOpen(t, small(damaged))
	defer mustClose(t, j)
	again, _ := read(t, j, 0)
	if len(again) != len(got)+1 {
		t.Fatalf("%d records at first, then %d", len(got), len(again)-1)
	}
	return got
}

func TestAFlippedByteCostsAtMostItsRecord(t *testing.T) {
	shape := calls{1, 3, 1, 2, 1}
	whole := newMemFS()
	shape.write(t, whole, false)
	ends := frameEnds(t, whole.file(t, 0), shape.total())
	for at := range whole.file(t, 0).used() {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := whole.kill()
			damaged.file(t, 0).data[at] ^= flip
			got := survivors(t, damaged, shape.total())
			begin := dataStart
			for n, end := range ends {
				_, ok := got[uint64(n)]
				if hit := at >= begin && at < end; ok == hit {
					t.Fatalf("byte %d flipped: record %d at [%d,%d) read: %v", at, n, begin, end, ok)
				}
				begin = end
			}
		}
	}
}

func TestAFlippedByteInAKilledJournalCostsAtMostItsAppend(t *testing.T) {
	shape := calls{1, 3, 1, 2, 1}
	whole := newMemFS()
	shape.write(t, whole, true)
	ends := frameEnds(t, whole.file(t, 0), shape.total())
	for at := range ends[len(ends)-1] {
		damaged := whole.kill()
		damaged.file(t, 0).data[at] ^= 0xff
		got := survivors(t, damaged, shape.total())
		begin := dataStart
		for n, end := range ends {
			_, ok := got[uint64(n)]
			// Nothing follows the last Append that proves it was synced.
			if hit := at >= begin && at < end; ok == hit {
				t.Fatalf("byte %d flipped: record %d read: %v", at, n, ok)
			}
			begin = end
		}
	}
}

func TestDamageInAnOlderSegmentIsSkippedAndCountedOnce(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 100)
	for i := range shape {
		shape[i] = 3
	}
	shape.write(t, fsys, false)
	inode := fsys.file(t, 0)
	inode.data[dataStart+200] ^= 1
	inode.data[len(inode.data)-200] ^= 1
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	if st := j.Stats(); st.LostRecords != 0 {
		t.Fatalf("old segments were read by Open: %+v", st)
	}
	for range 3 {
		if got, next := read(t, j, 0); len(got) != 298 || next != 300 {
			t.Fatalf("read %d records, next %d", len(got), next)
		}
	}
	if st := j.Stats(); st.LostRecords != 2 || st.DamagedSegments != 1 {
		t.Fatalf("stats: %+v", st)
	}
	report, err := verifyOn(fsys, testDir)
	if err != nil || report.Lost != 2 || !report.Damaged() || report.Records != 298 || report.Next != 300 {
		t.Fatalf("report: %+v, %v", report, err)
	}
}

func TestAJournalReadWhileItsFilesDecayGoesOn(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	mustAppend(t, j, numberedRange(0, 2)...)
	mustAppend(t, j, numbered(2))
	inode := fsys.file(t, 0)
	inode.data[frameEnds(t, inode, 3)[2]-1] ^= 1
	got, next := read(t, j, 0)
	wantNumbered(t, got, 0, 2)
	if next != 3 || j.Stats().LostRecords != 1 {
		t.Fatalf("next %d, stats %+v", next, j.Stats())
	}
	mustAppend(t, j, numbered(3))
	if got, _ := read(t, j, next); len(got) != 1 || !sameRecord(got[3], numbered(3)) {
		t.Fatalf("read on: %+v", got)
	}
}

func TestALostHeaderPageIsMadeUpForByTheFirstFrame(t *testing.T) {
	fsys := newMemFS()
	shape := calls{2, 2}
	shape.write(t, fsys, false)
	clear(fsys.file(t, 0).data[:dataStart])
	got, _ := read(t, mustOpen(t, small(fsys)), 0)
	wantNumbered(t, got, 0, 4)
}

func TestASegmentBeyondRepairIsSetAsideAndTheRestIsRead(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 150)
	for i := range shape {
		shape[i] = 1
	}
	shape.write(t, fsys, false)
	clear(fsys.file(t, 0).data[:dataStart+40])
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	first := int(j.First())
	if first == 0 || first > 140 {
		t.Fatalf("first is %d", first)
	}
	got, _ := read(t, j, 0)
	wantNumbered(t, got, first, 150)
	if st := j.Stats(); st.DamagedSegments != 1 {
		t.Fatalf("stats: %+v", st)
	}
	bad := strings.TrimSuffix(segmentName(0), segmentSuffix) + badSuffix
	if fsys.files[filepath.Join(testDir, bad)] == nil {
		t.Fatal("the damaged segment was not kept")
	}
	report, err := verifyOn(fsys, testDir)
	if err != nil || !report.Damaged() || report.Segments[0].Name != bad {
		t.Fatalf("report: %+v, %v", report, err)
	}
}

func TestAMissingSegmentIsSkippedAndCounted(t *testing.T) {
	fsys := newMemFS()
	shape := make(calls, 150)
	for i := range shape {
		shape[i] = 1
	}
	shape.write(t, fsys, false)
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	gone := j.segments[1]
	lost := j.segments[2].base - gone.base
	delete(fsys.files, gone.path)
	for range 2 {
		if got, next := read(t, j, 0); uint64(len(got)) != 150-lost || next != 150 {
			t.Fatalf("read %d, next %d, lost %d", len(got), next, lost)
		}
	}
	if st := j.Stats(); st.LostRecords != lost || st.DamagedSegments != 1 {
		t.Fatalf("stats: %+v, lost %d", st, lost)
	}
}

func TestNumbersAtAndBelowTheCheckpointAreNeverGivenAgain(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	mustAppend(t, j, numberedRange(0, 5)...)
	if err := j.SetPublished(5); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	fsys.file(t, 0).resize(dataStart + 10)
	j = mustOpen(t, small(fsys))
	defer mustClose(t, j)
	if first := mustAppend(t, j, numbered(5)); first != 5 {
		t.Fatalf("first is %d", first)
	}
	if got, _ := read(t, j, j.Published()); len(got) != 1 {
		t.Fatalf("the drain would miss it: %+v", got)
	}
}

func TestNumbersOfAcknowledgedRecordsLostAtTheEndAreNotGivenAgain(t *testing.T) {
	fsys := newMemFS()
	shape := calls{3, 2}
	shape.write(t, fsys, true)
	fsys = fsys.kill()
	inode := fsys.file(t, 0)
	ends := frameEnds(t, inode, 5)
	inode.data[ends[1]-1] ^= 1 // records 1 and 2 of a group that was synced
	inode.data[ends[2]-1] ^= 1
	inode.data[ends[4]-1] ^= 1 // and the end of the next, which may be torn
	j := mustOpen(t, small(fsys))
	if got, _ := read(t, j, 0); len(got) != 1 || j.Next() != 3 || j.Stats().LostRecords != 2 {
		t.Fatalf("read %d records, stats %+v", len(got), j.Stats())
	}
	mustAppend(t, j, numbered(3))
	mustClose(t, j)
	j = mustOpen(t, small(fsys))
	defer mustClose(t, j)
	if got, _ := read(t, j, 0); len(got) != 2 || !sameRecord(got[0], numbered(0)) || !sameRecord(got[3], numbered(3)) {
		t.Fatalf("after a restart: %+v", got)
	}
}

// TestFramesInsideRecordsAreNotTakenForFrames plants, in a record's value, bytes
// copied from another segment and frames made for this one with a guessed salt.
func TestFramesInsideRecordsAreNotTakenForFrames(t *testing.T) {
	fsys := newMemFS()
	j := mustOpen(t, small(fsys))
	value := make([]byte, 0, 2000)
	for seq := range uint64(8) {
		forged := appendFrame(nil, &Record{Value: []byte("forged")}, flagFirst|flagLast)
		finishFrame(forged, seq, 0, 0)
		value = append(value, forged...)
	}
	mustAppend(t, j, Record{Value: value})
	mustAppend(t, j, numbered(1))
	mustClose(t, j)
	fsys.file(t, 0).data[dataStart] ^= 1
	j = mustOpen(t, small(fsys))
	defer mustClose(t, j)
	if got, _ := read(t, j, 0); len(got) != 1 || !sameRecord(got[1], numbered(1)) {
		t.Fatalf("read %+v", got)
	}
}

func TestACopiedSegmentUnderAnotherNumberIsNotRead(t *testing.T) {
	fsys := newMemFS()
	shape := calls{2}
	shape.write(t, fsys, false)
	copied := fsys.kill().file(t, 0)
	fsys.files[filepath.Join(testDir, segmentName(2))] = copied
	j := mustOpen(t, small(fsys))
	defer mustClose(t, j)
	got, _ := read(t, j, 0)
	wantNumbered(t, got, 0, 2)
}

func TestAnyGarbageBehindTheEndKeepsThePrefix(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	shape := calls{1, 3, 2}
	whole := newMemFS()
	shape.write(t, whole, true)
	end := whole.file(t, 0).used()
	for range 500 {
		fsys := whole.kill()
		tail := fsys.file(t, 0).data[end:]
		for i := range rng.IntN(len(tail)) {
			tail[i] = byte(rng.Uint32())
		}
		j := mustOpen(t, small(fsys))
		got, _ := read(t, j, 0)
		wantNumbered(t, got, 0, 6)
		mustClose(t, j)
	}
}
