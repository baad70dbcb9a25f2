package ingest_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/ingest/publish"
)

// broker names the Kafka that the tests may use.
func broker(t *testing.T) string {
	t.Helper()
	addr := os.Getenv("POSTBACK_TEST_KAFKA")
	switch {
	case addr != "":
	case os.Getenv("POSTBACK_TEST_REQUIRE") == "1":
		t.Fatal("POSTBACK_TEST_KAFKA is not set: run deploy/test")
	default:
		t.Skip("needs a real Kafka: run deploy/test")
	}
	return addr
}

func kafkaConfig(addr string) *publish.Config {
	var random [4]byte
	_, _ = rand.Read(random[:])
	name := "ingest-" + hex.EncodeToString(random[:])
	return &publish.Config{
		Brokers: []string{addr}, Partitions: 3, Replication: 1, CreateTopics: true,
		Topics: []publish.TopicConfig{{Name: name}, {Name: name + ".failed"}, {Name: name + ".test"}},
	}
}

func withKafka(ack ingest.Ack, cfg *publish.Config) option {
	return func(s *setup) { s.pipeline.Ack, s.pipeline.Kafka = ack, cfg }
}

// values reads a whole topic from Kafka.
func values(t *testing.T, cfg *publish.Config, topic int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var all []string
	if err := publish.Tail(ctx, *cfg, cfg.Topics[topic].Name, false, func(f publish.Fetched) bool {
		all = append(all, string(f.Value))
		return true
	}); err != nil && !strings.Contains(err.Error(), "does not exist") {
		t.Fatal(err)
	}
	return all
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("it never came true that %s", what)
		case <-tick.C:
		}
	}
}

func up(t *testing.T, sv *service) {
	t.Helper()
	eventually(t, "Kafka is up", func() bool { return sv.pipeline.Stats().KafkaUp })
}

func TestEventsGoToKafka(t *testing.T) {
	cfg := kafkaConfig(broker(t))
	sv := start(t, withKafka(ingest.AckKafka, cfg))
	up(t, sv)
	for range 2 {
		for i := range 50 {
			a := sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=T%d&commission=5", demo, i))
			if a.status != 200 {
				t.Errorf("answer %d %s", a.status, a.reason)
			}
		}
	}
	sv.get(demo + "commission=5")
	sv.get(demo + "click_id=c&status=test&commission=5")
	if got := len(values(t, cfg, 0)); got != 50 {
		t.Errorf("%d events in Kafka, want 50", got)
	}
	if got := len(values(t, cfg, 1)); got != 1 {
		t.Errorf("%d failed records in Kafka, want 1", got)
	}
	if got := len(values(t, cfg, 2)); got != 1 {
		t.Errorf("%d test events in Kafka, want 1", got)
	}
	if sv.journal.Next() != 0 {
		t.Errorf("%d records went into the journal", sv.journal.Next())
	}
}

func TestJournalOfAnEmbeddedRunDrainsIntoKafka(t *testing.T) {
	cfg := kafkaConfig(broker(t))
	dir := t.TempDir()
	sv := start(t, withDir(dir))
	for i := range 200 {
		sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=T%d&commission=5", demo, i%150))
	}
	want := sv.main()
	sv.stop()
	for _, ack := range []ingest.Ack{ingest.AckHybrid, ingest.AckJournal} {
		sv = start(t, withDir(dir), withKafka(ack, cfg))
		eventually(t, "the journal is drained", func() bool { return sv.pipeline.Stats().JournalPending == 0 })
		expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=5"), 200, "duplicate", "repeat")
		expect(t, sv.get(fmt.Sprintf("%sclick_id=c1&transaction_id=late%d&commission=5", demo, ack)), 200, "accepted", "")
		sv.stop()
	}
	sv = start(t, withDir(dir), withKafka(ingest.AckHybrid, cfg))
	eventually(t, "all is in Kafka", func() bool { return len(values(t, cfg, 0)) == len(want)+2 })
	inKafka := map[string]bool{}
	for _, v := range values(t, cfg, 0) {
		inKafka[v] = true
	}
	for _, r := range want {
		if !inKafka[r.text] {
			t.Errorf("not in Kafka as the same bytes: %s", r.text)
		}
	}
}

func TestKafkaOutageGoesThroughTheJournalInOrder(t *testing.T) {
	cfg := kafkaConfig(broker(t))
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := dead.Addr().String()
	_ = dead.Close()
	down := *cfg
	down.Brokers = []string{addr}
	dir := t.TempDir()
	sv := start(t, withDir(dir), withKafka(ingest.AckHybrid, &down))
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=0&status=pending"), 200, "accepted", "")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=5&status=approved"), 200, "updated", "")
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=5&status=approved"), 200, "duplicate", "repeat")
	if pending := sv.pipeline.Stats().JournalPending; pending != 2 {
		t.Errorf("%d events wait in the journal, want 2", pending)
	}
	sv.stop()
	sv = start(t, withDir(dir), withKafka(ingest.AckHybrid, cfg))
	eventually(t, "both states are in Kafka", func() bool { return len(values(t, cfg, 0)) == 2 })
	expect(t, sv.get(demo+"click_id=c1&transaction_id=T1&commission=5&status=rejected"), 200, "updated", "")
	eventually(t, "the third state is in Kafka", func() bool { return len(values(t, cfg, 0)) == 3 })

	strict := start(t, withKafka(ingest.AckKafka, &down))
	refused := strict.get(demo + "click_id=c1&transaction_id=T1&commission=5")
	expect(t, refused, 503, "", "unavailable")
	expect(t, strict.get(demo+"click_id=c1&transaction_id=T1&commission=5"), 503, "", "unavailable")
	if strict.journal.Next() != 0 {
		t.Error("ack kafka wrote into the journal")
	}
}
