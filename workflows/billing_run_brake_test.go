package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

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
		pages  int // given out until then; 0 when that depends on their order
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
		}, state: runPaused, reason: workflows.RunReasonDeclineRate, given: 30},
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
				if test.pages > 0 {
					require.Len(t, r.pages, test.pages)
				}
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

// TestRunBrakeForgivesEarlierRuns: what an earlier run has failed to charge says nothing about this one, and does not count as the
// first rows.
func TestRunBrakeForgivesEarlierRuns(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 2000)
	r.index = knownPages(10)
	r.charge = func(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
		res := pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeDeclined: in.Rows})
		if in.Known > 0 {
			res.Judged, res.Failed = 0, 0
		}
		return res, nil
	}
	r.expect(time.Hour, runPaused, workflows.RunReasonDeclineRate)
	r.at(time.Hour, func() {
		require.Len(t, r.pages, 12)
		r.operate(workflows.UpdateCancel, workflows.RunOperation{})
	})
	r.runsToEnd(runInput())
}

// TestRunBrakeStaysSmall: a run of rows that were all charged before carries nothing of them.
func TestRunBrakeStaysSmall(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 200_000)
	r.rate, r.takes = 100_000, time.Millisecond
	r.turn = func(_ int, res *activities.TakeTurnResult) error { res.Rate, res.Limit = 100_000, 100_000; return nil }
	r.index = knownPages(2000)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		res.Judged = 0
		return res, err
	}
	r.runsToEnd(runInput()) // which bounds the state
}
