package main

import (
	"fmt"
	"os"
	"sort"
	"testing"
)

// layoutModule is our module path; a test compares it with go.mod.
const layoutModule = "github.com/postbackhq/postback"

// layoutFinding is one broken rule at one place.
type layoutFinding struct {
	path string
	line int
	what string
	rule string
}

// String renders the finding the way an editor can jump to.
func (f layoutFinding) String() string {
	return fmt.Sprintf("%s:%d: %s\n\trule: %s", f.path, f.line, f.what, f.rule)
}

// layoutGate is one rule of the house over the whole tree. Its check returns nothing when the rule holds;
// rule is the sentence a finding quotes.
type layoutGate struct {
	name  string
	rule  string
	check func(*layoutTree) []layoutFinding
}

// layoutGates is the list of all rules; layout_self_test.go proves for each that it can fail.
func layoutGates() []layoutGate {
	return []layoutGate{
		{"parses", "every Go file parses", layoutParses},
		{"top", "the top level is closed: cmd, ingest, dedupe, schema, bench, deploy, go.mod, go.sum, Dockerfile, README.md and dot files", layoutTop},
		{"directions", "imports run one way: the table layoutDirections", layoutImportDirections},
		{"fences", "a third-party module is imported only inside its fence: the table layoutFences", layoutImportFences},
		{"graph", "at most 16 packages, 40 imports between them, chains of 5", layoutGraphSize},
		{"functions", "a function fits one screen: 60 lines, tests too", layoutFunctionLength},
		{"p95", "19 of 20 functions have at most 45 lines", layoutFunctionP95},
		{"files", "a file has at most 500 lines, a test file 800", layoutFileLength},
		{"ratio", "at least as many lines of test, golden files included, as of code; blank and comment lines do not count", layoutTestRatio},
		{"names", "nothing is called util, common, helper or the like: a name says what is inside", layoutNames},
		{"init", "no init(): a package does nothing by being imported", layoutInit},
		{"exits", "only cmd ends the process; a broken invariant panics with a message that starts with BUG:", layoutExits},
		{"variables", "package variables are sentinel errors, embeds, var _ guards or documented unexported tables nobody writes to", layoutVariables},
		{"sleeps", "tests do not sleep: use testing/synctest, or wait for a condition or a channel", layoutSleeps},
		{"wrapping", "fmt.Errorf with an error among its arguments wraps it with %w", layoutWrapping},
		{"packages", "a package has one doc comment: what it is, promises and refuses", layoutPackageDocs},
		{"docs", "an exported identifier has a doc comment that starts with its name; every field of a Config has one too", layoutExportedDocs},
		{"nolint", "nolint names its linter and gives a reason: //nolint:name // because", layoutNolint},
		{"leftovers", "no note of unfinished work stays in the tree", layoutLeftovers},
		{"paths", "no file names a place of one machine", layoutMachinePaths},
	}
}

// layoutRun gives the findings of one gate in the order of the tree.
func layoutRun(tree *layoutTree, gate layoutGate) []layoutFinding {
	findings := gate.check(tree)
	for i := range findings {
		findings[i].rule = gate.rule
	}
	sort.SliceStable(findings, func(i, j int) bool {
		a, b := findings[i], findings[j]
		if a.path != b.path {
			return a.path < b.path
		}
		return a.line < b.line
	})
	return findings
}

func TestLayoutHoldsEveryGate(t *testing.T) {
	tree, err := layoutLoad("../..")
	if err != nil {
		t.Fatalf("reading the tree: %v", err)
	}
	for _, gate := range layoutGates() {
		t.Run(gate.name, func(t *testing.T) {
			for _, finding := range layoutRun(tree, gate) {
				t.Error(finding)
			}
		})
	}
}

func TestLayoutModulePathIsThatOfGoMod(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "module " + layoutModule + "\n"; len(mod) < len(want) || string(mod[:len(want)]) != want {
		t.Errorf("go.mod does not start with %q: adapt layoutModule", want)
	}
}
