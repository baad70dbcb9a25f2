package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/schema/customer"
)

func newHash(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash PLATFORM FIELD VALUE",
		Short: "Normal form and SHA-256 of a customer field for an ad platform",
		Long: "hash prints the normal form that an ad platform documents for a customer field, and its SHA-256\n" +
			"where the platform wants the field hashed.\n\n" +
			"Platforms: " + strings.Join(customer.Platforms(), ", ") + ".\n\n" +
			"With - instead of arguments it reads one JSON object a line, {\"platform\", \"field\", \"input\"} and\n" +
			"optionally \"country\", and answers each with the same object plus \"normalized\" and \"sha256\": null\n" +
			"where the value is refused or must not be hashed.",
		Example: "  postback hash meta email ' John_Smith@gmail.com'\n" +
			"  postback hash google phone '(650) 555-1212' --country US\n" +
			"  echo '{\"platform\":\"tiktok\",\"field\":\"phone\",\"input\":\"+1 650 555 1212\"}' | postback hash -",
	}
	country := cmd.Flags().String("country", "", "`CODE` (ISO 3166) that national phone numbers, states and postal codes are from")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && args[0] == "-" {
			return nil
		}
		return argsBetween(3, 3, "PLATFORM FIELD VALUE, or -")(cmd, args)
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if args[0] == "-" {
			return hashRows(s, strings.ToUpper(*country))
		}
		return hashOne(s, args[0], args[1], args[2], strings.ToUpper(*country))
	}
	return cmd
}

func hashOne(s streams, platform, field, value, country string) error {
	form, err := customer.Normalize(platform, field, value, customer.Options{Country: country})
	switch {
	case errors.Is(err, customer.ErrPlatform):
		return usagef("%w%s", err, didYouMean(platform, customer.Platforms()))
	case errors.Is(err, customer.ErrField):
		return usagef("%w%s", err, didYouMean(field, customer.PlatformFields(platform)))
	case err != nil:
		return err
	}
	hash := form.SHA256
	if hash == "" {
		hash = "(" + platform + " takes it unhashed)"
	}
	_, err = fmt.Fprintf(s.out, "normalized  %s\nsha256      %s\n", form.Normalized, hash)
	return err
}

// hashRow is one line of hash -.
type hashRow struct {
	Platform   string  `json:"platform"`
	Field      string  `json:"field"`
	Input      string  `json:"input"`
	Country    string  `json:"country,omitempty"`
	Normalized *string `json:"normalized"`
	SHA256     *string `json:"sha256"`
	Error      string  `json:"error,omitempty"`
}

func hashRows(s streams, country string) error {
	out := bufio.NewWriter(s.out)
	in := bufio.NewReader(s.in)
	for number := 1; ; number++ {
		line, readErr := in.ReadBytes('\n')
		if err := hashLine(out, line, number, country); err != nil {
			return errors.Join(out.Flush(), err)
		}
		if in.Buffered() == 0 || readErr != nil {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("reading standard input: %w", readErr)
		}
	}
}

// hashLine answers one row; blank lines have none.
func hashLine(out io.Writer, line []byte, number int, country string) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	row := hashRow{Country: country}
	if err := json.Unmarshal(line, &row); err != nil {
		return fmt.Errorf("line %d of standard input is no JSON object with platform, field and input: %w", number, err)
	}
	row.fill()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(row)
}

func (r *hashRow) fill() {
	r.Normalized, r.SHA256, r.Error = nil, nil, ""
	form, err := customer.Normalize(r.Platform, r.Field, r.Input, customer.Options{Country: strings.ToUpper(r.Country)})
	if err != nil {
		r.Error = err.Error()
		return
	}
	r.Normalized = &form.Normalized
	if form.SHA256 != "" {
		r.SHA256 = &form.SHA256
	}
}
