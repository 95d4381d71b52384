package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunSlowsDownAndComesBack: 429s make the later pages slower, once per pace, and the pace comes back.
func TestRunSlowsDownAndComesBack(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 4000)
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		res, err := allSucceed(in, try)
		if in.Number == 3 {
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
	require.InDelta(t, 15, r.given()[39].Rate, 0.001)
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
	require.InDelta(t, 15, r.given()[0].Rate, 0)
	require.InDelta(t, 5, r.given()[9].Rate, 0)
}

// TestRunGetsItsRateBack: another run had left a third of what was asked for. When it has ended, the pace comes back step by step.
// Other runs learn of both.
func TestRunGetsItsRateBack(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 34_000)
	r.turn = func(try int, res *activities.TakeTurnResult) error {
		if try == 0 {
			res.Rate = 5
		}
		return nil
	}
	r.at(time.Minute, func() {
		require.InDelta(t, 5, r.status().Rate, 0)
		require.InDelta(t, 15, r.status().WantedRate, 0)
	})
	r.runsToEnd(runInput(func(in *workflows.BillingRunInput) { in.Rate = 15 }))
	require.InDelta(t, 5, r.given()[299].Rate, 0)
	require.InDelta(t, 5+15*0.05, r.given()[305].Rate, 0.76)
	require.InDelta(t, 15, r.given()[339].Rate, 0.001)
	require.Equal(t, []float64{5, 15}, r.rates)
	require.Equal(t, 2, r.calls["turn"])
}

// TestRunRateIsSetWhileItAsksForItsTurn: what the operator says holds.
func TestRunRateIsSetWhileItAsksForItsTurn(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 1000)
	r.turns = time.Minute
	r.operateAt(30*time.Second, workflows.UpdateSetRate, workflows.RunOperation{Rate: 5}, "")
	r.at(2*time.Minute, func() { require.InDelta(t, 5, r.status().Rate, 0) })
	r.runsToEnd(runInput(func(in *workflows.BillingRunInput) { in.Rate = 15 }))
	require.Equal(t, []float64{5}, r.rates)
	for _, p := range r.pages {
		require.InDelta(t, 5, p.Rate, 0)
	}
}

// TestRunKeepsNoTimeForWhatIsDone: rows that the look-back found take no part of the pace: a page never waits long at its worker.
func TestRunKeepsNoTimeForWhatIsDone(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 3000)
	r.index, r.takes = knownPages(20), time.Millisecond
	r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
		if in.Number == 19 {
			r.takes = 13 * time.Second // as long as two pages last, of which one waits for the other
		}
		return allSucceed(in, try)
	}
	r.runsToEnd(runInput())
	for _, p := range r.given()[:25] {
		require.LessOrEqual(t, p.T0.Sub(p.at), 10*time.Second, "page %d", p.Number)
	}
}

// knownPages lets the look-back have found all rows of the first pages.
func knownPages(n int) func(int, *activities.ReadRunPagesResult) error {
	return func(_ int, res *activities.ReadRunPagesResult) error {
		for i := range res.Pages {
			if res.Pages[i].Number < n {
				res.Pages[i].Known = res.Pages[i].Rows
			}
		}
		return nil
	}
}
