//go:build !race

package ingest_test

import (
	"strconv"
	"testing"

	"github.com/valyala/fasthttp"
)

// TestCommonPostbackDoesNotAllocate drives the common GET from the parsed
// request to its durable answer, lanes included. What little remains belongs to
// growing tables, which happens once in many requests.
func TestCommonPostbackDoesNotAllocate(t *testing.T) {
	sv := start(t)
	var ctx fasthttp.RequestCtx
	uri := []byte("/demo/collect/generic?click_id=c1&commission=4.99&currency=USD&brand_name=Apple&event_name=Purchase&sub1=x&transaction_id=T")
	base := len(uri)
	n := uint64(0)
	once := func() {
		n++
		uri = strconv.AppendUint(uri[:base], n, 10)
		ctx.Request.Header.SetRequestURIBytes(uri)
		ctx.Response.Reset()
		sv.server.Handle(&ctx)
		if ctx.Response.StatusCode() != 200 {
			t.Fatalf("status %d", ctx.Response.StatusCode())
		}
	}
	for range 2000 {
		once()
	}
	if allocs := testing.AllocsPerRun(1000, once); allocs >= 1 {
		t.Errorf("a common postback allocates %.2f times", allocs)
	}
}
