// Command consumer keeps conversions and running totals in SQLite from postback's topic, each event exactly once.
//
// The topic is at least once: a retry or a crash can leave a second copy of an event, with the same ce_id in the same
// partition. Three rules make the totals exact:
//
//  1. The first copy of a ce_id counts, later ones are dropped. A late copy of an original may stand behind a newer
//     update; had it been written over the update, the conversion would be back at its old amount.
//  2. The remembered ce_id and what it did to the tables are one transaction: both happen, or neither.
//  3. The offset is committed to Kafka after that transaction. A crash in between means that records come again, and
//     rule 1 knows them.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

const batchSize = 100 // records a transaction

type options struct {
	brokers          []string
	topic, group, db string
	once             bool
}

// report is printed at the end: the first three are of this run, the others of the tables.
type report struct {
	Records     int               `json:"records"`
	Applied     int               `json:"applied"`
	Copies      int               `json:"copies"`
	Conversions int64             `json:"conversions"`
	Totals      map[string]string `json:"totals"`
}

func main() {
	var o options
	brokers := flag.String("brokers", "127.0.0.1:9092", "host:port, comma separated")
	flag.StringVar(&o.topic, "topic", "postbacks", "topic to read")
	flag.StringVar(&o.group, "group", "postback-consumer", "consumer group")
	flag.StringVar(&o.db, "db", "conversions.db", "SQLite `file`")
	flag.BoolVar(&o.once, "once", false, "end where the topic ends now")
	flag.Parse()
	o.brokers = strings.Split(*brokers, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	db, err := openTables(o.db)
	if err != nil {
		return err
	}
	defer db.Close()
	var left map[int]int64
	if o.once {
		if left, err = leftToRead(ctx, o); err != nil {
			return err
		}
	}
	var result report
	if !o.once || len(left) > 0 {
		if err := consume(ctx, o, db, left, &result); err != nil {
			return err
		}
	}
	if err := result.readTables(db); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// consume reads until ctx ends or, with left, until every partition in it has reached its offset.
func consume(ctx context.Context, o options, db *sql.DB, left map[int]int64, result *report) (err error) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: o.brokers, Topic: o.topic, GroupID: o.group, StartOffset: kafka.FirstOffset,
		SessionTimeout:    6 * time.Second, // how long a killed consumer holds its partitions
		HeartbeatInterval: time.Second, JoinGroupBackoff: 500 * time.Millisecond,
		MaxBytes: 10 << 20, MaxWait: 200 * time.Millisecond,
	})
	defer func() { err = errors.Join(err, reader.Close()) }()
	for ctx.Err() == nil {
		batch, err := fetch(ctx, reader)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			continue
		}
		applied, err := applyBatch(context.WithoutCancel(ctx), db, batch)
		if err != nil {
			return err
		}
		result.Records += len(batch)
		result.Applied += applied
		result.Copies += len(batch) - applied
		if err := reader.CommitMessages(context.WithoutCancel(ctx), batch...); err != nil {
			fmt.Fprintln(os.Stderr, "commit:", err) // nothing is lost: the records come again and are known
		}
		fmt.Fprintf(os.Stderr, "%d applied, %d copies\n", applied, len(batch)-applied)
		for _, record := range batch {
			if end, waiting := left[record.Partition]; waiting && record.Offset+1 >= end {
				delete(left, record.Partition)
			}
		}
		if left != nil && len(left) == 0 {
			return nil
		}
	}
	return nil
}

// fetch collects what is there now, up to one batch.
func fetch(ctx context.Context, reader *kafka.Reader) ([]kafka.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	var batch []kafka.Message
	for len(batch) < batchSize {
		record, err := reader.FetchMessage(ctx)
		switch {
		case err == nil:
			batch = append(batch, record)
		case ctx.Err() != nil:
			return batch, nil
		default:
			return nil, err
		}
	}
	return batch, nil
}

// leftToRead gives the high watermarks of now, for the partitions that have records the group has not committed.
func leftToRead(ctx context.Context, o options) (map[int]int64, error) {
	client := &kafka.Client{Addr: kafka.TCP(o.brokers...), Timeout: 10 * time.Second}
	found, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{o.topic}})
	if err != nil {
		return nil, err
	}
	if err := found.Topics[0].Error; err != nil {
		return nil, fmt.Errorf("topic %s: %w", o.topic, err)
	}
	var numbers []int
	var ends []kafka.OffsetRequest
	for _, p := range found.Topics[0].Partitions {
		numbers = append(numbers, p.ID)
		ends = append(ends, kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
	}
	offsets, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{o.topic: ends}})
	if err != nil {
		return nil, err
	}
	committed, err := committedOffsets(ctx, client, o, numbers)
	if err != nil {
		return nil, err
	}
	left := make(map[int]int64)
	for _, p := range offsets.Topics[o.topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
		if max(p.FirstOffset, committed[p.Partition]) < p.LastOffset {
			left[p.Partition] = p.LastOffset
		}
	}
	return left, nil
}

func committedOffsets(ctx context.Context, client *kafka.Client, o options, partitions []int) (map[int]int64, error) {
	request := &kafka.OffsetFetchRequest{GroupID: o.group, Topics: map[string][]int{o.topic: partitions}}
	response, err := client.OffsetFetch(ctx, request)
	for tries := 0; tries < 20 && isTemporary(response, err); tries++ { // a fresh cluster looks for its coordinator first
		time.Sleep(500 * time.Millisecond)
		response, err = client.OffsetFetch(ctx, request)
	}
	if err != nil {
		return nil, err
	}
	committed := make(map[int]int64)
	for _, p := range response.Topics[o.topic] {
		if err := errors.Join(response.Error, p.Error); err != nil {
			return nil, fmt.Errorf("group %s: %w", o.group, err)
		}
		committed[p.Partition] = p.CommittedOffset
	}
	return committed, nil
}

func isTemporary(response *kafka.OffsetFetchResponse, err error) bool {
	if err == nil {
		err = response.Error
	}
	var code kafka.Error
	return errors.As(err, &code) && code.Temporary()
}

func (r *report) readTables(db *sql.DB) error {
	if err := db.QueryRow("SELECT COALESCE(SUM(times), 0) FROM conversions").Scan(&r.Conversions); err != nil {
		return err
	}
	rows, err := db.Query("SELECT currency, SUM(micros) FROM totals GROUP BY currency")
	if err != nil {
		return err
	}
	defer rows.Close()
	r.Totals = make(map[string]string)
	for rows.Next() {
		var currency string
		var micros int64
		if err := rows.Scan(&currency, &micros); err != nil {
			return err
		}
		r.Totals[currency] = decimal(micros)
	}
	return rows.Err()
}

// decimal writes micros as an exact decimal with two to six fraction digits.
func decimal(micros int64) string {
	sign, size := "", micros
	if micros < 0 {
		sign, size = "-", -micros
	}
	part := strings.TrimRight(fmt.Sprintf("%06d", size%1_000_000), "0")
	return fmt.Sprintf("%s%d.%s%s", sign, size/1_000_000, part, strings.Repeat("0", max(0, 2-len(part))))
}
