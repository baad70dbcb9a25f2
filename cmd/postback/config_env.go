package main

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expand fills in the environment variables of a value: ${NAME} must be set,
// ${NAME:-text} need not be, $${ is a plain ${.
func (r *fileReader) expand(n *yaml.Node, path string) (string, bool) {
	rest, ok := n.Value, true
	var out strings.Builder
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String(), ok
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString("{")
			rest = after
			continue
		}
		expression, behind, closed := strings.Cut(after, "}")
		if !closed {
			r.addAt(n, path, "%s: ${ without }; write $${ for a plain ${", path)
			return "", false
		}
		name, otherwise, hasDefault := strings.Cut(expression, ":-")
		value, set := r.getenv(name)
		switch {
		case set && (value != "" || !hasDefault):
			out.WriteString(value)
		case hasDefault:
			out.WriteString(otherwise)
		default:
			r.addAt(n, path, "%s: the environment has no %s; set it, or write ${%s:-default}", path, name, name)
			ok = false
		}
		rest = behind
	}
}

// envName is the environment variable of a key: kafka.topic is
// POSTBACK_KAFKA_TOPIC.
func envName(path string) string {
	return "POSTBACK_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// override puts values of the environment over those of the file, for every
// key outside the lists of properties.
func (p *problems) override(c *config, getenv func(string) (string, bool)) {
	eachKey(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) {
		if strings.Contains(path, "[") {
			return
		}
		if text, ok := getenv(envName(path)); ok {
			p.set(v, path, envName(path), text)
		}
	})
}

// set stores the text of an environment variable or flag.
func (p *problems) set(v reflect.Value, path, origin, text string) {
	switch {
	case v.Kind() == reflect.Struct, v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		return
	case v.Kind() == reflect.Slice:
		v.Set(reflect.ValueOf(splitList(text)).Convert(v.Type()))
	case text == "" && v.Kind() != reflect.String:
		return
	default:
		if err := setScalar(v, text); err != nil {
			p.list = append(p.list, problem{place: place{origin: origin}, path: path, text: path + ": " + quote(text) + ": " + err.Error()})
			return
		}
	}
	p.at[path] = place{origin: origin}
}

func quote(text string) string { return `"` + text + `"` }
