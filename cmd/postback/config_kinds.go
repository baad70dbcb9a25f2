package main

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// size is a number of bytes, written 65536, 64KiB or 64KB.
type size int64

// span is a duration, written 25ms, 5s, 720h or 30d.
type span time.Duration

// decimal is an amount or ratio as written; it is never a float.
type decimal string

// secrets are credentials, one or a list; they are never printed.
type secrets []string

// sizeUnits are the suffixes of a size, longest first: IEC 80000-13 binary
// prefixes, and the decimal ones of the SI.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func parseSize(text string) (size, error) {
	number, unit := strings.ToUpper(strings.TrimSpace(text)), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, errors.New("want a size such as 65536, 64KiB or 10GiB")
	}
	return size(n * unit), nil
}

// String writes the largest binary unit that divides s.
func (s size) String() string {
	for _, u := range []int{3, 2, 1, 0} {
		if unit := size(sizeUnits[u].bytes); s >= unit && s%unit == 0 {
			name := []string{"KiB", "MiB", "GiB", "TiB"}[u]
			return strconv.FormatInt(int64(s/unit), 10) + name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func parseSpan(text string) (span, error) {
	text = strings.TrimSpace(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && n >= 0 && n < 100_000 {
			return span(n * float64(24*time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New("want a duration with its unit, such as 25ms, 5s, 720h or 30d")
	case d < 0:
		return 0, errors.New("want a duration that is not negative")
	}
	return span(d), nil
}

// String writes whole hours, minutes and seconds without the zeros behind.
func (s span) String() string {
	text := time.Duration(s).String()
	for _, zero := range []string{"0s", "0m"} {
		rest, ok := strings.CutSuffix(text, zero)
		if !ok || rest == "" || !strings.ContainsAny(rest[len(rest)-1:], "hm") {
			break
		}
		text = rest
	}
	return text
}

// setScalar stores text in a field. The error says what would be accepted.
func setScalar(v reflect.Value, text string) error {
	switch target := v.Addr().Interface().(type) {
	case *size:
		n, err := parseSize(text)
		if err != nil {
			return err
		}
		*target = n
	case *span:
		d, err := parseSpan(text)
		if err != nil {
			return err
		}
		*target = d
	case **span:
		d, err := parseSpan(text)
		if err != nil {
			return err
		}
		*target = &d
	case *bool:
		b, ok := map[string]bool{"true": true, "false": false}[strings.ToLower(text)]
		if !ok {
			return errors.New("want true or false")
		}
		*target = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("want a whole number")
		}
		*target = n
	case *float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return errors.New("want a number")
		}
		*target = f
	case *decimal:
		*target = decimal(text)
	case *string:
		*target = text
	default:
		return errors.New("no single value belongs here")
	}
	return nil
}

// scalarText is the inverse of setScalar; ok is false for lists and maps.
func scalarText(v reflect.Value) (text string, ok bool) {
	switch value := v.Interface().(type) {
	case size:
		return value.String(), true
	case span:
		return value.String(), true
	case *span:
		if value == nil {
			return "", true
		}
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	case int:
		return strconv.Itoa(value), true
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64), true
	case decimal:
		return string(value), true
	case string:
		return value, true
	}
	return "", false
}

// eachKey calls f for every key below v, parents before children, with the
// path that problems name: properties[0].token.
func eachKey(v reflect.Value, path string, f func(path string, field reflect.StructField, v reflect.Value)) {
	for i := range v.NumField() {
		field, at := v.Type().Field(i), v.Field(i)
		name := field.Tag.Get("yaml")
		if name == "" {
			continue
		}
		key := join(path, name)
		f(key, field, at)
		switch {
		case at.Kind() == reflect.Struct:
			eachKey(at, key, f)
		case at.Kind() == reflect.Slice && at.Type().Elem().Kind() == reflect.Struct:
			for n := range at.Len() {
				eachKey(at.Index(n), fmt.Sprintf("%s[%d]", key, n), f)
			}
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
