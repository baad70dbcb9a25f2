package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// tried is what would become of one postback.
type tried struct {
	ingest.Validation
}

// published reports whether an event would get into the main or test topic.
func (r *tried) published() bool {
	switch r.Result {
	case schema.OutcomeAccepted.String(), schema.OutcomeUpdated.String(), schema.OutcomeTest.String(), schema.OutcomeDuplicate.String():
		return true
	}
	return false
}

// kind is the event's.
func (r *tried) kind() string {
	var e struct{ Kind string }
	_ = json.Unmarshal(r.Event, &e) // the service's own JSON
	return e.Kind
}

// triedJSON is the form for machines.
type triedJSON struct {
	Outcome  string           `json:"outcome"`
	Reason   string           `json:"reason,omitempty"`
	Detail   string           `json:"detail,omitempty"`
	Rule     string           `json:"rule,omitempty"`
	Key      string           `json:"key,omitempty"`
	Event    json.RawMessage  `json:"event,omitempty"`
	Warnings []ingest.Warning `json:"warnings"`
	Trace    []network.Step   `json:"trace"`
}

// print writes one result; number and total count those of a batch.
func (t *trying) print(preset *network.Preset, r *tried, number, total int) error {
	if t.asJSON {
		return t.printJSON(r)
	}
	view := terminalOf(t.s.out, t.s.getenv)
	page := &tryPage{sheet: sheet{terminal: view}, preset: preset, r: r}
	if total > 1 {
		fmt.Fprintf(page, "%s\n", view.paint(dim, fmt.Sprintf("conversion %d of %d", number+1, total)))
	}
	page.write()
	_, err := io.WriteString(t.s.out, page.String())
	return err
}

func (t *trying) printJSON(r *tried) error {
	out := triedJSON{
		Outcome: r.Result, Reason: r.Reason, Detail: r.Detail, Rule: r.Rule, Key: r.Key, Event: r.Event,
		Warnings: r.Warnings, Trace: r.Trace,
	}
	encoder := json.NewEncoder(t.s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

// tryPage is a result for people.
type tryPage struct {
	sheet
	preset *network.Preset
	r      *tried
}

func (p *tryPage) write() {
	t := p.terminal
	mark, colour := "✗", red
	switch {
	case p.r.published():
		mark, colour = "✓", green
	case p.r.Result == schema.OutcomeIgnored.String():
		mark, colour = "–", yellow
	}
	verdict := p.r.Result
	if p.r.Reason != "" {
		verdict += ": " + p.r.Reason
	}
	fmt.Fprintf(p, "%s %s  %s\n", t.paint(colour, mark), t.paint(bold, verdict),
		t.paint(dim, p.preset.Title+" preset, "+string(p.preset.Certainty)))
	if p.r.Detail != "" {
		for _, line := range wrap(p.r.Detail, t.width-2) {
			fmt.Fprintf(p, "  %s\n", plain(line))
		}
	}
	p.parameters()
	p.rules()
	p.event()
	p.verdict()
	p.warnings()
	p.WriteString("\n")
}

// parameters shows where each one went.
func (p *tryPage) parameters() {
	t := p.terminal
	var rows []network.Step
	wide := 0
	for _, s := range p.r.Trace {
		if s.Stage == "parameter" {
			rows = append(rows, s)
			wide = max(wide, len([]rune(s.From)))
		}
	}
	if len(rows) == 0 {
		return
	}
	wide = min(wide, max(24, t.width*2/5))
	p.heading("parameters")
	for _, s := range rows {
		to, colour := s.To, green
		switch s.To {
		case "params":
			colour = dim
		case "":
			to, colour = "–", yellow
		}
		room := t.width - wide - labelWidth - 8
		fmt.Fprintf(p, "  %s  %s %s  %s\n", pad(plain(s.From), wide), t.paint(dim, "→"),
			t.paint(colour, pad(to, labelWidth-2)), t.paint(dim, clip(plain(s.Note), max(20, room))))
	}
}

// rules shows what was decided, in the order of the decisions.
func (p *tryPage) rules() {
	t := p.terminal
	first := true
	for _, s := range p.r.Trace {
		if s.Stage == "parameter" || s.Stage == "result" {
			continue
		}
		if first {
			p.heading("decisions")
			first = false
		}
		what := plain(s.To)
		if s.From != "" && s.To != "" {
			what = plain(s.From) + t.paint(dim, " → ") + plain(s.To)
		} else if s.To == "" {
			what = plain(s.From)
		}
		if s.Note != "" {
			what += t.paint(dim, "  "+plain(s.Note))
		}
		label := s.Stage
		if s.Field != "" && s.Field != s.Stage {
			label += " " + s.Field
		}
		fmt.Fprintf(p, "  %s%s\n", t.paint(cyan, pad(label, labelWidth+6)), what)
	}
}

// event shows the fields in the order of the event, without the nulls.
func (p *tryPage) event() {
	if len(p.r.Event) == 0 {
		return
	}
	p.heading("event")
	decoder := json.NewDecoder(strings.NewReader(string(p.r.Event)))
	decoder.UseNumber()
	if _, err := decoder.Token(); err != nil {
		return
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return
		}
		value, err := decoder.Token()
		if err != nil {
			return
		}
		if value != nil {
			p.wide(fmt.Sprint(name), plain(fmt.Sprint(value)))
		}
	}
}

// wide is pair with room for the longest field name.
func (p *tryPage) wide(label, value string) {
	fmt.Fprintf(p, "  %s%s\n", p.terminal.paint(dim, pad(label, labelWidth+6)), value)
}

func (p *tryPage) verdict() {
	if len(p.r.Event) == 0 {
		return
	}
	p.heading("record")
	p.wide("key", plain(p.r.Key))
	if kind := p.r.kind(); p.r.Result == schema.OutcomeAccepted.String() {
		p.wide("verdict", kind+", when this conversion was never seen before; else a repeat or a change")
	}
}

func (p *tryPage) warnings() {
	if len(p.r.Warnings) == 0 {
		return
	}
	t := p.terminal
	p.heading("worth a look")
	for _, w := range p.r.Warnings {
		lines := wrap(w.Fix, max(30, t.width-labelWidth-10))
		fmt.Fprintf(p, "  %s%s\n", t.paint(yellow, pad(w.Code, labelWidth+6)), lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(p, "  %s%s\n", strings.Repeat(" ", labelWidth+6), line)
		}
	}
}
