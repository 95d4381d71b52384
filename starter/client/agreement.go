package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/offsession/offsession/workflows"
)

// Agreement is where a billing agreement stands.
type Agreement struct {
	workflows.AgreementStatus
	WorkflowID string `json:"workflow_id"`
	// Link is where the customer can save a payment method; empty without links, or when none is asked for.
	Link string `json:"link"`
}

// Agreement answers where an agreement stands. When its workflow was terminated or failed, so that nobody charges any
// more, it needs attention with the reason workflow_terminated, and little else is known. The error is ErrNotFound when
// Temporal does not know it, or not any more: its payments are in Stripe.
func (c *Client) Agreement(ctx context.Context, reference string) (Agreement, error) {
	if err := checkKnownReference(reference); err != nil {
		return Agreement{}, err
	}
	workflowID := workflows.AgreementID(reference)
	var status workflows.AgreementStatus
	err := c.query(ctx, workflowID, &status)
	if _, unclean := errors.AsType[*uncleanError](err); unclean {
		return c.terminatedAgreement(ctx, reference)
	}
	if err != nil {
		return Agreement{}, err
	}
	agreement := Agreement{AgreementStatus: status, WorkflowID: workflowID}
	if status.SavePaymentMethod != "" && c.options.Links != nil {
		saved, err := c.SavedPaymentMethod(ctx, status.SavePaymentMethod)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Agreement{}, err
		}
		agreement.Link = saved.Link
	}
	return agreement, nil
}

// terminatedAgreement is what the search attributes of a workflow that did not complete say.
func (c *Client) terminatedAgreement(ctx context.Context, reference string) (Agreement, error) {
	workflowID := workflows.AgreementID(reference)
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return Agreement{}, err
	}
	description, err := temporal.DescribeWorkflow(ctx, workflowID, "")
	if isNotFound(err) {
		return Agreement{}, fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return Agreement{}, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	status := workflows.AgreementStatus{
		Reference: reference, State: workflows.AgreementNeedsAttention, Reason: ReasonWorkflowTerminated, Payments: []workflows.AgreementPayment{},
	}
	status.Customer, _ = description.TypedSearchAttributes.GetKeyword(workflows.SearchCustomer)
	status.Currency, _ = description.TypedSearchAttributes.GetKeyword(workflows.SearchCurrency)
	status.Amount, _ = description.TypedSearchAttributes.GetInt64(workflows.SearchAmount)
	return Agreement{AgreementStatus: status, WorkflowID: workflowID}, nil
}

// WaitAgreement returns when the agreement has ended, and how: completed or canceled. Give ctx a deadline: agreements last
// for years. The error is ErrNotFound when there is no such agreement, and ctx's when it is done first.
func (c *Client) WaitAgreement(ctx context.Context, reference string) (Agreement, error) {
	if err := checkKnownReference(reference); err != nil {
		return Agreement{}, err
	}
	ended := func(state string) bool { return workflows.AgreementState(state).Ended() }
	if err := c.waitEnded(ctx, workflows.AgreementID(reference), ended); err != nil {
		return Agreement{}, err
	}
	return c.Agreement(ctx, reference)
}
