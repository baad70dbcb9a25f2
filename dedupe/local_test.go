package dedupe

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// diary is a Local with a clock of its own and a way to come back after a crash.
type diary struct {
	*Local
	dir string
	now int64
}

func openDiary(t *testing.T, dir string, memory int64) *diary {
	t.Helper()
	d := &diary{dir: dir, now: testStart}
	l, err := OpenLocal(LocalConfig{Dir: dir, MaxMemory: memory, Owner: 1, Now: func() time.Time { return time.UnixMilli(d.now) }})
	if err != nil {
		t.Fatal(err)
	}
	d.Local = l
	return d
}

func numbered(i int) Key {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i))
	return keyOf(string(b[:]))
}

// remember marks ids from..to-1 done, in that order.
func (d *diary) remember(t *testing.T, from, to int, p *Policy) {
	t.Helper()
	a := arrivalOf(t, "approved 5", p)
	a.Now = d.now
	marks := make([]Mark, 0, 256)
	for i := from; i < to; i++ {
		a.Key = numbered(i)
		marks = append(marks, NewMark(&a, &Decision{Seq: 1}, StandingDone, 1))
		if len(marks) == cap(marks) || i == to-1 {
			if err := d.Claim(context.Background(), marks, nil, nil); err != nil {
				t.Fatal(err)
			}
			marks = marks[:0]
		}
	}
}

// known counts the ids from..to-1 whose repeat is a duplicate.
func (d *diary) known(t *testing.T, from, to int) (n int) {
	t.Helper()
	a := []Arrival{arrivalOf(t, "approved 5", nil)}
	out := make([]Claim, 1)
	for i := from; i < to; i++ {
		a[0].Key = numbered(i)
		if err := d.Look(context.Background(), a, out); err != nil {
			t.Fatal(err)
		}
		if Decide(&out[0], &a[0]).Duplicate {
			n++
		}
	}
	return n
}

func TestWhatWasSyncedIsThereAfterAStart(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	d.remember(t, 0, 1000, nil)
	d.SetPosition(77)
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	d.remember(t, 1000, 1010, nil)
	d.SetPosition(88) // never synced: a crash loses it, together with the ten
	d = openDiary(t, dir, 0)
	if n := d.known(t, 0, 1000); n != 1000 || d.Position() != 77 {
		t.Errorf("%d of 1000 known, position %d", n, d.Position())
	}
	d.remember(t, 1000, 1010, nil)
	d.SetPosition(88)
	closeStore(t, d)
	d = openDiary(t, dir, 0)
	defer closeStore(t, d)
	if n := d.known(t, 0, 1010); n != 1010 || d.Position() != 88 {
		t.Errorf("%d of 1010 known, position %d", n, d.Position())
	}
}

func TestALogTornAnywhereLosesOnlyItsEnd(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	for i := range 10 {
		d.remember(t, i*10, i*10+10, nil)
		d.SetPosition(uint64(i + 1))
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, d)
	path := d.log.path(1, logSuffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 97 {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, filepath.Base(path)), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		d := openDiary(t, torn, 0)
		place := int(d.Position())
		if n := d.known(t, 0, 100); n != place*10 || d.Stats().Damaged != 0 {
			t.Fatalf("cut at %d: %d known, position %d, %+v", cut, n, place, d.Stats())
		}
		d.remember(t, 0, 100, nil) // the journal's tail
		d.SetPosition(10)
		closeStore(t, d)
		d = openDiary(t, torn, 0)
		if n := d.known(t, 0, 100); n != 100 || d.Position() != 10 {
			t.Fatalf("cut at %d, replayed: %d known, position %d", cut, n, d.Position())
		}
		closeStore(t, d)
	}
}

func TestDamageInTheMiddleCostsThePositionAndIsRepaired(t *testing.T) {
	for name, spoil := range map[string]func(d *diary) string{
		"segment":  func(d *diary) string { return d.log.path(1, logSuffix) },
		"snapshot": func(d *diary) string { return d.log.path(2, snapSuffix) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDiary(t, dir, 0)
			d.remember(t, 0, 100, nil)
			d.SetPosition(1)
			if name == "snapshot" {
				if err := d.compact(); err != nil {
					t.Fatal(err)
				}
			}
			closeStore(t, d)
			d = openDiary(t, dir, 0)
			d.remember(t, 100, 200, nil)
			d.SetPosition(2)
			closeStore(t, d)
			flipByte(t, spoil(d))
			d = openDiary(t, dir, 0)
			if n := d.known(t, 100, 200); n != 100 || d.Position() != 0 || d.Stats().Damaged == 0 {
				t.Errorf("%d known after the damage, position %d, %+v", n, d.Position(), d.Stats())
			}
			closeStore(t, d)
			d = openDiary(t, dir, 0)
			defer closeStore(t, d)
			if n := d.known(t, 100, 200); n != 100 || d.Position() != 0 || d.Stats().Damaged != 0 {
				t.Errorf("%d known after the repair, position %d, %+v", n, d.Position(), d.Stats())
			}
		})
	}
}

func flipByte(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestACheckpointKeepsTheLogAsLongAsItsContent(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	p := &Policy{OnChange: ChangeCreateNew} // every mark changes the state, so the log grows
	a := arrivalOf(t, "approved 5", p)
	out := make([]Claim, 1)
	var marks []Mark
	for i := range 60_000 {
		a.Key = numbered(i % 50)
		a.Now = d.now + int64(i)
		if err := d.Claim(t.Context(), marks, []Arrival{a}, out); err != nil {
			t.Fatal(err)
		}
		dec := Decide(&out[0], &a)
		marks = append(marks[:0], NewMark(&a, &dec, StandingDone, 1))
	}
	before := d.Stats().LogBytes
	d.SetPosition(5)
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if after := d.Stats().LogBytes; before < logSlack || after > 100_000 {
		t.Errorf("the log had %d bytes, and %d after the checkpoint", before, after)
	}
	want := encoded(&out[0].State, false)
	closeStore(t, d)
	if names := mustGlob(t, filepath.Join(dir, "*")); len(names) != 2 {
		t.Errorf("files: %v", names)
	}
	d = openDiary(t, dir, 0)
	defer closeStore(t, d)
	if err := d.Look(t.Context(), []Arrival{a}, out); err != nil {
		t.Fatal(err)
	}
	if d.Stats().IDs != 50 || d.Position() != 5 || len(encoded(&out[0].State, false)) < len(want) {
		t.Errorf("%d ids, position %d", d.Stats().IDs, d.Position())
	}
}

func TestStatesMarkedDuringACheckpointSurviveIt(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	d.remember(t, 0, 20_000, nil)
	done := make(chan error, 1)
	go func() { done <- d.compact() }()
	d.remember(t, 20_000, 40_000, nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	closeStore(t, d)
	d = openDiary(t, dir, 0)
	defer closeStore(t, d)
	if n := d.known(t, 0, 40_000); n != 40_000 {
		t.Errorf("%d of 40000 known", n)
	}
}

func TestAFailingDiskIsToldAndHealedByACheckpoint(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	d.remember(t, 0, 10, nil)
	d.SetPosition(1)
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := d.log.file.Close(); err != nil { // as good as a disk that fails
		t.Fatal(err)
	}
	d.remember(t, 10, 20, nil)
	if err := d.Sync(); err == nil || d.Stats().LogError == nil {
		t.Fatalf("sync on a dead file: %v, %v", err, d.Stats().LogError)
	}
	d.remember(t, 20, 30, nil)
	d.SetPosition(3)
	if n := d.known(t, 0, 30); n != 30 {
		t.Errorf("%d of 30 in memory", n)
	}
	if err := d.Checkpoint(); err != nil || d.Stats().LogError != nil {
		t.Fatalf("checkpoint: %v, %v", err, d.Stats().LogError)
	}
	closeStore(t, d)
	d = openDiary(t, dir, 0)
	defer closeStore(t, d)
	if n := d.known(t, 0, 30); n != 30 || d.Position() != 3 {
		t.Errorf("%d of 30 known, position %d", n, d.Position())
	}
}

func TestPositionsVouchForNothingWhileTheLogHasAHole(t *testing.T) {
	dir := t.TempDir()
	d := openDiary(t, dir, 0)
	d.SetPosition(1)
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := d.log.file.Close(); err != nil {
		t.Fatal(err)
	}
	d.remember(t, 0, 10, nil)
	if err := d.Sync(); err == nil {
		t.Fatal("sync on a dead file succeeds")
	}
	d.log.files.Lock()
	_, _, err := d.log.rotate() // a checkpoint that gets no further: the disk is full
	d.log.files.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	d.remember(t, 10, 20, nil)
	d.SetPosition(2)
	closeStore(t, d)
	d = openDiary(t, dir, 0)
	defer closeStore(t, d)
	if n := d.known(t, 0, 20); n != 10 || d.Position() != 1 {
		t.Errorf("%d known, position %d: position 2 would leave ten ids lost", n, d.Position())
	}
}

func TestTheOldestIdsLeaveWhenMemoryIsFullAndAreCounted(t *testing.T) {
	d := openDiary(t, "", 2<<20)
	defer closeStore(t, d)
	const n = 100_000
	d.remember(t, 0, n, nil)
	st := d.Stats()
	if st.Memory > 2<<20 || st.Evicted == 0 || st.IDs+int(st.Evicted) != n {
		t.Fatalf("%+v", st)
	}
	if old, young := d.known(t, 0, n/4), d.known(t, n-n/5, n); old != 0 || young != n/5 {
		t.Errorf("%d of the oldest and %d of the %d newest are known", old, young, n/5)
	}
	d.remember(t, 0, 5000, nil)
	d.remember(t, n, n+10_000, nil)
	if back := d.known(t, 0, 5000); back != 5000 {
		t.Errorf("%d of 5000 renewed ids are known", back)
	}
}

func TestAnIDTakesAtMost64BytesOfMemory(t *testing.T) {
	d := openDiary(t, "", 64<<20)
	defer closeStore(t, d)
	const n = 400_000
	d.remember(t, 0, n, nil)
	if st := d.Stats(); st.Memory/n > 64 || st.IDs != n {
		t.Errorf("%d bytes an id, %+v", st.Memory/n, st)
	}
}

func TestMemoryOfWhatIsOverIsGivenBack(t *testing.T) {
	d := openDiary(t, "", 0)
	defer closeStore(t, d)
	short := &Policy{Window: time.Hour}
	d.remember(t, 0, 50_000, short)
	d.remember(t, 50_000, 60_000, nil)
	full := d.Stats().Memory
	d.now += 2 * time.Hour.Milliseconds()
	if n := d.known(t, 0, 60_000); n != 10_000 {
		t.Errorf("%d known", n)
	}
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if st := d.Stats(); st.IDs != 10_000 || st.Expired != 50_000 || st.Evicted != 0 || st.Memory > full*2/3 {
		t.Errorf("%d bytes before, then %+v", full, st)
	}
	if n := d.known(t, 50_000, 60_000); n != 10_000 {
		t.Errorf("%d of 10000 left", n)
	}
}

func TestExpiredIdsMakeRoomBeforeOthersAreForgotten(t *testing.T) {
	d := openDiary(t, "", 2<<20)
	defer closeStore(t, d)
	for round := range 20 {
		d.remember(t, round*10_000, (round+1)*10_000, &Policy{Window: time.Hour})
		d.now += 2 * time.Hour.Milliseconds()
	}
	if st := d.Stats(); st.Evicted > 0 {
		t.Errorf("ids were evicted although all others had expired: %+v", st)
	}
}

func TestAMarkReplayedLongAfterItsWindowIsNotKept(t *testing.T) {
	d := openDiary(t, "", 0)
	defer closeStore(t, d)
	p := &Policy{Window: time.Hour}
	a := arrivalOf(t, "5", p)
	a.Now -= 2 * time.Hour.Milliseconds()
	m := NewMark(&a, &Decision{}, StandingDone, 1)
	if err := d.Claim(t.Context(), []Mark{m}, nil, nil); err != nil || d.Stats().IDs != 0 {
		t.Errorf("%v, %+v", err, d.Stats())
	}
}

func TestEachVisitsEveryStateAndSeedsAnotherStore(t *testing.T) {
	from, to := openDiary(t, "", 0), openDiary(t, "", 0)
	defer closeStore(t, from)
	defer closeStore(t, to)
	from.remember(t, 0, 1000, nil)
	var marks []Mark
	from.Each(func(k Key, s *State, expires time.Time) bool {
		if expires.Sub(time.UnixMilli(from.now)) < DefaultWindow {
			t.Fatalf("expires %v", expires)
		}
		for i := range s.Len() {
			marks = append(marks, s.Mark(i, k, DefaultWindow))
		}
		return true
	})
	if err := to.Claim(t.Context(), marks, nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := to.known(t, 0, 1000); n != 1000 {
		t.Errorf("%d of 1000 seeded", n)
	}
	visits := 0
	from.Each(func(Key, *State, time.Time) bool { visits++; return visits < 5 })
	if visits != 5 {
		t.Errorf("%d visits after false", visits)
	}
}

func TestLocalRefusesAnUnusableConfig(t *testing.T) {
	if _, err := OpenLocal(LocalConfig{MaxMemory: 1000}); err == nil {
		t.Error("1000 bytes of memory are accepted")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLocal(LocalConfig{Dir: file}); err == nil {
		t.Error("a file is accepted as folder")
	}
}

func TestLooksMayRunBesideClaimsAndCheckpoints(t *testing.T) {
	d := openDiary(t, t.TempDir(), 2<<20)
	defer closeStore(t, d)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			d.known(t, i%1000, i%1000+50)
			_ = d.Stats()
			if i%20 == 0 {
				if err := d.Checkpoint(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for i := range 50 {
		d.remember(t, i*500, i*500+1000, nil)
	}
	close(stop)
	<-done
	if n := d.known(t, 25_000, 25_500); n != 500 {
		t.Errorf("%d of 500 known", n)
	}
}
