package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// unreleased is the folder that `make histories` records into. Those of releases, such as v0.1.0, are only read.
const unreleased = "testdata/histories/unreleased"

// TestReplay runs today's workflows against the histories of every release and of today: a change that would stop running
// workflows is seen here.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/histories/"), ".json"), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
		})
	}
}

// TestEveryEndHasAHistory: one per workflow type and end, from the workflows as they are now.
func TestEveryEndHasAHistory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"collect_payment_paid_at_once", "collect_payment_paid_after_retries", "collect_payment_paid_by_customer",
		"collect_payment_paid_after_processing", "collect_payment_uncollectible", "collect_payment_canceled",
		"collect_payment_written_off_from_needs_attention",
		"collect_payment_handed_over", "save_payment_method_owned",
		"save_payment_method_saved", "save_payment_method_abandoned", "save_payment_method_canceled",
		"deferred_subscription_paid", "deferred_subscription_3ds", "deferred_subscription_new_card_continued_run2",
		"deferred_subscription_deleted_while_waiting", "scheduled_run_started",
		"billing_run_completed", "billing_run_canceled", "billing_run_approved", "billing_run_paused_and_resumed", "billing_run_corrected",
		"billing_run_unauthorized", "billing_run_awaited_manifest", "billing_run_continued_run2",
	} {
		require.FileExists(t, filepath.Join(unreleased, name+".json"), "record it with make histories")
	}
}

// TestEveryReleaseHasHistories: what is released is replayed for ever.
func TestEveryReleaseHasHistories(t *testing.T) {
	t.Parallel()
	changes, err := os.ReadFile("../CHANGELOG.md")
	require.NoError(t, err)
	require.Contains(t, string(changes), "## Unreleased")
	for _, release := range regexp.MustCompile(`(?m)^## \[?v?(\d+\.\d+\.\d+)`).FindAllStringSubmatch(string(changes), -1) {
		require.DirExists(t, filepath.Join("testdata/histories", "v"+release[1]), "at a release: cp -r %s there", unreleased)
	}
}

// histories are the files of all folders. None may be empty.
func histories(t *testing.T) []string {
	t.Helper()
	folders, err := os.ReadDir("testdata/histories")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	var files []string
	for _, folder := range folders {
		in, err := filepath.Glob(filepath.Join("testdata/histories", folder.Name(), "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, in, "no histories in %s", folder.Name())
		files = append(files, in...)
	}
	return files
}

func TestHistoriesHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		stored, err := os.Open(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(stored, client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.NoError(t, stored.Close())
		// Payloads are in base64; this shows what is in them.
		readable, err := temporalproto.CustomJSONMarshalOptions{Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true}}.Marshal(history)
		require.NoError(t, err)
		require.Contains(t, string(readable), `"reference":`, "the payloads are readable")
		if slices.ContainsFunc(partsOfSecrets, func(part string) bool { return strings.Contains(string(readable), part) }) {
			require.Empty(t, secret.FindAllString(string(readable), -1), file)
		}
	}
}
