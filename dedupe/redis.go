package dedupe

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by SHA-1
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

//go:embed redis_script.lua
var redisScript string

// RedisConfig says how to reach Redis.
type RedisConfig struct {
	// URL is redis:// or rediss://, with user, password and database as usual. Several hosts with commas
	// between them, or ?cluster=true, make it a Cluster.
	URL string
	// Owner is this instance's number. It must survive restarts together with the journal, and differ
	// between instances.
	Owner  uint32
	Budget time.Duration // longest time a call may take, 0: 25 ms
	Lease  time.Duration // life of an open claim, on Redis' clock, 0: 10 s
	Prefix string        // before the 16 bytes of every key
}

const (
	defaultBudget = 25 * time.Millisecond
	defaultLease  = 10 * time.Second
	dialTimeout   = time.Second
	poolSize      = 8
	idleConns     = 2
	maxRedirects  = 3
)

// Redis is the shared store: Redis 7 or newer, Valkey, a Cluster of either, or what speaks like them. One
// script on one key claims or marks. Go-redis may send it twice and a reply may get lost: a claim carries
// its owner, so that its own earlier attempt is not taken for another's, and marks merge. When calls fail
// in a row, Redis is left alone: calls fail at once while a probe, four times a second, waits for it to
// come back. All methods may be called concurrently.
type Redis struct {
	client  redis.UniversalClient
	owner   uint32
	budget  time.Duration
	lease   time.Duration
	prefix  string
	cluster bool
	sha     string

	breaker breaker
	waiting backlog
	closed  atomic.Bool
	stop    context.CancelFunc
	ending  sync.Mutex // no probe begins once Close waits for them
	probes  sync.WaitGroup
	life    context.Context //nolint:containedctx // ends the probe with the store

	trips, failures, refused, unanswered, loads, marked atomic.Uint64
}

// DialRedis makes the store. It does not fail when Redis cannot be reached, only when the URL makes no
// sense; see [Redis.Check]. It silences go-redis, whose logger is one for the whole process.
func DialRedis(cfg RedisConfig) (*Redis, error) {
	r := &Redis{owner: cfg.Owner, budget: cfg.Budget, lease: cfg.Lease, prefix: cfg.Prefix}
	if r.budget <= 0 {
		r.budget = defaultBudget
	}
	if r.lease <= 0 {
		r.lease = defaultLease
	}
	opts, addrs, cluster, err := parseRedisURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(redisScript)) //nolint:gosec // Redis names scripts by SHA-1
	r.sha = hex.EncodeToString(sum[:])
	r.cluster = cluster
	logging.Disable() // errors are returned; go-redis would also print them
	if cluster {
		r.client = redis.NewClusterClient(clusterOptions(opts, addrs))
	} else {
		r.client = redis.NewClient(singleOptions(opts))
	}
	r.life, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// parseRedisURL reads what go-redis reads, plus several hosts and ?cluster=true. Errors never show the
// password.
func parseRedisURL(raw string) (opts *redis.Options, addrs []string, cluster bool, err error) {
	bad := func(why string) error {
		return fmt.Errorf("redis.url: %s; expected redis://[user:password@]host:port[,host:port...][/db]", why)
	}
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		return nil, nil, false, bad("no scheme")
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 && scheme != "unix" {
		end = i
	}
	authority, tail := rest[:end], rest[end:]
	user, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	list := strings.Split(hosts, ",")
	cluster = len(list) > 1
	path, query, _ := strings.Cut(tail, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, nil, false, bad("the part after ? cannot be read")
	}
	if values.Get("cluster") == "true" {
		cluster = true
	}
	values.Del("cluster")
	if query = values.Encode(); query != "" {
		query = "?" + query
	}
	for _, host := range list {
		one, err := redis.ParseURL(scheme + "://" + user + host + path + query)
		if err != nil {
			return nil, nil, false, bad(reasonOf(err))
		}
		if opts == nil {
			opts = one
		}
		addrs = append(addrs, one.Addr)
	}
	if cluster && opts.DB != 0 {
		return nil, nil, false, bad("a Cluster has no databases")
	}
	return opts, addrs, cluster, nil
}

// reasonOf drops the URL, and so the password, that net/url puts into its errors.
func reasonOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// singleOptions sets what the promises rest on: no retries behind our back, deadlines obeyed, no
// handshakes that older servers and managed services stumble over, one small pool for everything.
func singleOptions(o *redis.Options) *redis.Options {
	o.MaxRetries = -1
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, dialTimeout, dialTimeout
	o.DialerRetries = 1
	o.PoolSize, o.MinIdleConns, o.PipelinePoolSize = poolSize, idleConns, -1
	return o
}

func clusterOptions(o *redis.Options, addrs []string) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: addrs, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig, Protocol: o.Protocol,
		MaxRedirects: maxRedirects, MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DialTimeout:              dialTimeout, ReadTimeout: dialTimeout, WriteTimeout: dialTimeout, DialerRetries: 1,
		PoolSize: poolSize, MinIdleConns: idleConns, PipelinePoolSize: -1,
	}
}

// Close tries once to write the marks that wait, and ends all connections.
func (r *Redis) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.budget)
	defer cancel()
	for !r.breaker.away() {
		t := r.newTrip(r.waiting.take(tripMarks), nil, opClaim)
		if len(t.marks) == 0 || r.send(ctx, t) != nil {
			break
		}
	}
	r.stop()
	r.ending.Lock()
	defer r.ending.Unlock()
	r.probes.Wait()
	return r.client.Close()
}

// Claim implements Store. It takes at most the budget, whatever ctx says.
func (r *Redis) Claim(ctx context.Context, marks []Mark, arrivals []Arrival, out []Claim) error {
	return r.ask(ctx, marks, arrivals, out, opClaim)
}

// Look implements Store.
func (r *Redis) Look(ctx context.Context, arrivals []Arrival, out []Claim) error {
	return r.ask(ctx, nil, arrivals, out, opLook)
}

func (r *Redis) ask(ctx context.Context, marks []Mark, arrivals []Arrival, out []Claim, op byte) error {
	unknown(out, r.owner)
	if r.closed.Load() {
		return ErrClosed
	}
	if r.breaker.away() {
		r.refused.Add(1)
		r.unanswered.Add(uint64(len(arrivals)))
		r.waiting.put(marks)
		return r.breaker.reason()
	}
	t := r.newTrip(r.waiting.with(marks, tripMarks), arrivals, op)
	if len(t.keys) == 0 {
		return nil
	}
	budget, cancel := context.WithTimeout(ctx, r.budget)
	defer cancel()
	err := r.send(budget, t)
	r.read(t, out)
	if err == nil {
		r.breaker.good()
		return nil
	}
	r.failures.Add(1)
	if t.answered > 0 {
		return nil // one master of a Cluster is away: the rest is known, and worth asking again
	}
	if ctx.Err() == nil && r.breaker.bad(err) {
		r.startProbe()
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// RedisStats is a snapshot of counters.
type RedisStats struct {
	Trips        uint64 // calls that reached for Redis
	Failures     uint64 // those that failed, wholly or in part
	Refused      uint64 // calls that failed at once because Redis was known to be away
	Unknown      uint64 // arrivals without an answer
	ScriptLoads  uint64
	Marks        uint64 // marks written
	MarksWaiting int    // marks kept for the next trip
	MarksDropped uint64 // marks given up: their repeats will be published again
	Away         bool   // no call is tried until a probe succeeds
}

// Stats returns a snapshot.
func (r *Redis) Stats() RedisStats {
	s := RedisStats{
		Trips: r.trips.Load(), Failures: r.failures.Load(), Refused: r.refused.Load(),
		Unknown: r.unanswered.Load(), ScriptLoads: r.loads.Load(), Marks: r.marked.Load(), Away: r.breaker.away(),
	}
	s.MarksWaiting, s.MarksDropped = r.waiting.counts()
	return s
}
