package workflows

import (
	"math"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// billingRun is one run of the workflow: at most pagesPerRun pages.
type billingRun struct {
	entity
	in BillingRunInput
	st *runState
	// life is the id of the workflow's first run: the same after continue-as-new and a reset, and another one when the run's
	// reference is used again after Temporal has forgotten it.
	life string

	// job is what is under way beside the pages: reading the manifest, the look-back, the turn, the index, the report.
	job *runJob
	// pages are under way; index holds those to be charged next, and indexed says that it has been read in this run.
	pages   []*pageInFlight
	index   []activities.RunPage
	indexed bool
	// askedForMore says that this run of the workflow has asked for a higher rate.
	askedForMore bool
	// watch looks at pages that are not done in time.
	watch workflow.Future
}

// BillingRun charges a manifest of many amounts: it validates the manifest, charges it in pages at a given pace, and ends with a
// report that adds up to the manifest. A row that does not succeed is handed to a CollectPayment by the page. It ends as completed
// or canceled, and fails only when its input is wrong.
func BillingRun(ctx workflow.Context, in BillingRunInput) (BillingRunResult, error) {
	r, err := newBillingRun(ctx, in)
	if err != nil {
		return BillingRunResult{}, err
	}
	// A cancellation is a request like any other: what is under way is finished.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := r.handleMessages(ctx); err != nil {
		return BillingRunResult{}, err
	}
	r.listen(ctx)
	r.waiting = r.ready
	again, err := r.mainLoop(detached, r)
	switch {
	case err != nil:
		return BillingRunResult{}, err
	case again:
		return BillingRunResult{}, continueAsNew(ctx, TypeBillingRun, r.carry())
	}
	return BillingRunResult{
		State: r.st.State, Reason: r.st.Reason, Totals: r.allTotals(), ReportCSV: r.st.ReportCSV, ReportJSON: r.st.ReportJSON,
	}, nil
}

func newBillingRun(ctx workflow.Context, in BillingRunInput) (*billingRun, error) {
	in = in.full()
	if err := CheckRunReference(in.Reference); err != nil {
		return nil, invalidInput(err)
	}
	st := in.Carried
	if st == nil {
		st = &runState{
			Version: runStateVersion, State: RunValidating, Step: stepValidate,
			StartedAt: workflow.GetInfo(ctx).WorkflowStartTime.UTC(), WantedRate: in.Rate, MaxTotal: in.MaxTotal,
		}
	}
	checkVersion(st.Version, runStateVersion)
	in.Carried, in.MaxTotal = nil, nil
	info := workflow.GetInfo(ctx)
	st.Reset = st.Reset || info.OriginalRunID != "" && info.OriginalRunID != info.WorkflowExecution.RunID
	r := &billingRun{in: in, st: st, life: info.FirstRunID}
	r.entity = entity{entityState: &st.entityState, published: readPublished(ctx)}
	return r, nil
}

func (r *billingRun) file() activities.RunFile {
	return activities.RunFile{URL: r.in.Manifest, Run: r.in.Reference, Life: r.life}
}

func (r *billingRun) ended() bool { return r.st.State.Ended() }

// ready reports whether something that was under way has come to its end.
func (r *billingRun) ready() bool {
	if r.job != nil && r.job.done.IsReady() || r.watch != nil && r.watch.IsReady() {
		return true
	}
	for _, p := range r.pages {
		if p.done.IsReady() {
			return true
		}
	}
	return false
}

// actNow takes what has come to its end, and begins what can be begun.
func (r *billingRun) actNow(ctx workflow.Context) bool {
	if r.job != nil && r.job.done.IsReady() {
		job := r.job
		r.job = nil
		r.undelivered--
		job.take(ctx)
		return true
	}
	for i, p := range r.pages {
		if p.done.IsReady() {
			r.pages = append(r.pages[:i:i], r.pages[i+1:]...)
			r.undelivered--
			r.takePage(ctx, p)
			return true
		}
	}
	if r.watch != nil && r.watch.IsReady() {
		r.watch = nil
		r.watchPages(ctx)
		return true
	}
	return r.goOn(ctx)
}

// goOn begins the next thing that the run's step asks for. It reports whether it did.
func (r *billingRun) goOn(ctx workflow.Context) bool {
	if r.job != nil || len(r.queue) > 0 {
		return false // messages first
	}
	if r.st.EndAs != "" {
		return r.goToEnd(ctx)
	}
	switch r.st.State {
	case RunValidating:
		if r.st.RetryAt.After(workflow.Now(ctx)) {
			return false
		}
		if r.st.Step == stepLookBack {
			r.startLookBack(ctx)
		} else {
			r.startValidation(ctx)
		}
		return true
	case RunQueued:
		if r.st.RetryAt.After(workflow.Now(ctx)) {
			return false
		}
		r.startTurn(ctx)
		return true
	case RunCharging:
		return r.charge(ctx)
	case RunReporting:
		if r.st.RetryAt.After(workflow.Now(ctx)) {
			return false
		}
		r.startReport(ctx)
		return true
	case RunAwaitingApproval, RunPaused, RunNeedsAttention, RunCompleted, RunCanceled:
	}
	return false
}

// goToEnd ends a canceled run when nothing is under way any more: with a report once there is something to report.
func (r *billingRun) goToEnd(ctx workflow.Context) bool {
	switch {
	case len(r.pages) > 0 || r.st.RetryAt.After(workflow.Now(ctx)):
		return false
	case len(r.st.Redo) > 0:
		// They have sent some of their rows: what became of those is found out, and nothing else is sent.
		page := r.st.Redo[0]
		r.st.Redo = r.st.Redo[1:]
		r.startPage(ctx, page, true)
		return true
	case r.st.LookedBack == nil:
		r.end(ctx) // nothing was charged, and there may be nothing to report on
		return true
	case r.st.State != RunReporting:
		r.st.Step, r.st.Tries = stepReport, 0
		r.move(ctx, RunReporting, r.st.EndReason)
		return true
	}
	r.startReport(ctx)
	return true
}

// followHints forgets what a run has no use for: no event of Stripe's is about one.
func (r *billingRun) followHints(workflow.Context) { r.Hints = nil }

// nextWake is the next try of what could not be done, the end of the wait for an approval, or the next reminder.
func (r *billingRun) nextWake() (time.Time, string) {
	switch {
	case r.job != nil || len(r.pages) > 0:
		return time.Time{}, ""
	case r.st.EndAs != "":
		return r.st.RetryAt, "try again"
	}
	switch r.st.State {
	case RunAwaitingApproval:
		return r.st.ApproveBy, "end of the wait for approval"
	case RunPaused:
		return r.st.RemindAt, "remind the app of the pause"
	case RunNeedsAttention:
		return earliest(r.st.RetryAt, r.st.RemindAt), "try again, or remind the app"
	case RunQueued:
		return r.st.RetryAt, "ask for the turn"
	case RunValidating, RunReporting:
		return r.st.RetryAt, "try again"
	case RunCharging, RunCompleted, RunCanceled:
	}
	return time.Time{}, ""
}

func (r *billingRun) actDue(ctx workflow.Context) {
	now := workflow.Now(ctx)
	switch {
	case r.st.EndAs != "":
		r.st.RetryAt = time.Time{}
	case r.st.State == RunAwaitingApproval:
		r.endAs(RunCanceled, RunReasonNotApproved)
	case r.st.State == RunNeedsAttention && !r.st.RetryAt.IsZero() && !r.st.RetryAt.After(now):
		r.resume(ctx)
	case r.st.State == RunPaused || r.st.State == RunNeedsAttention:
		r.tellPaused(ctx)
	default:
		r.st.RetryAt = time.Time{}
	}
}

func (r *billingRun) attributes() publishedAttributes {
	next, _ := r.nextWake()
	state := r.st.State
	if state == RunCharging && r.st.EndAs != "" {
		state = RunReporting // a page that has not begun must not: it looks here
	}
	return publishedAttributes{state: string(state), nextAction: next}
}

func (r *billingRun) carry() BillingRunInput {
	in := r.in.Short()
	in.Carried = r.st
	return in
}

// totals are the rows done so far, and those that are not allowed.
func (r *billingRun) totals() activities.RunTotals {
	t := activities.RunTotals{}
	t.Merge(r.st.Totals)
	if r.st.Summary == nil {
		return t
	}
	if r.st.Summary.Rejected > 0 {
		t.Add(activities.RowRejected, "", activities.RunTotal{Rows: r.st.Summary.Rejected})
	}
	return t
}

// allTotals are all rows: those that were not charged as well.
func (r *billingRun) allTotals() activities.RunTotals {
	t := r.totals()
	if r.st.Summary != nil {
		t.Merge(t.Missing(r.st.Summary.Counts, r.st.Summary.Totals))
	}
	return t
}

// status answers QueryStatus.
func (r *billingRun) status() (RunStatus, error) {
	s := RunStatus{
		Reference:     r.in.Reference,
		State:         r.st.State,
		Reason:        r.st.Reason,
		ReasonCode:    r.st.ReasonCode,
		Manifest:      r.in.Manifest,
		Schedule:      r.in.Schedule,
		Summary:       r.st.Summary,
		LookedBack:    r.st.LookedBack,
		Totals:        r.totals(),
		Unattended:    r.st.Unattended,
		PagesDone:     r.st.PagesDone,
		InFlight:      len(r.pages),
		Rate:          r.st.Rate,
		WantedRate:    r.st.WantedRate,
		RateLimited:   r.st.RateLimited,
		WaitsFor:      r.st.WaitsFor,
		MaxTotal:      r.st.MaxTotal,
		StartedAt:     r.st.StartedAt,
		ChargingSince: r.st.ChargingSince,
		EndedAt:       r.st.EndedAt,
		ReportCSV:     r.st.ReportCSV,
		ReportJSON:    r.st.ReportJSON,
		Audit:         r.st.Audit,
		Undelivered:   r.st.Undelivered,
	}
	if r.st.Summary != nil {
		s.Unattended += r.st.Summary.Rejected
	}
	if r.st.State.Ended() {
		s.Totals = r.allTotals()
		s.Unattended += s.Totals.All() - r.totals().All()
	} else {
		s.NextActionAt, _ = r.nextWake()
	}
	if left := r.rowsLeft(); left > 0 && r.st.Rate > 0 {
		s.RemainingSeconds = int(math.Ceil(float64(left) / r.st.Rate))
	}
	return s, nil
}

// rowsLeft are those whose page is not done.
func (r *billingRun) rowsLeft() int {
	if r.st.Summary == nil || r.st.State.Ended() {
		return 0
	}
	return r.st.Summary.Rows - r.st.RowsDone
}
