package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/workflows"
)

// secret finds what must not be in a history: client secrets, keys, tokens of links, addresses of people and of pages.
var secret = regexp.MustCompile(`client_secret|_secret_|whsec|[srp]k_(test|live)_|eyJhbGci|https?://|[^\s"]*@[^\s"]*`)

// TestReplay runs today's workflows against histories of before: a change that would stop running workflows is seen
// here. `make histories` records them with the integration tests.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files, "no histories: make histories")
	seen := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
		})
	}
	// One per workflow type and end.
	for _, name := range []string{
		"collect_payment_paid_at_once", "collect_payment_paid_after_retries", "collect_payment_paid_by_customer",
		"collect_payment_paid_after_processing", "collect_payment_uncollectible", "collect_payment_canceled",
		"collect_payment_written_off_from_needs_attention",
		"save_payment_method_saved", "save_payment_method_abandoned", "save_payment_method_canceled",
	} {
		require.True(t, seen[name], "no history %s.json: make histories", name)
	}
}

func TestHistoriesHoldNoSecrets(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		stored, err := os.Open(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(stored, client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.NoError(t, stored.Close())
		// Payloads are in base64; this shows what is in them.
		readable, err := temporalproto.CustomJSONMarshalOptions{Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true}}.Marshal(history)
		require.NoError(t, err)
		require.Contains(t, string(readable), `"reference":`, "the payloads are readable")
		require.Empty(t, secret.FindAllString(string(readable), -1), file)
	}
}
