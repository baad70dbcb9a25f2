package main

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal is how an output looks: how wide, and whether colours may be used
// (no-color.org).
type terminal struct {
	is     bool
	width  int
	colour bool
}

const defaultWidth = 100

// terminalOf looks at an output.
func terminalOf(w io.Writer, getenv func(string) (string, bool)) terminal {
	t := terminal{width: defaultWidth}
	if columns, ok := getenv("COLUMNS"); ok {
		if n, err := strconv.Atoi(columns); err == nil && n >= 20 {
			t.width = n
		}
	}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return t
	}
	t.is = true
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width >= 20 {
		t.width = width
	}
	no, set := getenv("NO_COLOR")
	kind, _ := getenv("TERM")
	t.colour = (!set || no == "") && kind != "dumb"
	return t
}

// style is an SGR sequence (ECMA-48).
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// paint wraps text in a style where colours may be used.
func (t terminal) paint(s style, text string) string {
	if !t.colour || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// pad fills text up to width characters, or cuts it with an ellipsis.
func pad(text string, width int) string {
	n := utf8.RuneCountInString(text)
	if n <= width {
		return text + strings.Repeat(" ", width-n)
	}
	return clip(text, width)
}

// clip cuts text to at most width characters.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// plain replaces control characters, so that what a stranger sent cannot speak
// to the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, text)
}

// isClosedPipe reports whether the reader of our output has gone, as `head`
// does: that is no failure.
func isClosedPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
