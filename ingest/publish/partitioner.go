package publish

// positiveHash is the 32-bit murmur2 of the key with the sign bit cleared, as
// the Java client computes it (Apache Kafka, Utils.murmur2 and
// Utils.toPositive). The partition is its remainder by their number, so adding
// partitions moves keys. No key hashes like an empty one: every record of ours
// has a fixed place.
func positiveHash(key []byte) int32 {
	return int32(murmur2(key) & 0x7fffffff)
}

// murmur2 is MurmurHash2 with the seed of the Java client.
func murmur2(key []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(key))
	for len(key) >= 4 {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h = h*m ^ k
		key = key[4:]
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
