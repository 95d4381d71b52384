package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

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
// longer ago than retention, Stripe is asked: what is found there has fewer details. When its workflow was terminated or
// failed, so that nobody follows the payment any more, it needs attention with the reason workflow_terminated, unless
// Stripe says that it is paid. The error is ErrNotFound when neither knows it.
func (c *Client) Payment(ctx context.Context, reference string) (Payment, error) {
	if err := checkKnownReference(reference); err != nil {
		return Payment{}, err
	}
	workflowID := workflows.PaymentID(reference)
	var status workflows.PaymentStatus
	err := c.query(ctx, workflowID, &status)
	switch _, unclean := errors.AsType[*uncleanError](err); {
	case unclean:
		return c.terminatedPayment(ctx, reference)
	case errors.Is(err, ErrNotFound):
		return c.paymentFromStripe(ctx, reference)
	case err != nil:
		return Payment{}, err
	}
	return Payment{PaymentStatus: status, WorkflowID: workflowID, Link: c.link(workflowID, status.LinkExpires), Owner: status.Owner}, nil
}

// query asks a workflow, running or ended, for its status. The error is an *uncleanError when the workflow did not end by
// itself: the last status that it had would promise what nobody keeps any more.
func (c *Client) query(ctx context.Context, workflowID string, status any) error {
	ctx, cancel := withAnswerTimeout(ctx)
	defer cancel()
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	var answer *sdk.QueryWorkflowWithOptionsResponse
	// One that continues as new in this moment is asked again: the next run answers.
	for answer == nil || answer.QueryRejected.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		answer, err = temporal.QueryWorkflowWithOptions(ctx, &sdk.QueryWorkflowWithOptionsRequest{
			WorkflowID:           workflowID,
			QueryType:            workflows.QueryStatus,
			QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
		})
		if err != nil {
			break
		}
	}
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return c.noAnswer(workflowID, err)
	}
	if answer.QueryRejected != nil {
		return &uncleanError{workflowID: workflowID, status: answer.QueryRejected.GetStatus()}
	}
	if err := answer.QueryResult.Get(status); err != nil {
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
