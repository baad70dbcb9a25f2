package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postbackhq/postback/ingest"
	"github.com/postbackhq/postback/schema"
	"github.com/postbackhq/postback/schema/customer"
	"github.com/postbackhq/postback/schema/money"
)

// expectation is how a request of a golden file must end.
type expectation struct {
	status, result, reason string
	fields                 map[string]string
}

const absent = "absent"

// check compares everything the file says with what was heard.
func (e *expectation) check(r *edgeRun, where string, h heard) {
	r.t.Helper()
	a := h.answer
	if strconv.Itoa(a.status) != e.status || a.result != e.result || a.reason != e.reason {
		r.t.Errorf("%s: answer %d %q %q, want %s %q %q", where, a.status, a.result, a.reason, e.status, e.result, e.reason)
	}
	e.checkCounts(r, where, h)
	e.checkRepairs(r, where, h)
	for key, want := range e.fields {
		if got := e.value(r, h, key); got != want {
			r.t.Errorf("%s: %s is %q, want %q", where, key, got, want)
		}
	}
	for _, rec := range slices.Concat(h.main, h.test) {
		conform(r.t, rec)
	}
}

// checkCounts holds every topic to the result: nothing is published beside what
// it says.
func (e *expectation) checkCounts(r *edgeRun, where string, h heard) {
	r.t.Helper()
	main, test, aside := 0, 0, 0
	switch e.result {
	case "accepted", "updated":
		main = 1
	case "test":
		test = 1
	case "quarantined", "skipped":
		aside = 1
	}
	if n, ok := e.fields["published"]; ok {
		main, _ = strconv.Atoi(n)
	}
	if _, ok := e.fields["aside.reason"]; ok {
		aside = 1
	}
	if len(h.main) != main || len(h.test) != test || len(h.aside) != aside {
		r.t.Errorf("%s: %d events, %d tests and %d failed records, want %d, %d and %d",
			where, len(h.main), len(h.test), len(h.aside), main, test, aside)
	}
}

// checkRepairs compares all repairs, in any order; what has no event shows them
// as warnings of the validate URL.
func (e *expectation) checkRepairs(r *edgeRun, where string, h heard) {
	r.t.Helper()
	var got []string
	switch all := slices.Concat(h.main, h.test); {
	case len(all) > 0:
		if text, ok := all[len(all)-1].value["repairs"].(string); ok {
			got = strings.Split(text, ",")
		}
	case h.foreseen != nil:
		for _, w := range h.foreseen.Warnings {
			got = append(got, w.Code)
		}
		if h.foreseen.Reason != "" {
			got = got[:len(got)-1] // the reason, behind the repairs
		}
	default:
		return
	}
	var want []string
	if text := e.fields["repairs"]; text != "" {
		want = strings.Split(text, ", ")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: repairs %q, want %q", where, got, want)
	}
}

// value finds what a key of the file speaks of.
func (e *expectation) value(r *edgeRun, h heard, key string) string {
	kind, rest, dotted := strings.Cut(key, ".")
	switch {
	case key == "repairs":
		return e.fields[key]
	case key == "published":
		return strconv.Itoa(len(h.main))
	case key == "key":
		return lastOf(h).key
	case key == "id", key == "same_key":
		return r.relation(h, key, e.fields[key])
	case key == "body":
		return h.answer.body
	case key == "bytes":
		return strconv.Itoa(len(h.answer.body))
	case !dotted:
		if !slices.ContainsFunc(schema.Fields(), func(f schema.Field) bool { return f.Name == key }) {
			return "not a field"
		}
		return member(lastOf(h).value, key)
	case kind == "params":
		return nested(lastOf(h), "params", rest)
	case kind == "header":
		return orAbsent(h.answer.header.Get(rest))
	case kind == "aside" && len(h.aside) > 0:
		return e.aside(h.aside[len(h.aside)-1], rest)
	case kind == "meta", kind == "google":
		form, err := customer.Normalize(kind, "email", member(lastOf(h).value, "email"), customer.Options{})
		if err != nil {
			return err.Error()
		}
		if rest == "hash" {
			return form.SHA256[:8]
		}
		return form.Normalized
	}
	return "nothing such as " + key
}

// aside reads a failed record; "detail has" asks for a part of the detail.
func (e *expectation) aside(rec record, field string) string {
	want := e.fields["aside."+field]
	if name, ok := strings.CutSuffix(field, " has"); ok {
		if strings.Contains(member(rec.value, name), want) {
			return want
		}
		return member(rec.value, name)
	}
	return member(rec.value, field)
}

// relation says whether an id or key equals that of an earlier request: "same 1"
// or "other 1".
func (r *edgeRun) relation(h heard, key, want string) string {
	_, number, _ := strings.Cut(want, " ")
	n, _ := strconv.Atoi(number)
	own, earlier := h.answer.id, r.ids[n]
	if key == "same_key" {
		own, earlier = lastOf(h).key, r.keys[n]
	}
	switch {
	case own == "" || earlier == "":
		return "nothing to compare"
	case own == earlier:
		return "same " + number
	}
	return "other " + number
}

// lastOf is the last record that a request published to the main or test topic.
func lastOf(h heard) record {
	if all := slices.Concat(h.main, h.test); len(all) > 0 {
		return all[len(all)-1]
	}
	return record{}
}

func member(object map[string]any, name string) string {
	v, ok := object[name]
	if !ok || v == nil {
		return absent
	}
	return fmt.Sprint(v)
}

func nested(rec record, field, name string) string {
	text, ok := rec.value[field].(string)
	if !ok {
		return absent
	}
	var inner map[string]any
	if err := json.Unmarshal([]byte(text), &inner); err != nil {
		return err.Error()
	}
	return member(inner, name)
}

func orAbsent(s string) string {
	if s == "" {
		return absent
	}
	return s
}

// ended checks what the file says about the topics when all is done.
func (r *edgeRun) ended() {
	r.t.Helper()
	for key, want := range r.g.end {
		got := ""
		switch key {
		case "main":
			got = strconv.Itoa(len(r.main()))
		case "aside":
			got = strconv.Itoa(len(r.failed()))
		case "total":
			got = r.total()
		case "alarm":
			got = r.alarmWith(want)
		case "nowhere":
			got = want
			if found := r.recordWith(want); found != "" {
				got = found
			}
		default:
			name, ok := strings.CutPrefix(key, "metric ")
			if got = "an unknown key"; ok {
				got = r.metric(name)
			}
		}
		if got != want {
			r.t.Errorf("in the end %s is %q, want %q", key, got, want)
		}
	}
}

// total adds up the deltas as a consumer does.
func (r *edgeRun) total() string {
	sum := int64(0)
	for _, rec := range r.main() {
		if rec.value["counted_delta"] != nil {
			micros, _ := rec.value["counted_delta_micros"].(float64)
			sum += int64(micros)
		}
	}
	return string(money.Append(nil, sum, 2))
}

// metric adds up a counter over all its labels.
func (r *edgeRun) metric(name string) string {
	families, err := r.metrics.Registry.Gather()
	if err != nil {
		return err.Error()
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return fmt.Sprint(sum)
}

func (r *edgeRun) alarmWith(part string) string {
	for {
		select {
		case text := <-r.alarms:
			if strings.Contains(text, part) {
				return part
			}
		default:
			return "no such alarm"
		}
	}
}

// recordWith gives a record of any topic, or an alarm, that holds a text.
func (r *edgeRun) recordWith(part string) string {
	for _, rec := range slices.Concat(r.main(), r.failed(), r.topic(ingest.TopicTest)) {
		if strings.Contains(rec.text, part) {
			return rec.text
		}
	}
	if text := r.alarmWith(part); text == part {
		return "an alarm"
	}
	return ""
}

// conform holds a published event to the fields that consumers are promised.
func conform(t *testing.T, rec record) {
	t.Helper()
	seen := 0
	for _, f := range schema.Fields() {
		v, ok := rec.value[f.Name]
		if ok {
			seen++
		}
		text, isText := v.(string)
		switch {
		case f.Core && !ok, f.NotNull && v == nil, !f.Core && ok && v == nil:
			t.Errorf("%s is %v, there: %v", f.Name, v, ok)
		case v == nil:
		case isText && text == "":
			t.Errorf("%s is an empty text", f.Name)
		case isText && len(f.Words) > 0 && !slices.Contains(f.Words, text):
			t.Errorf("%s is %q, none of %q", f.Name, text, f.Words)
		case isText == (f.Type == schema.TypeInt || f.Type == schema.TypeBool):
			t.Errorf("%s has another type: %v", f.Name, v)
		}
	}
	if seen != len(rec.value) {
		t.Errorf("the event has %d members, of which %d are promised: %s", len(rec.value), seen, rec.text)
	}
	if strings.ContainsAny(rec.text, "\n\r\x00") {
		t.Errorf("a record of more than one line: %q", rec.text)
	}
}
