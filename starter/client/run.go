package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// Run is where a billing run stands.
type Run struct {
	workflows.RunStatus
	WorkflowID string `json:"workflow_id"`
}

// NeedsPerson reports whether the run stands still until somebody does something: approves, resumes or cancels it.
func (r Run) NeedsPerson() bool { return runNeedsPerson(r.State) }

func runNeedsPerson(state workflows.RunState) bool {
	switch state {
	case workflows.RunAwaitingApproval, workflows.RunPaused, workflows.RunNeedsAttention:
		return true
	case workflows.RunValidating, workflows.RunQueued, workflows.RunCharging, workflows.RunReporting, workflows.RunCompleted, workflows.RunCanceled:
	}
	return false
}

// Run answers where a run stands, with one question to its workflow whatever its size. When its workflow was terminated or
// failed, it needs attention with the reason workflow_terminated, and little else is known: its files tell what was done. The
// error is ErrNotFound when Temporal does not know it, or not any more.
func (c *Client) Run(ctx context.Context, reference string) (Run, error) {
	if err := checkKnownRun(reference); err != nil {
		return Run{}, err
	}
	workflowID := workflows.BillingRunID(reference)
	var status workflows.RunStatus
	err := c.query(ctx, workflowID, &status)
	if _, unclean := errors.AsType[*uncleanError](err); unclean {
		return c.terminatedRun(ctx, reference)
	}
	if err != nil {
		return Run{}, err
	}
	return Run{RunStatus: status, WorkflowID: workflowID}, nil
}

// terminatedRun is what Temporal's description of a workflow that did not complete says.
func (c *Client) terminatedRun(ctx context.Context, reference string) (Run, error) {
	workflowID := workflows.BillingRunID(reference)
	description, found, err := c.describe(ctx, workflowID)
	if err != nil {
		return Run{}, err
	}
	if !found {
		return Run{}, fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	input, err := starts.FirstIn(description.Memo)
	if err != nil {
		return Run{}, notOurs(workflowID, err)
	}
	status := workflows.RunStatus{
		Reference: reference, State: workflows.RunNeedsAttention, Reason: ReasonWorkflowTerminated, Manifest: manifestIn(input),
		StartedAt: description.WorkflowStartTime.UTC(), Totals: activities.RunTotals{},
	}
	if description.WorkflowCloseTime != nil {
		status.EndedAt = description.WorkflowCloseTime.UTC()
	}
	return Run{RunStatus: status, WorkflowID: workflowID}, nil
}

// manifestIn is the URL in a run's first input; "" when there is none.
func manifestIn(input starts.First) string {
	var manifest string
	if err := json.Unmarshal(input["manifest"], &manifest); err != nil {
		return ""
	}
	return manifest
}

// WaitRun returns when the run has ended, or when it stands still until a person does something, as the answer's NeedsPerson
// says. Give ctx a deadline: a large run at a low rate takes days. The error is ErrNotFound when there is no such run, and ctx's
// when it is done first.
func (c *Client) WaitRun(ctx context.Context, reference string) (Run, error) {
	if err := checkKnownRun(reference); err != nil {
		return Run{}, err
	}
	stands := func(state string) bool {
		return workflows.RunState(state).Ended() || runNeedsPerson(workflows.RunState(state))
	}
	for {
		if err := c.waitEnded(ctx, workflows.BillingRunID(reference), stands); err != nil {
			return Run{}, err
		}
		// Its state may be another one since.
		run, err := c.Run(ctx, reference)
		if err != nil || stands(string(run.State)) {
			return run, err
		}
		if err := sleep(ctx, firstLook); err != nil {
			return Run{}, fmt.Errorf("wait for %s: %w", workflows.BillingRunID(reference), err)
		}
	}
}
