package network

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postbackhq/postback/schema"
)

// sample is one recorded or documented request of a real network.
type sample struct {
	Network, Source, URL, Query, Body, Kind string
	ContentType                             string `json:"content_type"`
}

// samples reads the collection that lies beside the repository, if it is there.
func samples(t *testing.T) []sample {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "samples", "postbacks.jsonl"))
	if err != nil {
		t.Skipf("SKIPPED: the sample requests are not here, so real requests go untested: %v", err)
	}
	defer file.Close()
	var all []sample
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func (s *sample) request() Request {
	query := s.Query
	if u, err := url.Parse(s.URL); s.URL != "" && err == nil {
		query = u.RawQuery
	} else if _, after, ok := strings.Cut(s.URL, "?"); ok {
		query = after
	}
	return Request{Query: []byte(query), Body: []byte(s.Body), ContentType: s.ContentType, ReceivedMS: received}
}

func TestUntouchedTemplatesOfRealNetworksNeverBecomeConversions(t *testing.T) {
	presets := catalog(t)
	for _, sample := range samples(t) {
		name := sample.Network
		if _, ok := presets.Lookup(name); !ok {
			name = "generic"
		}
		n := normalizer(t, name)
		var s Scratch
		var ev schema.Event
		r := sample.request()
		result := n.Normalize(&s, &r, &ev, nil)
		for _, id := range []string{ev.ClickID, ev.TransactionID} {
			if sample.Kind == "template" && strings.ContainsAny(id, "{}[]<>$#!") {
				t.Errorf("%s: %q became an id", sample.Source, id)
			}
		}
		if sample.Kind == "filled" && name != "generic" && name != "strackr" && result.Outcome != schema.OutcomeAccepted {
			t.Errorf("%s: %s: %v\n%s", sample.Network, sample.Source, result, r.Query)
		}
	}
}
