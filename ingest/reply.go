package ingest

import (
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/postbackhq/postback/schema"
)

// The headers that tell a sender what became of its postback.
const (
	HeaderResult  = "X-Postback-Result"
	HeaderEventID = "X-Postback-Event-Id"
	HeaderReason  = "X-Postback-Reason"
)

const allowedMethods = "GET, POST, HEAD, OPTIONS"

// pixelGIF is a transparent image of one pixel, 43 bytes, for senders that
// embed the URL in a page.
const pixelGIF = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// status is the reply table: what a network sees of a Decision. Whatever could
// be made durable is a 2xx, for networks switch a postback off that answers
// errors; a 5xx only says that nothing durable could be made.
func (d Decision) status(strict bool) int {
	switch d.Outcome {
	case schema.OutcomeQuarantined:
		if strict {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	case schema.OutcomeUnknown:
		return http.StatusNotFound
	case schema.OutcomeUnavailable:
		return http.StatusServiceUnavailable
	case schema.OutcomeRefused:
		return refusalStatus(d.Reason)
	}
	return http.StatusOK
}

// answered reports whether the postback itself was judged, so that the reply
// names the result.
func (d Decision) answered() bool {
	switch d.Outcome {
	case schema.OutcomeNone, schema.OutcomeUnknown, schema.OutcomeRefused, schema.OutcomeUnavailable:
		return false
	}
	return true
}

func refusalStatus(reason schema.Reason) int {
	switch reason {
	case schema.ReasonNoToken, schema.ReasonTokenConflict:
		return http.StatusUnauthorized
	case schema.ReasonWrongToken, schema.ReasonAddressRefused:
		return http.StatusForbidden
	case schema.ReasonMethod:
		return http.StatusMethodNotAllowed
	case schema.ReasonBodyTooLarge, schema.ReasonBatchTooLarge:
		return http.StatusRequestEntityTooLarge
	case schema.ReasonHeadTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case schema.ReasonEncodedBody:
		return http.StatusUnsupportedMediaType
	case schema.ReasonRateLimited:
		return http.StatusTooManyRequests
	}
	return http.StatusBadRequest
}

// reply writes the answer to one postback.
func (s *Server) reply(ctx *fasthttp.RequestCtx, in *Integration, r route, d Decision) {
	code := d.status(in != nil && in.Strict)
	if code == http.StatusOK && in != nil {
		code = in.replyStatus
	}
	head := &ctx.Response.Header
	if d.Outcome == schema.OutcomeNone {
		code = http.StatusNoContent
		head.Set("Allow", allowedMethods)
	}
	ctx.SetStatusCode(code)
	head.Set("Cache-Control", "no-store")
	if d.answered() {
		head.Set(HeaderResult, d.Outcome.String())
	}
	if d.HasID {
		var id [36]byte
		head.SetBytesV(HeaderEventID, d.EventID.Append(id[:0]))
	}
	if d.Reason != schema.ReasonNone {
		head.Set(HeaderReason, string(d.Reason))
	}
	switch code {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		head.Set("Retry-After", strconv.Itoa(s.retryAfter(d)))
	case http.StatusMethodNotAllowed:
		head.Set("Allow", allowedMethods)
	}
	if r.pixel {
		ctx.SetContentType("image/gif")
		ctx.SetBodyString(pixelGIF)
		return
	}
	s.body(ctx, in, d, code)
}

// body writes the network's own word for an accepted postback, the reasons for
// a strict integration, and a plain word for the rest.
func (s *Server) body(ctx *fasthttp.RequestCtx, in *Integration, d Decision, code int) {
	switch {
	case code == http.StatusUnprocessableEntity:
		ctx.SetContentType("application/json")
		ctx.SetBody(schema.TextObject(nil,
			schema.Param{Name: "result", Value: d.Outcome.String()},
			schema.Param{Name: "reason", Value: string(d.Reason)},
			schema.Param{Name: "detail", Value: d.Detail},
		))
	case in != nil && code == in.replyStatus && d.answered():
		ctx.SetContentType(in.replyType)
		if d.Outcome == schema.OutcomeDuplicate {
			ctx.SetBodyString(in.replyDuplicate)
		} else {
			ctx.SetBodyString(in.replyBody)
		}
	case code == http.StatusOK:
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("OK")
	case code == http.StatusNotFound:
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("unknown")
	}
}

// retryAfter is in seconds.
func (s *Server) retryAfter(d Decision) int {
	if d.Outcome == schema.OutcomeUnavailable {
		return 5
	}
	return 1
}
