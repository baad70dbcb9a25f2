package ingest_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
)

// smallJournal is full after two megabytes.
func smallJournal(s *setup) { s.journal = journal.Config{SegmentSize: 1 << 20, MaxSize: 2 << 20} }

// padding is as many members of a JSON object as make an event of 50 kB.
func padding() string {
	var b strings.Builder
	for i := range 7 {
		fmt.Fprintf(&b, `,"pad%d":%q`, i, strings.Repeat("x", 7000))
	}
	return b.String()
}

// fill sends conversions until nothing more can be made durable, and returns the
// refusal.
func fill(t *testing.T, sv *service) answer {
	t.Helper()
	for i := range 500 {
		a := sv.post("/demo/collect/generic", "application/json", fmt.Sprintf(`{"transaction_id":"F%d","commission":1%s}`, i, padding()))
		if a.status != http.StatusOK {
			return a
		}
	}
	t.Fatal("the journal never fills")
	return answer{}
}

func TestBatchThatIsNotDurableAsAWholeIsToBeSentAgain(t *testing.T) {
	sv := start(t, smallJournal)
	const known = `{"transaction_id":"K","commission":1}`
	expect(t, sv.post("/demo/collect/generic", "application/json", known), 200, "accepted", "")
	fill(t, sv)
	batch := fmt.Sprintf(`[%s,{"transaction_id":"N","commission":1%s}]`, known, padding())
	for range 2 {
		a := sv.post("/demo/collect/generic", "application/json", batch)
		expect(t, a, 503, "batch", "")
		if a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		for i, want := range []string{"duplicate", "retry"} {
			if !strings.Contains(a.body, fmt.Sprintf(`"index":"%d","result":"%s"`, i, want)) {
				t.Errorf("conversion %d is not %s in %s", i, want, a.body)
			}
		}
	}
}

func TestNothingDurableIsAnsweredWithComeAgain(t *testing.T) {
	sv := start(t, smallJournal, func(s *setup) {
		s.store = func(inner dedupe.Store) dedupe.Store { return deaf{inner} }
	})
	a := fill(t, sv)
	expect(t, a, 503, "", "unavailable")
	if a.header.Get("Retry-After") == "" || a.body != "" || a.id != "" {
		t.Errorf("503 with body %q, id %q and header %v", a.body, a.id, a.header)
	}
}

func TestEncryptionIsNotPartOfAnIdentity(t *testing.T) {
	sv := start(t)
	vouched := httptest.NewTLSServer(nil) // for its certificate
	defer vouched.Close()
	listener := fasthttputil.NewInmemoryListener()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = sv.server.Serve(tls.NewListener(listener, &tls.Config{Certificates: vouched.TLS.Certificates, MinVersion: tls.VersionTLS12}))
	}()
	first := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	transport := vouched.Client().Transport.(*http.Transport).Clone() //nolint:forcetypeassert // httptest's own
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return listener.Dial() }
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://example.com" + demo + "click_id=c1&transaction_id=T1&commission=4.99")
	if err != nil {
		t.Fatal(err)
	}
	again := read(t, resp)
	expect(t, again, 200, "duplicate", "repeat")
	if again.id != first.id {
		t.Errorf("encrypted it is event %s, in clear %s", again.id, first.id)
	}
	client.CloseIdleConnections()
	sv.stop()
	<-served
}

func TestTwoInstancesGiveOneRequestOneEventID(t *testing.T) {
	c := newClock()
	clocked := func(s *setup) { s.now = c.now }
	instances := []*service{start(t, clocked), start(t, clocked)} // neither sees what the other has claimed
	ids := make([]string, len(instances))
	var wg sync.WaitGroup
	for i, sv := range instances {
		wg.Go(func() { ids[i] = sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99").id })
	}
	wg.Wait()
	seen := map[any]bool{}
	copies := 0
	for _, sv := range instances {
		for _, r := range sv.main() {
			seen[r.value["event_id"]] = true
			copies++
		}
	}
	if ids[0] != ids[1] || ids[0] == "" || len(seen) != 1 || copies > 2 {
		t.Errorf("ids %v, %d copies of %d events", ids, copies, len(seen))
	}
}

// contested is a store in which another instance has every arrival open for a
// number of answers; then that instance is done with it.
type contested struct {
	dedupe.Store
	mu           sync.Mutex
	asked, until int
}

func (c *contested) Claim(ctx context.Context, marks []dedupe.Mark, arrivals []dedupe.Arrival, out []dedupe.Claim) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(arrivals) == 0 {
		return c.Store.Claim(ctx, marks, arrivals, out)
	}
	if c.asked++; c.asked == c.until {
		d := dedupe.Decide(&dedupe.Claim{}, &arrivals[0])
		marks = append(marks, dedupe.NewMark(&arrivals[0], &d, dedupe.StandingDone, 9))
	}
	err := c.Store.Claim(ctx, marks, arrivals, out)
	for i := range out {
		out[i].OpenSame = c.asked < c.until
	}
	return err
}

func TestClaimOpenElsewhereIsAskedForAgain(t *testing.T) {
	for _, tt := range []struct {
		until  int
		result string
		asked  int
	}{{2, "duplicate", 2}, {4, "duplicate", 4}, {100, "accepted", 4}} {
		var shared *contested
		sv := start(t, func(s *setup) {
			s.store = func(inner dedupe.Store) dedupe.Store {
				shared = &contested{Store: inner, until: tt.until}
				return shared
			}
		})
		if a := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99"); a.result != tt.result {
			t.Errorf("done after %d answers: %s %s, want %s", tt.until, a.result, a.reason, tt.result)
		}
		shared.mu.Lock()
		if shared.asked != tt.asked {
			t.Errorf("done after %d answers: asked %d times, want %d", tt.until, shared.asked, tt.asked)
		}
		shared.mu.Unlock()
		sv.stop()
	}
}

func TestShutdownAmidRequestsAnswersNothingThatIsNotDurable(t *testing.T) {
	dir := t.TempDir()
	sv := start(t, withDir(dir))
	var mu sync.Mutex
	var answered []string
	underway := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				resp, err := sv.client.Get(fmt.Sprintf("http://collect%sclick_id=c1&transaction_id=W%d-%d&commission=1", demo, worker, i))
				if err != nil {
					return // the service is gone; the sender knows that nothing was promised
				}
				if a := read(t, resp); a.status == http.StatusOK {
					mu.Lock()
					answered = append(answered, a.id)
					mu.Unlock()
				} else if a.status != http.StatusServiceUnavailable {
					t.Errorf("answer %d %s", a.status, a.reason)
				}
				if i == 20 && worker == 0 {
					underway <- struct{}{}
				}
			}
		})
	}
	<-underway
	sv.stop()
	wg.Wait()
	durable := map[any]bool{}
	for _, r := range start(t, withDir(dir)).main() {
		durable[r.value["event_id"]] = true
	}
	for _, id := range answered {
		if !durable[id] {
			t.Errorf("event %s was answered 200 and is gone", id)
		}
	}
}

func TestAnotherMappingOfGoalsGivesOtherEventIDs(t *testing.T) {
	sv := start(t)
	reload := func(event string) {
		preset := `{"name": "goals", "title": "Goals", "certainty": "guess", "sources": ["test"], "events": {"1": "` + event + `"}}`
		sv.server.SetDirectory(directoryOf(t, fstest.MapFS{"goals.json": {Data: []byte(preset)}}, []ingest.PropertyConfig{{ID: "demo", Open: true}}))
	}
	const target = "/demo/collect/goals?click_id=c1&transaction_id=T1&commission=5&event_name=1"
	reload("Lead")
	first := sv.get(target)
	expect(t, first, 200, "accepted", "")
	expect(t, sv.get(target), 200, "duplicate", "repeat")
	reload("Purchase")
	other := sv.get(target)
	expect(t, other, 200, "accepted", "")
	if other.id == first.id {
		t.Error("two goals share an event id")
	}
	reload("Lead")
	if back := sv.get(target); back.result != "duplicate" || back.id != first.id {
		t.Errorf("with the old mapping the retry is %s of %s, want a duplicate of %s", back.result, back.id, first.id)
	}
}

func TestTheSameRequestsGiveTheSameEventIDsOnAnEmptyStore(t *testing.T) {
	log := []string{
		"click_id=c1&transaction_id=T1&commission=4.99", "click_id=c1&transaction_id=T1&commission=5.99",
		"click_id=c1&transaction_id=T1&commission=5.99&status=reversed", "click_id=c1&transaction_id=T2&event_name=Lead&commission=0",
		"click_id=c1&commission=5&timestamp=1700000000", "transaction_id=T3&commission=1&email=jane%2Bx@example.com",
	}
	var ids [2][]string
	for day := range ids {
		c := newClock()
		c.advance(time.Duration(day) * 24 * time.Hour)
		sv := start(t, func(s *setup) { s.now = c.now })
		for _, query := range log {
			ids[day] = append(ids[day], sv.get(demo+query).id)
		}
	}
	if fmt.Sprint(ids[0]) != fmt.Sprint(ids[1]) {
		t.Errorf("one day %v\nthe next %v", ids[0], ids[1])
	}
}
