package config

import (
	"io"
	"log/slog"
)

// Logger writes to w what OFFSESSION_LOG_LEVEL lets through, in the form of OFFSESSION_LOG_FORMAT.
func (c Config) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
