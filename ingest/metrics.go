package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/network"
)

// Metrics names every series of the service, on a registry of its own. Labels
// are bounded: properties and networks as configured, outcomes as listed.
type Metrics struct {
	Registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	refused  *prometheus.CounterVec
	validate prometheus.Counter
	macros   *prometheus.CounterVec
	statuses *prometheus.CounterVec
}

// series are one integration's counters, resolved once.
type series struct {
	results [schema.OutcomeUnavailable + 1]prometheus.Counter
}

// NewMetrics makes the series of the request's side; Observe adds those of a
// pipeline.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postback_requests_total", Help: "Postbacks by property, network and result.",
		}, []string{"property", "network", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "postback_request_seconds", Help: "Time from the parsed request to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postback_refused_total", Help: "Requests that reached no integration or were refused, by reason.",
		}, []string{"reason"}),
		validate: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "postback_validate_total", Help: "Requests to the validate URL.",
		}),
		macros: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postback_unresolved_macro_total", Help: "Template macros that arrived unfilled, by network and field.",
		}, []string{"network", "param"}),
		statuses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postback_unknown_status_total", Help: "Postbacks whose status word the preset does not know, by network.",
		}, []string{"network"}),
	}
	m.Registry.MustRegister(m.requests, m.seconds, m.refused, m.validate, m.macros, m.statuses)
	return m
}

// attach resolves the counters of a directory's integrations.
func (m *Metrics) attach(d *Directory) {
	for _, in := range d.Integrations() {
		in.series = &series{}
		for o := range in.series.results {
			if outcome := schema.Outcome(o); outcome != schema.OutcomeNone {
				in.series.results[o] = m.requests.WithLabelValues(in.Property, in.Network, outcome.String())
			}
		}
	}
}

func (m *Metrics) count(in *Integration, d Decision, began time.Time) {
	if in != nil && in.series != nil && int(d.Outcome) < len(in.series.results) && in.series.results[d.Outcome] != nil {
		in.series.results[d.Outcome].Inc()
	}
	if d.Outcome == schema.OutcomeRefused || d.Outcome == schema.OutcomeUnknown {
		m.refused.WithLabelValues(string(d.Reason)).Inc()
	}
	if d.Unresolved != 0 && in != nil {
		for _, f := range network.Fields() {
			if d.Unresolved.Has(f) {
				m.macros.WithLabelValues(in.Network, f.String()).Inc()
			}
		}
	}
	if d.UnknownStatus && in != nil {
		m.statuses.WithLabelValues(in.Network).Inc()
	}
	m.seconds.Observe(time.Since(began).Seconds())
}

// Observe adds the series of a pipeline's parts, read when they are scraped.
func (m *Metrics) Observe(p *Pipeline) {
	gauge := func(name, help string, read func(Stats) float64) {
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return read(p.Stats()) }))
	}
	counter := func(name, help string, read func(Stats) float64) {
		m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return read(p.Stats()) }))
	}
	gauge("postback_journal_pending_events", "Events in the journal that are not in Kafka yet.", func(s Stats) float64 { return float64(s.JournalPending) })
	gauge("postback_journal_oldest_seconds", "Age of the oldest of them.", func(s Stats) float64 { return s.JournalOldest.Seconds() })
	gauge("postback_journal_bytes", "Bytes of the journal on disk.", func(s Stats) float64 { return float64(s.JournalBytes) })
	gauge("postback_journal_lost_records", "Acknowledged records of the journal that cannot be read: an alarm.", func(s Stats) float64 { return float64(s.JournalLost) })
	counter("postback_journal_fsyncs_total", "Group commits of the journal.", func(s Stats) float64 { return float64(s.JournalFsyncs) })
	counter("postback_journal_fsync_seconds_total", "Time spent in them.", func(s Stats) float64 { return s.JournalFsyncTime.Seconds() })
	counter("postback_dedupe_trips_total", "Trips to the dedupe store.", func(s Stats) float64 { return float64(s.DedupeTrips) })
	counter("postback_dedupe_errors_total", "Trips that the dedupe store did not answer; their events were published unasked.", func(s Stats) float64 { return float64(s.DedupeErrors) })
	gauge("postback_kafka_up", "1 while Kafka takes events.", func(s Stats) float64 { return boolean(s.KafkaUp) })
	gauge("postback_kafka_queued_events", "Events held for Kafka.", func(s Stats) float64 { return float64(s.KafkaQueued) })
	counter("postback_kafka_records_total", "Records acknowledged by Kafka.", func(s Stats) float64 { return float64(s.KafkaRecords) })
	counter("postback_kafka_retries_total", "Attempts beyond the first.", func(s Stats) float64 { return float64(s.KafkaRetries) })
	counter("postback_kafka_refused_total", "Records that Kafka refused for good.", func(s Stats) float64 { return float64(s.KafkaRefused) })
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Stats is a snapshot of a pipeline's parts.
type Stats struct {
	JournalPending   uint64
	JournalOldest    time.Duration
	JournalBytes     int64
	JournalLimit     int64
	JournalLost      uint64
	JournalFsyncs    uint64
	JournalFsyncTime time.Duration
	DedupeTrips      uint64
	DedupeErrors     uint64
	KafkaConfigured  bool
	KafkaUp          bool
	KafkaError       error
	KafkaWarnings    []string
	KafkaQueued      int
	KafkaRecords     uint64
	KafkaRetries     uint64
	KafkaRefused     uint64
}

func (s *Stats) readJournal(log journal.Stats, now time.Time) {
	s.JournalPending, s.JournalBytes, s.JournalLimit = log.Pending, log.Bytes, log.MaxBytes
	s.JournalFsyncs, s.JournalFsyncTime = log.Fsyncs, log.FsyncTime
	s.JournalLost = log.LostRecords
	if !log.OldestPending.IsZero() {
		s.JournalOldest = now.Sub(log.OldestPending)
	}
}

// Stats reads the parts of the pipeline.
func (p *Pipeline) Stats() Stats {
	log := p.out.journal.Stats()
	s := Stats{
		DedupeTrips:  p.claims.trips.Load(),
		DedupeErrors: p.claims.failures.Load(),
	}
	s.readJournal(log, p.now())
	if p.out.kafka == nil {
		s.JournalPending, s.JournalOldest = 0, 0 // the journal is the topic
		return s
	}
	kafka := p.out.kafka.Status()
	s.KafkaConfigured, s.KafkaUp, s.KafkaError = true, kafka.Up, kafka.Err
	s.KafkaWarnings, s.KafkaQueued = kafka.Warnings, kafka.Queued
	s.KafkaRecords, s.KafkaRetries, s.KafkaRefused = kafka.Records, kafka.Retries, kafka.Refused
	return s
}
