package client

import (
	"context"
	"iter"
	"time"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/workflows"
)

// PaymentFilter selects payments. An empty field selects all.
type PaymentFilter struct {
	State    workflows.PaymentState
	Customer string
}

// PaymentSummary is a payment as Temporal's visibility shows it, a moment behind.
type PaymentSummary struct {
	Reference    string                 `json:"reference"`
	WorkflowID   string                 `json:"workflow_id"`
	State        workflows.PaymentState `json:"state"`
	Customer     string                 `json:"customer"`
	Amount       int64                  `json:"amount"`
	Currency     string                 `json:"currency"`
	DeclineCode  string                 `json:"decline_code,omitempty"`
	NextActionAt time.Time              `json:"next_action_at,omitzero"`
	StartedAt    time.Time              `json:"started_at"`
	// ExecutionStatus is Temporal's Terminated, Failed, TimedOut or Canceled when the workflow did not end by itself: the
	// payment needs attention, whatever its last state was. Empty otherwise.
	ExecutionStatus string `json:"execution_status,omitempty"`
}

// paymentStates are all states that a payment can be listed by.
var paymentStates = []workflows.PaymentState{
	workflows.PaymentScheduled, workflows.PaymentCharging, workflows.PaymentProcessing, workflows.PaymentRetryScheduled,
	workflows.PaymentAwaitingCustomer, workflows.PaymentNeedsAttention,
	workflows.PaymentPaid, workflows.PaymentUncollectible, workflows.PaymentCanceled,
}

// ListPayments lists the payments that have a workflow, newest first, page by page as they are asked for. The first
// error ends the sequence.
func (c *Client) ListPayments(ctx context.Context, filter PaymentFilter) iter.Seq2[PaymentSummary, error] {
	query, err := paymentQuery(filter)
	return list(ctx, c, "payments", query, err, summaryOf)
}

func paymentQuery(filter PaymentFilter) (string, error) {
	return stateQuery(workflows.TypeCollectPayment, paymentStates, filter.State, workflows.PaymentNeedsAttention, filter.Customer)
}

func summaryOf(execution *workflow.WorkflowExecutionInfo) PaymentSummary {
	s := PaymentSummary{
		WorkflowID: execution.GetExecution().GetWorkflowId(),
		StartedAt:  execution.GetStartTime().AsTime(),
	}
	s.Reference = workflows.ReferenceOf(s.WorkflowID)
	readSearchAttribute(execution, workflows.SearchState, &s.State)
	if unclean(execution.GetStatus()) {
		s.State, s.ExecutionStatus = workflows.PaymentNeedsAttention, statusName(execution.GetStatus())
	}
	readSearchAttribute(execution, workflows.SearchCustomer, &s.Customer)
	readSearchAttribute(execution, workflows.SearchCurrency, &s.Currency)
	readSearchAttribute(execution, workflows.SearchAmount, &s.Amount)
	readSearchAttribute(execution, workflows.SearchDeclineCode, &s.DeclineCode)
	readSearchAttribute(execution, workflows.SearchNextActionAt, &s.NextActionAt)
	return s
}
