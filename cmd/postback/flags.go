package main

import "github.com/spf13/cobra"

// keyFlags are the flags that stand for keys of the configuration.
type keyFlags struct {
	cmd    *cobra.Command
	getenv func(string) (string, bool)
	paths  map[string]string // flag to path
}

// keyFlag describes a flag for a key of the configuration; the word between
// backquotes in usage is what its value is called.
type keyFlag struct{ name, path, usage string }

// flagsOfKeys lists every such flag.
var flagsOfKeys = []keyFlag{
	{"listen", "listen", "`ADDRESS` for the networks (default 127.0.0.1:8080)"},
	{"admin", "admin", "`ADDRESS` of the admin listener, empty for none (default 127.0.0.1:8081)"},
	{"data", "data", "`FOLDER` of journal and dedupe state (default ./postback-data)"},
	{"kafka", "kafka.brokers", "`BROKERS` of Kafka, host:port with commas; without them the journal is the topic"},
	{"redis", "redis.url", "`URL` of Redis, for dedupe shared by many instances"},
	{"ack", "ack", "`MODE`: what a 2xx means: hybrid, kafka or journal (default hybrid)"},
}

// addKeyFlags gives a command --config and the flags named.
func addKeyFlags(cmd *cobra.Command, s streams, names ...string) *keyFlags {
	k := &keyFlags{cmd: cmd, getenv: s.getenv, paths: make(map[string]string)}
	cmd.Flags().String("config", "", "configuration `FILE` (POSTBACK_CONFIG)")
	for _, f := range flagsOfKeys {
		if contains(names, f.name) {
			cmd.Flags().String(f.name, "", f.usage)
			k.paths[f.name] = f.path
		}
	}
	return k
}

// sources gives what the command line and the environment say.
func (k *keyFlags) sources() sources {
	from := sources{getenv: k.getenv, flags: make(map[string]flagText)}
	from.file, _ = k.getenv("POSTBACK_CONFIG")
	if f := k.cmd.Flags().Lookup("config"); f.Changed {
		from.file = f.Value.String()
	}
	for name, path := range k.paths {
		if f := k.cmd.Flags().Lookup(name); f.Changed {
			from.flags[path] = flagText{name: name, text: f.Value.String()}
		}
	}
	return from
}
