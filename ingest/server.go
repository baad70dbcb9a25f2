package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/postbackhq/postback/schema"
)

// ServerConfig holds the collect listener's limits. Zero values take the
// defaults in parentheses.
type ServerConfig struct {
	// HeadBytes bounds request line and header together (16 KiB), BodyBytes a
	// body (64 KiB), JSONBytes a JSON body or batch (1 MiB).
	HeadBytes, BodyBytes, JSONBytes int
	// Connections bounds open connections (10,000).
	Connections int
	// Trusted are the proxies whose X-Forwarded-For counts.
	Trusted Networks
	// TLS encrypts when not nil.
	TLS *tls.Config
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Alarm is told what an operator should know, as in PipelineConfig.
	Alarm func(what string, err error)
}

// Server is the collect listener: it turns HTTP requests into Accept calls and
// Decisions into replies.
type Server struct {
	cfg       ServerConfig
	pipeline  *Pipeline
	metrics   *Metrics
	directory atomic.Pointer[Directory]
	http      *fasthttp.Server
	requests  sync.Pool
}

const (
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	idleTimeout  = 60 * time.Second
)

// NewServer makes a server; Serve starts it.
func NewServer(cfg ServerConfig, p *Pipeline, d *Directory, m *Metrics) *Server {
	orDefault(&cfg.HeadBytes, 16<<10)
	orDefault(&cfg.BodyBytes, 64<<10)
	orDefault(&cfg.JSONBytes, 1<<20)
	orDefault(&cfg.Connections, 10_000)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(string, error) {}
	}
	s := &Server{cfg: cfg, pipeline: p, metrics: m}
	s.requests.New = func() any { return new(Request) }
	s.SetDirectory(d)
	s.http = &fasthttp.Server{
		Handler:            s.Handle,
		ErrorHandler:       s.malformed,
		ContinueHandler:    s.mayContinue,
		ReadBufferSize:     cfg.HeadBytes,
		MaxRequestBodySize: s.largestBody(d),
		Concurrency:        cfg.Connections,
		ReadTimeout:        readTimeout,
		WriteTimeout:       writeTimeout,
		IdleTimeout:        idleTimeout,

		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		Logger:                       silent{},
	}
	return s
}

func orDefault(v *int, otherwise int) {
	if *v <= 0 {
		*v = otherwise
	}
}

// silent keeps fasthttp from writing to stderr: its parse errors hold request
// bytes, and with them personal data. They are counted by reason instead.
type silent struct{}

// Printf discards.
func (silent) Printf(string, ...any) {}

// SetDirectory replaces properties and integrations for requests that come
// from now on.
func (s *Server) SetDirectory(d *Directory) {
	s.metrics.attach(d)
	s.directory.Store(d)
}

// largestBody is what the listener reads at most; the handler holds each
// request to its own limit. It is some way above the limits, because a body
// that is cut off while it is being sent ends in a reset instead of a 413.
func (s *Server) largestBody(d *Directory) int {
	largest := max(s.cfg.BodyBytes, s.cfg.JSONBytes)
	for _, in := range d.Integrations() {
		largest = max(largest, in.MaxBody)
	}
	return 4 * largest
}

// Serve answers requests until Shutdown.
func (s *Server) Serve(listener net.Listener) error {
	if s.cfg.TLS != nil {
		listener = tls.NewListener(listener, s.cfg.TLS)
	}
	return s.http.Serve(listener)
}

// Shutdown stops accepting, answers every request that arrived completely and
// closes idle connections.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.http.ShutdownWithContext(ctx)
}

// Handle answers one request. It keeps a panic from ending the process: the sender is told to come
// again, the operator where it happened.
func (s *Server) Handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if what := recover(); what != nil {
			s.cfg.Alarm("BUG: a request made the handler panic; it was answered 503", fmt.Errorf("%v", what))
			ctx.Response.Reset()
			s.reply(ctx, nil, route{}, Decision{Outcome: schema.OutcomeUnavailable, Reason: schema.ReasonInternal})
		}
	}()
	s.handle(ctx)
}

// malformed answers what fasthttp could not read as a request.
func (s *Server) malformed(ctx *fasthttp.RequestCtx, err error) {
	d := Decision{Outcome: schema.OutcomeRefused, Reason: schema.ReasonBadRequest}
	var tooSmall *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		d.Reason = schema.ReasonBodyTooLarge
	case errors.As(err, &tooSmall):
		d.Reason = schema.ReasonHeadTooLarge
	case errors.As(err, &timeout) && timeout.Timeout():
		s.metrics.refused.WithLabelValues("timeout").Inc()
		ctx.SetStatusCode(http.StatusRequestTimeout)
		ctx.SetConnectionClose()
		return
	}
	s.metrics.count(nil, d, s.cfg.Now())
	s.reply(ctx, nil, route{}, d)
	ctx.SetConnectionClose()
}

// mayContinue refuses an announced body that is too large before it is sent.
func (s *Server) mayContinue(header *fasthttp.RequestHeader) bool {
	return header.ContentLength() <= s.http.MaxRequestBodySize/4
}
