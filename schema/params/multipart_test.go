package params_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

// parts writes a body with boundary "b" from what stands in each part.
func parts(content ...string) string {
	var b strings.Builder
	for _, c := range content {
		b.WriteString("--b\r\n" + c + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

// field writes the inside of a part.
func field(name, value string) string {
	return `Content-Disposition: form-data; name="` + name + `"` + "\r\n\r\n" + value
}

func TestMultipartFieldsAreRead(t *testing.T) {
	file := "Content-Disposition: form-data; name=\"f\"; filename=\"x.csv\"\r\nContent-Type: text/csv\r\n\r\nclick_id,1\r\n"
	for body, want := range map[string]string{
		parts(field("click_id", "c1"), field("commission", "4.99")):                       lines("click_id=c1", "commission=4.99"),
		parts(file, field("a", "")):                                                       "a=",
		parts(field("a", "1\r\n2--b")):                                                    "a=12--b !control_stripped",
		parts(field("a", "x%41+y"), field("t", "{tid}"), field("s[x]", "null")):           lines("a=x%41+y", "t={tid} !macro", "s[x]=null @s.x !nullword"),
		parts(field("a", "Val\xE9ry")):                                                    "a=Valéry !latin1",
		parts(field(" amp;currency", "EUR"), field("¤cy", "EUR"), field("\xA4cy", "USD")): lines("currency=EUR", "currency=EUR", "currency=USD", "repair amp_prefix", "repair entity:¤cy->currency", "repair entity:¤cy->currency"),
		parts(field("¤B", "1"), field("®", "2"), field("¤"+strings.Repeat("x", 80), "3")): lines("¤B=1", "®=2", "¤"+strings.Repeat("x", 80)+"=3"),
		parts(field("%AEION", "eu"), field("®ION", "eu")):                                 lines("%AEION=eu", "REGION=eu", "repair entity:®ION->REGION"),
		parts(field("a\\\"b\\\\c", "1"), "content-disposition:form-data;name=x\r\n\r\n2"): lines(`a"b\c=1`, "x=2"),
		"preamble\r\n" + parts(field("a", "1")) + "epilogue":                              "a=1",
		"--b \t\r\n" + field("a", "1") + "\r\n--b--":                                      "a=1",
		parts("Content-Transfer-Encoding: 8bit\r\n" + field("a", "1")):                    "a=1",
		parts("Content-Disposition: form-data; filename*=UTF-8''x; name=a;\r\n\r\n1"):     "",
		parts("Content-Disposition: form-data; name=\"\" ; \r\nX: y\r\n\r\n1"):            "=1",
		"--b--":                           "",
		"--b--\r\nignored\r\n--b\r\n\r\n": "",
	} {
		var l params.List
		if err := l.Multipart([]byte(body), "b", known); err != nil || render(&l) != want {
			t.Errorf("%q: %v\n got %q\nwant %q", body, err, render(&l), want)
		}
	}
}

func TestMultipartFilesAreCounted(t *testing.T) {
	var l params.List
	body := parts("Content-Disposition: form-data; name=f; filename=\"\"\r\n\r\nx", field("a", "1"))
	if err := l.Multipart([]byte(body), "b", known); err != nil || l.Files != 1 || len(l.Params) != 1 {
		t.Errorf("%d files, %d parameters, %v", l.Files, len(l.Params), err)
	}
}

func TestBrokenMultipartIsAnErrorAndLeavesTheListAsItWas(t *testing.T) {
	many := strings.Repeat("--b\r\n"+field("a", "1")+"\r\n", params.MaxParts+1) + "--b--"
	var l params.List
	l.Query([]byte("a=1"), known)
	for name, c := range map[string][2]string{
		"empty":              {"b", ""},
		"no boundary":        {"", parts(field("a", "1"))},
		"long boundary":      {strings.Repeat("b", 71), parts(field("a", "1"))},
		"other boundary":     {"c", parts(field("a", "1"))},
		"not closed":         {"b", "--b\r\n" + field("amp;a", "1") + "\r\n--b\r\n" + field("a", "1")},
		"no line end":        {"b", "--bx\r\n" + field("a", "1") + "\r\n--b--"},
		"bare line feeds":    {"b", strings.ReplaceAll(parts(field("a", "1")), "\r", "")},
		"no empty line":      {"b", "--b\r\nContent-Disposition: form-data; name=a\r\n--b--"},
		"no disposition":     {"b", parts("X: y\r\n\r\n1")},
		"no headers":         {"b", parts("\r\n1")},
		"no name":            {"b", parts("Content-Disposition: form-data\r\n\r\n1")},
		"an attachment":      {"b", parts("Content-Disposition: attachment; name=a\r\n\r\n1")},
		"open quote":         {"b", parts("Content-Disposition: form-data; name=\"a\r\n\r\n1")},
		"text after a quote": {"b", parts("Content-Disposition: form-data; name=\"a\"b\r\n\r\n1")},
		"no value":           {"b", parts("Content-Disposition: form-data; name\r\n\r\n1")},
		"encoded":            {"b", parts("Content-Transfer-Encoding: base64\r\n" + field("a", "MQ=="))},
		"long headers":       {"b", parts("X: " + strings.Repeat("y", params.MaxPartHead) + "\r\n" + field("a", "1"))},
		"too many parts":     {"b", many},
	} {
		if err := l.Multipart([]byte(c[1]), c[0], known); !errors.Is(err, params.ErrMultipart) {
			t.Errorf("%s: error %v", name, err)
		}
		if len(l.Params) != 1 || len(l.Repairs) != 0 {
			t.Fatalf("%s left %s", name, render(&l))
		}
	}
}

func TestMultipartOfTheStandardWriterIsRead(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	want := ""
	for i := range 50 {
		name, value := fmt.Sprintf(`n"\%d`, i), strings.Repeat("--x", i)
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
		want += name + "=" + value + "\n"
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var l params.List
	if err := l.Body(w.FormDataContentType(), body.Bytes(), known); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range l.Params {
		got += p.Name + "=" + p.Value + "\n"
	}
	if got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte(parts(field("click_id", "c1"), field("¤cy", "EUR"))), "b")
	f.Add([]byte(parts("Content-Disposition: form-data; name=\"f\"; filename=x\r\n\r\n1")), "b")
	f.Add([]byte("--b\r\n\r\n\r\n--b--"), "b")
	f.Add([]byte("\r\n--\r\n--"), "")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		var l params.List
		if err := l.Multipart(body, boundary, known); err != nil && (len(l.Params) != 0 || l.Files != 0) {
			t.Fatal("something kept after an error")
		}
		if len(l.Params)+l.Files > params.MaxParts {
			t.Fatal("more than the allowed parts")
		}
		checkList(t, &l)
	})
}
