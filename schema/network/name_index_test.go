package network

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postbackhq/postback/schema/params"
)

func TestNameIndexAnswersLikeFoldAndMap(t *testing.T) {
	for _, preset := range []string{"generic", "impact", "awin"} {
		n := normalizer(t, preset)
		known := make([]string, 0, len(n.targets))
		for name := range n.targets {
			known = append(known, name)
		}
		rapid.Check(t, func(t *rapid.T) {
			name := rapid.OneOf(
				rapid.SampledFrom(known),
				rapid.StringOfN(rapid.RuneFrom([]rune("abcdefCLICK_id- .é")), 0, 30, -1),
			).Draw(t, "name")
			if rapid.Bool().Draw(t, "upper") {
				name = strings.ToUpper(name)
			}
			if at := rapid.IntRange(0, len(name)).Draw(t, "at"); rapid.Bool().Draw(t, "separated") {
				name = name[:at] + rapid.SampledFrom([]string{"_", "-", " ", "__"}).Draw(t, "separator") + name[at:]
			}
			want, ok := n.targets[string(params.Fold(nil, name))]
			got, found := n.names.find(name)
			if got != want || found != ok {
				t.Fatalf("find(%q) = %+v, %v, want %+v, %v", name, got, found, want, ok)
			}
		})
	}
}

func BenchmarkNameIndex(b *testing.B) {
	n := normalizer(b, "generic")
	names := strings.Split("click_id transaction_id commission currency sale_amount status event_name brand_name sub1 sub2 sub3 offer_id", " ")
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			for _, name := range names {
				n.names.find(name)
			}
		}
	})
	b.Run("fold and map", func(b *testing.B) {
		var fold []byte
		for b.Loop() {
			for _, name := range names {
				fold = params.Fold(fold[:0], name)
				_ = n.targets[string(fold)]
			}
		}
	})
}
