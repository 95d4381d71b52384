//go:build stack

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdk "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
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
	all := s.agreements(100, visa)
	each(t, all, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, 1) }) })
	declined := s.agreements(5, oneSoftDecline)
	each(t, declined, func(a agreement) error {
		return within(patience, func() error {
			payment, err := s.firstPayment(a)
			if err != nil {
				return err
			}
			return s.is(payment, workflows.PaymentRetryScheduled)
		})
	})
	t.Logf("after %s: 100 agreements have begun, and wait in their second cycle on build a", since(began))

	s.buildFrom(changed(), "b")
	s.json("changed", "deploy", "set-current", "--build-id", "b")
	eventually(t, func() error {
		if v := s.version("a"); v.PinnedWorkflows != int64(len(all)+len(declined)) {
			return fmt.Errorf("%d agreements are pinned to build a: %w", v.PinnedWorkflows, errNotYet)
		}
		return nil
	})
	t.Logf("after %s: build b is current", since(began))
	charge := func(cycle int, some []agreement) {
		each(t, some, func(a agreement) error {
			_, err := s.client.ChargeNow(t.Context(), a.reference, client.AgreementOperation{Actor: "test", Reason: "end of the cycle", RequestID: fmt.Sprintf("cycle-%d", cycle)})
			return err
		})
		each(t, some, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, cycle) }) })
		t.Logf("after %s: cycle %d of %d agreements is paid", since(began), cycle, len(some))
	}
	charge(2, all)
	charge(3, all)
	// A payment that build a began, and an agreement that is told of it.
	each(t, declined, func(a agreement) error {
		payment, err := s.firstPayment(a)
		if err != nil {
			return err
		}
		if _, err := s.client.RetryPayment(t.Context(), payment, byHand); err != nil {
			return err
		}
		return within(patience, func() error { return s.hasPaid(a, 1) })
	})
	charge(2, declined)

	ledger := s.sandbox.Ledger("")
	require.NoError(t, checkLedger(ledger))
	require.Len(t, ledger.References, 3*len(all)+2*len(declined))
	for reference, paid := range ledger.References {
		require.Equal(t, 1, paid.NetSuccesses, reference)
	}
	for _, a := range declined {
		payment, err := s.firstPayment(a)
		require.NoError(t, err)
		history, err := historyFrom(t.Context(), tc, workflows.PaymentID(payment), "")
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"a": true, "b": true}, buildsOf(t, history), "payments follow at once")
	}
	for _, a := range slices.Concat(all, declined) {
		cycles := runs(t, tc, a)
		cycles = cycles[:len(cycles)-1] // the last one may not have begun
		require.GreaterOrEqual(t, len(cycles), 3, a.reference)
		for i, cycle := range cycles {
			build := "a"
			if i >= 3 { // the one that begins, the first charge, and the one under way at the change
				build = "b"
			}
			require.Equal(t, map[string]bool{build: true}, buildsOf(t, cycle), "%s: run %d", a.reference, i+1)
			require.Equal(t, build == "b", napped(cycle), "%s: run %d begins as its build does", a.reference, i+1)
		}
	}
	require.ErrorContains(t, replayOnB(runs(t, tc, all[0])[2]), "nondeterministic", "build b must be so different that it cannot go on with a cycle of build a")

	// Nothing needs build a any more.
	require.NoError(t, within(drainPatience, func() error {
		if v := s.version("a"); v.Status != "drained" || v.PinnedWorkflows > 0 {
			return fmt.Errorf("build a: %+v: %w", v, errNotYet)
		}
		return nil
	}))
	t.Logf("after %s: build a is drained", since(began))
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	<-first.ended
	charge(4, all[:10])
}

func since(began time.Time) time.Duration { return time.Since(began).Round(time.Second) }

// firstPayment is the reference of an agreement's first charge.
func (s *site) firstPayment(a agreement) (string, error) {
	got, err := s.client.Agreement(s.t.Context(), a.reference)
	if err != nil || len(got.Payments) == 0 {
		return "", fmt.Errorf("no payment: %w", cmp.Or(err, errNotYet))
	}
	return got.Payments[0].Reference, nil
}

// version is what `starter deploy show` says of a build.
func (s *site) version(build string) shownVersion {
	s.t.Helper()
	r := s.starter("deploy", "show", "--output", "json")
	var shown shownDeployment
	require.NoError(s.t, json.Unmarshal([]byte(r.stdout), &shown), r.stderr)
	for _, v := range shown.Versions {
		if v.BuildID == build {
			return v
		}
	}
	s.t.Fatalf("no build %s: %s", build, r.stdout)
	return shownVersion{}
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
	return replayer.ReplayWorkflowHistory(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), run)
}
