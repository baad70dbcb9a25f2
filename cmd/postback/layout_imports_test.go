package main

import (
	"path"
	"slices"
	"strings"
)

// layoutDirections says which of our packages a package may import; "*" is everything, "x/..." all below x and x itself.
// Tests may also import what lies in the same room (the first element of the path).
var layoutDirections = map[string][]string{
	"cmd/postback":    {"*"},
	"bench":           {"schema/..."},
	"dedupe":          {},
	"ingest":          {"schema/...", "dedupe", "ingest/journal", "ingest/publish", "ingest/rules", "ingest/eventlog"},
	"ingest/admin":    {"ingest", "ingest/eventlog", "schema"},
	"ingest/eventlog": {},
	"ingest/journal":  {},
	"ingest/publish":  {"ingest/journal"},
	"ingest/report":   {"ingest", "schema"},
	"ingest/rules":    {"schema", "schema/money"},
	"schema":          {"schema/money"},
	"schema/customer": {},
	"schema/money":    {},
	"schema/network":  {"schema", "schema/customer", "schema/money", "schema/params"},
	"schema/networks": {"schema/network"},
	"schema/params":   {},
}

// layoutFences says where a module may be imported; "test" is every test file. A module without a fence is not used.
var layoutFences = map[string][]string{
	"github.com/prometheus/client_golang":   {"ingest", "ingest/admin"},
	"github.com/prometheus/client_model":    {"test"},
	"github.com/redis/go-redis":             {"dedupe"},
	"github.com/santhosh-tekuri/jsonschema": {"test"},
	"github.com/segmentio/kafka-go":         {"ingest/publish"},
	"github.com/spf13/cobra":                {"cmd/postback"},
	"github.com/spf13/pflag":                {"cmd/postback"},
	"github.com/valyala/fasthttp":           {"ingest", "ingest/admin"},
	"go.uber.org/zap":                       {"cmd/postback", "ingest"},
	"go.yaml.in/yaml/v3":                    {"cmd/postback", "ingest", "ingest/admin"},
	"golang.org/x/sys":                      {"cmd/postback", "ingest/journal"},
	"golang.org/x/term":                     {"cmd/postback", "bench"},
	"golang.org/x/time":                     {"ingest", "ingest/rules", "bench"},
	"pgregory.net/rapid":                    {"test"},
}

// layoutOurs gives the folder of one of our packages, and whether the import path is ours at all.
func layoutOurs(importPath string) (string, bool) {
	if importPath == layoutModule {
		return ".", true
	}
	return strings.CutPrefix(importPath, layoutModule+"/")
}

// layoutAllowed tells whether a direction of the table covers dir.
func layoutAllowed(table []string, dir string) bool {
	for _, entry := range table {
		below, tree := strings.CutSuffix(entry, "/...")
		if entry == "*" || entry == dir || tree && (dir == below || strings.HasPrefix(dir, below+"/")) {
			return true
		}
	}
	return false
}

// layoutRoom is the first element of a folder.
func layoutRoom(dir string) string {
	room, _, _ := strings.Cut(dir, "/")
	return room
}

func layoutImportDirections(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		table, known := layoutDirections[file.dir]
		if !known {
			findings = append(findings, tree.at(file.syntax.Package, "package %s is not in the table of directions: a new room is a decision", file.dir))
			continue
		}
		for name, pos := range file.imports() {
			dir, ours := layoutOurs(name)
			if !ours || dir == file.dir || layoutAllowed(table, dir) {
				continue
			}
			if file.test && layoutRoom(dir) == layoutRoom(file.dir) {
				continue
			}
			findings = append(findings, tree.at(pos, "%s may not import %s", file.dir, dir))
		}
	}
	return findings
}

func layoutImportFences(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		for name, pos := range file.imports() {
			_, ours := layoutOurs(name)
			host, _, _ := strings.Cut(name, "/")
			if ours || !strings.Contains(host, ".") {
				continue
			}
			fence, module := layoutFenceOf(name)
			switch {
			case module == "":
				findings = append(findings, tree.at(pos, "%s has no fence: every third-party module needs one", name))
			case slices.Contains(fence, file.dir), file.test && slices.Contains(fence, "test"):
			default:
				findings = append(findings, tree.at(pos, "%s is imported in %s; its fence is %s", name, file.dir, strings.Join(fence, ", ")))
			}
		}
	}
	return findings
}

// layoutFenceOf finds the module a package belongs to, "" when no fence names it.
func layoutFenceOf(importPath string) (fence []string, module string) {
	for module = importPath; module != "."; module = path.Dir(module) {
		if fence, ok := layoutFences[module]; ok {
			return fence, module
		}
	}
	return nil, ""
}

// layoutEdges is the import graph between our packages, tests left out.
func layoutEdges(tree *layoutTree) map[string]map[string]bool {
	graph := make(map[string]map[string]bool)
	for _, file := range tree.code() {
		if file.test {
			continue
		}
		if graph[file.dir] == nil {
			graph[file.dir] = make(map[string]bool)
		}
		for name := range file.imports() {
			if dir, ours := layoutOurs(name); ours {
				graph[file.dir][dir] = true
			}
		}
	}
	return graph
}

// layoutDepth is the longest chain of imports from dir, counted in imports. A cycle, which the compiler refuses, ends at seen.
func layoutDepth(graph map[string]map[string]bool, dir string, seen []string) int {
	deepest := 0
	if slices.Contains(seen, dir) {
		return 0
	}
	for next := range graph[dir] {
		deepest = max(deepest, 1+layoutDepth(graph, next, append(slices.Clone(seen), dir)))
	}
	return deepest
}

func layoutGraphSize(tree *layoutTree) []layoutFinding {
	const mostPackages, mostEdges, mostDeep = 16, 40, 5
	graph := layoutEdges(tree)
	edges, depth := 0, 0
	for dir, targets := range graph {
		edges += len(targets)
		depth = max(depth, layoutDepth(graph, dir, nil))
	}
	var findings []layoutFinding
	for _, size := range []struct {
		what      string
		got, most int
	}{{"packages", len(graph), mostPackages}, {"imports between packages", edges, mostEdges}, {"imports in the longest chain", depth, mostDeep}} {
		if size.got > size.most {
			findings = append(findings, layoutFinding{path: "go.mod", line: 1, what: layoutTooMany(size.what, size.got, size.most)})
		}
	}
	return findings
}
