package main

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema/network"
)

// rawRequest is a request as a person gave it.
type rawRequest struct {
	method, target, contentType string
	headers                     [][2]string
	body                        []byte
}

// requestOfText reads a URL, a path with a query, or a query alone. Nothing is
// decoded: damage is part of what is tried.
func requestOfText(text string) *rawRequest {
	text = strings.TrimSpace(text)
	r := &rawRequest{method: "GET", target: text}
	path, _, query := strings.Cut(text, "?")
	scheme, _, absolute := strings.Cut(text, "://")
	switch {
	case strings.HasPrefix(text, "/"), absolute && !strings.ContainsAny(scheme, "=&?/"):
	case query && strings.ContainsRune(path, '/') && !strings.ContainsAny(path, "=&"):
	default:
		r.target = "/?" + strings.TrimPrefix(text, "?")
	}
	return r
}

var errNoRequest = errors.New("standard input is empty: give a raw HTTP request, a JSON body or a form body")

// requestOfInput reads a raw HTTP request, or a body without one. Lines may end
// in LF, and what stands after the blank line is the body whatever a
// Content-Length says: requests get edited.
func requestOfInput(data []byte) (*rawRequest, error) {
	trimmed := bytes.TrimLeft(data, " \t\r\n\ufeff")
	if len(trimmed) == 0 {
		return nil, errNoRequest
	}
	first, rest, _ := bytes.Cut(trimmed, []byte("\n"))
	method, target, ok := requestLine(string(first))
	switch {
	case ok:
		return withHead(method, target, rest), nil
	case trimmed[0] == '{' || trimmed[0] == '[':
		return &rawRequest{method: "POST", target: "/", contentType: "application/json", body: trimmed}, nil
	case bytes.HasPrefix(trimmed, []byte("http://")), bytes.HasPrefix(trimmed, []byte("https://")), trimmed[0] == '?', trimmed[0] == '/':
		return requestOfText(string(bytes.TrimSpace(trimmed))), nil
	}
	return &rawRequest{
		method: "POST", target: "/", contentType: "application/x-www-form-urlencoded", body: bytes.TrimSpace(trimmed),
	}, nil
}

// requestLine reads METHOD TARGET HTTP/1.1; the version may be missing.
func requestLine(line string) (method, target string, ok bool) {
	words := strings.Fields(line)
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && !strings.HasPrefix(words[2], "HTTP/") {
		return "", "", false
	}
	switch words[0] {
	case "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS":
		return words[0], words[1], true
	}
	return "", "", false
}

func withHead(method, target string, rest []byte) *rawRequest {
	r := &rawRequest{method: method, target: target}
	for len(rest) > 0 {
		line, behind, more := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		rest = behind
		if len(line) == 0 {
			r.body = rest
			break
		}
		name, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		r.headers = append(r.headers, [2]string{name, value})
		if strings.EqualFold(name, "Content-Type") {
			r.contentType = value
		}
		if !more {
			break
		}
	}
	if r.contentType == "" || !strings.Contains(strings.ToLower(r.contentType), "multipart") {
		r.body = bytes.TrimRight(r.body, "\r\n")
	}
	return r
}

// path is the target without scheme, host and query.
func (r *rawRequest) path() string {
	path, _, _ := strings.Cut(r.target, "?")
	if _, behind, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(behind, "/")
		path = "/" + path
	}
	return path
}

// ingest is the request as the service takes it.
func (r *rawRequest) ingest(now time.Time) ingest.Request {
	_, query, _ := strings.Cut(r.target, "?")
	req := ingest.Request{
		Request: network.Request{
			Query: []byte(query), Body: r.body, ContentType: r.contentType, ReceivedMS: now.UnixMilli(),
		},
		Method: r.method, Target: r.target,
	}
	for _, h := range r.headers {
		switch strings.ToLower(h[0]) {
		case "x-api-key":
			req.Tokens = append(req.Tokens, h[1])
		case "authorization":
			if scheme, token, ok := strings.Cut(h[1], " "); ok && strings.EqualFold(scheme, "bearer") {
				req.Tokens = append(req.Tokens, strings.TrimSpace(token))
			}
		case "traceparent":
			req.Traceparent = h[1]
		}
	}
	return req
}
