package client

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"

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
	return func(yield func(PaymentSummary, error) bool) {
		query, err := paymentQuery(filter)
		if err != nil {
			yield(PaymentSummary{}, err)
			return
		}
		temporal, err := c.connection.get(ctx)
		if err != nil {
			yield(PaymentSummary{}, err)
			return
		}
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: query}
		for {
			page, err := temporal.ListWorkflow(ctx, request)
			if err != nil {
				yield(PaymentSummary{}, fmt.Errorf("list payments: %w", err))
				return
			}
			for _, execution := range page.GetExecutions() {
				if !yield(summaryOf(execution), nil) {
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

// uncleanStatuses are those of workflows that did not end by themselves, in a visibility query.
const uncleanStatuses = "'Terminated', 'Failed', 'TimedOut', 'Canceled'"

// paymentQuery is a visibility query. The values in it have been checked: none has a quote.
func paymentQuery(filter PaymentFilter) (string, error) {
	// A payment that continued as new is several executions, of which the last one counts.
	terms := []string{
		fmt.Sprintf("WorkflowType = '%s'", workflows.TypeCollectPayment),
		"ExecutionStatus != 'ContinuedAsNew'",
	}
	var i invalid
	if filter.State != "" {
		if !slices.Contains(paymentStates, filter.State) {
			names := make([]string, len(paymentStates))
			for n, state := range paymentStates {
				names[n] = string(state)
			}
			i.add("state", string(filter.State), "must be one of "+strings.Join(names, ", "))
		}
		state := fmt.Sprintf("%s = '%s'", workflows.SearchState.GetName(), filter.State)
		if filter.State == workflows.PaymentNeedsAttention {
			terms = append(terms, fmt.Sprintf("(%s OR ExecutionStatus IN (%s))", state, uncleanStatuses))
		} else {
			terms = append(terms, state, "ExecutionStatus IN ('Running', 'Completed')")
		}
	}
	if filter.Customer != "" {
		checkCustomer(&i, "customer", filter.Customer)
		terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.SearchCustomer.GetName(), filter.Customer))
	}
	return strings.Join(terms, " AND "), i.result()
}

func summaryOf(execution *workflow.WorkflowExecutionInfo) PaymentSummary {
	s := PaymentSummary{
		WorkflowID: execution.GetExecution().GetWorkflowId(),
		StartedAt:  execution.GetStartTime().AsTime(),
	}
	s.Reference = workflows.ReferenceOf(s.WorkflowID)
	read := func(key sdktemporal.SearchAttributeKey, into any) {
		payload, ok := execution.GetSearchAttributes().GetIndexedFields()[key.GetName()]
		if !ok {
			return
		}
		// A value of another type stays empty: visibility is for finding payments, not for deciding by.
		_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
	read(workflows.SearchState, &s.State)
	if unclean(execution.GetStatus()) {
		s.State, s.ExecutionStatus = workflows.PaymentNeedsAttention, statusName(execution.GetStatus())
	}
	read(workflows.SearchCustomer, &s.Customer)
	read(workflows.SearchCurrency, &s.Currency)
	read(workflows.SearchAmount, &s.Amount)
	read(workflows.SearchDeclineCode, &s.DeclineCode)
	read(workflows.SearchNextActionAt, &s.NextActionAt)
	return s
}
