package service

import (
	"cmp"
	"context"
	"fmt"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// OpenRuns lists the billing runs that have not ended, as Temporal's visibility knows them: a moment late.
func (t temporalWorkflows) OpenRuns(ctx context.Context) ([]activities.OpenRun, error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.TypeBillingRun),
	}
	var open []activities.OpenRun
	for {
		page, err := t.client.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list billing runs: %w", err)
		}
		for _, execution := range page.GetExecutions() {
			run, err := openRun(execution)
			if err != nil {
				return nil, err
			}
			open = append(open, run)
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.GetNextPageToken()) == 0 {
			return open, nil
		}
	}
}

// openRun reads a run's state, and from the memo what it asked for, and may do by now.
func openRun(execution *workflow.WorkflowExecutionInfo) (activities.OpenRun, error) {
	id := execution.GetExecution().GetWorkflowId()
	run := activities.OpenRun{Reference: workflows.ReferenceOf(id), StartedAt: execution.GetStartTime().AsTime()}
	var input struct {
		Rate       float64 `json:"rate"`
		Concurrent bool    `json:"concurrent"`
	}
	fields := []struct {
		from map[string]*common.Payload
		name string
		into any
	}{
		{execution.GetSearchAttributes().GetIndexedFields(), workflows.SearchState.GetName(), &run.State},
		{execution.GetMemo().GetFields(), workflows.MemoInput, &input},
		{execution.GetMemo().GetFields(), workflows.MemoRate, &run.Rate},
	}
	for _, field := range fields {
		payload, ok := field.from[field.name]
		if !ok {
			continue
		}
		if err := converter.GetDefaultDataConverter().FromPayload(payload, field.into); err != nil {
			return activities.OpenRun{}, fmt.Errorf("read %s of %s: %w", field.name, id, err)
		}
	}
	run.Rate, run.Concurrent = cmp.Or(run.Rate, input.Rate), input.Concurrent
	return run, nil
}
