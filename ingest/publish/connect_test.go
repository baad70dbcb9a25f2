package publish

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
)

// listen serves connections on loopback until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// certificate is for 127.0.0.1, signed by itself.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// broker answers like Kafka as far as a handshake and Check go. mechanisms nil
// means that no login is asked for.
type broker struct {
	mechanisms []string
	password   string
	lifetime   int64
	missing    bool // our topic
	advertised string
}

func (b *broker) serve(c net.Conn) {
	r := bufio.NewReader(c)
	if first, err := r.Peek(1); err != nil || first[0] != 0 {
		return // Kafka hangs up on what would be an enormous request
	}
	for {
		version, id, _, msg, err := protocol.ReadRequest(r)
		if err != nil {
			return
		}
		res := b.answer(c, msg)
		if res == nil || protocol.WriteResponse(c, version, id, res) != nil {
			return
		}
	}
}

func (b *broker) answer(c net.Conn, msg protocol.Message) protocol.Message {
	switch req := msg.(type) {
	case *apiversions.Request:
		res := &apiversions.Response{}
		for _, k := range []protocol.ApiKey{protocol.Metadata, protocol.SaslHandshake, protocol.SaslAuthenticate, protocol.InitProducerId} {
			res.ApiKeys = append(res.ApiKeys, apiversions.ApiKeyResponse{ApiKey: int16(k), MaxVersion: k.MaxVersion()})
		}
		return res
	case *saslhandshake.Request:
		if !slices.Contains(b.mechanisms, req.Mechanism) {
			return &saslhandshake.Response{ErrorCode: 33, Mechanisms: b.mechanisms}
		}
		return &saslhandshake.Response{Mechanisms: b.mechanisms}
	case *saslauthenticate.Request:
		if string(req.AuthBytes) != "\x00user\x00"+b.password {
			return &saslauthenticate.Response{ErrorCode: 58, ErrorMessage: "no"}
		}
		return &saslauthenticate.Response{SessionLifetimeMs: b.lifetime}
	case *metadata.Request:
		addr := c.LocalAddr().(*net.TCPAddr)
		res := &metadata.Response{Brokers: []metadata.ResponseBroker{{NodeID: 1, Host: "127.0.0.1", Port: int32(addr.Port)}}}
		if b.advertised != "" {
			res.Brokers[0].Host = b.advertised
		}
		for _, name := range req.TopicNames {
			t := metadata.ResponseTopic{Name: name}
			if b.missing {
				t.ErrorCode = 3
			}
			res.Topics = append(res.Topics, t)
		}
		return res
	case *initproducerid.Request:
		return &initproducerid.Response{ProducerID: 1}
	}
	return nil
}

func TestConnectErrorsSayWhatToCheck(t *testing.T) {
	cert := certificate(t)
	closed := listen(t, func(net.Conn) {})
	plainKafka := listen(t, (&broker{}).serve)
	secure := listen(t, func(c net.Conn) {
		(&broker{}).serve(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}))
	})
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	web := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 16))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	withTLS := &tls.Config{MinVersion: tls.VersionTLS12}
	cases := []struct {
		name, addr string
		tls        *tls.Config
		want       string
	}{
		{"nothing listens", "127.0.0.1:1", nil, "is Kafka running"},
		{"hangs up", closed, nil, "check credentials/TLS"},
		{"a web server", web, nil, `does not speak Kafka, it answered "HTTP"`},
		{"TLS port, plain client", secure, nil, "TLS"},
		{"plain port, TLS client", plainKafka, withTLS, "check credentials/TLS"},
		{"unknown authority", secure, withTLS, "kafka.tls.ca_file"},
		{"no answer", silent, nil, "no answer in time"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, _, err := Config{TLS: tc.tls}.withDefaults().connect(ctx, tc.addr)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.addr) {
				t.Errorf("error %v, want one that names %s and says %q", err, tc.addr, tc.want)
			}
		})
	}
}

func TestConnectOverTLSChecksTheCertificate(t *testing.T) {
	cert := certificate(t)
	addr := listen(t, func(c net.Conn) {
		(&broker{}).serve(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}))
	})
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	w, _, err := Config{TLS: &tls.Config{RootCAs: pool}}.withDefaults().connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
}

func TestPlainLogin(t *testing.T) {
	cases := []struct {
		name, mechanism, password string
		want                      string
	}{
		{"right password", Plain, "secret", ""},
		{"wrong password", Plain, "guess", "check username and password"},
		{"mechanism not enabled", ScramSHA512, "secret", "SCRAM-SHA-512 is not enabled there, it offers [PLAIN]"},
	}
	addr := listen(t, (&broker{mechanisms: []string{"PLAIN"}, password: "secret", lifetime: 60_000}).serve)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			cfg := Config{SASL: SASL{Mechanism: tc.mechanism, Username: "user", Password: tc.password}}.withDefaults()
			w, until, err := cfg.connect(t.Context(), addr)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "guess") {
					t.Fatalf("error %v, want %q and no password", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			if left := time.Until(until); left < 50*time.Second || left > 54*time.Second {
				t.Errorf("the session of 60 s is renewed in %v", left)
			}
		})
	}
}

func TestCheckSaysInOneLineWhatIsWrong(t *testing.T) {
	topics := []TopicConfig{{Name: "events"}}
	cases := []struct {
		name string
		b    broker
		cfg  Config
		want string
	}{
		{"all well", broker{}, Config{Topics: topics}, ""},
		{"missing topic that will be created", broker{missing: true}, Config{Topics: topics, CreateTopics: true}, ""},
		{"missing topic", broker{missing: true}, Config{Topics: topics}, "topic events does not exist"},
		{"unreachable advertised address", broker{advertised: "nowhere.invalid"}, Config{Topics: topics}, "advertised.listeners"},
		{"invalid configuration", broker{}, Config{Compression: "gzip"}, "kafka.compression"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.Brokers = []string{listen(t, tc.b.serve)}
			err := Check(t.Context(), tc.cfg)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, tc.want)
			}
		})
	}
	err := Check(t.Context(), Config{Brokers: []string{"127.0.0.1:1", "127.0.0.1:2"}, Topics: topics})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "127.0.0.1:2") {
		t.Errorf("error %v, want one line that names both brokers", err)
	}
}

func TestScramSpeaksRFC7677(t *testing.T) {
	s := &scram{user: "user", password: "pencil", mechanism: "SCRAM-SHA-256", hash: SASL{Mechanism: ScramSHA256}.exchange().(*scram).hash, nonce: "rOprNGfwEbeRWgbNEkqO"}
	step := func(challenge, want string) {
		t.Helper()
		reply, done, err := s.next([]byte(challenge))
		if err != nil || done || string(reply) != want {
			t.Fatalf("%q, %v, %v, want %q", reply, done, err, want)
		}
	}
	step("", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
	step("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	forged := *s
	if _, _, err := forged.next([]byte("v=AAAA")); !errors.Is(err, errScram) {
		t.Errorf("a forged signature was accepted: %v", err)
	}
	if _, done, err := s.next([]byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")); err != nil || !done {
		t.Errorf("the server's signature was not accepted: %v", err)
	}
}

func TestScramRefusesHostileServers(t *testing.T) {
	for name, first := range map[string]string{
		"own nonce missing":   "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"nonce not extended":  "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"no salt":             "r=abcdef,i=4096",
		"too few iterations":  "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
		"too many iterations": "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999",
		"an error":            "e=unknown-user",
		"nothing":             "",
	} {
		s := SASL{Mechanism: ScramSHA512, Username: "a=b,c", Password: "p"}.exchange().(*scram)
		s.nonce = "abc"
		if reply, _, _ := s.next(nil); !strings.Contains(string(reply), "n=a=3Db=2Cc,") {
			t.Fatalf("the user name was not escaped: %s", reply)
		}
		if _, _, err := s.next([]byte(first)); !errors.Is(err, errScram) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	good := Config{Brokers: []string{"k1:9092", "[::1]:9093"}, Topics: []TopicConfig{{Name: "a"}, {Name: "a.failed"}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f("kafka.brokers", func(c *Config) { c.Brokers = nil })
	f("host:port", func(c *Config) { c.Brokers = []string{"k1"} })
	f("host is missing", func(c *Config) { c.Brokers = []string{":9092"} })
	f("1 to 65535", func(c *Config) { c.Brokers = []string{"k1:99999"} })
	f("kafka.topic", func(c *Config) { c.Topics = nil })
	f("named twice", func(c *Config) { c.Topics = []TopicConfig{{Name: "x"}, {Name: "x"}} })
	f("characters", func(c *Config) { c.Topics = []TopicConfig{{Name: ""}} })
	f("cannot have, use", func(c *Config) { c.Topics = []TopicConfig{{Name: "a b"}} })
	f("-1 partitions", func(c *Config) { c.Topics = []TopicConfig{{Name: "x", Partitions: -1}} })
	f("at most 256", func(c *Config) {
		c.Topics = nil
		for i := range 257 {
			c.Topics = append(c.Topics, TopicConfig{Name: fmt.Sprint(i)})
		}
	})
	f("cannot be negative", func(c *Config) { c.Replication = -1 })
	f("timeouts", func(c *Config) { c.DialTimeout = -1 })
	f("kafka.compression", func(c *Config) { c.Compression = "gzip" })
	f("kafka.sasl.mechanism", func(c *Config) { c.SASL.Mechanism = "gssapi" })
	f("although there are credentials", func(c *Config) { c.SASL.Username = "u" })
	f("needs a username", func(c *Config) { c.SASL.Mechanism = Plain })
}
