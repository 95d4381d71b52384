//go:build stack

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// drainPatience: the server looks for workflows that are pinned to a version every three minutes.
const drainPatience = 10 * time.Minute

// TestStackAgreementsFinishTheirCycle changes the worker in the middle of the cycle of 100 agreements, for one
// whose BillingAgreement gives other commands without a change id: on a Temporal server of 1.31 or newer every cycle is
// finished by the build that began it, and the next one begins on the build that is current then.
func TestStackAgreementsFinishTheirCycle(t *testing.T) {
	address := os.Getenv("TEMPORAL_ADDRESS")
	require.NotEmpty(t, address, "run it with: STACK_COMMAND='go test -tags stack …' make stack-postgres")
	name := nextReference("deployment")
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true, change: func(c *config.Config) {
		c.Temporal.HostPort, c.Deployment = address, name
	}})
	tc, err := sdk.DialContext(t.Context(), s.config.Temporal)
	require.NoError(t, err)
	t.Cleanup(tc.Close)
	changed := changedWorker(t, changedWithoutChangeID)

	began := time.Now()
	first := s.build("a")
	s.json("changed", "deploy", "set-current", "--build-id", "a")
	due := time.Now().UTC().Truncate(time.Minute).Add(3 * time.Minute)
	all := s.agreements(100, workflows.FirstChargeScheduled, calendar.Schedule{Dates: []string{due.Format("2006-01-02T15:04"), "2099-01-01"}})
	each(t, all, func(a agreement) error {
		return within(patience, func() error { return s.waitsFor(a, due) })
	})
	t.Logf("after %s: 100 agreements wait for %s on build a", since(began), due.Format(time.TimeOnly))

	s.buildFrom(changed(), "b")
	s.json("changed", "deploy", "set-current", "--build-id", "b")
	require.True(t, time.Now().Before(due), "the machine is too slow for this test: build b must be current before the charges are due")
	t.Logf("after %s: build b is current", since(began))
	<-time.After(time.Until(due))
	each(t, all, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, 1) }) })
	t.Logf("after %s: all first dates are paid", since(began))

	// The next cycle of each: a charge at once.
	each(t, all, func(a agreement) error {
		_, err := s.client.ChargeNow(t.Context(), a.reference, client.AgreementOperation{Actor: "test", Reason: "the next cycle", RequestID: "second"})
		return err
	})
	each(t, all, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, 2) }) })
	t.Logf("after %s: all second charges are paid", since(began))

	ledger := s.sandbox.Ledger("")
	require.NoError(t, checkLedger(ledger))
	require.Len(t, ledger.References, 200)
	for reference, paid := range ledger.References {
		require.Equal(t, 1, paid.NetSuccesses, reference)
	}
	for _, a := range all {
		cycles := runs(t, tc, a)
		require.GreaterOrEqual(t, len(cycles), 3, a.reference)
		require.Equal(t, map[string]bool{"a": true}, buildsOf(t, cycles[0]), "%s: the first cycle", a.reference)
		require.False(t, napped(cycles[0]))
		for _, cycle := range cycles[1:] {
			require.Equal(t, map[string]bool{"b": true}, buildsOf(t, cycle), "%s: the cycles after it", a.reference)
			require.True(t, napped(cycle), "%s: begins as build b does", a.reference)
		}
	}
	require.Error(t, replayOnB(runs(t, tc, all[0])[0]), "build b must be so different that it cannot go on with a cycle of build a")

	// Nothing needs build a any more.
	require.NoError(t, within(drainPatience, func() error { return s.drained("a") }))
	t.Logf("after %s: build a is drained", since(began))
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	<-first.ended
	each(t, all[:10], func(a agreement) error {
		_, err := s.client.ChargeNow(t.Context(), a.reference, client.AgreementOperation{Actor: "test", Reason: "without build a", RequestID: "third"})
		return err
	})
	each(t, all[:10], func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, 3) }) })
	t.Logf("after %s: charged without build a", since(began))
}

func since(began time.Time) time.Duration { return time.Since(began).Round(time.Second) }

// waitsFor reports whether an agreement sleeps until its date.
func (s *site) waitsFor(a agreement, due time.Time) error {
	got, err := s.client.Agreement(s.t.Context(), a.reference)
	if err == nil && (got.State != workflows.AgreementActive || !got.NextDueAt.Equal(due)) {
		err = fmt.Errorf("%s, next due %s: %w", got.State, got.NextDueAt, errNotYet)
	}
	return err
}

// drained reports whether the server says that nothing is pinned to a build.
func (s *site) drained(build string) error {
	r := s.starter("deploy", "show", "--output", "json")
	var shown struct {
		Versions []struct {
			BuildID         string `json:"build_id"`
			Status          string
			PinnedWorkflows int `json:"pinned_workflows"`
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &shown); err != nil {
		return fmt.Errorf("%w: %s", err, r.stderr)
	}
	for _, v := range shown.Versions {
		if v.BuildID == build && v.Status == "drained" && v.PinnedWorkflows == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", r.stdout, errNotYet)
}

// replayOnB replays a run with the workflow of the changed build.
func replayOnB(run *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.BillingAgreementInput) (workflows.BillingAgreementResult, error) {
		if err := workflow.Sleep(ctx, changedNap); err != nil {
			return workflows.BillingAgreementResult{}, err
		}
		return workflows.BillingAgreement(ctx, in)
	}, workflow.RegisterOptions{Name: workflows.TypeBillingAgreement})
	return replayer.ReplayWorkflowHistory(nil, run)
}
