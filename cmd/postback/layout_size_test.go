package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

const (
	layoutMostFunctionLines = 60
	layoutMostTypicalLines  = 45
	layoutMostFileLines     = 500
	layoutMostTestFileLines = 800
	layoutTestsPerTenLines  = 10
)

// layoutTooMany words a number above its bound.
func layoutTooMany(what string, got, most int) string {
	return fmt.Sprintf("%d %s, at most %d", got, what, most)
}

// layoutFunctions gives the functions of a file that have a body.
func layoutFunctions(file *layoutFile) []*ast.FuncDecl {
	var functions []*ast.FuncDecl
	for _, decl := range file.syntax.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok && function.Body != nil {
			functions = append(functions, function)
		}
	}
	return functions
}

func layoutFunctionLength(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		if file.generated {
			continue
		}
		for _, function := range layoutFunctions(file) {
			if lines := tree.span(function.Pos(), function.End()); lines > layoutMostFunctionLines {
				findings = append(findings, tree.at(function.Pos(), "function %s has %s", function.Name.Name, layoutTooMany("lines", lines, layoutMostFunctionLines)))
			}
		}
	}
	return findings
}

func layoutFunctionP95(tree *layoutTree) []layoutFinding {
	var lengths []int
	for _, file := range tree.code() {
		if file.generated || file.test {
			continue
		}
		for _, function := range layoutFunctions(file) {
			lengths = append(lengths, tree.span(function.Pos(), function.End()))
		}
	}
	const enough = 20
	if len(lengths) < enough {
		return nil
	}
	slices.Sort(lengths)
	if p95 := lengths[len(lengths)*95/100]; p95 > layoutMostTypicalLines {
		return []layoutFinding{{path: "go.mod", line: 1, what: "the 95th percentile of function length is " + layoutTooMany("lines", p95, layoutMostTypicalLines)}}
	}
	return nil
}

func layoutFileLength(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		most := layoutMostFileLines
		if file.test {
			most = layoutMostTestFileLines
		}
		if !file.generated && file.lines > most {
			findings = append(findings, layoutFinding{path: file.path, line: most, what: layoutTooMany("lines", file.lines, most)})
		}
	}
	return findings
}

// layoutTestRatio counts lines that say something: blank ones and comments do not. Golden files are tests.
func layoutTestRatio(tree *layoutTree) []layoutFinding {
	code, tests := 0, 0
	for _, file := range tree.files {
		golden := strings.Contains(file.path, "/testdata/") && !strings.Contains(file.path, "/fuzz/")
		if golden || file.test {
			tests += layoutSayingLines(file.text)
		}
	}
	for _, file := range tree.code() {
		if !file.generated && !file.test {
			code += layoutSayingLines(file.text)
		}
	}
	if tests*10 < code*layoutTestsPerTenLines {
		return []layoutFinding{{path: "go.mod", line: 1, what: fmt.Sprintf("%d lines of test for %d lines of code", tests, code)}}
	}
	return nil
}

// layoutSayingLines counts the lines of a text that are neither blank nor a comment of their own.
func layoutSayingLines(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	return n
}

// layoutVagueFiles are words that say nothing about a file; layoutVaguePackages those that say nothing about a package.
var (
	layoutVagueFiles    = []string{"util", "utils", "common", "helper", "helpers", "misc"}
	layoutVaguePackages = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "models", "types", "shared", "lib", "core", "pkg", "internal"}
)

func layoutNames(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		for _, element := range strings.Split(file.dir, "/") {
			if slices.Contains(layoutVaguePackages, element) || strings.HasSuffix(element, "util") || strings.HasSuffix(element, "iface") {
				findings = append(findings, tree.at(file.syntax.Package, "folder %s says nothing about what is inside", file.dir))
			}
		}
		for _, word := range strings.Split(strings.TrimSuffix(path.Base(file.path), ".go"), "_") {
			if slices.Contains(layoutVagueFiles, word) {
				findings = append(findings, tree.at(file.syntax.Package, "file name %s says nothing about what is inside", path.Base(file.path)))
			}
		}
	}
	return findings
}

// layoutTopEntries is all that may lie at the top of the repository, dot files aside.
var layoutTopEntries = []string{"cmd", "ingest", "dedupe", "schema", "bench", "deploy", "go.mod", "go.sum", "Dockerfile", "README.md"}

func layoutTop(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	var seen []string
	for _, file := range tree.files {
		entry := layoutRoom(file.path)
		if strings.HasPrefix(entry, ".") || slices.Contains(layoutTopEntries, entry) || slices.Contains(seen, entry) {
			continue
		}
		seen = append(seen, entry)
		findings = append(findings, layoutFinding{path: file.path, line: 1, what: entry + " is not one of the top-level entries"})
	}
	return findings
}
