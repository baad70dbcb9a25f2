package params_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

// known knows the canonical names, the generic preset's usual ones and those the
// entity table can damage.
func known(folded string) bool {
	switch folded {
	case "clickid", "commission", "currency", "transactionid", "brandname", "eventname", "status",
		"saleamount", "occurredat", "email", "firstname", "payout", "subid", "txid", "tid",
		"timestamp", "region", "section", "note", "notifyurl", "notifyid", "param", "param1", "copyid",
		"degree", "cents", "pounds", "quote", "ltv", "gtin", "microsite", "macro", "lang", "currencycode":
		return true
	}
	return false
}

// render writes a list in one line: pairs, their marks, then the repairs.
func render(l *params.List) string {
	var b strings.Builder
	for i := range l.Params {
		p := &l.Params[i]
		fmt.Fprintf(&b, "%s=%s", p.Name, p.Value)
		if p.Path != p.Name {
			fmt.Fprintf(&b, " @%s", p.Path)
		}
		for _, m := range []struct {
			set  bool
			word string
		}{{p.Macro, "macro"}, {p.Weak, "weak"}, {p.Null, "nullword"}, {p.JSONNull, "jsonnull"}, {p.Number, "number"}} {
			if m.set {
				b.WriteString(" !" + m.word)
			}
		}
		for _, w := range p.Notes.AppendWords(nil) {
			b.WriteString(" !" + w)
		}
		b.WriteString("\n")
	}
	for _, r := range l.Repairs {
		b.WriteString("repair " + r.String() + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// lines joins what a list is expected to render to.
func lines(s ...string) string { return strings.Join(s, "\n") }

func testQuery(t *testing.T, cases [][2]string) {
	t.Helper()
	var l params.List
	for _, c := range cases {
		l.Reset()
		l.Query([]byte(c[0]), known)
		if got := render(&l); got != c[1] {
			t.Errorf("query %s\n got: %s\nwant: %s", c[0], strings.ReplaceAll(got, "\n", " | "), strings.ReplaceAll(c[1], "\n", " | "))
		}
	}
}

func TestPairsAreSplitAtAmpersandsOnly(t *testing.T) {
	testQuery(t, [][2]string{
		{"clickid=c1&Commission=4.99&TRANSACTION-ID=T1", lines("clickid=c1", "Commission=4.99", "TRANSACTION-ID=T1")},
		{"click_id=c1&click_id=c2&commission=1", lines("click_id=c1", "click_id=c2", "commission=1")},
		{"click_id=&click_id=c2&commission=1", lines("click_id=", "click_id=c2", "commission=1")},
		{"", ""},
		{"&&a=1&&", "a=1"},
		{"=&a", "a="},
		{"=x", "=x"},
		{"a=b=c", "a=b=c"},
		{"a=1;b=2", "a=1;b=2"},
		{"click_id=", "click_id="},
		{"is_event=1& transaction_date=x&+b +=2", lines("is_event=1", "transaction_date=x", "b=2")},
		{"email=jane%2Bx@example.com&commission=1", lines("email=jane+x@example.com", "commission=1")},
		{"email=jane+x@example.com", "email=jane x@example.com"},
		{"phone=+1650", "phone= 1650"},
		{"commission=4.99&transaction_id=T1", lines("commission=4.99", "transaction_id=T1")},
		{"transaction[id]=7&sub_ids%5Bclickref%5D=c1&t[a][b]=1", lines(
			"transaction[id]=7 @transaction.id", "sub_ids[clickref]=c1 @sub_ids.clickref", "t[a][b]=1 @t.a.b")},
		{"a[]=1&items[][sku]=2", lines("a[]=1 @a", "items[][sku]=2 @items.sku")},
		{"[a]=1&a[b=2&a[b]c=3&a[b]c]=4&a[[b]]=5", lines("[a]=1", "a[b=2", "a[b]c=3", "a[b]c]=4", "a[[b]]=5")},
	})
}

func TestEntityDamageIsUndoneTowardsKnownNames(t *testing.T) {
	const currency = "repair entity:¤cy->currency"
	testQuery(t, [][2]string{
		{"click_id=c1&commission=4.99¤cy=EUR&transaction_id=T1",
			lines("click_id=c1", "commission=4.99", "currency=EUR", "transaction_id=T1", currency)},
		{"commission=4.99%C2%A4cy=EUR", lines("commission=4.99", "currency=EUR", currency)},
		{"commission=4.99%c2%a4cy=EUR", lines("commission=4.99", "currency=EUR", currency)},
		{"commission=4.99%A4cy=EUR", lines("commission=4.99", "currency=EUR", currency)},
		{"commission=4.99\xA4cy=EUR", lines("commission=4.99", "currency=EUR", currency)},
		{"commission=4.99%C2%A4cy%3DEUR", lines("commission=4.99", "currency=EUR", currency)},
		{"¤cy=EUR&a=1", lines("currency=EUR", "a=1", currency)},
		{"%C2%A4cy_code=EUR", lines("currency_code=EUR", "repair entity:¤cy_code->currency_code")},
		{"commission=4.99%C3%97tamp=1700000000",
			lines("commission=4.99", "timestamp=1700000000", "repair entity:×tamp->timestamp")},
		{"commission=4.99¬e=x", lines("commission=4.99", "note=x", "repair entity:¬e->note")},
		{"a=1®ion=eu§ion=2¶m1=z", lines("a=1", "region=eu", "section=2", "param1=z",
			"repair entity:®ion->region", "repair entity:§ion->section", "repair entity:¶m1->param1")},
		{"a=1%AEION=eu", lines("a=1", "REGION=eu", "repair entity:®ION->REGION")},
		{`a=1"e=5&b=2<v=3&c=4>in=6`, lines("a=1", "quote=5", "b=2", "ltv=3", "c=4", "gtin=6",
			`repair entity:"e->quote`, "repair entity:<v->ltv", "repair entity:>in->gtin")},
		{"a=1%22e%3D5", lines("a=1", "quote=5", `repair entity:"e->quote`)},
		{"a=1%E2%8C%A9=de", lines("a=1", "lang=de", "repair entity:\u2329->lang")},
		{"first_name=Val%E9ry%C2%A4cy=EUR", lines("first_name=Valéry !latin1", "currency=EUR", currency)},
		{"first_name=Valéry%C2%A4cy=%24+5", lines("first_name=Valéry", "currency=$ 5", currency)},
		{"click_id={click_id}&commission={commission}¤cy={currency}&transaction_id={transaction_id}",
			lines("click_id={click_id} !macro", "commission={commission} !macro", "currency={currency} !macro",
				"transaction_id={transaction_id} !macro", currency)},
	})
}

func TestCharactersOfTheEntityTableStayWithoutAKnownName(t *testing.T) {
	testQuery(t, [][2]string{
		{"click_id=c1&brand_name=A¤B&commission=1", lines("click_id=c1", "brand_name=A¤B", "commission=1")},
		{"brand_name=Times%C3%97Two&commission=1", lines("brand_name=Times×Two", "commission=1")},
		{"commission=4.99¤", "commission=4.99¤"},
		{"commission=4.99¤cy", "commission=4.99¤cy"},
		{"a=¤cyx=1", "a=¤cyx=1"},
		{"a=1%E2%82%ACe=5", "a=1€e=5"},
		{"a=%C2%AC+e=5", "a=¬ e=5"},
		{"a=<v>=1&b=<plaintext>", lines("a=<v>=1", "b=<plaintext> !macro")},
		{"a=¤" + strings.Repeat("c", 100) + "=1", "a=¤" + strings.Repeat("c", 100) + "=1"},
	})
	var l params.List
	l.Query([]byte("commission=4.99¤cy=EUR"), nil)
	if got := render(&l); got != "commission=4.99¤cy=EUR" {
		t.Errorf("without known names: %s", got)
	}
}

func TestOtherLostAmpersandsAreRestored(t *testing.T) {
	const mark, escaped = "repair second_question_mark", "repair escaped_ampersand"
	testQuery(t, [][2]string{
		{"click_id=c1&amp;commission=4.99&amp;currency=EUR",
			lines("click_id=c1", "commission=4.99", "currency=EUR", "repair amp_prefix", "repair amp_prefix")},
		{"a=1&amp;amp;AMP%3Bcurrency=EUR", lines("a=1", "currency=EUR", "repair amp_prefix", "repair amp_prefix", "repair amp_prefix")},
		{"click_id=c1?commission=4.99&currency=USD", lines("click_id=c1", "commission=4.99", "currency=USD", mark)},
		{"?click_id=c1", lines("click_id=c1", mark)},
		{"debug?click_id=c1", lines("debug=", "click_id=c1", mark)},
		{"a=1?commission=2?status=3", lines("a=1", "commission=2", "status=3", mark, mark)},
		{"a=why?b=2", "a=why?b=2"},
		{"a=1?commission", "a=1?commission"},
		{"url=https://shop.example/?click_id=x?status=1&a=1", lines("url=https://shop.example/?click_id=x?status=1", "a=1")},
		{"a=1%3Fcommission=2", "a=1?commission=2"},
		{`a=1\u0026currency=EUR`, lines("a=1", "currency=EUR", escaped)},
		{`a=1%5Cu0026currency=EUR`, lines("a=1", "currency=EUR", escaped)},
		{`\u0026currency=EUR`, lines("currency=EUR", escaped)},
		{`a=1\u0026other=2&b=\`, lines(`a=1\u0026other=2`, `b=\`)},
		{"a=1?commission=4.99¤cy=EUR", lines("a=1", "commission=4.99", "currency=EUR", mark, "repair entity:¤cy->currency")},
	})
}

func TestBytesBecomeCleanText(t *testing.T) {
	testQuery(t, [][2]string{
		{"a=%zz&b=%4&c=%&d=100%25", lines("a=%zz !bad_escape", "b=%4 !bad_escape", "c=% !bad_escape", "d=100%")},
		{"first_name=Val%E9ry", "first_name=Valéry !latin1"},
		{"a=%80%93%9F", "a=€“Ÿ !latin1"},
		{"a=x%81y", "a=xy !latin1 !control_stripped"},
		{"click_id=%00abc%0d%0a", "click_id=abc !control_stripped"},
		{"a=%EF%BB%BFx%7F%C2%85%09", "a=x !control_stripped"},
		{"na%00me=x", "name=x !control_stripped"},
		{"n%E9e=x", "née=x !latin1"},
		{"a=%EF%BF%BD", "a=\uFFFD"},
		{"a=a\x01b", "a=ab !control_stripped"},
	})
}

func TestRawTextIsKeptUndecoded(t *testing.T) {
	var l params.List
	l.Query([]byte("a=%41+b&b=1%C2%A4cy=%7Bx%7D&c=d"), known)
	want := []string{"%41+b", "1", "%7Bx%7D", "d"}
	for i, p := range l.Params {
		if p.Raw != want[i] || p.Source != params.Query {
			t.Errorf("%s: raw %q from %s, want %q from query", p.Name, p.Raw, p.Source, want[i])
		}
	}
}

func TestFormFollowsTheRulesOfQuery(t *testing.T) {
	var l params.List
	l.Query([]byte("click_id=c1"), known)
	l.Form([]byte("\xEF\xBB\xBFcommission=1&click_id=c2\r\n"), known)
	if got, want := render(&l), lines("click_id=c1", "commission=1", "click_id=c2"); got != want {
		t.Errorf("got %s", got)
	}
	if l.Params[0].Source != params.Query || l.Params[2].Source != params.Form {
		t.Errorf("sources %s, %s", l.Params[0].Source, l.Params[2].Source)
	}
}

func TestParametersAreBounded(t *testing.T) {
	var l params.List
	l.Query([]byte(strings.Repeat("a=1&", params.MaxParams)+"b=%41"), known)
	if len(l.Params) != params.MaxParams || !l.TooMany {
		t.Errorf("%d parameters, too many %v", len(l.Params), l.TooMany)
	}
	l.Reset()
	l.Query([]byte(strings.Repeat("a=1&", 65)), known)
	if len(l.Params) != 65 || l.TooMany {
		t.Errorf("%d parameters, too many %v", len(l.Params), l.TooMany)
	}
	l.Reset()
	l.Query([]byte(strings.Repeat("amp;", 2*params.MaxRepairs)+"a=1"), known)
	if len(l.Repairs) != params.MaxRepairs || l.Params[0].Name != "a" {
		t.Errorf("%d repairs of %q", len(l.Repairs), l.Params[0].Name)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	var l params.List
	if err := l.Body("", []byte(`{"a":{"b":[`+strings.Repeat("1,", 5000)+`1]}}`), known); err != nil {
		t.Fatal(err)
	}
	if err := l.JSON([]byte(`{"` + strings.Repeat("k", 300<<10) + `":1}`)); err != nil {
		t.Fatal(err)
	}
	l.Query([]byte(strings.Repeat("x¤cy=%41&", params.MaxParams)), known)
	l.Add([]byte("one"), []byte("more"), params.Query)
	if len(l.Params) != params.MaxParams || !l.TooMany {
		t.Fatalf("%d parameters", len(l.Params))
	}
	l.Reset()
	if len(l.Params) != 0 || len(l.Repairs) != 0 || l.TooMany || l.Files != 0 {
		t.Fatalf("after Reset: %d parameters, %d repairs, %v", len(l.Params), len(l.Repairs), l.TooMany)
	}
	l.Query([]byte("a=%41"), known)
	if got := render(&l); got != "a=A" {
		t.Errorf("got %s", got)
	}
}

func TestAddExaminesTextThatIsNotEncoded(t *testing.T) {
	var l params.List
	l.Add([]byte(" Click ID "), []byte("a+b%41"), params.Form)
	l.Add([]byte("n"), []byte("%7Btid%7D"), params.Form)
	l.Add([]byte("a[b]"), []byte("\xE9\r\n"), params.Form)
	want := lines("Click ID=a+b%41", "n=%7Btid%7D !macro !double_decoded", "a[b]=é @a.b !latin1 !control_stripped")
	if got := render(&l); got != want {
		t.Errorf("got %s", got)
	}
}

func TestFoldMatchesNamesWithoutCaseAndSeparators(t *testing.T) {
	for in, want := range map[string]string{
		"Transaction-ID": "transactionid", "click_id": "clickid", "CLICK id": "clickid",
		"transaction.id": "transaction.id", "É_x": "Éx", "": "",
	} {
		if got := string(params.Fold(nil, in)); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSourcesAndRepairsHaveWords(t *testing.T) {
	got := fmt.Sprint(params.Query, params.Form, params.Multipart, params.JSON, params.Source(9))
	if got != "query form multipart json unknown" {
		t.Error(got)
	}
	if !(params.Latin1 | params.BadEscape).Has(params.Latin1) || params.Latin1.Has(params.BadEscape) {
		t.Error("Has does not tell bits apart")
	}
}
