package customer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The platforms whose normal forms Normalize knows. MetaParamBuilder is Meta's
// capi-param-builder library, which differs from Meta's documentation and SDKs
// in states, cities, countries and blanks inside names; it exists here to be
// compared with.
const (
	Meta             = "meta"
	MetaParamBuilder = "meta_param_builder"
	Google           = "google"
	TikTok           = "tiktok"
	Snap             = "snap"
	Pinterest        = "pinterest"
)

// Why Normalize gives no form.
var (
	// ErrPlatform says that the platform is none of Platforms.
	ErrPlatform = errors.New("unknown platform")
	// ErrField says that the platform documents no such field, see PlatformFields.
	ErrField = errors.New("field not taken by this platform")
	// ErrRefused says that the value has no normal form there. The value itself
	// is personal data and never part of the error.
	ErrRefused = errors.New("value has no normal form")
)

// Options is what a platform's form may need beside the value. The zero value
// is what the vendors' own helpers assume.
type Options struct {
	// Country is the alpha-2 code, in upper case, of the country national phone
	// numbers, states and postal codes are from. Empty: phones must bring their
	// calling code (Snap: ten digits are North American, as its SDK has it),
	// states are tried as US, and postal codes are cut as US ones.
	Country string
	// Now is the day after which a birthdate is refused; zero accepts any.
	Now time.Time
}

// Form is a value as a platform wants it.
type Form struct {
	// Normalized is the text that is hashed or, where the platform takes the
	// field in clear, sent. For an input that was a SHA-256 it is that hash.
	Normalized string
	// SHA256 is the lower-case hex hash of Normalized; empty where the field
	// must not be hashed.
	SHA256 string
}

// Normalize returns the form of input that platform documents for field, a
// parameter name such as "email" or "first_name", or one of the fields only
// platforms know ("external_id", "gender", "street", "client_ip_address",
// "currency"). The error wraps ErrPlatform, ErrField or ErrRefused and repeats
// nothing of input. A SHA-256 is passed through in lower case where the field
// is hashed, and refused where it is not or is the hash of the empty string.
// Forms follow the vendor pages "Customer Information Parameters" (Meta),
// "Format user data" and its formatter libraries (Google Data Manager),
// "Conversions API parameters" (Snap), "Events API parameters" (TikTok) and the
// Conversions API field descriptions of Pinterest. It may be called
// concurrently, allocates, and is not meant for the hot path.
func Normalize(platform, field, input string, o Options) (Form, error) {
	fields, known := platformForms[platform]
	if !known {
		return Form{}, fmt.Errorf("%w: use one of %s", ErrPlatform, strings.Join(Platforms(), ", "))
	}
	form, known := fields[field]
	if !known {
		return Form{}, fmt.Errorf("%w: %s has %s", ErrField, platform, strings.Join(PlatformFields(platform), ", "))
	}
	if hashed, note, found := appendHashed(nil, input); found {
		if note != Hashed || form.clear {
			return Form{}, fmt.Errorf("%s %s: %w: it is a hash, send the text", platform, field, ErrRefused)
		}
		return Form{Normalized: string(hashed), SHA256: string(hashed)}, nil
	}
	text, ok := form.normalize(input, o)
	if !ok || text == "" {
		return Form{}, fmt.Errorf("%s %s: %w: want %s", platform, field, ErrRefused, form.wants)
	}
	if form.clear {
		return Form{Normalized: text}, nil
	}
	return Form{Normalized: text, SHA256: string(AppendSHA256(nil, []byte(text)))}, nil
}

// Platforms returns the names Normalize accepts, in alphabetical order. The
// slice is the caller's.
func Platforms() []string { return sortedKeys(platformForms) }

// PlatformFields returns the fields that platform takes, in alphabetical
// order, or nil when it is unknown. The slice is the caller's.
func PlatformFields(platform string) []string {
	if platformForms[platform] == nil {
		return nil
	}
	return sortedKeys(platformForms[platform])
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// form is how one platform wants one field.
type form struct {
	normalize func(input string, o Options) (text string, ok bool)
	wants     string // for the error: what would be accepted
	clear     bool   // sent unhashed
}

// inClear returns the same form for a platform that takes the field unhashed.
func (f form) inClear() form {
	f.clear = true
	return f
}
