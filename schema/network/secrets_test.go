package network

import (
	"testing"

	"github.com/postbackhq/postback/schema"
)

func TestCardNumbersAreToldFromIDs(t *testing.T) {
	for text, want := range map[string]bool{
		"4111111111111111": true, "4111 1111 1111 1111": true, "5500-0000-0000-0004": true, "340000000000009": true, "6011000000000004": true,
		"4111111111111112": false, "1700000000000": false, "9007199254740993": false, "411111111111111": false, "": false,
		"4111111111111111x": false, "3530111333300000": false, "4": false, "411111111111111111111111": false,
	} {
		if got := cardLike(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestCredentialsAreRemovedWhereverTheyStand(t *testing.T) {
	p, _ := catalog(t).Lookup("wall")
	n, err := New(p, Settings{Property: "p", Network: "wall"})
	if err != nil {
		t.Fatal(err)
	}
	var s Scratch
	var ev schema.Event
	n.Normalize(&s, &Request{
		Query:       []byte("click_id=c1&API-Key=a&user[password]=b&uid_key=c&Signature=d&ok=e"),
		Body:        []byte(`{"auth": {"token": "f", "list": [{"secret": "g"}]}, "hottok": "h"}`),
		ContentType: "application/json",
	}, &ev, nil)
	if len(ev.Params) != 1 || ev.Params[0].Name != "ok" {
		t.Errorf("want only ok, got %+v", ev.Params)
	}
	if got := s.Tokens(nil); len(got) != 1 || got[0] != "a" {
		t.Errorf("the credential of the query: got %q", got)
	}
}

func TestSecretNamesMatchInFoldedForm(t *testing.T) {
	for name, want := range map[string]bool{"API-KEY": true, "apikey": true, "sha_sign": true, "click_id": false, "": false} {
		if Secret(name) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}
