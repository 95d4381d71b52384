package client

import (
	"context"
	"errors"

	"github.com/offsession/offsession/workflows"
)

// SavedPaymentMethod is where saving a payment method stands.
type SavedPaymentMethod struct {
	workflows.SetupStatus
	WorkflowID string `json:"workflow_id"`
	// Link is the customer's durable link; empty without links.
	Link string `json:"link"`
}

// SavedPaymentMethod answers where saving a payment method stands; once saved, it names the method. When its
// workflow was terminated or failed, it needs attention with the reason workflow_terminated. The error is ErrNotFound when
// Temporal does not know it, or not any more: the method itself is in Stripe.
func (c *Client) SavedPaymentMethod(ctx context.Context, reference string) (SavedPaymentMethod, error) {
	if err := checkKnownReference(reference); err != nil {
		return SavedPaymentMethod{}, err
	}
	workflowID := workflows.SavePaymentMethodID(reference)
	var status workflows.SetupStatus
	err := c.query(ctx, workflowID, &status)
	if _, unclean := errors.AsType[*uncleanError](err); unclean {
		status = workflows.SetupStatus{Reference: reference, Reason: ReasonWorkflowTerminated}
		status.State = workflows.SetupNeedsAttention
		return SavedPaymentMethod{SetupStatus: status, WorkflowID: workflowID}, nil
	}
	if err != nil {
		return SavedPaymentMethod{}, err
	}
	return SavedPaymentMethod{SetupStatus: status, WorkflowID: workflowID, Link: c.link(workflowID, status.LinkExpires)}, nil
}

// CancelSavePaymentMethod closes Checkout and ends as canceled, unless the customer was faster. It detaches nothing.
func (c *Client) CancelSavePaymentMethod(ctx context.Context, reference string, op Operation) (Answer, error) {
	return c.operate(ctx, reference, workflows.SavePaymentMethodID(reference), workflows.UpdateCancel, Operation{Actor: op.Actor, Reason: op.Reason})
}
