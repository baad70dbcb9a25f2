package main

import (
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger writes to standard error: JSON for machines, or lines for people
// where no file says otherwise. Messages are constant texts, so that sampling
// holds floods down; they carry neither secrets nor personal data.
func newLogger(w io.Writer, c *setup) *zap.Logger {
	level, err := zapcore.ParseLevel(c.Log.Level)
	if err != nil {
		level = zapcore.InfoLevel
	}
	settings := zap.NewProductionEncoderConfig()
	settings.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	settings.EncodeDuration = zapcore.StringDurationEncoder
	settings.TimeKey = "time"
	encoder := zapcore.NewJSONEncoder(settings)
	if c.forPeople() {
		settings.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		settings.ConsoleSeparator = "  "
		encoder = zapcore.NewConsoleEncoder(settings)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, 100, 1000))
}

// forPeople reports whether somebody is probably looking: there is no file, or
// it says so.
func (s *setup) forPeople() bool { return s.file == "" || s.Log.Format == "console" }

// alarms logs what an operator should know, each text at most once a second.
type alarms struct {
	log *zap.Logger
	mu  sync.Mutex
	// last is when a text was logged, held how often it was not since.
	last map[string]time.Time
	held map[string]int
}

const (
	alarmEvery = time.Second
	maxAlarms  = 256
)

func newAlarms(log *zap.Logger) *alarms {
	return &alarms{log: log, last: make(map[string]time.Time), held: make(map[string]int)}
}

// ring logs what happened unless it did within the last second. It does not
// block on anything but standard error.
func (a *alarms) ring(what string, err error) {
	now := time.Now()
	a.mu.Lock()
	if last, ok := a.last[what]; ok && now.Sub(last) < alarmEvery {
		a.held[what]++
		a.mu.Unlock()
		return
	}
	if len(a.last) >= maxAlarms {
		clear(a.last)
		clear(a.held)
	}
	held := a.held[what]
	a.last[what] = now
	delete(a.held, what)
	a.mu.Unlock()
	fields := []zap.Field{zap.Error(err)}
	if err == nil {
		fields = nil
	}
	if held > 0 {
		fields = append(fields, zap.Int("more_since_last", held))
	}
	a.log.Warn(what, fields...)
}
