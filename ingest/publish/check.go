package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Check connects to Kafka once and reports, in one line, the first thing that
// would keep a Producer with this configuration from publishing: an invalid
// configuration, no broker that answers, refused credentials, a broker that
// advertises an address we cannot reach, a missing topic that we may not create,
// no right to write idempotently. It creates and writes nothing. The end of ctx
// ends it.
func Check(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return oneLine(err)
	}
	t := &tailer{cfg: cfg.withDefaults(), wires: make(map[string]wire)}
	defer t.close()
	res, addr, err := t.firstAnswer(ctx)
	if err != nil {
		return oneLine(err)
	}
	for _, b := range res.Brokers {
		advertised := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		if _, err := t.ask(ctx, advertised, &metadata.Request{TopicNames: cfg.topicNames()}); err != nil {
			return fmt.Errorf("publish: %s answers, but Kafka advertises %s: %w", addr, advertised, err)
		}
	}
	if err := checkTopics(cfg, res); err != nil {
		return err
	}
	return t.checkIdentity(ctx, addr)
}

// firstAnswer returns the metadata from the first broker that gives it.
func (t *tailer) firstAnswer(ctx context.Context) (*metadata.Response, string, error) {
	var errs []error
	for _, addr := range t.cfg.Brokers {
		msg, err := t.ask(ctx, addr, &metadata.Request{TopicNames: t.cfg.topicNames()})
		if res, ok := msg.(*metadata.Response); err == nil && ok {
			return res, addr, nil
		}
		errs = append(errs, err)
	}
	return nil, "", fmt.Errorf("publish: no broker can be used: %w", errors.Join(errs...))
}

func checkTopics(cfg Config, res *metadata.Response) error {
	for _, t := range cfg.Topics {
		switch code := kafka.Error(topicIn(res, t.Name).ErrorCode); {
		case code == kafka.UnknownTopicOrPartition && cfg.CreateTopics, code == kafka.LeaderNotAvailable, code == 0:
		case code == kafka.UnknownTopicOrPartition:
			return fmt.Errorf("publish: topic %s does not exist: create it, or set kafka.create_topics", t.Name)
		case code == kafka.TopicAuthorizationFailed:
			return fmt.Errorf("publish: topic %s: %w: grant Describe and Write on it", t.Name, code)
		default:
			return fmt.Errorf("publish: topic %s: %w", t.Name, code)
		}
	}
	return nil
}

// checkIdentity takes a producer id, which costs the cluster nothing. Code 14 is
// a broker that has just started.
func (t *tailer) checkIdentity(ctx context.Context, addr string) error {
	for try := 0; ; try++ {
		msg, err := t.ask(ctx, addr, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			return fmt.Errorf("publish: taking a producer id: %w", err)
		}
		res, ok := msg.(*initproducerid.Response)
		if !ok {
			return fmt.Errorf("publish: taking a producer id: broker %s answered with a %T", addr, msg)
		}
		switch code := kafka.Error(res.ErrorCode); {
		case code == 0:
			return nil
		case code != kafka.GroupLoadInProgress || try >= tailRetries:
			return fmt.Errorf("publish: taking a producer id: %w: grant IdempotentWrite on the cluster, or Write on the topics", code)
		}
		if err := pause(ctx, tailPause); err != nil {
			return fmt.Errorf("publish: taking a producer id: %w", err)
		}
	}
}

// oneLine joins the lines of a joined error.
func oneLine(err error) error {
	if !strings.Contains(err.Error(), "\n") {
		return err
	}
	return &lineError{err: err}
}

// lineError shows several errors as one line.
type lineError struct{ err error }

// Error implements error.
func (e *lineError) Error() string { return strings.ReplaceAll(e.err.Error(), "\n", "; ") }

// Unwrap gives access to the parts.
func (e *lineError) Unwrap() error { return e.err }
