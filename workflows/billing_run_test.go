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
	for i, p := range r.pages {
		require.Equal(t, i, p.Number)
		require.InDelta(t, 15, p.Rate, 0)
		if i > 0 {
			before := r.pages[i-1]
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

// declines lets so many rows of every page be declined.
func declines(n int) func(activities.ChargePageInput, int) (activities.ChargePageResult, error) {
	return func(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
		return pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeDeclined: min(n, in.Rows)}), nil
	}
}

// TestRunBrake: each reason stops the run, nothing more is given out, and resuming goes on.
func TestRunBrake(t *testing.T) {
	t.Parallel()
	const rows = 3000
	stopped := func(reason string) func(activities.ChargePageInput, int) (activities.ChargePageResult, error) {
		return func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
			if in.Number == 1 && try == 0 {
				return activities.ChargePageResult{Stopped: reason, StoppedCode: "code"}, nil
			}
			return allSucceed(in, try)
		}
	}
	for name, test := range map[string]struct {
		charge func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error)
		change func(in *workflows.BillingRunInput)
		resume workflows.RunOperation
		state  workflows.RunState
		reason string
		code   string
		pages  int // given out until then
		given  int // in all
	}{
		"more than 40 % of the first 200": {charge: declines(41), state: runPaused, reason: workflows.RunReasonDeclineRate, pages: 2, given: 30},
		"more than the rate given": {
			charge: declines(11), change: func(in *workflows.BillingRunInput) { in.MaxDeclineRate = 0.1 },
			state: runPaused, reason: workflows.RunReasonDeclineRate, pages: 2, given: 30,
		},
		"later": {charge: func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
			if in.Number >= 10 && in.Number < 15 {
				return declines(90)(in, try)
			}
			return allSucceed(in, try)
		}, state: runPaused, reason: workflows.RunReasonDeclineRate, pages: 16, given: 30},
		"401":           {charge: stopped(activities.StoppedUnauthorized), state: runPaused, reason: workflows.RunReasonUnauthorized, code: "code", pages: 2, given: 31},
		"a page alike":  {charge: stopped(activities.StoppedAlike), state: runPaused, reason: workflows.RunReasonFailingAlike, code: "code", pages: 2, given: 31},
		"files changed": {charge: stopped(activities.StoppedChanged), state: runAttention, reason: workflows.RunReasonFilesChanged, pages: 2, given: 31},
		"alike over two pages": {charge: func(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
			res := pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeRefused: 10})
			switch in.Number {
			case 0:
				res.Last = &activities.FailureStreak{Code: "amount_too_small", Rows: 10}
			case 1:
				res.First = &activities.FailureStreak{Code: "amount_too_small", Rows: 10}
			}
			return res, nil
		}, state: runPaused, reason: workflows.RunReasonFailingAlike, code: "amount_too_small", pages: 2, given: 30},
		"a page that cannot be charged": {charge: func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
			if in.Number == 0 && try == 0 {
				return activities.ChargePageResult{}, temporal.NewNonRetryableApplicationError("bug", "offsession.Bug", nil)
			}
			return allSucceed(in, try)
		}, state: runAttention, reason: workflows.RunReasonPageFailed, code: "offsession.Bug", pages: 2, given: 31},
		"max_total": {
			charge: allSucceed, change: func(in *workflows.BillingRunInput) { in.MaxTotal = map[string]int64{"usd": 1_000_000} },
			resume: workflows.RunOperation{MaxTotal: map[string]int64{"usd": 3_000_000}},
			state:  runPaused, reason: workflows.RunReasonMaxTotal, code: "usd", pages: 10, given: 30,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, rows)
			r.charge = test.charge
			in := runInput()
			if test.change != nil {
				test.change(&in)
			}
			r.at(time.Hour, func() {
				s := r.status()
				require.Equal(t, test.state, s.State)
				require.Equal(t, test.reason, s.Reason)
				require.Equal(t, test.code, s.ReasonCode)
				require.Zero(t, s.InFlight)
				require.Len(t, r.pages, test.pages)
				require.Equal(t, []string{"run_paused " + string(test.state) + " " + test.reason}, r.notes)
				r.charge = allSucceed
				r.operate(workflows.UpdateResume, test.resume)
			})
			res := r.runsToEnd(in)
			require.Equal(t, runCompleted, res.State)
			require.Len(t, r.pages, test.given)
			require.Len(t, r.given(), 30)
		})
	}
}

// TestRunBrakeIsOff: with a rate of 1 everything may be declined.
func TestRunBrakeIsOff(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 2500)
	r.charge = declines(100)
	res := r.runsToEnd(runInput(func(in *workflows.BillingRunInput) { in.MaxDeclineRate = 1 }))
	require.Equal(t, 2500, res.Totals.Rows(activities.ChargeDeclined))
}

// TestRunSlowsDownAndComesBack: 429s make the later pages slower, once per pace, and the pace comes back.
func TestRunSlowsDownAndComesBack(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 4000)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		if in.Number == 3 || in.Number == 4 {
			res.RateLimited = 5
		}
		return res, err
	}
	r.runsToEnd(runInput())
	slowest := r.pages[0].Rate
	for _, p := range r.pages {
		slowest = min(slowest, p.Rate)
	}
	require.InDelta(t, 15*0.7, slowest, 0.001)
	require.InDelta(t, 15, r.pages[len(r.pages)-1].Rate, 0.001)
}

// TestRunForgivesStrayRateLimits: one answer in a hundred says nothing about the pace.
func TestRunForgivesStrayRateLimits(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 2000)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		res.RateLimited = 2
		return res, err
	}
	r.runsToEnd(runInput())
	for _, p := range r.pages {
		require.InDelta(t, 15, p.Rate, 0.001)
	}
}

// TestRunRateIsChanged: the pages from then on have another pace.
func TestRunRateIsChanged(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.operateAt(10*time.Second, workflows.UpdateSetRate, workflows.RunOperation{Rate: 5}, "")
	r.operateAt(11*time.Second, workflows.UpdateSetRate, workflows.RunOperation{Rate: 16}, "above the 15 charges per second")
	r.operateAt(12*time.Second, workflows.UpdateSetRate, workflows.RunOperation{Rate: 0}, "must be above 0")
	r.runsToEnd(runInput())
	require.InDelta(t, 15, r.pages[0].Rate, 0)
	require.InDelta(t, 5, r.pages[9].Rate, 0)
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

// TestRunValidation: what is wrong with a manifest stops the run before anything is charged, until a person resumes it.
func TestRunValidation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		validate func(try int, res *activities.ValidateManifestResult) error
		reason   string
		resume   workflows.RunOperation
	}{
		"rows are not allowed": {reason: workflows.RunReasonManifestInvalid, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				return rejects(try, res)
			}
			return nil
		}},
		"no rows": {reason: workflows.RunReasonManifestInvalid, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				*res = activities.ValidateManifestResult{}
			}
			return nil
		}},
		"missing": {reason: workflows.RunReasonManifestMissing, validate: missingFor(1)},
		"unreadable": {reason: workflows.RunReasonManifestUnreadable, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				*res = activities.ValidateManifestResult{Unreadable: "no credentials"}
			}
			return nil
		}},
		"live without max_total": {reason: workflows.RunReasonMaxTotalRequired, resume: workflows.RunOperation{MaxTotal: map[string]int64{"usd": 9_000_000}},
			validate: func(_ int, res *activities.ValidateManifestResult) error { res.Live = true; return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 300)
			r.validate = test.validate
			r.expect(time.Hour, runAttention, test.reason)
			r.at(time.Hour, func() {
				require.Empty(t, r.pages)
				require.Equal(t, []string{"run_paused needs_attention " + test.reason}, r.notes)
				r.operate(workflows.UpdateResume, test.resume)
			})
			res := r.runsToEnd(runInput())
			require.Equal(t, runCompleted, res.State)
			require.Equal(t, 300, res.Totals.Rows(activities.ChargeSucceeded))
		})
	}
}

// TestRunSkipsWhatIsNotAllowed: the other rows are charged, and those are counted as rejected.
func TestRunSkipsWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.validate = rejects
	r.index = func(_ int, res *activities.ReadRunPagesResult) error { res.Pages[2].Rows--; return nil }
	res := r.runsToEnd(runInput(func(in *workflows.BillingRunInput) { in.OnInvalid = workflows.OnInvalidSkip }))
	require.Equal(t, runCompleted, res.State)
	require.Equal(t, 299, res.Totals.Rows(activities.ChargeSucceeded))
	require.Equal(t, 1, res.Totals.Rows(activities.RowRejected))
}

// TestRunWaitsForItsManifest: until the deadline, then a person is asked.
func TestRunWaitsForItsManifest(t *testing.T) {
	t.Parallel()
	patient := func(in *workflows.BillingRunInput) { in.ManifestDeadline = benchStart.Add(6 * time.Hour) }
	t.Run("it comes", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.validate = missingFor(4)
		r.expect(30*time.Second, runValidating, workflows.RunReasonManifestMissing)
		require.Equal(t, runCompleted, r.runsToEnd(runInput(patient)).State)
	})
	t.Run("it does not", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.validate = missingFor(1000)
		r.expect(5*time.Hour+59*time.Minute, runValidating, workflows.RunReasonManifestMissing)
		r.expect(6*time.Hour+time.Minute, runAttention, workflows.RunReasonManifestMissing)
		r.operateAt(7*time.Hour, workflows.UpdateCancel, workflows.RunOperation{}, "")
		require.Equal(t, runCanceled, r.runsToEnd(runInput(patient)).State)
	})
}

// TestRunApproval: only the fingerprint of what was validated lets the run go on, for a week.
func TestRunApproval(t *testing.T) {
	t.Parallel()
	approve := func(in *workflows.BillingRunInput) { in.Approve = true }
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.expect(time.Hour, runApproval, "")
		r.operateAt(time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "abcdef0123456789"}, "begins with 0123456789ab")
		r.operateAt(time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "01234"}, "is not the manifest's")
		r.operateAt(2*time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "0123456789ABCDEF"}, "")
		res := r.runsToEnd(runInput(approve))
		require.Equal(t, runCompleted, res.State)
		require.Equal(t, 300, res.Totals.Rows(activities.ChargeSucceeded))
	})
	t.Run("not approved", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.expect(7*24*time.Hour-time.Minute, runApproval, "")
		res := r.runsToEnd(runInput(approve))
		require.Equal(t, runCanceled, res.State)
		require.Equal(t, workflows.RunReasonNotApproved, res.Reason)
		require.Equal(t, 300, res.Totals.Rows(activities.RowNotCharged))
	})
}

// TestRunTakesItsTurn: another run goes first; a pause while queued holds.
func TestRunTakesItsTurn(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.turn = notYet(20)
	r.expect(time.Minute, runQueued, "")
	r.at(time.Minute, func() { require.Equal(t, "june", r.status().WaitsFor) })
	r.operateAt(90*time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
	r.expect(time.Hour, runPaused, workflows.RunReasonOperator)
	r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	r.expect(time.Hour+time.Second, runQueued, "")
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
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
