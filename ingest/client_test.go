package ingest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema"
)

func TestTokensOpenOnlyForTheirSecrets(t *testing.T) {
	const digest = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" // of "secret"
	tokens, err := NewTokens("first", digest)
	if err != nil {
		t.Fatal(err)
	}
	f := func(want schema.Reason, given ...string) {
		t.Helper()
		if got := tokens.check(given); got != want {
			t.Errorf("check(%q) = %q, want %q", given, got, want)
		}
	}
	f(schema.ReasonNone, "first")
	f(schema.ReasonNone, "secret")
	f(schema.ReasonNone, "first", "first")
	f(schema.ReasonNoToken)
	f(schema.ReasonWrongToken, "other")
	f(schema.ReasonWrongToken, digest)
	f(schema.ReasonTokenConflict, "first", "secret")
	f(schema.ReasonTokenConflict, "first", "x")
	if (Tokens{}).check(nil) != schema.ReasonNone {
		t.Error("without a token configured a request is refused")
	}
	if _, err := NewTokens("a", "b", "c"); err == nil {
		t.Error("three tokens are accepted")
	}
	if _, err := NewTokens("sha256:12"); err == nil || strings.Contains(err.Error(), "12") {
		t.Errorf("a short digest gives %v", err)
	}
}

func TestForwardedAddressCountsOnlyBehindTrustedProxies(t *testing.T) {
	trusted, err := ParseNetworks([]string{"10.0.0.0/8", "::1", "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	f := func(peer, forwarded, want string) {
		t.Helper()
		if got := clientAddr(netip.MustParseAddr(peer), trusted, forwarded); got.String() != want {
			t.Errorf("clientAddr(%s, %q) = %s, want %s", peer, forwarded, got, want)
		}
	}
	f("203.0.113.9", "198.51.100.1", "203.0.113.9")
	f("10.1.2.3", "", "10.1.2.3")
	f("10.1.2.3", "198.51.100.1", "198.51.100.1")
	f("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1")
	f("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1")
	f("10.1.2.3", "198.51.100.1,192.0.2.7 , ::1", "198.51.100.1")
	f("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1")
	f("10.1.2.3", "nonsense", "10.1.2.3")
	f("10.1.2.3", "10.1.1.1", "10.1.1.1")
	if _, err := ParseNetworks([]string{"10.0.0.0/40"}); err == nil {
		t.Error("a range of /40 is accepted")
	}
}

func TestCredentialsAreRemovedFromWhatIsKept(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := redactTarget(in); got != want {
			t.Errorf("redactTarget(%q) = %q, want %q", in, got, want)
		}
	}
	f("/p/collect/n", "/p/collect/n")
	f("/p/collect/n?click_id=c1&api_key=abc&x=1", "/p/collect/n?click_id=c1&api_key=***&x=1")
	f("/p/collect/n?API-KEY=abc", "/p/collect/n?API-KEY=***")
	f("/p/collect/n?%61pi_key=abc", "/p/collect/n?%61pi_key=***")
	f("/p/collect/n?click_id=c1?token=abc&b=2", "/p/collect/n?click_id=c1?token=***&b=2")
	f("/p/collect/n?amp;token=abc", "/p/collect/n?amp;token=***")
	b := func(in, want string) {
		t.Helper()
		if got := string(redactBody([]byte(in))); got != want {
			t.Errorf("redactBody(%q) = %q, want %q", in, got, want)
		}
	}
	b("a=1&password=x%20y&b=2", "a=1&password=***&b=2")
	b(`{"token":"a\"b","n":1}`, `{"token":"***","n":1}`)
	b(`{"token" : 12, "n":1}`, `{"token" : ***, "n":1}`)
	b(`{"api_key":"abc`, `{"api_key":"***`)
	b("--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nabc\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n***\r\n--b--")
	b(`{"tokens":"kept","x":"token"}`, `{"tokens":"kept","x":"token"}`)
	b("no names at all", "no names at all")
}
