package main

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// layoutUnfinished is the word list of unfinished work, in halves so that a search finds only real ones. The third word is
// also ISO 4217's code for "no currency" and counts only as a note: at the start of a comment and followed by a colon.
var layoutUnfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b|^\s*(?://|#|/\*)\s*X` + `XX(\(\w*\))?:`)

func layoutLeftovers(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.files {
		if file.syntax == nil {
			if !strings.HasSuffix(file.path, ".go") && !strings.Contains(file.path, "testdata/") {
				findings = append(findings, layoutLines(file, layoutUnfinished, "note of unfinished work: ")...)
			}
			continue
		}
		for _, group := range file.syntax.Comments {
			for _, comment := range group.List {
				if found := layoutUnfinished.FindString(comment.Text); found != "" {
					findings = append(findings, tree.at(comment.Pos(), "note of unfinished work: %s", found))
				}
			}
		}
	}
	return findings
}

// layoutLines reports every line of a file that matches, but for binary files and go.sum.
func layoutLines(file *layoutFile, pattern *regexp.Regexp, what string) []layoutFinding {
	var findings []layoutFinding
	if file.path == "go.sum" || bytes.IndexByte(file.text, 0) >= 0 {
		return nil
	}
	for i, line := range strings.Split(string(file.text), "\n") {
		if found := pattern.FindString(line); found != "" {
			findings = append(findings, layoutFinding{path: file.path, line: i + 1, what: what + strings.TrimSpace(found)})
		}
	}
	return findings
}

// Places of one machine, in halves for the same reason as above.
var (
	layoutWorkPlace   = regexp.MustCompile(`(^|[^\w.\-/])/wo` + `rk(/|["'\s` + "`" + `:;,)]|$)`)
	layoutHomePlace   = regexp.MustCompile(`(^|[^\w.\-/])/(root|home/[a-z][\w-]*)/`)
	layoutBesidePlace = regexp.MustCompile(`\.\./sha` + `red\b`)
)

func layoutMachinePaths(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.files {
		findings = append(findings, layoutLines(file, layoutWorkPlace, "place of one machine: ")...)
		if file.path != "Dockerfile" {
			findings = append(findings, layoutLines(file, layoutHomePlace, "home of one machine: ")...)
		}
		if !file.test && file.path != ".ci/run" {
			findings = append(findings, layoutLines(file, layoutBesidePlace, "folder beside the checkout: ")...)
		}
	}
	return findings
}

// layoutGoodNolint is a nolint with its linters and a reason.
var layoutGoodNolint = regexp.MustCompile(`^//nolint:[a-z0-9,]+ // \S`)

func layoutNolint(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		for _, group := range file.syntax.Comments {
			for _, comment := range group.List {
				bare := strings.TrimLeft(strings.TrimPrefix(comment.Text, "//"), " \t")
				if strings.HasPrefix(bare, "nolint") && !layoutGoodNolint.MatchString(comment.Text) {
					findings = append(findings, tree.at(comment.Pos(), "%s", comment.Text))
				}
			}
		}
	}
	return findings
}

// layoutPackageDocs wants one comment a package, in one file; a package of tests only has none.
func layoutPackageDocs(tree *layoutTree) []layoutFinding {
	docs := make(map[string][]token.Pos)
	first := make(map[string]*layoutFile)
	var findings []layoutFinding
	for _, file := range tree.code() {
		if file.test {
			continue
		}
		if first[file.dir] == nil {
			first[file.dir] = file
		}
		doc := file.syntax.Doc
		if doc == nil || strings.TrimSpace(doc.Text()) == "" {
			continue
		}
		docs[file.dir] = append(docs[file.dir], doc.Pos())
		name := file.syntax.Name.Name
		if name != "main" && !strings.HasPrefix(doc.Text(), "Package "+name+" ") {
			findings = append(findings, tree.at(doc.Pos(), "the comment of package %s does not start with Package %s", file.dir, name))
		}
	}
	for dir, file := range first {
		if len(docs[dir]) == 0 {
			findings = append(findings, tree.at(file.syntax.Package, "package %s has no doc comment", dir))
		}
		for _, pos := range docs[dir][min(1, len(docs[dir])):] {
			findings = append(findings, tree.at(pos, "package %s has a second doc comment", dir))
		}
	}
	return findings
}

func layoutExportedDocs(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.code() {
		if file.test || file.generated {
			continue
		}
		for _, decl := range file.syntax.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && layoutReceiverExported(decl) && !layoutStartsWith(decl.Doc, decl.Name.Name) {
					findings = append(findings, tree.at(decl.Pos(), "func %s has no comment that starts with its name", decl.Name.Name))
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					findings = append(findings, layoutSpecDocs(tree, decl, spec)...)
				}
			}
		}
	}
	return findings
}

// layoutReceiverExported tells whether a method can be called from outside; a function always can.
func layoutReceiverExported(function *ast.FuncDecl) bool {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return true
	}
	expr := function.Recv.List[0].Type
	for {
		switch inner := expr.(type) {
		case *ast.StarExpr:
			expr = inner.X
		case *ast.IndexExpr:
			expr = inner.X
		case *ast.IndexListExpr:
			expr = inner.X
		case *ast.Ident:
			return inner.IsExported()
		default:
			return false
		}
	}
}

// layoutStartsWith tells whether a comment starts with a name; an article may stand before it.
func layoutStartsWith(doc *ast.CommentGroup, name string) bool {
	text := strings.TrimSpace(doc.Text())
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	rest, ok := strings.CutPrefix(text, name)
	return ok && (rest == "" || !regexp.MustCompile(`^\w`).MatchString(rest))
}

// layoutSpecDocs checks one type, or the names of one line of constants or variables. Those of a group may have a comment
// above, one at the end of the line, or the one of the group.
func layoutSpecDocs(tree *layoutTree, group *ast.GenDecl, spec ast.Spec) []layoutFinding {
	var findings []layoutFinding
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		doc := spec.Doc
		if doc == nil && !group.Lparen.IsValid() {
			doc = group.Doc
		}
		if spec.Name.IsExported() && !layoutStartsWith(doc, spec.Name.Name) {
			findings = append(findings, tree.at(spec.Pos(), "type %s has no comment that starts with its name", spec.Name.Name))
		}
		if fields, ok := spec.Type.(*ast.StructType); ok && spec.Name.Name == "Config" {
			findings = append(findings, layoutFieldDocs(tree, fields)...)
		}
	case *ast.ValueSpec:
		alone := !group.Lparen.IsValid()
		for _, name := range spec.Names {
			switch {
			case !name.IsExported():
			case alone && !layoutStartsWith(group.Doc, name.Name):
				findings = append(findings, tree.at(name.Pos(), "%s has no comment that starts with its name", name.Name))
			case !alone && spec.Doc == nil && spec.Comment == nil && group.Doc == nil:
				findings = append(findings, tree.at(name.Pos(), "%s has no comment, nor has its group", name.Name))
			}
		}
	}
	return findings
}

// layoutFieldDocs wants a word about every exported field of a Config: meaning, default, consequence.
func layoutFieldDocs(tree *layoutTree, fields *ast.StructType) []layoutFinding {
	var findings []layoutFinding
	for _, field := range fields.Fields.List {
		for _, name := range field.Names {
			if name.IsExported() && field.Doc == nil && field.Comment == nil {
				findings = append(findings, tree.at(name.Pos(), "field %s of Config has no comment", name.Name))
			}
		}
	}
	return findings
}
