package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says what the listener shows and to whom. Registry, Ready and Reload
// are needed.
type Config struct {
	// Registry is what /metrics shows. New adds the series of the process and of
	// the Go runtime to it.
	Registry *prometheus.Registry
	// Ready is asked by every /readyz and must answer at once. It may be called
	// concurrently.
	Ready func() Readiness
	// Reload reads the configuration again; its error is the answer to the
	// operator. Calls do not overlap.
	Reload func() error
	// Token is asked of everything but the probes, as Authorization: Bearer.
	// Empty means open.
	Token string
	// Loopback says that the listener is on a loopback address: requests must
	// then name one in their Host header.
	Loopback bool
}

// Readiness says whether a 2xx could be made true right now.
type Readiness struct {
	Ready bool   `json:"ready"`
	Parts []Part `json:"parts"`
}

// Part is one thing readiness looks at. A part that is not OK does not make
// the whole unready by itself: the journal may stand in for Kafka.
type Part struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Server is the admin listener.
type Server struct {
	cfg       Config
	token     [sha256.Size]byte
	reloading chan struct{}
	http      http.Server
}

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	// writeTimeout leaves room for a profile of half a minute.
	writeTimeout = 90 * time.Second
	idleTimeout  = 60 * time.Second
	maxHeader    = 16 << 10
)

// New makes a server; Serve starts it.
func New(cfg Config) *Server {
	cfg.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &Server{cfg: cfg, token: sha256.Sum256([]byte(cfg.Token)), reloading: make(chan struct{}, 1)}
	s.http = http.Server{
		Handler: s.fence(s.routes()), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s
}

// Serve answers requests until Shutdown, after which it returns nil.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.http.Serve(listener); err != nil && err != http.ErrServerClosed { //nolint:errorlint // returned as it is
		return fmt.Errorf("admin listener: %w", err)
	}
	return nil
}

// Shutdown stops accepting and waits for what is under way, until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("admin listener: %w", err)
	}
	return nil
}

// Handler returns what the server answers with, for tests and other listeners.
func (s *Server) Handler() http.Handler { return s.http.Handler }

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { line(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /{$}", s.index)
	mux.Handle("GET /metrics", s.guarded(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{})))
	mux.Handle("POST /-/reload", s.guarded(http.HandlerFunc(s.reload)))
	mux.Handle("/debug/pprof/", s.guarded(http.HandlerFunc(pprof.Index)))
	mux.Handle("/debug/pprof/cmdline", s.guarded(http.HandlerFunc(pprof.Cmdline)))
	mux.Handle("/debug/pprof/profile", s.guarded(http.HandlerFunc(pprof.Profile)))
	mux.Handle("/debug/pprof/symbol", s.guarded(http.HandlerFunc(pprof.Symbol)))
	mux.Handle("/debug/pprof/trace", s.guarded(http.HandlerFunc(pprof.Trace)))
	return mux
}

// line answers with one line of text.
func line(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	line(w, http.StatusOK, "postback admin\n\n/livez           the process runs\n/readyz          a 2xx can be made true now (?verbose names each part)\n/metrics         Prometheus\n/debug/pprof/    profiles\nPOST /-/reload   read the configuration again")
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	now := s.cfg.Ready()
	status := http.StatusOK
	if !now.Ready {
		status = http.StatusServiceUnavailable
	}
	if !r.URL.Query().Has("verbose") {
		line(w, status, map[bool]string{true: "ok", false: "not ready"}[now.Ready])
		return
	}
	body, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		line(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// reload lets one caller at a time in; a second one is told to come again.
func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	select {
	case s.reloading <- struct{}{}:
		defer func() { <-s.reloading }()
	default:
		line(w, http.StatusConflict, "a reload is under way")
		return
	}
	if err := s.cfg.Reload(); err != nil {
		line(w, http.StatusUnprocessableEntity, "the configuration in force stays:\n"+err.Error())
		return
	}
	line(w, http.StatusOK, "reloaded")
}

// guarded asks for the token. It compares digests in constant time, so that an
// answer's delay tells nothing.
func (s *Server) guarded(next http.Handler) http.Handler {
	if s.cfg.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		digest := sha256.Sum256([]byte(strings.TrimSpace(given)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(digest[:], s.token[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="postback admin"`)
			line(w, http.StatusUnauthorized, "a bearer token is needed")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fence refuses what a browser was lured into sending.
func (s *Server) fence(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.Loopback && !loopbackName(r.Host) {
			line(w, http.StatusForbidden, "this listener answers to loopback names only, such as localhost")
			return
		}
		if err := origins.Check(r); err != nil {
			line(w, http.StatusForbidden, "requests from another origin are refused")
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// loopbackName reports whether a Host header names this machine.
func loopbackName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
