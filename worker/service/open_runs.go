package service

import (
	"cmp"
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// OpenRuns lists the billing runs that have not ended.
func (t temporalWorkflows) OpenRuns(ctx context.Context) ([]activities.OpenRun, error) {
	var open []activities.OpenRun
	for execution, err := range t.running(ctx, workflows.TypeBillingRun) {
		var run activities.OpenRun
		if err == nil {
			run, err = openRun(execution)
		}
		if err != nil {
			return nil, err
		}
		open = append(open, run)
	}
	return open, nil
}

// RunCharges asks the server for the run's state: unlike a list it is not late.
func (t temporalWorkflows) RunCharges(ctx context.Context, run string) (bool, error) {
	described, err := t.client.DescribeWorkflow(ctx, workflows.BillingRunID(run), "")
	if err != nil {
		return false, fmt.Errorf("describe billing run %s: %w", run, err)
	}
	state, _ := described.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	return described.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING && workflows.RunState(state) == workflows.RunCharging, nil
}

// openRun reads a run's state, and from the memo what it asked for, and may do by now.
func openRun(execution *workflow.WorkflowExecutionInfo) (activities.OpenRun, error) {
	run := activities.OpenRun{
		Reference: workflows.ReferenceOf(execution.GetExecution().GetWorkflowId()), StartedAt: execution.GetStartTime().AsTime(),
	}
	var input struct {
		Rate       float64 `json:"rate"`
		Concurrent bool    `json:"concurrent"`
	}
	err := readFields(execution, []field{
		{execution.GetSearchAttributes().GetIndexedFields(), workflows.SearchState.GetName(), &run.State},
		{execution.GetMemo().GetFields(), workflows.MemoInput, &input},
		{execution.GetMemo().GetFields(), workflows.MemoRate, &run.Rate},
	})
	run.Rate, run.Concurrent = cmp.Or(run.Rate, input.Rate), input.Concurrent
	return run, err
}
