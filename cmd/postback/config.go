package main

import "time"

// config is the configuration, key for key as the file spells it. Tags beside
// the name: oneof lists the words allowed, check names a rule of
// configRules, min and max bound numbers, sizes and durations, later is the
// only value this version can act on.
type config struct {
	Listen         string           `yaml:"listen" check:"listen"`
	Admin          string           `yaml:"admin" check:"listen?"`
	AdminTokenFile string           `yaml:"admin_token_file"`
	Data           string           `yaml:"data" check:"path"`
	Ack            string           `yaml:"ack" oneof:"hybrid kafka journal"`
	TLS            tlsConfig        `yaml:"tls"`
	Proxy          proxyConfig      `yaml:"proxy"`
	Limits         limitsConfig     `yaml:"limits"`
	Log            logConfig        `yaml:"log"`
	Kafka          kafkaConfig      `yaml:"kafka"`
	Redis          redisConfig      `yaml:"redis"`
	Budgets        budgetsConfig    `yaml:"budgets"`
	Journal        journalConfig    `yaml:"journal"`
	Dedupe         dedupeConfig     `yaml:"dedupe"`
	NetworksDir    string           `yaml:"networks_dir"`
	Properties     []propertyConfig `yaml:"properties"`

	// adminToken is what admin_token_file holds.
	adminToken string
}

type tlsConfig struct {
	CertFile     string `yaml:"cert_file"`
	KeyFile      string `yaml:"key_file"`
	ClientCAFile string `yaml:"client_ca_file" later:""`
}

type proxyConfig struct {
	Trusted  []string `yaml:"trusted" check:"cidr"`
	Protocol bool     `yaml:"protocol" later:"false"`
}

type limitsConfig struct {
	Head        size `yaml:"head" min:"1KiB" max:"1MiB"`
	Body        size `yaml:"body" min:"1KiB" max:"64MiB"`
	JSONBody    size `yaml:"json_body" min:"1KiB" max:"64MiB"`
	Params      int  `yaml:"params" min:"1" max:"1000"`
	Connections int  `yaml:"connections" min:"1" max:"1000000"`
}

type logConfig struct {
	Level  string `yaml:"level" oneof:"debug info warn error"`
	Format string `yaml:"format" oneof:"json console"`
}

type kafkaConfig struct {
	Brokers        []string       `yaml:"brokers" check:"broker"`
	Topic          string         `yaml:"topic"`
	Partitions     int            `yaml:"partitions" min:"1" max:"100000"`
	Replication    int            `yaml:"replication" min:"1" max:"100"`
	CreateTopics   bool           `yaml:"create_topics"`
	Compression    string         `yaml:"compression" oneof:"none lz4 zstd"`
	Value          string         `yaml:"value" oneof:"json avro protobuf" later:"json"`
	SchemaRegistry registryConfig `yaml:"schema_registry"`
	TLS            kafkaTLSConfig `yaml:"tls"`
	SASL           saslConfig     `yaml:"sasl"`
}

type registryConfig struct {
	URL          string `yaml:"url" later:""`
	Username     string `yaml:"username" later:""`
	PasswordFile string `yaml:"password_file" later:""`
}

type kafkaTLSConfig struct {
	Enabled  bool   `yaml:"enabled"`
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

type saslConfig struct {
	Mechanism    string `yaml:"mechanism"`
	Username     string `yaml:"username"`
	Password     string `yaml:"password" secret:"true"`
	PasswordFile string `yaml:"password_file"`
}

type redisConfig struct {
	URL     string `yaml:"url" check:"redis" secret:"url"`
	URLFile string `yaml:"url_file"`
}

type budgetsConfig struct {
	Redis     span `yaml:"redis" min:"1ms" max:"10s"`
	ClaimWait span `yaml:"claim_wait" min:"1ms" max:"10s"`
	Kafka     span `yaml:"kafka" min:"10ms" max:"2m"`
	Request   span `yaml:"request" min:"100ms" max:"5m"`
}

type journalConfig struct {
	MaxSize     size `yaml:"max_size" min:"1MiB"`
	SegmentSize size `yaml:"segment_size" min:"64KiB" max:"4GiB"`
	Retention   span `yaml:"retention"`
}

type dedupeConfig struct {
	MaxMemory size `yaml:"max_memory" min:"1MiB"`
}

type propertyConfig struct {
	ID           string              `yaml:"id"`
	Currency     string              `yaml:"currency" check:"currency"`
	Country      string              `yaml:"country" check:"country"`
	Timezone     string              `yaml:"timezone" check:"timezone"`
	PII          string              `yaml:"pii" oneof:"keep hash drop"`
	Token        secrets             `yaml:"token" secret:"true"`
	TokenFile    string              `yaml:"token_file"`
	Open         bool                `yaml:"open"`
	Integrations []integrationConfig `yaml:"integrations"`
}

type integrationConfig struct {
	Network          string            `yaml:"network"`
	Preset           string            `yaml:"preset"`
	Nickname         string            `yaml:"nickname"`
	Enabled          bool              `yaml:"enabled"`
	Token            secrets           `yaml:"token" secret:"true"`
	TokenFile        string            `yaml:"token_file"`
	AllowIPs         []string          `yaml:"allow_ips" check:"cidr"`
	Currency         string            `yaml:"currency" check:"currency"`
	OverrideCurrency string            `yaml:"override_currency" check:"currency"`
	Timezone         string            `yaml:"timezone" check:"timezone"`
	Strict           bool              `yaml:"strict"`
	CountPending     bool              `yaml:"count_pending"`
	MaxBody          size              `yaml:"max_body" max:"64MiB"`
	Rate             float64           `yaml:"rate" min:"0" max:"1000000"`
	Dedupe           integrationDedupe `yaml:"dedupe"`
	Rules            rulesConfig       `yaml:"rules"`
}

// integrationDedupe is empty where the preset decides.
type integrationDedupe struct {
	Identity       string `yaml:"identity" oneof:"transaction click"`
	OnChange       string `yaml:"on_change" oneof:"update ignore increment create_new"`
	OnReentry      string `yaml:"on_reentry" oneof:"duplicate update"`
	Scope          string `yaml:"scope" oneof:"network click"`
	Window         *span  `yaml:"window" min:"1m" max:"3650d"`
	FallbackWindow *span  `yaml:"fallback_window" max:"365d"`
}

type rulesConfig struct {
	PayoutRatio   decimal       `yaml:"payout_ratio"`
	PayoutRatioBy ratioConfig   `yaml:"payout_ratio_by"`
	MinCommission decimal       `yaml:"min_commission"`
	MaxCommission decimal       `yaml:"max_commission"`
	Countries     countryConfig `yaml:"countries"`
	Objectives    []string      `yaml:"objectives"`
	Several       bool          `yaml:"multiple_conversions_per_click" later:"true"`
	Caps          []capConfig   `yaml:"caps"`
}

type ratioConfig struct {
	Param  string             `yaml:"param"`
	Values map[string]decimal `yaml:"values"`
}

type countryConfig struct {
	Allow  []string      `yaml:"allow"`
	Block  []string      `yaml:"block"`
	Limits []limitConfig `yaml:"limits"`
}

type limitConfig struct {
	Country string  `yaml:"country"`
	Min     decimal `yaml:"min"`
	Max     decimal `yaml:"max"`
}

// capConfig is read so that its mistakes are named, and then refused.
type capConfig struct {
	Event     string `yaml:"event"`
	Limit     int    `yaml:"limit" min:"0"`
	Period    string `yaml:"period" oneof:"hour day week month total"`
	Timezone  string `yaml:"timezone" check:"timezone"`
	Count     string `yaml:"count" oneof:"gross approved"`
	Spillover string `yaml:"spillover" oneof:"always paused no"`
}

// demoProperty is served when there is no configuration file.
const demoProperty = "demo"

// defaultConfig is what holds without a file: the embedded mode with an open
// property, on loopback.
func defaultConfig() config {
	c := fileDefaults()
	c.Listen = "127.0.0.1:8080"
	demo := propertyConfig{ID: demoProperty, Open: true}
	demo.setDefaults()
	c.Properties = []propertyConfig{demo}
	return c
}

// fileDefaults is what a file starts from.
func fileDefaults() config {
	const kib, mib, gib = size(1 << 10), size(1 << 20), size(1 << 30)
	return config{
		Listen: ":8080", Admin: "127.0.0.1:8081", Data: "./postback-data", Ack: "hybrid",
		Limits: limitsConfig{Head: 16 * kib, Body: 64 * kib, JSONBody: mib, Params: 64, Connections: 10_000},
		Log:    logConfig{Level: "info", Format: "json"},
		Kafka: kafkaConfig{
			Topic: "postbacks", Partitions: 12, Replication: 3, CreateTopics: true, Compression: "none", Value: "json",
		},
		Budgets: budgetsConfig{
			Redis: span(25 * time.Millisecond), ClaimWait: span(50 * time.Millisecond),
			Kafka: span(2 * time.Second), Request: span(5 * time.Second),
		},
		Journal: journalConfig{MaxSize: 10 * gib, SegmentSize: 64 * mib, Retention: span(720 * time.Hour)},
		Dedupe:  dedupeConfig{MaxMemory: 512 * mib},
	}
}

// setDefaults fills what a property has when its keys are absent.
func (p *propertyConfig) setDefaults() {
	p.Currency, p.Country, p.Timezone, p.PII = "USD", "US", "UTC", "keep"
}

// setDefaults fills what an integration has when its keys are absent.
func (i *integrationConfig) setDefaults() {
	i.Enabled, i.Rules.PayoutRatio, i.Rules.Several = true, "1", true
}

// setDefaults fills what a cap has when its keys are absent.
func (c *capConfig) setDefaults() {
	c.Period, c.Timezone, c.Count, c.Spillover = "day", "UTC", "gross", "no"
}
