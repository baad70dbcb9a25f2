package params_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/postbackhq/postback/schema/params"
)

// checkList fails unless l keeps what the package promises of any input.
func checkList(t *testing.T, l *params.List) {
	t.Helper()
	if len(l.Params) > params.MaxParams || len(l.Repairs) > params.MaxRepairs {
		t.Fatalf("%d parameters, %d repairs", len(l.Params), len(l.Repairs))
	}
	for _, p := range l.Params {
		for _, s := range []string{p.Name, p.Path, p.Value} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("unclean text %q in %+v", s, p)
			}
		}
		if strings.Trim(p.Name, " ") != p.Name {
			t.Fatalf("name %q has spaces around it", p.Name)
		}
		const replacement = "\uFFFD"
		if strings.Contains(p.Value, replacement) && !p.Notes.Has(params.LoneSurrogate) &&
			!strings.Contains(unescaped(p.Raw), replacement) && !strings.Contains(strings.ToLower(p.Raw), `\ufffd`) {
			t.Fatalf("a replacement character nobody sent: %+v", p)
		}
		if p.Macro && p.Weak {
			t.Fatalf("macro and weak: %+v", p)
		}
	}
	for _, r := range l.Repairs {
		if !utf8.ValidString(r.String()) {
			t.Fatalf("repair %q", r)
		}
	}
}

// unescaped decodes the percent escapes of s that are well formed.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if u, err := url.QueryUnescape(s[i : i+3]); err == nil {
				b.WriteString(u)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"click_id=c1&commission=4.99¤cy=EUR", "a=%E9%C2%A4cy%3DEUR", "a=1?commission=2\\u0026status=3", "amp;amp;a=%257Bx%257D",
		"=&=x&&a[b][]=%zz", "%22e=<v=>in=\xA4cy=", "url=://?click_id=?click_id=1", "%date%=%date%&n=null", "%00%0d=%EF%BB%BF",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sent := bytes.Clone(raw)
		var l params.List
		l.Query(raw, known)
		checkList(t, &l)
		if !bytes.Equal(raw, sent) {
			t.Fatal("the input was written to")
		}
		first := render(&l)
		l.Reset()
		l.Query(raw, known)
		if again := render(&l); again != first {
			t.Fatalf("a warm list reads %q, a new one %q", again, first)
		}
	})
}

func TestCleanRequestsAreNeverRepairedAndRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Zs))
		names := rapid.SliceOfN(rapid.StringMatching(`[a-z][a-zA-Z0-9_.-]{0,20}`), 1, 15).Draw(t, "names")
		var query []string
		var values []string
		for i, n := range names {
			// Text that spells out a damaged known name and '=' is taken for one.
			v := strings.ReplaceAll(text.Draw(t, fmt.Sprint("value", i)), "=", "")
			values = append(values, v)
			query = append(query, url.QueryEscape(n)+"="+url.QueryEscape(v))
		}
		var l params.List
		l.Query([]byte(strings.Join(query, "&")), known)
		if len(l.Repairs) != 0 || len(l.Params) != len(names) {
			t.Fatalf("%d parameters of %d, repairs %v", len(l.Params), len(names), l.Repairs)
		}
		for i, p := range l.Params {
			if p.Name != names[i] || p.Path != names[i] || !p.Macro && p.Value != values[i] || p.Notes&^params.DoubleDecoded != 0 {
				t.Fatalf("%d: %+v, sent %q=%q", i, p, names[i], values[i])
			}
		}
	})
}

// damageable are names that HTML text damages after '&', with others between.
func damageable() []string {
	return []string{"click_id", "currency", "commission", "timestamp", "region", "section", "note", "param1", "copy_id",
		"degree", "cents", "pounds", "quote", "ltv", "gtin", "microsite", "macro", "transaction_id", "notify_url", "email"}
}

func TestRequestsPastedThroughHTMLAreRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom(damageable()), 1, 8).Draw(t, "names")
		var pairs, want []string
		for i, n := range names {
			v := rapid.StringMatching(`[A-Za-z0-9.]{0,8}`).Draw(t, fmt.Sprint("value", i))
			pairs, want = append(pairs, n+"="+v), append(want, n+"="+v)
		}
		damaged := html.UnescapeString("&" + strings.Join(pairs, "&"))
		switch rapid.IntRange(0, 2).Draw(t, "encoding") {
		case 1:
			damaged = strings.NewReplacer("%3D", "=", "%26", "&").Replace(url.QueryEscape(damaged))
		case 2:
			damaged = url.QueryEscape(damaged[:1]) + damaged[1:]
		}
		var l params.List
		l.Query([]byte(strings.TrimPrefix(strings.TrimPrefix(damaged, "%26"), "&")), known)
		var got []string
		for _, p := range l.Params {
			got = append(got, p.Name+"="+p.Value)
		}
		if strings.Join(got, "&") != strings.Join(want, "&") {
			t.Fatalf("%s\n got %q\nwant %q", damaged, got, want)
		}
	})
}

func TestJSONObjectsOfAnyTextRoundTrip(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.S))
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.MapOf(text, text).Draw(t, "object")
		body, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var l params.List
		if err := l.JSON(body); err != nil || len(l.Params) != len(sent) {
			t.Fatalf("%s: %d parameters, %v", body, len(l.Params), err)
		}
		for _, p := range l.Params {
			if want, ok := sent[p.Name]; !ok || !p.Macro && p.Value != want || p.Notes&^params.DoubleDecoded != 0 {
				t.Fatalf("%q=%q, sent %q, notes %v", p.Name, p.Value, want, p.Notes.AppendWords(nil))
			}
		}
	})
}

func TestBatchesOfAnyObjectsAreSplitAsTheyWereJoined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sent []string
		for i := range rapid.IntRange(2, 6).Draw(t, "items") {
			item, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String())).Draw(t, fmt.Sprint("item", i)))
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, string(item))
		}
		for media, body := range map[string]string{
			"application/json": "[" + strings.Join(sent, " ,\n") + "]", "application/x-ndjson": strings.Join(sent, "\n"), "text/plain": strings.Join(sent, ""),
		} {
			items, isBatch, err := params.SplitBatch(media, []byte(body), len(sent))
			if got := string(bytes.Join(items, []byte("\n"))); err != nil || !isBatch || got != strings.Join(sent, "\n") {
				t.Fatalf("%s: batch %v, %v, items %s", media, isBatch, err, got)
			}
			if _, _, err := params.SplitBatch(media, []byte(body), len(sent)-1); !errors.Is(err, params.ErrBatchSize) {
				t.Fatalf("%s: one too many gives %v", media, err)
			}
		}
	})
}

func TestMultipartFieldsOfAnyTextRoundTrip(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom(nil, unicode.L, unicode.N, unicode.P, unicode.S))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-z_"\\;=]{1,12}`), 1, 6).Draw(t, "names")
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		var sent []string
		for i, n := range names {
			v := text.Draw(t, fmt.Sprint("value", i))
			if err := w.WriteField(n, v); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, n+"="+v)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var l params.List
		if err := l.Multipart(body.Bytes(), w.Boundary(), nil); err != nil {
			t.Fatal(err)
		}
		for i, p := range l.Params {
			if strings.HasPrefix(strings.ToLower(names[i]), "amp;") {
				continue
			}
			if p.Name+"="+p.Value != sent[i] || p.Source != params.Multipart {
				t.Fatalf("%q=%q from %s, sent %q", p.Name, p.Value, p.Source, sent[i])
			}
		}
	})
}

func TestStringsHandedOutSurviveAGrowingArena(t *testing.T) {
	var l params.List
	var query strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&query, "n%%5F%d=v+%d&", i, i)
	}
	for range 3 {
		l.Reset()
		l.Query([]byte(query.String()), known)
		for i, p := range l.Params {
			if p.Name != fmt.Sprint("n_", i) || p.Value != fmt.Sprint("v ", i) {
				t.Fatalf("parameter %d is %s=%s", i, p.Name, p.Value)
			}
		}
	}
}

func TestEveryEntityWithoutSemicolonIsUndone(t *testing.T) {
	entities := strings.Fields(`AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute
		Icirc Igrave Iuml LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc
		acute aelig agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12
		frac14 frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm
		oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml
		yacute yen yuml`)
	if len(entities) != 106 {
		t.Fatalf("%d entities", len(entities))
	}
	for _, e := range entities {
		rest := "_id"
		if e == strings.ToUpper(e) && !strings.Contains("ETH THORN", e) {
			rest = "ID"
		}
		name, char := e+rest, html.UnescapeString("&"+e)
		if char == "&"+e {
			t.Fatalf("%s is no entity without a semicolon", e)
		}
		knows := func(folded string) bool { return folded == string(params.Fold(nil, name)) }
		for _, sent := range []string{url.QueryEscape(char), latin1(char), char} {
			if sent == "&" {
				continue
			}
			var l params.List
			l.Query([]byte("a=1"+sent+rest+"=x"), knows)
			want := lines("a=1", name+"=x", "repair entity:"+char+rest+"->"+name)
			if got := render(&l); got != want {
				t.Errorf("%s as %q: got %q", e, sent, got)
			}
		}
	}
}

// latin1 percent-encodes one character below U+0100 as Latin-1.
func latin1(char string) string {
	r, _ := utf8.DecodeRuneInString(char)
	return fmt.Sprintf("%%%02X", r)
}

// TestHostileInputTakesLinearTime compares an input with one sixteen times as
// long; quadratic work would take 256 times as long.
func TestHostileInputTakesLinearTime(t *testing.T) {
	query := func(l *params.List, b []byte) { l.Query(b, known) }
	object := func(l *params.List, b []byte) { _ = l.JSON(append(append([]byte(`{"a":[`), b...), `0]}`...)) }
	body := func(l *params.List, b []byte) { _ = l.Multipart(append([]byte("--b\r\n"), b...), "b", known) }
	batch := func(_ *params.List, b []byte) { _, _, _ = params.SplitBatch("", b, 1<<30) }
	for _, c := range []struct {
		read  func(*params.List, []byte)
		units []string
	}{
		{query, []string{"a=1&", "?", "?click_id=", "¤", "¤c", "%C2%A4cy=", "%25", "amp;", `\u0026`, "a[", "[a]", "{", "%"}},
		{query, []string{"://?click_id", "a=%E9&", "\xC2", "&", "%A4cur", "a=%257B&", "+", "\x00"}},
		{object, []string{`{"k":1},`, "[],", `"\ud83d",`, "\"\xE9\",", `"%7B",`, " "}},
		{body, []string{"--b\r\n", "\r\n--b", "\r\n", ";"}},
		{batch, []string{"{", "{}", "[", "{}\n"}},
	} {
		for _, unit := range c.units {
			compareTimes(t, c.read, unit)
		}
	}
}

func compareTimes(t *testing.T, read func(*params.List, []byte), unit string) {
	t.Helper()
	short, long := bytes.Repeat([]byte(unit), (32<<10)/len(unit)), bytes.Repeat([]byte(unit), (512<<10)/len(unit))
	a, b := fastest(read, short), fastest(read, long)
	if b > 100*a && b > 100*time.Millisecond {
		t.Errorf("%q: 32 KiB take %v, 512 KiB %v", unit, a, b)
	}
}

// fastest reads input three times with one list and returns the shortest time.
func fastest(read func(*params.List, []byte), input []byte) time.Duration {
	var l params.List
	best := time.Hour
	for range 3 {
		l.Reset()
		start := time.Now()
		read(&l, input)
		best = min(best, time.Since(start))
	}
	return best
}
