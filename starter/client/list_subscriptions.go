package client

import (
	"context"
	"iter"
	"time"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/workflows"
)

// SubscriptionFilter selects watched subscriptions. An empty field selects all.
type SubscriptionFilter struct {
	State    workflows.SubscriptionState
	Customer string
}

// SubscriptionSummary is a watched subscription as Temporal's visibility shows it, a moment behind.
type SubscriptionSummary struct {
	// Reference is the subscription's id.
	Reference    string                      `json:"reference"`
	WorkflowID   string                      `json:"workflow_id"`
	State        workflows.SubscriptionState `json:"state"`
	Customer     string                      `json:"customer"`
	NextActionAt time.Time                   `json:"next_action_at,omitzero"`
	StartedAt    time.Time                   `json:"started_at"`
	// ExecutionStatus is Temporal's Terminated, Failed, TimedOut or Canceled when the workflow did not end by itself: the
	// subscription is at risk, whatever its last state was. Empty otherwise.
	ExecutionStatus string `json:"execution_status,omitempty"`

	runID string
}

// subscriptionStates are all states that a watched subscription can be listed by.
var subscriptionStates = []workflows.SubscriptionState{
	workflows.SubscriptionNoActionNeeded, workflows.SubscriptionRequiresAction, workflows.SubscriptionRequiresPaymentMethod,
	workflows.SubscriptionProcessing, workflows.SubscriptionReady, workflows.SubscriptionAtRisk,
	workflows.SubscriptionReadyAndPaid, workflows.SubscriptionEnded,
}

// ListSubscriptions lists the watched subscriptions, newest first, page by page as they are asked for. Of several watches of
// one subscription it lists the last. The first error ends the sequence.
func (c *Client) ListSubscriptions(ctx context.Context, filter SubscriptionFilter) iter.Seq2[SubscriptionSummary, error] {
	query, err := stateQuery(workflows.TypeDeferredSubscription, subscriptionStates, filter.State, workflows.SubscriptionAtRisk, filter.Customer)
	return func(yield func(SubscriptionSummary, error) bool) {
		listed := map[string]bool{}
		for s, err := range list(ctx, c, "subscriptions", query, err, subscriptionSummaryOf) {
			if err == nil && listed[s.WorkflowID] {
				continue
			}
			listed[s.WorkflowID] = true
			if err == nil && s.ExecutionStatus != "" {
				// A watch that was terminated is nobody's worry once there is another one.
				if last, found, describeErr := c.describe(ctx, s.WorkflowID); describeErr != nil {
					s, err = SubscriptionSummary{}, describeErr
				} else if found && last.WorkflowExecution.RunID != s.runID {
					continue
				}
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func subscriptionSummaryOf(execution *workflow.WorkflowExecutionInfo) SubscriptionSummary {
	s := SubscriptionSummary{
		WorkflowID: execution.GetExecution().GetWorkflowId(),
		StartedAt:  execution.GetStartTime().AsTime(),
		runID:      execution.GetExecution().GetRunId(),
	}
	s.Reference = workflows.ReferenceOf(s.WorkflowID)
	readSearchAttribute(execution, workflows.SearchState, &s.State)
	if unclean(execution.GetStatus()) {
		s.State, s.ExecutionStatus = workflows.SubscriptionAtRisk, statusName(execution.GetStatus())
	}
	readSearchAttribute(execution, workflows.SearchCustomer, &s.Customer)
	readSearchAttribute(execution, workflows.SearchNextActionAt, &s.NextActionAt)
	return s
}
