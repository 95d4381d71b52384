package client

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offsession/offsession/workflows"
)

// ReasonWorkflowTerminated is why a payment, or a payment method to save, needs attention when its workflow was
// terminated, canceled or timed out from outside, or failed: nobody follows it any more.
const ReasonWorkflowTerminated = "workflow_terminated"

// uncleanError says that a workflow has closed without completing. Workflows of ours never do so by themselves.
type uncleanError struct {
	workflowID string
	status     enumspb.WorkflowExecutionStatus
}

func (e *uncleanError) Error() string {
	return fmt.Sprintf("%s %s; nobody follows it any more, look in Stripe what became of it", e.workflowID, endOf(e.status))
}

// refuse is the answer to whoever wants something of that workflow.
func (e *uncleanError) refuse() *RefusedError { return &RefusedError{Message: e.Error()} }

// unclean reports whether a workflow has closed without completing.
func unclean(status enumspb.WorkflowExecutionStatus) bool { return endOf(status) != "" }

// endOf says in words how a workflow ended that did not complete; "" for all others.
func endOf(status enumspb.WorkflowExecutionStatus) string {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "was terminated"
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed out"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "was canceled in Temporal"
	case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
	}
	return ""
}

// statusName is an unclean end's name in Temporal's list filters; "" for all others.
func statusName(status enumspb.WorkflowExecutionStatus) string {
	if !unclean(status) {
		return ""
	}
	return status.String()
}

// terminatedPayment answers for a payment whose workflow did not complete: with what Stripe knows, else with what the
// workflow was started with.
func (c *Client) terminatedPayment(ctx context.Context, reference string) (Payment, error) {
	payment, err := c.paymentFromStripe(ctx, reference)
	if errors.Is(err, ErrNotFound) {
		payment, err = c.describedPayment(ctx, reference)
	}
	if err != nil {
		return Payment{}, err
	}
	payment.Reason = ReasonWorkflowTerminated
	if payment.State != workflows.PaymentPaid {
		payment.State = workflows.PaymentNeedsAttention
	}
	return payment, nil
}

// describedPayment is what the search attributes of a payment's workflow say, without its state.
func (c *Client) describedPayment(ctx context.Context, reference string) (Payment, error) {
	workflowID := workflows.PaymentID(reference)
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return Payment{}, err
	}
	description, err := temporal.DescribeWorkflow(ctx, workflowID, "")
	if isNotFound(err) {
		return Payment{}, fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return Payment{}, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	status := workflows.PaymentStatus{Reference: reference, Attempts: []workflows.Attempt{}, Refunds: []workflows.Refund{}}
	status.Customer, _ = description.TypedSearchAttributes.GetKeyword(workflows.SearchCustomer)
	status.Currency, _ = description.TypedSearchAttributes.GetKeyword(workflows.SearchCurrency)
	status.Amount, _ = description.TypedSearchAttributes.GetInt64(workflows.SearchAmount)
	return Payment{PaymentStatus: status, WorkflowID: workflowID}, nil
}
