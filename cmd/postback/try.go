package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postbackhq/postback/dedupe"
	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// trying is one run of try.
type trying struct {
	s                          streams
	setup                      *setup
	network, request, property string
	overrides                  map[string]string
	asJSON                     bool
}

// maxTry bounds what is read from standard input.
const maxTry = 4 << 20

func newTry(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "try NETWORK REQUEST",
		Short: "Show what would become of a postback, and why",
		Long: "try reads one request as serve would and shows every decision: which parameter became which field,\n" +
			"what was repaired, how the event got its name, what identifies it, and the event itself. It needs no\n" +
			"server and changes nothing. What it has never seen is new: it knows no earlier postbacks.\n\n" +
			"REQUEST is a URL, a query string, or - for standard input: a raw HTTP request, or a body alone.\n\n" +
			"Exit status: 0 when an event would be published, 1 when not, 2 for wrong usage.",
		Example: "  postback try tune 'aff_sub=c1&payout=4.50&currency=USD&transaction_id=t1'\n" +
			"  postback try generic 'https://host/demo/collect/generic?click_id={click_id}&commission=1'\n" +
			"  echo '{\"click_id\":\"c1\",\"commission\":\"4.50\"}' | postback try generic -",
		Args: argsBetween(2, 2, "a network and a request"),
	}
	keys := addKeyFlags(cmd, s)
	property := cmd.Flags().String("property", "", "`ID` of the property; default: that of the URL, else the first one")
	overrides := map[string]*string{
		"currency": cmd.Flags().String("currency", "", "default currency `CODE` of the property"),
		"country":  cmd.Flags().String("country", "", "country `CODE` of phone numbers without one"),
		"timezone": cmd.Flags().String("timezone", "", "`ZONE` of dates without one"),
	}
	asJSON := cmd.Flags().Bool("json", false, "print {outcome, reason, event, trace, key}")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		c, err := mustLoad(keys.sources(), func(string) {})
		if err != nil {
			return err
		}
		run := &trying{s: s, setup: c, network: args[0], request: args[1], property: *property, asJSON: *asJSON}
		run.overrides = make(map[string]string)
		for name, value := range overrides {
			run.overrides[name] = *value
		}
		return run.do()
	}
	return cmd
}

func (t *trying) do() error {
	r, err := t.read()
	if err != nil {
		return err
	}
	preset, in, err := t.integration(r)
	if err != nil {
		return err
	}
	results, err := preview(in, preset, r)
	if err != nil {
		return err
	}
	published := true
	for i := range results {
		published = published && results[i].published()
		if err := t.print(preset, &results[i], i, len(results)); err != nil {
			return err
		}
	}
	if !published {
		return errQuiet
	}
	return nil
}

// read turns the argument or standard input into a request.
func (t *trying) read() (*rawRequest, error) {
	if t.request != "-" {
		return requestOfText(t.request), nil
	}
	data, err := io.ReadAll(io.LimitReader(t.s.in, maxTry))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	r, err := requestOfInput(data)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return r, nil
}

// integration finds the connection of property and network, with what the
// flags say over it.
func (t *trying) integration(r *rawRequest) (*network.Preset, *ingest.Integration, error) {
	property, err := t.chooseProperty(r)
	if err != nil {
		return nil, nil, err
	}
	one, err := t.adjusted(property)
	if err != nil {
		return nil, nil, err
	}
	directory, err := ingest.NewDirectory(t.setup.catalog, t.setup.properties([]propertyConfig{one}))
	if err != nil {
		return nil, nil, &usageError{err: err}
	}
	in, reason := directory.Lookup(one.ID, t.network)
	if reason != schema.ReasonNone && reason != schema.ReasonDisabled {
		return nil, nil, t.unlisted(&one)
	}
	if reason == schema.ReasonDisabled {
		return nil, nil, usagef("network %q of property %q is disabled: its postbacks are answered 404", t.network, one.ID)
	}
	name := t.network
	for i := range one.Integrations {
		if strings.EqualFold(one.Integrations[i].Network, t.network) && one.Integrations[i].Preset != "" {
			name = one.Integrations[i].Preset
		}
	}
	preset, ok := t.setup.catalog.Lookup(name)
	if !ok {
		preset, _ = t.setup.catalog.Lookup("generic")
	}
	return preset, in, nil
}

// unlisted says why a network cannot be tried.
func (t *trying) unlisted(p *propertyConfig) error {
	if _, ok := t.setup.catalog.Lookup(t.network); !ok {
		return unknownNetwork(t.setup.catalog, t.network)
	}
	var names []string
	for i := range p.Integrations {
		names = append(names, p.Integrations[i].Network)
	}
	return usagef("property %q does not list the network %q (it has %s) and is not open", p.ID, t.network, orWord(strings.Join(names, ", "), "none"))
}

func (t *trying) chooseProperty(r *rawRequest) (propertyConfig, error) {
	var ids []string
	for i := range t.setup.Properties {
		ids = append(ids, t.setup.Properties[i].ID)
	}
	wanted := t.property
	if wanted == "" {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.path(), "/"), "/")
		if contains(ids, first) {
			wanted = first
		} else if len(ids) > 0 {
			wanted = ids[0]
		}
	}
	for i := range t.setup.Properties {
		if t.setup.Properties[i].ID == wanted {
			return t.setup.Properties[i], nil
		}
	}
	if t.setup.file == "" && wanted != "" {
		named := t.setup.Properties[0]
		named.ID = wanted
		return named, nil
	}
	return propertyConfig{}, usagef("there is no property %q%s", wanted, didYouMean(wanted, ids))
}

// adjusted applies the flags. Addresses cannot be judged without a sender.
func (t *trying) adjusted(p propertyConfig) (propertyConfig, error) {
	for name, rule := range map[string]func(string) error{"currency": checkCurrency, "country": checkCountry, "timezone": checkTimezone} {
		value := t.overrides[name]
		if value == "" {
			continue
		}
		if err := rule(value); err != nil {
			return p, usagef("--%s: %w", name, err)
		}
	}
	p.Currency = orWord(t.overrides["currency"], p.Currency)
	p.Country = orWord(t.overrides["country"], p.Country)
	p.Timezone = orWord(t.overrides["timezone"], p.Timezone)
	list := make([]integrationConfig, len(p.Integrations))
	copy(list, p.Integrations)
	for i := range list {
		list[i].AllowIPs = nil
	}
	p.Integrations = list
	return p, nil
}

// preview sends a request through the service's own code with nothing behind
// it: an empty memory for a store and a journal that nothing is written to.
func preview(in *ingest.Integration, preset *network.Preset, r *rawRequest) ([]tried, error) {
	folder, err := os.MkdirTemp("", "postback-try-")
	if err != nil {
		return nil, fmt.Errorf("a temporary folder is needed: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	log, err := journal.Open(journal.Config{Dir: folder})
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	defer func() { _ = log.Close() }()
	store, err := dedupe.OpenLocal(dedupe.LocalConfig{MaxMemory: 1 << 20, Owner: 1})
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	defer func() { _ = store.Close() }()
	budgets := (&setup{config: defaultConfig()}).budgets()
	pipeline, err := ingest.Open(ingest.PipelineConfig{Store: store, Journal: log, Owner: 1, Budgets: budgets})
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	defer func() { _ = pipeline.Close(context.Background()) }()
	return previewAll(pipeline, in, preset, r)
}

// previewAll takes a body with several conversions apart.
func previewAll(p *ingest.Pipeline, in *ingest.Integration, preset *network.Preset, r *rawRequest) ([]tried, error) {
	req := r.ingest(time.Now())
	splitter, err := network.New(preset, network.Settings{Property: in.Property, Network: in.Network})
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	items, batch, err := splitter.Split(&req.Request)
	if err != nil {
		return nil, fmt.Errorf("the batch cannot be read: %w", err)
	}
	if !batch {
		return []tried{{Validation: p.Validate(in, &req)}}, nil
	}
	if len(items) == 0 {
		return nil, errors.New("the batch is empty")
	}
	results := make([]tried, 0, len(items))
	for _, item := range items {
		one := req
		one.Body, one.Origin = bytes.TrimSpace(item), schema.OriginBatch
		results = append(results, tried{Validation: p.Validate(in, &one)})
	}
	return results, nil
}
