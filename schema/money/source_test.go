package money

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

func TestSourceHasNoFloatingPoint(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	parsed := 0
	for _, entry := range files {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed++
		ast.Inspect(file, func(n ast.Node) bool {
			if why := floatingPoint(n); why != "" {
				t.Errorf("%s: %s", set.Position(n.Pos()), why)
			}
			return true
		})
	}
	if parsed < 5 {
		t.Errorf("only %d source files were looked at", parsed)
	}
}

// floatingPoint says why n brings binary floating point into the package, or "".
func floatingPoint(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		switch n.Name {
		case "float32", "float64", "complex64", "complex128", "ParseFloat", "AppendFloat", "FormatFloat":
			return "uses " + n.Name
		}
	case *ast.BasicLit:
		if n.Kind == token.FLOAT || n.Kind == token.IMAG {
			return "has the literal " + n.Value
		}
	case *ast.ImportSpec:
		switch n.Path.Value {
		case `"math"`, `"math/big"`, `"fmt"`:
			return "imports " + n.Path.Value
		}
	}
	return ""
}
