package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestInstanceNumberIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "instance")
	first, err := instanceNumber(path)
	if err != nil || first == 0 {
		t.Fatal(first, err)
	}
	again, err := instanceNumber(path)
	if err != nil || again != first {
		t.Errorf("%d, %v; want %d", again, err, first)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if other, err := instanceNumber(filepath.Join(t.TempDir(), "instance")); err != nil || other == first {
		t.Errorf("another folder has the same number %d, %v", other, err)
	}
	for _, text := range []string{"", "0", "x", "-1", "4294967296"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := instanceNumber(path); err == nil || !strings.Contains(err.Error(), "holds no instance number") {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	if _, err := instanceNumber(filepath.Join(path, "below a file")); err == nil {
		t.Error("a path below a file is accepted")
	}
	if err := writeDurably(filepath.Join(path, "x"), "text"); err == nil {
		t.Error("a file below a file is written")
	}
}

func TestAlarmsAreLoggedAtMostOnceASecondForEachText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.InfoLevel)
		a := newAlarms(zap.New(core))
		for range 10 {
			a.ring("one", errors.New("why"))
			a.ring("two", nil)
		}
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("%d lines, want 2:\n%s", n, out.String())
		}
		<-time.After(alarmEvery)
		a.ring("one", errors.New("why"))
		if !strings.Contains(out.String(), `"more_since_last":9`) || strings.Count(out.String(), "\n") != 3 {
			t.Errorf("%s", out.String())
		}
		for n := range 2 * maxAlarms {
			a.ring(strings.Repeat("x", n), nil)
		}
		if len(a.last) > maxAlarms {
			t.Errorf("it remembers %d texts", len(a.last))
		}
	})
}

func TestPartsAreStoppedInReverseAndAllOfThem(t *testing.T) {
	v := &service{log: zap.NewNop()}
	var order []string
	stop := func(name string, err error) func(context.Context) error {
		return func(context.Context) error { order = append(order, name); return err }
	}
	v.keep("journal", stop("journal", nil))
	v.keep("pipeline", stop("pipeline", errors.New("three events wait")))
	v.keepLast("admin", stop("admin", nil))
	v.keep("collect", stop("collect", errors.New("slow")))
	err := v.unwind(context.Background())
	if got := strings.Join(order, " "); got != "collect pipeline journal admin" {
		t.Errorf("stopped in the order %s", got)
	}
	if err == nil || !strings.Contains(err.Error(), "pipeline: three events wait") || !strings.Contains(err.Error(), "collect: slow") {
		t.Errorf("%v", err)
	}
	if err := v.unwind(context.Background()); err != nil || len(order) != 4 {
		t.Errorf("stopped twice: %v %v", order, err)
	}
}

func TestChangedKeysThatNeedARestartAreNamed(t *testing.T) {
	a, b := fileDefaults(), fileDefaults()
	if keys := changedKeys(&a, &b); len(keys) > 0 {
		t.Errorf("nothing changed, but %v", keys)
	}
	b.Properties, b.NetworksDir, b.Listen, b.Kafka.Topic = []propertyConfig{{ID: "x"}}, "x", ":9", "x"
	if keys := changedKeys(&a, &b); strings.Join(keys, " ") != "listen kafka" {
		t.Errorf("%v, want listen and kafka", keys)
	}
}

func TestGreetingFitsTheConfiguration(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	for _, c := range []struct {
		text string
		has  []string
	}{
		{"properties: [{id: shop, integrations: [{network: impact}]}]", []string{"http://localhost:8080/shop/collect/impact", "journal here is the topic", "tail -f --config "}},
		{"properties: [{id: shop, open: true}, {id: demo, open: true, token: x}]", []string{"/demo/collect/generic", "token=TOKEN"}},
		{"properties: [{id: empty}]", []string{"http://localhost:8080/{property}/collect/{network}"}},
		{"kafka: {brokers: [k:1], topic: x}\nproperties: [{id: empty}]", []string{"k:1", "x, x.failed, x.test", "journal and dedupe state"}},
	} {
		s, p := read(t, c.text+"\n", nil)
		if p.errors() > 0 {
			t.Fatal(p.lines())
		}
		v := &service{setup: s, collectAt: at}
		text := v.greeting(terminal{width: 100})
		for _, part := range c.has {
			if !strings.Contains(text, part) {
				t.Errorf("%s: the greeting lacks %q:\n%s", c.text, part, text)
			}
		}
		if strings.Contains(text, "curl") != (v.collectURL() != "") {
			t.Errorf("%s: a curl line without a URL:\n%s", c.text, text)
		}
	}
}

func TestLinesToPasteAreQuoted(t *testing.T) {
	s, _ := read(t, "properties: []\n", nil)
	s.file = "my config.yaml"
	v := &service{setup: s, from: sources{flags: map[string]flagText{
		"data": {"data", "it's here"}, "kafka.brokers": {"kafka", "a:1,b:2"},
	}}}
	if got := v.tailFlags(); got != ` --config 'my config.yaml' --data 'it'\''s here' --kafka a:1,b:2` {
		t.Errorf("%s", got)
	}
}

func TestLoopbackAddressesAreRecognised(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "127.1.2.3:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "nowhere": false,
	} {
		if got := isLoopback(address); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestFolderInMemoryIsRecognised(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("optional: there is no /dev/shm here")
	}
	if !inMemory("/dev/shm") {
		t.Error("/dev/shm is not seen as memory")
	}
	if inMemory("/proc") || inMemory("/nowhere/at/all") {
		t.Error("everything is seen as memory")
	}
}

func TestAddressInUseSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if _, err := listen(taken.Addr().String(), "admin"); err == nil || !strings.Contains(err.Error(), "choose another address with --admin") {
		t.Errorf("%v", err)
	}
	if _, err := listen("256.0.0.1:80", "listen"); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("%v", err)
	}
}

func TestLoggerWritesForMachinesOrForPeople(t *testing.T) {
	for _, c := range []struct {
		setup setup
		has   string
	}{
		{setup{file: "x", config: config{Log: logConfig{Level: "info", Format: "json"}}}, `"msg":"hello"`},
		{setup{file: "x", config: config{Log: logConfig{Level: "info", Format: "console"}}}, "  info  hello"},
		{setup{config: config{Log: logConfig{Level: "info", Format: "json"}}}, "  info  hello"},
	} {
		var out bytes.Buffer
		log := newLogger(&out, &c.setup)
		log.Debug("quiet")
		log.Info("hello")
		if !strings.Contains(out.String(), c.has) || strings.Contains(out.String(), "quiet") {
			t.Errorf("%q, want %q", out.String(), c.has)
		}
	}
}
