package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// print writes what came of each kind, and the sum.
func (s *replaySummary) print(w io.Writer, t terminal) error {
	var out strings.Builder
	if len(s.Rows) > 0 {
		table := newTable(t, s.heading()...)
		for i := range s.Rows {
			row := &s.Rows[i]
			became := strings.TrimSpace(row.Result + " " + row.Why)
			table.add(orWord(row.Reason+row.EventName, "-"), orWord(strings.Trim(row.Property+"/"+row.Network, "/"), "-"), became, strconv.Itoa(row.Count))
		}
		out.WriteString(table.String())
	}
	out.WriteString(s.sentence() + "\n")
	_, err := io.WriteString(w, out.String())
	return err //nolint:wrapcheck // a closed pipe is told apart by its type
}

func (s *replaySummary) heading() []string {
	heading := []string{"FAILED AS", "FROM", "BECAME", "#COUNT"}
	if s.From == replayMain {
		heading[0] = "EVENT"
	}
	if s.DryRun {
		heading[2] = "WOULD BECOME"
	}
	return heading
}

// sentence says the sum in words.
func (s *replaySummary) sentence() string {
	what := "failed request"
	if s.From == replayMain {
		what = "past event"
	}
	if s.Matched == 0 {
		return "no " + what + " to replay"
	}
	text := fmt.Sprintf("%s: %d replayed, %d failed again", count(s.Matched, what), s.Sent, s.Failed)
	if s.DryRun {
		text = fmt.Sprintf("dry run of %s: %d would succeed, %d would fail again", count(s.Matched, what), s.Sent, s.Failed)
	}
	if s.DoneBefore > 0 {
		text += fmt.Sprintf(", %d done before", s.DoneBefore)
	}
	if left := s.Matched - s.DoneBefore - s.Sent - s.Failed; left > 0 {
		text += fmt.Sprintf(", %d not tried", left)
	}
	return text
}

// table aligns columns; a heading that begins with # is one of numbers.
type table struct {
	terminal terminal
	rows     [][]string
	wide     []int
	number   []bool
}

func newTable(t terminal, heading ...string) *table {
	a := &table{terminal: t, wide: make([]int, len(heading)), number: make([]bool, len(heading))}
	for i, h := range heading {
		heading[i], a.number[i] = strings.CutPrefix(h, "#")
	}
	a.add(heading...)
	return a
}

func (a *table) add(cells ...string) {
	for i := range cells {
		cells[i] = plain(cells[i])
		a.wide[i] = max(a.wide[i], utf8.RuneCountInString(cells[i]))
	}
	a.rows = append(a.rows, cells)
}

// String gives the table, its heading first.
func (a *table) String() string {
	var out strings.Builder
	for i, row := range a.rows {
		var line strings.Builder
		for j, cell := range row {
			if j > 0 {
				line.WriteString("  ")
			}
			if a.number[j] {
				line.WriteString(leftPad(cell, a.wide[j]))
			} else {
				line.WriteString(pad(cell, a.wide[j]))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if i == 0 {
			text = a.terminal.paint(dim, text)
		}
		out.WriteString(text + "\n")
	}
	return out.String()
}

// progressBar is a line that says how far a long work is; only a terminal
// shows it.
type progressBar struct {
	w     io.Writer
	t     terminal
	began time.Time
	shown bool
}

func newProgressBar(s streams) *progressBar {
	return &progressBar{w: s.err, t: terminalOf(s.err, s.getenv), began: time.Now()}
}

// show writes the line anew: a bar and the remaining time where the total is
// known, and the rate.
func (b *progressBar) show(what string, done, total uint64, note string) {
	if !b.t.is {
		return
	}
	b.shown = true
	_, _ = io.WriteString(b.w, "\r\x1b[K"+clip(progressLine(what, done, total, time.Since(b.began), note), b.t.width-1))
}

func progressLine(what string, done, total uint64, took time.Duration, note string) string {
	const width = 24
	rate := float64(done) / max(took.Seconds(), 0.001)
	text := fmt.Sprintf("%d read  %.0f/s  %s", done, rate, note)
	if total == 0 || done > total {
		return what + "  " + text
	}
	filled := int(done * width / total)
	text = fmt.Sprintf("%s  %s%s %3d%%  %s", what, strings.Repeat("█", filled), strings.Repeat("░", width-filled), done*100/total, text)
	if rate > 0 && done < total {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		text += "  " + left.Round(time.Second).String() + " left"
	}
	return text
}

// clear takes the line away.
func (b *progressBar) clear() {
	if b.shown {
		_, _ = io.WriteString(b.w, "\r\x1b[K")
		b.shown = false
	}
}
