package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConfig(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config [FILE]",
		Short: "Print the effective configuration, secrets redacted",
		Long: "config prints what serve would use: the file with the environment over it and every default\n" +
			"filled in. Secrets are printed as ***. The output is a configuration itself.",
		Example: "  postback config\n  POSTBACK_KAFKA_TOPIC=conversions postback config postback.yaml",
		Args:    argsBetween(0, 1, "at most one file"),
	}
	keys := addKeyFlags(cmd, s, "listen", "admin", "data", "kafka", "redis", "ack")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		from := keys.sources()
		if len(args) == 1 {
			from.file = args[0]
		}
		c, err := mustLoad(from, func(line string) { fmt.Fprintln(s.err, line) })
		if err != nil {
			return err
		}
		text, err := effectiveYAML(&c.config)
		if err != nil {
			return err
		}
		_, err = s.out.Write(text)
		return err
	}
	return cmd
}
