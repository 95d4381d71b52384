package client

import (
	"context"
	"iter"
	"time"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/workflows"
)

// AgreementFilter selects agreements. An empty field selects all.
type AgreementFilter struct {
	State    workflows.AgreementState
	Customer string
}

// AgreementSummary is an agreement as Temporal's visibility shows it, a moment behind.
type AgreementSummary struct {
	Reference  string                   `json:"reference"`
	WorkflowID string                   `json:"workflow_id"`
	State      workflows.AgreementState `json:"state"`
	Customer   string                   `json:"customer"`
	// Amount is 0 when the app is asked for it.
	Amount       int64     `json:"amount"`
	Currency     string    `json:"currency"`
	NextActionAt time.Time `json:"next_action_at,omitzero"`
	// ExecutionStatus is Temporal's Terminated, Failed, TimedOut or Canceled when the workflow did not end by itself: the
	// agreement needs attention, whatever its last state was. Empty otherwise.
	ExecutionStatus string `json:"execution_status,omitempty"`
}

// agreementStates are all states that an agreement can be listed by.
var agreementStates = []workflows.AgreementState{
	workflows.AgreementSavingCard, workflows.AgreementActive, workflows.AgreementOnHold, workflows.AgreementPaused,
	workflows.AgreementNeedsAttention, workflows.AgreementSettling, workflows.AgreementCompleted, workflows.AgreementCanceled,
}

// ListAgreements lists the agreements, those first whose last date was latest, page by page as they are asked for. The
// first error ends the sequence.
func (c *Client) ListAgreements(ctx context.Context, filter AgreementFilter) iter.Seq2[AgreementSummary, error] {
	query, err := stateQuery(workflows.TypeBillingAgreement, agreementStates, filter.State, workflows.AgreementNeedsAttention, filter.Customer)
	return list(ctx, c, "agreements", query, err, agreementSummaryOf)
}

func agreementSummaryOf(execution *workflow.WorkflowExecutionInfo) AgreementSummary {
	s := AgreementSummary{WorkflowID: execution.GetExecution().GetWorkflowId()}
	s.Reference = workflows.ReferenceOf(s.WorkflowID)
	readSearchAttribute(execution, workflows.SearchState, &s.State)
	if unclean(execution.GetStatus()) {
		s.State, s.ExecutionStatus = workflows.AgreementNeedsAttention, statusName(execution.GetStatus())
	}
	readSearchAttribute(execution, workflows.SearchCustomer, &s.Customer)
	readSearchAttribute(execution, workflows.SearchCurrency, &s.Currency)
	readSearchAttribute(execution, workflows.SearchAmount, &s.Amount)
	readSearchAttribute(execution, workflows.SearchNextActionAt, &s.NextActionAt)
	return s
}
