package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// runUpdates are all Updates of a run.
var runUpdates = []string{UpdateApprove, UpdateSetRate, UpdatePause, UpdateResume, UpdateCancel}

// handleMessages sets up the query and the Updates, before anything blocks.
func (r *billingRun) handleMessages(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, r.status); err != nil {
		return fmt.Errorf("query %s: %w", QueryStatus, err)
	}
	for _, update := range runUpdates {
		handler := func(ctx workflow.Context, op RunOperation) (RunResponse, error) {
			c := &command{update: update, op: Operation{Actor: op.Actor, Reason: op.Reason}, run: op}
			if _, err := r.submit(ctx, c); err != nil || c.err != nil {
				return RunResponse{}, firstError(err, c.err)
			}
			stops := update == UpdatePause || update == UpdateCancel
			underWay := len(r.pages) > 0 || r.st.EndAs != "" && !r.ended()
			return RunResponse{State: r.st.State, Pending: !c.done || stops && underWay}, nil
		}
		validator := func(_ workflow.Context, op RunOperation) error { return r.validate(update, op) }
		if err := workflow.SetUpdateHandlerWithOptions(ctx, update, handler, workflow.UpdateHandlerOptions{Validator: validator}); err != nil {
			return fmt.Errorf("update %s: %w", update, err)
		}
	}
	return nil
}

// validate refuses what makes no sense, before anything is written to history.
func (r *billingRun) validate(update string, op RunOperation) error {
	if err := checkOperation(Operation{Actor: op.Actor, Reason: op.Reason}); err != nil {
		return err
	}
	if update == UpdateSetRate && !(op.Rate > 0) {
		return refuse("rate: %v; must be above 0", op.Rate)
	}
	if update == UpdateSetRate && r.st.Limit > 0 && op.Rate > r.st.Limit {
		return refuse("rate: %v is above the %v charges per second that STRIPE_RATE_LIMIT leaves for billing runs", op.Rate, r.st.Limit)
	}
	for _, currency := range activities.SortedKeys(op.MaxTotal) {
		if op.MaxTotal[currency] <= 0 {
			return refuse("max_total: %d %s; must be above 0, in minor units", op.MaxTotal[currency], quoteShort(currency))
		}
	}
	return r.refusal(update, op)
}

// refusal is why an operation cannot be carried out in the present state; nil when it can.
func (r *billingRun) refusal(update string, op RunOperation) error {
	allowed := map[string][]RunState{
		UpdateApprove: {RunAwaitingApproval},
		UpdatePause:   {RunQueued, RunCharging, RunPaused},
		UpdateResume:  {RunPaused, RunNeedsAttention},
		UpdateCancel:  {RunValidating, RunAwaitingApproval, RunQueued, RunCharging, RunPaused, RunNeedsAttention},
		UpdateSetRate: {RunValidating, RunAwaitingApproval, RunQueued, RunCharging, RunPaused, RunNeedsAttention},
	}
	switch {
	case update == UpdateCancel && (r.st.EndAs != "" || r.st.State == RunCanceled):
		return nil
	case r.st.EndAs != "" && !r.ended():
		return refuse("%s: the run is being canceled", update)
	case !slices.Contains(allowed[update], r.st.State):
		return refuse("%s: the run is %s", update, r.stateAndReason())
	case update == UpdateApprove && !r.approves(op.Fingerprint):
		return refuse("fingerprint: %s is not the manifest's, which begins with %s", quoteShort(op.Fingerprint), r.st.Summary.Fingerprint[:fingerprintLeast])
	}
	return nil
}

// fingerprintLeast is how many characters of a fingerprint name it.
const fingerprintLeast = 12

func (r *billingRun) approves(fingerprint string) bool {
	return len(fingerprint) >= fingerprintLeast && strings.HasPrefix(r.st.Summary.Fingerprint, strings.ToLower(fingerprint))
}

func (r *billingRun) stateAndReason() string {
	if r.st.Reason == "" {
		return string(r.st.State)
	}
	return fmt.Sprintf("%s (%s)", r.st.State, r.st.Reason)
}

// carryOut does what an Update asks for, in the main loop.
func (r *billingRun) carryOut(ctx workflow.Context, c *command) {
	if c.err = r.refusal(c.update, c.run); c.err == nil {
		r.operate(ctx, c)
		r.recordAudit(ctx, c, string(r.st.State))
	}
	c.done = true
}

func (r *billingRun) operate(ctx workflow.Context, c *command) {
	switch c.update {
	case UpdateApprove:
		r.next(ctx, stepTurn)
	case UpdateSetRate:
		r.st.WantedRate = c.run.Rate
		if r.st.Rate > 0 {
			r.st.Rate = c.run.Rate
		}
		r.grant(ctx, c.run.Rate)
		// What was planned at the old pace is forgotten, but for the pages that have their slots.
	case UpdatePause:
		if r.st.State != RunPaused {
			r.move(ctx, RunPaused, RunReasonOperator)
			r.st.RemindAt = workflow.Now(ctx).Add(runRemindEvery).UTC()
		}
	case UpdateResume:
		for _, currency := range activities.SortedKeys(c.run.MaxTotal) {
			if r.st.MaxTotal == nil {
				r.st.MaxTotal = map[string]int64{}
			}
			r.st.MaxTotal[currency] = c.run.MaxTotal[currency]
		}
		r.resume(ctx)
	case UpdateCancel:
		if r.st.EndAs == "" {
			r.endAs(RunCanceled, RunReasonOperator)
		}
	}
}
