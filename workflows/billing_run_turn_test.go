package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunLooksBackAgain: a run that has waited looks back once more before it charges: what others have charged meanwhile is found.
func TestRunLooksBackAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set       func(r *runBench, in *workflows.BillingRunInput)
		lookBacks int
	}{
		"it goes at once":       {lookBacks: 1},
		"another run was first": {set: func(r *runBench, _ *workflows.BillingRunInput) { r.turn = notYet(3) }, lookBacks: 2},
		"it was approved":       {set: func(_ *runBench, in *workflows.BillingRunInput) { in.Approve = true }, lookBacks: 2},
		"the second one fails, first": {set: func(r *runBench, in *workflows.BillingRunInput) {
			in.Approve, r.lookBack = true, failsOnce(1, temporal.NewNonRetryableApplicationError("401", activities.ErrorStripeUnauthorized, nil))
		}, lookBacks: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 300)
			in := runInput()
			if test.set != nil {
				test.set(r, &in)
			}
			if in.Approve {
				r.operateAt(time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "0123456789ABCDEF"}, "")
			}
			require.Equal(t, runCompleted, r.runsToEnd(in).State)
			require.Equal(t, test.lookBacks, r.calls["look_back"])
		})
	}
}

// failsOnce fails one call, by its number.
func failsOnce(at int, err error) func(try int) error {
	return func(try int) error {
		if try == at {
			return err
		}
		return nil
	}
}

// TestRunFilesChangeBeforeItLooksBackAgain: it stands still until somebody brings them back.
func TestRunFilesChangeBeforeItLooksBackAgain(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.turn, r.changed = notYet(3), 1
	r.expect(time.Hour, runAttention, workflows.RunReasonFilesChanged)
	r.at(time.Hour, func() { require.Empty(t, r.pages) })
	r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
	require.Equal(t, 3, r.calls["look_back"])
}

// TestRunAsksTwiceForItsTurn: of two runs that ask at the same moment, neither may see the other yet.
func TestRunAsksTwiceForItsTurn(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.turn = func(try int, res *activities.TakeTurnResult) error {
		res.Others = true
		if try == 1 {
			*res = activities.TakeTurnResult{WaitsFor: "june", Limit: 15, Others: true}
		}
		return nil
	}
	r.expect(4*time.Second, runQueued, "")
	r.at(10*time.Second, func() { require.Equal(t, "june", r.status().WaitsFor) })
	r.runsToEnd(runInput())
	require.Equal(t, 4, r.calls["turn"], "yes, no, yes, and yes again")
}

// TestRunPageIsHeld: a page that begins late in a run that was paused sends nothing, and is charged when the run goes on.
func TestRunPageIsHeld(t *testing.T) {
	t.Parallel()
	for _, cancel := range []bool{false, true} {
		r := newRunBench(t, 300)
		r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
			if try == 0 && in.Number == 1 {
				return activities.ChargePageResult{Stopped: activities.StoppedHeld}, nil
			}
			return allSucceed(in, try)
		}
		r.operateAt(time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
		r.expect(time.Hour, runPaused, workflows.RunReasonOperator)
		r.operateAt(time.Hour, map[bool]string{false: workflows.UpdateResume, true: workflows.UpdateCancel}[cancel], workflows.RunOperation{}, "")
		res := r.runsToEnd(runInput())
		require.Equal(t, map[bool]int{false: 300, true: 100}[cancel], res.Totals.Rows(activities.ChargeSucceeded))
		require.Equal(t, map[bool]int{false: 0, true: 200}[cancel], res.Totals.Rows(activities.RowNotCharged))
	}
}

// TestRunIsNotCanceledWhileItReports: everything is charged; success wins.
func TestRunIsNotCanceledWhileItReports(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.reports = time.Hour
	r.operateAt(30*time.Minute, workflows.UpdateCancel, workflows.RunOperation{}, "cancel: the run is reporting")
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
}
