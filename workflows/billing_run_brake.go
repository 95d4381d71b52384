package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

const (
	// brakeFirst is how many rows are charged before any others: a run that is altogether wrong shows it there.
	brakeFirst = 200
	// brakeWindow is over how many of the latest rows the decline rate is taken later.
	brakeWindow = 1000
)

// runBrake is what the run's brake remembers of the rows charged. Those that were charged before, or not at all, tell nothing.
type runBrake struct {
	// Judged counts all of them; Latest are those of the latest pages.
	Judged int         `json:"judged,omitempty"`
	Latest []brakePage `json:"latest,omitempty"`
	// Streak are rows in a row that failed with one code that is no decline.
	StreakCode string `json:"streak_code,omitempty"`
	Streak     int    `json:"streak,omitempty"`
}

// brakePage is a page as the brake sees it.
type brakePage struct {
	Rows   int `json:"n"`
	Failed int `json:"f"`
}

// wait reports whether the rows begun must be judged before others are begun.
func (b *runBrake) wait(begun int) bool { return begun >= brakeFirst && b.Judged < brakeFirst }

// judge takes a page, and says why the run must pause; empty when it need not. What has made it pause is forgotten.
func (b *runBrake) judge(res activities.ChargePageResult, maxDeclineRate float64) (reason, code string) {
	if res.Judged == 0 {
		return "", ""
	}
	first := b.Judged < brakeFirst
	b.Judged += res.Judged
	b.Latest = append(b.Latest, brakePage{Rows: res.Judged, Failed: res.Failed})
	all, failed := 0, 0
	for _, p := range b.Latest {
		all, failed = all+p.Rows, failed+p.Failed
	}
	for all-b.Latest[0].Rows >= brakeWindow {
		all, failed = all-b.Latest[0].Rows, failed-b.Latest[0].Failed
		b.Latest = slices.Delete(b.Latest, 0, 1)
	}
	if code, alike := b.alike(res); alike {
		b.StreakCode, b.Streak = "", 0
		return RunReasonFailingAlike, code
	}
	enough := all >= brakeWindow || first && b.Judged >= brakeFirst
	if enough && float64(failed) > maxDeclineRate*float64(all) {
		b.Latest = nil
		return RunReasonDeclineRate, ""
	}
	return "", ""
}

// alike joins the page's ends to the streak before.
func (b *runBrake) alike(res activities.ChargePageResult) (code string, alike bool) {
	if first := res.First; first != nil && first.Code == b.StreakCode && b.Streak+first.Rows >= activities.StreakLimit {
		return first.Code, true
	}
	switch last := res.Last; {
	case last == nil:
		b.StreakCode, b.Streak = "", 0
	case last.Whole && last.Code == b.StreakCode:
		b.Streak += last.Rows
	default:
		b.StreakCode, b.Streak = last.Code, last.Rows
	}
	return b.StreakCode, b.Streak >= activities.StreakLimit
}

// brake stops the run, unless something else has stopped it before or it is ending.
func (r *billingRun) brake(ctx workflow.Context, state RunState, reason, code string) {
	if r.st.EndAs == "" && r.st.State == RunCharging {
		r.stop(ctx, state, reason, code)
	}
}

// brakeStopped stops the run for the reason for which a page has stopped.
func (r *billingRun) brakeStopped(ctx workflow.Context, res activities.ChargePageResult) {
	switch res.Stopped {
	case activities.StoppedUnauthorized:
		r.brake(ctx, RunPaused, RunReasonUnauthorized, res.StoppedCode)
	case activities.StoppedAlike:
		r.brake(ctx, RunPaused, RunReasonFailingAlike, res.StoppedCode)
	default:
		r.brake(ctx, RunNeedsAttention, RunReasonFilesChanged, "")
	}
}
