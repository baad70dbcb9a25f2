package params_test

import (
	"fmt"

	"github.com/postbackhq/postback/schema/params"
)

// A postback whose URL passed through a web page: "&currency" lost its start to
// the entity of the currency sign, and the network left one macro unfilled.
func ExampleList() {
	var l params.List
	l.Query([]byte("click_id=c1&commission=4.99¤cy=EUR&transaction_id={tid}"), func(folded string) bool {
		return folded == "currency"
	})
	for _, p := range l.Params {
		fmt.Printf("%s=%s macro=%t\n", p.Name, p.Value, p.Macro)
	}
	fmt.Println(l.Repairs)
	// Output:
	// click_id=c1 macro=false
	// commission=4.99 macro=false
	// currency=EUR macro=false
	// transaction_id={tid} macro=true
	// [entity:¤cy->currency]
}

// A body that carries two conversions is divided first; each item is then a body
// of its own.
func ExampleSplitBatch() {
	items, isBatch, err := params.SplitBatch("application/json", []byte(`[{"click_id":"c1"},{"click_id":"c2"}]`), 1000)
	fmt.Println(isBatch, err)
	for _, item := range items {
		var l params.List
		err := l.JSON(item)
		fmt.Println(l.Params[0].Value, err)
	}
	// Output:
	// true <nil>
	// c1 <nil>
	// c2 <nil>
}
