package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/offsession/offsession/workflows"
)

// Payment is where a payment stands.
type Payment struct {
	workflows.PaymentStatus
	WorkflowID string `json:"workflow_id"`
	// Link is where the customer can act; empty without links, or when no workflow runs.
	Link string `json:"link"`
	// Owner is the workflow that the payment came from when it was not started by itself.
	Owner string `json:"owner"`
}

// Payment answers where a payment stands. When Temporal does not know it, because it was never started or has ended
// longer ago than retention, Stripe is asked: what is found there has fewer details. The error is ErrNotFound when
// neither knows it.
func (c *Client) Payment(ctx context.Context, reference string) (Payment, error) {
	if err := checkKnownReference(reference); err != nil {
		return Payment{}, err
	}
	workflowID := workflows.PaymentID(reference)
	var status workflows.PaymentStatus
	err := c.query(ctx, workflowID, &status)
	if errors.Is(err, ErrNotFound) {
		return c.paymentFromStripe(ctx, reference)
	}
	if err != nil {
		return Payment{}, err
	}
	return Payment{PaymentStatus: status, WorkflowID: workflowID, Link: c.link(workflowID, status.LinkExpires)}, nil
}

// query asks a workflow, running or ended, for its status.
func (c *Client) query(ctx context.Context, workflowID string, status any) error {
	ctx, cancel := withAnswerTimeout(ctx)
	defer cancel()
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	value, err := temporal.QueryWorkflow(ctx, workflowID, "", workflows.QueryStatus)
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return c.noAnswer(workflowID, err)
	}
	if err := value.Get(status); err != nil {
		return fmt.Errorf("%s: read its status: %w", workflowID, err)
	}
	return nil
}

// checkKnownReference accepts the references of callers, and those that offsession makes itself, with a tilde.
func checkKnownReference(reference string) error {
	var i invalid
	if workflows.CheckReference(strings.ReplaceAll(reference, "~", "-")) != nil {
		i.err("reference", reference, workflows.CheckReference(reference))
	}
	return i.result()
}
