package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServiceInADeepFolderIsReachedToo(t *testing.T) {
	folder := t.TempDir()
	data := filepath.Join(folder, strings.Repeat("deep/", 30), "data")
	v := start(t, folder, nil, "--data", data)
	v.want("click_id={x}&commission=1", "quarantined")
	got := command(t, folder, "", "replay", "--data", data)
	if got.status != 1 || !strings.Contains(got.out, "1 failed request: 0 replayed, 1 failed again") {
		t.Errorf("exit %d %s%s\n%s", got.status, got.out, got.err, v.talk.text())
	}
	if code := v.stop(); code != 0 || fileExists(filepath.Join(data, controlFile)) {
		t.Errorf("exit status %d, or the socket is left behind\n%s", code, v.talk.text())
	}
}

func TestSocketOfALivingProcessIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), controlFile)
	first, release, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	go func() {
		for {
			conn, err := first.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if _, _, err := listenControl(path); err == nil || !strings.Contains(err.Error(), "two services have one data folder") {
		t.Errorf("%v", err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	_ = first.Close()
	if fileExists(path) {
		t.Error("closing leaves the file")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second, release, err := listenControl(path)
	if err != nil {
		t.Fatalf("in place of what nobody answers at: %v", err)
	}
	release()
	_ = second.Close()
}

func TestSocketThatCannotBeMadeIsAnError(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := listenControl(filepath.Join(folder, "none", controlFile)); err == nil || !strings.Contains(err.Error(), "cannot be made") {
		t.Errorf("%v", err)
	}
	if _, _, err := listenControl(filepath.Join(folder, strings.Repeat("none/", 30), controlFile)); err == nil || !strings.Contains(err.Error(), "cannot be opened") {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(filepath.Join(folder, controlFile, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := listenControl(filepath.Join(folder, controlFile)); err == nil || !strings.Contains(err.Error(), "cannot be removed") {
		t.Errorf("%v", err)
	}
	if client, err := dialControl(filepath.Join(folder, "none")); client != nil || err != nil {
		t.Errorf("without a socket: %v %v", client, err)
	}
	if client, err := dialControl(folder); client != nil || err != nil {
		t.Errorf("where nobody answers: %v %v", client, err)
	}
}

func TestControlRefusesWhatItCannotRead(t *testing.T) {
	c := &control{}
	ask := func(body string) (int, string) {
		w := httptest.NewRecorder()
		c.replay(w, httptest.NewRequest(http.MethodPost, "/replay", strings.NewReader(body)))
		_, err := readReplay(t.Context(), w.Body, func(replayProgress) {})
		if err == nil {
			t.Fatalf("%s: no error", body)
		}
		return w.Code, err.Error()
	}
	for _, body := range []string{"", "nonsense", `{"form":"failed"}`, `{"where":"` + strings.Repeat("x", maxControlBody) + `"}`} {
		if code, text := ask(body); code != http.StatusBadRequest || !strings.Contains(text, "cannot be read") {
			t.Errorf("%.40s: %d %s", body, code, text)
		}
	}
	c.replaying.Lock()
	if code, text := ask(`{"from":"failed"}`); code != http.StatusConflict || !strings.Contains(text, "another replay is running") {
		t.Errorf("a second one: %d %s", code, text)
	}
}

func TestAnswersOfTheServiceAreReadToTheirEnd(t *testing.T) {
	var told []replayProgress
	tell := func(p replayProgress) { told = append(told, p) }
	whole := `{"progress":{"read":1,"total":9,"sent":1}}` + "\n" + `{"progress":{"read":9,"total":9,"sent":8}}` + "\n" + `{"summary":{"from":"failed","matched":9,"sent":9,"rows":[]}}`
	s, err := readReplay(t.Context(), strings.NewReader(whole), tell)
	if err != nil || s.Sent != 9 || len(told) != 2 || told[1] != (replayProgress{Read: 9, Total: 9, Sent: 8}) {
		t.Errorf("%+v %v %v", s, told, err)
	}
	s, err = readReplay(t.Context(), strings.NewReader(`{"summary":{"matched":3,"sent":1,"rows":[]},"error":"no more"}`), tell)
	if err == nil || err.Error() != "no more" || s.Matched != 3 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err = readReplay(t.Context(), strings.NewReader(whole[:60]), tell); !errors.Is(err, errCutOff) {
		t.Errorf("a cut answer: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = readReplay(gone, strings.NewReader(""), tell); !errors.Is(err, errInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestServiceSaysWhoItIs(t *testing.T) {
	folder := t.TempDir()
	v := start(t, folder, nil)
	client, err := dialControl(filepath.Join(folder, "postback-data"))
	if err != nil || client == nil {
		t.Fatal(client, err)
	}
	defer client.close()
	response, err := client.http.Get("http://control/service")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	var about struct {
		PID     int    `json:"pid"`
		Started string `json:"started"`
	}
	if err := json.Unmarshal(body, &about); err != nil || about.PID != v.cmd.Process.Pid || about.Started == "" {
		t.Errorf("%v: %s, want process %d", err, body, v.cmd.Process.Pid)
	}
}

func TestServiceThatGoesAwayIsSaid(t *testing.T) {
	data := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(data, controlFile))
	if err != nil {
		t.Skip("the temporary folder is too deep for a socket:", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"progress":{"read":1,"sent":0}}`+"\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	got := call(nil, "", "replay", "--data", data)
	if got.status != 1 || !strings.Contains(got.err, "the service went away before the end") || strings.Count(got.err, "\n") != 1 {
		t.Errorf("exit %d %s%s", got.status, got.out, got.err)
	}
}
