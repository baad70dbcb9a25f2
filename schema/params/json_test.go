package params_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

func TestJSONLeavesAreKeptUnderTheirPaths(t *testing.T) {
	for body, want := range map[string]string{
		`{"click_id":"c1","transaction_id":10492,"commission":4.99}`: lines("click_id=c1", "transaction_id=10492 !number", "commission=4.99 !number"),
		`{"click_id":"c1","transaction_id":null,"commission":null}`:  lines("click_id=c1", "transaction_id= !jsonnull", "commission= !jsonnull"),
		`{"transaction":{"id":"T1"},"a":1}`:                          lines("transaction.id=T1", "a=1 !number"),
		`{"items":[{"sku":"x"},{"sku":7},[true,[]]],"z":{}}`:         lines("items.0.sku=x", "items.1.sku=7 !number", "items.2.0=true"),
		`{"transaction_id":9007199254740993}`:                        "transaction_id=9007199254740993 !number",
		`{"n":-0.10e+5,"m":1E9}`:                                     lines("n=-0.10e+5 !number", "m=1E9 !number"),
		`{"commission":1,"commission":2}`:                            lines("commission=1 !number", "commission=2 !number !repeated"),
		`{"a":{"b":1},"a":{"b":1}}`:                                  lines("a.b=1 !number", "a.b=1 !number !repeated"),
		`{"a":false,"b":"None"}`:                                     lines("a=false !nullword", "b=None !nullword"),
		`{"device_id":"{device_id}","x":"\u007btid}","d":"%date%"}`:  lines("device_id={device_id} !macro", "x={tid} !macro", "d=%date% !macro"),
		`{"a":"%7Btid%7D","w":"__x__"}`:                              lines("a=%7Btid%7D !macro !double_decoded", "w=__x__ !weak"),
		`{"a b":"1+1%41"," c ":"d"}`:                                 lines("a b=1+1%41", "c=d"),
		`{}`:                                                         "",
		"\xEF\xBB\xBF {\"a\" : \"b\"}\r\n":                           "a=b",
		`{"":1,"x":{"":2}}`:                                          lines("=1 !number", "x.=2 !number"),
	} {
		var l params.List
		if err := l.JSON([]byte(body)); err != nil || render(&l) != want {
			t.Errorf("%s: %v\n got %q\nwant %q", body, err, render(&l), want)
		}
	}
}

func TestJSONStringsBecomeCleanText(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":"\u00e9\ud83d\ude00\"\\\/\u20AC"}`: `a=é😀"\/€`,
		`{"a":"x\b\f\n\r\ty\u0000\u0085\ufeff"}`: "a=xy !control_stripped",
		`{"a":"\ud83d"}`:                         "a=\uFFFD !lone_surrogate",
		`{"a":"\ud83dx\ude00\ud83d\u0041"}`:      "a=\uFFFDx\uFFFD\uFFFDA !lone_surrogate",
		`{"a":"\uFFFD\n"}`:                       "a=\uFFFD !control_stripped",
		"{\"a\":\"Val\xE9ry\"}":                  "a=Valéry !latin1",
		"{\"a\":\"\xE9\\u00e9\"}":                "a=éé !latin1",
		"{\"n\xE9e\":\"x\"}":                     "née=x",
		`{"\u0061\n":"x"}`:                       "a=x",
		`{"a":"¤cy=EUR&b=1"}`:                    "a=¤cy=EUR&b=1",
	} {
		var l params.List
		if err := l.JSON([]byte(body)); err != nil || render(&l) != want {
			t.Errorf("%s: %v\n got %q\nwant %q", body, err, render(&l), want)
		}
	}
}

func TestBrokenJSONIsAnErrorAndLeavesTheListAsItWas(t *testing.T) {
	var l params.List
	l.Query([]byte("click_id=c1"), known)
	for _, body := range []string{
		``, ` `, `[]`, `[{"a":1}]`, `1`, `"a"`, `null`, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1`, `{"a":1]`, `{,}`, `{"a":1 "b":2}`,
		`{a:1}`, `{'a':1}`, `{"a":1}x`, `{"a":1}{"b":2}`, `{"a":[1,]}`, `{"a":[1}`, `{"a":[`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`,
		`{"a":1e}`, `{"a":1e+}`, `{"a":+1}`, `{"a":nul}`, `{"a":NaN}`, `{"a":True}`, `{"a":"b}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`,
		`{"a":"\`, `{"a":"\u`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", `{"a":0x10}`, `{"a":1_000}`, "{\"a\":1}\u00a0", "{\u00a0}", `{"a":"b" /*c*/}`,
		`{"a":` + strings.Repeat("[", params.MaxDepth) + strings.Repeat("]", params.MaxDepth) + `}`,
	} {
		err := l.JSON([]byte(body))
		if !errors.Is(err, params.ErrJSON) {
			t.Errorf("%s: error %v", body, err)
		}
		if got := render(&l); got != "click_id=c1" {
			t.Fatalf("%s left %s", body, got)
		}
	}
}

func TestJSONErrorSaysWhere(t *testing.T) {
	var l params.List
	err := l.JSON([]byte(`{"a":1,}`))
	if err == nil || !strings.Contains(err.Error(), "byte 7: expected a key in quotes") {
		t.Error(err)
	}
}

func TestJSONIsBounded(t *testing.T) {
	var l params.List
	deep := params.MaxDepth - 1
	if err := l.JSON([]byte(`{"a":` + strings.Repeat("[", deep) + "1" + strings.Repeat("]", deep) + `}`)); err != nil || len(l.Params) != 1 {
		t.Errorf("at the depth limit: %d parameters, %v", len(l.Params), err)
	}
	l.Reset()
	long := strings.Repeat("k", params.MaxPath)
	if err := l.JSON([]byte(`{"` + long + `":1,"x` + long + `":2,"` + long + `":{"y":3},"z":4}`)); err != nil || len(l.Params) != 2 || !l.TooMany {
		t.Errorf("long paths: %d parameters, too many %v, %v", len(l.Params), l.TooMany, err)
	}
	l.Reset()
	if err := l.JSON([]byte(`{"a":[` + strings.Repeat("1,", params.MaxParams) + `1]}`)); err != nil || len(l.Params) != params.MaxParams || !l.TooMany {
		t.Errorf("%d parameters, too many %v, %v", len(l.Params), l.TooMany, err)
	}
	l.Reset()
	if err := l.JSON([]byte(`{"a":[` + strings.Repeat("1,", params.MaxParams) + `1}`)); err == nil || l.TooMany {
		t.Errorf("the rest of a long body is not checked: %v", err)
	}
}

func TestManyRepeatedPathsAreMarked(t *testing.T) {
	var l params.List
	if err := l.JSON([]byte(`{"b":0` + strings.Repeat(`,"a":1`, 5000) + `,"b":1}`)); err != nil {
		t.Fatal(err)
	}
	for i, p := range l.Params {
		if p.Notes.Has(params.Repeated) != (i > 1) {
			t.Fatalf("parameter %d, %s: notes %v", i, p.Name, p.Notes.AppendWords(nil))
		}
	}
}

// nestedWithin reports whether no bracket outside a string of valid JSON is
// deeper than limit.
func nestedWithin(body []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"click_id":"c1","transaction":{"id":[1,-2.5e3,null,true]}}`, `{"a":"\ud83d\ude00\u0000\n"}`, "{\"a\":\"\xE9\"}", `{"a":1,}`,
		`{"a":"b","a":"%7Bc%7D"}`, ` {} `, `{"":{"":0}}`, `{"a":"\ud83d"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var l params.List
		err := l.JSON(body)
		plain := strings.TrimPrefix(strings.TrimLeft(string(body), " \t\r\n"), "\uFEFF")
		inner := strings.TrimLeft(plain, " \t\r\n")
		want := json.Valid([]byte(plain)) && strings.HasPrefix(inner, "{") && nestedWithin(body, params.MaxDepth)
		if (err == nil) != want {
			t.Fatalf("error %v, json.Valid says %v", err, want)
		}
		if err != nil && len(l.Params) != 0 {
			t.Fatal("parameters kept after an error")
		}
		checkList(t, &l)
		checkAgainstDecoder(t, &l, []byte(plain), err == nil)
	})
}

// checkAgainstDecoder compares a flat object of clean strings with what
// encoding/json makes of it.
func checkAgainstDecoder(t *testing.T, l *params.List, body []byte, valid bool) {
	t.Helper()
	var flat map[string]string
	if !valid || json.Unmarshal(body, &flat) != nil {
		return
	}
	for _, p := range l.Params {
		if p.Notes != 0 || p.Macro || p.JSONNull || p.Name != strings.TrimSpace(p.Name) {
			continue
		}
		want, ok := flat[p.Name]
		if ok && want != p.Value && !repeatedLater(l, p.Name) {
			t.Fatalf("%q: %q, encoding/json says %q", p.Name, p.Value, want)
		}
	}
}

func repeatedLater(l *params.List, name string) bool {
	n := 0
	for _, p := range l.Params {
		if p.Name == name {
			n++
		}
	}
	return n > 1
}
