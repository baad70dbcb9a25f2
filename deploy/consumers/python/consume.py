"""Keeps conversions and running totals in SQLite from postback's topic, each event exactly once.

The topic is at least once: a retry or a crash can leave a second copy of an event, with the same ce_id
in the same partition. Three rules make the totals exact:

1. The first copy of a ce_id counts, later ones are dropped. A late copy of an original may stand behind
   a newer update; had it been written over the update, the conversion would be back at its old amount.
2. The remembered ce_id and what it did to the tables are one transaction: both happen, or neither.
3. The offset is committed to Kafka after that transaction. A crash in between means that records come
   again, and rule 1 knows them.
"""

import argparse
import json
import signal
import sqlite3
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

BATCH = 100  # records a transaction
REMEMBER_MS = 7 * 24 * 3600 * 1000  # longer than any network or any journal of postback holds on to an event
COORDINATOR_MOVES = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)

TABLES = """
CREATE TABLE IF NOT EXISTS remembered (
  partition INTEGER, ce_id TEXT, record_offset INTEGER, seen_at_ms INTEGER, PRIMARY KEY (partition, ce_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS remembered_age ON remembered (partition, seen_at_ms);
CREATE TABLE IF NOT EXISTS conversions (
  conversion TEXT PRIMARY KEY, property TEXT, network TEXT, event_id TEXT, event_name TEXT, status TEXT, currency TEXT,
  counted_micros INTEGER, seq INTEGER, occurred_at_ms INTEGER, received_at_ms INTEGER, times INTEGER, unclear INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
  property TEXT, network TEXT, currency TEXT, micros INTEGER, PRIMARY KEY (property, network, currency)) WITHOUT ROWID;
"""


def open_tables(path):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # a committed offset must not outlive the transaction it stands for
    db.executescript(TABLES)
    return db


def apply_batch(db, records):
    """Takes records into the tables in one transaction; returns how many were new and how many copies."""
    now, first, applied = int(time.time() * 1000), {}, 0
    db.execute("BEGIN IMMEDIATE")
    try:
        for record in records:
            partition, offset = record.partition(), record.offset()
            first.setdefault(partition, offset)
            ce_id = dict(record.headers() or [])["ce_id"].decode()
            # The window runs on this machine's clock. Times inside the event are a sender's: replays carry old ones.
            cursor = db.execute("INSERT OR IGNORE INTO remembered VALUES (?, ?, ?, ?)", (partition, ce_id, offset, now))
            if cursor.rowcount == 1:
                apply(db, record.key().decode(), json.loads(record.value()))
                applied += 1
        for partition, offset in first.items():
            # Only what lies before this batch: after a week of standstill Kafka may still deliver the rest once more.
            db.execute("DELETE FROM remembered WHERE partition = ? AND seen_at_ms < ? AND record_offset < ?",
                       (partition, now - REMEMBER_MS, offset))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return applied, len(records) - applied


NOTHING = {"currency": None, "counted_micros": 0, "seq": 0, "occurred_at_ms": None, "received_at_ms": 0, "times": 0}


def apply(db, key, event):
    """Brings one conversion, and the totals it is part of, to what a new event says."""
    # The record key is property|network|transaction_id. Without a usable id every event is a conversion of its own.
    conversion = key + "|" + (event["event_id"] if event["dedupe_key"] == "fallback" else event.get("goal") or "")
    old = db.execute("SELECT * FROM conversions WHERE conversion = ?", (conversion,)).fetchone() or NOTHING
    status, seq, delta, amount = event["status"], event["seq"], event["counted_delta_micros"], event["commission_micros"]
    # Pending money is not counted, unless the integration says count_pending; the name tells.
    counts = status in ("none", "approved") or (status == "pending" and event["event_name"] != "PendingConversion")
    correction = event.get("amount_effect") == "delta"
    currency = event["currency"] or old["currency"] or "XXX"
    same_currency = old["counted_micros"] == 0 or currency == old["currency"]
    dense = seq is not None and old["seq"] is not None and seq == old["seq"] + 1
    counted, unclear = old["counted_micros"], 0

    times = old["times"]
    if event["kind"] in ("new", "promotion") and counts and (times == 0 or (event["kind"] == "new" and dense)):
        times += 1

    if dense and delta is not None and same_currency:
        counted += delta  # postback knew the state before, and so do we: its delta is exact
    elif is_older(event, old):  # an update overtook it: the newer state stays
        db.execute("UPDATE conversions SET times = ? WHERE conversion = ?", (times, conversion))
        return
    # From here on the state before was unknown to postback or to us. What the conversion counts now is known all the same.
    elif not counts and not correction:
        counted = 0
    elif amount is None or (correction and not same_currency):
        currency, unclear = old["currency"] or currency, 1  # missing is not zero: left as it was, for a person to look at
    elif correction:
        counted += amount if counts or status in ("rejected", "reversed") else 0
    else:
        counted = amount

    add(db, event, old["currency"], -old["counted_micros"])
    add(db, event, currency, counted)
    db.execute("INSERT OR REPLACE INTO conversions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               (conversion, event["property"], event["network"], event["event_id"], event["event_name"], status, currency,
                counted, seq, event.get("occurred_at_ms"), event["received_at_ms"], times, unclear))


def is_older(event, old):
    """Order across instances of postback: the network's date where both have one, else the arrival."""
    occurred = event.get("occurred_at_ms")
    if occurred is not None and old["occurred_at_ms"] is not None and occurred != old["occurred_at_ms"]:
        return occurred < old["occurred_at_ms"]
    return event["received_at_ms"] < old["received_at_ms"]


def add(db, event, currency, micros):
    if micros != 0:
        db.execute("INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros",
                   (event["property"], event["network"], currency, micros))


def committed_offsets(consumer, partitions):
    """The group's offsets. A broker that has just started may not know yet who coordinates the group."""
    until = time.monotonic() + 30
    while True:
        try:
            return consumer.committed(partitions, timeout=10)
        except KafkaException as failure:
            error = failure.args[0]
            if time.monotonic() > until or not error.retriable() and error.code() not in COORDINATOR_MOVES:
                raise
            time.sleep(0.2)


def left_to_read(consumer, topic):
    """The high watermarks of now, for the partitions that have records the group has not committed."""
    found = consumer.list_topics(topic, timeout=10).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    left = {}
    for committed in committed_offsets(consumer, [TopicPartition(topic, p) for p in found.partitions]):
        low, high = consumer.get_watermark_offsets(committed, timeout=10)
        if max(low, committed.offset) < high:
            left[committed.partition] = high
    return left


def decimal(micros):
    whole, part = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="127.0.0.1:9092", help="host:port, comma separated")
    parser.add_argument("--topic", default="postbacks")
    parser.add_argument("--group", default="postback-consumer")
    parser.add_argument("--db", default="conversions.db", metavar="FILE")
    parser.add_argument("--once", action="store_true", help="end where the topic ends now")
    flags = parser.parse_args()

    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    db = open_tables(flags.db)
    consumer = Consumer({
        "bootstrap.servers": flags.brokers, "group.id": flags.group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False,  # rule 3
        "session.timeout.ms": 6000,  # how long a killed consumer holds its partitions
    })
    records = applied = copies = 0
    left = left_to_read(consumer, flags.topic) if flags.once else None
    consumer.subscribe([flags.topic])
    while not stopped and left != {}:
        batch = consumer.consume(BATCH, timeout=0.2)
        failed = next((record.error() for record in batch if record.error()), None)
        if failed:
            raise KafkaException(failed)
        if not batch:
            continue
        new, old = apply_batch(db, batch)
        records, applied, copies = records + len(batch), applied + new, copies + old
        offsets = {record.partition(): record.offset() + 1 for record in batch}
        try:
            consumer.commit(offsets=[TopicPartition(flags.topic, p, o) for p, o in offsets.items()], asynchronous=False)
        except KafkaException as failure:  # nothing is lost: the records come again and are known
            print(f"commit: {failure}", file=sys.stderr)
        print(f"{new} applied, {old} copies", file=sys.stderr)
        if left:
            left = {p: high for p, high in left.items() if offsets.get(p, 0) < high}
    consumer.close()
    currencies = db.execute("SELECT currency, SUM(micros) FROM totals GROUP BY currency ORDER BY currency")
    totals = {currency: decimal(micros) for currency, micros in currencies}
    conversions = db.execute("SELECT COALESCE(SUM(times), 0) FROM conversions").fetchone()[0]
    db.close()
    print(json.dumps({"records": records, "applied": applied, "copies": copies, "conversions": conversions, "totals": totals}))


if __name__ == "__main__":
    main()
