package params

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrMultipart is wrapped by every error about a multipart body.
var ErrMultipart = errors.New("params: body is not multipart/form-data")

// Limits of a multipart body beyond those of its size.
const (
	// MaxParts is the number of parts accepted, files included.
	MaxParts = 1000
	// MaxPartHead is the size in bytes of the headers of one part.
	MaxPartHead = 4096
)

const crlf = "\r\n"

// Multipart reads a body of type multipart/form-data (RFC 7578) with the given
// boundary. Lines end in CRLF and the closing delimiter is required. Parts with a
// file name are counted in Files and left out; a part without a name, with a
// transfer encoding, or with more than MaxPartHead bytes of headers is an error,
// as are more than MaxParts parts. Values are not percent-decoded. After an error
// the list is as it was before the call. body must stay untouched until Reset.
func (l *List) Multipart(body []byte, boundary string, known Known) error {
	params, repairs, files, tooMany := len(l.Params), len(l.Repairs), l.Files, l.TooMany
	if err := l.parts(body, boundary, known); err != nil {
		clear(l.Params[params:])
		clear(l.Repairs[repairs:])
		l.Params, l.Repairs = l.Params[:params], l.Repairs[:repairs]
		l.Files, l.TooMany = files, tooMany
		return err
	}
	return nil
}

func (l *List) parts(body []byte, boundary string, known Known) error {
	if boundary == "" || len(boundary) > 70 { // RFC 2046, 5.1.1
		return fmt.Errorf("%w: boundary has %d bytes, allowed are 1 to 70", ErrMultipart, len(boundary))
	}
	delimiter := append(append(l.alloc(len(crlf) + 2 + len(boundary))[:0], crlf+"--"...), boundary...)
	rest, ok := bytes.CutPrefix(body, delimiter[len(crlf):])
	if !ok {
		_, rest, ok = bytes.Cut(body, delimiter)
	}
	if !ok {
		return fmt.Errorf("%w: the boundary does not occur", ErrMultipart)
	}
	for n := 1; ; n++ {
		if bytes.HasPrefix(rest, bytesOf("--")) {
			return nil
		}
		if n > MaxParts {
			return fmt.Errorf("%w: more than %d parts", ErrMultipart, MaxParts)
		}
		part, after, ok := bytes.Cut(rest, delimiter)
		if !ok {
			return fmt.Errorf("%w: part %d has no closing delimiter", ErrMultipart, n)
		}
		if err := l.part(part, known); err != nil {
			return fmt.Errorf("part %d: %w", n, err)
		}
		rest = after
	}
}

// part keeps one part. It begins where its delimiter ended, with optional
// padding and the line end.
func (l *List) part(part []byte, known Known) error {
	part = bytes.TrimLeft(part, " \t")
	if !bytes.HasPrefix(part, bytesOf(crlf)) {
		return fmt.Errorf("%w: no line end after the delimiter", ErrMultipart)
	}
	head, value, ok := bytes.Cut(part, bytesOf(crlf+crlf))
	if !ok {
		return fmt.Errorf("%w: no empty line after the headers", ErrMultipart)
	}
	if len(head) > MaxPartHead {
		return fmt.Errorf("%w: headers of %d bytes, allowed are %d", ErrMultipart, len(head), MaxPartHead)
	}
	name, file, err := l.partHead(head)
	if err != nil {
		return err
	}
	if file {
		l.Files++
		return nil
	}
	if len(name) > 0 {
		name = l.restoredName(bytesOf(l.withoutAmp(trim(view(name)))), known)
	}
	l.Add(name, value, Multipart)
	return nil
}

// partHead reads the headers of a part: its field name and whether it is a file.
func (l *List) partHead(head []byte) (name []byte, file bool, err error) {
	found := false
	for line := range bytes.SplitSeq(head, bytesOf(crlf)) {
		key, value, _ := bytes.Cut(line, bytesOf(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(key, bytesOf("Content-Disposition")):
			if name, found, file, err = l.disposition(value); err != nil {
				return nil, false, err
			}
		case bytes.EqualFold(key, bytesOf("Content-Transfer-Encoding")) && !identityEncoding(value):
			return nil, false, fmt.Errorf("%w: transfer encoding %q", ErrMultipart, value)
		}
	}
	if !found {
		return nil, false, fmt.Errorf("%w: no field name", ErrMultipart)
	}
	return name, file, nil
}

// identityEncoding reports whether a transfer encoding leaves the bytes alone.
func identityEncoding(value []byte) bool {
	for _, same := range [...]string{"7bit", "8bit", "binary"} {
		if bytes.EqualFold(value, bytesOf(same)) {
			return true
		}
	}
	return false
}

// disposition reads the value of a Content-Disposition header.
func (l *List) disposition(value []byte) (name []byte, found, file bool, err error) {
	kind, rest, _ := bytes.Cut(value, bytesOf(";"))
	if !bytes.EqualFold(bytes.TrimSpace(kind), bytesOf("form-data")) {
		return nil, false, false, fmt.Errorf("%w: disposition %q is not form-data", ErrMultipart, kind)
	}
	for len(rest) > 0 {
		var key, text []byte
		var ok bool
		if key, text, rest, ok = l.attribute(rest); !ok {
			return nil, false, false, fmt.Errorf("%w: broken Content-Disposition", ErrMultipart)
		}
		switch {
		case bytes.EqualFold(key, bytesOf("name")):
			name, found = text, true
		case bytes.EqualFold(key, bytesOf("filename")), bytes.EqualFold(key, bytesOf("filename*")):
			file = true
		}
	}
	return name, found, file, nil
}

// attribute reads one key=token or key="text" up to the ';' after it.
func (l *List) attribute(b []byte) (key, text, rest []byte, ok bool) {
	key, b, ok = bytes.Cut(b, bytesOf("="))
	if !ok {
		return nil, nil, nil, len(bytes.TrimSpace(key)) == 0
	}
	key = bytes.TrimSpace(key)
	if b = bytes.TrimLeft(b, " \t"); len(b) == 0 || b[0] != '"' {
		text, rest, _ = bytes.Cut(b, bytesOf(";"))
		return key, bytes.TrimSpace(text), rest, true
	}
	out := l.alloc(len(b))[:0]
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '"':
			rest = bytes.TrimLeft(b[i+1:], " \t")
			if len(rest) > 0 && rest[0] != ';' {
				return nil, nil, nil, false
			}
			return key, out, bytes.TrimPrefix(rest, bytesOf(";")), true
		case b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\'):
			i++
		}
		out = append(out, b[i])
	}
	return nil, nil, nil, false
}
