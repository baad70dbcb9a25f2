package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// rememberFor is longer than any network or any journal of postback holds on to an event.
const rememberFor = 7 * 24 * time.Hour

const tables = `
CREATE TABLE IF NOT EXISTS remembered (
  partition INTEGER, ce_id TEXT, record_offset INTEGER, seen_at_ms INTEGER, PRIMARY KEY (partition, ce_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS remembered_age ON remembered (partition, seen_at_ms);
CREATE TABLE IF NOT EXISTS conversions (
  conversion TEXT PRIMARY KEY, property TEXT, network TEXT, event_id TEXT, event_name TEXT, status TEXT, currency TEXT,
  counted_micros INTEGER, seq INTEGER, occurred_at_ms INTEGER, received_at_ms INTEGER, times INTEGER, unclear INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
  property TEXT, network TEXT, currency TEXT, micros INTEGER, PRIMARY KEY (property, network, currency)) WITHOUT ROWID;`

// event is what we use of a record's value; null and absent are both nil.
type event struct {
	ID               string  `json:"event_id"`
	Kind             string  `json:"kind"`
	Name             string  `json:"event_name"`
	Property         string  `json:"property"`
	Network          string  `json:"network"`
	Goal             string  `json:"goal"`
	DedupeKey        string  `json:"dedupe_key"`
	Status           string  `json:"status"`
	Currency         *string `json:"currency"`
	CommissionMicros *int64  `json:"commission_micros"`
	AmountEffect     string  `json:"amount_effect"`
	DeltaMicros      *int64  `json:"counted_delta_micros"`
	Seq              *int64  `json:"seq"`
	OccurredMS       *int64  `json:"occurred_at_ms"`
	ReceivedMS       int64   `json:"received_at_ms"`
}

// state is what the table conversions knows of one conversion; the zero value but for seq is nothing.
type state struct {
	currency      *string
	countedMicros int64
	seq           *int64
	occurredMS    *int64
	receivedMS    int64
	times         int64
}

// openTables opens the file and makes what is missing. With synchronous=FULL a committed offset does not outlive the
// transaction that it stands for, not even over a loss of power.
func openTables(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(tables); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return db, nil
}

// applyBatch takes records into the tables in one transaction; it returns how many of them were new.
func applyBatch(ctx context.Context, db *sql.DB, batch []kafka.Message) (applied int, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // does nothing after Commit
	// The window runs on this machine's clock. Times inside the event are a sender's: replays carry old ones.
	now := time.Now()
	first := make(map[int]int64)
	for _, record := range batch {
		if _, known := first[record.Partition]; !known {
			first[record.Partition] = record.Offset
		}
		added, err := tx.Exec("INSERT OR IGNORE INTO remembered VALUES (?, ?, ?, ?)",
			record.Partition, header(record, "ce_id"), record.Offset, now.UnixMilli())
		if err != nil {
			return 0, err
		}
		if n, _ := added.RowsAffected(); n == 0 {
			continue
		}
		var e event
		if err := json.Unmarshal(record.Value, &e); err != nil {
			return 0, fmt.Errorf("partition %d, offset %d: %w", record.Partition, record.Offset, err)
		}
		if err := apply(tx, string(record.Key), &e); err != nil {
			return 0, err
		}
		applied++
	}
	for partition, offset := range first {
		// Only what lies before this batch: after a week of standstill Kafka may still deliver the rest once more.
		if _, err := tx.Exec("DELETE FROM remembered WHERE partition = ? AND seen_at_ms < ? AND record_offset < ?",
			partition, now.Add(-rememberFor).UnixMilli(), offset); err != nil {
			return 0, err
		}
	}
	return applied, tx.Commit()
}

func header(record kafka.Message, name string) string {
	for _, h := range record.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// apply brings one conversion, and the totals it is part of, to what a new event says.
func apply(tx *sql.Tx, key string, e *event) error {
	// The record key is property|network|transaction_id. Without a usable id every event is a conversion of its own.
	conversion := key + "|" + e.Goal
	if e.DedupeKey == "fallback" {
		conversion = key + "|" + e.ID
	}
	old := state{seq: new(int64)}
	row := tx.QueryRow("SELECT currency, counted_micros, seq, occurred_at_ms, received_at_ms, times FROM conversions WHERE conversion = ?", conversion)
	err := row.Scan(&old.currency, &old.countedMicros, &old.seq, &old.occurredMS, &old.receivedMS, &old.times)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	times := old.times + e.conversionsAfter(&old)
	currency, counted, unclear, newer := e.settle(&old)
	if !newer {
		_, err := tx.Exec("UPDATE conversions SET times = ? WHERE conversion = ?", times, conversion)
		return err
	}
	if old.currency != nil {
		if err := add(tx, e, *old.currency, -old.countedMicros); err != nil {
			return err
		}
	}
	if err := add(tx, e, currency, counted); err != nil {
		return err
	}
	_, err = tx.Exec("INSERT OR REPLACE INTO conversions VALUES ("+strings.Repeat("?, ", 12)+"?)", conversion, e.Property, e.Network,
		e.ID, e.Name, e.Status, currency, counted, e.Seq, e.OccurredMS, e.ReceivedMS, times, unclear)
	return err
}

// counts tells whether the amount is part of the total: a pending one is not, unless the integration says
// count_pending; the name tells.
func (e *event) counts() bool {
	return e.Status == "none" || e.Status == "approved" || e.Status == "pending" && e.Name != "PendingConversion"
}

// dense tells whether old is the very state that postback compared the event with.
func (e *event) dense(old *state) bool {
	return e.Seq != nil && old.seq != nil && *e.Seq == *old.seq+1
}

// conversionsAfter is 1 for an event that makes a conversion: new or promotion. Where seq is unknown, kind is a guess.
func (e *event) conversionsAfter(old *state) int64 {
	makes := e.Kind == "promotion" && old.times == 0 || e.Kind == "new" && (old.times == 0 || e.dense(old))
	if makes && e.counts() {
		return 1
	}
	return 0
}

// settle says what the conversion counts after e; newer is false when an update overtook e and nothing changes.
func (e *event) settle(old *state) (currency string, counted int64, unclear, newer bool) {
	currency, counted = "XXX", old.countedMicros
	if old.currency != nil {
		currency = *old.currency
	}
	before := currency
	if e.Currency != nil {
		currency = *e.Currency
	}
	sameCurrency := counted == 0 || currency == before
	correction := e.AmountEffect == "delta"
	switch {
	case e.dense(old) && e.DeltaMicros != nil && sameCurrency:
		return currency, counted + *e.DeltaMicros, false, true // postback knew the state before, and so do we: its delta is exact
	case e.older(old):
		return "", 0, false, false
	// From here on the state before was unknown to postback or to us. What the conversion counts now is known all the same.
	case !e.counts() && !correction:
		return currency, 0, false, true
	case e.CommissionMicros == nil, correction && !sameCurrency:
		return before, counted, true, true // missing is not zero: left as it was, for a person to look at
	case correction:
		if e.counts() || e.Status == "rejected" || e.Status == "reversed" {
			counted += *e.CommissionMicros
		}
		return currency, counted, false, true
	}
	return currency, *e.CommissionMicros, false, true
}

// older orders states across instances of postback: by the network's date where both have one, else by arrival.
func (e *event) older(old *state) bool {
	if e.OccurredMS != nil && old.occurredMS != nil && *e.OccurredMS != *old.occurredMS {
		return *e.OccurredMS < *old.occurredMS
	}
	return e.ReceivedMS < old.receivedMS
}

func add(tx *sql.Tx, e *event, currency string, micros int64) error {
	if micros == 0 {
		return nil
	}
	_, err := tx.Exec("INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros",
		e.Property, e.Network, currency, micros)
	return err
}
