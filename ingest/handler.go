package ingest

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// handle answers one request: route, limits, Accept, reply.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	began := s.cfg.Now()
	path, query := splitTarget(ctx.RequestURI())
	r, ok := parseRoute(path)
	if !ok {
		s.end(ctx, nil, r, Decision{Outcome: schema.OutcomeUnknown, Reason: schema.ReasonUnknownNetwork}, began)
		return
	}
	in, reason := s.directory.Load().Lookup(r.property, r.network)
	if reason != schema.ReasonNone {
		s.end(ctx, nil, r, Decision{Outcome: schema.OutcomeUnknown, Reason: reason}, began)
		return
	}
	if d, ended := s.screen(ctx, in, query); ended {
		s.end(ctx, in, r, d, began)
		return
	}
	req := s.requests.Get().(*Request) //nolint:forcetypeassert // the pool holds nothing else
	s.request(req, ctx, in, r, query, began)
	s.take(ctx, in, r, req, began)
	*req = Request{}
	s.requests.Put(req)
}

// take gives a request to the pipeline, alone or as a batch.
func (s *Server) take(ctx *fasthttp.RequestCtx, in *Integration, r route, req *Request, began time.Time) {
	if r.action == actionValidate {
		s.metrics.validate.Inc()
		s.validate(ctx, in, req)
		return
	}
	items, batch, err := in.normalizer.Split(&req.Request)
	switch {
	case err != nil:
		s.end(ctx, in, r, s.pipeline.refuseBatch(in, req, err), began)
	case batch:
		s.replyBatch(ctx, in, s.pipeline.Batch(in, req, items), began)
	default:
		s.end(ctx, in, r, s.pipeline.Accept(in, req), began)
	}
}

// end counts and answers.
func (s *Server) end(ctx *fasthttp.RequestCtx, in *Integration, r route, d Decision, began time.Time) {
	s.metrics.count(in, d, began)
	s.reply(ctx, in, r, d)
}

// screen ends what needs no reading: other methods, pings, what is too large
// or too fast. No refusal is a redirect, for senders do not follow them.
func (s *Server) screen(ctx *fasthttp.RequestCtx, in *Integration, query []byte) (Decision, bool) {
	refuse := func(reason schema.Reason) (Decision, bool) {
		return Decision{Outcome: schema.OutcomeRefused, Reason: reason}, true
	}
	switch {
	case ctx.IsGet(), ctx.IsPost(), ctx.IsHead():
	case ctx.IsOptions():
		return Decision{Outcome: schema.OutcomeNone}, true
	default:
		return refuse(schema.ReasonMethod)
	}
	if wrong := fenceHeaders(ctx.Request.Header.RawHeaders()); wrong != "" {
		ctx.SetConnectionClose()
		return refuse(schema.ReasonBadRequest)
	}
	body := ctx.Request.Body()
	if ctx.IsHead() || len(query) == 0 && len(body) == 0 {
		return Decision{Outcome: schema.OutcomeIgnored, Reason: schema.ReasonEmpty}, true
	}
	if encoding := ctx.Request.Header.ContentEncoding(); len(encoding) > 0 && !equalFold(encoding, "identity") {
		return refuse(schema.ReasonEncodedBody)
	}
	if len(body) > s.bodyLimit(in, ctx.Request.Header.ContentType(), body) {
		return refuse(schema.ReasonBodyTooLarge)
	}
	if in.limiter != nil && !in.limiter.Allow() {
		return refuse(schema.ReasonRateLimited)
	}
	return Decision{}, false
}

// bodyLimit is the integration's own, else the listener's, which is wider for
// JSON: batches come that way.
func (s *Server) bodyLimit(in *Integration, contentType, body []byte) int {
	switch {
	case in.MaxBody > 0:
		return in.MaxBody
	case len(body) > 0 && (isJSON(contentType) || body[0] == '{' || body[0] == '['):
		return s.cfg.JSONBytes
	}
	return s.cfg.BodyBytes
}

// isJSON reports a media type of JSON, suffixed types included (RFC 6839).
func isJSON(contentType []byte) bool {
	media, _, _ := bytes.Cut(contentType, []byte(";"))
	media = bytes.ToLower(bytes.TrimSpace(media))
	return bytes.HasSuffix(media, []byte("/json")) || bytes.HasSuffix(media, []byte("+json")) || bytes.HasSuffix(media, []byte("ndjson"))
}

// request collects what Accept needs. Its memory is fasthttp's and valid until
// the handler returns.
func (s *Server) request(req *Request, ctx *fasthttp.RequestCtx, in *Integration, r route, query []byte, now time.Time) {
	head := &ctx.Request.Header
	*req = Request{
		Request: network.Request{
			Query: query, Body: ctx.Request.Body(), ContentType: text(head.ContentType()),
			ReceivedMS: now.UnixMilli(),
		},
		Method: text(head.Method()), Target: text(ctx.RequestURI()),
		Traceparent: text(head.Peek("traceparent")),
		Headers:     (*header)(head),
	}
	if r.pixel {
		req.Origin = schema.OriginPixel
	}
	if !in.tokens.Empty() {
		req.Tokens = headerTokens(head)
	}
	if len(in.addresses) > 0 {
		req.Address = s.sender(ctx)
	}
}

// header shows fasthttp's as Headers.
type header fasthttp.RequestHeader

// Each implements Headers.
func (h *header) Each(yield func(name, value string)) {
	for name, value := range (*fasthttp.RequestHeader)(h).All() {
		yield(text(name), text(value))
	}
}

func headerTokens(head *fasthttp.RequestHeader) []string {
	var tokens []string
	if key := head.Peek("X-Api-Key"); len(key) > 0 {
		tokens = append(tokens, text(key))
	}
	const bearer = "bearer "
	if auth := head.Peek("Authorization"); len(auth) > len(bearer) && equalFold(auth[:len(bearer)], bearer) {
		tokens = append(tokens, text(auth[len(bearer):]))
	}
	return tokens
}

func (s *Server) sender(ctx *fasthttp.RequestCtx) netip.Addr {
	peer, err := netip.ParseAddrPort(ctx.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	var forwarded string
	for _, line := range ctx.Request.Header.PeekAll("X-Forwarded-For") {
		if forwarded != "" {
			forwarded += ","
		}
		forwarded += string(line)
	}
	return clientAddr(peer.Addr(), s.cfg.Trusted, forwarded)
}
