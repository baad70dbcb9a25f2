package network

import (
	"slices"
	"strings"
	"time"

	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/money"
)

// ReadPreset reads the preset in data; file is used in messages. The format is
// strict: an unknown key, a wrong type or a value no one could have meant is an
// error that names file, line and key, and suggests what was meant. All problems
// of a file are reported at once.
func ReadPreset(file string, data []byte) (*Preset, error) {
	p := problems{file: file}
	doc, err := parseDocument(data)
	if err != nil {
		p.list = append(p.list, &fileError{file, err})
		return nil, p.err()
	}
	r := reader{problems: &p, owner: map[string]Field{}, preset: &Preset{
		Names: map[Field][]string{}, Fallbacks: map[Field][]string{}, Events: map[string]string{}, Macros: map[Field]string{},
		Status: StatusRule{Words: map[string]schema.Status{}, Ignored: map[string]bool{}},
		Reply:  Reply{Status: 200, Body: "OK"},
	}}
	p.object("", doc, r.keys())
	r.finish(doc.line)
	if err := p.err(); err != nil {
		return nil, err
	}
	return r.preset, nil
}

type fileError struct {
	file string
	err  error
}

func (e *fileError) Error() string { return e.file + ": " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// reader fills one preset from its document.
type reader struct {
	*problems
	preset *Preset
	owner  map[string]Field // of each folded name
}

func (r *reader) keys() keys {
	p := r.preset
	return keys{
		"name": r.segment(&p.Name), "title": r.text(&p.Title), "aliases": r.texts(&p.Aliases),
		"certainty": func(key string, v value) {
			r.word((*string)(&p.Certainty), string(Documented), string(Seen), string(Guess))(key, v)
		},
		"sources": r.texts(&p.Sources), "notes": r.texts(&p.Notes), "methods": r.methods,
		"fields":    r.byField(func(f Field) func(string, value) { return r.named(p.Names, f) }),
		"fallbacks": r.byField(func(f Field) func(string, value) { return r.named(p.Fallbacks, f) }),
		"status":    r.status, "default_status": r.defaultStatus, "events": r.dictionary(r.event),
		"amounts": r.amounts, "currency": r.currency, "dates": r.dates,
		"unwrap":      r.unwrap,
		"ignore_when": r.conditions(&p.IgnoreWhen), "test_when": r.conditions(&p.TestWhen),
		"secrets": r.texts(&p.Secrets), "zero_absent": r.zeroAbsent,
		"strip_prefix": r.texts(&p.ReversalPrefixes),
		"join":         r.byField(r.join), "dedupe": r.dedupe, "reply": r.reply,
		"link": r.text(&p.Link), "delimiters": r.text(&p.Delimiters),
		"macros": r.byField(func(f Field) func(string, value) {
			return func(key string, v value) {
				var macro string
				r.text(&macro)(key, v)
				p.Macros[f] = macro
			}
		}),
	}
}

// segment reads a name that stands in URLs.
func (r *reader) segment(into *string) func(string, value) {
	return func(key string, v value) {
		r.text(into)(key, v)
		if !isSegment(*into) {
			r.add(v.line, key, "want lower-case letters, digits and '-', because it is a part of the URL")
		}
	}
}

func isSegment(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func (r *reader) methods(key string, v value) {
	r.texts(&r.preset.Methods)(key, v)
	for _, m := range r.preset.Methods {
		if m != "GET" && m != "POST" {
			r.add(v.line, key, "want GET or POST, not %q", m)
		}
	}
}

func (r *reader) named(into map[Field][]string, f Field) func(string, value) {
	return func(key string, v value) {
		var names []string
		r.texts(&names)(key, v)
		into[f] = names
		for i, item := range v.items[:min(len(names), len(v.items))] {
			r.claim(item.line, key, names[i], f)
		}
	}
}

// claim notes that name means f, and refuses a name that means two things.
func (r *reader) claim(line int, key, name string, f Field) {
	if other, taken := r.owner[foldName(name)]; taken {
		r.add(line, key, "%q is a name of %s already (case, '_' and '-' do not count)", name, other)
	}
	r.owner[foldName(name)] = f
}

// status reads {"approved": ["confirmed", "1"], ..., "ignored": [...]}.
func (r *reader) status(key string, v value) {
	rule := &r.preset.Status
	known := keys{"ignored": func(key string, v value) {
		for _, w := range r.words(key, v) {
			rule.Ignored[w] = true
		}
	}}
	for _, class := range settableStatuses() {
		known[class.String()] = func(key string, v value) {
			for _, w := range r.words(key, v) {
				if old, twice := rule.Words[w]; twice && old != class {
					r.add(v.line, key, "%q is in two classes", w)
				}
				rule.Words[w] = class
			}
		}
	}
	r.object(key+".", v, known)
}

func (r *reader) words(key string, v value) []string {
	var words []string
	r.texts(&words)(key, v)
	for i, w := range words {
		if words[i] = strings.ToLower(strings.TrimSpace(w)); len(w) > longestWord {
			r.add(v.line, key, "%q is longer than the %d characters of a status word", w, longestWord)
		}
	}
	return words
}

func (r *reader) defaultStatus(key string, v value) {
	var word string
	names := []string{}
	for _, class := range settableStatuses() {
		names = append(names, class.String())
	}
	r.word(&word, names...)(key, v)
	if i := slices.Index(names, word); i >= 0 {
		r.preset.Status.Default = settableStatuses()[i]
	}
}

func (r *reader) event(key, name string, v value) {
	var event string
	r.text(&event)(key, v)
	if event == "" || len(event) > maxEventName {
		r.add(v.line, key, "want an event name of 1 to %d characters", maxEventName)
	}
	r.preset.Events[foldName(name)] = event
}

func (r *reader) amounts(key string, v value) {
	unit, decimal := "", ""
	r.object(key+".", v, keys{"unit": r.word(&unit, "major", "minor"), "decimal": r.word(&decimal, "dot", "comma")})
	r.preset.Amounts = money.Format{Minor: unit == "minor", DecimalDot: decimal == "dot", DecimalComma: decimal == "comma"}
}

func (r *reader) currency(key string, v value) {
	r.text(&r.preset.Currency)(key, v)
	if c := money.Lookup(r.preset.Currency); c.Kind != money.Current || c.Code != r.preset.Currency {
		r.add(v.line, key, "want a current ISO 4217 code in upper case, such as USD")
	}
}

func (r *reader) dates(key string, v value) {
	zone, rule := "", &r.preset.Dates
	r.object(key+".", v, keys{"layouts": r.texts(&rule.Layouts), "zone": r.text(&zone)})
	for _, layout := range rule.Layouts {
		if reference := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC); reference.Format(layout) == layout {
			r.add(v.line, key+".layouts", "%q holds no part of the reference time Mon Jan 2 15:04:05 2006", layout)
		}
	}
	if zone == "" {
		return
	}
	loaded, err := time.LoadLocation(zone)
	if err != nil {
		r.add(v.line, key+".zone", "%q is no IANA time zone, such as Europe/Berlin", zone)
	}
	rule.Zone = loaded
}

func (r *reader) unwrap(key string, v value) {
	r.object(key+".", v, keys{"form_field": r.text(&r.preset.Envelope)})
}

func (r *reader) conditions(into *[]Condition) func(string, value) {
	return func(key string, v value) {
		if v.items == nil {
			r.add(v.line, key, `want a list such as [{"param": "test", "equals": ["1"]}]`)
		}
		for _, item := range v.items {
			var c Condition
			r.object(key+".", item, keys{"param": r.text(&c.Param), "equals": r.texts(&c.Equals)})
			if c.Param == "" {
				r.add(item.line, key, "a condition needs a param")
			}
			c.Param = foldName(c.Param)
			*into = append(*into, c)
		}
	}
}

func (r *reader) zeroAbsent(key string, v value) {
	var names []string
	r.texts(&names)(key, v)
	for _, name := range names {
		f, ok := FieldOf(name)
		if !ok {
			r.add(v.line, key, "unknown field %q%s", name, didYouMean(name, fieldNames[1:]))
			continue
		}
		r.preset.ZeroAbsent = append(r.preset.ZeroAbsent, f)
	}
}

func (r *reader) join(f Field) func(string, value) {
	return func(key string, v value) {
		j := Join{Field: f}
		r.object(key+".", v, keys{"names": r.texts(&j.Names), "size": r.number(&j.Size, 0, 1<<16)})
		if len(j.Names) < 2 || len(j.Names) > maxJoin {
			r.add(v.line, key, "want 2 to %d names to join", maxJoin)
		}
		r.preset.Join = append(r.preset.Join, j)
	}
}

func (r *reader) dedupe(key string, v value) {
	rule := &r.preset.Dedupe
	identity, scope, window, fallback := "", "", "", ""
	r.object(key+".", v, keys{
		"identity": r.word(&identity, "transaction", "click"), "scope": r.word(&scope, "network", "click"),
		"on_change":  r.word(&rule.OnChange, "update", "ignore", "increment", "create_new"),
		"on_reentry": r.word(&rule.OnReentry, "duplicate", "update"),
		"window":     r.text(&window), "fallback_window": r.text(&fallback),
		"date_marks_change":      r.flag(&rule.DateMarksChange),
		"pending_after_approval": r.flag(&rule.PendingAfterApproval),
		"restatement":            r.flag(&rule.Restatement),
	})
	rule.Identity = map[string]Identity{"transaction": IdentityTransaction, "click": IdentityClick}[identity]
	rule.Scope = map[string]Scope{"network": ScopeNetwork, "click": ScopeClick}[scope]
	rule.Window = r.duration(v.line, key+".window", window)
	rule.FallbackWindow = r.duration(v.line, key+".fallback_window", fallback)
}

func (r *reader) duration(line int, key, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.add(line, key, "want a duration such as 720h, not %q", text)
		return 0
	}
	return d
}

func (r *reader) reply(key string, v value) {
	reply := &r.preset.Reply
	r.object(key+".", v, keys{
		"status": r.number(&reply.Status, 200, 299), "type": r.text(&reply.Type),
		"body": r.text(&reply.Body), "duplicate": r.text(&reply.Duplicate),
	})
}

// finish checks what belongs together and completes the lists of names.
func (r *reader) finish(line int) {
	p := r.preset
	for _, required := range []struct{ key, value string }{{"name", p.Name}, {"title", p.Title}, {"certainty", string(p.Certainty)}} {
		if required.value == "" {
			r.add(line, required.key, "is missing")
		}
	}
	for i, j := range p.Join {
		if i >= maxJoins {
			r.add(line, "join", "has more than %d fields", maxJoins)
		}
		if len(j.Names) > 0 && r.owner[foldName(j.Names[0])] != j.Field {
			r.add(line, "join."+j.Field.String(), "%q, the first piece, must be a name of the field", j.Names[0])
		}
	}
	if len(p.Sources) == 0 {
		r.add(line, "sources", "is missing: say where the facts come from")
	}
	for _, f := range Fields() {
		if !containsFolded(p.Names[f], f.String()) && !containsFolded(p.Fallbacks[f], f.String()) {
			p.Names[f] = append([]string{f.String()}, p.Names[f]...)
			r.claim(line, "fields", f.String(), f)
		}
	}
}

func containsFolded(names []string, name string) bool {
	folded := foldName(name)
	return slices.ContainsFunc(names, func(n string) bool { return foldName(n) == folded })
}
