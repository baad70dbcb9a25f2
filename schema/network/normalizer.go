package network

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/customer"
	"github.com/postbackhq/postback/schema/money"
	"github.com/postbackhq/postback/schema/params"
)

// Settings are an integration's: what Normalize needs beyond the preset. Only
// Property and Network are required.
type Settings struct {
	// Property and Network are the two URL segments.
	Property, Network string

	// Currency and Location are the integration's own and win over the preset's;
	// DefaultCurrency and DefaultLocation are the property's and stand behind it.
	// Without any of them amounts are USD and dates UTC.
	Currency, DefaultCurrency string
	Location, DefaultLocation *time.Location

	// OverrideCurrency replaces whatever the network says.
	OverrideCurrency string

	// Country is the property's, in any form customer.Country reads. An event's
	// own country wins over it.
	Country string

	// CountPending makes pending conversions approved ones: they are named and
	// counted at once, and their approval is no second conversion.
	CountPending bool

	PII PII

	// Identity and Scope replace the preset's when set.
	Identity Identity
	Scope    Scope

	// MaxParams is how many parameters without a field are kept; 0 means 64.
	MaxParams int
}

// PII says what becomes of the customer fields.
type PII uint8

// KeepPII, the zero value, keeps normal forms. HashPII replaces each by the
// SHA-256, in hex, of its normal form in lower case. DropPII removes all; the
// e-mail still tells conversions without an id apart.
const (
	KeepPII PII = iota
	HashPII
	DropPII
)

// The limits of one event.
const (
	// MaxClickID and MaxTransactionID are bytes; longer ids are quarantined,
	// never cut.
	MaxClickID       = 1024
	MaxTransactionID = 512
	// MaxText is in characters, MaxParamValue in bytes; longer text is cut.
	MaxText       = 256
	MaxParamValue = 8 << 10

	defaultMaxParams = 64
	defaultCurrency  = "USD"
	maxParamName     = 256
	maxCurrency      = 16
	maxJoin          = 8
)

// Errors of New.
var (
	ErrNoSegments = errors.New("property and network must be set")
	ErrCurrency   = errors.New("not a currency code: want three letters, such as USD")
	ErrCountry    = errors.New("not a country: want an ISO 3166-1 code, such as US")
)

// Normalizer turns requests into events by one preset and one integration's
// settings. It is immutable and safe for concurrent use.
type Normalizer struct {
	preset   *Preset
	settings Settings

	targets map[string]target // by folded name
	names   *nameIndex        // the same, for look-ups
	known   params.Known

	canonical  string
	currency   money.Currency // when the request gives none
	override   money.Currency // Code "" when not set
	location   *time.Location
	country    string
	identity   Identity
	scopeClick bool
	zeroAbsent FieldSet
	maxParams  int
}

// target says what a parameter name means.
type target struct {
	field  Field
	rank   uint8
	quiet  bool
	secret bool
	join   uint8 // number of the preset's join plus one
	piece  uint8
}

// New compiles p and s. p must not change afterwards.
func New(p *Preset, s Settings) (*Normalizer, error) {
	n := &Normalizer{preset: p, settings: s, maxParams: s.MaxParams, targets: map[string]target{}}
	if s.Property == "" || s.Network == "" {
		return nil, fmt.Errorf("network %q of property %q: %w", s.Network, s.Property, ErrNoSegments)
	}
	if n.maxParams <= 0 {
		n.maxParams = defaultMaxParams
	}
	if err := n.setPlaces(); err != nil {
		return nil, fmt.Errorf("network %q of property %q: %w", s.Network, s.Property, err)
	}
	n.identity, n.scopeClick = s.Identity, s.Scope == ScopeClick
	if n.identity == IdentityPreset {
		n.identity = p.Dedupe.Identity
	}
	if s.Scope == ScopePreset {
		n.scopeClick = p.Dedupe.Scope == ScopeClick
	}
	for _, f := range p.ZeroAbsent {
		n.zeroAbsent.add(f)
	}
	n.canonical = canonicalOf(p, s.Network)
	n.compileNames()
	n.names = indexNames(n.targets)
	n.known = func(folded string) bool {
		t, ok := n.targets[folded]
		return ok && !t.secret
	}
	return n, nil
}

// Preset returns the preset n was compiled from.
func (n *Normalizer) Preset() *Preset { return n.preset }

// canonicalOf returns the name that identity uses for a segment: an alias of the
// preset counts as the preset, so that moving from one to the other repeats
// nothing; another segment with the same preset is a network of its own.
func canonicalOf(p *Preset, segment string) string {
	for _, name := range append([]string{p.Name}, p.Aliases...) {
		if strings.EqualFold(name, segment) {
			return p.Name
		}
	}
	return segment
}

// setPlaces resolves currencies, zone and country.
func (n *Normalizer) setPlaces() error {
	s, p := &n.settings, n.preset
	for _, code := range []string{s.Currency, s.DefaultCurrency, s.OverrideCurrency} {
		if kind := money.Lookup(code).Kind; code != "" && (kind == money.NoCode || kind == money.Symbol) {
			return fmt.Errorf("currency %q: %w", code, ErrCurrency)
		}
	}
	n.currency = money.Lookup(firstOf(s.Currency, p.Currency, s.DefaultCurrency, defaultCurrency))
	n.override = money.Lookup(s.OverrideCurrency)
	n.location = time.UTC
	for _, l := range []*time.Location{s.Location, p.Dates.Zone, s.DefaultLocation} {
		if l != nil {
			n.location = l
			break
		}
	}
	if s.Country == "" {
		return nil
	}
	country, ok := customer.Country(s.Country)
	if !ok {
		return fmt.Errorf("country %q: %w", s.Country, ErrCountry)
	}
	n.country = country
	return nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// compileNames fills the table of names: names that only damage repair needs to
// know first, then secrets, then fields, each over the ones before.
func (n *Normalizer) compileNames() {
	p := n.preset
	for _, name := range entityNames() {
		n.targets[foldName(name)] = target{}
	}
	for _, c := range append(append([]Condition{}, p.IgnoreWhen...), p.TestWhen...) {
		n.targets[c.Param] = target{}
	}
	for _, name := range append(secretNames(), p.Secrets...) {
		n.targets[foldName(name)] = target{secret: true}
	}
	for _, f := range Fields() {
		for i, name := range p.Fallbacks[f] {
			n.targets[foldName(name)] = target{field: f, rank: rankOf(i), quiet: true}
		}
		for i, name := range p.Names[f] {
			n.targets[foldName(name)] = target{field: f, rank: rankOf(i)}
		}
	}
	for j, join := range p.Join {
		for i, name := range join.Names {
			t := n.targets[foldName(name)]
			t.join, t.piece = rankOf(j+1), rankOf(i)
			n.targets[foldName(name)] = t
		}
	}
}

func rankOf(i int) uint8 { return uint8(min(i, 255)) }

// Split says whether the body of r holds several conversions, and gives them. The
// items alias r.Body. An error is a body that is no batch anyone could read.
func (n *Normalizer) Split(r *Request) (items [][]byte, batch bool, err error) {
	if n.preset.Envelope != "" || len(r.Body) == 0 {
		return nil, false, nil
	}
	items, batch, err = params.SplitBatch(r.ContentType, r.Body, MaxBatch)
	if err != nil {
		return nil, batch, fmt.Errorf("splitting a batch: %w", err)
	}
	return items, batch, nil
}

// MaxBatch is the largest number of conversions in one request.
const MaxBatch = 1000

// Request is the raw material of one event. Query is without its '?'. The slices
// are only read, during Normalize, and must not change meanwhile.
type Request struct {
	Query, Body []byte
	ContentType string
	Origin      schema.Origin
	// ReceivedMS is our clock at the first arrival, in milliseconds since the
	// epoch; 0 means unknown and switches off what depends on it.
	ReceivedMS int64
}

// Result says where the event goes.
type Result struct {
	// Outcome is OutcomeAccepted (main topic), OutcomeTest, OutcomeQuarantined or
	// OutcomeIgnored; Reason why it is not OutcomeAccepted.
	Outcome schema.Outcome
	Reason  schema.Reason
	// Detail is a sentence for people, empty when the reason says it all.
	Detail string
	// Unresolved are the fields in which a macro stood, for metrics.
	Unresolved FieldSet
	// Country is the event's country as ISO 3166-1 alpha-2 even where the
	// property hashes or drops it: for rules about countries. Read-only constant.
	Country string
}
