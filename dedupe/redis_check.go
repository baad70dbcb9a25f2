package dedupe

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const leastRedis = 7

// RedisReport is what Check found out. Of a Cluster, the numbers are sums over its masters.
type RedisReport struct {
	Server      string // "redis", "valkey", ...
	Version     string
	Policy      string // maxmemory-policy, "" when the server does not say
	MaxMemory   int64  // bytes, 0: no limit
	UsedMemory  int64  // bytes
	EvictedKeys int64
	Warnings    []string // what endangers the promise, and what to do
}

// Check asks Redis who it is, without the budget of calls: ctx bounds it. Warnings are no errors; the
// service runs, but remembers less than it should.
func (r *Redis) Check(ctx context.Context) (RedisReport, error) {
	var rep RedisReport
	var err error
	if c, ok := r.client.(*redis.ClusterClient); ok {
		texts := make(chan string, 1024) // ForEachMaster calls concurrently
		err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			text, err := node.Info(ctx).Result()
			if err == nil {
				texts <- text
			}
			return err
		})
		close(texts)
		for text := range texts {
			rep.add(text)
		}
	} else {
		var text string
		text, err = r.client.Info(ctx).Result()
		rep.add(text)
	}
	if err != nil {
		return RedisReport{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := r.loadScript(ctx); err != nil {
		return rep, fmt.Errorf("redis cannot load the dedupe script (Lua scripts are required): %w", err)
	}
	rep.warn()
	return rep, nil
}

// add takes what INFO says of one server.
func (rep *RedisReport) add(info string) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			if rep.Version == "" {
				rep.Server, rep.Version = "redis", value
			}
		case "valkey_version":
			rep.Server, rep.Version = "valkey", value
		case "maxmemory_policy":
			if rep.Policy == "" || value != "noeviction" {
				rep.Policy = value
			}
		case "maxmemory":
			rep.MaxMemory += number(value)
		case "used_memory":
			rep.UsedMemory += number(value)
		case "evicted_keys":
			rep.EvictedKeys += number(value)
		}
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (rep *RedisReport) warn() {
	major, _, _ := strings.Cut(rep.Version, ".")
	if n := number(major); rep.Version == "" || n < leastRedis {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf("server version %q: Redis %d or Valkey is required", rep.Version, leastRedis))
	}
	if rep.Policy != "noeviction" {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf(
			"maxmemory-policy is %q: evicted ids turn their repeats into new conversions; set it to noeviction", rep.Policy))
	}
	if rep.EvictedKeys > 0 {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf(
			"%d keys were evicted since the server started: their repeats count as new", rep.EvictedKeys))
	}
	if rep.MaxMemory > 0 && rep.UsedMemory > rep.MaxMemory/10*9 {
		rep.Warnings = append(rep.Warnings, fmt.Sprintf(
			"%d of %d bytes are in use: a full server remembers no new id; give it more memory or shorten dedupe.window",
			rep.UsedMemory, rep.MaxMemory))
	}
}
