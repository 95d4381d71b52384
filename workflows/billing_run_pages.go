package workflows

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

const (
	// pagesPerRun is after how many pages a run continues as new: three or four events each.
	pagesPerRun = 300
	// pagesAhead is for how long pages are given out ahead of their slots.
	pagesAhead = 10 * time.Second
	// firstSlotDelay lets the first page after a pause get to its worker before its slot; it is shorter at a high rate.
	firstSlotDelay = 500 * time.Millisecond
	// pagePatience is how much longer than planned a page may take until somebody should look.
	pagePatience = 30 * time.Minute
	// messagesWait is how long the customers of rows that did not succeed hear nothing, at least: so long the brake has to judge.
	messagesWait = 10 * time.Minute
)

// redoPage is a page that stopped before its end.
type redoPage struct {
	activities.RunPage
	// LostSince is set when it did not tell how far it came: since then its rows may have been sent.
	LostSince time.Time `json:"lost_since,omitzero"`
}

// pageInFlight is a page under way.
type pageInFlight struct {
	page redoPage
	// rate is the one that it was given; slots is how long its rows take at that.
	rate    float64
	begunAt time.Time
	slots   time.Duration
	// closing says that it sends nothing new.
	closing bool
	done    workflow.Future
}

// charge begins the next page when there is room for one, reads the index, or ends the charging. It reports whether it did
// something.
func (r *billingRun) charge(ctx workflow.Context) bool {
	switch {
	case r.st.Waited && r.st.PagesDone == 0 && len(r.pages) == 0 && len(r.st.Redo) == 0:
		r.startLookBack(ctx)
		return true
	case len(r.st.Redo) > 0:
		if len(r.pages) >= r.pagesMost() {
			return false
		}
		page := r.st.Redo[0]
		r.st.Redo = r.st.Redo[1:]
		r.startPage(ctx, page, false)
		return true
	case r.st.NextPage >= r.st.Summary.Pages:
		if len(r.pages) > 0 {
			return false
		}
		r.next(ctx, stepReport)
		return true
	case !r.indexed && r.lacksRate() && !r.askedForMore:
		r.askForMore(ctx)
		return true
	case !r.indexed:
		r.startIndex(ctx)
		return true
	case workflow.GetInfo(ctx).GetContinueAsNewSuggested(), len(r.index) == 0 && r.undelivered == len(r.pages):
		r.cycleDone = true // when the pages under way are done
		return false
	case len(r.index) == 0:
		// A message is on its way, perhaps for a day: the charging does not wait for it.
		r.cycleDone, r.indexed = false, false
		return true
	case len(r.pages) >= r.pagesMost() || len(r.pages) > 0 && r.st.Brake.wait(r.st.RowsBegun):
		return false
	}
	page := r.index[0]
	if currency := r.passesMaxTotal(page); currency != "" {
		r.stop(ctx, RunPaused, RunReasonMaxTotal, currency)
		return true
	}
	r.index = r.index[1:]
	r.st.NextPage = page.Number + 1
	r.st.RowsBegun += page.Rows - page.Known
	r.addBegun(page)
	r.startPage(ctx, redoPage{RunPage: page}, false)
	return true
}

// pagesMost is how many pages may be under way.
func (r *billingRun) pagesMost() int {
	const least = 2 // the next page waits at its worker while one is being charged
	perPage := float64(max(1, r.in.PageSize))
	if r.st.Summary.Pages > 0 {
		perPage = math.Max(1, math.Round(float64(r.st.Summary.Rows)/float64(r.st.Summary.Pages)))
	}
	wanted := math.Ceil(r.st.Rate * pagesAhead.Seconds() / perPage)
	return int(math.Max(least, math.Min(wanted, float64(r.in.Window))))
}

// startPage gives a page out. closing sends nothing new: what was in flight is finished, and the results are written.
func (r *billingRun) startPage(ctx workflow.Context, page redoPage, closing bool) {
	now := workflow.Now(ctx).UTC()
	slots := seconds(float64(page.Rows-page.Known) / r.st.Rate)
	if closing {
		slots = 0 // it sends nothing
	}
	t0 := r.st.NextSlot
	if t0.Before(now) {
		t0 = now.Add(min(firstSlotDelay, slots/10))
	}
	r.st.NextSlot = t0.Add(slots)
	if r.st.Reset {
		page.LostSince = cmp.Or(page.LostSince, r.st.LookedBack.At)
	}
	in := activities.ChargePageInput{
		RunFile:         r.file(),
		RunPage:         page.RunPage,
		LostSince:       page.LostSince,
		T0:              t0,
		Rate:            r.st.Rate,
		Closing:         closing,
		LookedBackAt:    r.st.LookedBack.At,
		Policy:          r.in.Policy,
		TimeZone:        r.in.TimeZone,
		CheckoutUI:      r.in.CheckoutUI,
		Events:          string(r.in.Events),
		StatementSuffix: r.in.StatementSuffix,
		MessagesWait:    max(messagesWait, seconds(brakeWindow/r.st.Rate)),
	}
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, pageOptions(ctx, in)), billingRuns.ChargePage, in)
	r.undelivered++
	r.pages = append(r.pages, &pageInFlight{page: page, rate: r.st.Rate, begunAt: now, slots: t0.Add(slots).Sub(now), closing: closing, done: future})
	if r.watch == nil {
		r.watch = workflow.NewTimerWithOptions(ctx, pagePatience, workflow.TimerOptions{Summary: "look at pages that take too long"})
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// pageOptions: a repeated page runs at a quarter of the rate, a row whose outcome is unknown is tried for two minutes, and there is
// a margin. The page itself stops in time. There is no schedule-to-close time: a page waits out an outage of the workers.
func pageOptions(ctx workflow.Context, in activities.ChargePageInput) workflow.ActivityOptions {
	const unknownRows, margin, repeated = 2 * time.Minute, 2 * time.Minute, 4
	ahead := max(0, in.T0.Sub(workflow.Now(ctx)))
	return workflow.ActivityOptions{
		TaskQueue:             StripeWritesQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:   ahead + repeated*seconds(float64(in.Rows)/in.Rate) + unknownRows + margin,
		HeartbeatTimeout:      20 * time.Second,
		RetryPolicy:           pageRetries,
		DisableEagerExecution: true, // an eager activity would pass by the queue's rate limit
		Summary:               fmt.Sprintf("page %d: %d rows", in.Number, in.Rows),
	}
}

// takePage takes a page's result.
func (r *billingRun) takePage(ctx workflow.Context, p *pageInFlight) {
	var res activities.ChargePageResult
	err := p.done.Get(ctx, &res)
	if r.st.State == RunCharging {
		r.st.Reason = "" // whatever was slow goes on
	}
	r.st.RateLimited += res.RateLimited
	if r.st.Totals == nil {
		r.st.Totals = activities.RunTotals{}
	}
	if whole := res.Totals.All() == p.page.Rows; err != nil || res.Stopped != "" && !whole {
		// Its rows are counted when it comes to its end: it goes on from its checkpoint.
		redo := redoPage{RunPage: p.page.RunPage}
		if err != nil || res.Lost {
			redo.LostSince = cmp.Or(p.page.LostSince, p.begunAt)
		}
		r.st.Redo = append(r.st.Redo, redo)
		switch {
		case p.closing && res.Stopped == activities.StoppedChanged && r.st.Tries >= closingTries:
			r.giveUp(p.page.RunPage)
		case p.closing:
			r.st.RetryAt = workflow.Now(ctx).Add(pollDelay(r.st.Tries, r.in.Reference)).UTC()
			r.st.Tries++
		case res.Stopped == activities.StoppedHeld: // it goes on when the run does
		case err != nil:
			r.brake(ctx, RunNeedsAttention, RunReasonPageFailed, errorType(err))
		default:
			r.brakeStopped(ctx, res)
		}
		return
	}
	r.st.PagesDone++
	r.st.RowsDone += p.page.Rows
	r.st.Totals.Merge(res.Totals)
	r.st.Unattended += res.Unattended
	if p.closing {
		return
	}
	if res.Stopped != "" {
		r.brakeStopped(ctx, res) // with its last row
		return
	}
	r.adapt(p, res)
	if reason, code := r.st.Brake.judge(res, r.in.MaxDeclineRate); reason != "" {
		r.brake(ctx, RunPaused, reason, code)
	}
}

// closingTries is how often a canceled run reads a page anew whose file has changed, in case somebody brings it back.
const closingTries = 4

// giveUp ends a canceled run without what became of a page: its files do not tell any more, and its rows may have been charged.
func (r *billingRun) giveUp(page activities.RunPage) {
	r.st.Redo = slices.DeleteFunc(r.st.Redo, func(p redoPage) bool { return p.Number == page.Number })
	r.st.RowsDone += page.Rows
	r.st.Unattended += page.Rows
	for _, currency := range activities.SortedKeys(page.Totals) {
		r.st.Totals.Add(activities.ChargeUnknown, currency, page.Totals[currency])
	}
	r.st.EndReason = RunReasonFilesChanged
}

// adapt makes the pace slower after answers of 429, and comes back step by step; stray ones change nothing. Pages that ran at
// another pace than the present one say nothing about it.
func (r *billingRun) adapt(p *pageInFlight, res activities.ChargePageResult) {
	const slower, faster, slowest, stray = 0.7, 0.05, 0.05, 0.02
	switch {
	case float64(res.RateLimited) > stray*float64(p.page.Rows) && p.rate <= r.st.Rate:
		r.st.Rate = math.Max(r.st.Rate*slower, r.st.Granted*slowest)
	case r.st.Rate < r.st.Granted && p.rate >= r.st.Rate:
		r.st.Rate = math.Min(r.st.Rate+r.st.Granted*faster, r.st.Granted)
	}
}

// watchPages shows that a page is not done in time: its worker, Stripe or the files are in the way. The run goes on by itself.
func (r *billingRun) watchPages(ctx workflow.Context) {
	if len(r.pages) == 0 {
		return
	}
	r.watch = workflow.NewTimerWithOptions(ctx, pagePatience, workflow.TimerOptions{Summary: "look at pages that take too long"})
	for _, p := range r.pages {
		if r.st.State == RunCharging && r.st.Reason == "" && workflow.Now(ctx).After(p.begunAt.Add(p.slots+pagePatience)) {
			r.st.Reason = RunReasonPageSlow
			r.tellPaused(ctx)
		}
	}
}

// passesMaxTotal names the currency whose MaxTotal a page would pass; empty when none.
func (r *billingRun) passesMaxTotal(page activities.RunPage) string {
	for _, currency := range activities.SortedKeys(page.Totals) {
		if most, ok := r.st.MaxTotal[currency]; ok && r.st.Begun[currency]+page.Totals[currency].Amount > most {
			return currency
		}
	}
	return ""
}

func (r *billingRun) addBegun(page activities.RunPage) {
	if r.st.Begun == nil {
		r.st.Begun = map[string]int64{}
	}
	for _, currency := range activities.SortedKeys(page.Totals) {
		r.st.Begun[currency] += page.Totals[currency].Amount
	}
}

// pageRetries come soon however often: a page has met a crash of its worker, not an outage of Stripe, which it waits out itself.
var pageRetries = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second}

// patientForAnHour gives up what is tried again later by the run itself.
var patientForAnHour = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute, MaximumAttempts: 20}
