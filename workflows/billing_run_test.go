package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunChargesEveryPageOnce: the pages come one after the other, each in its slots.
func TestRunChargesEveryPageOnce(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1050)
	res := r.runsToEnd(runInput())
	require.Equal(t, runCompleted, res.State)
	require.Equal(t, 1050, res.Totals.Rows(activities.ChargeSucceeded))
	require.Equal(t, "s3://bucket/july.csv.july.report.csv", res.ReportCSV)
	require.Len(t, r.pages, 11)
	given := r.given()
	for i, p := range given {
		require.Equal(t, i, p.Number)
		require.InDelta(t, 15, p.Rate, 0)
		if i > 0 {
			before := given[i-1]
			require.False(t, p.T0.Before(before.T0.Add(time.Duration(float64(before.Rows)/15*float64(time.Second)))), "page %d has a slot of page %d", i, i-1)
		}
	}
	require.Equal(t, []string{"run_completed completed "}, r.notes)
}

// TestRunContinuesAsNew: after 300 pages, with the pace unbroken, in each run.
func TestRunContinuesAsNew(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 70_000)
	r.rate, r.takes = 100_000, time.Millisecond
	r.turn = func(_ int, res *activities.TakeTurnResult) error { res.Rate, res.Limit = 100_000, 100_000; return nil }
	res := r.runsToEnd(runInput())
	require.Equal(t, 70_000, res.Totals.Rows(activities.ChargeSucceeded))
	require.Equal(t, 3, r.runs)
	require.Len(t, r.pages, 700)
	require.Equal(t, 3, r.calls["index"])
	require.Equal(t, 1, r.calls["turn"])
}

// TestRunJudgesTheFirstRows: nothing but the first 200 rows is begun before those are done.
func TestRunJudgesTheFirstRows(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 2000)
	r.turn = func(_ int, res *activities.TakeTurnResult) error { res.Rate, res.Limit = 10_000, 10_000; return nil }
	r.at(time.Second, func() { require.Empty(t, r.status().Totals); require.Equal(t, 2, r.status().InFlight) })
	r.at(10*time.Second, func() { require.Equal(t, 16, r.status().InFlight, "the window") })
	r.runsToEnd(runInput())
}

// TestRunPauses: an operator's pause lets the pages under way finish, and resuming goes on with the next.
func TestRunPauses(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.operateAt(16*time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
	r.expect(time.Hour, runPaused, workflows.RunReasonOperator)
	r.at(time.Hour, func() { require.Zero(t, r.status().InFlight) })
	r.operateAt(time.Hour+time.Second, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "0123456789abcdef"}, "the run is paused (operator)")
	r.operateAt(2*time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	res := r.runsToEnd(runInput())
	require.Equal(t, 1000, res.Totals.Rows(activities.ChargeSucceeded))
	require.Len(t, r.pages, 10)
	require.Len(t, r.status().Audit, 2)
}

// TestRunIsCanceled: whatever it does at that moment, what is under way is finished, and the rest is not charged.
func TestRunIsCanceled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rows    int
		set     func(r *runBench, in *workflows.BillingRunInput)
		at      time.Duration
		charged int
		report  int
		closed  int
	}{
		"charging":            {at: 16 * time.Second, charged: 600, report: 1},
		"paused":              {set: func(r *runBench, _ *workflows.BillingRunInput) { r.charge = declines(90) }, at: time.Hour, charged: 200, report: 1},
		"awaiting approval":   {set: func(_ *runBench, in *workflows.BillingRunInput) { in.Approve = true }, at: time.Hour, report: 1},
		"queued":              {set: func(r *runBench, _ *workflows.BillingRunInput) { r.turn = notYet(1000) }, at: time.Hour, report: 1},
		"a page that stopped": {set: func(r *runBench, _ *workflows.BillingRunInput) { r.charge = unauthorizedOnce }, at: time.Hour, charged: 100, report: 1, closed: 1},
		"files changed": {set: func(r *runBench, _ *workflows.BillingRunInput) {
			r.index = func(_ int, res *activities.ReadRunPagesResult) error { res.Changed = true; return nil }
		}, at: time.Hour, report: 1},
		"the manifest invalid": {set: func(r *runBench, _ *workflows.BillingRunInput) { r.validate = rejects }, at: time.Hour},
		"the manifest missing": {set: func(r *runBench, in *workflows.BillingRunInput) {
			r.validate = missingFor(1000)
			in.ManifestDeadline = benchStart.Add(24 * time.Hour)
		}, at: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 1000)
			in := runInput()
			if test.set != nil {
				test.set(r, &in)
			}
			r.at(test.at, func() { r.operate(workflows.UpdateCancel, workflows.RunOperation{}) })
			res := r.runsToEnd(in)
			require.Equal(t, runCanceled, res.State)
			require.Equal(t, workflows.RunReasonOperator, res.Reason)
			require.Equal(t, test.report, r.calls["report"])
			if test.report > 0 {
				require.Equal(t, 1000-test.charged, res.Totals.Rows(activities.RowNotCharged))
			}
			closed := 0
			for _, p := range r.pages {
				if p.Closing {
					closed++
				}
			}
			require.Equal(t, test.closed, closed)
		})
	}
}

// TestRunIsCanceledAfterItsFilesHaveChanged: what became of a page under way cannot be found out. The run ends, and does not say
// that nothing was charged.
func TestRunIsCanceledAfterItsFilesHaveChanged(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		if in.Number == 1 {
			return activities.ChargePageResult{Stopped: activities.StoppedChanged}, nil
		}
		return allSucceed(in, try)
	}
	r.closed = r.charge
	r.expect(time.Hour, runAttention, workflows.RunReasonFilesChanged)
	r.operateAt(time.Hour, workflows.UpdateCancel, workflows.RunOperation{}, "")
	res := r.runsToEnd(runInput())
	require.Equal(t, runCanceled, res.State)
	require.Equal(t, workflows.RunReasonFilesChanged, res.Reason)
	require.Equal(t, 100, res.Totals.Rows(activities.ChargeUnknown), "%v", res.Totals)
	require.Equal(t, 800, res.Totals.Rows(activities.RowNotCharged), "%v", res.Totals)
	require.Zero(t, r.calls["report"])
	require.Len(t, r.pages, 2+5, "it was read again, should somebody bring it back")
}

func unauthorizedOnce(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
	if in.Number == 1 && try == 0 {
		return activities.ChargePageResult{Stopped: activities.StoppedUnauthorized}, nil
	}
	return allSucceed(in, try)
}

func rejects(_ int, res *activities.ValidateManifestResult) error {
	res.Rows, res.Rejected, res.Problems = res.Rows-1, 1, []activities.RunProblem{{Line: 7, Column: "amount", Value: "x", Rule: "a whole number"}}
	res.Totals["usd"] -= 1000
	res.Counts["usd"]--
	return nil
}

func missingFor(tries int) func(int, *activities.ValidateManifestResult) error {
	return func(try int, res *activities.ValidateManifestResult) error {
		if try < tries {
			*res = activities.ValidateManifestResult{Missing: true}
		}
		return nil
	}
}

func notYet(tries int) func(int, *activities.TakeTurnResult) error {
	return func(try int, res *activities.TakeTurnResult) error {
		if try < tries {
			*res = activities.TakeTurnResult{WaitsFor: "june", Limit: 15}
		}
		return nil
	}
}

// TestRunFaults: what cannot be done is shown, and tried again by itself.
func TestRunFaults(t *testing.T) {
	t.Parallel()
	down := temporal.NewNonRetryableApplicationError("down", activities.ErrorRunFiles, errDown)
	locked := temporal.NewNonRetryableApplicationError("401", activities.ErrorStripeUnauthorized, nil)
	for name, test := range map[string]struct {
		set    func(r *runBench)
		state  workflows.RunState
		reason string
	}{
		"validation": {set: func(r *runBench) {
			r.validate = func(try int, _ *activities.ValidateManifestResult) error { return once(try, down) }
		}, state: runAttention, reason: workflows.RunReasonFilesUnavailable},
		"look-back": {set: func(r *runBench) { r.lookBack = func(try int) error { return once(try, locked) } }, state: runAttention, reason: workflows.RunReasonUnauthorized},
		"index": {set: func(r *runBench) {
			r.index = func(try int, _ *activities.ReadRunPagesResult) error { return once(try, down) }
		}, state: runAttention, reason: workflows.RunReasonFilesUnavailable},
		"turn": {set: func(r *runBench) {
			r.turn = func(try int, _ *activities.TakeTurnResult) error { return once(try, down) }
		}, state: runQueued},
		"report": {set: func(r *runBench) { r.report = func(try int) error { return once(try, down) } }, state: workflows.RunReporting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 300)
			test.set(r)
			r.expect(time.Minute, test.state, test.reason)
			res := r.runsToEnd(runInput())
			require.Equal(t, runCompleted, res.State)
			require.NotEmpty(t, res.ReportCSV)
		})
	}
}

func once(try int, err error) error {
	if try == 0 {
		return err
	}
	return nil
}

// TestRunEndsWithoutItsReport: every row is accounted for all the same.
func TestRunEndsWithoutItsReport(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.report = func(int) error {
		return temporal.NewNonRetryableApplicationError("full", activities.ErrorRunFiles, nil)
	}
	res := r.runsToEnd(runInput())
	require.Equal(t, runCompleted, res.State)
	require.Empty(t, res.ReportCSV)
	require.Equal(t, 300, res.Totals.Rows(activities.ChargeSucceeded))
}

// TestRunPageStopsWithItsLastRow: it is done, and the run stops all the same.
func TestRunPageStopsWithItsLastRow(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		if in.Number == 1 {
			res = pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeRefused: 20})
			res.Stopped, res.StoppedCode = activities.StoppedAlike, "amount_too_small"
		}
		return res, err
	}
	r.expect(time.Hour, runPaused, workflows.RunReasonFailingAlike)
	r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	res := r.runsToEnd(runInput())
	require.Len(t, r.pages, 3)
	require.Equal(t, 20, res.Totals.Rows(activities.ChargeRefused))
}

// TestRunPausesWhileItReads: what fails then is tried again after the pause.
func TestRunPausesWhileItReads(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.indexes = time.Minute
	r.index = func(try int, _ *activities.ReadRunPagesResult) error {
		return once(try, temporal.NewNonRetryableApplicationError("down", activities.ErrorRunFiles, nil))
	}
	r.operateAt(10*time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
	r.expect(time.Hour, runPaused, workflows.RunReasonOperator)
	r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
}

// TestRunDoesNotWaitForMessages: while the app is gone, the pages beyond the first 300 are charged all the same.
func TestRunDoesNotWaitForMessages(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 70_000)
	r.rate, r.takes, r.tells = 100_000, time.Millisecond, 20*time.Hour
	r.turn = func(_ int, res *activities.TakeTurnResult) error { res.Rate, res.Limit = 100_000, 100_000; return nil }
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		if in.Number == 0 && try == 0 {
			res = activities.ChargePageResult{Stopped: activities.StoppedUnauthorized}
		}
		return res, err
	}
	r.operateAt(time.Minute, workflows.UpdateResume, workflows.RunOperation{}, "")
	r.at(time.Hour, func() { require.Equal(t, 700, r.status().PagesDone) })
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
}

// TestRunReportDiffers: a report that does not add up is shown.
func TestRunReportDiffers(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.lost = true
	res := r.runsToEnd(runInput())
	require.Equal(t, runCompleted, res.State)
	require.Equal(t, workflows.RunReasonReportDiffers, res.Reason)
}

// TestRunIsCanceledWhileItReads: nobody waits for the end of a look-back.
func TestRunIsCanceledWhileItReads(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.reads = 5 * time.Hour
	r.operateAt(time.Hour, workflows.UpdateCancel, workflows.RunOperation{}, "")
	require.Equal(t, runCanceled, r.runsToEnd(runInput()).State)
	require.Less(t, r.env.Now().Sub(benchStart), 2*time.Hour)
}

// TestRunPageIsSlow: it is shown, and the run goes on by itself.
func TestRunPageIsSlow(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 500)
	r.takes = 2 * time.Hour
	r.expect(90*time.Minute, runCharging, workflows.RunReasonPageSlow)
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
	require.Contains(t, r.notes, "run_paused charging page_slow")
}

// TestRunRemindsTheApp: money waits to be collected.
func TestRunRemindsTheApp(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.charge = declines(90)
	r.at(50*time.Hour, func() {
		require.Len(t, r.notes, 3)
		r.operate(workflows.UpdateCancel, workflows.RunOperation{})
	})
	r.runsToEnd(runInput())
}

// TestRunIsCanceledByTemporal: a cancellation request is the Update cancel.
func TestRunIsCanceledByTemporal(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.at(16*time.Second, func() { r.env.CancelWorkflow() })
	res := r.runsToEnd(runInput())
	require.Equal(t, runCanceled, res.State)
	require.Equal(t, 400, res.Totals.Rows(activities.RowNotCharged))
	require.Equal(t, "temporal", r.status().Audit[0].Actor)
}

// TestRunContinuesAsNewInEveryState: the next run goes on as the old one would have.
func TestRunContinuesAsNewInEveryState(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(r *runBench, in *workflows.BillingRunInput){
		"missing": func(r *runBench, in *workflows.BillingRunInput) {
			r.validate = missingFor(4)
			in.ManifestDeadline = benchStart.Add(24 * time.Hour)
		},
		"approval": func(r *runBench, in *workflows.BillingRunInput) {
			in.Approve = true
			r.operateAt(10*time.Minute, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "0123456789abcdef"}, "")
		},
		"queued":   func(r *runBench, _ *workflows.BillingRunInput) { r.turn = notYet(20) },
		"charging": func(*runBench, *workflows.BillingRunInput) {},
		"paused": func(r *runBench, _ *workflows.BillingRunInput) {
			r.operateAt(15*time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
			r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
		},
		"stopped": func(r *runBench, _ *workflows.BillingRunInput) {
			r.charge = unauthorizedOnce
			r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
		},
		"needs attention": func(r *runBench, _ *workflows.BillingRunInput) {
			r.lookBack = func(try int) error {
				return once(try, temporal.NewNonRetryableApplicationError("401", activities.ErrorStripeUnauthorized, nil))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 1000)
			in := runInput()
			set(r, &in)
			for _, at := range []time.Duration{5 * time.Second, 20 * time.Second, 40 * time.Second, 2 * time.Minute} {
				r.continueAsNew(at)
			}
			res := r.runsToEnd(in)
			require.Equal(t, runCompleted, res.State)
			require.Equal(t, 1000, res.Totals.Rows(activities.ChargeSucceeded))
			require.Len(t, r.given(), 10)
			require.Greater(t, r.runs, 1)
		})
	}
}
