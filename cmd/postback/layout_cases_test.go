package main

import "strings"

func layoutExitCases() []layoutCase {
	main := func(body string) map[string]string {
		return map[string]string{"cmd/postback/main.go": "package main\n\nfunc main() {\n\t" + body + "\n}\n"}
	}
	inFunction := func(body string) map[string]string { return layoutGo("func f() {\n\t" + body + "\n}") }
	return []layoutCase{
		{"an init", "init", layoutGo("func init() {}"), []string{"dedupe/a.go:4: init() in package dedupe"}},
		{"an init in a test", "init", map[string]string{"dedupe/a_test.go": "package dedupe\nfunc init() {}\n"}, []string{"init() in package dedupe"}},
		{"a method called init", "init", layoutGo("type t int\n\nfunc (t) init() {}"), nil},
		{"an exit in a leaf", "exits", inFunction("os.Exit(1)"), []string{"dedupe/a.go:5: os.Exit outside cmd"}},
		{"a fatal log in a leaf", "exits", inFunction("log.Fatalf(\"x\")"), []string{"a call of log that ends the process"}},
		{"a fatal log in cmd", "exits", main("log.Fatal(1)"), []string{"a call of log that ends the process"}},
		{"a bare panic", "exits", inFunction("panic(\"no\")"), []string{"panic without BUG:"}},
		{"a panic with an error", "exits", inFunction("panic(err)"), []string{"panic without BUG:"}},
		{"an exit in cmd", "exits", main("os.Exit(1)"), nil},
		{"a broken invariant", "exits", inFunction("panic(\"BUG: x\")\n\tpanic(\"BUG: x \" + name)\n\tpanic(fmt.Sprintf(\"BUG: %d\", 1))"), nil},
		{"a TestMain", "exits", map[string]string{"dedupe/a_test.go": "package dedupe\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n"}, nil},
	}
}

func layoutVariableCases() []layoutCase {
	return []layoutCase{
		{"a variable without a value", "variables", layoutGo("// cache of all.\nvar cache map[string]int"), []string{"dedupe/a.go:5: package variable cache has no value"}},
		{"a pool", "variables", layoutGo("// pool of buffers.\nvar pool = sync.Pool{}"), []string{"pool is state"}},
		{"a counter", "variables", layoutGo("// n counts.\nvar n = new(atomic.Int64)\n\n// m too.\nvar m = &atomic.Int64{}"), []string{"m is state"}},
		{"a channel", "variables", layoutGo("// done ends.\nvar done = make(chan int)"), []string{"done is state"}},
		{"a start time", "variables", layoutGo("// began is when.\nvar began = time.Now()"), []string{"began is state"}},
		{"an exported table", "variables", layoutGo("// Words of all.\nvar Words = []string{\"a\"}"), []string{"Words is exported"}},
		{"an undocumented table", "variables", layoutGo("var words = []string{\"a\"}"), []string{"words has no comment"}},
		{"an exported error that is no error", "variables", layoutGo("// ErrX is x.\nvar ErrX = 3"), []string{"ErrX is exported"}},
		{"sentinels", "variables", layoutGo("var ErrX = errors.New(\"x\")\n\nvar errY = fmt.Errorf(\"y: %w\", ErrX)"), nil},
		{"a guard", "variables", layoutGo("var _ Store = (*Local)(nil)"), nil},
		{"an embed", "variables", layoutGo("//go:embed a.json\nvar Data []byte"), nil},
		{"a documented table", "variables", layoutGo("// words of the trade.\nvar words = map[string]time.Duration{\"a\": 1}"), nil},
		{"a run of zeros", "variables", layoutGo("// zeros stand for a missing time.\nvar zeros [8]byte"), nil},
		{"a table made at its first use", "variables", layoutGo("// words of the trade.\nvar words = sync.OnceValue(load)"), nil},
		{"a variable of a test", "variables", map[string]string{"dedupe/a_test.go": "package dedupe\nvar update = flag.Bool(\"update\", false, \"\")\n"}, nil},
	}
}

func layoutTableCases() []layoutCase {
	table := "// words of the trade.\nvar words = map[string]int{\"a\": 1}\n\n"
	elsewhere := layoutGo(table)
	elsewhere["dedupe/b_test.go"] = "package dedupe\n\nfunc f() { words = nil }\n"
	return []layoutCase{
		{"a table replaced by a test", "variables", elsewhere, []string{"dedupe/b_test.go:3: writes to the package variable words"}},
		{"a table written to", "variables", layoutGo(table + "func f() { words[\"b\"] = 2 }"), []string{"dedupe/a.go:7: writes to the package variable words"}},
		{"a table counted up", "variables", layoutGo(table + "func f() { words[\"b\"]++ }"), []string{"writes to the package variable words"}},
		{"a table emptied", "variables", layoutGo(table + "func f() { delete(words, \"a\") }"), []string{"writes to the package variable words"}},
		{"a local of the same name", "variables", layoutGo(table + "func f(words map[string]int) { words[\"b\"] = 2 }\n\nfunc g() { words := 1; words = 2 }"), nil},
		{"a table read", "variables", layoutGo(table + "func f() int { return words[\"a\"] }"), nil},
	}
}

func layoutCallCases() []layoutCase {
	inTest := func(body string) map[string]string {
		return map[string]string{"dedupe/a_test.go": "package dedupe\n\nfunc f() {\n\t" + body + "\n}\n"}
	}
	errorf := func(args string) map[string]string {
		return layoutGo("func f() error {\n\treturn fmt.Errorf(" + args + ")\n}")
	}
	return []layoutCase{
		{"a sleep", "sleeps", inTest(layoutSleepCall + "(1)"), []string{"dedupe/a_test.go:4: " + layoutSleepCall + " in a test"}},
		{"a sleep handed on", "sleeps", inTest("wait(" + layoutSleepCall + ")"), []string{layoutSleepCall + " in a test"}},
		{"a timer in a bubble", "sleeps", inTest("<-time.After(1)"), nil},
		{"a sleep of the program", "sleeps", layoutGo("func f() { " + layoutSleepCall + "(1) }"), nil},
		{"an error by value", "wrapping", errorf(`"x: %v", err`), []string{`dedupe/a.go:5: fmt.Errorf gets err but has no %w in "x: %v"`}},
		{"a named error", "wrapping", errorf(`"x %d: %s", 3, closeErr`), []string{"gets closeErr"}},
		{"a field", "wrapping", errorf(`"x: "+"%s", m.Err`), []string{"gets Err"}},
		{"the text of an error", "wrapping", errorf(`"x: %s", err.Error()`), []string{"gets Error"}},
		{"a wrapped error", "wrapping", errorf(`"%w: %v", ErrX, err`), nil},
		{"no error at all", "wrapping", errorf(`"x: %d", n`), nil},
		{"a test's own Errorf", "wrapping", inTest(`t.Errorf("x: %v", err)`), nil},
	}
}

func layoutDocCases() []layoutCase {
	twice := layoutGo("")
	twice["dedupe/b.go"] = "// Package dedupe again.\npackage dedupe\n"
	return []layoutCase{
		{"no package comment", "packages", map[string]string{"dedupe/a.go": "package dedupe\n"}, []string{"dedupe/a.go:1: package dedupe has no doc comment"}},
		{"two package comments", "packages", twice, []string{"dedupe/b.go:1: package dedupe has a second doc comment"}},
		{"a comment about something else", "packages", map[string]string{"dedupe/a.go": "// Licence.\npackage dedupe\n"}, []string{"does not start with Package dedupe"}},
		{"one package comment", "packages", layoutGo(""), nil},
		{"a command", "packages", map[string]string{"cmd/postback/a.go": "// Command postback collects.\npackage main\n"}, nil},
		{"only tests", "packages", map[string]string{"dedupe/a_test.go": "package dedupe\n"}, nil},
		{"a function", "docs", layoutGo("func F() {}"), []string{"dedupe/a.go:4: func F has no comment"}},
		{"a function of another name", "docs", layoutGo("// Foo does.\nfunc F() {}"), []string{"func F has no comment that starts with its name"}},
		{"a method", "docs", layoutGo("// T is t.\ntype T[K any] struct{}\n\nfunc (t *T[K]) M() {}"), []string{"func M has no comment"}},
		{"a type", "docs", layoutGo("type T struct{}"), []string{"type T has no comment"}},
		{"a constant alone", "docs", layoutGo("const C = 1"), []string{"C has no comment that starts with its name"}},
		{"a group of constants", "docs", layoutGo("const (\n\tA = 1\n\tB = 2 // two\n)"), []string{"A has no comment, nor has its group"}},
		{"a field of Config", "docs", layoutGo("// Config of it.\ntype Config struct {\n\tA int // one\n\tB int\n\tc int\n}"), []string{"dedupe/a.go:7: field B of Config has no comment"}},
		{"all documented", "docs", layoutGo("// A T is t.\ntype T struct{ F int }\n\n// M is m.\nfunc (T) M() {}\n\n// Kinds of it.\nconst (\n\tA = 1\n\tB = 2\n)"), nil},
		{"what cannot be seen from outside", "docs", layoutGo("type t struct{}\n\nfunc (t) M() {}\n\nfunc f() {}"), nil},
	}
}

func layoutCommentCases() []layoutCase {
	todo, note := "TO"+"DO", "X"+"XX"
	return []layoutCase{
		{"bare", "nolint", layoutGo("var _ = 1 //nolint"), []string{"dedupe/a.go:4: //nolint"}},
		{"without a reason", "nolint", layoutGo("var _ = 1 //nolint:gosec"), []string{"//nolint:gosec"}},
		{"without a linter", "nolint", layoutGo("var _ = 1 // nolint // because"), []string{"// nolint"}},
		{"with both", "nolint", layoutGo("var _ = 1 //nolint:gosec,errcheck // the port is fixed"), nil},
		{"a note in Go", "leftovers", layoutGo("// " + todo + " later"), []string{"dedupe/a.go:4: note of unfinished work: " + todo}},
		{"a note in a script", "leftovers", map[string]string{"deploy/test": "#!/bin/sh\n# " + todo + ": later\n"}, []string{"deploy/test:2: note of unfinished work: " + todo}},
		{"the third word as a note", "leftovers", layoutGo("// " + note + ": broken"), []string{"note of unfinished work: // " + note + ":"}},
		{"the third word as a currency", "leftovers", layoutGo("// " + note + " is no currency.\nvar _ = \"" + note + "\""), nil},
		{"a word that only looks alike", "leftovers", layoutGo("// mas" + strings.ToLower(todo) + "n"), nil},
	}
}

func layoutPathCases() []layoutCase {
	place, home, beside := "/wo"+"rk", "/ro"+"ot/go", "../sha"+"red/samples"
	return []layoutCase{
		{"the checkout of one machine", "paths", map[string]string{"deploy/a.md": "cd " + place + "/main\n"}, []string{"deploy/a.md:1: place of one machine"}},
		{"the same at the end of a line", "paths", map[string]string{"deploy/a.md": "in " + place + "\n"}, []string{"place of one machine"}},
		{"a home", "paths", map[string]string{"deploy/test": "\n" + home + "/bin/x\n"}, []string{"deploy/test:2: home of one machine"}},
		{"a home in the image", "paths", map[string]string{"Dockerfile": "COPY x " + home + "\n"}, nil},
		{"a folder beside", "paths", map[string]string{"schema/a.go": "package schema\n\n// " + beside + "\n"}, []string{"schema/a.go:3: folder beside the checkout"}},
		{"a folder beside, in a test", "paths", map[string]string{"schema/a_test.go": "package schema\n\n// " + beside + "\n", ".ci/run": "ls " + beside + "\n"}, nil},
		{"words that only look alike", "paths", map[string]string{"README.md": ".github" + place + "flows, frame" + place[1:] + ", https://x.example" + place + "/a\n"}, nil},
		{"binary files and sums", "paths", map[string]string{"go.sum": place + "/x", "bench/a.bin": "\x00" + place + "/x"}, nil},
	}
}
