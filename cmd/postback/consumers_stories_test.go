//go:build unix

package main

import (
	"fmt"

	"github.com/postbackhq/postback/ingest/journal"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// consumerEpoch is when the stories begin, in milliseconds since the epoch; long ago, which must not matter.
const consumerEpoch = 1_700_000_000_000

// consumerNone is the amount of a state without one, and the delta of one whose predecessor is unknown.
const consumerNone = -1 << 62

// consumerStep is one record of a story: the state of a conversion as postback publishes it.
type consumerStep struct {
	kind       schema.Kind
	status     schema.Status
	micros     int64
	currency   string
	seq        uint32
	delta      int64
	at         int64 // seconds after the begin of the story when it arrived
	correction bool
	goal       string
	fallback   bool
	occurrence uint16
	copyOf     int // 1 for the first step: the same record again
}

// consumerStory is one transaction and what a person would say that it counts.
type consumerStory struct {
	name        string
	steps       []consumerStep
	conversions int
	totals      map[string]int64 // micros
}

// consumerTold gives every story as often as consumerRounds says, and one with amounts at the ends of the scale.
func consumerTold() []consumerStory {
	stories := []consumerStory{{
		name: "no amount is rounded", conversions: 3, totals: map[string]int64{"USD": 9_007_199_254_740_993, "JPY": 100_000_000, "KWD": 1},
		steps: []consumerStep{
			{kind: schema.KindNew, micros: 9_007_199_254_740_993, currency: "USD", seq: 1, delta: 9_007_199_254_740_993, goal: "a"},
			{kind: schema.KindNew, micros: 100_000_000, currency: "JPY", seq: 1, delta: 100_000_000, goal: "b"},
			{kind: schema.KindNew, micros: 1, currency: "KWD", seq: 1, delta: 1, goal: "c"},
		},
	}}
	for round := range consumerRounds {
		for _, group := range [][]consumerStory{consumerPlainStories(), consumerGuessedStories(), consumerOtherStories()} {
			for _, story := range group {
				story.name = fmt.Sprintf("%s %d", story.name, round)
				stories = append(stories, story)
			}
		}
	}
	return stories
}

// consumerPlainStories are those in which postback knew every state before; each delta is exact.
func consumerPlainStories() []consumerStory {
	sale := consumerStep{kind: schema.KindNew, micros: 10_000_000, currency: "USD", seq: 1, delta: 10_000_000}
	update := consumerStep{kind: schema.KindUpdate, micros: 12_340_000, currency: "USD", seq: 2, delta: 2_340_000, at: 1}
	return []consumerStory{
		{"a sale", []consumerStep{sale}, 1, map[string]int64{"USD": 10_000_000}},
		{"a sale published twice", []consumerStep{sale, {copyOf: 1}}, 1, map[string]int64{"USD": 10_000_000}},
		{"a copy of the original behind its update", []consumerStep{sale, update, {copyOf: 1}, {copyOf: 2}}, 1, map[string]int64{"USD": 12_340_000}},
		{"the original behind its update", []consumerStep{update, sale}, 1, map[string]int64{"USD": 12_340_000}},
		{"a sale reversed", []consumerStep{sale,
			{kind: schema.KindReversal, status: schema.StatusReversed, micros: 10_000_000, currency: "USD", seq: 2, delta: -10_000_000, at: 1},
			{copyOf: 1}}, 1, nil},
		{"pending, then approved", []consumerStep{
			{kind: schema.KindNew, status: schema.StatusPending, micros: 8_500_000, currency: "EUR", seq: 1},
			{kind: schema.KindPromotion, status: schema.StatusApproved, micros: 8_500_000, currency: "EUR", seq: 2, delta: 8_500_000, at: 1},
		}, 1, map[string]int64{"EUR": 8_500_000}},
		{"a part taken back", []consumerStep{sale,
			{kind: schema.KindAdjustment, status: schema.StatusReversed, micros: -3_000_000, currency: "USD", seq: 2, delta: -3_000_000, at: 1, correction: true},
			{copyOf: 2}}, 1, map[string]int64{"USD": 7_000_000}},
		{"two conversions by create_new", []consumerStep{sale,
			{kind: schema.KindNew, micros: 10_000_000, currency: "USD", seq: 2, delta: 10_000_000, at: 1, occurrence: 1},
		}, 2, map[string]int64{"USD": 20_000_000}},
		{"two goals of one transaction", []consumerStep{sale,
			{kind: schema.KindNew, micros: 1_000_000, currency: "USD", seq: 1, delta: 1_000_000, goal: "signup"},
		}, 2, map[string]int64{"USD": 11_000_000}},
		{"two conversions without an id", []consumerStep{
			{kind: schema.KindNew, micros: 4_000_000, currency: "USD", seq: 1, delta: 4_000_000, fallback: true},
			{kind: schema.KindNew, micros: 4_000_000, currency: "USD", seq: 1, delta: 4_000_000, fallback: true, at: 86_400},
		}, 2, map[string]int64{"USD": 8_000_000}},
	}
}

// consumerGuessedStories are those in which a delta is not to be added: postback did not know the state before, or thought that
// there was none.
func consumerGuessedStories() []consumerStory {
	sale := consumerStep{kind: schema.KindNew, micros: 10_000_000, currency: "USD", seq: 1, delta: 10_000_000}
	guess := consumerStep{kind: schema.KindNew, micros: 15_000_000, currency: "USD", delta: consumerNone, at: 2}
	return []consumerStory{
		{"a first state that postback could not look up", []consumerStep{guess}, 1, map[string]int64{"USD": 15_000_000}},
		{"an update that postback could not look up", []consumerStep{sale, guess, {copyOf: 1}}, 1, map[string]int64{"USD": 15_000_000}},
		{"a known update after one that was not looked up", []consumerStep{sale, guess,
			{kind: schema.KindUpdate, micros: 20_000_000, currency: "USD", seq: 2, delta: 10_000_000, at: 3},
			{kind: schema.KindUpdate, micros: 21_000_000, currency: "USD", seq: 3, delta: 1_000_000, at: 4},
		}, 1, map[string]int64{"USD": 21_000_000}},
		{"one that was not looked up, behind a newer update", []consumerStep{sale,
			{kind: schema.KindUpdate, micros: 20_000_000, currency: "USD", seq: 2, delta: 10_000_000, at: 3}, guess,
		}, 1, map[string]int64{"USD": 20_000_000}},
		{"an update after postback lost its memory", []consumerStep{sale,
			{kind: schema.KindNew, micros: 15_000_000, currency: "USD", seq: 1, delta: 15_000_000, at: 1},
		}, 1, map[string]int64{"USD": 15_000_000}},
		{"a part taken back without a look-up", []consumerStep{sale,
			{kind: schema.KindReversal, status: schema.StatusReversed, micros: -3_000_000, currency: "USD", delta: consumerNone, at: 1, correction: true},
			{copyOf: 2}}, 1, map[string]int64{"USD": 7_000_000}},
		{"a reversal without a look-up", []consumerStep{sale, guess,
			{kind: schema.KindReversal, status: schema.StatusRejected, micros: 15_000_000, currency: "USD", delta: consumerNone, at: 3},
		}, 1, nil},
	}
}

// consumerOtherStories are about currencies, missing amounts, and what counts nothing.
func consumerOtherStories() []consumerStory {
	sale := consumerStep{kind: schema.KindNew, micros: 10_000_000, currency: "USD", seq: 1, delta: 10_000_000}
	return []consumerStory{
		{"another currency", []consumerStep{sale,
			{kind: schema.KindUpdate, micros: 9_000_000, currency: "EUR", seq: 2, delta: consumerNone, at: 1},
			{kind: schema.KindUpdate, micros: 9_500_000, currency: "EUR", seq: 3, delta: 500_000, at: 2},
		}, 1, map[string]int64{"EUR": 9_500_000}},
		{"a reversal in the default currency", []consumerStep{sale,
			{kind: schema.KindReversal, status: schema.StatusReversed, micros: consumerNone, currency: "EUR", seq: 2, delta: consumerNone, at: 1},
		}, 1, nil},
		{"a part taken back in another currency", []consumerStep{sale,
			{kind: schema.KindReversal, status: schema.StatusReversed, micros: -3_000_000, currency: "EUR", seq: 2, delta: consumerNone, at: 1, correction: true},
		}, 1, map[string]int64{"USD": 10_000_000}},
		{"a reversal of nothing", []consumerStep{
			{kind: schema.KindReversal, status: schema.StatusReversed, micros: 10_000_000, currency: "USD", seq: 1, delta: consumerNone},
		}, 0, nil},
		{"a status nobody knows", []consumerStep{
			{kind: schema.KindNew, status: schema.StatusUnknown, micros: 10_000_000, currency: "USD", seq: 1},
		}, 0, nil},
		{"an update without an amount", []consumerStep{sale,
			{kind: schema.KindUpdate, status: schema.StatusApproved, micros: consumerNone, currency: "USD", seq: 2, delta: consumerNone, at: 1},
			{kind: schema.KindUpdate, status: schema.StatusApproved, micros: 11_000_000, currency: "USD", seq: 3, delta: 1_000_000, at: 2},
		}, 1, map[string]int64{"USD": 11_000_000}},
	}
}

// record is the n-th record of a story, made by the encoder of the service.
func (s *consumerStory) record(n int) journal.Record {
	step := s.steps[n]
	if step.copyOf > 0 {
		return s.record(step.copyOf - 1)
	}
	e := schema.Event{
		Property: "shop", Network: "generic", ClickID: s.name, TransactionID: s.name, Goal: step.goal, Status: step.status,
		Delta: step.correction, Currency: step.currency, Exponent: 2, ReceivedMS: consumerEpoch + step.at*1000, EventName: "Purchase",
		Verdict: schema.Verdict{Kind: step.kind, Seq: step.seq, Delta: step.delta, DeltaKnown: step.delta != consumerNone},
	}
	switch {
	case step.status == schema.StatusPending:
		e.EventName = "PendingConversion"
	case step.status == schema.StatusUnknown:
		e.EventName = "Unclassified"
	case step.kind == schema.KindReversal || step.kind == schema.KindAdjustment:
		e.EventName = "Reversal"
	}
	if step.micros == consumerNone {
		e.Commission.State = money.Missing
	} else {
		e.Commission = money.Amount{State: money.OK, Micros: step.micros}
	}
	if step.fallback {
		e.KeyKind, e.TransactionID = schema.KeyFallback, ""
	}
	e.Identify()
	e.ID = e.IDFor(step.occurrence, schema.DayOf(e.ReceivedMS))
	return journal.Record{
		Time: e.ReceivedMS, Key: e.AppendKey(nil), Value: e.AppendJSON(nil),
		Headers: journal.AppendHeaders(nil, journal.Header{Key: "ce_id", Value: []byte(e.ID.String())}),
	}
}
