package dedupe

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRedisURLs(t *testing.T) {
	for _, c := range []struct {
		url, addrs, user string
		db               int
		cluster, tls     bool
	}{
		{url: "redis://localhost", addrs: "localhost:6379"},
		{url: "redis://u:p@h:1/3", addrs: "h:1", user: "u", db: 3},
		{url: "rediss://h:1", addrs: "h:1", tls: true},
		{url: "rediss://u:p@a:1,b:2,c", addrs: "a:1 b:2 c:6379", user: "u", cluster: true, tls: true},
		{url: "redis://h:1?cluster=true", addrs: "h:1", cluster: true},
		{url: "redis://h:1/2?protocol=2", addrs: "h:1", db: 2},
		{url: "unix:///run/redis.sock", addrs: "/run/redis.sock"},
	} {
		o, addrs, cluster, err := parseRedisURL(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if strings.Join(addrs, " ") != c.addrs || o.Username != c.user || o.DB != c.db || cluster != c.cluster || (o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: %v %q db %d cluster %v tls %v", c.url, addrs, o.Username, o.DB, cluster, o.TLSConfig != nil)
		}
	}
}

func TestBadRedisURLsAreRefusedWithoutShowingThePassword(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://u:sesame@h", "redis://u:sesame@h:port", "redis://u:sesame@h/1/2", "redis://u:sesame@h/x",
		"redis://u:sesame@a,b/1", "redis://u:sesame@h?nonsense=1", "redis://u:sesame@h?%zz", "redis://u:ses%zzame@h",
	} {
		_, err := DialRedis(RedisConfig{URL: url})
		if err == nil || !strings.Contains(err.Error(), "redis.url") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestCheckWarnsOfWhatEndangersThePromise(t *testing.T) {
	srv := startServer(t)
	r := srv.dial(t, RedisConfig{})
	rep, err := r.Check(t.Context())
	if err != nil || rep.Server != "redis" || rep.Policy != "noeviction" || rep.UsedMemory == 0 || len(rep.Warnings) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	srv.do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	rep, err = r.Check(t.Context())
	if err != nil || len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "noeviction") {
		t.Errorf("%+v, %v", rep, err)
	}
	srv.stop()
	if _, err := r.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
}

func TestReportsOfOldFullAndEvictingServers(t *testing.T) {
	for info, want := range map[string]string{
		"redis_version:6.2.1\r\nmaxmemory_policy:noeviction\r\n":                                                      "Redis 7",
		"redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nmaxmemory_policy:noeviction\r\nevicted_keys:3\r\n":            "3 keys were evicted",
		"redis_version:7.2.4\r\nmaxmemory_policy:noeviction\r\nmaxmemory:100\r\nused_memory:95\r\nevicted_keys:x\r\n": "95 of 100 bytes",
	} {
		var rep RedisReport
		rep.add(info)
		rep.warn()
		if len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], want) {
			t.Errorf("%q: %q, want %q", info, rep.Warnings, want)
		}
	}
}

func TestTheBacklogIsBoundedAndDropsTheOldest(t *testing.T) {
	var w backlog
	marks := make([]Mark, maxWaiting+2)
	for i := range marks {
		marks[i].Seen = int64(i)
	}
	w.put(marks)
	if n, dropped := w.counts(); n != maxWaiting || dropped != 2 {
		t.Errorf("%d wait, %d dropped", n, dropped)
	}
	trip := w.with([]Mark{{Seen: -1}}, 3)
	if len(trip) != 3 || trip[0].Seen != 2 || trip[2].Seen != 4 {
		t.Errorf("%d marks, first %d", len(trip), trip[0].Seen)
	}
	if n, _ := w.counts(); n != maxWaiting-2 {
		t.Errorf("%d wait: what did not fit must wait too", n)
	}
	var empty backlog
	if trip = empty.with(marks[:2], 3); len(trip) != 2 {
		t.Errorf("%d marks", len(trip))
	}
}

func TestARedisThatWasNeverThereIsNoErrorAtStart(t *testing.T) {
	r, err := DialRedis(RedisConfig{URL: "redis://" + freeAddr(t), Budget: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, r)
	out := make([]Claim, 1)
	a := arrivalOf(t, "5", nil)
	if err := r.Claim(t.Context(), nil, []Arrival{a}, out); !errors.Is(err, ErrUnavailable) || !out[0].Unknown {
		t.Errorf("got %v", err)
	}
}
