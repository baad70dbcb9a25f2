package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/publish"
)

// connectBudget bounds how long check --connect waits for one server.
const connectBudget = 10 * time.Second

func newCheck(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Find every mistake in a configuration",
		Long: "check reads a configuration as serve would and names every problem with its line and column.\n" +
			"With --connect it also asks Kafka and Redis whether they would take us. It changes nothing.\n\n" +
			"Exit status: 0 without problems, 1 with some, 2 when the file cannot be read.",
		Example: "  postback check postback.yaml\n  postback check --connect postback.yaml",
		Args:    argsBetween(0, 1, "one file"),
	}
	keys := addKeyFlags(cmd, s)
	connect := cmd.Flags().Bool("connect", false, "also dial Kafka and Redis")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		from := keys.sources()
		if len(args) == 1 {
			from.file = args[0]
		}
		if from.file == "" {
			return usagef("postback check needs a file: postback check postback.yaml")
		}
		return runCheck(s, from, *connect)
	}
	return cmd
}

func runCheck(s streams, from sources, connect bool) error {
	c, p, err := loadConfig(from)
	if err != nil {
		return &usageError{err: err}
	}
	for _, line := range p.lines() {
		fmt.Fprintln(s.out, line)
	}
	wrong := p.errors()
	if connect && wrong == 0 {
		wrong += connectAll(s, c)
	}
	if wrong > 0 {
		fmt.Fprintf(s.err, "%s: %s\n", from.file, count(wrong, "problem"))
		return errQuiet
	}
	fmt.Fprintf(s.err, "%s: ok, %s, %s\n", from.file, count(len(c.Properties), "property"), count(c.integrations(), "integration"))
	return nil
}

// integrations counts what is listed; an open property's presets are not.
func (s *setup) integrations() int {
	n := 0
	for i := range s.Properties {
		n += len(s.Properties[i].Integrations)
	}
	return n
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if rest, ok := strings.CutSuffix(what, "y"); ok {
		return fmt.Sprintf("%d %sies", n, rest)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// connectAll dials what is configured, prints a line for each, and counts the
// failures.
func connectAll(s streams, c *setup) int {
	failures := 0
	tell := func(what string, err error, good string) {
		if err != nil {
			failures++
			fmt.Fprintf(s.out, "%s: %s\n", what, strings.ReplaceAll(err.Error(), "\n", "; "))
			return
		}
		fmt.Fprintf(s.out, "%s: %s\n", what, good)
	}
	if c.embedded() {
		fmt.Fprintln(s.out, "kafka: not configured, the journal is the topic")
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), connectBudget)
		tell("kafka", publish.Check(ctx, *c.kafka()), "ok, "+strings.Join(c.Kafka.Brokers, ", ")+" would take "+c.Kafka.Topic)
		cancel()
	}
	if c.Redis.URL == "" {
		fmt.Fprintln(s.out, "redis: not configured, dedupe is local")
		return failures
	}
	report, err := checkRedisServer(c)
	tell("redis", err, fmt.Sprintf("ok, %s %s at %s", report.Server, report.Version, redactURL(c.Redis.URL)))
	for _, warning := range report.Warnings {
		fmt.Fprintf(s.out, "redis: warning: %s\n", warning)
	}
	return failures
}

// checkRedisServer asks Redis who it is.
func checkRedisServer(c *setup) (dedupe.RedisReport, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectBudget)
	defer cancel()
	store, err := dedupe.DialRedis(c.redisConfig(1))
	if err != nil {
		return dedupe.RedisReport{}, err
	}
	defer func() { _ = store.Close() }()
	return store.Check(ctx)
}
