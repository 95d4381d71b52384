package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/workflows"
)

// TestRunContinuesAsNew: on a server that wants short histories a run goes from one to the next in the middle of its pages. Nothing
// is lost on the way, and nothing is charged again.
func TestRunContinuesAsNew(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
		SearchAttributes: workflows.SearchAttributeKeys(), Log: logFile, DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=25"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	s := newRunSite(t, siteOptions{withoutWeb: true, change: func(c *config.Config) { c.Temporal.HostPort = server.Address }})
	r := s.bill(s.rows(60, exceptions...))
	r.PageSize, r.Window, r.MaxDeclineRate = 5, 2, 1
	r.start()
	as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
	require.GreaterOrEqual(t, recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_continued"), 3)
	require.LessOrEqual(t, s.sends(), len(r.rows))
}
