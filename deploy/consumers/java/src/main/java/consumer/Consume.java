package consumer;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Keeps conversions and running totals in SQLite from postback's topic, each event exactly once.
 *
 * <p>The topic is at least once: a retry or a crash can leave a second copy of an event, with the same ce_id in the same
 * partition. Three rules make the totals exact:
 *
 * <ol>
 *   <li>The first copy of a ce_id counts, later ones are dropped. A late copy of an original may stand behind a newer
 *       update; had it been written over the update, the conversion would be back at its old amount.
 *   <li>The remembered ce_id and what it did to the tables are one transaction: both happen, or neither.
 *   <li>The offset is committed to Kafka after that transaction. A crash in between means that records come again, and the
 *       first rule knows them.
 * </ol>
 */
public final class Consume {
    private static final int BATCH = 100; // records a transaction, at most

    private final Map<String, String> flags;
    private final KafkaConsumer<String, byte[]> consumer;
    private long records;
    private long applied;

    private Consume(Map<String, String> flags) {
        this.flags = flags;
        var config = new Properties();
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, flags.get("--brokers"));
        config.put(ConsumerConfig.GROUP_ID_CONFIG, flags.get("--group"));
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false); // rule 3
        config.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, BATCH);
        config.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false); // postback creates them
        config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6000); // how long a killed consumer holds its partitions
        config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1000);
        consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer());
    }

    public static void main(String[] args) throws Exception {
        var flags = new HashMap<>(Map.of("--brokers", "127.0.0.1:9092", "--topic", "postbacks",
                "--group", "postback-consumer", "--db", "conversions.db", "--once", ""));
        for (int i = 0; i < args.length; i++) {
            boolean once = args[i].equals("--once");
            if (!flags.containsKey(args[i]) || !once && i + 1 == args.length) {
                System.err.println("usage: [--brokers HOST:PORT,…] [--topic TOPIC] [--group GROUP] [--db FILE] [--once]");
                System.exit(2);
            }
            flags.put(args[i], once ? "yes" : args[++i]);
        }
        new Consume(flags).run();
    }

    private void run() throws Exception {
        var ended = new CountDownLatch(1);
        try (consumer; var ledger = new Ledger(flags.get("--db"))) {
            var left = flags.get("--once").isEmpty() ? null : leftToRead();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(ended)));
            consumer.subscribe(List.of(flags.get("--topic")));
            try {
                while (left == null || !left.isEmpty()) {
                    readOnce(ledger, left);
                }
            } catch (WakeupException stopped) {
                System.err.println("stopped");
            }
            print(ledger);
        } finally {
            ended.countDown();
        }
    }

    private void readOnce(Ledger ledger, Map<TopicPartition, Long> left) throws Exception {
        var fetched = consumer.poll(Duration.ofMillis(200));
        for (TopicPartition partition : fetched.partitions()) {
            var batch = fetched.records(partition);
            int added = ledger.applyBatch(partition.partition(), batch);
            records += batch.size();
            applied += added;
            long next = batch.get(batch.size() - 1).offset() + 1;
            commit(partition, next);
            System.err.printf("%d applied, %d copies%n", added, batch.size() - added);
            if (left != null && next >= left.getOrDefault(partition, Long.MAX_VALUE)) {
                left.remove(partition);
            }
        }
    }

    /** On SIGINT and SIGTERM: ends the next poll, when nothing is half done, and lets the process live until run is over. */
    private void stop(CountDownLatch ended) {
        consumer.wakeup();
        try {
            ended.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void commit(TopicPartition partition, long next) {
        try {
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(next)));
        } catch (WakeupException stopped) {
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(next)));
            consumer.wakeup(); // for the next poll
        } catch (KafkaException failure) { // nothing is lost: the records come again and are known
            System.err.println("commit: " + failure);
        }
    }

    /** The high watermarks of now, for the partitions that have records the group has not committed. */
    private Map<TopicPartition, Long> leftToRead() {
        var partitions = new HashSet<TopicPartition>();
        for (var info : consumer.partitionsFor(flags.get("--topic"))) {
            partitions.add(new TopicPartition(info.topic(), info.partition()));
        }
        if (partitions.isEmpty()) {
            throw new IllegalStateException("there is no topic " + flags.get("--topic"));
        }
        var starts = consumer.beginningOffsets(partitions);
        var committed = consumer.committed(partitions);
        var left = new HashMap<>(consumer.endOffsets(partitions));
        left.entrySet().removeIf(end -> {
            var at = committed.get(end.getKey());
            return Math.max(starts.get(end.getKey()), at == null ? 0 : at.offset()) >= end.getValue();
        });
        return left;
    }

    private void print(Ledger ledger) throws Exception {
        var report = new LinkedHashMap<String, Object>();
        report.put("records", records);
        report.put("applied", applied);
        report.put("copies", records - applied);
        report.put("conversions", ledger.conversions());
        report.put("totals", ledger.totals());
        System.out.println(new ObjectMapper().writeValueAsString(report));
    }
}
