//go:build long

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDemoAndDev run the commands that bring everything with them. They listen on fixed addresses, which must be free.
func TestDemoAndDev(t *testing.T) {
	tools, err := filepath.Abs("../../.bin")
	require.NoError(t, err)
	env := []string{"PATH=" + os.Getenv("PATH") + string(os.PathListSeparator) + tools, "HOME=" + os.Getenv("HOME"), "TMPDIR=" + t.TempDir()}

	r := runStarter(t, env, "demo", "--output", "json")
	require.Equal(t, done, r.code, r.stdout+r.stderr)
	require.Contains(t, r.stderr, "none taken twice")
	var answer struct {
		OK bool `json:"ok"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &answer))
	require.True(t, answer.OK)

	dev := launch(t, env, "Everything runs until Ctrl-C", starterBinary, "dev")
	r = runStarter(t, append(env, "TEMPORAL_ADDRESS=127.0.0.1:7233"), "save-card", "start", "--reference", "dev-1", "--create-customer", "--output", "json")
	require.Equal(t, done, r.code, r.stderr)
	require.Contains(t, r.stdout, "cs_")
	require.NoError(t, dev.cmd.Process.Signal(syscall.SIGTERM))
	<-dev.ended
	require.Equal(t, 0, dev.cmd.ProcessState.ExitCode())
}
