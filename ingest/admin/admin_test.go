package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// call sends one request to a server made of cfg and returns status and body.
func call(t *testing.T, cfg Config, method, target string, edit func(*http.Request)) (status int, body string) {
	t.Helper()
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.Ready == nil {
		cfg.Ready = func() Readiness { return Readiness{Ready: true} }
	}
	if cfg.Reload == nil {
		cfg.Reload = func() error { return nil }
	}
	return callServer(New(cfg), method, target, edit)
}

func callServer(s *Server, method, target string, edit func(*http.Request)) (status int, body string) {
	r := httptest.NewRequest(method, target, http.NoBody)
	r.Host = "localhost:8081"
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestEveryPathAnswers(t *testing.T) {
	for _, c := range []struct {
		method, target string
		status         int
		has            string
	}{
		{"GET", "/livez", 200, "ok"},
		{"HEAD", "/livez", 200, ""},
		{"GET", "/readyz", 200, "ok"},
		{"GET", "/", 200, "/metrics"},
		{"GET", "/metrics", 200, "go_goroutines"},
		{"GET", "/metrics", 200, "process_open_fds"},
		{"GET", "/debug/pprof/", 200, "goroutine"},
		{"GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"},
		{"GET", "/debug/pprof/cmdline", 200, ""},
		{"POST", "/-/reload", 200, "reloaded"},
		{"GET", "/-/reload", 405, ""},
		{"POST", "/livez", 405, ""},
		{"GET", "/nothing", 404, ""},
	} {
		status, body := call(t, Config{}, c.method, c.target, nil)
		if status != c.status || !strings.Contains(body, c.has) {
			t.Errorf("%s %s: %d %q, want %d with %q", c.method, c.target, status, body, c.status, c.has)
		}
	}
}

func TestTokenOpensEverythingButTheProbes(t *testing.T) {
	cfg := func() Config { return Config{Token: "s3cret", Registry: prometheus.NewRegistry()} }
	for _, c := range []struct {
		target string
		edit   func(*http.Request)
		status int
	}{
		{"/livez", nil, 200},
		{"/readyz", nil, 200},
		{"/metrics", nil, 401},
		{"/metrics", bearer("s3cret"), 200},
		{"/metrics", bearer("S3cret"), 401},
		{"/metrics", bearer(""), 401},
		{"/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Basic s3cret") }, 401},
		{"/metrics", func(r *http.Request) { r.Header.Set("Authorization", "bearer s3cret") }, 200},
		{"/debug/pprof/", nil, 401},
		{"/debug/pprof/profile", nil, 401},
		{"/debug/pprof/trace", nil, 401},
		{"/debug/pprof/symbol", nil, 401},
		{"/debug/pprof/cmdline", nil, 401},
	} {
		if status, _ := call(t, cfg(), "GET", c.target, c.edit); status != c.status {
			t.Errorf("%s: %d, want %d", c.target, status, c.status)
		}
	}
	if status, _ := call(t, cfg(), "POST", "/-/reload", nil); status != 401 {
		t.Errorf("reload without token: %d, want 401", status)
	}
}

func TestLoopbackListenerAnswersToLoopbackNamesOnly(t *testing.T) {
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8081": 200, "127.0.0.1:8081": 200, "127.9.9.9": 200, "[::1]:8081": 200,
		"evil.example": 403, "evil.example:8081": 403, "192.168.1.2:8081": 403, "localhost.evil.example": 403, "": 403,
	} {
		edit := func(r *http.Request) { r.Host = host }
		if status, _ := call(t, Config{Loopback: true}, "GET", "/metrics", edit); status != want {
			t.Errorf("Host %q: %d, want %d", host, status, want)
		}
		if status, _ := call(t, Config{}, "GET", "/metrics", edit); status != 200 {
			t.Errorf("not on loopback, Host %q: %d, want 200", host, status)
		}
	}
}

func TestReloadFromAnotherOriginIsRefused(t *testing.T) {
	called := 0
	cfg := Config{Reload: func() error { called++; return nil }}
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		status, _ := call(t, cfg, "POST", "/-/reload", func(r *http.Request) { r.Header.Set(name, value) })
		if status != 403 || called != 0 {
			t.Errorf("%s: %s: %d after %d calls, want 403 after none", name, value, status, called)
		}
		cfg.Registry = nil
	}
}

func TestReadyzIsUnavailableUntilReadyAndNamesTheParts(t *testing.T) {
	parts := []Part{{Name: "kafka", OK: false, Detail: "no broker answers"}, {Name: "journal", OK: true}}
	down := Config{Ready: func() Readiness { return Readiness{Ready: false, Parts: parts} }}
	if status, body := call(t, down, "GET", "/readyz", nil); status != 503 || body != "not ready\n" {
		t.Errorf("down: %d %q", status, body)
	}
	down.Registry = nil
	status, body := call(t, down, "GET", "/readyz?verbose", nil)
	var told Readiness
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if status != 503 || told.Ready || len(told.Parts) != 2 || told.Parts[0] != parts[0] {
		t.Errorf("verbose: %d %+v", status, told)
	}
	degraded := Config{Ready: func() Readiness { return Readiness{Ready: true, Parts: parts} }}
	if status, _ := call(t, degraded, "GET", "/readyz?verbose", nil); status != 200 {
		t.Errorf("degraded but ready: %d, want 200", status)
	}
}

func TestReloadSaysWhyItFailed(t *testing.T) {
	cfg := Config{Reload: func() error { return errors.New("postback.yaml:3:1: unknown key") }}
	status, body := call(t, cfg, "POST", "/-/reload", nil)
	if status != 422 || !strings.Contains(body, "stays") || !strings.Contains(body, "postback.yaml:3:1") {
		t.Errorf("%d %q", status, body)
	}
}

func TestOneReloadAtATime(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s := New(Config{
		Registry: prometheus.NewRegistry(), Ready: func() Readiness { return Readiness{} },
		Reload: func() error { close(inside); <-leave; return nil },
	})
	first := make(chan int)
	go func() { status, _ := callServer(s, "POST", "/-/reload", nil); first <- status }()
	<-inside
	if status, _ := callServer(s, "POST", "/-/reload", nil); status != 409 {
		t.Errorf("second reload: %d, want 409", status)
	}
	close(leave)
	if status := <-first; status != 200 {
		t.Errorf("first reload: %d, want 200", status)
	}
}

func TestServeEndsWithoutErrorAfterShutdown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{
		Registry: prometheus.NewRegistry(), Loopback: true,
		Ready: func() Readiness { return Readiness{Ready: true} }, Reload: func() error { return nil },
	})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(body) != "ok\n" || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q with %v", body, response.Header)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	s := New(Config{Registry: prometheus.NewRegistry(), Ready: func() Readiness { return Readiness{} }})
	if err := s.Serve(listener); err == nil || !strings.Contains(err.Error(), "admin listener") {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

func TestTimeoutsAreSet(t *testing.T) {
	s := New(Config{Registry: prometheus.NewRegistry()})
	if s.http.ReadHeaderTimeout <= 0 || s.http.ReadTimeout <= 0 || s.http.WriteTimeout <= 30*time.Second || s.http.IdleTimeout <= 0 {
		t.Errorf("a timeout is missing, or too short for a profile: %+v", &s.http)
	}
}
