package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// openRuns are the runs that have not ended.
type openRuns struct {
	activities.Workflows
	open []activities.OpenRun
	err  error
}

func (o *openRuns) OpenRuns(context.Context) ([]activities.OpenRun, error) { return o.open, o.err }

// TestTakeTurn: the limit is 15 a second.
func TestTakeTurn(t *testing.T) {
	t.Parallel()
	started := func(minute int, reference string, state workflows.RunState) activities.OpenRun {
		return activities.OpenRun{Reference: reference, State: string(state), StartedAt: now.Add(time.Duration(minute) * time.Minute)}
	}
	beside := func(rate float64, run activities.OpenRun) activities.OpenRun {
		run.Rate, run.Concurrent = rate, true
		return run
	}
	slow := func(rate float64, run activities.OpenRun) activities.OpenRun {
		run.Rate = rate
		return run
	}
	ask := activities.TakeTurnInput{Run: "me"}
	at := func(rate float64) activities.TakeTurnInput { return activities.TakeTurnInput{Run: "me", Rate: rate} }
	concurrent := func(rate float64) activities.TakeTurnInput {
		return activities.TakeTurnInput{Run: "me", Rate: rate, Concurrent: true}
	}
	me := started(10, "me", workflows.RunQueued)
	for name, test := range map[string]struct {
		open     []activities.OpenRun
		in       activities.TakeTurnInput
		rate     float64
		waitsFor string
	}{
		"Alone":                          {[]activities.OpenRun{me}, ask, 15, ""},
		"AloneAtARate":                   {[]activities.OpenRun{me}, at(4), 4, ""},
		"AloneAboveTheLimit":             {[]activities.OpenRun{me}, at(100), 15, ""},
		"NotVisibleYet":                  {nil, ask, 15, ""},
		"OneCharges":                     {[]activities.OpenRun{started(20, "a", workflows.RunCharging), me}, ask, 0, "a"},
		"OneIsPaused":                    {[]activities.OpenRun{started(5, "a", workflows.RunPaused), me}, ask, 0, "a"},
		"OneReports":                     {[]activities.OpenRun{started(5, "a", workflows.RunReporting), me}, ask, 0, "a"},
		"OneChargesSlowly":               {[]activities.OpenRun{slow(1, started(5, "a", workflows.RunCharging)), me}, at(1), 0, "a"},
		"OneValidates":                   {[]activities.OpenRun{started(5, "a", workflows.RunValidating), me}, ask, 15, ""},
		"OneAwaitsApproval":              {[]activities.OpenRun{started(5, "a", workflows.RunAwaitingApproval), me}, ask, 15, ""},
		"OneNeedsAttention":              {[]activities.OpenRun{started(5, "a", workflows.RunNeedsAttention), me}, ask, 15, ""},
		"AnOlderOneWaits":                {[]activities.OpenRun{me, started(5, "a", workflows.RunQueued)}, ask, 0, "a"},
		"AYoungerOneWaits":               {[]activities.OpenRun{me, started(15, "a", workflows.RunQueued)}, ask, 15, ""},
		"TwoOfOneMoment":                 {[]activities.OpenRun{me, started(10, "me-too", workflows.RunQueued)}, ask, 15, ""},
		"TwoOfOneMomentTheOther":         {[]activities.OpenRun{me, started(10, "a", workflows.RunQueued)}, ask, 0, "a"},
		"TheOneThatChargesIsNamedFirst":  {[]activities.OpenRun{started(1, "a", workflows.RunQueued), started(2, "b", workflows.RunCharging), me}, ask, 0, "b"},
		"NotVisibleYetAndOthersWait":     {[]activities.OpenRun{started(50, "a", workflows.RunQueued)}, ask, 0, "a"},
		"BesideAConcurrentOne":           {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunCharging)), me}, ask, 10, ""},
		"BesideAPausedConcurrentOne":     {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunPaused)), me}, ask, 10, ""},
		"BesideAConcurrentOneAtARate":    {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunCharging)), me}, at(4), 4, ""},
		"ConcurrentOnesTakeAll":          {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunCharging)), beside(10, started(2, "b", workflows.RunCharging)), me}, ask, 0, "a"},
		"AConcurrentOneThatWaits":        {[]activities.OpenRun{beside(15, started(1, "a", workflows.RunQueued)), me}, ask, 15, ""},
		"AConcurrentOneThatReports":      {[]activities.OpenRun{beside(15, started(1, "a", workflows.RunReporting)), me}, ask, 15, ""},
		"ConcurrentAlone":                {[]activities.OpenRun{me}, concurrent(5), 5, ""},
		"ConcurrentThatFits":             {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunCharging)), slow(5, started(2, "b", workflows.RunCharging)), me}, concurrent(5), 5, ""},
		"ConcurrentThatDoesNotFit":       {[]activities.OpenRun{beside(5, started(1, "a", workflows.RunCharging)), slow(5, started(2, "b", workflows.RunPaused)), me}, concurrent(5.1), 0, "a"},
		"ConcurrentBesideOneThatHasAll":  {[]activities.OpenRun{started(1, "a", workflows.RunCharging), me}, concurrent(1), 0, "a"},
		"ConcurrentPassesOnesThatWait":   {[]activities.OpenRun{started(1, "a", workflows.RunQueued), me}, concurrent(15), 15, ""},
		"ConcurrentAfterAnOlderOne":      {[]activities.OpenRun{beside(10, started(1, "a", workflows.RunQueued)), me}, concurrent(10), 0, "a"},
		"ConcurrentPassesOneThatCannot":  {[]activities.OpenRun{beside(10, started(1, "a", workflows.RunCharging)), beside(10, started(2, "b", workflows.RunQueued)), me}, concurrent(5), 5, ""},
		"ConcurrentBeforeAYoungerOne":    {[]activities.OpenRun{beside(10, started(11, "a", workflows.RunQueued)), me}, concurrent(10), 10, ""},
		"RatesThatAddUpWithRounding":     {[]activities.OpenRun{beside(5.1, started(1, "a", workflows.RunCharging)), beside(4.8, started(1, "b", workflows.RunCharging)), me}, concurrent(5.1), 5.1, ""},
		"ConcurrentAboveTheLimitIsBound": {[]activities.OpenRun{me}, concurrent(20), 15, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acts := activities.New(activities.Ports{Workflows: &openRuns{open: test.open}, RunRateLimit: 15})
			res, err := do(t, &run{}, acts.Runs.TakeTurn, test.in)
			require.NoError(t, err)
			require.Equal(t, test.waitsFor == "", res.Turn)
			require.Equal(t, test.waitsFor, res.WaitsFor)
			require.InDelta(t, test.rate, res.Rate, 1e-6)
			require.InDelta(t, 15, res.Limit, 0)
		})
	}
}

func TestTakeTurnWithoutTemporal(t *testing.T) {
	t.Parallel()
	acts := activities.New(activities.Ports{Workflows: &openRuns{err: errors.New("unavailable")}, RunRateLimit: 15})
	_, err := do(t, &run{}, acts.Runs.TakeTurn, activities.TakeTurnInput{Run: "me"})
	requireError(t, err, activities.ErrorWorkflowUnavailable, true)
}
