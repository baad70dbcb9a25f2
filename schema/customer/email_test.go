package customer

import (
	"strings"
	"testing"
)

func TestEmailIsTrimmedLoweredAndMended(t *testing.T) {
	f := func(raw, want string, note Note) {
		t.Helper()
		checkAppend(t, FieldEmail, raw, Hints{}, want, note)
	}
	f("jane@example.com", "jane@example.com", 0)
	f("  JOHN_Smith@Gmail.com ", "john_smith@gmail.com", 0)
	f("\u00a0Jane@Example.COM\ufeff", "jane@example.com", 0)
	f("Cloudy.SanFrancisco+shopping@gmail.com", "cloudy.sanfrancisco+shopping@gmail.com", 0)
	f("jane+x@example.com", "jane+x@example.com", 0)
	f("jane x@example.com", "jane+x@example.com", EmailPlus)
	f("jane x y@example.com", "jane+x+y@example.com", EmailPlus)
	f("j..doe@docomo.ne.jp", "j..doe@docomo.ne.jp", 0)
	f("o'neil!#$%&*/=?^_`{|}~@a-b.co", "o'neil!#$%&*/=?^_`{|}~@a-b.co", 0)
	f("ÉLODIE@BÜCHER.DE", "élodie@bücher.de", 0)
	f("jane%40example.com", "jane@example.com", DoubleDecoded)
	f("jane%2Bx%40example.com", "jane+x@example.com", DoubleDecoded)
	f("%20jane%40example.com%zz", "", Rejected)
	f("%20jane%40example.com", "jane@example.com", DoubleDecoded)
	f("100%@example.com", "100%@example.com", 0)
	f("", "", 0)
	f(" \t ", "", 0)
}

func TestWhatIsNoAddressIsRejected(t *testing.T) {
	for _, raw := range []string{
		"not-an-email", "a", "a@b", "@example.com", "jane@", "jane@.com", "jane@example.",
		"jane@example..com", "jane@@example.com", "a@b@example.com", "jane @example.com",
		"jane  x@example.com", "jane@exa mple.com", "Jane <jane@example.com>", "foo(.bar)@baz.com/",
		"jane@baz.com/", "jane@127.0.0.1", "jane@example.c", "jane@example.123", "\"jane\"@example.com",
		"jane,joe@example.com", "jane\x00x@example.com", "jane\tx@example.com", "jane\xff@example.com",
		"jane@ex\xffample.com", "jane@exam☃ple.com", "jane@example.com;joe@example.com", "mailto:jane@example.com",
		strings.Repeat("a", 250) + "@example.com", strings.Repeat("a", 4096) + "@example.com",
		"%40", "jane%40",
	} {
		checkAppend(t, FieldEmail, raw, Hints{}, "", Rejected)
	}
}

func TestLongestAddressIs254Bytes(t *testing.T) {
	longest := strings.Repeat("a", 242) + "@example.com"
	checkAppend(t, FieldEmail, longest, Hints{}, longest, 0)
	checkAppend(t, FieldEmail, "a"+longest, Hints{}, "", Rejected)
	widened := strings.Repeat("Ⱥ", 121) + "@example.com"
	checkAppend(t, FieldEmail, widened, Hints{}, "", Rejected)
}

func TestSHA256OfTheSenderPassesThroughInEveryField(t *testing.T) {
	const hash = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
	for _, field := range Fields() {
		checkAppend(t, field, hash, Hints{}, hash, Hashed)
		checkAppend(t, field, " "+strings.ToUpper(hash)+"\n", Hints{Country: "US", Number: true}, hash, Hashed)
		checkAppend(t, field, emptyHash, Hints{}, "", 0)
		checkAppend(t, field, strings.ToUpper(emptyHash), Hints{}, "", 0)
	}
	digits := strings.Repeat("1234567890123456", 4)
	checkAppend(t, FieldPhone, digits, Hints{}, digits, Hashed)
}

func TestHexOfAnotherLengthIsNoHash(t *testing.T) {
	for _, raw := range []string{
		"d41d8cd98f00b204e9800998ecf8427e",
		emptyHash[:63],
		emptyHash + "0",
		"g" + emptyHash[1:],
		"",
	} {
		if IsSHA256(raw) {
			t.Errorf("IsSHA256(%q) = true", raw)
		}
	}
	checkAppend(t, FieldEmail, "d41d8cd98f00b204e9800998ecf8427e", Hints{}, "", Rejected)
}

func TestEmptyValueIsNeverHashed(t *testing.T) {
	if got := AppendSHA256([]byte("x"), nil); string(got) != "x" {
		t.Errorf("hash of nothing appended %q", got)
	}
	const want = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
	if got := AppendSHA256(nil, []byte("john_smith@gmail.com")); string(got) != want {
		t.Errorf("hash = %s, want %s", got, want)
	}
}
