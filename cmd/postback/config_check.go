package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema/customer"
	"github.com/postbackhq/postback/schema/money"
)

// configRules are what a check tag names. A rule gets one word of the value
// and says what is wrong with it; empty words pass unless the rule says
// otherwise.
var configRules = map[string]func(string) error{
	"listen": checkListen, "listen?": checkListen, "broker": checkBroker, "redis": checkRedis, "cidr": checkRange,
	"currency": checkCurrency, "country": checkCountry, "timezone": checkTimezone, "path": checkPath,
}

// neededRules refuse an empty value.
var neededRules = map[string]bool{"listen": true, "path": true}

// checkKeys holds every value to its tags.
func (p *problems) checkKeys(c *config) {
	eachKey(reflect.ValueOf(c).Elem(), "", func(path string, field reflect.StructField, v reflect.Value) {
		p.checkRule(path, field, v)
		text, scalar := scalarText(v)
		if !scalar {
			return
		}
		if words := field.Tag.Get("oneof"); words != "" && text != "" {
			allowed := strings.Fields(words)
			if !contains(allowed, text) {
				p.add(path, "%s: %q is none of %s%s", path, text, strings.Join(allowed, ", "), didYouMean(text, allowed))
				return
			}
		}
		p.checkBounds(path, field, v)
		if only, ok := field.Tag.Lookup("later"); ok && text != only {
			p.add(path, "%s: %s is not available in this version; leave it out or write %s", path, quote(text), orWord(only, `""`))
		}
	})
}

func (p *problems) checkRule(path string, field reflect.StructField, v reflect.Value) {
	name := field.Tag.Get("check")
	rule, ok := configRules[name]
	if !ok {
		return
	}
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if err := rule(v.Index(i).String()); err != nil {
				p.add(fmt.Sprintf("%s[%d]", path, i), "%s: %s", path, err)
			}
		}
		return
	}
	text := v.String()
	if text == "" && !neededRules[name] {
		return
	}
	if err := rule(text); err != nil {
		p.add(path, "%s: %s", path, err)
	} else if name == "currency" && money.Lookup(text).Kind == money.Unknown {
		p.warn(path, "%s: %q is no code of ISO 4217; it is kept, with two decimals", path, text)
	}
}

// checkBounds compares numbers, sizes and durations with min and max.
func (p *problems) checkBounds(path string, field reflect.StructField, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	for _, side := range []string{"min", "max"} {
		text, ok := field.Tag.Lookup(side)
		if !ok {
			continue
		}
		bound := reflect.New(v.Type()).Elem()
		if err := setScalar(bound, text); err != nil {
			panic("BUG: the tag " + side + " of " + path + " cannot be read")
		}
		below := less(v, bound)
		if side == "min" && below {
			p.add(path, "%s: %s is too small, the least is %s", path, format(v), text)
		}
		if side == "max" && less(bound, v) {
			p.add(path, "%s: %s is too large, the most is %s", path, format(v), text)
		}
	}
}

func less(a, b reflect.Value) bool {
	if a.CanFloat() {
		return a.Float() < b.Float()
	}
	return a.Int() < b.Int()
}

func format(v reflect.Value) string {
	text, _ := scalarText(v)
	return text
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func checkListen(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is no address to listen on, such as :8080 or 127.0.0.1:8081", text)
	}
	return nil
}

func checkBroker(text string) error {
	host, port, err := net.SplitHostPort(text)
	n, portErr := strconv.Atoi(port)
	if err != nil || host == "" || portErr != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is no broker, write host:port such as kafka-1:9092", text)
	}
	return nil
}

// checkRedis lets the store judge; it dials nothing and never repeats the URL,
// for that may hold a password.
func checkRedis(text string) error {
	store, err := dedupe.DialRedis(dedupe.RedisConfig{URL: text, Owner: 1})
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "redis.url: "))
	}
	return store.Close()
}

func checkRange(text string) error {
	_, err := ingest.ParseNetworks([]string{text})
	return err
}

func checkCurrency(text string) error {
	if kind := money.Lookup(text).Kind; kind == money.NoCode || kind == money.Symbol {
		return fmt.Errorf("%q is no currency code of ISO 4217 such as USD", text)
	}
	return nil
}

func checkCountry(text string) error {
	if _, ok := customer.Country(text); !ok {
		return fmt.Errorf("%q is no country of ISO 3166 such as US", text)
	}
	return nil
}

func checkTimezone(text string) error {
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		return fmt.Errorf("%q is no time zone of the tz database such as Europe/Berlin", text)
	}
	return nil
}

func checkPath(text string) error {
	if text == "" {
		return errors.New("a folder is needed")
	}
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file, not a folder", text)
	}
	return nil
}

// isLoopback reports whether an address to listen on can be reached from this
// machine only.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
