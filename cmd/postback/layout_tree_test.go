package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// layoutFile is one file of the repository. syntax is nil for anything but Go and for Go that does not parse.
type layoutFile struct {
	path      string // from the top of the repository, with slashes
	dir       string // its folder, "." at the top
	text      []byte
	lines     int
	syntax    *ast.File
	broken    error
	test      bool
	generated bool
}

// layoutTree is the repository as the gates see it: files sorted by path, Go files of nested modules left out of code.
type layoutTree struct {
	files []*layoutFile
	fset  *token.FileSet
}

// layoutGenerated is the mark of generated code (go help generate).
var layoutGenerated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// layoutLoad reads the repository at root.
func layoutLoad(root string) (*layoutTree, error) {
	names, err := layoutList(root)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, or moved while we read
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		texts[name] = string(text)
	}
	return layoutParse(texts), nil
}

// layoutList names what belongs to the repository: what git would commit, or every file where there is no git.
func layoutList(root string) ([]string, error) {
	git := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if out, err := git.Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
	}
	var names []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" || entry.Name() == "postback-data" {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, name)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("walking %s: %w", root, err)
	}
	return names, nil
}

// layoutParse makes a tree of texts by path; the self-tests feed it small inventions.
func layoutParse(texts map[string]string) *layoutTree {
	tree := &layoutTree{fset: token.NewFileSet()}
	for name, text := range texts {
		file := &layoutFile{path: name, dir: path.Dir(name), text: []byte(text), test: strings.HasSuffix(name, "_test.go")}
		file.lines = bytes.Count(file.text, []byte("\n"))
		if layoutIsCode(name, texts) {
			file.generated = layoutGenerated.MatchString(text)
			file.syntax, file.broken = parser.ParseFile(tree.fset, name, file.text, parser.ParseComments)
			if file.broken != nil {
				file.syntax = nil
			}
		}
		tree.files = append(tree.files, file)
	}
	sort.Slice(tree.files, func(i, j int) bool { return tree.files[i].path < tree.files[j].path })
	return tree
}

// layoutIsCode tells whether name is Go of our module: neither test data nor a module of its own.
func layoutIsCode(name string, texts map[string]string) bool {
	if !strings.HasSuffix(name, ".go") {
		return false
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, nested := texts[dir+"/go.mod"]; nested || path.Base(dir) == "testdata" {
			return false
		}
	}
	return true
}

// code gives the Go files that parse.
func (t *layoutTree) code() []*layoutFile {
	var code []*layoutFile
	for _, file := range t.files {
		if file.syntax != nil {
			code = append(code, file)
		}
	}
	return code
}

// at makes a finding at a position of a Go file.
func (t *layoutTree) at(pos token.Pos, format string, args ...any) layoutFinding {
	where := t.fset.Position(pos)
	return layoutFinding{path: where.Filename, line: where.Line, what: fmt.Sprintf(format, args...)}
}

// span counts the lines from one position to another, both included.
func (t *layoutTree) span(from, to token.Pos) int {
	return t.fset.Position(to).Line - t.fset.Position(from).Line + 1
}

// imports gives a file's import paths with their positions.
func (f *layoutFile) imports() map[string]token.Pos {
	paths := make(map[string]token.Pos, len(f.syntax.Imports))
	for _, spec := range f.syntax.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths[name] = spec.Pos()
		}
	}
	return paths
}

// layoutSelector tells whether expr is pkg.Name for one of the names, pkg being the usual name of a standard package.
func layoutSelector(expr ast.Expr, pkg string, names ...string) bool {
	selector, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	base, ok := selector.X.(*ast.Ident)
	if !ok || base.Name != pkg {
		return false
	}
	for _, name := range names {
		if selector.Sel.Name == name {
			return true
		}
	}
	return false
}

// layoutParses reports Go that the parser refuses: the other gates cannot see it.
func layoutParses(tree *layoutTree) []layoutFinding {
	var findings []layoutFinding
	for _, file := range tree.files {
		if file.broken != nil {
			findings = append(findings, layoutFinding{path: file.path, line: 1, what: file.broken.Error()})
		}
	}
	return findings
}
