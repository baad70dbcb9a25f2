package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
)

// A document is a JSON file read strictly: every value knows its line, so that a
// problem can be reported where it stands.

type value struct {
	line    int
	token   json.Token // string, json.Number, bool, nil or a json.Delim
	members []member   // of an object, in file order
	items   []value    // of an array
}

type member struct {
	name  string
	value value
}

// decoder reads one file into values.
type decoder struct {
	data []byte
	dec  *json.Decoder
}

// parseDocument reads data as one JSON value with nothing behind it.
func parseDocument(data []byte) (value, error) {
	d := decoder{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	d.dec.UseNumber()
	v, err := d.value()
	if err != nil {
		return value{}, fmt.Errorf("line %d: not valid JSON: %w", d.line(), err)
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return value{}, fmt.Errorf("line %d: text after the closing brace; a preset file holds one object", d.line())
	}
	return v, nil
}

func (d *decoder) line() int {
	at := min(int(d.dec.InputOffset()), len(d.data))
	return 1 + bytes.Count(d.data[:at], []byte{'\n'})
}

func (d *decoder) value() (value, error) {
	token, err := d.dec.Token()
	if err != nil {
		return value{}, fmt.Errorf("reading a value: %w", err)
	}
	v := value{line: d.line(), token: token}
	switch token {
	case json.Delim('{'):
		err = d.object(&v)
	case json.Delim('['):
		for err == nil && d.dec.More() {
			var item value
			item, err = d.value()
			v.items = append(v.items, item)
		}
	default:
		return v, nil
	}
	if err != nil {
		return value{}, err
	}
	if _, err = d.dec.Token(); err != nil {
		return value{}, fmt.Errorf("reading a closing bracket: %w", err)
	}
	return v, nil
}

func (d *decoder) object(v *value) error {
	for d.dec.More() {
		token, err := d.dec.Token()
		if err != nil {
			return fmt.Errorf("reading a key: %w", err)
		}
		name, _ := token.(string)
		line := d.line()
		content, err := d.value()
		if err != nil {
			return err
		}
		content.line = line
		v.members = append(v.members, member{name: name, value: content})
	}
	return nil
}

// problems collects what is wrong with one file.
type problems struct {
	file string
	list []error
}

func (p *problems) add(line int, key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.list = append(p.list, fmt.Errorf("%s:%d: %s: %s", p.file, line, key, text)) //nolint:err113 // read by people, not compared
}

func (p *problems) err() error { return errors.Join(p.list...) }

// keys says what to do with each key of an object.
type keys map[string]func(key string, v value)

// object hands every member of v to its function and reports unknown and
// repeated keys. prefix is the path of v, with a dot at its end.
func (p *problems) object(prefix string, v value, known keys) {
	if v.token != json.Delim('{') {
		p.add(v.line, strings.TrimSuffix(prefix, "."), "want an object")
		return
	}
	seen := map[string]bool{}
	for _, m := range v.members {
		read, ok := known[m.name]
		switch {
		case !ok:
			p.add(m.value.line, prefix+m.name, "unknown key%s", didYouMean(m.name, known.names()))
		case seen[m.name]:
			p.add(m.value.line, prefix+m.name, "given twice; remove one")
		default:
			read(prefix+m.name, m.value)
		}
		seen[m.name] = true
	}
}

func (k keys) names() []string {
	names := make([]string, 0, len(k))
	for name := range k {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (p *problems) text(into *string) func(string, value) {
	return func(key string, v value) {
		s, ok := v.token.(string)
		if !ok {
			p.add(v.line, key, "want a text in quotes")
			return
		}
		*into = s
	}
}

func (p *problems) flag(into *bool) func(string, value) {
	return func(key string, v value) {
		b, ok := v.token.(bool)
		if !ok {
			p.add(v.line, key, "want true or false")
			return
		}
		*into = b
	}
}

func (p *problems) number(into *int, low, high int64) func(string, value) {
	return func(key string, v value) {
		n, ok := v.token.(json.Number)
		i, err := n.Int64()
		if !ok || err != nil || i < low || i > high {
			p.add(v.line, key, "want a whole number from %d to %d", low, high)
			return
		}
		*into = int(i)
	}
}

func (p *problems) texts(into *[]string) func(string, value) {
	return func(key string, v value) {
		if v.token != json.Delim('[') {
			p.add(v.line, key, "want a list of texts, such as [\"a\", \"b\"]")
			return
		}
		for _, item := range v.items {
			var s string
			p.text(&s)(key, item)
			if s == "" {
				p.add(item.line, key, "a text of the list is empty")
			}
			*into = append(*into, s)
		}
	}
}

// word reads a text that must be one of words.
func (p *problems) word(into *string, words ...string) func(string, value) {
	return func(key string, v value) {
		s, ok := v.token.(string)
		for _, w := range words {
			if ok && s == w {
				*into = s
				return
			}
		}
		p.add(v.line, key, "want one of %s%s", strings.Join(words, ", "), didYouMean(s, words))
	}
}

// dictionary reads an object whose keys are the preset's own words.
func (p *problems) dictionary(each func(key, name string, v value)) func(string, value) {
	return func(key string, v value) {
		if v.token != json.Delim('{') {
			p.add(v.line, key, "want an object")
			return
		}
		seen := map[string]bool{}
		for _, m := range v.members {
			if folded := foldName(m.name); seen[folded] {
				p.add(m.value.line, key+"."+m.name, "given twice; remove one")
			} else {
				seen[folded] = true
				each(key+"."+m.name, m.name, m.value)
			}
		}
	}
}

// byField reads an object whose keys are canonical field names.
func (p *problems) byField(each func(f Field) func(string, value)) func(string, value) {
	return p.dictionary(func(key, name string, v value) {
		f, ok := FieldOf(name)
		if !ok {
			p.add(v.line, key, "unknown field%s", didYouMean(name, fieldNames[1:]))
			return
		}
		each(f)(key, v)
	})
}
