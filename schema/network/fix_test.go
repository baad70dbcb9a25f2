package network

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// TestEveryWordComesWithAdvice reads the closed vocabularies from their source.
func TestEveryWordComesWithAdvice(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../words.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || len(spec.Values) != 1 {
			return true
		}
		kind, _ := spec.Type.(*ast.Ident)
		literal, _ := spec.Values[0].(*ast.BasicLit)
		if kind == nil || literal == nil || kind.Name != "Reason" && kind.Name != "RepairWord" {
			return true
		}
		word, err := strconv.Unquote(literal.Value)
		if err != nil || word == "" {
			return true
		}
		words++
		if strings.HasPrefix(Fix(word), "See the documentation") {
			t.Errorf("%s has no advice", word)
		}
		return true
	})
	if words < 50 {
		t.Errorf("only %d words found", words)
	}
	if got := Fix("macro:click_id"); !strings.HasPrefix(got, "click_id: ") {
		t.Errorf("the advice does not name the field: %q", got)
	}
	if Fix("no such word") == "" {
		t.Error("an unknown word gets no answer")
	}
}
