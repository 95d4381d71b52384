package config

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.temporal.io/sdk/client"
	temporalenv "go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
)

// temporal reads the connection as the temporal CLI does: TEMPORAL_CONFIG_FILE and its profile, overridden by TEMPORAL_*.
func (r *reader) temporal() client.Options {
	options, err := temporalenv.LoadDefaultClientOptions()
	if err != nil {
		// The library's messages name the variable or file, and never a key.
		r.wrong("TEMPORAL_*: %w", err)
	}
	options.HostPort = cmp.Or(options.HostPort, client.DefaultHostPort)
	options.Namespace = cmp.Or(options.Namespace, client.DefaultNamespace)
	return options
}

// DialTemporal connects to Temporal; the SDK's own messages go to logger. The error is one line that says where
// Temporal was sought.
func (c Config) DialTemporal(ctx context.Context, logger *slog.Logger) (client.Client, error) {
	options := c.Temporal
	options.Logger = log.NewStructuredLogger(logger)
	tc, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("cannot reach Temporal at %s: %w", options.HostPort, oneLineError{err})
	}
	return tc, nil
}

// oneLineError is an error whose text has no line ends.
type oneLineError struct{ error }

func (e oneLineError) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

func (e oneLineError) Unwrap() error { return e.error }
