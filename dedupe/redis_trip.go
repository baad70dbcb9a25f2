package dedupe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

const (
	opClaim = 'C'
	opLook  = 'L'
	opMark  = 'M'

	scriptKeys = 128  // keys of one script call: Redis does nothing else meanwhile
	tripMarks  = 1024 // marks of one trip, beyond which they wait
	opBytes    = 80
)

// trip is one round trip: marks first, then arrivals, one op for each, cut into script calls.
type trip struct {
	marks    []Mark
	arrivals []Arrival
	keys     []string
	ops      []any
	calls    []*redis.Cmd
	size     int // ops of one call
	answered int // arrivals with an answer
}

// newTrip encodes everything into one string, of which keys and ops are parts.
func (r *Redis) newTrip(marks []Mark, arrivals []Arrival, op byte) *trip {
	n := len(marks) + len(arrivals)
	t := &trip{marks: marks, arrivals: arrivals, keys: make([]string, n), ops: make([]any, n), size: scriptKeys}
	if r.cluster {
		t.size = 1 // keys of one call must share a slot
	}
	buf := make([]byte, 0, n*(len(r.prefix)+16+opBytes))
	ends := make([]int, 0, 2*n)
	for i := range marks {
		buf = append(append(buf, r.prefix...), marks[i].Key[:]...)
		ends = append(ends, len(buf))
		buf = appendMarkOp(buf, &marks[i])
		ends = append(ends, len(buf))
	}
	for i := range arrivals {
		buf = append(append(buf, r.prefix...), arrivals[i].Key[:]...)
		ends = append(ends, len(buf))
		buf = r.appendOp(buf, &arrivals[i], op)
		ends = append(ends, len(buf))
	}
	all, start := string(buf), 0
	for i := range n {
		t.keys[i], t.ops[i] = all[start:ends[2*i]], all[ends[2*i]:ends[2*i+1]]
		start = ends[2*i+1]
	}
	return t
}

func (r *Redis) appendOp(b []byte, a *Arrival, op byte) []byte {
	if op == opLook {
		return append(b, opLook)
	}
	var always byte
	if a.mayReenter() {
		always = 1
	}
	b = append(b, opClaim, always, byte(a.hotLimit()))
	b = binary.BigEndian.AppendUint32(b, uint32(max(r.lease.Milliseconds(), 1)))
	b = binary.BigEndian.AppendUint32(b, r.owner)
	b = binary.BigEndian.AppendUint32(b, a.Click)
	return append(b, a.Print[:]...)
}

func appendMarkOp(b []byte, m *Mark) []byte {
	b = put48(append(b, opMark), max(m.Window.Milliseconds(), 1))
	b = binary.BigEndian.AppendUint32(b, m.Owner)
	b = binary.BigEndian.AppendUint32(b, m.Click)
	b = put48(b, m.Date)
	return appendEntry(b, &m.Entry)
}

// send makes the calls and, for those whose script Redis does not have (a restart, a failover), loads it
// and makes them again. It returns the first error that is left.
func (r *Redis) send(ctx context.Context, t *trip) error {
	r.trips.Add(1)
	t.calls = make([]*redis.Cmd, (len(t.keys)+t.size-1)/t.size)
	all := make([]int, len(t.calls))
	for i := range all {
		all[i] = i
	}
	r.call(ctx, t, all)
	missing := all[:0]
	for i, c := range t.calls {
		if redis.HasErrorPrefix(c.Err(), "NOSCRIPT") {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if err := r.loadScript(ctx); err != nil {
			return r.settle(t, fmt.Errorf("cannot load the script: %w", err))
		}
		r.call(ctx, t, missing)
	}
	return r.settle(t, nil)
}

func (r *Redis) call(ctx context.Context, t *trip, which []int) {
	pipe := r.client.Pipeline()
	for _, i := range which {
		from := i * t.size
		to := min(from+t.size, len(t.keys))
		t.calls[i] = pipe.EvalSha(ctx, r.sha, t.keys[from:to], t.ops[from:to]...)
	}
	// Every command carries its own error, so the pipeline's says nothing new, except when it never ran.
	if _, err := pipe.Exec(ctx); err != nil {
		for _, i := range which {
			if c := t.calls[i]; c.Err() == nil && c.Val() == nil {
				c.SetErr(err)
			}
		}
	}
}

func (r *Redis) loadScript(ctx context.Context) error {
	r.loads.Add(1)
	if c, ok := r.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return node.ScriptLoad(ctx, redisScript).Err()
		})
	}
	return r.client.ScriptLoad(ctx, redisScript).Err()
}

// settle puts the marks of calls that failed back, to be sent again: whether Redis took them is unknown.
func (r *Redis) settle(t *trip, err error) error {
	for i, c := range t.calls {
		from := min(i*t.size, len(t.marks))
		to := min(from+t.size, len(t.marks))
		if c.Err() == nil {
			r.marked.Add(uint64(to - from))
			continue
		}
		if err == nil {
			err = c.Err()
		}
		r.waiting.put(t.marks[from:to])
	}
	return err
}

var errReply = errors.New("a reply of another form than the script's")

// read takes the answers out of the replies.
func (r *Redis) read(t *trip, out []Claim) {
	for i, c := range t.calls {
		from := max(i*t.size-len(t.marks), 0)
		to := min(max((i+1)*t.size-len(t.marks), 0), len(t.arrivals))
		if from >= to || c.Err() != nil {
			continue
		}
		values, err := c.Slice()
		if err == nil && len(values) != 1+to-from {
			err = errReply
		}
		if err != nil {
			continue
		}
		now, _ := values[0].(int64)
		for j := from; j < to; j++ {
			text, _ := values[1+j-from].(string)
			if r.answer(&out[j], &t.arrivals[j], now, text) {
				t.answered++
			}
		}
	}
	r.unanswered.Add(uint64(len(t.arrivals) - t.answered))
}

// answer fills c with a value of Redis.
func (r *Redis) answer(c *Claim, a *Arrival, now int64, value string) bool {
	if value != "" {
		if rest, err := c.State.Decode([]byte(value)); err != nil || len(rest) > 0 {
			c.State.reset()
			return false
		}
	}
	s := &c.State
	for _, o := range s.open[:s.opens] {
		switch {
		case o.owner == r.owner || o.until <= now:
		case o.print == a.Print:
			c.OpenSame = true
		case !a.mayReenter() && s.done(o.print):
			// what is in flight there is a copy of a known state
		default:
			c.OpenOther = true
		}
	}
	s.opens = 0
	c.Unknown, c.Now = false, now
	return true
}
