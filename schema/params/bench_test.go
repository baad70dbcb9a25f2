package params_test

import (
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

// cleanQuery has twelve parameters, none of which needs any work.
const cleanQuery = "click_id=CAxaduSFl0fpiROSdRkptrJ5REfN2GeEnE&commission=4.99&currency=USD&transaction_id=10492A" +
	"&brand_name=Apple&event_name=CompleteRegistration&status=approved&sale_amount=59.00&country=US&city=Berlin&zipcode=02134&state=CA"

func benchmark(b *testing.B, raw string, read func(*params.List, []byte)) {
	var l params.List
	input := []byte(raw)
	b.ReportAllocs()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		l.Reset()
		read(&l, input)
	}
}

func BenchmarkQuery(b *testing.B) {
	query := func(l *params.List, raw []byte) { l.Query(raw, known) }
	b.Run("clean12", func(b *testing.B) { benchmark(b, cleanQuery, query) })
	b.Run("encoded5", func(b *testing.B) {
		benchmark(b, "email=jsmith%40example.com&name=John%20Smith&brand=Apple%20Inc&city=K%C3%B6ln&date=2020-05-19+12%3A46%3A16", query)
	})
	b.Run("damaged4", func(b *testing.B) {
		benchmark(b, "click_id=c1&commission=4.99%C2%A4cy=USD&amp;status=approved", query)
	})
}

func BenchmarkJSON(b *testing.B) {
	benchmark(b, `{"affiliate_id":"4479","payout":"4.48500","commission":500,"aff_click_id":"ej2kaIZSEV1rhNu8ohhqtt","goal_id":"5",`+
		`"datetime":"2020-05-19 12:46:16","currency":"USD","advertiser_ref":null,"transaction":{"id":"10219dbfbe3c8802f63db008acd29c"}}`,
		func(l *params.List, raw []byte) {
			if err := l.JSON(raw); err != nil {
				b.Fatal(err)
			}
		})
}
