package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// announce tells where the service is: to people with a line they can paste,
// to machines in one log entry.
func (v *service) announce(s streams) {
	view := terminalOf(s.err, s.getenv)
	if v.forPeople() || view.is {
		fmt.Fprint(s.err, v.greeting(view))
	}
	if !v.forPeople() {
		fields := []zap.Field{
			zap.Stringer("collect", v.collectAt), zap.String("data", v.Data), zap.String("ack", v.ackWord()),
			zap.Strings("kafka", v.Kafka.Brokers), zap.String("redis", redactURL(v.Redis.URL)),
			zap.Int("properties", len(v.Properties)), zap.Int("gomaxprocs", runtime.GOMAXPROCS(0)),
		}
		if v.adminAt != nil {
			fields = append(fields, zap.Stringer("admin", v.adminAt))
		}
		v.log.Info("serving", fields...)
	}
	if !v.embedded() && v.redis == nil {
		v.log.Warn("Kafka without Redis is for one instance: dedupe is local, a second instance would not know what this one has seen")
	}
	if inMemory(v.Data) {
		v.log.Warn("the data folder is in memory (tmpfs): what is answered 200 from the journal does not survive a reboot", zap.String("data", v.Data))
	}
	if v.redis != nil {
		go v.inspectRedis()
	}
}

// inspectRedis warns of what endangers the dedupe state there.
func (v *service) inspectRedis() {
	ctx, cancel := context.WithTimeout(context.Background(), connectBudget)
	defer cancel()
	report, err := v.redis.Check(ctx)
	if err != nil {
		v.log.Warn("redis does not answer: events are published unasked", zap.Error(err))
		return
	}
	for _, warning := range report.Warnings {
		v.log.Warn("redis", zap.String("warning", warning))
	}
}

func (v *service) ackWord() string {
	if v.embedded() {
		return "journal"
	}
	return v.Ack
}

// greeting is what a person needs first: where to send, how to try it, how to
// see what came of it.
func (v *service) greeting(t terminal) string {
	out := &sheet{terminal: t}
	name := programName()
	fmt.Fprintf(out, "\n%s\n\n", t.paint(bold, "postback is ready"))
	collect := v.collectURL()
	out.pair("collect", orWord(collect, "http://"+visible(v.collectAt)+"/{property}/collect/{network}"))
	out.pair("data", v.Data+t.paint(dim, v.dataNote()))
	if !v.embedded() {
		out.pair("kafka", strings.Join(v.Kafka.Brokers, ", ")+t.paint(dim, "  topics "+strings.Join(v.topics(), ", ")))
	}
	if v.redis != nil {
		out.pair("redis", redactURL(v.Redis.URL))
	}
	if v.adminAt != nil {
		out.pair("admin", "http://"+visible(v.adminAt)+"/"+t.paint(dim, "  health, metrics, profiles"))
	}
	if collect != "" {
		fmt.Fprintf(out, "\n%s\n  %s\n", t.paint(dim, "send a postback:"), t.paint(cyan, v.curl(collect)))
	}
	fmt.Fprintf(out, "%s\n  %s\n\n", t.paint(dim, "see the events:"), t.paint(cyan, name+" tail -f"+v.tailFlags()))
	return out.String()
}

func (v *service) dataNote() string {
	if v.embedded() {
		return "  the journal here is the topic"
	}
	return "  journal and dedupe state"
}

// collectURL is a URL of the property demo, else of the first one.
func (v *service) collectURL() string {
	var chosen *propertyConfig
	for i := range v.Properties {
		if p := &v.Properties[i]; chosen == nil || p.ID == demoProperty {
			chosen = p
		}
	}
	if chosen == nil {
		return ""
	}
	network := "generic"
	if !chosen.Open {
		if len(chosen.Integrations) == 0 {
			return ""
		}
		network = chosen.Integrations[0].Network
	}
	scheme := "http"
	if v.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + visible(v.collectAt) + "/" + url.PathEscape(chosen.ID) + "/collect/" + url.PathEscape(network)
}

// curl is a line that works when pasted, but for a secret that is not printed.
func (v *service) curl(collect string) string {
	token := ""
	for i := range v.Properties {
		if len(v.Properties[i].Token) > 0 {
			token = "&token=TOKEN"
		}
	}
	return "curl -i '" + collect + "?click_id=c1&commission=4.99&currency=USD&transaction_id=t1" + token + "'"
}

// tailFlags repeats what tail needs to find the same topic.
func (v *service) tailFlags() string {
	flags := ""
	if v.file != "" {
		flags += " --config " + shellWord(v.file)
	}
	if given, ok := v.from.flags["data"]; ok {
		flags += " --data " + shellWord(given.text)
	}
	if given, ok := v.from.flags["kafka.brokers"]; ok {
		flags += " --kafka " + shellWord(given.text)
	}
	return flags
}

func shellWord(text string) string {
	if strings.ContainsAny(text, " '\"$`\\*?;&|<>()") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// visible is an address as a person on this machine would reach it.
func visible(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return at.String()
	}
	if tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return tcp.String()
}

// programName is how the program was called, so that the lines it prints work.
func programName() string {
	called := os.Args[0]
	switch {
	case strings.Contains(called, "go-build"):
		return "go run ./cmd/postback"
	case strings.ContainsRune(called, os.PathSeparator):
		return called
	}
	return "postback"
}
