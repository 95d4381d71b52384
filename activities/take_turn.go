package activities

import (
	"cmp"
	"context"
	"slices"

	"go.temporal.io/sdk/activity"
)

// The states of a billing run that a turn depends on, as package workflows names them: a run charges, is paused or writes its
// report after it had its turn, and queues before.
const (
	runQueued    = "queued"
	runCharging  = "charging"
	runPaused    = "paused"
	runReporting = "reporting"
)

// TakeTurn says whether a run may charge now: runs go one after the other, in the order of their starts, unless they are
// concurrent. Temporal's visibility tells which runs there are, a moment late. Errors: ErrorWorkflowUnavailable, retried.
func (b *BillingRuns) TakeTurn(ctx context.Context, in TakeTurnInput) (TakeTurnResult, error) {
	open, err := b.ports.Workflows.OpenRuns(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return TakeTurnResult{}, ctx.Err() //nolint:wrapcheck // Temporal knows it
		}
		activity.GetLogger(ctx).Warn("list of open billing runs", "error", err)
		return TakeTurnResult{}, workflowsUnavailable()
	}
	return turnAmong(open, in, b.ports.RunRateLimit), nil
}

// turnAmong decides. An older run that waits goes first, so that of two that ask at the same moment one is let through.
func turnAmong(open []OpenRun, in TakeTurnInput, limit float64) TakeTurnResult {
	slices.SortFunc(open, func(a, b OpenRun) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.Reference, b.Reference))
	})
	self := slices.IndexFunc(open, func(r OpenRun) bool { return r.Reference == in.Run })
	older := open
	if self >= 0 {
		older = open[:self]
		open = slices.Concat(older, open[self+1:])
	}
	wanted := paceOf(in.Rate, limit)
	result := TakeTurnResult{Limit: limit, Others: len(open) > 0}
	left := limit
	for _, run := range open {
		if charges(run) && (in.Concurrent || run.Concurrent) {
			left -= paceOf(run.Rate, limit)
			result.WaitsFor = cmp.Or(result.WaitsFor, run.Reference)
		}
	}
	if in.Concurrent {
		for _, run := range older {
			if run.State == runQueued && run.Concurrent && run.Rate <= left {
				left -= run.Rate
				result.WaitsFor = cmp.Or(result.WaitsFor, run.Reference)
			}
		}
		result.Rate, result.Turn = wanted, wanted <= left+roundingError
	} else {
		result.Rate, result.Turn = min(wanted, left), left > roundingError
		if first := firstOf(open, older); first != "" {
			result.Turn, result.WaitsFor = false, first
		}
	}
	if result.Turn {
		result.WaitsFor = ""
	} else {
		result.Rate = 0
	}
	return result
}

// roundingError is what sums of rates may be off, in rows per second.
const roundingError = 1e-6

// paceOf is the rate that a run with this input has, or will have, when it is alone.
func paceOf(rate, limit float64) float64 {
	if rate <= 0 {
		return limit
	}
	return min(rate, limit)
}

// charges reports whether the run sends, or may at any moment.
func charges(run OpenRun) bool { return run.State == runCharging || run.State == runPaused }

// firstOf is the reference of the run that has the turn of those that are not concurrent, or goes first; "" when none does.
func firstOf(open, older []OpenRun) string {
	for _, run := range open {
		if !run.Concurrent && (charges(run) || run.State == runReporting) {
			return run.Reference
		}
	}
	for _, run := range older {
		if !run.Concurrent && run.State == runQueued {
			return run.Reference
		}
	}
	return ""
}
