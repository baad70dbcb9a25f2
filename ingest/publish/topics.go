package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

const (
	// assembly is how long a cluster that shows fewer brokers than the
	// configuration lists, and fewer than the replicas wanted, may take to become
	// complete before a topic is created with fewer replicas for good.
	assembly = 10 * time.Second
	// createEvery spaces attempts to create a topic.
	createEvery = time.Second
	// moveGrace is how long a leader that lost a partition may still answer for
	// what was sent to it before that.
	moveGrace = 300 * time.Millisecond
)

// apply takes over what Kafka says about brokers and topics. It returns the
// topics that do not exist, and an error that tells what keeps a topic from
// being used.
func (p *Producer) apply(res *metadata.Response) (missing []*topic, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	brokers := make(map[int32]string, len(res.Brokers))
	for _, b := range res.Brokers {
		brokers[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	p.brokers = brokers
	var errs []error
	for _, t := range p.topics {
		told := topicIn(res, t.name)
		switch code := kafka.Error(told.ErrorCode); {
		case len(told.Partitions) > 0:
			p.applyTopicLocked(t, told)
		case code == kafka.UnknownTopicOrPartition:
			p.leaderlessLocked(t)
			missing = append(missing, t)
			errs = append(errs, fmt.Errorf("topic %s does not exist: create it, or set kafka.create_topics", t.name))
		case code == kafka.TopicAuthorizationFailed:
			errs = append(errs, fmt.Errorf("topic %s: %w: grant Describe and Write on it", t.name, code))
		case code != 0:
			errs = append(errs, fmt.Errorf("topic %s: %w", t.name, code))
		}
	}
	p.staffLocked()
	return missing, errors.Join(errs...)
}

// topicIn finds a topic in a metadata answer; absent means unknown to Kafka.
func topicIn(res *metadata.Response, name string) *metadata.ResponseTopic {
	for i := range res.Topics {
		if res.Topics[i].Name == name {
			return &res.Topics[i]
		}
	}
	return &metadata.ResponseTopic{Name: name, ErrorCode: int16(kafka.UnknownTopicOrPartition)}
}

func (p *Producer) applyTopicLocked(t *topic, told *metadata.ResponseTopic) {
	n, before := 0, len(t.parts)
	for i := range told.Partitions {
		n = max(n, int(told.Partitions[i].PartitionIndex)+1)
	}
	for len(t.parts) < n {
		t.parts = append(t.parts, &partition{topic: t, id: int32(len(t.parts))})
	}
	if before > 0 && n > before {
		p.warnings["grown "+t.name] = fmt.Sprintf(
			"topic %s grew from %d to %d partitions: keys moved, duplicates in flight may land elsewhere", t.name, before, n)
	}
	leaders := make(map[int32]int32, len(told.Partitions))
	t.replicas = 0
	for i := range told.Partitions {
		tp := &told.Partitions[i]
		leaders[tp.PartitionIndex] = tp.LeaderID
		if t.replicas == 0 || len(tp.ReplicaNodes) < t.replicas {
			t.replicas = len(tp.ReplicaNodes)
		}
	}
	if t.replicas < p.cfg.Replication {
		p.warnings["replicas "+t.name] = fmt.Sprintf(
			"topic %s has %d replicas, %d are configured: an acknowledged record survives %d broker losses",
			t.name, t.replicas, p.cfg.Replication, max(t.replicas-1, 0))
	} else {
		delete(p.warnings, "replicas "+t.name)
	}
	delete(p.warnings, "missing "+t.name)
	for _, part := range t.parts {
		leader, ok := leaders[part.id]
		if _, known := p.brokers[leader]; !ok || !known {
			part.lane = nil
			continue
		}
		p.leadLocked(part, leader)
	}
}

func (p *Producer) leaderlessLocked(t *topic) {
	p.warnings["missing "+t.name] = fmt.Sprintf("topic %s does not exist", t.name)
	for _, part := range t.parts {
		part.lane = nil
	}
}

// leadLocked gives a partition to its leader's lane, which is made if need be.
func (p *Producer) leadLocked(part *partition, leader int32) {
	l := p.lanes[leader]
	if l == nil {
		l = p.newLane(leader, p.brokers[leader])
		p.lanes[leader] = l
		p.wg.Go(l.run)
	}
	if part.lane == l {
		return
	}
	if part.lane != nil {
		p.count.moves++
	}
	part.lane, part.stuck, part.retryAt = l, false, time.Time{}
}

// staffLocked brings the lanes in line with the partitions: each gets the list
// of those it leads, those without any end, and a leader that was replaced while
// it owes us an answer is not waited for.
func (p *Producer) staffLocked() {
	now := time.Now()
	for id, l := range p.lanes {
		l.parts = l.parts[:0]
		if addr, ok := p.brokers[id]; ok {
			l.addr = addr
		}
	}
	for _, t := range p.topics {
		for _, part := range t.parts {
			if part.lane != nil {
				part.lane.parts = append(part.lane.parts, part)
			}
			if f := part.flyer; f != nil && part.lane != nil && f != part.lane && now.Sub(part.flying) > moveGrace {
				f.abortLocked()
			}
		}
	}
	for id, l := range p.lanes {
		if len(l.parts) == 0 {
			l.gone = true
			delete(p.lanes, id)
		}
		l.wakeLocked()
	}
}

// create asks for missing topics, with as many replicas as there are brokers if
// those are fewer than wanted.
func (s *supervisor) create(ctx context.Context, missing []*topic, res *metadata.Response) error {
	p := s.p
	if !p.cfg.CreateTopics {
		return nil
	}
	req := p.creation(missing, len(res.Brokers))
	if len(req.Topics) == 0 {
		return nil
	}
	answer, err := s.askController(ctx, req, res.ControllerID)
	if err != nil {
		return fmt.Errorf("creating topics: %w", err)
	}
	var errs []error
	for _, t := range answer.Topics {
		if t.ErrorCode == 0 || kafka.Error(t.ErrorCode) == kafka.TopicAlreadyExists {
			continue
		}
		errs = append(errs, fmt.Errorf("creating topic %s: %w: %s", t.Name, kafka.Error(t.ErrorCode), t.ErrorMessage))
	}
	if len(errs) == 0 {
		notify(p.kick)
	}
	return errors.Join(errs...)
}

// creation builds the request for those topics that were not asked for just now.
func (p *Producer) creation(missing []*topic, brokers int) *createtopics.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.missed.IsZero() {
		p.missed = now
	}
	if brokers < min(p.cfg.Replication, len(p.cfg.Brokers)) && now.Sub(p.missed) < assembly {
		return &createtopics.Request{}
	}
	req := &createtopics.Request{TimeoutMs: millis(controlTimeout / 2)}
	for _, t := range missing {
		if now.Sub(t.asked) < createEvery {
			continue
		}
		t.asked = now
		n := p.cfg.Topics[t.index].Partitions
		if n == 0 {
			n = p.cfg.Partitions
		}
		req.Topics = append(req.Topics, createtopics.RequestTopic{
			Name:              t.name,
			NumPartitions:     int32(n),
			ReplicationFactor: int16(max(min(p.cfg.Replication, brokers), 1)),
		})
	}
	return req
}

// askController sends the request to the controller: with ZooKeeper only that
// broker creates topics, with KRaft any passes it on.
func (s *supervisor) askController(ctx context.Context, req *createtopics.Request, id int32) (*createtopics.Response, error) {
	s.p.mu.Lock()
	addr, ok := s.p.brokers[id]
	s.p.mu.Unlock()
	if !ok {
		return ask[*createtopics.Response](ctx, s, req)
	}
	other := &supervisor{p: s.p}
	defer other.hangUp()
	res, err := other.askLine(ctx, []string{addr}, req)
	if err != nil {
		return nil, err
	}
	answer, ok := res.(*createtopics.Response)
	if !ok {
		return nil, fmt.Errorf("controller %s answered with a %T", addr, res)
	}
	return answer, nil
}
