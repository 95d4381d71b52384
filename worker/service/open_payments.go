package service

import (
	"context"
	"fmt"
	"iter"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// OpenPayments lists the payments that have not ended, as Temporal's visibility knows them: a moment late.
func (t temporalWorkflows) OpenPayments(ctx context.Context) iter.Seq2[activities.OpenPayment, error] {
	return func(yield func(activities.OpenPayment, error) bool) {
		request := &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.TypeCollectPayment),
		}
		for {
			page, err := t.client.ListWorkflow(ctx, request)
			if err != nil {
				yield(activities.OpenPayment{}, fmt.Errorf("%w: %w", activities.ErrOpenPayments, err))
				return
			}
			for _, execution := range page.GetExecutions() {
				if open, err := openPayment(execution); !yield(open, err) || err != nil {
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

// openPayment reads what a payment is for from its search attributes.
func openPayment(execution *workflow.WorkflowExecutionInfo) (activities.OpenPayment, error) {
	open := activities.OpenPayment{Reference: workflows.ReferenceOf(execution.GetExecution().GetWorkflowId())}
	for name, into := range map[string]any{
		workflows.SearchCustomer.GetName(): &open.Customer,
		workflows.SearchAmount.GetName():   &open.Amount,
		workflows.SearchCurrency.GetName(): &open.Currency,
	} {
		payload, ok := execution.GetSearchAttributes().GetIndexedFields()[name]
		if !ok {
			continue
		}
		if err := converter.GetDefaultDataConverter().FromPayload(payload, into); err != nil {
			return open, fmt.Errorf("%w: %s of %s: %w", activities.ErrOpenPayments, name, open.Reference, err)
		}
	}
	return open, nil
}
