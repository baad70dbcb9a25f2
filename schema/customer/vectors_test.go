package customer

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is a row of a vector file: what a platform makes of an input. A nil
// Normalized means that the input is refused, a nil SHA256 that the form is
// sent unhashed.
type vector struct {
	Platform   string  `json:"platform"`
	Field      string  `json:"field"`
	Input      string  `json:"input"`
	Country    string  `json:"country"`
	Normalized *string `json:"normalized"`
	SHA256     *string `json:"sha256"`
	Note       string  `json:"note"`
}

// refused says that the row must give no form. Rows whose note asks not to copy
// them show what a library does and nobody should.
func (v vector) refused() bool {
	return v.Normalized == nil || strings.Contains(v.Note, "do not copy")
}

// options returns what the row's note says was given beside the input.
func (v vector) options() Options {
	if strings.HasPrefix(v.Note, "country code 49 given separately") {
		return Options{Country: "DE"}
	}
	return Options{Country: v.Country}
}

func (v vector) check(t *testing.T) {
	t.Helper()
	got, err := Normalize(v.Platform, v.Field, v.Input, v.options())
	if v.refused() {
		if err == nil {
			t.Errorf("%s %s %q = %q, want it refused", v.Platform, v.Field, v.Input, got.Normalized)
		}
		return
	}
	if err != nil {
		t.Errorf("%s %s %q: %v, want %q", v.Platform, v.Field, v.Input, err, *v.Normalized)
		return
	}
	if got.Normalized != *v.Normalized {
		t.Errorf("%s %s %q = %q, want %q", v.Platform, v.Field, v.Input, got.Normalized, *v.Normalized)
	}
	want := ""
	if v.SHA256 != nil {
		want = *v.SHA256
	}
	if got.SHA256 != want {
		t.Errorf("%s %s %q: hash %q, want %q", v.Platform, v.Field, v.Input, got.SHA256, want)
	}
}

func readVectors(t *testing.T, path string) []vector {
	t.Helper()
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		t.Skipf("optional: no vendor vectors at %s; the package's own in testdata are still tested", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var all []vector
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s, row %d: %v", path, len(all)+1, err)
		}
		all = append(all, v)
	}
	return all
}

func TestEveryVendorVectorMatches(t *testing.T) {
	rows := readVectors(t, "../../../shared/samples/hash_vectors.jsonl")
	if len(rows) != 223 {
		t.Errorf("%d rows, want 223", len(rows))
	}
	for _, v := range rows {
		v.check(t)
	}
}
