package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sendMany sends count postbacks with the ids prefix-0, prefix-1 … over
// several connections to instances in turn, and counts the results.
func sendMany(t *testing.T, prefix string, total int, instances ...*instance) map[string]int {
	t.Helper()
	const senders = 16
	var mu sync.Mutex
	var running sync.WaitGroup
	results := make(map[string]int)
	client := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	for s := range senders {
		running.Go(func() {
			for n := s; n < total; n += senders {
				v := instances[n%len(instances)]
				status, result := collect(client, fmt.Sprintf("http://%s/demo/collect/generic?click_id=c&commission=2&currency=USD&transaction_id=%s-%d", v.collect, prefix, n))
				mu.Lock()
				results[fmt.Sprintf("%d %s", status, result)]++
				mu.Unlock()
			}
		})
	}
	running.Wait()
	client.CloseIdleConnections()
	return results
}

func ids(prefix string, total int) []string {
	list := make([]string, total)
	for n := range list {
		list[n] = prefix + "-" + strconv.Itoa(n)
	}
	return list
}

func TestTwoInstancesOnOneRedisPublishEachConversionOnce(t *testing.T) {
	address, redis, topic := kafkaAddress(t), startRedis(t), topicName()
	env := append(kafkaEnv(address, topic), "POSTBACK_REDIS_URL="+redis.url(), "POSTBACK_BUDGETS_REDIS=2s")
	a, b := start(t, t.TempDir(), env), start(t, t.TempDir(), env)
	waitKafka(t, a)
	waitKafka(t, b)
	if got := sendMany(t, "d", 1000, a, b); got["200 accepted"] != 1000 {
		t.Fatalf("1,000 distinct ones: %v", got)
	}
	if got := sendMany(t, "d", 1000, b, a); got["200 duplicate"] != 1000 {
		t.Errorf("1,000 repeats at the other instance: %v", got)
	}
	if code := a.stop(); code != 0 {
		t.Errorf("exit status %d, want 0:\n%s", code, a.talk.text())
	}
	if code := b.stop(); code != 0 {
		t.Errorf("exit status %d, want 0:\n%s", code, b.talk.text())
	}
	checkOnce(t, inKafka(t, address, topic), ids("d", 1000))
}

// waitKafka waits until an instance takes postbacks for Kafka directly.
func waitKafka(t *testing.T, v *instance) {
	t.Helper()
	eventually(t, 30*time.Second, "kafka is up", func() bool {
		_, body := v.get("/metrics")
		return strings.Contains(body, "\npostback_kafka_up 1")
	})
}

// checkOnce wants each id once and nothing else.
func checkOnce(t *testing.T, got map[string]int, want []string) {
	t.Helper()
	if lost := missing(want, got); len(lost) > 0 {
		t.Errorf("%d of %d are not in the topic: %.200s", len(lost), len(want), strings.Join(lost, " "))
	}
	for id, n := range got {
		if n != 1 || !slices.Contains(want, id) {
			t.Errorf("%s is in the topic %d times", id, n)
		}
	}
}

func TestEmbeddedJournalDrainsIntoKafkaAddedLater(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	v := start(t, folder, nil)
	if got := sendMany(t, "e", 200, v); got["200 accepted"] != 200 {
		t.Fatalf("embedded: %v", got)
	}
	if code := v.stop(); code != 0 {
		t.Fatalf("exit status %d:\n%s", code, v.talk.text())
	}
	v = start(t, folder, kafkaEnv(address, topic))
	v.talk.await(t, "Kafka without Redis is for one instance", v.ended)
	eventually(t, 30*time.Second, "the journal is in Kafka", func() bool { return len(inKafka(t, address, topic)) == 200 })
	if got := sendMany(t, "e", 200, v); got["200 duplicate"] != 200 {
		t.Errorf("repeats after Kafka came: %v", got)
	}
	if got := sendMany(t, "f", 50, v); got["200 accepted"] != 50 {
		t.Errorf("new ones after Kafka came: %v", got)
	}
	checkOnce(t, inKafka(t, address, topic), append(ids("e", 200), ids("f", 50)...))
}

func TestLocalStateIsCarriedIntoRedisOnce(t *testing.T) {
	redis, folder := startRedis(t), t.TempDir()
	v := start(t, folder, nil)
	if got := sendMany(t, "s", 300, v); got["200 accepted"] != 300 {
		t.Fatalf("embedded: %v", got)
	}
	if code := v.stop(); code != 0 {
		t.Fatalf("exit status %d:\n%s", code, v.talk.text())
	}
	env := []string{"POSTBACK_REDIS_URL=" + redis.url(), "POSTBACK_BUDGETS_REDIS=2s"}
	v = start(t, folder, env)
	if !strings.Contains(v.talk.text(), "seeded Redis with 300 known states") {
		t.Errorf("it does not say that it seeded:\n%s", v.talk.text())
	}
	if got := sendMany(t, "s", 300, v); got["200 duplicate"] != 300 {
		t.Errorf("repeats over Redis: %v", got)
	}
	v.stop()
	v = start(t, folder, env)
	if strings.Contains(v.talk.text(), "seeded") {
		t.Errorf("it seeded twice:\n%s", v.talk.text())
	}
	other := start(t, t.TempDir(), env)
	if got := sendMany(t, "s", 300, other); got["200 duplicate"] != 300 {
		t.Errorf("repeats at another instance: %v", got)
	}
}

func TestRedisStoppedWhileRunningCostsNoEvent(t *testing.T) {
	address, redis, topic := kafkaAddress(t), startRedis(t), topicName()
	v := start(t, t.TempDir(), append(kafkaEnv(address, topic), "POSTBACK_REDIS_URL="+redis.url()))
	waitKafka(t, v)
	if got := sendMany(t, "a", 50, v); got["200 accepted"] != 50 {
		t.Fatalf("with Redis: %v", got)
	}
	redis.stop()
	began := time.Now()
	if got := sendMany(t, "b", 50, v); got["200 accepted"] != 50 {
		t.Errorf("without Redis: %v\n%s", got, v.talk.text())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("50 postbacks without Redis took %s", took)
	}
	if status, body := v.get("/readyz?verbose"); status != 200 {
		t.Errorf("without Redis it is not ready: %d %s", status, body)
	}
	if lost := missing(append(ids("a", 50), ids("b", 50)...), inKafka(t, address, topic)); len(lost) > 0 {
		t.Errorf("not in the topic: %v", lost)
	}
	redis.start()
	eventually(t, 20*time.Second, "repeats are known again", func() bool {
		v.send("click_id=c&commission=2&currency=USD&transaction_id=later")
		_, result := v.send("click_id=c&commission=2&currency=USD&transaction_id=later")
		return result == "duplicate"
	})
}

func TestKafkaAwayMeansJournalInHybridAndRefusalInKafkaMode(t *testing.T) {
	away, folder := closedAddress(t), t.TempDir()
	v := start(t, folder, kafkaEnv(away, "t"))
	if got := sendMany(t, "h", 100, v); got["200 accepted"] != 100 {
		t.Fatalf("hybrid without Kafka: %v\n%s", got, v.talk.text())
	}
	v.talk.await(t, "kafka does not answer: postbacks wait in the journal", v.ended)
	if status, _ := v.get("/readyz"); status != 200 {
		t.Errorf("hybrid without Kafka is not ready: %d", status)
	}
	if got := sendMany(t, "h", 100, v); got["200 duplicate"] != 100 {
		t.Errorf("repeats of what waits in the journal: %v", got)
	}
	if code := v.stop(); code != 0 {
		t.Errorf("exit status %d, want 0 for what is safe in the journal:\n%s", code, v.talk.text())
	}

	strict := start(t, t.TempDir(), append(kafkaEnv(away, "t"), "POSTBACK_ACK=kafka", "POSTBACK_BUDGETS_KAFKA=500ms"))
	if status, _ := strict.send(firstPostback); status != 503 {
		t.Errorf("ack kafka without Kafka: %d, want 503", status)
	}
	if status, _ := strict.get("/readyz"); status != 503 {
		t.Errorf("ack kafka without Kafka is ready: %d", status)
	}

	address, topic := kafkaAddress(t), topicName()
	v = start(t, folder, kafkaEnv(address, topic))
	eventually(t, 30*time.Second, "the journal is in Kafka", func() bool { return len(inKafka(t, address, topic)) == 100 })
	if got := sendMany(t, "h", 100, v); got["200 duplicate"] != 100 {
		t.Errorf("repeats of what was drained: %v", got)
	}
	checkOnce(t, inKafka(t, address, topic), ids("h", 100))
}

func TestTwentyKillsUnderLoadLoseNothingWithKafka(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	var all []string
	for round := range 20 {
		v := start(t, folder, kafkaEnv(address, topic))
		if round == 0 {
			waitKafka(t, v)
		}
		got := load(v, "k"+strconv.Itoa(round), 8, time.Duration(100+round*10)*time.Millisecond, v.kill)
		all = append(all, got...)
	}
	v := start(t, folder, kafkaEnv(address, topic))
	waitKafka(t, v)
	eventually(t, 30*time.Second, "nothing waits in the journal", func() bool {
		_, body := v.get("/metrics")
		return strings.Contains(body, "\npostback_journal_pending_events 0")
	})
	if lost := missing(all, inKafka(t, address, topic)); len(lost) > 0 {
		t.Errorf("%d of %d acknowledged postbacks are lost: %.300s", len(lost), len(all), strings.Join(lost, " "))
	}
	t.Logf("%d acknowledged over 20 kills, none lost", len(all))
}

func TestTailAndCheckReadKafka(t *testing.T) {
	address, topic, folder := kafkaAddress(t), topicName(), t.TempDir()
	v := start(t, folder, kafkaEnv(address, topic))
	waitKafka(t, v)
	v.want(firstPostback, "accepted")
	writeConfig(t, folder, "kafka: {brokers: ["+address+"], topic: "+topic+"}\nproperties: [{id: demo, open: true}]\n")
	got := command(t, folder, "", "tail", "--config", "postback.yaml")
	if got.status != 0 || strings.Count(got.out, "\n") != 1 || !strings.Contains(got.out, `"transaction_id":"t1"`) {
		t.Errorf("tail: exit %d %s%s", got.status, got.out, got.err)
	}
	out := follow(t, folder, "--config", "postback.yaml")
	v.want("click_id=c2&commission=1&transaction_id=t2", "accepted")
	eventually(t, 10*time.Second, "tail -f shows both", func() bool { return strings.Count(out.text(), "event_id") == 2 })
	if code := out.interrupt(t); code != 0 {
		t.Errorf("tail -f: exit status %d after SIGINT, want 0", code)
	}
	if got := command(t, folder, "", "check", "--connect", "postback.yaml"); got.status != 0 || !strings.Contains(got.out, "kafka: ok") {
		t.Errorf("check --connect: exit %d %s%s", got.status, got.out, got.err)
	}
	writeConfig(t, folder, "kafka: {brokers: ["+closedAddress(t)+"]}\nredis: {url: \"redis://:secret@"+closedAddress(t)+"\"}\nproperties: [{id: demo, open: true}]\n")
	got = command(t, folder, "", "check", "--connect", "postback.yaml")
	if got.status != 1 || strings.Count(got.out, "\n") != 2 || strings.Contains(got.out+got.err, "secret") {
		t.Errorf("check --connect without servers: exit %d, want 1 and two lines without the password:\n%s%s", got.status, got.out, got.err)
	}
}
