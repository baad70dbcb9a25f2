package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileReader reads a YAML document into a config by its tags. Unlike the YAML
// package's own decoder it goes on after a mistake, knows where each one is,
// and what was probably meant.
type fileReader struct {
	*problems
	getenv func(string) (string, bool)
}

// maxAliases bounds how deep an alias may lead to another one.
const maxAliases = 16

// yamlLine finds the line in the YAML package's errors.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// read decodes data over what target holds.
func (r *fileReader) read(data []byte, target *config) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return
	case err != nil:
		r.syntax(err)
		return
	}
	if err := decoder.Decode(&second); err == nil {
		r.addAt(&second, "", "a second document begins here: a configuration is one document")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
	}
	if len(document.Content) == 1 {
		r.value(document.Content[0], reflect.ValueOf(target).Elem(), "", 0)
	}
}

func (r *fileReader) syntax(err error) {
	text := err.Error()
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		text = text[len(m[0]):]
		if m[1] != "" && strings.HasPrefix(text, "did not find expected") {
			line++ // the parser counts lines from 0 and, unlike the scanner, does not say so
		}
	}
	r.addAt(&yaml.Node{Line: line, Column: 1}, "", "this is no YAML: %s", text)
}

// value decodes a node into a field of whatever kind.
func (r *fileReader) value(n *yaml.Node, v reflect.Value, path string, aliases int) {
	for n.Kind == yaml.AliasNode && aliases < maxAliases {
		n, aliases = n.Alias, aliases+1
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	switch {
	case v.Kind() == reflect.Struct:
		r.structure(n, v, path, aliases)
	case v.Kind() == reflect.Map:
		r.table(n, v, path)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		r.list(n, v, path, aliases)
	case v.Kind() == reflect.Slice:
		r.texts(n, v, path)
	case n.Kind != yaml.ScalarNode:
		r.addAt(n, path, "%s: %s where a single value is expected", path, kindWord(n))
	default:
		text, ok := r.expand(n, path)
		if !ok {
			return
		}
		if err := setScalar(v, text); err != nil {
			r.addAt(n, path, "%s: %q: %s", path, text, err)
		}
	}
}

func (r *fileReader) structure(n *yaml.Node, v reflect.Value, path string, aliases int) {
	if n.Kind != yaml.MappingNode {
		r.addAt(n, path, "%s: %s where keys are expected: %s", orWord(path, "the document"), kindWord(n), strings.Join(keysOf(v.Type()), ", "))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first, twice := seen[key.Value]; twice {
			r.addAt(key, join(path, key.Value), "%s: this key stands in line %d already", join(path, key.Value), first)
			continue
		}
		seen[key.Value] = key.Line
		field, ok := fieldOf(v, key.Value)
		if !ok {
			r.unknown(key, v, path)
			continue
		}
		at := place{line: value.Line, column: value.Column}
		if value.Kind != yaml.ScalarNode || value.Value == "" {
			at = place{line: key.Line, column: key.Column}
		}
		r.at[join(path, key.Value)] = at
		r.value(value, field, join(path, key.Value), aliases)
	}
}

func (r *fileReader) unknown(key *yaml.Node, v reflect.Value, path string) {
	keys := keysOf(v.Type())
	where := ""
	if path != "" {
		where = " in " + path
	}
	hint := didYouMean(key.Value, keys)
	if hint == "" {
		hint = "; known are " + strings.Join(keys, ", ")
	}
	r.addAt(key, join(path, key.Value), "unknown key %q%s%s", key.Value, where, hint)
}

func (r *fileReader) list(n *yaml.Node, v reflect.Value, path string, aliases int) {
	if n.Kind != yaml.SequenceNode {
		r.addAt(n, path, "%s: %s where a list is expected", path, kindWord(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if d, ok := v.Index(i).Addr().Interface().(interface{ setDefaults() }); ok {
			d.setDefaults()
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		r.at[at] = place{line: item.Line, column: item.Column}
		r.value(item, v.Index(i), at, aliases)
	}
}

// texts reads a list of words, or one value with commas between them.
func (r *fileReader) texts(n *yaml.Node, v reflect.Value, path string) {
	var words []string
	switch n.Kind {
	case yaml.ScalarNode:
		if text, ok := r.expand(n, path); ok {
			words = splitList(text)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			if item.Kind != yaml.ScalarNode {
				r.addAt(item, path, "%s[%d]: %s where a word is expected", path, i, kindWord(item))
				continue
			}
			r.at[fmt.Sprintf("%s[%d]", path, i)] = place{line: item.Line, column: item.Column}
			if text, ok := r.expand(item, path); ok {
				words = append(words, text)
			}
		}
	default:
		r.addAt(n, path, "%s: %s where a list is expected", path, kindWord(n))
		return
	}
	v.Set(reflect.ValueOf(words).Convert(v.Type()))
}

// table reads keys that the operator chooses, with a single value each.
func (r *fileReader) table(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		r.addAt(n, path, "%s: %s where keys with values are expected", path, kindWord(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if value.Kind != yaml.ScalarNode {
			r.addAt(value, at, "%s: %s where a single value is expected", at, kindWord(value))
			continue
		}
		if v.MapIndex(reflect.ValueOf(key.Value)).IsValid() {
			r.addAt(key, at, "%s: this key is there already", at)
			continue
		}
		r.at[at] = place{line: value.Line, column: value.Column}
		if text, ok := r.expand(value, at); ok {
			v.SetMapIndex(reflect.ValueOf(key.Value), reflect.ValueOf(decimal(text)))
		}
	}
}

// fieldOf finds the field of a struct that a key names.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name == key && name != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keysOf lists the keys of a struct in their order.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

func kindWord(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "there are keys"
	case yaml.SequenceNode:
		return "there is a list"
	}
	return fmt.Sprintf("there is %q", n.Value)
}

func orWord(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// splitList cuts a value at its commas, without blanks and empty words.
func splitList(text string) []string {
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
