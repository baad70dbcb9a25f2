package ingest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest/rules"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// PropertyConfig describes one site or account that owns a collect URL.
type PropertyConfig struct {
	ID string
	// Currency is the default currency (USD when empty), Country the default
	// country of phone numbers, Timezone the zone of dates without one (UTC).
	Currency, Country, Timezone string
	// PII says what becomes of matching fields: keep, hash or drop.
	PII string
	// Tokens are at most two secrets, plain or sha256:HEX; none means open to
	// everybody who knows the URL.
	Tokens []string
	// Open accepts every preset's name without its being listed.
	Open bool
	// MaxParams bounds the parameters kept that no field takes (64).
	MaxParams    int
	Integrations []IntegrationConfig
}

// IntegrationConfig describes one network connected to one property. Empty
// values take the property's or the preset's.
type IntegrationConfig struct {
	// Network is the URL segment, Preset the name of what is known about it:
	// the preset of that name, else generic.
	Network, Preset, Nickname  string
	Disabled                   bool
	Tokens, AllowIPs           []string
	Currency, OverrideCurrency string
	Timezone                   string
	Strict, CountPending       bool
	// MaxBody overrides the listener's limit in bytes, Rate bounds requests a
	// second; 0 means the default and none.
	MaxBody int
	Rate    float64
	Dedupe  DedupeConfig
	Rules   rules.Config
}

// DedupeConfig overrides a preset's way of deduping; empty and nil keep it.
type DedupeConfig struct {
	Identity, OnChange, OnReentry, Scope string
	Window, FallbackWindow               *time.Duration
}

// Integration is one compiled connection of a network to a property. It is
// immutable but for its limiter and safe for concurrent use.
type Integration struct {
	Property, Network string
	Disabled, Strict  bool
	MaxBody           int

	normalizer *network.Normalizer
	policy     dedupe.Policy
	rules      *rules.Rules
	tokens     Tokens
	addresses  Networks
	limiter    *rate.Limiter

	replyBody, replyDuplicate, replyType string
	replyStatus                          int
	series                               *series
}

// Directory says who may send what. It is immutable: a reload makes a new one.
type Directory struct {
	properties map[string]*property
	catalog    *network.Catalog
}

type property struct {
	integrations map[string]*Integration
}

// NewDirectory compiles properties against a catalogue of presets. Its errors
// name the property and the network.
func NewDirectory(catalog *network.Catalog, properties []PropertyConfig) (*Directory, error) {
	d := &Directory{properties: make(map[string]*property, len(properties)), catalog: catalog}
	for _, c := range properties {
		if c.ID == "" || strings.ContainsAny(c.ID, "/|?# ") {
			return nil, fmt.Errorf("property %q: an id is needed, without slashes, bars and blanks", c.ID)
		}
		if _, twice := d.properties[c.ID]; twice {
			return nil, fmt.Errorf("property %q is defined twice", c.ID)
		}
		p, err := compileProperty(catalog, c)
		if err != nil {
			return nil, fmt.Errorf("property %q: %w", c.ID, err)
		}
		d.properties[c.ID] = p
	}
	return d, nil
}

func compileProperty(catalog *network.Catalog, c PropertyConfig) (*property, error) {
	p := &property{integrations: make(map[string]*Integration)}
	for _, ic := range c.Integrations {
		in, err := compileIntegration(catalog, c, ic)
		if err != nil {
			return nil, fmt.Errorf("network %q: %w", ic.Network, err)
		}
		segment := strings.ToLower(ic.Network)
		if _, twice := p.integrations[segment]; twice {
			return nil, fmt.Errorf("network %q is listed twice", ic.Network)
		}
		p.integrations[segment] = in
	}
	if !c.Open {
		return p, nil
	}
	for _, name := range segments(catalog) {
		if _, listed := p.integrations[name]; listed {
			continue
		}
		in, err := compileIntegration(catalog, c, IntegrationConfig{Network: name})
		if err != nil {
			return nil, fmt.Errorf("network %q: %w", name, err)
		}
		p.integrations[name] = in
	}
	return p, nil
}

// segments lists every name and alias of the catalogue.
func segments(catalog *network.Catalog) []string {
	var all []string
	for _, name := range catalog.Names() {
		all = append(all, name)
		if preset, ok := catalog.Lookup(name); ok {
			all = append(all, preset.Aliases...)
		}
	}
	return all
}

func compileIntegration(catalog *network.Catalog, p PropertyConfig, c IntegrationConfig) (*Integration, error) {
	if c.Network == "" || strings.ContainsAny(c.Network, "/|?# ") {
		return nil, fmt.Errorf("a network is needed, without slashes, bars and blanks")
	}
	preset, err := choosePreset(catalog, c)
	if err != nil {
		return nil, err
	}
	in := &Integration{
		Property: p.ID, Network: strings.ToLower(c.Network), Disabled: c.Disabled, Strict: c.Strict, MaxBody: c.MaxBody,
	}
	if in.normalizer, err = compileNormalizer(preset, p, c); err != nil {
		return nil, err
	}
	if in.policy, err = compilePolicy(preset, c); err != nil {
		return nil, err
	}
	if in.rules, err = rules.Compile(c.Rules); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	secrets := p.Tokens
	if len(c.Tokens) > 0 {
		secrets = c.Tokens
	}
	if in.tokens, err = NewTokens(secrets...); err != nil {
		return nil, err
	}
	if in.addresses, err = ParseNetworks(c.AllowIPs); err != nil {
		return nil, fmt.Errorf("allow_ips: %w", err)
	}
	if c.Rate > 0 {
		in.limiter = rate.NewLimiter(rate.Limit(c.Rate), max(1, int(c.Rate)))
	}
	in.setReply(preset.Reply)
	return in, nil
}

// setReply prepares what the network wants to hear.
func (in *Integration) setReply(r network.Reply) {
	in.replyBody = firstOf(r.Body, "OK")
	in.replyDuplicate = firstOf(r.Duplicate, in.replyBody)
	in.replyType = firstOf(r.Type, "text/plain; charset=utf-8")
	in.replyStatus = r.Status
	if in.replyStatus == 0 {
		in.replyStatus = http.StatusOK
	}
}

func choosePreset(catalog *network.Catalog, c IntegrationConfig) (*network.Preset, error) {
	if c.Preset != "" {
		preset, ok := catalog.Lookup(c.Preset)
		if !ok {
			return nil, fmt.Errorf("preset %q is unknown%s", c.Preset, hint(catalog, c.Preset))
		}
		return preset, nil
	}
	if preset, ok := catalog.Lookup(c.Network); ok {
		return preset, nil
	}
	preset, ok := catalog.Lookup("generic")
	if !ok {
		return nil, fmt.Errorf("the catalogue has no generic preset")
	}
	return preset, nil
}

func hint(catalog *network.Catalog, name string) string {
	if near := catalog.Suggest(name); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

func compileNormalizer(preset *network.Preset, p PropertyConfig, c IntegrationConfig) (*network.Normalizer, error) {
	s := network.Settings{
		Property: p.ID, Network: strings.ToLower(c.Network),
		Currency: c.Currency, DefaultCurrency: p.Currency, OverrideCurrency: c.OverrideCurrency,
		Country: p.Country, CountPending: c.CountPending, MaxParams: p.MaxParams,
	}
	var err error
	if s.Location, err = zone(c.Timezone); err != nil {
		return nil, err
	}
	if s.DefaultLocation, err = zone(p.Timezone); err != nil {
		return nil, err
	}
	if s.PII, err = choose("pii", p.PII, map[string]network.PII{
		"": network.KeepPII, "keep": network.KeepPII, "hash": network.HashPII, "drop": network.DropPII,
	}); err != nil {
		return nil, err
	}
	if s.Identity, err = choose("dedupe.identity", c.Dedupe.Identity, map[string]network.Identity{
		"": network.IdentityPreset, "transaction": network.IdentityTransaction, "click": network.IdentityClick,
	}); err != nil {
		return nil, err
	}
	if s.Scope, err = choose("dedupe.scope", c.Dedupe.Scope, map[string]network.Scope{
		"": network.ScopePreset, "network": network.ScopeNetwork, "click": network.ScopeClick,
	}); err != nil {
		return nil, err
	}
	return network.New(preset, s)
}

func zone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no zone is a setting of its own
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("timezone: %q is none of the tz database such as Europe/Berlin: %w", name, err)
	}
	return location, nil
}

// choose reads one of a setting's words.
func choose[T any](key, word string, words map[string]T) (T, error) {
	if v, ok := words[word]; ok {
		return v, nil
	}
	var known []string
	for w := range words {
		if w != "" {
			known = append(known, w)
		}
	}
	slices.Sort(known)
	var none T
	return none, fmt.Errorf("%s: %q is none of %s", key, word, strings.Join(known, ", "))
}

func compilePolicy(preset *network.Preset, c IntegrationConfig) (dedupe.Policy, error) {
	of := preset.Dedupe
	policy := dedupe.Policy{
		Window: dedupe.DefaultWindow, FallbackWindow: 20 * time.Minute,
		CountPending: c.CountPending, PendingAfterApproval: of.PendingAfterApproval, Restatement: of.Restatement,
	}
	overrideWindow(&policy.Window, of.Window, c.Dedupe.Window)
	overrideWindow(&policy.FallbackWindow, of.FallbackWindow, c.Dedupe.FallbackWindow)
	var err error
	if policy.OnChange, err = choose("dedupe.on_change", firstOf(c.Dedupe.OnChange, of.OnChange, "update"), map[string]dedupe.OnChange{
		"update": dedupe.ChangeUpdate, "ignore": dedupe.ChangeIgnore,
		"increment": dedupe.ChangeIncrement, "create_new": dedupe.ChangeCreateNew,
	}); err != nil {
		return policy, err
	}
	policy.OnReentry, err = choose("dedupe.on_reentry", firstOf(c.Dedupe.OnReentry, of.OnReentry, "duplicate"), map[string]dedupe.OnReentry{
		"duplicate": dedupe.ReentryDuplicate, "update": dedupe.ReentryUpdate,
	})
	return policy, err
}

func overrideWindow(window *time.Duration, preset time.Duration, own *time.Duration) {
	if preset > 0 {
		*window = preset
	}
	if own != nil {
		*window = *own
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// Lookup finds an integration. The reason says which part of the URL is
// unknown.
func (d *Directory) Lookup(propertyID, networkName string) (*Integration, schema.Reason) {
	p, ok := d.properties[propertyID]
	if !ok {
		return nil, schema.ReasonUnknownProperty
	}
	in, ok := p.integrations[networkName]
	if !ok {
		if in, ok = p.integrations[strings.ToLower(networkName)]; !ok {
			return nil, schema.ReasonUnknownNetwork
		}
	}
	if in.Disabled {
		return nil, schema.ReasonDisabled
	}
	return in, schema.ReasonNone
}

// Integrations lists all, sorted by property and network.
func (d *Directory) Integrations() []*Integration {
	var all []*Integration
	for _, p := range d.properties {
		for _, in := range p.integrations {
			all = append(all, in)
		}
	}
	slices.SortFunc(all, func(a, b *Integration) int {
		if c := strings.Compare(a.Property, b.Property); c != 0 {
			return c
		}
		return strings.Compare(a.Network, b.Network)
	})
	return all
}

// authorize judges credentials and address, after normalizing has found the
// tokens among the parameters and before anything is made of the request.
func (in *Integration) authorize(s *network.Scratch, req *Request) schema.Reason {
	if req.replay {
		return schema.ReasonNone // judged at arrival
	}
	if len(in.addresses) > 0 && !in.addresses.contains(req.Address) {
		return schema.ReasonAddressRefused
	}
	if in.tokens.Empty() {
		return schema.ReasonNone
	}
	given := append(s.Tokens(nil), req.Tokens...)
	return in.tokens.check(given)
}
