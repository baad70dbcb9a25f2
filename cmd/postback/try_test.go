package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// tryConfig is a configuration with a closed property, tokens and rules.
const tryConfig = `
properties:
  - id: shop
    currency: EUR
    integrations:
      - network: impact
      - network: mine
        preset: tune
        token: right
        allow_ips: [203.0.113.9]
        rules: {max_commission: 10}
      - network: off
        enabled: false
  - {id: open, open: true}
`

// clockless replaces what differs from run to run.
func clockless(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`).ReplaceAllString(text, "2026-01-02T03:04:05.678Z")
	return regexp.MustCompile(`\b1[789]\d{11}\b`).ReplaceAllString(text, "1767323045678")
}

func TestTryPagesAreAsTheyWere(t *testing.T) {
	for name, args := range map[string][]string{
		"accepted":    {"try", "tune", "aff_sub=c1&payout=4.50&currency=USD&transaction_id=t1&offer_id=7&phone=+33612345678"},
		"quarantined": {"try", "generic", "https://host/demo/collect/generic?click_id={click_id}&commission=1"},
		"ignored":     {"try", "generic", "status=ping"},
		"test":        {"try", "generic", "click_id=1&transaction_id=2&commission=1&test=1"},
		"reversal":    {"try", "impact", "SubId1=c&ActionId=1.2.3&Payout=-5,00&Currency=EUR&Status=REVERSED&api_key=s3cret"},
	} {
		got := call(map[string]string{"COLUMNS": "110"}, "", args...)
		want := map[bool]int{true: 1}[name == "quarantined" || name == "ignored"]
		if got.status != want || got.err != "" || strings.Contains(got.out, "s3cret") {
			t.Errorf("%s: exit %d, want %d: %s", name, got.status, want, got.err)
		}
		page, _, _ := strings.Cut(clockless(got.out), "\nworth a look")
		golden(t, "try-"+name+".golden", page)
	}
}

// tryJSON runs try --json and decodes its answer.
func tryJSON(t *testing.T, stdin string, args ...string) (triedJSON, map[string]any, result) {
	t.Helper()
	got := call(nil, stdin, append([]string{"try", "--json"}, args...)...)
	var answer triedJSON
	var event map[string]any
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil {
		t.Fatalf("%v: exit %d\n%s%s", err, got.status, got.out, got.err)
	}
	if len(answer.Event) > 0 {
		if err := json.Unmarshal(answer.Event, &event); err != nil {
			t.Fatal(err)
		}
	}
	return answer, event, got
}

func TestTryReadsEveryFormOfARequest(t *testing.T) {
	for _, c := range []struct{ name, request, stdin string }{
		{"query", "click_id=c1&commission=4.99&transaction_id=t1", ""},
		{"query with question mark", "?click_id=c1&commission=4.99&transaction_id=t1", ""},
		{"path", "/demo/collect/generic?click_id=c1&commission=4.99&transaction_id=t1", ""},
		{"url", "https://host/demo/collect/generic?click_id=c1&commission=4.99&transaction_id=t1", ""},
		{"url in a value", "click_id=c1&commission=4.99&transaction_id=t1&page=https://x/?y", ""},
		{"raw GET", "-", "GET /demo/collect/generic?click_id=c1&commission=4.99&transaction_id=t1 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"raw form", "-", "POST /x HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 3\n\nclick_id=c1&commission=4.99&transaction_id=t1\n"},
		{"raw JSON", "-", "POST /x?click_id=c1\nContent-Type: application/json\n\n{\"commission\":\"4.99\",\"transaction_id\":\"t1\"}"},
		{"JSON body", "-", " {\"click_id\":\"c1\",\"commission\":4.99,\"transaction_id\":\"t1\"}\n"},
		{"form body", "-", "click_id=c1&commission=4.99&transaction_id=t1\n"},
		{"URL on stdin", "-", "https://host/?click_id=c1&commission=4.99&transaction_id=t1\n"},
	} {
		answer, event, got := tryJSON(t, c.stdin, "generic", c.request)
		if got.status != 0 || answer.Outcome != "accepted" || answer.Key != "demo|generic|t1" || event["commission"] != "4.99" || event["click_id"] != "c1" {
			t.Errorf("%s: exit %d %+v", c.name, got.status, answer)
		}
		if len(answer.Trace) < 5 || answer.Trace[0].Stage == "" {
			t.Errorf("%s: trace %+v", c.name, answer.Trace)
		}
	}
	if got := call(nil, " \n", "try", "generic", "-"); got.status != 2 || !strings.Contains(got.err, "standard input is empty") {
		t.Errorf("nothing on stdin: %+v", got)
	}
}

func TestTryTakesABatchApart(t *testing.T) {
	got := call(nil, `[{"click_id":"a","commission":"1"},{"commission":"2"}]`, "try", "generic", "-")
	if got.status != 1 || !strings.Contains(got.out, "conversion 1 of 2") || !strings.Contains(got.out, "quarantined: unattributable") {
		t.Errorf("%+v", got)
	}
}

func TestTryKnowsTheRecordKey(t *testing.T) {
	for query, want := range map[string]string{
		"click_id=c&transaction_id=t&commission=1": "demo|tune|t",
		"click_id=c&commission=1":                  "demo|tune|c",
	} {
		for _, network := range []string{"tune", "hasoffers"} {
			if answer, _, _ := tryJSON(t, "", network, query); answer.Key != want {
				t.Errorf("%s at %s: key %q, want %q", query, network, answer.Key, want)
			}
		}
	}
}

func TestTryUsesTheConfiguration(t *testing.T) {
	file := writeConfig(t, t.TempDir(), tryConfig)
	answer, event, _ := tryJSON(t, "", "impact", "SubId1=c&ActionId=1&Payout=5", "--config", file)
	if answer.Outcome != "accepted" || event["property"] != "shop" || event["currency"] != "EUR" {
		t.Errorf("%+v %v", answer, event)
	}
	if _, event, _ := tryJSON(t, "", "tune", "/open/collect/tune?aff_sub=c&payout=5", "--config", file); event["property"] != "open" {
		t.Errorf("the property of the URL: %v", event)
	}
	if _, event, _ := tryJSON(t, "", "impact", "SubId1=c&Payout=5", "--config", file, "--currency", "JPY"); event["currency"] != "JPY" {
		t.Errorf("--currency: %v", event)
	}
	if _, event, _ := tryJSON(t, "", "tune", "aff_sub=c&payout=5", "--property", "mine"); event["property"] != "mine" {
		t.Errorf("--property without a file: %v", event)
	}
	mine := []string{"mine", "aff_sub=c&payout=50&token=right", "--config", file}
	if answer, _, got := tryJSON(t, "", mine...); got.status != 1 || answer.Outcome != "skipped" || answer.Rule != "max_commission" {
		t.Errorf("a rule: %+v", answer)
	}
	mine[1] = "aff_sub=c&payout=5&token=right"
	if answer, _, got := tryJSON(t, "", mine...); got.status != 0 || answer.Outcome != "accepted" {
		t.Errorf("with the token, whatever the address: %+v", answer)
	}
	mine[1] = "aff_sub=c&payout=5"
	if answer, _, got := tryJSON(t, "", mine...); got.status != 1 || answer.Outcome != "refused" || answer.Reason != "no_token" {
		t.Errorf("without the token: %+v", answer)
	}
	raw := "GET /shop/collect/mine?aff_sub=c&payout=5 HTTP/1.1\nX-Api-Key: right\n\n"
	if answer, _, _ := tryJSON(t, raw, "mine", "-", "--config", file); answer.Outcome != "accepted" {
		t.Errorf("the token in a header: %+v", answer)
	}
	for _, c := range [][]string{{"off", "is disabled"}, {"tune", "does not list the network"}, {"tuen", "did you mean \"tune\"?"}} {
		if got := call(nil, "", "try", c[0], "a=1", "--config", file); got.status != 2 || !strings.Contains(got.err, c[1]) {
			t.Errorf("%s: %+v", c[0], got)
		}
	}
	if got := call(nil, "", "try", "impact", "a=1", "--config", file, "--property", "shpo"); got.status != 2 || !strings.Contains(got.err, "did you mean \"shop\"?") {
		t.Errorf("an unknown property: %+v", got)
	}
}

func TestTryLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Chdir(folder)
	if got := call(nil, "", "try", "generic", "click_id=1&commission=1"); got.status != 0 {
		t.Fatalf("%+v", got)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it left %v %v", left, err)
	}
}
