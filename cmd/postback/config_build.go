package main

import (
	"path/filepath"
	"time"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/ingest/publish"
	"github.com/postbackhq/postback/ingest/rules"
)

// The folders and files below data.
const (
	journalFolder = "journal"
	dedupeFolder  = "dedupe"
	instanceFile  = "instance"
	seededFile    = "redis-seeded"
)

// embedded reports whether the journal is the topic.
func (s *setup) embedded() bool { return len(s.Kafka.Brokers) == 0 }

// topics lists the topics in the order of journal.Record.Topic.
func (s *setup) topics() []string {
	names := make([]string, 3)
	names[ingest.TopicMain] = s.Kafka.Topic
	names[ingest.TopicFailed] = s.Kafka.Topic + ".failed"
	names[ingest.TopicTest] = s.Kafka.Topic + ".test"
	return names
}

// kafka is the publisher's configuration.
func (s *setup) kafka() *publish.Config {
	c := &publish.Config{
		Brokers: s.Kafka.Brokers, Partitions: s.Kafka.Partitions, Replication: s.Kafka.Replication,
		CreateTopics: s.Kafka.CreateTopics, Compression: publish.Compression(s.Kafka.Compression), TLS: s.kafkaTLS,
		SASL: publish.SASL{
			Mechanism: s.Kafka.SASL.Mechanism, Username: s.Kafka.SASL.Username, Password: s.Kafka.SASL.Password,
		},
	}
	for _, name := range s.topics() {
		c.Topics = append(c.Topics, publish.TopicConfig{Name: name})
	}
	return c
}

func (s *setup) journalConfig() journal.Config {
	return journal.Config{
		Dir: filepath.Join(s.Data, journalFolder), SegmentSize: int64(s.Journal.SegmentSize),
		MaxSize: int64(s.Journal.MaxSize), Retention: time.Duration(s.Journal.Retention),
	}
}

func (s *setup) localConfig(owner uint32) dedupe.LocalConfig {
	return dedupe.LocalConfig{
		Dir: filepath.Join(s.Data, dedupeFolder), MaxMemory: int64(s.Dedupe.MaxMemory), Owner: owner,
	}
}

func (s *setup) redisConfig(owner uint32) dedupe.RedisConfig {
	return dedupe.RedisConfig{URL: s.Redis.URL, Owner: owner, Budget: time.Duration(s.Budgets.Redis)}
}

func (s *setup) ack() ingest.Ack {
	switch s.Ack {
	case "kafka":
		return ingest.AckKafka
	case "journal":
		return ingest.AckJournal
	}
	return ingest.AckHybrid
}

func (s *setup) budgets() ingest.Budgets {
	return ingest.Budgets{
		Store: time.Duration(s.Budgets.Redis), ClaimWait: time.Duration(s.Budgets.ClaimWait),
		Kafka: time.Duration(s.Budgets.Kafka), Request: time.Duration(s.Budgets.Request),
	}
}

func (s *setup) serverConfig() (ingest.ServerConfig, error) {
	trusted, err := ingest.ParseNetworks(s.Proxy.Trusted)
	return ingest.ServerConfig{
		HeadBytes: int(s.Limits.Head), BodyBytes: int(s.Limits.Body), JSONBytes: int(s.Limits.JSONBody),
		Connections: s.Limits.Connections, Trusted: trusted, TLS: s.tls,
	}, err
}

// properties is what the directory is made of.
func (s *setup) properties(list []propertyConfig) []ingest.PropertyConfig {
	out := make([]ingest.PropertyConfig, 0, len(list))
	for i := range list {
		p := &list[i]
		c := ingest.PropertyConfig{
			ID: p.ID, Currency: p.Currency, Country: p.Country, Timezone: p.Timezone, PII: p.PII,
			Tokens: p.Token, Open: p.Open, MaxParams: s.Limits.Params,
		}
		for j := range p.Integrations {
			c.Integrations = append(c.Integrations, p.Integrations[j].compileable())
		}
		out = append(out, c)
	}
	return out
}

func (i *integrationConfig) compileable() ingest.IntegrationConfig {
	return ingest.IntegrationConfig{
		Network: i.Network, Preset: i.Preset, Nickname: i.Nickname, Disabled: !i.Enabled,
		Tokens: i.Token, AllowIPs: i.AllowIPs, Currency: i.Currency, OverrideCurrency: i.OverrideCurrency,
		Timezone: i.Timezone, Strict: i.Strict, CountPending: i.CountPending,
		MaxBody: int(i.MaxBody), Rate: i.Rate, Rules: i.Rules.compileable(),
		Dedupe: ingest.DedupeConfig{
			Identity: i.Dedupe.Identity, OnChange: i.Dedupe.OnChange, OnReentry: i.Dedupe.OnReentry, Scope: i.Dedupe.Scope,
			Window: (*time.Duration)(i.Dedupe.Window), FallbackWindow: (*time.Duration)(i.Dedupe.FallbackWindow),
		},
	}
}

func (r *rulesConfig) compileable() rules.Config {
	c := rules.Config{
		PayoutRatio: string(r.PayoutRatio), MinCommission: string(r.MinCommission), MaxCommission: string(r.MaxCommission),
		Countries:  rules.Countries{Allow: r.Countries.Allow, Block: r.Countries.Block},
		Objectives: r.Objectives,
		PayoutBy:   rules.Ratios{Param: r.PayoutRatioBy.Param},
	}
	for value, ratio := range r.PayoutRatioBy.Values {
		if c.PayoutBy.Values == nil {
			c.PayoutBy.Values = make(map[string]string)
		}
		c.PayoutBy.Values[value] = string(ratio)
	}
	for _, l := range r.Countries.Limits {
		c.Countries.Limits = append(c.Countries.Limits, rules.CountryLimit{Country: l.Country, Min: string(l.Min), Max: string(l.Max)})
	}
	return c
}
