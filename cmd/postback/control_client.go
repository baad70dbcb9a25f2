package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// controlClient speaks to the service that owns a data folder.
type controlClient struct {
	http    *http.Client
	release func()
}

// dialControl finds the service of a data folder; nil when none answers, as
// when there is no socket or it was left behind by a process that was killed.
func dialControl(data string) (*controlClient, error) {
	path := filepath.Join(data, controlFile)
	if _, err := os.Lstat(path); err != nil {
		return nil, nil //nolint:nilerr,nilnil // no socket, no service
	}
	short, release, err := shortPath(path)
	if err != nil {
		return nil, fmt.Errorf("the control socket %s: %w", path, err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: controlDial}).DialContext(ctx, "unix", short)
	}
	conn, err := dial(context.Background(), "", "")
	switch {
	case errors.Is(err, os.ErrPermission):
		release()
		return nil, fmt.Errorf("the control socket %s belongs to somebody else: run this as the user that runs the service", path)
	case err != nil:
		release()
		return nil, nil //nolint:nilerr,nilnil // nobody answers: the folder is free, or its lock says whose it is
	}
	_ = conn.Close()
	return &controlClient{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, release: release}, nil
}

func (c *controlClient) close() {
	c.http.CloseIdleConnections()
	c.release()
}

// errCutOff says that an answer ended before its last line.
var errCutOff = errors.New("the service went away before the end; what was done is remembered, run it again")

// replay asks the service for a replay and tells how it goes.
func (c *controlClient) replay(ctx context.Context, options replayOptions, tell func(replayProgress)) (replaySummary, error) {
	body, err := json.Marshal(options)
	if err != nil {
		return replaySummary{}, fmt.Errorf("the request to the service: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/replay", bytes.NewReader(body))
	if err != nil {
		return replaySummary{}, fmt.Errorf("the request to the service: %w", err)
	}
	answer, err := c.http.Do(request)
	if err != nil && ctx.Err() != nil {
		return replaySummary{}, errInterrupted
	}
	if err != nil {
		return replaySummary{}, fmt.Errorf("the service does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	return readReplay(ctx, answer.Body, tell)
}

// readReplay reads lines up to the one that ends the answer.
func readReplay(ctx context.Context, from io.Reader, tell func(replayProgress)) (replaySummary, error) {
	decoder := json.NewDecoder(from)
	for {
		var line controlLine
		if err := decoder.Decode(&line); err != nil {
			if ctx.Err() != nil {
				return replaySummary{}, errInterrupted
			}
			return replaySummary{}, fmt.Errorf("%w (%w)", errCutOff, err)
		}
		switch {
		case line.Error != "":
			err := errors.New(line.Error)
			if line.Summary != nil {
				return *line.Summary, err
			}
			return replaySummary{}, err
		case line.Summary != nil:
			return *line.Summary, nil
		case line.Progress != nil:
			tell(*line.Progress)
		}
	}
}
