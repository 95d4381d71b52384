package service

import (
	"cmp"
	"context"

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
