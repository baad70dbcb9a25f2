package params

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"
)

// ErrBody is returned for a body that is none of the formats read here.
var ErrBody = errors.New("params: body is neither a form nor one JSON object")

// ErrBatch is wrapped by the errors of SplitBatch about a body that begins as a
// batch and is none.
var ErrBatch = errors.New("params: body is not a batch of JSON objects")

// ErrBatchSize is wrapped when a batch has more items than allowed.
var ErrBatchSize = errors.New("params: too many items in the batch")

// Body reads a body by its content type, and by its content where the type is
// absent or wrong, as it often is: a body that begins with '{' and parses is JSON
// under any type but multipart, and a body under a JSON type that does not begin
// like JSON and contains '=' is a form. An empty body is no parameters. An error
// wraps ErrBody, ErrJSON or ErrMultipart, and leaves the list as it was.
func (l *List) Body(contentType string, body []byte, known Known) error {
	trimmed := trimBody(body)
	if len(trimmed) == 0 {
		return nil
	}
	media := mediaType(contentType)
	if strings.EqualFold(media, "multipart/form-data") && bytes.HasPrefix(trimmed, bytesOf("--")) {
		_, attributes, err := mime.ParseMediaType(contentType)
		if err != nil {
			return fmt.Errorf("%w: content type: %w", ErrMultipart, err)
		}
		return l.Multipart(body, attributes["boundary"], known)
	}
	switch trimmed[0] {
	case '{', '[':
		return l.JSON(trimmed)
	case '<', '"':
		return ErrBody
	}
	if bytes.IndexByte(trimmed, '=') < 0 && !strings.EqualFold(media, "application/x-www-form-urlencoded") {
		return ErrBody
	}
	l.pairs(trimmed, Form, known)
	return nil
}

// mediaType returns the part of a content type before its attributes.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(media)
}

// SplitBatch recognises a body that carries several conversions: a JSON array of
// objects, NDJSON by its type (one item a line), or several objects one after
// another. isBatch is false for anything else, which Body then reads. The items
// alias body, in order; whether each is valid is for JSON to say, so that one
// broken item does not spoil the others. More than limit items is ErrBatchSize, a
// body that cannot be divided into items ErrBatch.
func SplitBatch(contentType string, body []byte, limit int) (items [][]byte, isBatch bool, err error) {
	media := mediaType(contentType)
	body = trimBody(body)
	switch {
	case strings.EqualFold(media, "multipart/form-data") || len(body) == 0:
		return nil, false, nil
	case body[0] == '[':
		items, err = splitArray(body, limit)
		return items, true, err
	}
	end := objectEnd(body)
	if isLines(media) && end != len(body) {
		items, err = splitLines(body, limit)
		return items, true, err
	}
	if isLines(media) {
		return [][]byte{body}, true, nil
	}
	if end < 0 || len(trimSpace(body[end:])) == 0 || trimSpace(body[end:])[0] != '{' {
		return nil, false, nil
	}
	items, err = splitObjects(body, limit)
	return items, true, err
}

// isLines reports whether a media type means one JSON text a line.
func isLines(media string) bool {
	for _, m := range [...]string{"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"} {
		if strings.EqualFold(media, m) {
			return true
		}
	}
	return false
}

func splitLines(body []byte, limit int) (items [][]byte, err error) {
	for line := range bytes.SplitSeq(body, bytesOf("\n")) {
		if line = trimSpace(line); len(line) == 0 {
			continue
		}
		if len(items) == limit {
			return nil, fmt.Errorf("%w: more than %d", ErrBatchSize, limit)
		}
		items = append(items, line)
	}
	return items, nil
}

func splitObjects(body []byte, limit int) (items [][]byte, err error) {
	for rest := body; len(rest) > 0; {
		end := objectEnd(rest)
		if end < 0 {
			return nil, fmt.Errorf("%w: item %d is no object", ErrBatch, len(items)+1)
		}
		if len(items) == limit {
			return nil, fmt.Errorf("%w: more than %d", ErrBatchSize, limit)
		}
		items = append(items, rest[:end:end])
		rest = trimSpace(rest[end:])
	}
	return items, nil
}

func splitArray(body []byte, limit int) (items [][]byte, err error) {
	rest := trimSpace(body[1:])
	if len(rest) == 1 && rest[0] == ']' {
		return nil, nil
	}
	for {
		end := objectEnd(rest)
		if end < 0 {
			return nil, fmt.Errorf("%w: item %d is no object", ErrBatch, len(items)+1)
		}
		if len(items) == limit {
			return nil, fmt.Errorf("%w: more than %d", ErrBatchSize, limit)
		}
		items = append(items, rest[:end:end])
		rest = trimSpace(rest[end:])
		switch {
		case len(rest) == 1 && rest[0] == ']':
			return items, nil
		case len(rest) == 0 || rest[0] != ',':
			return nil, fmt.Errorf("%w: expected ',' or ']' after item %d", ErrBatch, len(items))
		}
		rest = trimSpace(rest[1:])
	}
}

// objectEnd returns the index after the object that starts at b[0], found by
// counting brackets outside strings, or -1.
func objectEnd(b []byte) int {
	if len(b) == 0 || b[0] != '{' {
		return -1
	}
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
