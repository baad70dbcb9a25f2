package network

// nameIndex finds what a parameter name means without folding or hashing it: by
// its first and last letter it comes to the few names that end alike, and
// compares them letter by letter. A postback asks a dozen times. Read-only after
// indexNames.
type nameIndex struct{ buckets [256][]namedTarget }

type namedTarget struct {
	name   string // folded, see params.Fold
	target target
}

func indexNames(targets map[string]target) *nameIndex {
	index := new(nameIndex)
	for name, target := range targets {
		if name != "" {
			at := bucketOf(name[0], name[len(name)-1])
			index.buckets[at] = append(index.buckets[at], namedTarget{name, target})
		}
	}
	return index
}

func bucketOf(first, last byte) byte { return first*31 + last*5 }

// find returns what raw means when it is folded.
func (x *nameIndex) find(raw string) (target, bool) {
	start, end := 0, len(raw)
	for start < end && separator(raw[start]) {
		start++
	}
	for end > start && separator(raw[end-1]) {
		end--
	}
	if start == end {
		return target{}, false
	}
	raw = raw[start:end]
	bucket := x.buckets[bucketOf(lowerByte(raw[0]), lowerByte(raw[len(raw)-1]))]
	for i := range bucket {
		if foldsTo(raw, bucket[i].name) {
			return bucket[i].target, true
		}
	}
	return target{}, false
}

// foldsTo reports whether raw folds to name.
func foldsTo(raw, name string) bool {
	if len(raw) < len(name) {
		return false
	}
	at := 0
	for i := range len(raw) {
		c := raw[i]
		if separator(c) {
			continue
		}
		if at == len(name) || lowerByte(c) != name[at] {
			return false
		}
		at++
	}
	return at == len(name)
}

func separator(c byte) bool { return c == '_' || c == '-' || c == ' ' }

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
