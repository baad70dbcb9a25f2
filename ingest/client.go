package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/postbackhq/postback/schema"
)

// Tokens are the secrets that may open an integration, at most two at a time
// so that one can be rotated. Only digests are kept.
type Tokens struct{ digests [][sha256.Size]byte }

// NewTokens reads secrets as the configuration gives them: plain, or
// sha256:HEX of the plain one.
func NewTokens(secrets ...string) (Tokens, error) {
	var t Tokens
	for _, s := range secrets {
		if s == "" {
			continue
		}
		digest := sha256.Sum256([]byte(s))
		if text, ok := strings.CutPrefix(s, "sha256:"); ok {
			raw, err := hex.DecodeString(text)
			if err != nil || len(raw) != sha256.Size {
				return Tokens{}, fmt.Errorf("token: sha256: must be followed by 64 hex digits")
			}
			digest = [sha256.Size]byte(raw)
		}
		t.digests = append(t.digests, digest)
	}
	if len(t.digests) > 2 {
		return Tokens{}, fmt.Errorf("token: %d secrets, at most two are valid at a time", len(t.digests))
	}
	return t, nil
}

// Empty reports whether no token is asked for.
func (t Tokens) Empty() bool { return len(t.digests) == 0 }

// match compares in constant time, so that an answer's delay tells nothing.
func (t Tokens) match(given string) bool {
	digest := sha256.Sum256([]byte(given))
	ok := 0
	for i := range t.digests {
		ok |= subtle.ConstantTimeCompare(digest[:], t.digests[i][:])
	}
	return ok == 1
}

// check judges the tokens a request carries, wherever it carries them. Two
// different ones are refused: one of them was put there by somebody else.
func (t Tokens) check(given []string) schema.Reason {
	if t.Empty() {
		return schema.ReasonNone
	}
	if len(given) == 0 {
		return schema.ReasonNoToken
	}
	for _, g := range given[1:] {
		if g != given[0] {
			return schema.ReasonTokenConflict
		}
	}
	if !t.match(given[0]) {
		return schema.ReasonWrongToken
	}
	return schema.ReasonNone
}

// Networks is a list of address ranges.
type Networks []netip.Prefix

// ParseNetworks reads CIDR ranges and single addresses.
func ParseNetworks(list []string) (Networks, error) {
	var out Networks
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a range such as 203.0.113.0/24", s)
		}
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out, nil
}

func (n Networks) contains(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// clientAddr is the sender's address: the peer of the socket, unless the peer
// is a trusted proxy. Then X-Forwarded-For is walked from the right past
// trusted hops; what stands further left was written by the sender and proves
// nothing.
func clientAddr(peer netip.Addr, trusted Networks, forwarded string) netip.Addr {
	peer = peer.Unmap()
	for forwarded != "" && trusted.contains(peer) {
		i := strings.LastIndexByte(forwarded, ',')
		hop, err := netip.ParseAddr(strings.TrimSpace(forwarded[i+1:]))
		if err != nil {
			return peer
		}
		peer = hop.Unmap()
		forwarded = forwarded[:max(i, 0)]
	}
	return peer
}
