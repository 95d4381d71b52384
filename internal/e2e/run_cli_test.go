package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runKeys are those that scripts find in every answer about a billing run.
const runKeys = "reference workflow_id state reason rows succeeded declined refused needs_customer processing unknown rejected not_charged amount_by_currency"

func runArgs(command, reference string, more ...string) []string {
	return append(append([]string{"run", command, reference}, byHandFlags...), more...)
}

// TestRunCommands is the life of a billing run by the command line.
func TestRunCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	good, _ := s.customerWith(reference, visa)
	bad, method := s.customerWith(reference, lostCard)
	lines := []string{"reference,customer,payment_method,amount,currency"}
	for n := range 5 {
		customer, card := good, ""
		if n == 3 {
			customer, card = bad, method
		}
		if card == "" {
			card = s.attach(good, visa)
		}
		lines = append(lines, fmt.Sprintf("%s-%d,%s,%s,%d,usd", reference, n, customer, card, 1000+n))
	}
	manifest := filepath.Join(t.TempDir(), "july.csv")
	write := func(lines []string) {
		t.Helper()
		require.NoError(t, os.WriteFile(manifest, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}

	write(append(lines, reference+"-5,"+good+",,10.99,usd"))
	r := s.starter("run", "validate", "--manifest", manifest)
	require.Equal(t, failed, r.code)
	require.Contains(t, r.stdout, `line 7, amount: "10.99"`)
	require.Contains(t, r.stdout, "5 rows, and 1 not allowed")
	require.Equal(t, misused, s.starter("run", "validate", "--manifest", manifest+".gone").code)
	write(lines)
	checked := s.json("state rows rejected problems fingerprint amount_by_currency", "run", "validate", "--manifest", manifest)
	require.Equal(t, "valid", checked["state"])
	require.InDelta(t, 5010, checked["amount_by_currency"].(map[string]any)["usd"].(map[string]any)["total"], 0)

	start := []string{"run", "start", "--reference", reference, "--manifest", manifest, "--approve", "--max-decline-rate", "1"}
	dry := s.json("known to_charge rate seconds", append(start, "--dry-run")...)
	require.InDelta(t, 5, dry["to_charge"], 0)
	require.Equal(t, notFound, s.starter("run", "show", reference).code, "nothing was started")
	entries, err := os.ReadDir(filepath.Dir(manifest))
	require.NoError(t, err)
	require.Len(t, entries, 1, "and nothing written")

	// It waits for approval, which is an end of the wait.
	r = s.starter(append(start, "--wait", "--output", "json")...)
	require.Equal(t, failed, r.code)
	require.Contains(t, r.stderr, "stands still: awaiting_approval")
	var waiting map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &waiting), r.stdout)
	require.Contains(t, waiting["command"], "starter run approve "+reference+" --fingerprint "+checked["fingerprint"].(string))
	require.Equal(t, refused, s.starter(runArgs("approve", reference, "--fingerprint", strings.Repeat("0", 12))...).code)
	require.Equal(t, refused, s.starter(runArgs("pause", reference)...).code, "there is nothing to pause yet")
	s.json(runKeys, runArgs("approve", reference, "--fingerprint", checked["fingerprint"].(string)[:12])...)

	ended := s.json(runKeys+" run_id report_csv", append(start, "--wait")...)
	require.Equal(t, true, ended["already_started"])
	require.Equal(t, "completed", ended["state"])
	require.InDelta(t, 4, ended["succeeded"], 0)
	require.InDelta(t, 1, ended["declined"], 0)
	require.Equal(t, refused, s.starter(append(start, "--rate", "5")...).code)
	require.Equal(t, refused, s.starter(runArgs("resume", reference)...).code)

	text := s.says("completed", "run", "show", reference)
	require.Contains(t, text, "declined   1     $10.03")
	eventually(t, func() error { // visibility is a moment behind
		if r := s.starter("run", "list", "--state", "completed"); !strings.Contains(r.stdout, reference) {
			return fmt.Errorf("%w: %s %s", errNotYet, r.stdout, r.stderr)
		}
		return nil
	})
	report := s.json(runKeys+" report_csv report_json", "run", "report", reference, "--settled")
	require.InDelta(t, 5, report["rows"], 0)
	rows, err := os.ReadFile(strings.TrimPrefix(report["report_csv"].(string), "file://"))
	require.NoError(t, err)
	require.Contains(t, strings.SplitN(string(rows), "\n", 2)[0], "settled")
	s.says("agree", "run", "reconcile", reference)

	// What it handed over goes on by itself.
	payment := s.json("state", "payment", "show", reference+"-3")
	require.NotEqual(t, "paid", payment["state"])
	s.json("state", operationArgs("cancel", reference+"-3")...)
}
