package ingest

import (
	"bytes"
	"net/url"
	"strings"
)

// action is what a path of the collect listener asks for.
type action uint8

const (
	actionNone action = iota
	actionCollect
	actionValidate
)

// route is a parsed request path: /{property}/collect/{network}, the same
// with .gif, or /{property}/validate/{network}.
type route struct {
	property, network string
	action            action
	pixel             bool
}

// parseRoute reads the path of a request target, up to its first question
// mark. A trailing slash and another case of the word in the middle are the
// same URL: a redirect would lose postbacks, for senders repeat them as GET or
// not at all. The strings alias path.
func parseRoute(path []byte) (route, bool) {
	path = bytes.TrimPrefix(path, []byte("/"))
	path = bytes.TrimSuffix(path, []byte("/"))
	property, rest, ok := bytes.Cut(path, []byte("/"))
	if !ok || len(property) == 0 {
		return route{}, false
	}
	word, network, ok := bytes.Cut(rest, []byte("/"))
	if !ok || len(network) == 0 || bytes.IndexByte(network, '/') >= 0 {
		return route{}, false
	}
	r := route{property: segment(property)}
	switch {
	case equalFold(word, "collect"):
		r.action = actionCollect
		if n := len(network) - len(".gif"); n > 0 && equalFold(network[n:], ".gif") {
			network, r.pixel = network[:n], true
		}
	case equalFold(word, "validate"):
		r.action = actionValidate
	default:
		return route{}, false
	}
	r.network = segment(network)
	return r, true
}

// segment undoes percent-encoding where there is any.
func segment(b []byte) string {
	s := text(b)
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// splitTarget cuts a raw request target at its first question mark. Absolute
// targets (RFC 9112, section 3.2.2) lose scheme and authority.
func splitTarget(target []byte) (path, query []byte) {
	if len(target) > 0 && target[0] != '/' {
		if i := bytes.Index(target, []byte("://")); i >= 0 {
			target = target[i+3:]
			slash := bytes.IndexAny(target, "/?")
			if slash < 0 {
				return []byte("/"), nil
			}
			target = target[slash:]
		}
	}
	path, query, _ = bytes.Cut(target, []byte("?"))
	return path, query
}
