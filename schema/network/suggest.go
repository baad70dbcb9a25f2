package network

import "github.com/postbackhq/postback/schema/params"

// foldName returns the form of a parameter name under which names match.
func foldName(name string) string { return string(params.Fold(nil, name)) }

// didYouMean returns `; did you mean "x"?` for the closest of words, or nothing
// when none is close.
func didYouMean(word string, words []string) string {
	if best := closest(word, words); best != "" {
		return `; did you mean "` + best + `"?`
	}
	return ""
}

// closest returns the word with the smallest edit distance to word, if at most a
// third of it differs; the first one on a tie.
func closest(word string, words []string) string {
	const longest = 64
	if word == "" || len(word) > longest {
		return ""
	}
	best, limit := "", max(1, len(word)/3)
	for _, w := range words {
		if d := distance(foldName(word), foldName(w)); d <= limit {
			best, limit = w, d-1
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
