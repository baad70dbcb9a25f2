package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/schema"
)

func newSchema(s streams) *cobra.Command {
	formats := []string{"json"}
	return &cobra.Command{
		Use:     "schema FORMAT",
		Short:   "Print the event's definition for consumers",
		Long:    "schema prints the definition of the event. The only format of this version is json, a JSON Schema\n(draft 2020-12).",
		Example: "  postback schema json > event.schema.json",
		Args:    argsBetween(1, 1, "one format: json"),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != "json" {
				return usagef("schema %q is not available in this version; there is %s", args[0], strings.Join(formats, ", "))
			}
			_, err := s.out.Write(schema.JSONSchema())
			return err
		},
	}
}
