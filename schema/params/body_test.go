package params_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

func TestBodyIsReadByTypeAndByContentWhenTheTypeLies(t *testing.T) {
	const form, js = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	for _, c := range []struct {
		media, body, want string
		err               error
	}{
		{form, "click_id=c1&a=%41", "click_id=c1\na=A", nil},
		{form, "ping", "ping=", nil},
		{form, `{"click_id":"c1"}`, "click_id=c1", nil},
		{form, `{"click_id":"c=1",}`, "", params.ErrJSON},
		{form, `AwinTransactionPush=%7B%22a%22%3A1%7D`, `AwinTransactionPush={"a":1}`, nil},
		{js, `{"click_id":"c1"}`, "click_id=c1", nil},
		{js, "click_id=c1&commission=5", "click_id=c1\ncommission=5", nil},
		{js, `{"click_id":"c1",}`, "", params.ErrJSON},
		{js, `[{"click_id":"c1"}]`, "", params.ErrJSON},
		{js, `"click_id=c1"`, "", params.ErrBody},
		{js, "hello", "", params.ErrBody},
		{"", "\xEF\xBB\xBF\r\n {\"click_id\":\"c1\"}", "click_id=c1", nil},
		{"", "click_id=c1", "click_id=c1", nil},
		{"", "hello", "", params.ErrBody},
		{"text/plain", `{"click_id":"c1"}`, "click_id=c1", nil},
		{"text/plain", "click_id=c1¤cy=EUR", "click_id=c1\ncurrency=EUR\nrepair entity:¤cy->currency", nil},
		{"application/xml", `<a b="c"/>`, "", params.ErrBody},
		{"", "", "", nil},
		{js, " \r\n", "", nil},
		{"multipart/form-data; boundary=b", parts(field("a", "1")), "a=1", nil},
		{"Multipart/Form-Data; boundary=\"b\"", parts(field("a", "1")), "a=1", nil},
		{"multipart/form-data", parts(field("a", "1")), "", params.ErrMultipart},
		{"multipart/form-data; boundary", parts(field("a", "1")), "", params.ErrMultipart},
		{"multipart/form-data; boundary=b", `{"a":"1"}`, "a=1", nil},
		{"multipart/form-data; boundary=b", "a=1", "a=1", nil},
	} {
		var l params.List
		err := l.Body(c.media, []byte(c.body), known)
		if !errors.Is(err, c.err) || render(&l) != c.want {
			t.Errorf("%s %q: %v, %q; want %v, %q", c.media, c.body, err, render(&l), c.err, c.want)
		}
	}
}

func TestBodyFillsUpTheQuerysList(t *testing.T) {
	var l params.List
	l.Query([]byte("click_id=c1"), known)
	if err := l.Body("", []byte(`{"click_id":"c2","a":1}`), known); err != nil {
		t.Fatal(err)
	}
	if got, want := render(&l), lines("click_id=c1", "click_id=c2", "a=1 !number"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestBatchesAreSplitIntoObjects(t *testing.T) {
	const lined = "application/x-ndjson; charset=utf-8"
	for _, c := range []struct {
		media, body string
		want        string // items joined with '|'; "-" for no batch
		err         error
	}{
		{"", `[{"a":1},{"b":"]}\"{"}]`, `{"a":1}|{"b":"]}\"{"}`, nil},
		{"", " [ {\"a\":[{}]} \n, {} ] ", `{"a":[{}]}|{}`, nil},
		{"application/x-www-form-urlencoded", `[{"a":1}]`, `{"a":1}`, nil},
		{"", `[{"a":1,},{"b":2}]`, `{"a":1,}|{"b":2}`, nil},
		{"", "[]", "", nil},
		{"", "[ ]", "", nil},
		{"", "\xEF\xBB\xBF[{}]", "{}", nil},
		{"", "{\"a\":1}\n{\"b\":2}\r\n", `{"a":1}|{"b":2}`, nil},
		{"", `{"a":1}{"b":2} {}`, `{"a":1}|{"b":2}|{}`, nil},
		{lined, "{\"a\":1}\n\n{broken\n{\"b\":2}", `{"a":1}|{broken|{"b":2}`, nil},
		{lined, "{\n\"a\":1}", "{\n\"a\":1}", nil},
		{"application/jsonl", `{"a":1}`, `{"a":1}`, nil},
		{"", `{"a":1}`, "-", nil},
		{"", `{"a":1} x`, "-", nil},
		{"", `{"a":1`, "-", nil},
		{"", "a=1", "-", nil},
		{"", "", "-", nil},
		{"multipart/form-data; boundary=b", "[{}]", "-", nil},
		{"", "[1]", "", params.ErrBatch},
		{"", `[{"a":1}`, "", params.ErrBatch},
		{"", `[{"a":1},]`, "", params.ErrBatch},
		{"", `[{"a":1}]]`, "", params.ErrBatch},
		{"", `[{"a":1} {"b":2}]`, "", params.ErrBatch},
		{"", `[{"a":1`, "", params.ErrBatch},
		{"", "[", "", params.ErrBatch},
		{"", `{"a":1}{"b":2}x`, "", params.ErrBatch},
		{"", `[{},{},{},{}]`, "", params.ErrBatchSize},
		{"", `{}{}{}{}`, "", params.ErrBatchSize},
		{lined, "{}\n{}\n{}\n{}", "", params.ErrBatchSize},
	} {
		items, isBatch, err := params.SplitBatch(c.media, []byte(c.body), 3)
		got := make([]string, len(items))
		for i, item := range items {
			got[i] = string(item)
		}
		joined := strings.Join(got, "|")
		if !isBatch {
			joined = "-" + joined
		}
		if joined != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s %q: %q, %v; want %q, %v", c.media, c.body, joined, err, c.want, c.err)
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add("application/json", []byte("click_id=c1&commission=4.99¤cy=EUR"))
	f.Add("application/x-www-form-urlencoded", []byte(`{"click_id":"c1"}`))
	f.Add("multipart/form-data; boundary=b", []byte(parts(field("a", "1"))))
	f.Add("application/x-ndjson", []byte("{\"a\":1}\n{broken\n{}"))
	f.Add("", []byte(`[{"a":"]}"},{"b":{}}]`))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		sent := bytes.Clone(body)
		var l params.List
		l.Query([]byte("click_id=c1"), known)
		if err := l.Body(media, body, known); err != nil && render(&l) != "click_id=c1" {
			t.Fatalf("%v, and the list holds %s", err, render(&l))
		}
		checkList(t, &l)
		items, isBatch, err := params.SplitBatch(media, body, 10)
		if len(items) > 10 || len(items) > 0 && (err != nil || !isBatch) {
			t.Fatalf("%d items, batch %v, %v", len(items), isBatch, err)
		}
		rest := body
		for _, item := range items {
			at := bytes.Index(rest, item)
			if at < 0 || len(item) == 0 {
				t.Fatalf("item %q is not the next part of the body", item)
			}
			rest = rest[at+len(item):]
		}
		if !bytes.Equal(body, sent) {
			t.Fatal("the body was written to")
		}
	})
}

func TestNoItemIsLostWhenABatchFits(t *testing.T) {
	for _, c := range [][2]string{{"", `[{"a":1},{"a":2}]`}, {"application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n"}, {"", `{"a":1}{"a":2}`}} {
		items, _, err := params.SplitBatch(c[0], []byte(c[1]), 2)
		if err != nil || len(items) != 2 {
			t.Fatalf("%s: %d items, %v", c[1], len(items), err)
		}
		for i, item := range items {
			var l params.List
			if err := l.JSON(item); err != nil || l.Params[0].Value != []string{"1", "2"}[i] || cap(item) != len(item) && c[0] == "" {
				t.Errorf("item %d of %s: %s, %v", i, c[1], render(&l), err)
			}
		}
	}
}
