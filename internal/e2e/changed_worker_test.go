package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// changedNap is how a run on the changed build is told from others: it begins with a timer of that length.
const changedNap = 7 * time.Millisecond

// What the next build's BillingAgreement does first: as it may be with pinned agreements, and as it must be everywhere.
const (
	changedWithoutChangeID = `_ = workflow.Sleep(ctx, nap)`
	changedWithChangeID    = `if workflow.GetVersion(ctx, "billing-agreement-nap", workflow.DefaultVersion, 1) == 1 { _ = workflow.Sleep(ctx, nap) }`
	changedAgreement       = `package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

func changedAgreement(ctx workflow.Context, in BillingAgreementInput) (BillingAgreementResult, error) {
	const nap = 7 * time.Millisecond
	%s
	return BillingAgreement(ctx, in)
}
`
)

// changedWorker begins to build the worker of this tree with another BillingAgreement, which does something first. The
// function waits for it and answers the program.
func changedWorker(t *testing.T, first string) func() string {
	t.Helper()
	dir := t.TempDir()
	workflowsDir, err := filepath.Abs("../../workflows")
	require.NoError(t, err)
	register, err := os.ReadFile(filepath.Join(workflowsDir, "register.go"))
	require.NoError(t, err)
	const registered = "(BillingAgreement, "
	require.Equal(t, 1, strings.Count(string(register), registered))
	replace := map[string]string{}
	for name, text := range map[string]string{
		"register.go":          strings.Replace(string(register), registered, "(changedAgreement, ", 1),
		"changed_agreement.go": fmt.Sprintf(changedAgreement, first),
	} {
		replace[filepath.Join(workflowsDir, name)] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))

	binary := filepath.Join(dir, "worker")
	args := append([]string{"build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary}, raceFlags...)
	built := make(chan error, 1)
	go func() {
		if out, err := exec.CommandContext(t.Context(), "go", append(args, "../../worker")...).CombinedOutput(); err != nil {
			built <- fmt.Errorf("%w: %s", err, out)
		}
		close(built)
	}()
	return func() string {
		t.Helper()
		require.NoError(t, <-built)
		return binary
	}
}

// napped reports whether a run began on the changed build.
func napped(history *historypb.History) bool {
	for _, event := range history.GetEvents() {
		if timer := event.GetTimerStartedEventAttributes(); timer.GetStartToFireTimeout().AsDuration() == changedNap {
			return true
		}
	}
	return false
}

// agreement is one that a test has started, with its first run.
type agreement struct{ reference, runID string }

// agreements starts many at once on one kind of card: each is charged now, and again every month.
func (s *site) agreements(count int, token string) []agreement {
	s.t.Helper()
	started := make([]agreement, count)
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i := range started {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			reference := s.reference()
			customer, method := s.customerWith(reference, token)
			run, err := s.client.StartAgreement(s.t.Context(), client.AgreementParams{
				Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd",
				Schedule: calendar.Schedule{Every: "month"}, FirstCharge: workflows.FirstChargeNow,
			})
			if err != nil {
				s.t.Error(err)
				return
			}
			started[i] = agreement{reference, run.RunID}
		})
	}
	all.Wait()
	require.False(s.t, s.t.Failed())
	return started
}

// each does something for all agreements, eight at a time.
func each(t *testing.T, agreements []agreement, do func(agreement) error) {
	t.Helper()
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, a := range agreements {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if err := do(a); err != nil {
				t.Errorf("%s: %v", a.reference, err)
			}
		})
	}
	all.Wait()
	require.False(t, t.Failed())
}

// runs are the histories of an agreement's runs, oldest first.
func runs(t *testing.T, tc sdk.Client, a agreement) []*historypb.History {
	t.Helper()
	var all []*historypb.History
	for run := a.runID; run != ""; {
		history, err := historyFrom(t.Context(), tc, workflows.AgreementID(a.reference), run)
		require.NoError(t, err)
		all = append(all, history)
		run = history.GetEvents()[len(history.GetEvents())-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return all
}

// hasPaid reports whether that many of an agreement's payments are paid.
func (s *site) hasPaid(a agreement, payments int) error {
	got, err := s.client.Agreement(s.t.Context(), a.reference)
	if err == nil && got.Paid != payments {
		err = fmt.Errorf("%d of %d payments are paid: %w", got.Paid, payments, errNotYet)
	}
	return err
}
