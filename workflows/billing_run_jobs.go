package workflows

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// runJob is an activity under way beside the pages; take takes its result.
type runJob struct {
	done workflow.Future
	take func(ctx workflow.Context)
	// cancel ends it early; a report is never ended so.
	cancel workflow.CancelFunc
}

var billingRuns *activities.BillingRuns

// The options of a run's activities. Validation, look-back and report read and write whole files, and tell how far they are by
// heartbeats; a worker that dies holds them up for a minute.
var (
	runFileOptions = workflow.ActivityOptions{
		StartToCloseTimeout: 6 * time.Hour, ScheduleToCloseTimeout: 12 * time.Hour, HeartbeatTimeout: time.Minute, RetryPolicy: patientForAnHour,
	}
	runReadOptions = workflow.ActivityOptions{StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
)

// begin starts an activity; take takes its result when the main loop comes to it.
func begin[In, Out any](
	ctx workflow.Context, r *billingRun, o workflow.ActivityOptions, fn func(context.Context, In) (Out, error), in In,
	take func(ctx workflow.Context, out Out, err error),
) {
	ctx, cancel := workflow.WithCancel(ctx)
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), fn, in)
	r.undelivered++
	r.job = &runJob{done: future, cancel: cancel, take: func(ctx workflow.Context) {
		var out Out
		err := future.Get(ctx, &out)
		take(ctx, out, err)
	}}
}

// failed tries again by itself what could not be done, and shows that a person may have to look.
func (r *billingRun) failed(ctx workflow.Context, what string, err error) {
	reason := RunReasonFilesUnavailable
	switch errorType(err) {
	case activities.ErrorStripeUnauthorized:
		reason = RunReasonUnauthorized
	case activities.ErrorRunFiles:
	default:
		reason = attentionReason(err)
	}
	workflow.GetLogger(ctx).Error("billing run: "+what+" failed", "error_type", errorType(err))
	tries := r.st.Tries
	if r.st.EndAs == "" && r.st.State != RunReporting && r.st.State != RunQueued {
		r.stop(ctx, RunNeedsAttention, reason, "")
	}
	r.st.Tries = tries + 1
	r.st.RetryAt = workflow.Now(ctx).Add(pollDelay(tries+1, r.in.Reference)).UTC()
}

func (r *billingRun) startValidation(ctx workflow.Context) {
	in := activities.ValidateManifestInput{RunFile: r.file(), PageSize: r.in.PageSize, Rate: r.st.WantedRate}
	begin(ctx, r, runFileOptions, billingRuns.ValidateManifest, in, r.validated)
}

func (r *billingRun) validated(ctx workflow.Context, res activities.ValidateManifestResult, err error) {
	now := workflow.Now(ctx)
	if r.st.EndAs != "" {
		return
	}
	switch {
	case err != nil:
		r.failed(ctx, "reading its manifest", err)
		return
	case res.Missing && now.Before(r.in.ManifestDeadline):
		r.st.Reason = RunReasonManifestMissing
		r.st.RetryAt = earliest(now.Add(pollDelay(min(r.st.Tries, longestManifestPoll), r.in.Reference)).UTC(), r.in.ManifestDeadline)
		r.st.Tries++
		return
	case res.Missing:
		r.stop(ctx, RunNeedsAttention, RunReasonManifestMissing, "")
		return
	case res.Unreadable != "":
		r.stop(ctx, RunNeedsAttention, RunReasonManifestUnreadable, res.Unreadable)
		return
	}
	summary := res.ManifestSummary
	r.st.Summary = &summary
	switch {
	case summary.Rejected > 0 && r.in.OnInvalid == OnInvalidStop, summary.Rows == 0:
		r.stop(ctx, RunNeedsAttention, RunReasonManifestInvalid, "")
	case res.Live && r.lacksMaxTotal():
		r.stop(ctx, RunNeedsAttention, RunReasonMaxTotalRequired, "")
	default:
		r.next(ctx, stepLookBack)
	}
}

// longestManifestPoll is the number of the poll that a missing manifest is asked for at most: every hour.
const longestManifestPoll = 3

func (r *billingRun) lacksMaxTotal() bool {
	return slices.ContainsFunc(activities.SortedKeys(r.st.Summary.Totals), func(currency string) bool {
		_, ok := r.st.MaxTotal[currency]
		return !ok
	})
}

// startLookBack looks for earlier uses of the references; again before a run that has waited begins to charge, since other runs
// and payments have gone on meanwhile.
func (r *billingRun) startLookBack(ctx workflow.Context) {
	in := activities.LookBackRunInput{RunFile: r.file(), Since: workflow.Now(ctx).UTC().AddDate(0, 0, -r.in.LookBackDays)}
	begin(ctx, r, runFileOptions, billingRuns.LookBackRun, in, func(ctx workflow.Context, res activities.LookBackRunResult, err error) {
		switch {
		case r.st.EndAs != "":
		case err != nil:
			r.failed(ctx, "looking back", err)
		case res.Changed:
			r.stop(ctx, RunNeedsAttention, RunReasonFilesChanged, "")
		default:
			r.st.LookedBack, r.st.Waited = &res, false
			if r.st.Step == stepTurn || r.st.Step == stepCharge {
				return
			}
			if !r.in.Approve {
				r.next(ctx, stepTurn)
				return
			}
			r.st.Waited = true
			r.next(ctx, stepApprove)
			r.st.ApproveBy = workflow.Now(ctx).Add(approvalPatience).UTC()
			r.tell(ctx, r.message(ctx, activities.NotifyRunPaused))
		}
	})
}

// approvalPatience is how long an approval is awaited.
const approvalPatience = 7 * 24 * time.Hour

func (r *billingRun) startTurn(ctx workflow.Context) {
	in := activities.TakeTurnInput{Run: r.in.Reference, Rate: r.st.WantedRate, Concurrent: r.in.Concurrent}
	begin(ctx, r, runReadOptions, billingRuns.TakeTurn, in, func(ctx workflow.Context, res activities.TakeTurnResult, err error) {
		now := workflow.Now(ctx)
		switch {
		case r.st.EndAs != "" || r.st.State != RunQueued:
		case err != nil:
			r.failed(ctx, "asking for its turn", err)
		case !res.Turn:
			r.st.WaitsFor, r.st.Waited, r.st.TurnSeen = res.WaitsFor, true, false
			r.st.RetryAt = now.Add(turnDelay(r.st.Tries)).UTC()
			r.st.Tries++
		case res.Others && !r.st.TurnSeen:
			// Two that ask at the same moment do not see each other yet.
			r.st.TurnSeen = true
			r.st.RetryAt = now.Add(turnSettles).UTC()
		default:
			r.st.WaitsFor, r.st.Limit = "", res.Limit
			if r.st.WantedRate == 0 {
				r.st.WantedRate = res.Limit
			}
			r.st.TurnSeen = false
			r.st.Rate = min(res.Rate, r.st.WantedRate) // it may have been set meanwhile
			r.grant(ctx, r.st.Rate)
			r.askedForMore = true
			if r.st.ChargingSince.IsZero() {
				r.st.ChargingSince = now.UTC()
			}
			r.next(ctx, stepCharge)
		}
	})
}

// turnSettles is how much later a turn is asked for again before it is taken, when there are other runs.
const turnSettles = 5 * time.Second

// lacksRate reports whether another run had left less than was asked for.
func (r *billingRun) lacksRate() bool { return r.st.Granted < min(r.st.WantedRate, r.st.Limit) }

// askForMore asks whether there is more left by now.
func (r *billingRun) askForMore(ctx workflow.Context) {
	r.askedForMore = true
	in := activities.TakeTurnInput{Run: r.in.Reference, Rate: r.st.WantedRate, Concurrent: r.in.Concurrent}
	begin(ctx, r, runReadOptions, billingRuns.TakeTurn, in, func(ctx workflow.Context, res activities.TakeTurnResult, err error) {
		if rate := min(res.Rate, r.st.WantedRate); err == nil && res.Turn && rate > r.st.Granted {
			r.grant(ctx, rate) // the pace gets there step by step
		}
	})
}

// grant notes how many charges per second the run may make, and lets other runs know.
func (r *billingRun) grant(ctx workflow.Context, rate float64) {
	r.st.Granted = rate
	known := cmp.Or(r.st.KnownRate, r.in.Rate, r.st.Limit)
	if rate == known {
		return
	}
	r.st.KnownRate = rate
	if err := workflow.UpsertMemo(ctx, map[string]any{MemoRate: rate}); err != nil {
		panic(err) // a number can be written
	}
}

// turnDelay is how long a queued run waits before it asks again.
func turnDelay(tries int) time.Duration {
	const often, soon, later = 12, 10 * time.Second, time.Minute
	if tries < often {
		return soon
	}
	return later
}

func (r *billingRun) startIndex(ctx workflow.Context) {
	in := activities.ReadRunPagesInput{RunFile: r.file(), From: r.st.NextPage, Count: pagesPerRun}
	begin(ctx, r, runReadOptions, billingRuns.ReadRunPages, in, func(ctx workflow.Context, res activities.ReadRunPagesResult, err error) {
		switch {
		case r.st.EndAs != "" || r.st.State != RunCharging: // it is read again when the run goes on
		case err != nil:
			r.failed(ctx, "reading its index", err)
		case res.Changed || len(res.Pages) == 0:
			r.stop(ctx, RunNeedsAttention, RunReasonFilesChanged, "")
		default:
			r.index, r.indexed = res.Pages, true
		}
	})
}

func (r *billingRun) startReport(ctx workflow.Context) {
	state := RunCompleted
	if r.st.EndAs != "" {
		state = r.st.EndAs
	}
	if r.st.EndReason == RunReasonFilesChanged {
		r.end(ctx) // what it would be made of has changed
		return
	}
	in := activities.WriteRunReportInput{RunFile: r.file(), CreatedAt: r.st.StartedAt, EndedAt: workflow.Now(ctx).UTC(), State: string(state)}
	begin(ctx, r, runFileOptions, billingRuns.WriteRunReport, in, func(ctx workflow.Context, res activities.RunReport, err error) {
		if err != nil && r.st.Tries < reportTries {
			r.failed(ctx, "writing its report", err)
			return
		}
		if err != nil {
			// Nothing is lost: the pages' results are there, and `run report` joins them.
			workflow.GetLogger(ctx).Error("billing run: its report is not written", "error_type", errorType(err))
		}
		if all := r.allTotals(); err == nil && !res.Totals.Equal(all) {
			workflow.GetLogger(ctx).Error("billing run: its report does not add up", "report", res.Totals, "run", all)
			r.st.EndReason = RunReasonReportDiffers
		}
		r.st.ReportCSV, r.st.ReportJSON = res.CSV, res.JSON
		r.end(ctx)
	})
}

// reportTries is how often writing the report is begun; each one lasts up to an hour.
const reportTries = 3
