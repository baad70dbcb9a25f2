package params_test

import (
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

// row is one edge case of the field: a request and what it holds.
type row struct {
	name, query, media, body string
	want                     string
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func checkRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var l params.List
			l.Query([]byte(r.query), known)
			got := ""
			if err := l.Body(r.media, []byte(r.body), known); err != nil {
				got = "\nerror"
			}
			if got = strings.TrimPrefix(render(&l)+got, "\n"); got != r.want {
				t.Errorf("%s %s\n got: %q\nwant: %q", r.query, r.body, got, r.want)
			}
		})
	}
}

func TestNamesAndDamageOfRealRequests(t *testing.T) {
	const entity = "repair entity:¤cy->currency"
	checkRows(t, []row{
		{name: "K1 flexible names", query: "clickid=c1&Commission=4.99&TRANSACTION-ID=T1", want: lines("clickid=c1", "Commission=4.99", "TRANSACTION-ID=T1")},
		{name: "K2 entity as printed", query: "click_id=c1&commission=4.99¤cy=EUR&transaction_id=T1",
			want: lines("click_id=c1", "commission=4.99", "currency=EUR", "transaction_id=T1", entity)},
		{name: "K3 entity in UTF-8", query: "click_id=c1&commission=4.99%C2%A4cy=EUR&transaction_id=T1",
			want: lines("click_id=c1", "commission=4.99", "currency=EUR", "transaction_id=T1", entity)},
		{name: "K4 entity in Latin-1", query: "click_id=c1&commission=4.99%A4cy=EUR", want: lines("click_id=c1", "commission=4.99", "currency=EUR", entity)},
		{name: "K5 amp prefix", query: "click_id=c1&amp;commission=4.99&amp;currency=EUR",
			want: lines("click_id=c1", "commission=4.99", "currency=EUR", "repair amp_prefix", "repair amp_prefix")},
		{name: "K6 encoded equals sign", query: "click_id=c1&commission=4.99%C2%A4cy%3DEUR", want: lines("click_id=c1", "commission=4.99", "currency=EUR", entity)},
		{name: "K7 second question mark", query: "click_id=c1?commission=4.99&currency=USD",
			want: lines("click_id=c1", "commission=4.99", "currency=USD", "repair second_question_mark")},
		{name: "K8 repeated name", query: "click_id=c1&click_id=c2&commission=1", want: lines("click_id=c1", "click_id=c2", "commission=1")},
		{name: "K9 empty first", query: "click_id=&click_id=c2&commission=1", want: lines("click_id=", "click_id=c2", "commission=1")},
		{name: "K10 brand with the sign", query: "click_id=c1&brand_name=A¤B&commission=1", want: lines("click_id=c1", "brand_name=A¤B", "commission=1")},
		{name: "K11 timestamp", query: "click_id=c1&commission=4.99%C3%97tamp=1700000000",
			want: lines("click_id=c1", "commission=4.99", "timestamp=1700000000", "repair entity:×tamp->timestamp")},
		{name: "E69 note", query: "commission=4.99¬e=x", want: lines("commission=4.99", "note=x", "repair entity:¬e->note")},
		{name: "E70 sign alone", query: "commission=4.99¤", want: "commission=4.99¤"},
		{name: "E71 times two", query: "brand_name=Times%C3%97Two&commission=1", want: lines("brand_name=Times×Two", "commission=1")},
		{name: "E73 cut at a fragment", query: "click_id=", want: "click_id="},
		{name: "E32 nothing", want: ""},
		{name: "E36 controls", query: "click_id=%00abc%0d%0a", want: "click_id=abc !control_stripped"},
	})
}

func TestMacrosAndAbsenceInRealRequests(t *testing.T) {
	checkRows(t, []row{
		{name: "M1 untouched template", query: "click_id={click_id}&commission={commission}¤cy={currency}&transaction_id={transaction_id}",
			want: lines("click_id={click_id} !macro", "commission={commission} !macro", "currency={currency} !macro",
				"transaction_id={transaction_id} !macro", "repair entity:¤cy->currency")},
		{name: "M2 encoded template", query: "click_id=%7Bsubacc4%7D&payout=%7Brevenue%7D&status=%7Bstatus%7D&tid=%7Btrans_id%7D",
			want: lines("click_id={subacc4} !macro", "payout={revenue} !macro", "status={status} !macro", "tid={trans_id} !macro")},
		{name: "M3 encoded twice", query: "click_id=c1&transaction_id=%257Btxid%257D&commission=4.99",
			want: lines("click_id=c1", "transaction_id=%7Btxid%7D !macro !double_decoded", "commission=4.99")},
		{name: "M4 null", query: "click_id=c1&transaction_id=null&commission=4.99",
			want: lines("click_id=c1", "transaction_id=null !nullword", "commission=4.99")},
		{name: "M5 hex digits", query: "click_id=c1&transaction_id=%date%&commission=4.99",
			want: lines("click_id=c1", "transaction_id=%date% !macro", "commission=4.99")},
		{name: "M6 brackets", query: "click_id=c1&commission=[payout]", want: lines("click_id=c1", "commission=[payout] !macro")},
		{name: "M7 a person", query: "click_id=c1&first_name=Null&commission=4.99",
			want: lines("click_id=c1", "first_name=Null !nullword", "commission=4.99")},
		{name: "M8 replace", query: "click_id=c1&commission=REPLACE", want: lines("click_id=c1", "commission=REPLACE !macro")},
		{name: "M9 undefined", query: "click_id=c1&commission=4.99&currency=undefined",
			want: lines("click_id=c1", "commission=4.99", "currency=undefined !nullword")},
		{name: "M10 no click", query: "commission=4.99&transaction_id=T1", want: lines("commission=4.99", "transaction_id=T1")},
		{name: "M11 amount only", query: "commission=4.99", want: "commission=4.99"},
		{name: "M12 encoded plus", query: "email=jane%2Bx@example.com&commission=1", want: lines("email=jane+x@example.com", "commission=1")},
		{name: "M13 bare plus", query: "email=jane+x@example.com&commission=1", want: lines("email=jane x@example.com", "commission=1")},
		{name: "E72 escaped percent", query: "click_id=c1&commission=%25payout%25", want: lines("click_id=c1", "commission=%payout% !macro")},
	})
}

func TestBodiesOfRealRequests(t *testing.T) {
	const both = "click_id=c1"
	checkRows(t, []row{
		{name: "J1 numbers", media: jsonType, body: `{"click_id":"c1","transaction_id":10492,"commission":4.99}`,
			want: lines("click_id=c1", "transaction_id=10492 !number", "commission=4.99 !number")},
		{name: "J2 nulls", media: jsonType, body: `{"click_id":"c1","transaction_id":null,"commission":null}`,
			want: lines("click_id=c1", "transaction_id= !jsonnull", "commission= !jsonnull")},
		{name: "J3 query and form", query: both, media: formType, body: "commission=1&click_id=c1", want: lines("click_id=c1", "commission=1", "click_id=c1")},
		{name: "E23 differing amounts", query: "commission=1", media: formType, body: "commission=2", want: lines("commission=1", "commission=2")},
		{name: "E24 form under a JSON type", query: both, media: jsonType, body: "commission=2", want: lines("click_id=c1", "commission=2")},
		{name: "E24 neither", query: both, media: jsonType, body: "hello", want: lines("click_id=c1", "error")},
		{name: "E25 no type", body: `{"click_id":"c1"}`, want: "click_id=c1"},
		{name: "E27 nested", media: jsonType, body: `{"transaction":{"id":"T1"}}`, want: "transaction.id=T1"},
		{name: "E28 envelope", media: formType, body: "AwinTransactionPush=%7B%22transactionId%22%3A+%22105956531%22%7D",
			want: `AwinTransactionPush={"transactionId": "105956531"}`},
		{name: "E29 large number", media: jsonType, body: `{"transaction_id":9007199254740993}`, want: "transaction_id=9007199254740993 !number"},
		{name: "E30 repeated key", media: jsonType, body: `{"commission":1,"commission":2}`, want: lines("commission=1 !number", "commission=2 !number !repeated")},
		{name: "E31 trailing comma", query: both, media: jsonType, body: `{"commission":1,}`, want: lines("click_id=c1", "error")},
		{name: "E32 empty body", query: both, media: jsonType, want: both},
		{name: "E33 white space", query: both, body: "\r\n", want: both},
	})
}

func TestTextInsideAFormFieldCanBeReadAsJSON(t *testing.T) {
	var l params.List
	l.Form([]byte("AwinTransactionPush=%7B%22transactionId%22%3A+%22105956531%22%2C%22transactionParts%22%3A%5B%7B%22amount%22%3A3%7D%5D%7D&x=1"), known)
	if err := l.JSON([]byte(l.Params[0].Value)); err != nil {
		t.Fatal(err)
	}
	l.Params = l.Params[1:]
	if got, want := render(&l), lines("x=1", "transactionId=105956531", "transactionParts.0.amount=3 !number"); got != want {
		t.Errorf("got %q", got)
	}
}
