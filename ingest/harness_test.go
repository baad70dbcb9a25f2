package ingest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema/network"
)

// service is a whole pipeline behind its listener, on an in-memory network,
// with a real journal and a local store in a folder of the test.
type service struct {
	t        testing.TB
	dir      string
	journal  *journal.Journal
	store    dedupe.Store
	pipeline *ingest.Pipeline
	server   *ingest.Server
	metrics  *ingest.Metrics
	network  *fasthttputil.InmemoryListener
	listener net.Listener
	served   chan struct{}
	client   *http.Client
	alarms   chan string
	stopped  bool
}

type option func(*setup)

type setup struct {
	dir        string
	properties []ingest.PropertyConfig
	pipeline   ingest.PipelineConfig
	server     ingest.ServerConfig
	journal    journal.Config
	store      func(dedupe.Store) dedupe.Store
	// now is everybody's clock, presets stand beside the built-in ones, and
	// wrap changes what the server listens on.
	now     func() time.Time
	presets fs.FS
	wrap    func(net.Listener) net.Listener
}

func withProperties(p ...ingest.PropertyConfig) option { return func(s *setup) { s.properties = p } }
func withDir(dir string) option                        { return func(s *setup) { s.dir = dir } }

func budgets() ingest.Budgets {
	return ingest.Budgets{
		Store: 250 * time.Millisecond, ClaimWait: 50 * time.Millisecond, Kafka: 2 * time.Second, Request: 10 * time.Second,
	}
}

func start(t testing.TB, options ...option) *service {
	t.Helper()
	s := &setup{dir: t.TempDir(), properties: []ingest.PropertyConfig{{ID: "demo", Open: true}}}
	s.pipeline.Budgets = budgets()
	for _, o := range options {
		o(s)
	}
	sv := &service{t: t, dir: s.dir, alarms: make(chan string, 64)}
	alarm := func(what string, err error) {
		if err != nil {
			what += ": " + err.Error()
		}
		select {
		case sv.alarms <- what:
		default:
		}
	}
	s.journal.Dir, s.journal.Now = filepath.Join(s.dir, "journal"), s.now
	s.pipeline.Now, s.server.Now = s.now, s.now
	var err error
	if sv.journal, err = journal.Open(s.journal); err != nil {
		t.Fatal(err)
	}
	if sv.store, err = dedupe.OpenLocal(dedupe.LocalConfig{Dir: filepath.Join(s.dir, "dedupe"), Owner: 7, Now: s.now}); err != nil {
		t.Fatal(err)
	}
	s.pipeline.Store, s.pipeline.Journal, s.pipeline.Owner, s.pipeline.Alarm = sv.store, sv.journal, 7, alarm
	if s.store != nil {
		s.pipeline.Store = s.store(sv.store)
	}
	if sv.pipeline, err = ingest.Open(s.pipeline); err != nil {
		t.Fatal(err)
	}
	directory := directoryOf(t, s.presets, s.properties)
	sv.metrics = ingest.NewMetrics()
	sv.metrics.Observe(sv.pipeline)
	s.server.Alarm = alarm
	sv.server = ingest.NewServer(s.server, sv.pipeline, directory, sv.metrics)
	sv.listen(s.wrap)
	return sv
}

// directoryOf compiles properties against the built-in presets and those of a
// folder.
func directoryOf(t testing.TB, presets fs.FS, properties []ingest.PropertyConfig) *ingest.Directory {
	t.Helper()
	catalog, err := network.Builtin()
	if err == nil && presets != nil {
		catalog, err = catalog.With(presets)
	}
	if err != nil {
		t.Fatal(err)
	}
	directory, err := ingest.NewDirectory(catalog, properties)
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func (sv *service) listen(wrap func(net.Listener) net.Listener) {
	sv.network = fasthttputil.NewInmemoryListener()
	sv.listener, sv.served = &closedOnce{Listener: sv.network}, make(chan struct{})
	listener := sv.listener
	if wrap != nil {
		listener = wrap(listener)
	}
	go func() {
		defer close(sv.served)
		_ = sv.server.Serve(listener)
	}()
	dial := func(context.Context, string, string) (net.Conn, error) { return sv.network.Dial() }
	sv.client = &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	sv.t.Cleanup(sv.stop)
}

// closedOnce is a listener that may be closed again. The harness closes it
// before Shutdown does, which would look for open ends once in 100 ms only.
type closedOnce struct {
	net.Listener
	once sync.Once
}

// Close implements net.Listener.
func (l *closedOnce) Close() (err error) {
	l.once.Do(func() { err = l.Listener.Close() })
	return err
}

// stop ends the service as an operator would.
func (sv *service) stop() {
	if sv.stopped {
		return
	}
	sv.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sv.client.CloseIdleConnections()
	_ = sv.listener.Close()
	<-sv.served
	for what, end := range map[string]func() error{
		"server": func() error { return sv.server.Shutdown(ctx) },
	} {
		if err := end(); err != nil {
			sv.t.Errorf("stopping the %s: %v", what, err)
		}
	}
	if err := sv.pipeline.Close(ctx); err != nil {
		sv.t.Errorf("closing the pipeline: %v", err)
	}
	if err := sv.store.Close(); err != nil {
		sv.t.Errorf("closing the store: %v", err)
	}
	if err := sv.journal.Close(); err != nil {
		sv.t.Errorf("closing the journal: %v", err)
	}
}

// answer is what a sender sees.
type answer struct {
	status               int
	result, reason, body string
	id                   string
	header               http.Header
}

func (sv *service) get(target string) answer {
	sv.t.Helper()
	return sv.do(http.MethodGet, target, "", "")
}

func (sv *service) post(target, contentType, body string) answer {
	sv.t.Helper()
	return sv.do(http.MethodPost, target, contentType, body)
}

func (sv *service) do(method, target, contentType, body string, headers ...string) answer {
	sv.t.Helper()
	req, err := http.NewRequest(method, "http://collect"+target, strings.NewReader(body))
	if err != nil {
		sv.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := sv.client.Do(req)
	if err != nil {
		sv.t.Fatalf("%s %s: %v", method, target, err)
	}
	return read(sv.t, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{
		status: resp.StatusCode, body: string(body), header: resp.Header,
		result: resp.Header.Get(ingest.HeaderResult), reason: resp.Header.Get(ingest.HeaderReason),
		id: resp.Header.Get(ingest.HeaderEventID),
	}
}

// raw sends bytes as they are and reads one answer.
func (sv *service) raw(request string) answer {
	sv.t.Helper()
	conn, err := sv.network.Dial()
	if err != nil {
		sv.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		sv.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		sv.t.Fatalf("%q: %v", request, err)
	}
	return read(sv.t, resp)
}

// record is one record of a topic.
type record struct {
	key     string
	value   map[string]any
	text    string
	headers map[string]string
}

// topic reads what the journal holds of one topic.
func (sv *service) topic(topic uint8) []record {
	sv.t.Helper()
	var all []record
	_, err := sv.journal.Read(sv.journal.First(), func(_ uint64, r journal.Record) bool {
		if r.Topic != topic {
			return true
		}
		rec := record{key: string(r.Key), text: string(r.Value), headers: map[string]string{}}
		if err := json.Unmarshal(r.Value, &rec.value); err != nil {
			sv.t.Errorf("record %s: %v", r.Value, err)
		}
		if err := journal.ParseHeaders(r.Headers, func(k, v []byte) { rec.headers[string(k)] = string(v) }); err != nil {
			sv.t.Errorf("headers: %v", err)
		}
		all = append(all, rec)
		return true
	})
	if err != nil {
		sv.t.Fatal(err)
	}
	return all
}

func (sv *service) main() []record   { sv.t.Helper(); return sv.topic(ingest.TopicMain) }
func (sv *service) failed() []record { sv.t.Helper(); return sv.topic(ingest.TopicFailed) }
