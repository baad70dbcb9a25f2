package ingest

import (
	"net/netip"
	"unsafe"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// Request is one postback as Accept takes it, whatever door it came through.
// Its memory belongs to the caller and must stay as it is until Accept
// returns; nothing of it is kept afterwards.
type Request struct {
	network.Request

	Method, Target string
	// Address is the sender's, behind trusted proxies.
	Address netip.Addr
	// Tokens are the credentials the headers carried; those among the
	// parameters are found by normalizing.
	Tokens []string
	// Traceparent is the W3C trace context header, handed on to consumers.
	Traceparent string
	// Headers is the header, of which some is kept beside a failed request; nil
	// where there was none.
	Headers Headers

	batch *batchGroup
	// replay marks a request of the failed topic, whose id there is failedID.
	replay   bool
	failedID schema.ID
}

// Headers yields the fields of a request's header.
type Headers interface {
	Each(yield func(name, value string))
}

// bytesOf views a string as bytes that nobody writes to.
func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // read only, see above
}

// text views bytes of a request as a string without a copy. It is valid as
// long as the request is.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b)) //nolint:gosec // valid while the request is, see Request
}
