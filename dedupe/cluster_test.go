package dedupe

import (
	"net"
	"strings"
	"testing"
)

// startCluster makes a Redis Cluster of two masters.
func startCluster(t *testing.T) (a, b *server) {
	t.Helper()
	a, b = startServer(t, "--cluster-enabled", "yes"), startServer(t, "--cluster-enabled", "yes")
	a.do(t, "CLUSTER", "ADDSLOTSRANGE", "0", "8191")
	b.do(t, "CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
	b.do(t, "CLUSTER", "SET-CONFIG-EPOCH", "2")
	host, port, err := net.SplitHostPort(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	a.do(t, "CLUSTER", "MEET", host, port)
	for _, s := range []*server{a, b} {
		eventually(t, "the cluster forms", func() bool {
			info, err := s.ctl.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_size:2")
		})
	}
	return a, b
}

func TestAClusterIsServedByOneTrip(t *testing.T) {
	a, b := startCluster(t)
	r := a.dial(t, RedisConfig{URL: "redis://" + a.addr + "," + b.addr, Owner: 1})
	arrivals := make([]Arrival, 100)
	out := make([]Claim, len(arrivals))
	for i := range arrivals {
		arrivals[i] = arrivalOf(t, "approved 5", nil)
		arrivals[i].Key = keyOf(t.Name() + string(rune(i)))
	}
	var marks []Mark
	if err := r.Claim(t.Context(), nil, arrivals, out); err != nil {
		t.Fatal(err)
	}
	for i := range arrivals {
		d := Decide(&out[i], &arrivals[i])
		if got := render(d); got != "new seq1 delta 5" {
			t.Fatalf("arrival %d: %s", i, got)
		}
		marks = append(marks, NewMark(&arrivals[i], &d, StandingDone, 1))
	}
	b.do(t, "SCRIPT", "FLUSH") // one master forgot the script
	if err := r.Claim(t.Context(), marks, arrivals, out); err != nil {
		t.Fatal(err)
	}
	for i := range arrivals {
		if d := Decide(&out[i], &arrivals[i]); !d.Duplicate {
			t.Fatalf("arrival %d after its mark: %s", i, render(d))
		}
	}
	for _, s := range []*server{a, b} {
		if n := s.ctl.DBSize(t.Context()).Val(); n < 20 {
			t.Errorf("%d of 100 keys on one of two masters", n)
		}
	}
	if rep, err := r.Check(t.Context()); err != nil || len(rep.Warnings) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestWhenOneMasterIsGoneTheOthersStillAnswer(t *testing.T) {
	a, b := startCluster(t)
	a.do(t, "CONFIG", "SET", "cluster-require-full-coverage", "no")
	r := a.dial(t, RedisConfig{URL: "redis://" + a.addr + "," + b.addr, Owner: 1})
	arrivals := make([]Arrival, 40)
	out := make([]Claim, len(arrivals))
	for i := range arrivals {
		arrivals[i] = arrivalOf(t, "approved 5", nil)
		arrivals[i].Key = keyOf(t.Name() + string(rune(i)))
	}
	if err := r.Claim(t.Context(), nil, arrivals, out); err != nil {
		t.Fatal(err)
	}
	b.stop()
	if err := r.Claim(t.Context(), nil, arrivals, out); err != nil {
		t.Fatalf("part of it was answered: %v", err)
	}
	known, unknown := 0, 0
	for i := range out {
		if d := Decide(&out[i], &arrivals[i]); d.Duplicate {
			t.Fatal("nothing was marked")
		}
		if out[i].Unknown {
			unknown++
		} else {
			known++
		}
	}
	if known == 0 || unknown == 0 {
		t.Errorf("%d known, %d unknown", known, unknown)
	}
}
