package publish

import (
	"fmt"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

// The vectors are those of the Java client's own test (Apache Kafka, UtilsTest).
func TestMurmur2IsTheJavaClients(t *testing.T) {
	f := func(key string, want int32) {
		t.Helper()
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	f("21", -973932308)
	f("foobar", -790332482)
	f("a-little-bit-long-string", -985981536)
	f("a-little-bit-longer-string", -1486304829)
	f("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)
	f("abc", 479470107)
}

func TestPartitionIsTheOneKafkaGoChooses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(t, "key")
		n := rapid.IntRange(1, 300).Draw(t, "partitions")
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		want := kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, all...)
		if got := positiveHash(key) % int32(n); int(got) != want {
			t.Fatalf("partition %d, kafka-go says %d", got, want)
		}
	})
}

func TestKeyOfOneTransactionKeepsItsPartition(t *testing.T) {
	for i := range 100 {
		key := fmt.Appendf(nil, "GqxV3nTo|impact|%d", i)
		if p := positiveHash(key); p < 0 || p != positiveHash(key) {
			t.Errorf("%s: %d", key, p)
		}
	}
	if positiveHash(nil) != positiveHash([]byte{}) {
		t.Error("no key and an empty key differ")
	}
}
