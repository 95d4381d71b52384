//go:build long

package e2e

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

var manySubscriptions = flag.Int("subscriptions", 10_000, "how many subscriptions are adopted at once")

// TestTenThousandSubscriptionsAdopted: what adopt-all does with an account of that size, what the worker needs for it, and what each
// subscription has cost when it waits for its customer. In the end all are deleted, and nothing is left open.
func TestTenThousandSubscriptionsAdopted(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true})
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	began := time.Now()
	lap := func(what string) {
		t.Logf("%s: %s", what, time.Since(began).Round(100*time.Millisecond))
		began = time.Now()
	}
	many := s.subscribeMany(*manySubscriptions)
	lap("made at Stripe")
	worker := s.worker()
	t.Logf("worker at its start: %s", resident(t, worker))
	require.InDelta(t, many.len(), s.adoptAll("--yes", "--rate", "100")["adopted"], 0)
	lap("adopted")
	many.reach(time.Hour)
	lap("all in their state")
	t.Logf("worker with all of them: %s", resident(t, worker))
	for _, u := range many[:2] {
		u.settled(u.workflow())
		list(t, u.history(u.workflow(), ""))
	}
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksNormal})
	many.end(time.Hour)
	lap("all deleted and closed")
	t.Logf("worker at the end: %s", resident(t, worker))
}

// resident is the memory of a process.
func resident(t *testing.T, p *process) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ = strings.Cut(line, "\n")
	return strings.TrimSpace(line)
}
