package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

// Operation says who asks for a change and why; both are required and must not hold personal data. Due and
// PaymentMethod are for the operations that need them.
type Operation = workflows.Operation

// Answer says where the workflow stands after an operation. Pending means that Stripe had not answered within 20 s:
// the operation goes on, and the state tells later how it went.
type Answer = workflows.OperationResponse

// RetryPayment makes the next attempt now. It is refused in states that do not allow it, and when the card is the one
// that was declined for good. A second call makes a second attempt.
func (c *Client) RetryPayment(ctx context.Context, reference string, op Operation) (Answer, error) {
	return c.operatePayment(ctx, reference, workflows.UpdateRetry, Operation{Actor: op.Actor, Reason: op.Reason})
}

// ReschedulePayment moves the next automatic attempt to op.Due, at most 100 years ahead. A second call changes nothing.
func (c *Client) ReschedulePayment(ctx context.Context, reference string, op Operation) (Answer, error) {
	var i invalid
	now := time.Now()
	switch {
	case op.Due.IsZero():
		i.add("due", "", "must be given: when to charge")
	case op.Due.Before(now):
		i.add("due", op.Due.Format(time.RFC3339), "must be in the future; to charge now, use retry")
	default:
		checkDue(&i, op.Due, now)
	}
	checkOperation(&i, op)
	if err := i.result(); err != nil {
		return Answer{}, err
	}
	return c.operatePayment(ctx, reference, workflows.UpdateReschedule,
		Operation{Actor: op.Actor, Reason: op.Reason, Due: op.Due.UTC().Truncate(time.Second)})
}

// ChangePaymentMethod puts the saved method op.PaymentMethod, of the same customer, in place of the payment's own. A
// payment that waits for a retry or for its customer is attempted at once with it.
func (c *Client) ChangePaymentMethod(ctx context.Context, reference string, op Operation) (Answer, error) {
	var i invalid
	checkPaymentMethod(&i, op.PaymentMethod)
	checkOperation(&i, op)
	if err := i.result(); err != nil {
		return Answer{}, err
	}
	if c.options.Stripe != nil {
		payment, err := c.Payment(ctx, reference)
		if err != nil {
			return Answer{}, err
		}
		if _, err := c.askStripe(ctx, "customer", payment.Customer, op.PaymentMethod); err != nil {
			return Answer{}, err
		}
	}
	return c.operatePayment(ctx, reference, workflows.UpdateChangePaymentMethod,
		Operation{Actor: op.Actor, Reason: op.Reason, PaymentMethod: op.PaymentMethod})
}

// WriteOffPayment gives the payment up: every way to pay is closed, and it ends as uncollectible, unless it turns out
// to be paid.
func (c *Client) WriteOffPayment(ctx context.Context, reference string, op Operation) (Answer, error) {
	return c.operatePayment(ctx, reference, workflows.UpdateWriteOff, Operation{Actor: op.Actor, Reason: op.Reason})
}

// CancelPayment takes the payment back: every way to pay is closed, and it ends as canceled, unless it turns out to be
// paid. It refunds nothing.
func (c *Client) CancelPayment(ctx context.Context, reference string, op Operation) (Answer, error) {
	return c.operatePayment(ctx, reference, workflows.UpdateCancel, Operation{Actor: op.Actor, Reason: op.Reason})
}

// operatePayment explains, beyond operate, a payment that has no workflow any more.
func (c *Client) operatePayment(ctx context.Context, reference, update string, op Operation) (Answer, error) {
	answer, err := c.operate(ctx, reference, workflows.PaymentID(reference), update, op)
	if !errors.Is(err, ErrNotFound) {
		return answer, err
	}
	payment, stripeErr := c.paymentFromStripe(ctx, reference)
	if stripeErr != nil {
		return Answer{}, stripeErr
	}
	return Answer{}, &RefusedError{Message: fmt.Sprintf("payment %q is %s in Stripe (%s), and no workflow runs for it", reference, payment.State, payment.PaymentIntent)}
}

// operate sends an operator's Update to a workflow and waits for the answer.
func (c *Client) operate(ctx context.Context, reference, workflowID, update string, op Operation) (Answer, error) {
	if err := checkKnownReference(reference); err != nil {
		return Answer{}, err
	}
	var i invalid
	checkOperation(&i, op)
	if err := i.result(); err != nil {
		return Answer{}, err
	}
	var answer Answer
	err := c.update(ctx, sdk.UpdateWorkflowOptions{WorkflowID: workflowID, UpdateName: update, Args: []any{op}}, &answer)
	return answer, err
}

// errBetweenRuns: the run that the Update was for has continued as new without having taken it.
var errBetweenRuns = errors.New("began its next run at this moment; ask again")

// errNotTaken: the task in which the workflow took the Update was lost, and the Update with it. A workflow that ends with the
// Update loses its task when something else arrives at that moment, such as the end of an activity.
var errNotTaken = errors.New("was busy at this moment; ask again")

// update sends an Update to a workflow and waits for the answer. One that arrives while the workflow continues as new is
// sent to its next run: no run has taken it, or its answer would have been awaited before. So is one whose task was lost.
func (c *Client) update(ctx context.Context, options sdk.UpdateWorkflowOptions, answer any) error {
	const tries, apart = 10, 100 * time.Millisecond
	ctx, cancel := withAnswerTimeout(ctx)
	defer cancel()
	for try := 1; ; try++ {
		err := c.updateRun(ctx, options, answer)
		if try == tries || !errors.Is(err, errBetweenRuns) && !errors.Is(err, errNotTaken) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(apart):
		}
	}
}

// updateRun sends an Update to the present run.
func (c *Client) updateRun(ctx context.Context, options sdk.UpdateWorkflowOptions, answer any) error {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	options.WaitForStage = sdk.WorkflowUpdateStageCompleted
	handle, err := temporal.UpdateWorkflow(ctx, options)
	if err == nil {
		err = handle.Get(ctx, answer)
	}
	switch refused := refusal(err); {
	case err == nil:
		return nil
	case refused != nil:
		return refused
	case isNotFound(err):
		return c.ended(ctx, options.WorkflowID)
	}
	if _, lost := errors.AsType[*serviceerror.WorkflowNotReady](err); lost {
		return fmt.Errorf("%s %w", options.WorkflowID, errNotTaken)
	}
	return c.noAnswer(options.WorkflowID, err)
}

// ended explains why a workflow takes no Update any more: it has ended, or there is none.
func (c *Client) ended(ctx context.Context, workflowID string) error {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	description, err := temporal.DescribeWorkflow(ctx, workflowID, "")
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", workflowID, err)
	}
	if unclean(description.Status) {
		return (&uncleanError{workflowID: workflowID, status: description.Status}).refuse()
	}
	if description.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return fmt.Errorf("%s %w", workflowID, errBetweenRuns)
	}
	state, _ := description.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	if state == string(workflows.SubscriptionEnded) {
		return &RefusedError{Message: workflowID + " has ended"}
	}
	return &RefusedError{Message: fmt.Sprintf("%s has ended as %s", workflowID, state)}
}
