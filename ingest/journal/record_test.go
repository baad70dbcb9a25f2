package journal

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestHeadersAreKafkasBytes(t *testing.T) {
	for name, c := range map[string]struct {
		headers []Header
		want    string
	}{
		"none":        {nil, "\x00"},
		"one":         {[]Header{{"ab", []byte("c")}}, "\x02\x04ab\x02c"},
		"null value":  {[]Header{{"a", nil}}, "\x02\x02a\x01"},
		"empty value": {[]Header{{"a", []byte{}}}, "\x02\x02a\x00"},
		"two":         {[]Header{{"a", []byte("b")}, {"", nil}}, "\x04\x02a\x02b\x00\x01"},
		"long value":  {[]Header{{"k", make([]byte, 64)}}, "\x02\x02k\x80\x01" + string(make([]byte, 64))},
	} {
		if got := AppendHeaders([]byte("x"), c.headers...); string(got) != "x"+c.want {
			t.Errorf("%s: %q, want %q", name, got[1:], c.want)
		}
	}
}

func TestHeadersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		headers := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Header {
			h := Header{Key: rapid.String().Draw(t, "key"), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value")}
			if rapid.Bool().Draw(t, "null") {
				h.Value = nil
			}
			return h
		})).Draw(t, "headers")
		i := 0
		err := ParseHeaders(AppendHeaders(nil, headers...), func(key, value []byte) {
			h := headers[i]
			if string(key) != h.Key || !bytes.Equal(value, h.Value) || (value == nil) != (h.Value == nil) {
				t.Fatalf("header %d is %q: %q", i, key, value)
			}
			i++
		})
		if err != nil || i != len(headers) {
			t.Fatalf("%d of %d, %v", i, len(headers), err)
		}
	})
}

func TestMalformedHeadersAreRefused(t *testing.T) {
	for _, b := range []string{
		"\x02", "\x01", "\x02\x01\x00", "\x02\x04a", "\x02\x02a", "\x02\x02a\x04b", "\x00x", "\x80",
		"\x02\x03", "\x02\x02a\x03", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		if err := ParseHeaders([]byte(b), func(_, _ []byte) {}); err == nil {
			t.Errorf("%q was accepted", b)
		}
	}
	if err := ParseHeaders(nil, nil); err != nil {
		t.Errorf("no bytes: %v", err)
	}
}
