//go:build !race

package params_test

import (
	"testing"

	"github.com/postbackhq/postback/schema/params"
)

func TestWarmListAllocatesNothing(t *testing.T) {
	for name, query := range map[string]string{
		"clean":   cleanQuery,
		"encoded": "email=jane%2Bx%40example.com&name=John+Smith&city=K%C3%B6ln&first_name=Val%E9ry&t[id]=%257Btxid%257D",
		"damaged": "click_id=c1&amp;commission=4.99%C2%A4cy=EUR?status=approved",
	} {
		var l params.List
		raw := []byte(query)
		if n := testing.AllocsPerRun(100, func() {
			l.Reset()
			l.Query(raw, known)
		}); n != 0 {
			t.Errorf("%s query: %v allocations", name, n)
		}
	}
	var l params.List
	body := []byte(`{"click_id":"c1","transaction":{"id":"T1","amount":4.99},"items":[1,"\u00e9",null]}`)
	if n := testing.AllocsPerRun(100, func() {
		l.Reset()
		if l.JSON(body) != nil {
			t.Fatal("body refused")
		}
	}); n != 0 {
		t.Errorf("JSON: %v allocations", n)
	}
}
