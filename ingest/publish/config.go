package publish

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Compression names the codec of a record batch.
type Compression string

// The codecs on offer. LZ4 costs next to nothing; Zstd halves the bytes again
// for about three times the CPU. The empty string means None.
const (
	None Compression = "none"
	LZ4  Compression = "lz4"
	Zstd Compression = "zstd"
)

// SASL mechanisms, as written in the configuration.
const (
	Plain       = "plain"
	ScramSHA256 = "scram-sha-256"
	ScramSHA512 = "scram-sha-512"
)

// SASL holds the credentials shown to the brokers. The zero value means none.
type SASL struct {
	// Mechanism is Plain, ScramSHA256 or ScramSHA512; empty switches SASL off.
	// Plain sends the password readably: use it under TLS only.
	Mechanism          string
	Username, Password string
}

// TopicConfig is one topic we write to.
type TopicConfig struct {
	Name string
	// Partitions is the number asked for when the topic is created; zero means
	// Config.Partitions. An existing topic keeps what it has.
	Partitions int
}

// Config tells a Producer, Tail and Check where Kafka is and how to speak to it.
// Zero values of the optional fields mean the default named there.
type Config struct {
	// Brokers are host:port pairs to start from; one that answers is enough.
	Brokers []string
	// Topics are ours; the index is journal.Record.Topic. Nothing else of the
	// cluster is looked at.
	Topics []TopicConfig
	// Partitions and Replication describe topics we create: 12 and 3. With fewer
	// brokers than Replication there are as many replicas as brokers, and Status
	// warns.
	Partitions, Replication int
	// CreateTopics lets the producer create what is missing; otherwise a missing
	// topic keeps the producer Down, with the name in the error.
	CreateTopics bool
	// Compression of the batches: none, lz4 (nearly free) or zstd.
	Compression Compression
	// TLS encrypts when not nil; an empty ServerName is taken from each broker's
	// address.
	TLS *tls.Config
	// SASL logs in; the zero value does not.
	SASL SASL
	// ClientID is what the brokers' logs and quotas call us: "postback".
	ClientID string
	// MaxBatchBytes bounds one partition's share of a request, before
	// compression: 900 KB, below the broker's default of 1 MiB. A larger record
	// travels alone and the broker decides.
	MaxBatchBytes int
	// MaxQueued bounds the messages held: 65,536. Beyond it Send answers
	// ErrUnavailable.
	MaxQueued int
	// DialTimeout bounds connecting to one broker, handshakes included: 3 s.
	DialTimeout time.Duration
	// RequestTimeout is how long a broker may wait for its replicas: 5 s. An
	// answer later than one second beyond it counts as lost.
	RequestTimeout time.Duration
	// Deliver receives messages with their results, from goroutines of the
	// producer: successes from the lane of the leader, failures from one
	// goroutine. Within a partition failures come in the order of sending, as
	// long as deadlines are in that order too and the queue is not full; so
	// whoever stores them elsewhere keeps the order. Calls may overlap, but never
	// for one message. The slice is borrowed until Deliver returns, the messages
	// are the receiver's. It must not block long (its lane waits), it may call
	// Send, it must not call Close. nil: results are only counted.
	Deliver func(batch []*Message)
	// Notify is told of every change between Up and Down, from one goroutine.
	// nil: nobody is told.
	Notify func(Status)
}

const (
	defaultPartitions     = 12
	defaultReplication    = 3
	defaultMaxBatchBytes  = 900_000
	defaultMaxQueued      = 1 << 16
	defaultDialTimeout    = 3 * time.Second
	defaultRequestTimeout = 5 * time.Second
	defaultClientID       = "postback"
	maxTopicName          = 249 // Apache Kafka, org.apache.kafka.common.internals.Topic
	maxTopics             = 256 // journal.Record.Topic is one byte
)

// Validate reports everything that is wrong with c, joined, each line naming the
// key of the configuration file and what to write there. It does not touch the
// network.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 {
		bad("kafka.brokers: empty, name at least one host:port")
	}
	for _, b := range c.Brokers {
		if err := validAddress(b); err != nil {
			bad("kafka.brokers: %q: %w, write host:port", b, err)
		}
	}
	errs = append(errs, c.validTopics()...)
	if c.Partitions < 0 || c.Replication < 0 || c.MaxBatchBytes < 0 || c.MaxQueued < 0 {
		bad("kafka: partitions, replication, batch and queue sizes cannot be negative")
	}
	if c.DialTimeout < 0 || c.RequestTimeout < 0 {
		bad("kafka: timeouts cannot be negative")
	}
	switch c.Compression {
	case "", None, LZ4, Zstd:
	default:
		bad("kafka.compression: %q is not one of none, lz4, zstd", c.Compression)
	}
	switch c.SASL.Mechanism {
	case "":
		if c.SASL.Username != "" || c.SASL.Password != "" {
			bad("kafka.sasl.mechanism: empty although there are credentials, write plain, scram-sha-256 or scram-sha-512")
		}
	case Plain, ScramSHA256, ScramSHA512:
		if c.SASL.Username == "" || c.SASL.Password == "" {
			bad("kafka.sasl: %s needs a username and a password", c.SASL.Mechanism)
		}
	default:
		bad("kafka.sasl.mechanism: %q is not one of plain, scram-sha-256, scram-sha-512", c.SASL.Mechanism)
	}
	return errors.Join(errs...)
}

func (c Config) validTopics() (errs []error) {
	if len(c.Topics) == 0 {
		errs = append(errs, errors.New("kafka.topic: no topic to write to"))
	}
	if len(c.Topics) > maxTopics {
		errs = append(errs, fmt.Errorf("kafka.topic: %d topics, at most %d", len(c.Topics), maxTopics))
	}
	seen := make(map[string]bool, len(c.Topics))
	for _, t := range c.Topics {
		if err := validTopicName(t.Name); err != nil {
			errs = append(errs, fmt.Errorf("kafka.topic: %w", err))
		}
		if seen[t.Name] {
			errs = append(errs, fmt.Errorf("kafka.topic: %q is named twice", t.Name))
		}
		if t.Partitions < 0 {
			errs = append(errs, fmt.Errorf("kafka.topic: %q cannot have %d partitions", t.Name, t.Partitions))
		}
		seen[t.Name] = true
	}
	return errs
}

func validAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("not an address: %w", err)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	return nil
}

// validTopicName follows the broker's own rule (Apache Kafka, class Topic).
func validTopicName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > maxTopicName {
		return fmt.Errorf("%q is not a topic name, use 1 to %d characters", name, maxTopicName)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if i := strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune(allowed, r) }); i >= 0 {
		return fmt.Errorf("%q has a character that topic names cannot have, use letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

func (c Config) withDefaults() Config {
	orInt(&c.Partitions, defaultPartitions)
	orInt(&c.Replication, defaultReplication)
	orInt(&c.MaxBatchBytes, defaultMaxBatchBytes)
	orInt(&c.MaxQueued, defaultMaxQueued)
	if c.DialTimeout <= 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = defaultRequestTimeout
	}
	if c.ClientID == "" {
		c.ClientID = defaultClientID
	}
	if c.Deliver == nil {
		c.Deliver = func([]*Message) {}
	}
	if c.Notify == nil {
		c.Notify = func(Status) {}
	}
	return c
}

func orInt(n *int, otherwise int) {
	if *n <= 0 {
		*n = otherwise
	}
}

func (c Config) topicNames() []string {
	names := make([]string, len(c.Topics))
	for i, t := range c.Topics {
		names[i] = t.Name
	}
	return names
}
