package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

func newNetworks(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "networks [NETWORK]",
		Short: "List what is known about networks, or show one",
		Long: "networks lists the presets: the names a collect URL may end with, and how well founded each is\n" +
			"(documented: the vendor's own page says it; seen: public code or another vendor's guide; guess).\n" +
			"With a name it shows the parameters, the status words and the sources of one.",
		Example: "  postback networks\n  postback networks tune",
		Args:    argsBetween(0, 1, "at most one network"),
	}
	keys := addKeyFlags(cmd, s)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		c, err := mustLoad(keys.sources(), func(string) {})
		if err != nil {
			return err
		}
		t := terminalOf(s.out, s.getenv)
		if len(args) == 0 {
			return listNetworks(s.out, t, c.catalog)
		}
		preset, ok := c.catalog.Lookup(args[0])
		if !ok {
			return unknownNetwork(c.catalog, args[0])
		}
		return showNetwork(s.out, t, preset)
	}
	return cmd
}

func unknownNetwork(catalog *network.Catalog, name string) error {
	return usagef("there is no network %q%s", name, presetHint(catalog, name))
}

func listNetworks(w io.Writer, t terminal, catalog *network.Catalog) error {
	var out strings.Builder
	wide := 0
	for _, name := range catalog.Names() {
		wide = max(wide, len(name))
	}
	for _, name := range catalog.Names() {
		p, _ := catalog.Lookup(name)
		also := ""
		if len(p.Aliases) > 0 {
			also = t.paint(dim, "  also "+strings.Join(p.Aliases, ", "))
		}
		fmt.Fprintf(&out, "%s  %s  %s%s\n", t.paint(bold, pad(name, wide)), t.paint(certaintyStyle(p.Certainty), pad(string(p.Certainty), 10)), p.Title, also)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func certaintyStyle(c network.Certainty) style {
	switch c {
	case network.Documented:
		return green
	case network.Seen:
		return cyan
	}
	return yellow
}

func showNetwork(w io.Writer, t terminal, p *network.Preset) error {
	out := &sheet{terminal: t}
	out.title(p.Title + "  (" + p.Name + ")")
	out.pair("certainty", string(p.Certainty))
	out.pair("aliases", strings.Join(p.Aliases, ", "))
	out.pair("methods", strings.Join(p.Methods, ", "))
	out.pair("currency", p.Currency)
	out.pair("link", p.Link)
	out.heading("parameters")
	var plainly []string
	for _, f := range network.Fields() {
		names, more := p.Names[f], p.Fallbacks[f]
		if len(more) == 0 && len(names) == 1 && names[0] == f.String() {
			plainly = append(plainly, names[0])
			continue
		}
		text := strings.Join(names, ", ")
		if len(more) > 0 {
			text += t.paint(dim, "  else "+strings.Join(more, ", "))
		}
		out.pair(f.String(), text)
	}
	out.list("parameters by their own names", []string{strings.Join(plainly, ", ")})
	out.heading("status words")
	for _, class := range []schema.Status{
		schema.StatusPending, schema.StatusApproved, schema.StatusRejected, schema.StatusReversed, schema.StatusTest,
	} {
		out.pair(class.String(), strings.Join(wordsOf(p, class), ", "))
	}
	if p.Status.Default != schema.StatusNone {
		out.pair("without one", p.Status.Default.String())
	}
	out.list("notes", p.Notes)
	out.list("sources", p.Sources)
	_, err := io.WriteString(w, out.String())
	return err
}

func wordsOf(p *network.Preset, class schema.Status) []string {
	var words []string
	for word, c := range p.Status.Words {
		if c == class {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}

// sheet is a page of headings and pairs for people.
type sheet struct {
	strings.Builder
	terminal terminal
}

const labelWidth = 18

func (s *sheet) title(text string) { fmt.Fprintf(s, "%s\n", s.terminal.paint(bold, text)) }

func (s *sheet) heading(text string) { fmt.Fprintf(s, "\n%s\n", s.terminal.paint(bold, text)) }

// pair writes a label and a value, and nothing without a value.
func (s *sheet) pair(label, value string) {
	if value != "" {
		fmt.Fprintf(s, "  %s%s\n", s.terminal.paint(dim, pad(label, labelWidth)), value)
	}
}

// list writes lines under a heading, wrapped at words; nothing without lines.
func (s *sheet) list(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	s.heading(heading)
	for _, line := range lines {
		for i, part := range wrap(line, s.terminal.width-4) {
			fmt.Fprintf(s, "  %s%s\n", []string{"· ", "  "}[min(i, 1)], part)
		}
	}
}

// wrap cuts text at blanks into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// fileExists reports whether a path is there.
func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
