package consumer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.sqlite.SQLiteConfig;

/** The tables in one SQLite file. */
final class Ledger implements AutoCloseable {
    /** Longer than any network or any journal of postback holds on to an event. */
    private static final long REMEMBER_MS = 7L * 24 * 3600 * 1000;

    private static final String[] TABLES = {
        """
        CREATE TABLE IF NOT EXISTS remembered (
          partition INTEGER, ce_id TEXT, record_offset INTEGER, seen_at_ms INTEGER, PRIMARY KEY (partition, ce_id)) WITHOUT ROWID""",
        "CREATE INDEX IF NOT EXISTS remembered_age ON remembered (partition, seen_at_ms)",
        """
        CREATE TABLE IF NOT EXISTS conversions (
          conversion TEXT PRIMARY KEY, property TEXT, network TEXT, event_id TEXT, event_name TEXT, status TEXT, currency TEXT,
          counted_micros INTEGER, seq INTEGER, occurred_at_ms INTEGER, received_at_ms INTEGER, times INTEGER, unclear INTEGER) WITHOUT ROWID""",
        """
        CREATE TABLE IF NOT EXISTS totals (
          property TEXT, network TEXT, currency TEXT, micros INTEGER, PRIMARY KEY (property, network, currency)) WITHOUT ROWID"""
    };

    /** What the table conversions knows of one conversion; null is unknown. */
    private record State(String currency, long counted, Long seq, Long occurredAt, long receivedAt, long times) {
        static final State NOTHING = new State(null, 0, 0L, null, 0, 0);
    }

    private final ObjectMapper json = new ObjectMapper();
    private final Connection db;

    Ledger(String file) throws SQLException {
        var config = new SQLiteConfig();
        config.setJournalMode(SQLiteConfig.JournalMode.WAL);
        config.setSynchronous(SQLiteConfig.SynchronousMode.FULL); // a committed offset must not outlive its transaction
        config.setTransactionMode(SQLiteConfig.TransactionMode.IMMEDIATE);
        config.setBusyTimeout(30_000);
        db = DriverManager.getConnection("jdbc:sqlite:" + file, config.toProperties());
        try (Statement statement = db.createStatement()) {
            for (String table : TABLES) {
                statement.execute(table);
            }
        }
        db.setAutoCommit(false);
    }

    /** Takes records of one partition into the tables in one transaction; returns how many of them were new. */
    int applyBatch(int partition, List<ConsumerRecord<String, byte[]>> records) throws SQLException, IOException {
        int applied = 0;
        // The window runs on this machine's clock. Times inside the event are a sender's: replays carry old ones.
        long now = System.currentTimeMillis();
        try {
            for (var record : records) {
                String id = new String(record.headers().lastHeader("ce_id").value());
                if (run("INSERT OR IGNORE INTO remembered VALUES (?, ?, ?, ?)", partition, id, record.offset(), now) == 1) {
                    apply(record.key(), json.readTree(record.value()));
                    applied++;
                }
            }
            // Only what lies before this batch: after a week of standstill Kafka may still deliver the rest once more.
            run("DELETE FROM remembered WHERE partition = ? AND seen_at_ms < ? AND record_offset < ?",
                    partition, now - REMEMBER_MS, records.get(0).offset());
            db.commit();
            return applied;
        } catch (SQLException | IOException | RuntimeException failure) {
            db.rollback();
            throw failure;
        }
    }

    /** Brings one conversion, and the totals it is part of, to what a new event says. */
    private void apply(String key, JsonNode event) throws SQLException {
        // The record key is property|network|transaction_id. Without a usable id every event is a conversion of its own.
        String goal = event.path("goal").asText("");
        String conversion = key + "|" + (text(event, "dedupe_key").equals("fallback") ? text(event, "event_id") : goal);
        State old = find(conversion);
        String status = text(event, "status");
        String kind = text(event, "kind");
        Long seq = number(event, "seq");
        Long delta = number(event, "counted_delta_micros");
        Long amount = number(event, "commission_micros");
        // Pending money is not counted, unless the integration says count_pending; the name tells.
        boolean counts = status.equals("none") || status.equals("approved")
                || status.equals("pending") && !text(event, "event_name").equals("PendingConversion");
        boolean correction = "delta".equals(text(event, "amount_effect"));
        String before = old.currency() == null ? "XXX" : old.currency();
        String currency = text(event, "currency") == null ? before : text(event, "currency");
        boolean sameCurrency = old.counted() == 0 || currency.equals(before);
        boolean dense = seq != null && old.seq() != null && seq == old.seq() + 1;

        long times = old.times();
        if (counts && (kind.equals("promotion") && times == 0 || kind.equals("new") && (times == 0 || dense))) {
            times++;
        }

        long counted = old.counted();
        boolean unclear = false;
        if (dense && delta != null && sameCurrency) {
            counted += delta; // postback knew the state before, and so do we: its delta is exact
        } else if (isOlder(event, old)) { // an update overtook it: the newer state stays
            run("UPDATE conversions SET times = ? WHERE conversion = ?", times, conversion);
            return;
            // From here on the state before was unknown to postback or to us. What the conversion counts now is known all the same.
        } else if (!counts && !correction) {
            counted = 0;
        } else if (amount == null || correction && !sameCurrency) {
            currency = before; // missing is not zero: left as it was, for a person to look at
            unclear = true;
        } else if (correction) {
            counted += counts || status.equals("rejected") || status.equals("reversed") ? amount : 0;
        } else {
            counted = amount;
        }

        add(event, before, -old.counted());
        add(event, currency, counted);
        run("INSERT OR REPLACE INTO conversions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                conversion, text(event, "property"), text(event, "network"), text(event, "event_id"), text(event, "event_name"),
                status, currency, counted, seq, number(event, "occurred_at_ms"), number(event, "received_at_ms"), times, unclear);
    }

    /** Order across instances of postback: the network's date where both have one, else the arrival. */
    private static boolean isOlder(JsonNode event, State old) {
        Long occurred = number(event, "occurred_at_ms");
        if (occurred != null && old.occurredAt() != null && !occurred.equals(old.occurredAt())) {
            return occurred < old.occurredAt();
        }
        return number(event, "received_at_ms") < old.receivedAt();
    }

    private void add(JsonNode event, String currency, long micros) throws SQLException {
        if (micros != 0) {
            run("INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET micros = micros + excluded.micros",
                    text(event, "property"), text(event, "network"), currency, micros);
        }
    }

    private State find(String conversion) throws SQLException {
        try (var query = db.prepareStatement("SELECT currency, counted_micros, seq, occurred_at_ms, received_at_ms, times"
                + " FROM conversions WHERE conversion = ?")) {
            query.setString(1, conversion);
            ResultSet row = query.executeQuery();
            return row.next()
                    ? new State(row.getString(1), row.getLong(2), longOrNull(row, 3), longOrNull(row, 4), row.getLong(5), row.getLong(6))
                    : State.NOTHING;
        }
    }

    private static Long longOrNull(ResultSet row, int column) throws SQLException {
        long value = row.getLong(column);
        return row.wasNull() ? null : value;
    }

    private int run(String statement, Object... values) throws SQLException {
        try (PreparedStatement prepared = db.prepareStatement(statement)) {
            for (int i = 0; i < values.length; i++) {
                prepared.setObject(i + 1, values[i]);
            }
            return prepared.executeUpdate();
        }
    }

    long conversions() throws SQLException {
        try (ResultSet row = db.createStatement().executeQuery("SELECT COALESCE(SUM(times), 0) FROM conversions")) {
            return row.getLong(1);
        }
    }

    /** The totals by currency, as exact decimals with two to six fraction digits. */
    Map<String, String> totals() throws SQLException {
        var totals = new TreeMap<String, String>();
        try (ResultSet row = db.createStatement().executeQuery("SELECT currency, SUM(micros) FROM totals GROUP BY currency")) {
            while (row.next()) {
                var exact = java.math.BigDecimal.valueOf(row.getLong(2), 6).stripTrailingZeros();
                totals.put(row.getString(1), exact.setScale(Math.max(2, exact.scale())).toPlainString());
            }
        }
        return totals;
    }

    /** Null and absent are both null. */
    private static String text(JsonNode event, String field) {
        return event.hasNonNull(field) ? event.get(field).textValue() : null;
    }

    private static Long number(JsonNode event, String field) {
        return event.hasNonNull(field) ? event.get(field).longValue() : null;
    }

    @Override
    public void close() throws SQLException {
        db.close();
    }
}
