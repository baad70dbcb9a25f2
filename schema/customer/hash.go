package customer

import (
	"crypto/sha256"
	"encoding/hex"
)

// hashLen is the length of a SHA-256 in hex, the only hashed form that is
// recognised: 32 hex digits may be an MD5 or an account number.
const hashLen = 2 * sha256.Size

// emptyHash is the SHA-256 of the empty string. Some SDKs send it for a field
// that was not filled in.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// AppendSHA256 appends the SHA-256 of value in lower-case hex to dst and
// returns the longer slice; an empty value appends nothing, because its hash
// would match every other empty one. It does not allocate but to grow dst.
func AppendSHA256(dst, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	sum := sha256.Sum256(value)
	return hex.AppendEncode(dst, sum[:])
}

// IsSHA256 says whether raw, blanks around it aside, is a SHA-256 in hex, in
// either case.
func IsSHA256(raw string) bool {
	raw = trim(raw)
	if len(raw) != hashLen {
		return false
	}
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// appendHashed appends raw in lower case when it is a SHA-256. found says that
// it was one; the hash of the empty string is found and appends nothing.
func appendHashed(dst []byte, raw string) (out []byte, n Note, found bool) {
	if !IsSHA256(raw) {
		return dst, 0, false
	}
	start := len(dst)
	dst = appendLowerASCII(dst, trim(raw))
	if string(dst[start:]) == emptyHash {
		return dst[:start], 0, true
	}
	return dst, Hashed, true
}
