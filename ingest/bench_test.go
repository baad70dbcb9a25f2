package ingest_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"
)

func BenchmarkAcceptEmbedded(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			sv := start(b)
			var n atomic.Uint64
			b.ReportAllocs()
			b.SetParallelism(max(1, callers/2))
			b.RunParallel(func(pb *testing.PB) {
				var ctx fasthttp.RequestCtx
				uri := []byte("/demo/collect/generic?click_id=c1&commission=4.99&currency=USD&brand_name=Apple&event_name=Purchase&sub1=x&transaction_id=T")
				base := len(uri)
				for pb.Next() {
					uri = strconv.AppendUint(uri[:base], n.Add(1), 10)
					ctx.Request.Header.SetRequestURIBytes(uri)
					ctx.Response.Reset()
					sv.server.Handle(&ctx)
					if ctx.Response.StatusCode() != 200 {
						b.Errorf("status %d", ctx.Response.StatusCode())
					}
				}
			})
		})
	}
}
