package schema

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

//go:embed event.schema.json
var eventSchema []byte

// JSONSchema returns the JSON Schema (draft 2020-12) of the event, as kept in
// event.schema.json. A test holds that file equal to what Fields generates.
func JSONSchema() []byte { return bytes.Clone(eventSchema) }

type property struct {
	name string
	spec map[string]any
}

// GenerateJSONSchema builds the JSON Schema from Fields.
func GenerateJSONSchema() ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteString("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"postback event\",\n  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"required\": ")
	var required []string
	var properties []property
	for _, f := range Fields() {
		if f.Core {
			required = append(required, f.Name)
		}
		properties = append(properties, property{f.Name, f.jsonSchema()})
	}
	list, err := json.Marshal(required)
	if err != nil {
		return nil, err
	}
	buf.Write(list)
	buf.WriteString(",\n  \"properties\": {")
	for i, p := range properties {
		if i > 0 {
			buf.WriteByte(',')
		}
		spec, err := json.Marshal(p.spec)
		if err != nil {
			return nil, err
		}
		buf.WriteString("\n    \"" + p.name + "\": ")
		buf.Write(spec)
	}
	buf.WriteString("\n  }\n}\n")
	return buf.Bytes(), nil
}

func (f Field) jsonSchema() map[string]any {
	spec := map[string]any{"description": f.Doc}
	kind := "string"
	switch f.Type {
	case TypeInt:
		kind = "integer"
	case TypeBool:
		kind = "boolean"
	case TypeDecimal:
		spec["pattern"] = `^-?[0-9]{1,12}(\.[0-9]{1,6})?$`
	case TypeTime:
		spec["pattern"] = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`
	case TypeUUID:
		spec["pattern"] = `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`
	default:
		spec["minLength"] = 1
	}
	if f.NotNull {
		spec["type"] = kind
	} else {
		spec["type"] = []string{kind, "null"}
	}
	if len(f.Words) > 0 {
		words := make([]any, 0, len(f.Words)+1)
		for _, w := range f.Words {
			words = append(words, w)
		}
		if !f.NotNull {
			words = append(words, nil)
		}
		delete(spec, "minLength")
		spec["enum"] = words
	}
	return spec
}
