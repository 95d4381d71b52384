package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// answerOf runs a sandbox until it has told where it is, and returns what it told.
func answerOf(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answer, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"sandbox", "--listen", "127.0.0.1:0"}, args...), stdout, io.Discard)
		_ = stdout.Close()
	}()
	told := make([]byte, 4096)
	n, err := answer.Read(told) // an answer is written at once
	require.NoError(t, err)
	stop()
	_, err = io.Copy(io.Discard, answer)
	require.NoError(t, err)
	require.Equal(t, exitDone, <-code)
	return string(told[:n])
}

func TestSandboxTellsWhereItsStateIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sandbox.db")
	require.Regexp(t, `^Stripe sandbox on http://127\.0\.0\.1:\d+, in memory\. Use it with:`, answerOf(t))
	require.Contains(t, answerOf(t, "--data", file), ", kept in "+file+". Use it with:")
	for _, data := range []string{file, ""} {
		var keys sandboxKeys
		require.NoError(t, json.Unmarshal([]byte(answerOf(t, "--output", "json", "--data", data)), &keys))
		require.Equal(t, data, keys.Data)
		require.NotEmpty(t, keys.APIBase)
	}
}

func TestSandboxDataThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	diary, used := filepath.Join(dir, "diary.txt"), filepath.Join(dir, "used.db")
	require.NoError(t, os.WriteFile(diary, []byte("dear diary"), 0o600))
	answer, stdout := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"sandbox", "--listen", "127.0.0.1:0", "--data", used}, stdout, io.Discard)
	}()
	_, err := answer.Read(make([]byte, 4096))
	require.NoError(t, err)
	for file, want := range map[string]string{
		diary:                              "is not a data file of the sandbox",
		used:                               "is in use by another sandbox",
		filepath.Join(dir, "none", "x.db"): "x.db",
	} {
		code, out, stderr := command(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--data", file)
		require.Equal(t, exitFailed, code, stderr)
		require.Empty(t, out)
		require.Contains(t, stderr, want)
		require.Contains(t, stderr, file)
	}
	stop()
	require.Equal(t, exitDone, <-ended)
	content, err := os.ReadFile(diary)
	require.NoError(t, err)
	require.Equal(t, "dear diary", string(content), "left as it was")
}
