package service

import (
	"context"
	"fmt"
	"iter"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// OpenPayments lists the payments that have not ended.
func (t temporalWorkflows) OpenPayments(ctx context.Context) iter.Seq2[activities.OpenPayment, error] {
	return func(yield func(activities.OpenPayment, error) bool) {
		for execution, err := range t.running(ctx, workflows.TypeCollectPayment) {
			var open activities.OpenPayment
			if err == nil {
				open, err = openPayment(execution)
			}
			if err != nil {
				yield(activities.OpenPayment{}, fmt.Errorf("%w: %w", activities.ErrOpenPayments, err))
				return
			}
			if !yield(open, nil) {
				return
			}
		}
	}
}

// openPayment reads what a payment is for from its search attributes.
func openPayment(execution *workflow.WorkflowExecutionInfo) (activities.OpenPayment, error) {
	open := activities.OpenPayment{Reference: workflows.ReferenceOf(execution.GetExecution().GetWorkflowId())}
	attributes := execution.GetSearchAttributes().GetIndexedFields()
	err := readFields(execution, []field{
		{attributes, workflows.SearchCustomer.GetName(), &open.Customer},
		{attributes, workflows.SearchAmount.GetName(), &open.Amount},
		{attributes, workflows.SearchCurrency.GetName(), &open.Currency},
	})
	return open, err
}
