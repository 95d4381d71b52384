package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

// entityWorkflow is what differs between the workflow types that stand in an entity.
type entityWorkflow interface {
	// ended reports whether the state is an end.
	ended() bool
	// actNow does what waits for neither a message nor a time. It reports whether it did something.
	actNow(ctx workflow.Context) bool
	// carryOut does what an Update asks for, and answers it.
	carryOut(ctx workflow.Context, c *command)
	// followHints takes the hints out and re-reads what they are about.
	followHints(ctx workflow.Context)
	// nextWake is when the loop acts by itself, and the timer's summary for the Temporal UI. Zero waits for a message.
	nextWake() (time.Time, string)
	// actDue does what the timer was set for.
	actDue(ctx workflow.Context)
	// attributes are what operators search by.
	attributes() publishedAttributes
}

// mainLoop runs a workflow to its end: messages first, then what is due, then sleep. It is the only coroutine that
// changes state. It returns true when the workflow should continue as new: nothing is under way then.
func (e *entity) mainLoop(ctx workflow.Context, w entityWorkflow) (continueAsNew bool, err error) {
	for !w.ended() {
		e.takeIn()
		if w.actNow(ctx) {
			continue
		}
		if c := e.next(); c != nil {
			w.carryOut(ctx, c)
			continue
		}
		if len(e.Hints) > 0 {
			w.followHints(ctx)
			continue
		}
		if (e.cycleDone || workflow.GetInfo(ctx).GetContinueAsNewSuggested()) && e.quiet(ctx) {
			return true, nil
		}
		if e.cycleDone && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			e.giveUpMessages()
		}
		wake, what := w.nextWake()
		if !wake.IsZero() && !wake.After(workflow.Now(ctx)) {
			w.actDue(ctx)
			continue
		}
		e.publish(ctx, w.attributes())
		if err := e.sleep(ctx, wake, what); err != nil {
			return false, fmt.Errorf("wait: %w", err)
		}
	}
	e.publish(ctx, w.attributes())
	return false, e.finish(ctx, w)
}

// finish answers what still waits for an answer, and sees the last messages off.
func (e *entity) finish(ctx workflow.Context, w entityWorkflow) error {
	for {
		e.takeIn()
		e.Hints = nil // nothing is left to read
		if c := e.next(); c != nil {
			w.carryOut(ctx, c)
			continue
		}
		if e.quiet(ctx) {
			return nil
		}
		if err := workflow.Await(ctx, func() bool { return e.called() || e.quiet(ctx) }); err != nil {
			return fmt.Errorf("wait for messages: %w", err)
		}
	}
}
