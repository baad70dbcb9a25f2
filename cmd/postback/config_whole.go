package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/rules"
	"github.com/postbackhq/postback/schema/network"
)

// setup is a configuration with what was built while checking it.
type setup struct {
	config
	file      string
	catalog   *network.Catalog
	directory *ingest.Directory
	// tls encrypts the collect listener, kafkaTLS the way to Kafka; nil for
	// plain text.
	tls, kafkaTLS *tls.Config
}

// check holds a configuration to its tags and to what concerns several keys.
func (p *problems) check(c *config) *setup {
	p.checkKeys(c)
	s := &setup{config: *c}
	if c.Admin != "" && !isLoopback(c.Admin) && c.AdminTokenFile == "" {
		p.add("admin", "admin: %s can be reached from elsewhere: admin_token_file is needed", c.Admin)
	}
	if len(c.Kafka.Brokers) == 0 && c.Ack == "kafka" {
		p.add("ack", "ack: kafka needs kafka.brokers; without Kafka the journal is the topic")
	}
	if c.Budgets.Kafka > c.Budgets.Request {
		p.add("budgets.kafka", "budgets.kafka: %s is more than budgets.request (%s)", c.Budgets.Kafka, c.Budgets.Request)
	}
	if c.Journal.SegmentSize > c.Journal.MaxSize/4 {
		p.warn("journal.segment_size", "journal.segment_size: %s is cut to a quarter of journal.max_size (%s)", c.Journal.SegmentSize, c.Journal.MaxSize)
	}
	s.tls = p.loadTLS("tls", c.TLS.CertFile, c.TLS.KeyFile)
	s.kafkaTLS = p.kafkaTLS(&c.Kafka.TLS)
	if len(c.Kafka.Brokers) > 0 {
		p.checkKafka(s)
	}
	p.checkProperties(s)
	return s
}

// checkKafka lets the publisher judge what the tags do not say.
func (p *problems) checkKafka(s *setup) {
	for line := range strings.SplitSeq(errorText(s.kafka().Validate()), "\n") {
		if key, _, ok := strings.Cut(line, ": "); ok && !p.wrong(key, "") {
			p.add(key, "%s", line)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (p *problems) loadTLS(at, certFile, keyFile string) *tls.Config {
	if certFile == "" && keyFile == "" {
		return nil
	}
	if certFile == "" || keyFile == "" {
		p.add(at, "%s: cert_file and key_file belong together", at)
		return nil
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		p.add(at+".cert_file", "%s.cert_file: the certificate cannot be used: %s", at, err)
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

func (p *problems) kafkaTLS(c *kafkaTLSConfig) *tls.Config {
	if !c.Enabled {
		if c.CAFile != "" || c.CertFile != "" || c.KeyFile != "" {
			p.add("kafka.tls", "kafka.tls: there are files, but enabled is false")
		}
		return nil
	}
	secure := p.loadTLS("kafka.tls", c.CertFile, c.KeyFile)
	if secure == nil {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.CAFile == "" {
		return secure
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		p.add("kafka.tls.ca_file", "kafka.tls.ca_file: %s cannot be read: %s", c.CAFile, reasonOf(err))
		return secure
	}
	secure.RootCAs = x509.NewCertPool()
	if !secure.RootCAs.AppendCertsFromPEM(pem) {
		p.add("kafka.tls.ca_file", "kafka.tls.ca_file: %s holds no certificate in PEM form", c.CAFile)
	}
	return secure
}

// checkProperties compiles the presets and every integration on its own, so
// that each one's mistakes are told.
func (p *problems) checkProperties(s *setup) {
	before := p.errors()
	catalog, err := network.Builtin()
	if err == nil && s.NetworksDir != "" {
		catalog, err = p.ownPresets(catalog, s.NetworksDir)
	}
	if err != nil {
		p.add("networks_dir", "networks_dir: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	s.catalog = catalog
	ids := make(map[string]bool)
	for i := range s.Properties {
		p.checkProperty(s, i, ids)
	}
	if len(s.Properties) == 0 && before == 0 {
		p.warn("properties", "properties: there is none, so that every postback is answered 404")
	}
	if p.errors() > before {
		return
	}
	if s.directory, err = ingest.NewDirectory(catalog, s.properties(s.Properties)); err != nil {
		p.add("properties", "%s", err)
	}
}

func (p *problems) ownPresets(catalog *network.Catalog, dir string) (*network.Catalog, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %s", dir, reasonOf(err))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file, not a folder", dir)
	}
	own, err := catalog.With(os.DirFS(dir))
	if errors.Is(err, network.ErrNoPresets) {
		p.warn("networks_dir", "networks_dir: %s %s", dir, network.ErrNoPresets)
		return catalog, nil
	}
	return own, err
}

func (p *problems) checkProperty(s *setup, i int, ids map[string]bool) {
	property := s.Properties[i]
	at := fmt.Sprintf("properties[%d]", i)
	if ids[property.ID] {
		p.add(at+".id", "%s.id: another property is called %q already", at, property.ID)
	}
	ids[property.ID] = true
	p.checkTokens(at, property.Token)
	alone := property
	alone.Integrations = nil
	if !p.wrong(at, "integrations") {
		p.compile(s, at, alone)
	}
	alone.Open = false
	seen := make(map[string]bool)
	for j := range property.Integrations {
		integration := property.Integrations[j]
		below := fmt.Sprintf("%s.integrations[%d]", at, j)
		if segment := strings.ToLower(integration.Network); seen[segment] {
			p.add(below+".network", "%s.network: %q is listed twice", below, integration.Network)
		} else {
			seen[segment] = true
		}
		p.checkIntegration(s, below, &integration)
		if alone.Integrations = []integrationConfig{integration}; !p.wrong(below, "") && !p.wrong(at, "integrations") {
			p.compile(s, below, alone)
		}
	}
}

// checkIntegration looks for mistakes one by one, so that all of them show.
func (p *problems) checkIntegration(s *setup, at string, c *integrationConfig) {
	p.suggestPreset(s, at, c)
	p.checkTokens(at, c.Token)
	p.checkRules(at, c)
	if len(c.Rules.Caps) > 0 {
		p.add(at+".rules.caps", "%s.rules.caps: caps are not available in this version; leave them out", at)
	}
}

// compile builds one property, or one integration, as the server would.
func (p *problems) compile(s *setup, at string, property propertyConfig) {
	if _, err := ingest.NewDirectory(s.catalog, s.properties([]propertyConfig{property})); err != nil {
		p.add(p.keyIn(at, err.Error()), "%s", err)
	}
}

// keyIn finds the key below at that an error's text names.
func (p *problems) keyIn(at, text string) string {
	best := at
	for path := range p.at {
		name := path[strings.LastIndexByte(path, '.')+1:]
		if strings.HasPrefix(path, at+".") && strings.Contains(text, name+":") && len(path) > len(best) {
			best = path
		}
	}
	return best
}

func (p *problems) checkTokens(at string, tokens secrets) {
	if _, err := ingest.NewTokens(tokens...); err != nil {
		p.add(at+".token", "%s.%s", at, err)
	}
}

// suggestPreset warns of a network whose name is nearly that of a preset: it
// would be read by the generic one.
func (p *problems) suggestPreset(s *setup, at string, c *integrationConfig) {
	if c.Preset != "" {
		if _, ok := s.catalog.Lookup(c.Preset); !ok {
			p.add(at+".preset", "%s.preset: %q is unknown%s", at, c.Preset, presetHint(s.catalog, c.Preset))
		}
		return
	}
	if _, ok := s.catalog.Lookup(c.Network); ok || c.Network == "" {
		return
	}
	if near := s.catalog.Suggest(c.Network); near != "" {
		p.warn(at+".network", "%s.network: there is no preset %q, the generic one reads it; did you mean %q? (preset: generic silences this)", at, c.Network, near)
	}
}

func presetHint(catalog *network.Catalog, name string) string {
	if near := catalog.Suggest(name); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return "; `postback networks` lists them"
}

// checkRules compiles each rule alone.
func (p *problems) checkRules(at string, c *integrationConfig) {
	all := c.Rules.compileable()
	for _, part := range []struct {
		key    string
		config rules.Config
	}{
		{"payout_ratio", rules.Config{PayoutRatio: all.PayoutRatio}},
		{"payout_ratio_by", rules.Config{PayoutBy: all.PayoutBy}},
		{"min_commission", rules.Config{MinCommission: all.MinCommission}},
		{"max_commission", rules.Config{MaxCommission: all.MaxCommission}},
		{"countries.allow", rules.Config{Countries: rules.Countries{Allow: all.Countries.Allow}}},
		{"countries.block", rules.Config{Countries: rules.Countries{Block: all.Countries.Block}}},
		{"countries.limits", rules.Config{Countries: rules.Countries{Limits: all.Countries.Limits}}},
		{"objectives", rules.Config{Objectives: all.Objectives}},
	} {
		if _, err := rules.Compile(part.config); err != nil {
			p.add(at+".rules."+part.key, "%s.rules.%s", at, err)
		}
	}
}
