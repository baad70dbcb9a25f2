package dedupe

import "testing"

// This explores every run of two requests for one conversion, at once or one after the other, on one or
// two instances, with crashes, forgotten stores, lapsed leases, lost Redis and Kafka calls, and asks the
// real machine what to do. What must hold in every state: who was told 200 is served by a copy in the
// topic or by a record on a disk that still exists.

const (
	stepIdle = iota
	stepPublish
	stepAcked     // Kafka has it, no answer yet
	stepMarkDone  // answered
	stepJournal   // Kafka did not answer
	stepMarkLater // journaled and answered
	stepOver
)

// node is a state of the whole; comparable, so that a map knows which were visited.
type node struct {
	step     [2]uint8 // of each request
	at       [2]uint8 // instance of each request
	told     [2]bool  // was answered 200
	open     [2]bool  // claims, by instance
	journal  [2]bool  // undrained records, by instance
	gone     [2]bool  // disk lost
	standing uint8    // in the store: 0 none, 1 and 2 journaled by that instance, 3 done
	copies   bool     // at least one in the topic

	crashes, amnesias, lapses, redis, kafka, disks uint8 // how many more may happen
}

// protocol is what the service does; its fields are the mistakes to try.
type protocol struct {
	openSuppresses, journaledSuppresses, doneBeforePublish bool
}

func (p protocol) duplicate(n *node, instance uint8) bool {
	a := Arrival{Key: Key{1}, Print: Print{1}, Class: ClassApproved, HasAmount: true, Amount: 5}
	c := Claim{Owner: uint32(instance) + 1, OpenSame: n.open[1-instance]}
	d := Decision{Seq: 1}
	switch n.standing {
	case 1, 2:
		m := NewMark(&a, &d, StandingJournaled, uint32(n.standing))
		Apply(&c.State, &m)
	case 3:
		m := NewMark(&a, &d, StandingDone, 1)
		Apply(&c.State, &m)
	}
	switch {
	case p.openSuppresses && c.OpenSame, p.journaledSuppresses && n.standing > 0:
		return true
	}
	return Decide(&c, &a).Duplicate
}

func (n node) mark(standing uint8) node {
	if n.standing == 0 || standing == 3 {
		n.standing = standing
	}
	return n
}

// request lists what a request may do next.
func (p protocol) request(n node, r int) (next []node) {
	i := n.at[r]
	go2 := func(m node, step uint8) node { m.step[r] = step; return m }
	lost := n // a call to Redis fails: not applied, or applied and the reply lost
	lost.redis--
	switch n.step[r] {
	case stepIdle:
		claimed := n
		claimed.open[i] = true
		if p.doneBeforePublish {
			claimed = claimed.mark(3)
		}
		if p.duplicate(&n, i) {
			claimed.open[i], claimed.told[r] = n.open[i], true
			next = append(next, go2(claimed, stepOver))
		} else {
			next = append(next, go2(claimed, stepPublish))
		}
		if n.redis > 0 {
			applied := lost
			applied.open[i] = true
			next = append(next, go2(lost, stepPublish), go2(applied, stepPublish))
		}
	case stepPublish:
		written := n
		written.copies = true
		next = append(next, go2(written, stepAcked))
		if n.kafka > 0 {
			failed := n
			failed.kafka--
			maybe := failed
			maybe.copies = true
			next = append(next, go2(failed, stepJournal), go2(maybe, stepJournal))
		}
	case stepAcked:
		n.told[r] = true
		next = append(next, go2(n, stepMarkDone))
	case stepMarkDone:
		next = append(next, go2(n.mark(3), stepOver))
		if n.redis > 0 {
			next = append(next, go2(lost, stepOver))
		}
	case stepJournal:
		refused := n // nothing durable: 503
		if !n.gone[i] {
			n.journal[i], n.told[r] = true, true
			next = append(next, go2(n, stepMarkLater))
		}
		next = append(next, go2(refused, stepOver))
	case stepMarkLater:
		next = append(next, go2(n.mark(i+1), stepOver))
		if n.redis > 0 {
			next = append(next, go2(lost, stepOver))
		}
	}
	return next
}

// world lists what may happen beside the requests.
func (n node) world() (next []node) {
	for i := range n.journal {
		if n.journal[i] {
			drained := n
			drained.journal[i], drained.copies = false, true
			next = append(next, drained.mark(3), drained, n.mark(uint8(i)+1)) // mark lost; replayed at start
		}
		if n.crashes > 0 {
			m := n.crash(i)
			m.crashes--
			next = append(next, m)
		}
		if n.disks > 0 {
			m := n.crash(i)
			m.disks--
			m.journal[i], m.gone[i] = false, true
			next = append(next, m)
		}
	}
	if n.amnesias > 0 {
		m := n
		m.amnesias--
		m.standing, m.open = 0, [2]bool{}
		next = append(next, m)
	}
	if n.lapses > 0 {
		m := n
		m.lapses--
		m.open = [2]bool{}
		next = append(next, m)
	}
	return next
}

func (n node) crash(i int) node {
	for r := range n.step {
		if int(n.at[r]) == i && n.step[r] != stepIdle {
			n.step[r] = stepOver
		}
	}
	return n
}

// lost reports that someone was told 200 by an instance whose disk is intact, and nothing is left of it.
func (n *node) lost() bool {
	if n.copies || n.journal[0] || n.journal[1] {
		return false
	}
	for r, told := range n.told {
		if told && !n.gone[n.at[r]] {
			return true
		}
	}
	return false
}

// settled reports that nothing more is on its way that could still publish.
func (n *node) settled() bool {
	for _, s := range n.step {
		if s == stepPublish || s == stepJournal {
			return false
		}
	}
	return true
}

func explore(p protocol, disks uint8) (states, losses int) {
	seen := map[node]bool{}
	var todo []node
	visit := func(n node) {
		if !seen[n] {
			seen[n] = true
			todo = append(todo, n)
		}
	}
	for second := range uint8(2) {
		visit(node{at: [2]uint8{0, second}, crashes: 2, amnesias: 1, lapses: 1, redis: 2, kafka: 2, disks: disks})
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n.settled() && n.lost() {
			losses++
		}
		for r := range n.step {
			for _, m := range p.request(n, r) {
				visit(m)
			}
		}
		for _, m := range n.world() {
			visit(m)
		}
	}
	return len(seen), losses
}

func TestNoRunOfTwoRequestsLosesAnAcknowledgedConversion(t *testing.T) {
	for _, disks := range []uint8{0, 1} {
		states, losses := explore(protocol{}, disks)
		if losses > 0 || states < 10_000 {
			t.Errorf("%d disks may die: %d states, %d losses", disks, states, losses)
		}
	}
}

func TestTheKnownMistakesDoLoseConversions(t *testing.T) {
	for name, c := range map[string]struct {
		p     protocol
		disks uint8
	}{
		"a claim in flight suppresses":         {protocol{openSuppresses: true}, 0},
		"done is written before it is":         {protocol{doneBeforePublish: true}, 0},
		"journaled elsewhere suppresses":       {protocol{journaledSuppresses: true}, 1},
		"all of them, and a disk that may die": {protocol{true, true, true}, 1},
	} {
		if _, losses := explore(c.p, c.disks); losses == 0 {
			t.Errorf("%s: no loss was found, so the search proves nothing", name)
		}
	}
}
