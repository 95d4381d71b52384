package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

const (
	runValidating = workflows.RunValidating
	runApproval   = workflows.RunAwaitingApproval
	runQueued     = workflows.RunQueued
	runCharging   = workflows.RunCharging
	runPaused     = workflows.RunPaused
	runAttention  = workflows.RunNeedsAttention
	runCompleted  = workflows.RunCompleted
	runCanceled   = workflows.RunCanceled
)

// runBench is a BillingRun under test. Its activities are stand-ins: what a page does with Stripe has tests of its own, and the
// workflow sees counts only.
type runBench struct {
	*bench

	mu   sync.Mutex
	rows int
	size int
	rate float64
	// takes is how long a page takes, by the workflow's clock.
	takes time.Duration
	// reads is how long the look-back takes.
	reads time.Duration
	// indexes is how long reading the index takes, turns asking for the turn, reports writing the report, and tells a message.
	indexes, turns, reports, tells time.Duration
	// charge says what becomes of a page; try counts the times it was given out before.
	charge func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error)
	// closed says what becomes of a page that is closed; nil has not charged any of its rows.
	closed func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error)
	// validate, lookBack, turn, index and report change an answer; try counts the calls before.
	validate func(try int, res *activities.ValidateManifestResult) error
	lookBack func(try int) error
	turn     func(try int, res *activities.TakeTurnResult) error
	index    func(try int, res *activities.ReadRunPagesResult) error
	report   func(try int) error

	// changed is the number of the look-back that finds the files changed.
	changed int
	// lost lets a row be missing in the report.
	lost bool

	calls map[string]int
	pages []givenPage
	// rates are those that other runs were told.
	rates []float64
	// notes are the kinds and reasons that the app was told.
	notes []string
}

// givenPage is a page as it was given out.
type givenPage struct {
	activities.ChargePageInput
	at  time.Time
	try int
}

func newRunBench(t tb, rows int) *runBench {
	t.Helper()
	r := &runBench{rows: rows, size: 100, rate: 15, takes: 7 * time.Second, calls: map[string]int{}, charge: allSucceed}
	r.bench = newBench(t)
	r.prepare = r.standIns
	r.standIns(r.env)
	return r
}

// allSucceed is a page without any exception.
func allSucceed(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
	return pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeSucceeded: in.Rows}), nil
}

// pageOf is a result with so many rows by outcome, each of 10.00 USD; the rest has succeeded.
func pageOf(in activities.ChargePageInput, by map[activities.ChargeOutcome]int) activities.ChargePageResult {
	totals, left := activities.RunTotals{}, in.Rows
	for outcome, n := range by {
		if outcome != activities.ChargeSucceeded && n > 0 {
			totals.Add(outcome, "usd", activities.RunTotal{Rows: n, Amount: int64(n) * 1000})
			left -= n
		}
	}
	if left > 0 {
		totals.Add(activities.ChargeSucceeded, "usd", activities.RunTotal{Rows: left, Amount: int64(left) * 1000})
	}
	failed := by[activities.ChargeDeclined] + by[activities.ChargeRefused] + by[activities.ChargeNeedsCustomer] + by[activities.ChargeUnknown]
	return activities.ChargePageResult{Totals: totals, Judged: in.Rows, Failed: failed}
}

func (r *runBench) standIns(env *testsuite.TestWorkflowEnvironment) {
	some := mock.Anything
	env.OnActivity("ValidateManifest", some, some).Return(func(context.Context, activities.ValidateManifestInput) (activities.ValidateManifestResult, error) {
		res := activities.ValidateManifestResult{ManifestSummary: activities.ManifestSummary{
			Rows: r.rows, Pages: (r.rows + r.size - 1) / r.size, Fingerprint: "0123456789abcdef0123",
			Totals: map[string]int64{"usd": int64(r.rows) * 1000}, Counts: map[string]int{"usd": r.rows},
		}}
		try := r.call("validate")
		if r.validate != nil {
			return res, r.validate(try, &res)
		}
		return res, nil
	})
	env.OnActivity("LookBackRun", some, some).AfterFn(func() time.Duration { return r.reads }).Return(func(context.Context, activities.LookBackRunInput) (activities.LookBackRunResult, error) {
		try := r.call("look_back")
		if r.lookBack != nil {
			if err := r.lookBack(try); err != nil {
				return activities.LookBackRunResult{}, err
			}
		}
		if r.changed > 0 && try == r.changed {
			return activities.LookBackRunResult{Changed: true}, nil
		}
		return activities.LookBackRunResult{At: r.env.Now().UTC(), Seen: 7}, nil
	})
	env.OnActivity("TakeTurn", some, some).AfterFn(func() time.Duration { return r.turns }).Return(func(_ context.Context, in activities.TakeTurnInput) (activities.TakeTurnResult, error) {
		res := activities.TakeTurnResult{Turn: true, Rate: r.rate, Limit: 15}
		if in.Rate > 0 {
			res.Rate = min(in.Rate, res.Limit)
		}
		try := r.call("turn")
		if r.turn != nil {
			return res, r.turn(try, &res)
		}
		return res, nil
	})
	env.OnActivity("ReadRunPages", some, some).AfterFn(func() time.Duration { return r.indexes }).Return(func(_ context.Context, in activities.ReadRunPagesInput) (activities.ReadRunPagesResult, error) {
		res := activities.ReadRunPagesResult{}
		for n := in.From; n < in.From+in.Count && n*r.size < r.rows; n++ {
			rows := min(r.size, r.rows-n*r.size)
			res.Pages = append(res.Pages, activities.RunPage{
				Number: n, FirstRow: n * r.size, Rows: rows, Offset: int64(n) * 1000, Length: 1000, Checksum: fmt.Sprint("sum", n),
				Totals: map[string]activities.RunTotal{"usd": {Rows: rows, Amount: int64(rows) * 1000}},
			})
		}
		try := r.call("index")
		if r.index != nil {
			return res, r.index(try, &res)
		}
		return res, nil
	})
	env.OnActivity("ChargePage", some, some).AfterFn(func() time.Duration { return r.takes }).
		Return(func(_ context.Context, in activities.ChargePageInput) (activities.ChargePageResult, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			try := 0
			for _, p := range r.pages {
				if p.Number == in.Number {
					try++
				}
			}
			r.pages = append(r.pages, givenPage{ChargePageInput: in, at: r.env.Now(), try: try})
			switch {
			case in.Closing && r.closed != nil:
				return r.closed(in, try)
			case in.Closing:
				return pageOf(in, map[activities.ChargeOutcome]int{activities.RowNotCharged: in.Rows}), nil
			}
			return r.charge(in, try)
		})
	env.OnUpsertMemo(some).Run(func(args mock.Arguments) {
		rate, ok := args.Get(0).(map[string]any)[workflows.MemoRate].(float64)
		require.True(r, ok)
		r.rates = append(r.rates, rate)
	}).Return(nil)
	env.OnActivity("WriteRunReport", some, some).AfterFn(func() time.Duration { return r.reports }).Return(func(_ context.Context, in activities.WriteRunReportInput) (activities.RunReport, error) {
		try := r.call("report")
		if r.report != nil {
			if err := r.report(try); err != nil {
				return activities.RunReport{}, err
			}
		}
		return activities.RunReport{CSV: in.URL + "." + in.Run + ".report.csv", JSON: in.URL + "." + in.Run + ".report.json", Rows: r.rows, Totals: r.reported()}, nil
	})
	env.OnActivity("Notify", some, some).AfterFn(func() time.Duration { return r.tells }).Return(func(_ context.Context, n activities.Notification) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notes = append(r.notes, fmt.Sprintf("%s %s %s", n.Kind, n.State, n.Reason))
		return nil
	})
}

// reported is what the page results add up to.
func (r *runBench) reported() activities.RunTotals {
	all := r.status().Totals
	counts := map[string]int{"usd": r.rows - all.Rows(activities.RowRejected)}
	all.Merge(all.Missing(counts, map[string]int64{"usd": int64(counts["usd"]) * 1000}))
	if r.lost {
		all.Add(activities.ChargeSucceeded, "usd", activities.RunTotal{Rows: -1, Amount: -1000})
	}
	return all
}

func (r *runBench) call(what string) (try int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[what]++
	return r.calls[what] - 1
}

func runInput(change ...func(*workflows.BillingRunInput)) workflows.BillingRunInput {
	in := workflows.BillingRunInput{Reference: "july", Manifest: "s3://bucket/july.csv", Policy: dunning.DefaultPolicy()}
	for _, c := range change {
		c(&in)
	}
	return in
}

// runsToEnd takes the workflow to its end, and checks what must hold at every end.
func (r *runBench) runsToEnd(in workflows.BillingRunInput) workflows.BillingRunResult {
	r.Helper()
	require.NoError(r, execute(r.bench, workflows.TypeBillingRun, in))
	var res workflows.BillingRunResult
	require.NoError(r, r.env.GetWorkflowResult(&res))
	require.True(r, res.State.Ended(), res.State)
	require.Less(r, r.largestState, 16<<10)
	rows, amount := 0, int64(0)
	for _, byCurrency := range res.Totals {
		for _, total := range byCurrency {
			rows, amount = rows+total.Rows, amount+total.Amount
		}
	}
	if r.calls["look_back"] > 0 && r.validate == nil {
		require.Equal(r, r.rows, rows, "every row has an outcome: %v", res.Totals)
		require.Equal(r, int64(r.rows)*1000, amount)
	}
	return res
}

func (r *runBench) status() workflows.RunStatus {
	r.Helper()
	v, err := r.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(r, err)
	var s workflows.RunStatus
	require.NoError(r, v.Get(&s))
	return s
}

// expect checks state and reason at a time.
func (r *runBench) expect(at time.Duration, state workflows.RunState, reason string) {
	r.at(at, func() {
		s := r.status()
		require.Equal(r, state, s.State, "after %s (%s)", at, s.Reason)
		require.Equal(r, reason, s.Reason, "after %s", at)
	})
}

// operate sends an Update.
func (r *runBench) operate(update string, op workflows.RunOperation) *reply[workflows.RunResponse] {
	re := &reply[workflows.RunResponse]{b: r.bench, began: r.env.Now()}
	if op.Actor == "" {
		op.Actor, op.Reason = "ops", "test"
	}
	r.env.UpdateWorkflow(update, "", re, op)
	return re
}

// operateAt sends an Update at a time, and checks that it is accepted or refused.
func (r *runBench) operateAt(at time.Duration, update string, op workflows.RunOperation, refused string) {
	var re *reply[workflows.RunResponse]
	r.at(at, func() { re = r.operate(update, op) })
	r.at(at+30*time.Second, func() {
		if refused == "" {
			require.NoError(r, re.refused(), update)
		} else {
			require.ErrorContains(r, re.refused(), refused)
		}
	})
}

// given are the pages by their numbers, without repetitions: side by side, they arrive in any order.
func (r *runBench) given() []givenPage {
	first := slices.DeleteFunc(slices.Clone(r.pages), func(p givenPage) bool { return p.try > 0 })
	slices.SortFunc(first, func(a, b givenPage) int { return a.Number - b.Number })
	return first
}
