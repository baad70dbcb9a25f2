package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"time"

	"github.com/postbackhq/postback/ingest"
)

// eventLine is what a line about an event shows.
type eventLine struct {
	ReceivedMS    int64   `json:"received_at_ms"`
	EventName     string  `json:"event_name"`
	Kind          string  `json:"kind"`
	Commission    *string `json:"commission"`
	AmountState   string  `json:"amount_state"`
	Currency      *string `json:"currency"`
	Property      string  `json:"property"`
	Network       string  `json:"network"`
	ClickID       *string `json:"click_id"`
	TransactionID *string `json:"transaction_id"`
	Repairs       string  `json:"repairs"`
}

// failedLine is what a line about a failed request shows.
type failedLine struct {
	ReceivedMS int64  `json:"received_at_ms"`
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason"`
	Detail     string `json:"detail"`
	Property   string `json:"property"`
	Network    string `json:"network"`
	Method     string `json:"method"`
	Target     string `json:"target"`
}

// The widths of the columns.
const (
	nameColumn   = 18
	amountColumn = 14
	placeColumn  = 20
	idColumn     = 18
	kindColumn   = 10
	reasonColumn = 22
)

// prettyPrinter writes aligned lines for people. A value that is no JSON is
// written as it is.
func prettyPrinter(t terminal, topic uint8) func(*bufio.Writer, []byte) error {
	line := t.eventLine
	if topic == ingest.TopicFailed {
		line = t.failedLine
	}
	return func(w *bufio.Writer, value []byte) error {
		text, ok := line(value)
		if !ok {
			text = plain(string(value))
		}
		_, _ = w.WriteString(text) // a bufio.Writer keeps its first error
		return w.WriteByte('\n')
	}
}

func (t terminal) eventLine(value []byte) (string, bool) {
	var e eventLine
	if err := json.Unmarshal(value, &e); err != nil || e.EventName == "" {
		return "", false
	}
	amount := "(" + e.AmountState + ")"
	if e.Commission != nil {
		amount = *e.Commission
	}
	if e.Currency != nil {
		amount += " " + *e.Currency
	}
	columns := []string{
		t.paint(dim, clock(e.ReceivedMS)),
		t.paint(nameStyle(e.EventName), pad(plain(e.EventName), nameColumn)),
		leftPad(plain(amount), amountColumn),
		t.paint(dim, pad(plain(e.Property+"/"+e.Network), placeColumn)),
		t.paint(dim, "click ") + pad(plain(orDash(e.ClickID)), idColumn),
		t.paint(dim, "tx ") + pad(plain(orDash(e.TransactionID)), idColumn),
		pad(plain(e.Kind), kindColumn),
	}
	if e.Repairs != "" {
		columns = append(columns, t.paint(yellow, plain(e.Repairs)))
	}
	return strings.TrimRight(strings.Join(columns, "  "), " "), true
}

func (t terminal) failedLine(value []byte) (string, bool) {
	var f failedLine
	if err := json.Unmarshal(value, &f); err != nil || f.Outcome == "" {
		return "", false
	}
	columns := []string{
		t.paint(dim, clock(f.ReceivedMS)),
		t.paint(red, pad(plain(f.Outcome), len("quarantined"))),
		t.paint(yellow, pad(plain(f.Reason), reasonColumn)),
		t.paint(dim, pad(plain(f.Property+"/"+f.Network), placeColumn)),
		plain(f.Method + " " + f.Target),
	}
	if f.Detail != "" {
		columns = append(columns, t.paint(dim, "("+plain(f.Detail)+")"))
	}
	return strings.TrimRight(strings.Join(columns, "  "), " "), true
}

// clock is a time of day in UTC, as everything in the event is.
func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05") }

func nameStyle(name string) style {
	switch name {
	case "Reversal":
		return red
	case "PendingConversion", "Unclassified":
		return yellow
	}
	return green
}

func orDash(text *string) string {
	if text == nil || *text == "" {
		return "-"
	}
	return *text
}

// leftPad puts text to the right of a column.
func leftPad(text string, width int) string {
	if n := len([]rune(text)); n < width {
		return strings.Repeat(" ", width-n) + text
	}
	return text
}
