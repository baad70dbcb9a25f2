package ingest

import "bytes"

// fenceHeaders holds what fasthttp leaves open: it accepts bare line feeds,
// folded header lines and a Content-Length beside a Transfer-Encoding, each
// of which lets two HTTP parsers on the way read two different requests
// (RFC 9112, sections 2.2, 5.2 and 6.1). It returns what is wrong, or "".
func fenceHeaders(raw []byte) string {
	var length, encoding bool
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 0 {
			break
		}
		if end == 0 || raw[end-1] != '\r' {
			return "a header line ends without a carriage return"
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			return "a header line is folded"
		}
		length = length || hasName(line, "content-length")
		encoding = encoding || hasName(line, "transfer-encoding")
	}
	if length && encoding {
		return "Content-Length and Transfer-Encoding in one request"
	}
	return ""
}

func hasName(line []byte, lower string) bool {
	return len(line) > len(lower) && line[len(lower)] == ':' && equalFold(line[:len(lower)], lower)
}
