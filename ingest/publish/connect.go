package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
)

// wire is a connection to one broker, ready for requests. RoundTrip is used by
// one goroutine at a time and touches its argument only until it returns, so
// buffers may be used again after any outcome. Close may come from elsewhere and
// ends a RoundTrip in progress. *protocol.Conn is one; tests bring their own.
type wire interface {
	RoundTrip(msg protocol.Message) (protocol.Message, error)
	SetDeadline(t time.Time) error
	Close() error
}

// dialer connects, negotiates and authenticates. The time is when the
// credentials run out, zero for never.
type dialer func(ctx context.Context, addr string) (wire, time.Time, error)

// line is an open wire with what its owner must know.
type line struct {
	wire   wire
	addr   string
	until  time.Time
	unhook func() bool
}

// open connects to addr within DialTimeout. The connection is closed when the
// producer's context ends.
func (p *Producer) open(ctx context.Context, addr string) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	w, until, err := p.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	l := &line{wire: w, addr: addr, until: until}
	l.unhook = context.AfterFunc(p.ctx, func() { _ = w.Close() })
	return l, nil
}

func (l *line) expired() bool { return !l.until.IsZero() && time.Now().After(l.until) }

func (l *line) close() {
	l.unhook()
	_ = l.wire.Close()
}

// connect is the dialer for real brokers. Its errors are one line and say what
// to check.
func (c Config) connect(ctx context.Context, addr string) (wire, time.Time, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, time.Time{}, advise(addr, err)
	}
	unhook := context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn, until, err := c.handshake(ctx, raw, addr)
	if !unhook() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		return nil, time.Time{}, advise(addr, err)
	}
	return conn, until, nil
}

// handshake makes raw speak Kafka: TLS, the versions, SASL.
func (c Config) handshake(ctx context.Context, raw net.Conn, addr string) (*protocol.Conn, time.Time, error) {
	nc := raw
	if c.TLS != nil {
		tlsConfig := c.TLS
		if tlsConfig.ServerName == "" {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, time.Time{}, fmt.Errorf("broker address: %w", err)
			}
			tlsConfig = tlsConfig.Clone()
			tlsConfig.ServerName = host
		}
		secure := tls.Client(raw, tlsConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, time.Time{}, fmt.Errorf("TLS handshake: %w", err)
		}
		nc = secure
	}
	conn := protocol.NewConn(&firstAnswer{Conn: nc}, c.ClientID)
	if err := negotiate(conn); err != nil {
		return nil, time.Time{}, err
	}
	until, err := c.authenticate(conn)
	return conn, until, err
}

// negotiate agrees on the version of every request.
func negotiate(conn *protocol.Conn) error {
	msg, err := conn.RoundTrip(new(apiversions.Request))
	if err != nil {
		return fmt.Errorf("asking for its versions: %w", err)
	}
	res, ok := msg.(*apiversions.Response)
	if !ok || res.ErrorCode != 0 {
		return fmt.Errorf("asking for its versions: answered %T, not a Kafka broker we know", msg)
	}
	versions := make(map[protocol.ApiKey]int16, len(res.ApiKeys))
	for _, v := range res.ApiKeys {
		key := protocol.ApiKey(v.ApiKey)
		versions[key] = key.SelectVersion(v.MinVersion, v.MaxVersion)
	}
	conn.SetVersions(versions)
	return nil
}

// authenticate runs SASL if it is configured and returns when the session ends
// (KIP-368, re-authentication); we connect anew before that.
func (c Config) authenticate(conn *protocol.Conn) (time.Time, error) {
	if c.SASL.Mechanism == "" {
		return time.Time{}, nil
	}
	exchange := c.SASL.exchange()
	msg, err := conn.RoundTrip(&saslhandshake.Request{Mechanism: exchange.name()})
	if err != nil {
		return time.Time{}, fmt.Errorf("SASL handshake: %w", err)
	}
	hello, ok := msg.(*saslhandshake.Response)
	if !ok || hello.ErrorCode != 0 {
		offered := []string(nil)
		if ok {
			offered = hello.Mechanisms
		}
		return time.Time{}, fmt.Errorf("SASL mechanism %s is not enabled there, it offers %v", exchange.name(), offered)
	}
	var challenge []byte
	var until time.Time
	for {
		reply, done, err := exchange.next(challenge)
		if err != nil || done {
			return until, err
		}
		msg, err := conn.RoundTrip(&saslauthenticate.Request{AuthBytes: reply})
		if err != nil {
			return time.Time{}, fmt.Errorf("SASL login: %w", err)
		}
		res, ok := msg.(*saslauthenticate.Response)
		if !ok || res.ErrorCode != 0 {
			return time.Time{}, fmt.Errorf("SASL login as %q was refused: %w: check username and password",
				c.SASL.Username, kafka.SASLAuthenticationFailed)
		}
		until = sessionEnd(res.SessionLifetimeMs)
		if challenge = res.AuthBytes; exchange.single() {
			return until, nil
		}
	}
}

// sessionEnd leaves a tenth of the lifetime for the requests in progress.
func sessionEnd(lifetimeMillis int64) time.Time {
	if lifetimeMillis <= 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(lifetimeMillis) * time.Millisecond * 9 / 10)
}

// maxFirstAnswer is far above any list of versions. An answer of another
// protocol, read as a size, is larger: "HTTP" and a TLS alert are.
const maxFirstAnswer = 16 << 20

// errForeign means that something answered which is no Kafka broker.
var errForeign = errors.New("it does not speak Kafka")

// firstAnswer looks at the first four bytes a peer sends, before the decoder
// trusts them to be a size.
type firstAnswer struct {
	net.Conn
	seen bool
}

// Read implements net.Conn.
func (f *firstAnswer) Read(b []byte) (int, error) {
	if f.seen || len(b) < 4 {
		return f.Conn.Read(b)
	}
	n, err := io.ReadFull(f.Conn, b[:4])
	if err != nil {
		return n, err
	}
	f.seen = true
	if binary.BigEndian.Uint32(b) > maxFirstAnswer {
		if b[0] == 0x15 {
			return 0, fmt.Errorf("%w but TLS: enable kafka.tls", errForeign)
		}
		return 0, fmt.Errorf("%w, it answered %q: check host and port", errForeign, b[:4])
	}
	return n, nil
}

// advise adds what to check to an error of connecting.
func advise(addr string, err error) error {
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	var hint string
	switch {
	case errors.As(err, &record):
		hint = "the port does not speak TLS: switch kafka.tls off or use the TLS port"
	case errors.As(err, &unknown):
		hint = "its certificate is not signed by an authority we trust: check kafka.tls.ca_file"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		hint = "it hung up: check credentials/TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "nothing listens there: is Kafka running, are host and port right?"
	case errors.As(err, &dns):
		hint = "check the host name, and advertised.listeners if Kafka told us that name"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		hint = "no answer in time: check firewall, address and advertised.listeners"
	}
	if hint == "" {
		return fmt.Errorf("broker %s: %w", addr, err)
	}
	return fmt.Errorf("broker %s: %w (%s)", addr, err, hint)
}
