package dedupe

// CurrencyOf packs a code. Three capital letters (ISO 4217) pack without loss; anything else, which
// networks do send, keeps 15 bits of a hash: enough to see that it changed. "" is 0.
func CurrencyOf(code string) Currency {
	if code == "" {
		return 0
	}
	if len(code) == 3 && capital(code[0]) && capital(code[1]) && capital(code[2]) {
		n := (int(code[0]-'A')*26+int(code[1]-'A'))*26 + int(code[2]-'A')
		return Currency(n + 1)
	}
	h := uint32(2166136261) // FNV-1a
	for i := range len(code) {
		h = (h ^ uint32(code[i])) * 16777619
	}
	return Currency((h^h>>15)&0x7fff | 0x8000)
}

// String returns the code, or "" when only its hash is known.
func (c Currency) String() string {
	if c == 0 || c > 26*26*26 {
		return ""
	}
	n := int(c) - 1
	return string([]byte{byte('A' + n/676), byte('A' + n/26%26), byte('A' + n%26)})
}

func capital(b byte) bool { return b >= 'A' && b <= 'Z' }
