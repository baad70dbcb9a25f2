package ingest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/rules"
)

const demo = "/demo/collect/generic?"

func expect(t *testing.T, a answer, status int, result, reason string) {
	t.Helper()
	if a.status != status || a.result != result || a.reason != reason {
		t.Errorf("answer %d %q %q (%q), want %d %q %q", a.status, a.result, a.reason, a.body, status, result, reason)
	}
}

func TestReplyTable(t *testing.T) {
	sv := start(t)
	first := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.99")
	expect(t, first, 200, "accepted", "")
	if first.body != "OK" || first.id == "" || first.header.Get("Cache-Control") != "no-store" {
		t.Errorf("accepted answers %+v", first)
	}
	repeat := sv.get(demo + "click_id=c1&transaction_id=T1&commission=4.990")
	expect(t, repeat, 200, "duplicate", "repeat")
	if repeat.id != first.id || repeat.body != "OK" {
		t.Errorf("the repeat has id %s and body %q, the first %s", repeat.id, repeat.body, first.id)
	}
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=9.99"), 200, "updated", "")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T2&commission=1&status=test"), 200, "test", "test_traffic")
	expect(t, sv.get(demo+"commission=1"), 200, "quarantined", "unattributable")
	expect(t, sv.get(demo+"click_id={click_id}&commission={payout}"), 200, "quarantined", "unresolved_macro")
	expect(t, sv.get("/demo/collect/generic"), 200, "ignored", "empty")
	expect(t, sv.do("HEAD", demo+"click_id=c1&transaction_id=T9&commission=1", "", ""), 200, "ignored", "empty")
	expect(t, sv.get("/nobody/collect/generic?click_id=c1"), 404, "", "unknown_property")
	expect(t, sv.get("/demo/collect/nonesuch?click_id=c1"), 404, "", "unknown_network")
	options := sv.do("OPTIONS", demo, "", "")
	expect(t, options, 204, "", "")
	put := sv.do("PUT", demo+"click_id=c1", "", "x=1")
	expect(t, put, 405, "", "method_not_allowed")
	for _, a := range []answer{options, put} {
		if a.header.Get("Allow") != "GET, POST, HEAD, OPTIONS" {
			t.Errorf("Allow is %q", a.header.Get("Allow"))
		}
	}
	if got := len(sv.main()); got != 2 {
		t.Errorf("%d events in the topic, want 2", got)
	}
	if got := len(sv.failed()); got != 2 {
		t.Errorf("%d records in the failed topic, want 2", got)
	}
	if got := len(sv.topic(ingest.TopicTest)); got != 1 {
		t.Errorf("%d records in the test topic, want 1", got)
	}
}

func TestOneURLHasManySpellings(t *testing.T) {
	sv := start(t)
	expect(t, sv.get("/demo/COLLECT/generic/?click_id=c1&transaction_id=T1&commission=1"), 200, "accepted", "")
	expect(t, sv.get("/demo/collect/Generic?click_id=c1&transaction_id=T1&commission=1"), 200, "duplicate", "repeat")
	pixel := sv.get("/demo/collect/generic.gif?click_id=c1&transaction_id=T1&commission=2")
	expect(t, pixel, 200, "updated", "")
	if !strings.HasPrefix(pixel.body, "GIF89a") || len(pixel.body) != 43 || pixel.header.Get("Content-Type") != "image/gif" {
		t.Errorf("the pixel is %d bytes of %s", len(pixel.body), pixel.header.Get("Content-Type"))
	}
	missing := sv.get("/demo/collect/nonesuch.gif?click_id=c1")
	if missing.status != http.StatusNotFound || len(missing.body) != 43 {
		t.Errorf("an unknown pixel answers %d with %d bytes", missing.status, len(missing.body))
	}
	if origin := sv.main()[1].value["origin"]; origin != "pixel" {
		t.Errorf("origin %v, want pixel", origin)
	}
}

func TestStrictIntegrationSaysWhy(t *testing.T) {
	sv := start(t, withProperties(ingest.PropertyConfig{ID: "p", Integrations: []ingest.IntegrationConfig{
		{Network: "impact", Strict: true},
		{Network: "off", Disabled: true},
		{Network: "ruled", Rules: rules.Config{MinCommission: "5"}},
		{Network: "slow", Rate: 0.001},
	}}))
	strict := sv.get("/p/collect/impact?Payout=1")
	expect(t, strict, 422, "quarantined", "unattributable")
	if !strings.Contains(strict.body, `"reason":"unattributable"`) {
		t.Errorf("the strict answer is %q", strict.body)
	}
	expect(t, sv.get("/p/collect/off?click_id=c1"), 404, "", "disabled")
	expect(t, sv.get("/p/collect/ruled?click_id=c1&transaction_id=T1&commission=4"), 200, "skipped", "min_commission")
	expect(t, sv.get("/p/collect/slow?click_id=c1&transaction_id=T1&commission=4"), 200, "accepted", "")
	limited := sv.get("/p/collect/slow?click_id=c1&transaction_id=T2&commission=4")
	expect(t, limited, 429, "", "rate_limited")
	if limited.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	failed := sv.failed()
	if len(failed) != 2 || failed[1].value["rule"] != "min_commission" || failed[1].value["event"] == nil {
		t.Errorf("the failed topic holds %v", failed)
	}
}

func TestCredentialsAreAskedForAndNeverKept(t *testing.T) {
	sv := start(t, withProperties(ingest.PropertyConfig{ID: "p", Tokens: []string{"s3cret", "0ther"}, Integrations: []ingest.IntegrationConfig{
		{Network: "generic"}, {Network: "own", Tokens: []string{"mine"}}, {Network: "fenced", Tokens: []string{"x"}, AllowIPs: []string{"203.0.113.0/24"}},
	}}))
	const q = "click_id=c1&transaction_id=T1&commission=4.99"
	expect(t, sv.get("/p/collect/generic?"+q), 401, "", "no_token")
	expect(t, sv.get("/p/collect/generic?"+q+"&api_key=wrong"), 403, "", "wrong_token")
	expect(t, sv.get("/p/collect/generic?"+q+"&api_key=s3cret&token=0ther"), 401, "", "token_conflict")
	expect(t, sv.get("/p/collect/own?"+q+"&api_key=s3cret"), 403, "", "wrong_token")
	expect(t, sv.get("/p/collect/fenced?"+q+"&api_key=x"), 403, "", "address_refused")
	if n := len(sv.main()) + len(sv.failed()); n != 0 {
		t.Fatalf("%d records of refused requests", n)
	}
	expect(t, sv.get("/p/collect/generic?"+q+"&api_key=s3cret"), 200, "accepted", "")
	expect(t, sv.do("GET", "/p/collect/generic?"+q, "", "", "X-Api-Key", "0ther"), 200, "duplicate", "repeat")
	expect(t, sv.do("GET", "/p/collect/generic?"+q, "", "", "Authorization", "Bearer s3cret"), 200, "duplicate", "repeat")
	expect(t, sv.post("/p/collect/generic", "application/json", `{"token":"s3cret","commission":1}`), 200, "quarantined", "unattributable")
	expect(t, sv.do("GET", "/p/collect/generic?commission=2&token=s3cret", "", "", "Authorization", "Bearer s3cret", "User-Agent", "net"), 200, "quarantined", "unattributable")
	for _, r := range append(sv.main(), sv.failed()...) {
		if strings.Contains(r.text, "s3cret") {
			t.Errorf("a record holds the token: %s", r.text)
		}
	}
	if head := sv.failed()[1].value["headers"]; !strings.Contains(head.(string), `"user-agent":"net"`) { //nolint:forcetypeassert // a test
		t.Errorf("headers kept: %v", head)
	}
}

func TestLimitsRefuseWithTheRightStatus(t *testing.T) {
	sv := start(t)
	big := strings.Repeat("x", 70<<10)
	expect(t, sv.post(demo, "application/x-www-form-urlencoded", "click_id=c1&commission=1&pad="+big), 413, "", "body_too_large")
	expect(t, sv.post(demo, "application/json", `{"click_id":"c1","transaction_id":"T1","commission":1,"pad":"`+big+`"}`), 200, "accepted", "")
	expect(t, sv.post(demo, "application/json", `{"pad":"`+strings.Repeat("x", 2<<20)+`"}`), 413, "", "body_too_large")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T2&commission=1&pad="+strings.Repeat("x", 12<<10)), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id=c1&pad="+strings.Repeat("x", 20<<10)), 431, "", "head_too_large")
	expect(t, sv.do("POST", demo, "application/json", "x", "Content-Encoding", "gzip"), 415, "", "encoded_body")
}
