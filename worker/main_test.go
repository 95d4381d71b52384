package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunRefusesConfiguration(t *testing.T) {
	t.Setenv("STRIPE_API_KEY", "")
	t.Setenv("STRIPE_RATE_LIMIT", "-1")
	var stderr bytes.Buffer
	require.Equal(t, 2, run(t.Context(), &stderr))
	require.Contains(t, stderr.String(), `STRIPE_RATE_LIMIT: "-1"`)
	require.Contains(t, stderr.String(), "STRIPE_API_KEY: not set")
}

func TestRunWithoutTemporal(t *testing.T) {
	t.Setenv("STRIPE_API_KEY", "sk_test_1")
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	var stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), &stderr))
	require.Contains(t, stderr.String(), "worker: cannot reach Temporal at 127.0.0.1:1")
}
