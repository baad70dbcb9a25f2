package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// layoutSleepCall is written in two halves so that a search of the tree for it finds only real sleeps.
const layoutSleepCall = "time." + "Sleep"

func layoutInit(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		for _, function := range layoutFunctions(file) {
			if function.Recv == nil && function.Name.Name == "init" {
				findings = append(findings, tree.at(function.Pos(), "init() in package %s", file.dir))
			}
		}
	}
	return findings
}

// layoutExits looks at cmd too for log.Fatal, which skips every deferred close; os.Exit belongs to cmd alone.
// Tests may panic, and their TestMain may exit.
func layoutExits(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		inCmd := layoutRoom(file.dir) == "cmd"
		for _, decl := range file.syntax.Decls {
			function, _ := decl.(*ast.FuncDecl)
			main := function != nil && file.test && function.Name.Name == "TestMain"
			ast.Inspect(decl, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch {
				case layoutSelector(call.Fun, "os", "Exit") && !inCmd && !main:
					findings = append(findings, tree.at(call.Pos(), "os.Exit outside cmd: return an error"))
				case layoutSelector(call.Fun, "log", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"):
					findings = append(findings, tree.at(call.Pos(), "a call of log that ends the process: return an error"))
				case layoutIsIdent(call.Fun, "panic") && !inCmd && !file.test && !layoutSaysBug(call.Args):
					findings = append(findings, tree.at(call.Pos(), "panic without BUG: at the start of its message"))
				}
				return true
			})
		}
	}
	return findings
}

func layoutIsIdent(expr ast.Expr, name string) bool {
	ident, ok := expr.(*ast.Ident)
	return ok && ident.Name == name
}

// layoutSaysBug follows the first argument to the text it begins with: "BUG: …", "BUG: " + x, fmt.Sprintf("BUG: …").
func layoutSaysBug(args []ast.Expr) bool {
	if len(args) == 0 {
		return false
	}
	if call, ok := args[0].(*ast.CallExpr); ok {
		return layoutSaysBug(call.Args)
	}
	text, _ := layoutText(args[0])
	return strings.HasPrefix(text, "BUG:")
}

// layoutText joins the string literals of an expression of literals and +; whole is false when other parts stand between.
func layoutText(expr ast.Expr) (text string, whole bool) {
	switch expr := expr.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(expr.Value)
		return text, err == nil && expr.Kind == token.STRING
	case *ast.BinaryExpr:
		left, whole := layoutText(expr.X)
		right, wholeRight := layoutText(expr.Y)
		return left + right, whole && wholeRight
	}
	return "", false
}

// layoutVariables allows what nobody can change while the program runs. It knows names, not types: a table that
// another file of the package writes to is found by its name.
func layoutVariables(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	writes := layoutWrites(tree)
	for _, file := range tree.code() {
		if file.test || file.generated {
			continue
		}
		for _, decl := range file.syntax.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if what := layoutVariable(group, spec, i); what != "" {
						findings = append(findings, tree.at(name.Pos(), "package variable %s %s", name.Name, what))
					} else if at, written := writes[file.dir+"."+name.Name]; written && name.Name != "_" {
						findings = append(findings, tree.at(at, "writes to the package variable %s", name.Name))
					}
				}
			}
		}
	}
	return findings
}

// layoutMutable matches the types and calls whose values exist to change. sync.OnceValue is none of them: it is a table
// made at its first use.
var layoutMutable = regexp.MustCompile(`^(atomic\..*|rand\.New.*|sync\.(Cond|Map|Mutex|NewCond|Once|Pool|RWMutex|WaitGroup)|time\.(After|NewTicker|NewTimer|Now|Tick|Ticker|Timer))$`)

// layoutVariable says what is wrong with one package variable, "" when nothing is.
func layoutVariable(group *ast.GenDecl, spec *ast.ValueSpec, i int) string {
	name := spec.Names[i].Name
	documented := spec.Doc != nil || spec.Comment != nil || group.Doc != nil
	var value ast.Expr
	if i < len(spec.Values) {
		value = spec.Values[i]
	}
	call, _ := value.(*ast.CallExpr)
	switch {
	case name == "_", layoutEmbedded(spec.Doc), layoutEmbedded(group.Doc):
		return ""
	case strings.HasPrefix(strings.ToLower(name), "err") && call != nil && (layoutSelector(call.Fun, "errors", "New") || layoutSelector(call.Fun, "fmt", "Errorf")):
		return ""
	case value == nil && !layoutFixedArray(spec.Type):
		return "has no value: it can only be there to be written to"
	case ast.IsExported(name):
		return "is exported: anyone could write to it; make it a function"
	case layoutStateful(spec.Type) || layoutStateful(value):
		return "is state (a channel, lock, pool, counter or clock): put it into a type"
	case !documented:
		return "has no comment that says what the table holds"
	}
	return ""
}

// layoutFixedArray tells whether a type is an array of fixed length: without a value it is a run of zeros to copy from.
func layoutFixedArray(expr ast.Expr) bool {
	array, ok := expr.(*ast.ArrayType)
	return ok && array.Len != nil
}

// layoutEmbedded tells whether a comment carries the embed directive.
func layoutEmbedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, comment := range doc.List {
		if strings.HasPrefix(comment.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// layoutStateful finds channels and the packages of layoutMutable in a type or in the outer call or literal of a value.
func layoutStateful(expr ast.Expr) bool {
	switch expr := expr.(type) {
	case *ast.ChanType:
		return true
	case *ast.StarExpr:
		return layoutStateful(expr.X)
	case *ast.UnaryExpr:
		return layoutStateful(expr.X)
	case *ast.CompositeLit:
		return layoutStateful(expr.Type)
	case *ast.IndexExpr:
		return layoutStateful(expr.X)
	case *ast.CallExpr:
		return layoutStateful(expr.Fun) || len(expr.Args) > 0 && layoutIsIdent(expr.Fun, "make") && layoutStateful(expr.Args[0])
	case *ast.SelectorExpr:
		base, ok := expr.X.(*ast.Ident)
		return ok && layoutMutable.MatchString(base.Name+"."+expr.Sel.Name)
	}
	return false
}

// layoutWrites collects by "folder.name" the first write to a name that is no local of its function.
func layoutWrites(tree *layoutTree) map[string]token.Pos {
	writes := make(map[string]token.Pos)
	for _, file := range tree.code() {
		for _, function := range layoutFunctions(file) {
			locals := layoutLocals(function)
			note := func(target ast.Expr) {
				root := layoutRoot(target)
				if root != nil && !locals[root.Name] && writes[file.dir+"."+root.Name] == token.NoPos {
					writes[file.dir+"."+root.Name] = target.Pos()
				}
			}
			ast.Inspect(function.Body, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.AssignStmt:
					for _, target := range node.Lhs {
						if node.Tok != token.DEFINE {
							note(target)
						}
					}
				case *ast.IncDecStmt:
					note(node.X)
				case *ast.CallExpr:
					if (layoutIsIdent(node.Fun, "delete") || layoutIsIdent(node.Fun, "clear")) && len(node.Args) > 0 {
						note(node.Args[0])
					}
				}
				return true
			})
		}
	}
	return writes
}

// layoutRoot is the name at the bottom of a[i].b and the like.
func layoutRoot(expr ast.Expr) *ast.Ident {
	for {
		switch inner := expr.(type) {
		case *ast.Ident:
			return inner
		case *ast.IndexExpr:
			expr = inner.X
		case *ast.SelectorExpr:
			expr = inner.X
		case *ast.StarExpr:
			expr = inner.X
		case *ast.ParenExpr:
			expr = inner.X
		default:
			return nil
		}
	}
}

// layoutLocals names all that a function declares: receiver, parameters, results and variables at any depth.
func layoutLocals(function *ast.FuncDecl) map[string]bool {
	locals := make(map[string]bool)
	ast.Inspect(function, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.Field:
			for _, name := range node.Names {
				locals[name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range node.Names {
				locals[name.Name] = true
			}
		case *ast.AssignStmt:
			for _, target := range node.Lhs {
				if ident, ok := target.(*ast.Ident); ok && node.Tok == token.DEFINE {
					locals[ident.Name] = true
				}
			}
		case *ast.RangeStmt:
			for _, target := range []ast.Expr{node.Key, node.Value} {
				if ident, ok := target.(*ast.Ident); ok && node.Tok == token.DEFINE {
					locals[ident.Name] = true
				}
			}
		}
		return true
	})
	return locals
}

func layoutSleeps(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		if !file.test {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if expr, ok := node.(ast.Expr); ok && layoutSelector(expr, "time", "Sleep") {
				findings = append(findings, tree.at(expr.Pos(), "%s in a test", layoutSleepCall))
			}
			return true
		})
	}
	return findings
}

// layoutErrorName matches names that hold an error by the customs of Go.
var layoutErrorName = regexp.MustCompile(`^(err|Err|error|Error|cause|err[A-Z0-9].*|.*Err)$`)

func layoutWrapping(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || !layoutSelector(call.Fun, "fmt", "Errorf") || len(call.Args) < 2 {
				return true
			}
			format, whole := layoutText(call.Args[0])
			if !whole || strings.Contains(format, "%w") {
				return true
			}
			for _, arg := range call.Args[1:] {
				if name := layoutLastName(arg); layoutErrorName.MatchString(name) {
					findings = append(findings, tree.at(call.Pos(), "fmt.Errorf gets %s but has no %%w in %q", name, format))
				}
			}
			return true
		})
	}
	return findings
}

// layoutLastName is the last name of x, a.x, a.x() and (x).
func layoutLastName(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.Ident:
		return expr.Name
	case *ast.SelectorExpr:
		return expr.Sel.Name
	case *ast.CallExpr:
		return layoutLastName(expr.Fun)
	case *ast.ParenExpr:
		return layoutLastName(expr.X)
	}
	return ""
}
