package main

import (
	"bytes"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// redacted stands for a secret in what is printed.
const redacted = "***"

// effectiveYAML writes a configuration as a file that gives the same, but for
// its secrets.
func effectiveYAML(c *config) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(structNode(reflect.ValueOf(c).Elem())); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return out.Bytes(), nil
}

func structNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("yaml")
		if name == "" || v.Field(i).Kind() == reflect.Pointer && v.Field(i).IsNil() {
			continue
		}
		n.Content = append(n.Content, textNode(name), fieldNode(field, v))
	}
	return n
}

// fieldNode writes one field of the struct v. A secret that came from a file
// is left out: the file is named beside it.
func fieldNode(field reflect.StructField, v reflect.Value) *yaml.Node {
	value := v.FieldByIndex(field.Index)
	secret := field.Tag.Get("secret")
	if secret != "" {
		if file := v.FieldByName(field.Name + "File"); file.IsValid() && file.String() != "" {
			return textNode("")
		}
	}
	text, scalar := scalarText(value)
	switch {
	case secret == "url":
		return textNode(redactURL(text))
	case secret != "" && (value.Len() > 0):
		return textNode(redacted)
	case secret != "":
		return textNode("")
	case scalar && (value.Kind() == reflect.String):
		return textNode(text)
	case scalar:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	case value.Kind() == reflect.Struct:
		return structNode(value)
	case value.Kind() == reflect.Map:
		return mapNode(value)
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range value.Len() {
		if item := value.Index(i); item.Kind() == reflect.Struct {
			n.Content = append(n.Content, structNode(item))
		} else {
			n.Content = append(n.Content, textNode(item.String()))
		}
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

func mapNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	var names []string
	for _, key := range v.MapKeys() {
		names = append(names, key.String())
	}
	slices.Sort(names)
	for _, name := range names {
		n.Content = append(n.Content, textNode(name), textNode(v.MapIndex(reflect.ValueOf(name)).String()))
	}
	if len(names) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

// textNode is a string, quoted where YAML would read something else.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(strings.ReplaceAll(text, "${", "$${"))
	if text == "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// redactURL hides the password of every URL in a list with commas.
func redactURL(text string) string {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		u, err := url.Parse(part)
		if err != nil {
			parts[i] = redacted
			continue
		}
		if _, ok := u.User.Password(); ok {
			u.User = url.UserPassword(u.User.Username(), redacted)
			parts[i] = strings.Replace(u.String(), url.QueryEscape(redacted), redacted, 1)
		}
	}
	return strings.Join(parts, ",")
}
