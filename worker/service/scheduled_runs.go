package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// StartRun starts a billing run as the client does: whoever starts it a second time with the same values, a person or a
// schedule, finds it there.
func (t temporalWorkflows) StartRun(ctx context.Context, in activities.StartRunInput) (bool, error) {
	var run workflows.BillingRunInput
	if err := json.Unmarshal(in.Run, &run); err != nil {
		return false, &activities.RefusedStartError{Message: "the run's input cannot be read: " + err.Error()}
	}
	options, err := starts.Run(run, in.TaskQueue)
	if err != nil {
		return false, err
	}
	_, err = t.client.ExecuteWorkflow(ctx, options, workflows.TypeBillingRun, run)
	if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); taken {
		return false, t.sameRun(ctx, options.ID, run)
	}
	if err != nil {
		return false, fmt.Errorf("start: %w", err)
	}
	return true, nil
}

// sameRun compares a run with the one that has its id: nil says that it is the one.
func (t temporalWorkflows) sameRun(ctx context.Context, workflowID string, run workflows.BillingRunInput) error {
	described, err := t.client.DescribeWorkflow(ctx, workflowID, "")
	if err != nil {
		return orNotFound("describe", err)
	}
	refused := func(why string) error {
		return &activities.RefusedStartError{Message: fmt.Sprintf("%s exists, %s", workflowID, why)}
	}
	before, err := starts.FirstIn(described.Memo)
	if err != nil {
		return refused("and was not started by offsession: " + err.Error())
	}
	now, err := starts.FirstOfRun(run)
	if err != nil {
		return err
	}
	switch diff, different, err := starts.Differ(before, now, starts.RunDefaults()); {
	case err != nil:
		return err
	case different:
		return refused("with another " + diff.Field)
	case lost(described.Status):
		return refused("and was stopped from outside, or failed: " + described.Status.String())
	}
	return nil
}
