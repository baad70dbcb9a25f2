package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place says where a key got its value: a line of the file, or an environment
// variable or flag by name.
type place struct {
	line, column int
	origin       string
}

// problem is one thing wrong with a configuration, or worth a warning.
type problem struct {
	place
	// path is the key concerned, empty for the document.
	path    string
	text    string
	warning bool
}

// problems collects what is wrong, so that all of it is told at once.
type problems struct {
	file string
	at   map[string]place
	list []problem
}

// add reports a problem of the key at path, or of its nearest parent that is
// written down.
func (p *problems) add(path, format string, args ...any) {
	p.list = append(p.list, problem{place: p.where(path), path: path, text: fmt.Sprintf(format, args...)})
}

func (p *problems) warn(path, format string, args ...any) {
	p.add(path, format, args...)
	p.list[len(p.list)-1].warning = true
}

// addAt reports a problem of the key at path where a node of the file begins.
func (p *problems) addAt(n *yaml.Node, path, format string, args ...any) {
	at := place{line: max(1, n.Line), column: max(1, n.Column)}
	p.list = append(p.list, problem{place: at, path: path, text: fmt.Sprintf(format, args...)})
}

// wrong reports whether something is wrong at or below a key, keys below
// except left out.
func (p *problems) wrong(path, except string) bool {
	for i := range p.list {
		at := p.list[i].path
		below := strings.HasPrefix(at, path+".") || strings.HasPrefix(at, path+"[")
		if p.list[i].warning || at != path && !below {
			continue
		}
		if except == "" || !strings.HasPrefix(at, path+"."+except) {
			return true
		}
	}
	return false
}

func (p *problems) where(path string) place {
	for path != "" {
		if at, ok := p.at[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return place{}
}

// errors counts what is no mere warning.
func (p *problems) errors() int {
	n := 0
	for i := range p.list {
		if !p.list[i].warning {
			n++
		}
	}
	return n
}

// lines gives the problems as text, in the order of the file; what came from
// environment and flags stands at the end.
func (p *problems) lines() []string {
	slices.SortStableFunc(p.list, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.column, b.column))
	})
	var lines []string
	for _, one := range p.list {
		text := one.text
		if one.warning {
			text = "warning: " + text
		}
		line := p.prefix(one) + text
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (p *problem) order() int {
	if p.origin != "" {
		return 1 << 30
	}
	return p.line
}

func (p *problems) prefix(one problem) string {
	switch {
	case one.origin != "":
		return one.origin + ": "
	case one.line > 0:
		return fmt.Sprintf("%s:%d:%d: ", p.file, one.line, one.column)
	case p.file != "":
		return p.file + ": "
	}
	return ""
}

// wrongConfig is the error of a configuration that cannot be used.
type wrongConfig struct{ lines []string }

// Error gives one line for each problem.
func (e *wrongConfig) Error() string { return strings.Join(e.lines, "\n") }
