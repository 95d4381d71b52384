package service

import (
	"context"
	"fmt"
	"iter"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
)

// running lists the workflows of a type that have not ended, as Temporal's visibility knows them: a moment late. An error ends
// the list.
func (t temporalWorkflows) running(ctx context.Context, workflowType string) iter.Seq2[*workflow.WorkflowExecutionInfo, error] {
	return func(yield func(*workflow.WorkflowExecutionInfo, error) bool) {
		request := &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflowType),
		}
		for {
			page, err := t.client.ListWorkflow(ctx, request)
			if err != nil {
				yield(nil, fmt.Errorf("list %s: %w", workflowType, err))
				return
			}
			for _, execution := range page.GetExecutions() {
				if !yield(execution, nil) {
					return
				}
			}
			request.NextPageToken = page.GetNextPageToken()
			if len(request.GetNextPageToken()) == 0 {
				return
			}
		}
	}
}

// field is what a workflow's search attributes or memo say under a name.
type field struct {
	from map[string]*common.Payload
	name string
	into any
}

// readFields reads those that are there.
func readFields(execution *workflow.WorkflowExecutionInfo, fields []field) error {
	for _, f := range fields {
		payload, ok := f.from[f.name]
		if !ok {
			continue
		}
		if err := converter.GetDefaultDataConverter().FromPayload(payload, f.into); err != nil {
			return fmt.Errorf("read %s of %s: %w", f.name, execution.GetExecution().GetWorkflowId(), err)
		}
	}
	return nil
}
