/*
 * Keeps conversions and running totals in SQLite from postback's topic, each event exactly once.
 *
 * The topic is at least once: a retry or a crash can leave a second copy of an event, with the same ce_id in the same
 * partition. Three rules make the totals exact:
 *
 * 1. The first copy of a ce_id counts, later ones are dropped. A late copy of an original may stand behind a newer
 *    update; had it been written over the update, the conversion would be back at its old amount.
 * 2. The remembered ce_id and what it did to the tables are one transaction: both happen, or neither.
 * 3. The offset is committed to Kafka after that transaction. A crash in between means that records come again, and
 *    rule 1 knows them.
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Kafka, logLevel, type IHeaders, type KafkaMessage } from "kafkajs";
import Database from "libsql";

const BATCH = 100; // records a transaction
const REMEMBER_MS = 7 * 24 * 3600 * 1000; // longer than any network or any journal of postback holds on to an event

const TABLES = `
CREATE TABLE IF NOT EXISTS remembered (
  partition INTEGER, ce_id TEXT, record_offset INTEGER, seen_at_ms INTEGER, PRIMARY KEY (partition, ce_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS remembered_age ON remembered (partition, seen_at_ms);
CREATE TABLE IF NOT EXISTS conversions (
  conversion TEXT PRIMARY KEY, property TEXT, network TEXT, event_id TEXT, event_name TEXT, status TEXT, currency TEXT,
  counted_micros INTEGER, seq INTEGER, occurred_at_ms INTEGER, received_at_ms INTEGER, times INTEGER, unclear INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
  property TEXT, network TEXT, currency TEXT, micros INTEGER, PRIMARY KEY (property, network, currency)) WITHOUT ROWID;
`;

/** What we use of a record's value. Absent means null. */
interface Event {
  event_id: string; kind: string; event_name: string; property: string; network: string; goal?: string | null;
  dedupe_key: string; status: string; currency: string | null; amount_effect?: string | null;
  // The …_micros fields may be larger than a JavaScript number can hold; these strings hold the same amounts.
  commission: string | null; counted_delta: string | null;
  seq: number | null; occurred_at_ms?: number | null; received_at_ms: number;
}

/** What the table conversions knows of one conversion. */
interface State {
  currency: string | null; counted_micros: bigint; seq: bigint | null;
  occurred_at_ms: bigint | null; received_at_ms: bigint; times: bigint;
}

const NOTHING: State = { currency: null, counted_micros: 0n, seq: 0n, occurred_at_ms: null, received_at_ms: 0n, times: 0n };

/** The tables in one SQLite file. */
class Ledger {
  private readonly db: Database.Database;

  constructor(file: string) {
    this.db = new Database(file, { timeout: 30_000 });
    this.db.pragma("journal_mode = WAL");
    this.db.pragma("synchronous = FULL"); // a committed offset must not outlive the transaction it stands for
    this.db.exec(TABLES);
  }

  /** Takes records of one partition into the tables in one transaction; returns how many of them were new. */
  applyBatch(partition: number, records: KafkaMessage[]): number {
    return this.db.transaction(() => {
      let applied = 0;
      // The window runs on this machine's clock. Times inside the event are a sender's: replays carry old ones.
      const now = Date.now();
      const remember = this.db.prepare("INSERT OR IGNORE INTO remembered VALUES (?, ?, ?, ?)");
      for (const record of records) {
        if (remember.run(partition, header(record.headers, "ce_id"), BigInt(record.offset), now).changes === 1) {
          this.apply(String(record.key), JSON.parse(String(record.value)) as Event);
          applied++;
        }
      }
      // Only what lies before this batch: after a week of standstill Kafka may still deliver the rest once more.
      this.db.prepare("DELETE FROM remembered WHERE partition = ? AND seen_at_ms < ? AND record_offset < ?")
        .run(partition, now - REMEMBER_MS, BigInt(records[0].offset));
      return applied;
    }).immediate();
  }

  /** Brings one conversion, and the totals it is part of, to what a new event says. */
  private apply(key: string, event: Event): void {
    // The record key is property|network|transaction_id. Without a usable id every event is a conversion of its own.
    const conversion = `${key}|${event.dedupe_key === "fallback" ? event.event_id : event.goal ?? ""}`;
    const old = (this.db.prepare("SELECT * FROM conversions WHERE conversion = ?").safeIntegers(true).get(conversion) ?? NOTHING) as State;
    const { status, kind } = event;
    const delta = micros(event.counted_delta);
    const amount = micros(event.commission);
    // Pending money is not counted, unless the integration says count_pending; the name tells.
    const counts = status === "none" || status === "approved" || (status === "pending" && event.event_name !== "PendingConversion");
    const correction = event.amount_effect === "delta";
    let currency = event.currency ?? old.currency ?? "XXX";
    const sameCurrency = old.counted_micros === 0n || currency === old.currency;
    const dense = event.seq !== null && old.seq !== null && BigInt(event.seq) === old.seq + 1n;

    let times = old.times;
    if (counts && ((kind === "promotion" && times === 0n) || (kind === "new" && (times === 0n || dense)))) times++;

    let counted = old.counted_micros;
    let unclear = 0;
    if (dense && delta !== null && sameCurrency) {
      counted += delta; // postback knew the state before, and so do we: its delta is exact
    } else if (isOlder(event, old)) { // an update overtook it: the newer state stays
      this.db.prepare("UPDATE conversions SET times = ? WHERE conversion = ?").run(times, conversion);
      return;
      // From here on the state before was unknown to postback or to us. What the conversion counts now is known all the same.
    } else if (!counts && !correction) {
      counted = 0n;
    } else if (amount === null || (correction && !sameCurrency)) {
      currency = old.currency ?? currency; // missing is not zero: left as it was, for a person to look at
      unclear = 1;
    } else if (correction) {
      if (counts || status === "rejected" || status === "reversed") counted += amount;
    } else {
      counted = amount;
    }

    this.add(event, old.currency, -old.counted_micros);
    this.add(event, currency, counted);
    this.db.prepare("INSERT OR REPLACE INTO conversions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      conversion, event.property, event.network, event.event_id, event.event_name, status, currency,
      counted, event.seq, event.occurred_at_ms ?? null, event.received_at_ms, times, unclear);
  }

  private add(event: Event, currency: string | null, amount: bigint): void {
    if (amount === 0n) return;
    this.db.prepare("INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros")
      .run(event.property, event.network, currency, amount);
  }

  /** What the tables say: how many conversions there are, and the totals by currency. */
  summary(): { conversions: number; totals: Record<string, string> } {
    const { conversions } = this.db.prepare("SELECT COALESCE(SUM(times), 0) AS conversions FROM conversions").get() as { conversions: number };
    const rows = this.db.prepare("SELECT currency, SUM(micros) AS micros FROM totals GROUP BY currency ORDER BY currency").safeIntegers(true).all();
    const totals = (rows as { currency: string; micros: bigint }[]).map((row) => [row.currency, decimal(row.micros)]);
    return { conversions, totals: Object.fromEntries(totals) };
  }

  close(): void {
    this.db.close();
  }
}

/** Order across instances of postback: the network's date where both have one, else the arrival. */
function isOlder(event: Event, old: State): boolean {
  const occurred = event.occurred_at_ms ?? null;
  if (occurred !== null && old.occurred_at_ms !== null && BigInt(occurred) !== old.occurred_at_ms) {
    return BigInt(occurred) < old.occurred_at_ms;
  }
  return BigInt(event.received_at_ms) < old.received_at_ms;
}

function header(headers: IHeaders | undefined, name: string): string {
  return String(headers?.[name] ?? "");
}

/** "-4.5" is -4500000n, exactly. */
function micros(amount: string | null): bigint | null {
  if (amount === null) return null;
  const [whole, part = ""] = amount.split(".");
  return BigInt(whole + part.padEnd(6, "0"));
}

function decimal(amount: bigint): string {
  const digits = String(amount < 0n ? -amount : amount).padStart(7, "0");
  return `${amount < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6).replace(/0{1,4}$/, "")}`;
}

/** Asks again for half a minute: a broker that has just started may not know yet who coordinates a group. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const until = Date.now() + 30_000; ; await new Promise((wake) => setTimeout(wake, 200))) {
    try {
      return await ask();
    } catch (failure) {
      if (!(failure as { retriable?: boolean }).retriable || Date.now() > until) throw failure;
    }
  }
}

/** The high watermarks of now, for the partitions that have records the group has not committed. */
async function leftToRead(kafka: Kafka, topic: string, groupId: string): Promise<Map<number, bigint>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    const [{ partitions: committed }] = await patiently(() => admin.fetchOffsets({ groupId, topics: [topic] }));
    const left = new Map<number, bigint>();
    for (const { partition, low, high } of ends) {
      const at = BigInt(committed.find((c) => c.partition === partition)?.offset ?? -1);
      if ((at > BigInt(low) ? at : BigInt(low)) < BigInt(high)) left.set(partition, BigInt(high));
    }
    return left;
  } finally {
    await admin.disconnect();
  }
}

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      brokers: { type: "string", default: "127.0.0.1:9092" }, // host:port, comma separated
      topic: { type: "string", default: "postbacks" },
      group: { type: "string", default: "postback-consumer" },
      db: { type: "string", default: "conversions.db" },
      once: { type: "boolean", default: false }, // end where the topic ends now
    },
  });
  const kafka = new Kafka({
    brokers: flags.brokers.split(","), logLevel: logLevel.ERROR,
    connectionTimeout: 10_000, retry: { retries: 10 }, // the defaults give up on a broker that is only busy
  });
  const left = flags.once ? await leftToRead(kafka, flags.topic, flags.group) : undefined;
  const ledger = new Ledger(flags.db);
  const seen = { records: 0, applied: 0, copies: 0 };
  if (left?.size !== 0) {
    const end = new AbortController();
    const ended = once(end.signal, "abort");
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
    let failure: unknown;
    const fail = (error: unknown) => { failure ??= error; end.abort(); };

    const consumer = kafka.consumer({
      groupId: flags.group, heartbeatInterval: 1000, maxWaitTimeInMs: 200,
      sessionTimeout: 6000, // how long a killed consumer holds its partitions
      allowAutoTopicCreation: false, // postback creates them
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => { if (!payload.restart) fail(payload.error); });
    await consumer.connect();
    await consumer.subscribe({ topic: flags.topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false, // rule 3
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
        for (let at = 0; at < batch.messages.length && isRunning() && !isStale() && !end.signal.aborted; at += BATCH) {
          const records = batch.messages.slice(at, at + BATCH);
          let applied = 0;
          try {
            applied = ledger.applyBatch(batch.partition, records);
          } catch (error) {
            return fail(error);
          }
          const last = BigInt(records[records.length - 1].offset);
          seen.records += records.length;
          seen.applied += applied;
          seen.copies += records.length - applied;
          // If this fails, nothing is lost: the records come again and are known.
          await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: String(last + 1n) }]);
          resolveOffset(String(last));
          console.error(`${applied} applied, ${records.length - applied} copies`);
          if (last + 1n >= (left?.get(batch.partition) ?? last + 2n)) left?.delete(batch.partition);
          if (left?.size === 0) return end.abort();
          await heartbeat();
        }
      },
    });
    await ended;
    await consumer.disconnect();
    if (failure !== undefined) throw failure;
  }
  console.log(JSON.stringify({ ...seen, ...ledger.summary() }));
  ledger.close();
}

await main();
