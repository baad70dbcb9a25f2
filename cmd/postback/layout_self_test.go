package main

import (
	"fmt"
	"strings"
	"testing"
)

// layoutCase is a small invented repository and what one gate must say of it; no wants: the gate must be content.
type layoutCase struct {
	name  string
	gate  string
	files map[string]string
	wants []string
}

func TestLayoutGatesCatchWhatTheyForbid(t *testing.T) {
	gates := make(map[string]layoutGate)
	for _, gate := range layoutGates() {
		gates[gate.name] = gate
	}
	for _, c := range layoutAllCases() {
		t.Run(c.gate+"/"+c.name, func(t *testing.T) {
			gate, ok := gates[c.gate]
			if !ok {
				t.Fatalf("no gate is called %s", c.gate)
			}
			found := layoutRun(layoutParse(c.files), gate)
			if len(found) != len(c.wants) {
				t.Fatalf("%d findings, want %d: %v", len(found), len(c.wants), found)
			}
			for i, want := range c.wants {
				if got := found[i].String(); !strings.Contains(got, want) || !strings.Contains(got, gate.rule) {
					t.Errorf("finding %d is %q, want it to contain %q and the rule", i, got, want)
				}
			}
		})
	}
}

func TestLayoutEveryGateHasACaseThatFailsAndOneThatHolds(t *testing.T) {
	fails, holds := make(map[string]bool), make(map[string]bool)
	for _, c := range layoutAllCases() {
		if len(c.wants) > 0 {
			fails[c.gate] = true
		} else {
			holds[c.gate] = true
		}
	}
	for _, gate := range layoutGates() {
		if !fails[gate.name] || !holds[gate.name] {
			t.Errorf("gate %s: a case that fails: %v, one that holds: %v", gate.name, fails[gate.name], holds[gate.name])
		}
	}
}

func TestLayoutReadsTheTreeWithoutGitToo(t *testing.T) {
	root := t.TempDir()
	names, err := layoutList(root)
	if err != nil || len(names) != 0 {
		t.Fatalf("an empty folder gives %v, %v", names, err)
	}
}

func layoutAllCases() []layoutCase {
	var cases []layoutCase
	for _, some := range [][]layoutCase{
		layoutTopCases(), layoutImportCases(), layoutGraphCases(), layoutSizeCases(), layoutExitCases(), layoutVariableCases(),
		layoutTableCases(), layoutCallCases(), layoutDocCases(), layoutCommentCases(), layoutPathCases(),
	} {
		cases = append(cases, some...)
	}
	return cases
}

// layoutGo is a repository of one Go file of package dedupe.
func layoutGo(body string) map[string]string {
	return map[string]string{"dedupe/a.go": "// Package dedupe remembers.\npackage dedupe\n\n" + body + "\n"}
}

// layoutImporting is a repository of one file that imports one package.
func layoutImporting(file, imported string) map[string]string {
	return map[string]string{file: fmt.Sprintf("package p\n\nimport _ %q\n", imported)}
}

func layoutTopCases() []layoutCase {
	return []layoutCase{
		{"a stray folder, named once", "top", map[string]string{"docs/a.md": "", "docs/b.md": "", "go.mod": ""}, []string{"docs/a.md:1: docs is not"}},
		{"the agreed entries and dot files", "top", map[string]string{"README.md": "", ".gitignore": "", ".ci/run": "", "deploy/test": "", "schema/a.go": "package schema"}, nil},
		{"a broken file", "parses", map[string]string{"schema/a.go": "package"}, []string{"schema/a.go:1: "}},
		{"a broken file in testdata", "parses", map[string]string{"schema/testdata/a.go": "package"}, nil},
		{"a vague package", "names", map[string]string{"ingest/common/a.go": "package common"}, []string{"folder ingest/common says nothing"}},
		{"a vague suffix", "names", map[string]string{"ingest/strutil/a.go": "package strutil"}, []string{"folder ingest/strutil says nothing"}},
		{"a vague file of tests", "names", map[string]string{"dedupe/redis_helper_test.go": "package dedupe"}, []string{"file name redis_helper_test.go says nothing"}},
		{"names that say something", "names", map[string]string{"dedupe/commonality.go": "package dedupe"}, nil},
	}
}

func layoutImportCases() []layoutCase {
	ours := func(dir string) string { return layoutModule + "/" + dir }
	return []layoutCase{
		{"against the direction", "directions", layoutImporting("schema/a.go", ours("ingest")), []string{"schema/a.go:3: schema may not import ingest"}},
		{"schema and dedupe do not know each other", "directions", layoutImporting("dedupe/a.go", ours("schema")), []string{"dedupe may not import schema"}},
		{"a sibling the table does not name", "directions", layoutImporting("ingest/publish/a.go", ours("ingest/rules")), []string{"ingest/publish may not import ingest/rules"}},
		{"a room the table does not know", "directions", layoutImporting("ingest/queue/a.go", "fmt"), []string{"package ingest/queue is not in the table"}},
		{"a test into another room", "directions", layoutImporting("dedupe/a_test.go", ours("schema")), []string{"dedupe may not import schema"}},
		{"a test within its room", "directions", layoutImporting("schema/money/a_test.go", ours("schema")), nil},
		{"an entry for a whole room", "directions", layoutImporting("bench/a.go", ours("schema/money")), nil},
		{"cmd builds everything", "directions", layoutImporting("cmd/postback/a.go", ours("ingest/journal")), nil},
		{"a nested module goes its own way", "directions", map[string]string{"deploy/x/go.mod": "", "deploy/x/a.go": "package x"}, nil},
		{"outside the fence", "fences", layoutImporting("ingest/rules/a.go", "github.com/valyala/fasthttp"), []string{"ingest/rules/a.go:3: github.com/valyala/fasthttp is imported in ingest/rules; its fence is ingest, ingest/admin"}},
		{"a package below the module", "fences", layoutImporting("ingest/a.go", "github.com/segmentio/kafka-go/protocol"), []string{"its fence is ingest/publish"}},
		{"a major version", "fences", layoutImporting("ingest/rules/a.go", "github.com/redis/go-redis/v9"), []string{"its fence is dedupe"}},
		{"a logger in a leaf", "fences", layoutImporting("dedupe/a.go", "go.uber.org/zap"), []string{"its fence is cmd/postback, ingest"}},
		{"a module without a fence", "fences", layoutImporting("ingest/a_test.go", "github.com/stretchr/testify/require"), []string{"has no fence"}},
		{"rapid outside a test", "fences", layoutImporting("schema/a.go", "pgregory.net/rapid"), []string{"its fence is test"}},
		{"rapid in a test", "fences", layoutImporting("schema/a_test.go", "pgregory.net/rapid"), nil},
		{"inside the fence", "fences", layoutImporting("ingest/publish/a.go", "github.com/segmentio/kafka-go"), nil},
		{"ours and the standard library", "fences", layoutImporting("ingest/a.go", ours("schema")), nil},
	}
}

func layoutGraphCases() []layoutCase {
	many, chain := make(map[string]string), make(map[string]string)
	for i := range 17 {
		many[fmt.Sprintf("schema/n%d/a.go", i)] = "package n"
	}
	for i := range 6 {
		chain[fmt.Sprintf("schema/n%d/a.go", i)] = fmt.Sprintf("package n\n\nimport _ %q\n", fmt.Sprintf("%s/schema/n%d", layoutModule, i+1))
	}
	edges := make(map[string]string)
	for i := range 10 {
		for j := range 5 {
			edges[fmt.Sprintf("schema/n%d/f%d.go", i, j)] = fmt.Sprintf("package n\n\nimport _ %q\n", fmt.Sprintf("%s/schema/m%d", layoutModule, j))
		}
	}
	return []layoutCase{
		{"too many packages", "graph", many, []string{"17 packages, at most 16"}},
		{"too long a chain", "graph", chain, []string{"6 imports in the longest chain, at most 5"}},
		{"too many edges", "graph", edges, []string{"50 imports between packages, at most 40"}},
		{"a small graph", "graph", layoutImporting("bench/a.go", layoutModule+"/schema"), nil},
	}
}

func layoutSizeCases() []layoutCase {
	function := func(lines int) string {
		return "func f() {\n" + strings.Repeat("\t_ = 0\n", lines-2) + "}\n"
	}
	file := func(name string, lines int) map[string]string {
		return map[string]string{name: "package dedupe\n" + strings.Repeat("//\n", lines-1)}
	}
	long, generated := layoutGo(function(61)), layoutGo(function(61))
	generated["dedupe/a.go"] = "// Code generated by x. DO NOT EDIT.\n" + generated["dedupe/a.go"]
	return []layoutCase{
		{"a function of 61 lines", "functions", long, []string{"dedupe/a.go:4: function f has 61 lines, at most 60"}},
		{"a test of 61 lines", "functions", map[string]string{"dedupe/a_test.go": "package dedupe\n" + function(61)}, []string{"function f has 61 lines"}},
		{"a function of 60 lines", "functions", layoutGo(function(60)), nil},
		{"a generated function", "functions", generated, nil},
		{"many long functions", "p95", layoutGo(strings.Repeat(function(46), 20)), []string{"95th percentile of function length is 46 lines, at most 45"}},
		{"few long functions", "p95", layoutGo(strings.Repeat(function(10), 20) + function(60)), nil},
		{"a file of 501 lines", "files", file("dedupe/a.go", 501), []string{"dedupe/a.go:500: 501 lines, at most 500"}},
		{"a test file of 801 lines", "files", file("dedupe/a_test.go", 801), []string{"801 lines, at most 800"}},
		{"a test file of 800 lines", "files", file("dedupe/a_test.go", 800), nil},
		{"hardly a test", "ratio", layoutGo(function(40)), []string{"0 lines of test for 41 lines of code"}},
		{"enough tests", "ratio", map[string]string{"dedupe/a.go": "// Package dedupe remembers.\npackage dedupe\n", "dedupe/testdata/a.golden": "one\n"}, nil},
	}
}
