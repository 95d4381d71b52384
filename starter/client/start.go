package client

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// Started is the workflow that a start led to.
type Started struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	// AlreadyStarted says that an earlier call with the same values started it.
	AlreadyStarted bool `json:"already_started,omitempty"`
	// call names the call that started it, where that is kept; callers of ours get it empty.
	call string
}

// startOptions are the same for every workflow of ours.
func (c *Client) startOptions(workflowID string, input starts.First, attributes sdktemporal.SearchAttributes, summary string) sdk.StartWorkflowOptions {
	return starts.Options(workflowID, c.options.TaskQueue, input, attributes, summary)
}

// startOnce starts a workflow, or answers the one with that id when it has the same first input, which is in the memo
// that the options hold.
func (c *Client) startOnce(ctx context.Context, options sdk.StartWorkflowOptions, workflowType string, in, defaults any) (Started, error) {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return Started{}, err
	}
	run, err := temporal.ExecuteWorkflow(ctx, options, workflowType, in)
	if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); taken {
		input, _ := options.Memo[workflows.MemoInput].(starts.First)
		s, found, err := c.existing(ctx, options.ID, input, defaults)
		if err == nil && !found {
			err = fmt.Errorf("%s has just ended and left Temporal's retention", options.ID)
		}
		return s, err
	}
	if err != nil {
		return Started{}, fmt.Errorf("start %s: %w", options.ID, err)
	}
	return Started{WorkflowID: run.GetID(), RunID: run.GetRunID()}, nil
}

// existing describes a workflow, open or closed, and compares its first input with the one given: the same, and it is
// the answer; another, and the error is a RefusedError that names the first difference. One that did not end by itself is
// refused too: what it stands for is not settled. found is false when there is no such workflow.
func (c *Client) existing(ctx context.Context, workflowID string, now starts.First, defaults any) (_ Started, found bool, _ error) {
	description, found, err := c.describe(ctx, workflowID)
	if err != nil || !found {
		return Started{}, false, err
	}
	before, err := starts.FirstIn(description.Memo)
	if err != nil {
		return Started{}, true, notOurs(workflowID, err)
	}
	diff, different, err := starts.Differ(before, now, defaults)
	if err != nil {
		return Started{}, true, fmt.Errorf("compare with %s: %w", workflowID, err)
	}
	if different {
		return Started{}, true, &RefusedError{Message: fmt.Sprintf("reference %q is used already, with %s", workflows.ReferenceOf(workflowID), diff)}
	}
	if unclean(description.Status) {
		return Started{}, true, (&uncleanError{workflowID: workflowID, status: description.Status}).refuse()
	}
	return Started{
		WorkflowID: workflowID, RunID: description.WorkflowExecution.RunID, AlreadyStarted: true, call: callIn(description.Memo),
	}, true, nil
}

// describe asks Temporal for a workflow, open or closed. found is false when there is none.
func (c *Client) describe(ctx context.Context, workflowID string) (_ *sdk.WorkflowExecutionDescription, found bool, _ error) {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return nil, false, err
	}
	description, err := temporal.DescribeWorkflow(ctx, workflowID, "")
	if isNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	return description, true, nil
}

// notOurs refuses a workflow id that something else than offsession uses.
func notOurs(workflowID string, err error) error {
	return &RefusedError{Message: fmt.Sprintf("%s exists, and was not started by offsession: %v", workflowID, err)}
}

// askStripe checks customer and payment method (either may be empty) and answers the customer's own time zone, if it
// has one that exists. An error that is an InvalidError says that Stripe does not know them, or not together.
func (c *Client) askStripe(ctx context.Context, customerField, customer, paymentMethod string) (zone string, _ error) {
	if c.options.Stripe == nil {
		return "", nil
	}
	var i invalid
	if customer != "" {
		found, err := c.options.Stripe.Customer(ctx, customer)
		switch {
		case activities.IsStripeError(err, activities.StripeMissing):
			i.add(customerField, customer, "Stripe has no such customer under this key")
		case err != nil:
			return "", fmt.Errorf("look up customer %s: %w", customer, err)
		case found.Deleted:
			i.add(customerField, customer, "this customer was deleted in Stripe")
		case config.CheckTimeZone(found.TimeZone) == nil:
			zone = found.TimeZone
		}
	}
	if paymentMethod != "" {
		found, err := c.options.Stripe.PaymentMethod(ctx, paymentMethod)
		switch {
		case activities.IsStripeError(err, activities.StripeMissing):
			i.add("payment_method", paymentMethod, "Stripe has no such payment method under this key")
		case err != nil:
			return "", fmt.Errorf("look up payment method %s: %w", paymentMethod, err)
		case found.Customer == "":
			i.add("payment_method", paymentMethod, fmt.Sprintf("it is not attached to a customer; must be attached to %s", customer))
		case found.Customer != customer:
			i.add("payment_method", paymentMethod, fmt.Sprintf("it belongs to another customer; must be attached to %s", customer))
		}
	}
	return zone, i.result()
}

func isInvalid(err error) bool {
	var invalid *InvalidError
	return errors.As(err, &invalid)
}
