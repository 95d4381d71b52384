package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

const runStateVersion = 1

// runStep is what a run does next when nothing stops it.
type runStep string

const (
	stepValidate runStep = "validate"
	stepLookBack runStep = "look_back"
	stepApprove  runStep = "approve"
	stepTurn     runStep = "turn"
	stepCharge   runStep = "charge"
	stepReport   runStep = "report"
)

// state is the one that a run is in at this step.
func (s runStep) state() RunState {
	switch s {
	case stepApprove:
		return RunAwaitingApproval
	case stepTurn:
		return RunQueued
	case stepCharge:
		return RunCharging
	case stepReport:
		return RunReporting
	case stepValidate, stepLookBack:
	}
	return RunValidating
}

// runState is what a run carries through continue-as-new.
type runState struct {
	Version    int       `json:"version"`
	State      RunState  `json:"state"`
	Reason     string    `json:"reason,omitempty"`
	ReasonCode string    `json:"reason_code,omitempty"`
	Step       runStep   `json:"step"`
	StartedAt  time.Time `json:"started_at"`

	Summary    *activities.ManifestSummary   `json:"summary,omitempty"`
	LookedBack *activities.LookBackRunResult `json:"looked_back,omitempty"`
	ApproveBy  time.Time                     `json:"approve_by,omitzero"`
	WaitsFor   string                        `json:"waits_for,omitempty"`
	// Waited says that the run has stood still since its look-back, TurnSeen that it was given a turn and asks once more.
	Waited   bool `json:"waited,omitempty"`
	TurnSeen bool `json:"turn_seen,omitempty"`
	// Reset says that an operator has reset the run to an earlier point: its rows may have been sent in what was undone.
	Reset bool `json:"reset,omitempty"`

	// WantedRate is what was asked for, Granted what other runs leave of it, and Rate the present pace: rate limits make it slower.
	// Limit is the most allowed. KnownRate is what other runs were told, when it is not the input's.
	WantedRate float64 `json:"wanted_rate,omitempty"`
	Granted    float64 `json:"granted,omitempty"`
	Rate       float64 `json:"rate,omitempty"`
	Limit      float64 `json:"limit,omitempty"`
	KnownRate  float64 `json:"known_rate,omitempty"`
	// NextSlot is when the next page's first row may be sent.
	NextSlot      time.Time `json:"next_slot,omitzero"`
	ChargingSince time.Time `json:"charging_since,omitzero"`
	// NextPage is the next one of the index; Redo are those that stopped before their end.
	NextPage  int        `json:"next_page,omitempty"`
	Redo      []redoPage `json:"redo,omitempty"`
	PagesDone int        `json:"pages_done,omitempty"`
	// RowsBegun are those of all pages that were begun, but for rows that the look-back found; RowsDone of those that are done.
	RowsBegun   int                  `json:"rows_begun,omitempty"`
	RowsDone    int                  `json:"rows_done,omitempty"`
	Totals      activities.RunTotals `json:"totals,omitempty"`
	Unattended  int                  `json:"unattended,omitempty"`
	RateLimited int                  `json:"rate_limited,omitempty"`
	// Begun is the sum of the pages begun by currency, and MaxTotal what it must not pass.
	Begun    map[string]int64 `json:"begun,omitempty"`
	MaxTotal map[string]int64 `json:"max_total,omitempty"`
	Brake    runBrake         `json:"brake"`

	// RetryAt is when what could not be done is tried again by itself; Tries counts those. RemindAt is when the app is told again.
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Tries    int       `json:"tries,omitempty"`
	RemindAt time.Time `json:"remind_at,omitzero"`
	// EndAs is how the run ends once nothing is under way.
	EndAs     RunState  `json:"end_as,omitempty"`
	EndReason string    `json:"end_reason,omitempty"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Told      int       `json:"told,omitempty"`

	ReportCSV  string `json:"report_csv,omitempty"`
	ReportJSON string `json:"report_json,omitempty"`
	entityState
}

// runMoves lists every change of state that a run can make; anything else is a bug, and stops the workflow's task until the
// code is mended. doc.go draws the same table.
var runMoves = map[RunState][]RunState{
	RunValidating:       {RunAwaitingApproval, RunQueued, RunNeedsAttention, RunCanceled},
	RunAwaitingApproval: {RunQueued, RunReporting},
	RunQueued:           {RunCharging, RunPaused, RunReporting},
	RunCharging:         {RunPaused, RunNeedsAttention, RunReporting},
	RunPaused:           {RunQueued, RunCharging, RunReporting},
	RunNeedsAttention:   {RunValidating, RunQueued, RunReporting, RunCanceled},
	RunReporting:        {RunCompleted, RunCanceled},
}

// move changes the state along the table.
func (r *billingRun) move(ctx workflow.Context, to RunState, reason string) {
	if r.st.State != to && !slices.Contains(runMoves[r.st.State], to) {
		panic(fmt.Sprintf("billing run cannot go from %s to %s", r.st.State, to))
	}
	workflow.GetLogger(ctx).Info("billing run moved", "from", r.st.State, "to", to, "because", reason)
	r.st.State, r.st.Reason, r.st.ReasonCode = to, reason, ""
	r.st.RetryAt, r.st.RemindAt = time.Time{}, time.Time{}
}

// next goes on to a step.
func (r *billingRun) next(ctx workflow.Context, step runStep) {
	r.st.Step, r.st.Tries = step, 0
	r.move(ctx, step.state(), "")
}

// stop keeps the run from going on until a person, or for what only takes time a later try, resumes it; the app is told why.
func (r *billingRun) stop(ctx workflow.Context, state RunState, reason, code string) {
	r.move(ctx, state, reason)
	r.st.ReasonCode = code
	if state == RunNeedsAttention && r.st.Step == stepCharge {
		r.st.Step = stepTurn // another run may charge meanwhile
	}
	r.tellPaused(ctx)
}

// resume goes on with the step at which the run was stopped.
func (r *billingRun) resume(ctx workflow.Context) { r.move(ctx, r.st.Step.state(), "") }

// endAs ends the run as soon as nothing is under way.
func (r *billingRun) endAs(state RunState, reason string) {
	r.st.EndAs, r.st.EndReason, r.st.RetryAt = state, reason, time.Time{}
	if r.job != nil && r.st.State != RunReporting {
		r.job.cancel()
	}
}

// end closes the books.
func (r *billingRun) end(ctx workflow.Context) {
	state, reason := r.st.EndAs, r.st.EndReason
	if state == "" {
		state = RunCompleted
	}
	r.st.EndedAt, r.watch = workflow.Now(ctx).UTC(), nil // no page is left to look at
	r.move(ctx, state, reason)
	r.tell(ctx, r.message(ctx, activities.NotifyRunCompleted))
}

// tellPaused tells the app that the run stands still, and plans to say it again.
func (r *billingRun) tellPaused(ctx workflow.Context) {
	r.st.RemindAt = workflow.Now(ctx).Add(runRemindEvery).UTC()
	r.tell(ctx, r.message(ctx, activities.NotifyRunPaused))
}

// runRemindEvery is how often the app is told that a run stands still: money waits to be collected.
const runRemindEvery = 24 * time.Hour

// message is the frame of every message about the run; its number makes its id.
func (r *billingRun) message(ctx workflow.Context, kind activities.NotificationKind) activities.Notification {
	r.st.Told++
	return activities.Notification{
		ID:         fmt.Sprintf("%s:%s:%d", BillingRunID(r.in.Reference), kind, r.st.Told),
		Kind:       kind,
		WorkflowID: BillingRunID(r.in.Reference),
		Reference:  r.in.Reference,
		At:         workflow.Now(ctx).UTC(),
		State:      string(r.st.State),
		Reason:     r.st.Reason,
	}
}
