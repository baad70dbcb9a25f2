package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// sources are where a configuration comes from. A flag wins over the
// environment, that over the file, and that over the defaults.
type sources struct {
	// file is the path of the configuration; empty for none.
	file   string
	getenv func(string) (string, bool)
	// flags maps a key's path to the flag that sets it and its text.
	flags map[string]flagText
}

type flagText struct{ name, text string }

// maxSecret bounds a file with a credential: more than that is some other file.
const maxSecret = 64 << 10

// loadConfig reads and checks everything, and reports all problems together.
// The error is that of a file that cannot be read at all.
func loadConfig(from sources) (*setup, *problems, error) {
	p := &problems{file: from.file, at: make(map[string]place)}
	c := defaultConfig()
	if from.file != "" {
		data, err := os.ReadFile(from.file)
		if err != nil {
			return nil, p, fmt.Errorf("the configuration cannot be read: %w", err)
		}
		c = fileDefaults()
		reader := &fileReader{problems: p, getenv: from.getenv}
		reader.read(data, &c)
	}
	p.override(&c, from.getenv)
	p.overrideByFlags(&c, from.flags)
	p.readSecrets(&c)
	s := p.check(&c)
	s.file = from.file
	return s, p, nil
}

// mustLoad is loadConfig for commands that need a configuration without
// problems: any is an error. Warnings are told to warn.
func mustLoad(from sources, warn func(string)) (*setup, error) {
	s, p, err := loadConfig(from)
	if err != nil {
		return nil, &usageError{err: err}
	}
	lines := p.lines()
	if p.errors() > 0 {
		return nil, &usageError{err: &wrongConfig{lines: lines}}
	}
	for _, line := range lines {
		warn(line)
	}
	return s, nil
}

func (p *problems) overrideByFlags(c *config, flags map[string]flagText) {
	eachKey(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) {
		if given, ok := flags[path]; ok {
			p.set(v, path, "--"+given.name, given.text)
		}
	})
}

// readSecrets replaces every credential that is named by a file with what the
// file holds.
func (p *problems) readSecrets(c *config) {
	c.adminToken = p.readSecret("admin_token_file", c.AdminTokenFile, false)
	if text := p.readSecret("kafka.sasl.password_file", c.Kafka.SASL.PasswordFile, c.Kafka.SASL.Password != ""); text != "" {
		c.Kafka.SASL.Password = text
	}
	if text := p.readSecret("redis.url_file", c.Redis.URLFile, c.Redis.URL != ""); text != "" {
		c.Redis.URL = text
	}
	for i := range c.Properties {
		property := &c.Properties[i]
		at := fmt.Sprintf("properties[%d]", i)
		p.readTokens(at, property.TokenFile, &property.Token)
		for j := range property.Integrations {
			integration := &property.Integrations[j]
			p.readTokens(fmt.Sprintf("%s.integrations[%d]", at, j), integration.TokenFile, &integration.Token)
		}
	}
}

// readTokens reads a file with one token a line.
func (p *problems) readTokens(at, file string, tokens *secrets) {
	text := p.readSecret(at+".token_file", file, len(*tokens) > 0)
	if words := strings.Fields(text); len(words) > 0 {
		*tokens = words
	}
}

// readSecret returns what a file holds, blanks around it aside.
func (p *problems) readSecret(path, file string, twice bool) string {
	if file == "" {
		return ""
	}
	key := path[strings.LastIndexByte(path, '.')+1:]
	if twice {
		p.add(path, "%s: there is also %s; keep one of the two", path, strings.TrimSuffix(key, "_file"))
		return ""
	}
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxSecret {
		p.add(path, "%s: %s has %d bytes, that is no secret", path, file, info.Size())
		return ""
	}
	data, err := os.ReadFile(file)
	switch {
	case err != nil:
		p.add(path, "%s: %s cannot be read: %s", path, file, reasonOf(err))
	case strings.TrimSpace(string(data)) == "":
		p.add(path, "%s: %s is empty", path, file)
	}
	return strings.TrimSpace(string(data))
}

// reasonOf is the operating system's word without the path, which the caller
// names already.
func reasonOf(err error) string {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return cause.Err.Error()
	}
	return err.Error()
}
