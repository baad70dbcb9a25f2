package ingest_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestNothingASenderSendsIsLostOrBreaksUs sends what no reader wants to see and
// holds each to its documented end.
func TestNothingASenderSendsIsLostOrBreaksUs(t *testing.T) {
	sv := start(t)
	many := strings.Builder{}
	many.WriteString("click_id=c1&transaction_id=M1&commission=1")
	for i := range 10_000 {
		fmt.Fprintf(&many, "&p%d=", i)
	}
	const form, js = "application/x-www-form-urlencoded", "application/json"
	expect(t, sv.post(demo, form, many.String()[:60<<10]), 200, "accepted", "")
	expect(t, sv.post(demo, js, `{"click_id":"c1","commission":1,}`), 200, "quarantined", "invalid_body")
	expect(t, sv.post(demo+"click_id=c1&transaction_id=B1&commission=1", js, `{"broken`), 200, "accepted", "")
	expect(t, sv.post(demo, js, strings.Repeat("[", 100_000)), 200, "quarantined", "invalid_body")
	expect(t, sv.post(demo, js, `{"a":`+strings.Repeat(`{"a":`, 500)+"1"+strings.Repeat("}", 501)), 200, "quarantined", "invalid_body")
	expect(t, sv.get(demo+"click_id=%zz&transaction_id=%4&commission=%payout%"), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id=%00abc%0d%0a&transaction_id=N1&commission=1"), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id=%ff%fe&transaction_id=N2&commission=1"), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id={click_id}&commission={commission}¤cy={currency}&transaction_id={transaction_id}"), 200, "quarantined", "unresolved_macro")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=N3&commission=NaN"), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id="+strings.Repeat("c", 1025)+"&commission=1"), 200, "quarantined", "too_long")
	expect(t, sv.post(demo, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"click_id\"\r\n\r\nc1\r\n--x\r\nContent-Disposition: form-data; name=\"transaction_id\"\r\n\r\nMP1\r\n--x--\r\n"), 200, "accepted", "")
	expect(t, sv.post(demo, "multipart/form-data; boundary=x", "--y\r\nnonsense"), 200, "quarantined", "invalid_body")
	for _, r := range append(sv.main(), sv.failed()...) {
		if strings.ContainsRune(r.text, 0) || strings.Contains(r.text, "\uFFFD") {
			t.Errorf("a record holds a NUL or a replacement character: %.200s", r.text)
		}
	}
	if failed := sv.failed(); failed[0].value["body"] != `{"click_id":"c1","commission":1,}` {
		t.Errorf("the raw body is not kept: %v", failed[0].value)
	}
}

func TestRequestsThatTwoParsersReadDifferentlyAreRefused(t *testing.T) {
	sv := start(t)
	f := func(request string, status int) {
		t.Helper()
		if a := sv.raw(request); a.status != status {
			t.Errorf("%q answers %d, want %d", request, a.status, status)
		}
	}
	const line = "GET /demo/collect/generic?click_id=c1&transaction_id=R1&commission=1 HTTP/1.1\r\n"
	f(line+"Host: a\r\n\r\n", 200)
	f(line+"Host: a\r\nX: y\n\r\n", 400)
	f(line+"Host: a\r\nX: y\r\n z\r\n\r\n", 400)
	f("POST /demo/collect/generic HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
	f("GET /demo/collect/generic?name=John Smith HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f("GET /demo/collect/generic?click_id=c1&transaction_id=R2&commission=1 HTTP/1.0\r\n\r\n", 200)
	f("POST /demo/collect/generic HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", 417)
	f("BREW /demo/collect/generic HTTP/1.1\r\nHost: a\r\n\r\n", 405)
}
