package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/offsession/offsession/workflows"
)

// Subscription is where a watched subscription stands.
type Subscription struct {
	workflows.SubscriptionStatus
	WorkflowID string `json:"workflow_id"`
	// Link is the customer's durable link; empty without links, and when there is nothing to do.
	Link string `json:"link"`
}

// Subscription answers where a watched subscription stands, as its watch read it last; Ready asks Stripe itself. When its
// workflow was terminated or failed, so that nobody watches any more, it is at risk with the reason workflow_terminated, and
// little else is known. The error is ErrNotFound when it is not watched, and was not within Temporal's retention.
func (c *Client) Subscription(ctx context.Context, subscription string) (Subscription, error) {
	if err := knownSubscription(subscription); err != nil {
		return Subscription{}, err
	}
	workflowID := workflows.SubscriptionID(subscription)
	var status workflows.SubscriptionStatus
	err := c.query(ctx, workflowID, &status)
	if _, unclean := errors.AsType[*uncleanError](err); unclean {
		return c.terminatedSubscription(ctx, subscription)
	}
	if err != nil {
		return Subscription{}, err
	}
	s := Subscription{SubscriptionStatus: status, WorkflowID: workflowID}
	switch status.Need {
	case workflows.NeedConfirmation, workflows.NeedPaymentMethod, workflows.NeedInvoicePaid:
		s.Link = c.link(workflowID, status.LinkExpires)
	case workflows.NeedBank:
	}
	return s, nil
}

// terminatedSubscription is what the search attributes of a workflow that did not complete say.
func (c *Client) terminatedSubscription(ctx context.Context, subscription string) (Subscription, error) {
	workflowID := workflows.SubscriptionID(subscription)
	description, found, err := c.describe(ctx, workflowID)
	if err != nil {
		return Subscription{}, err
	}
	if !found {
		return Subscription{}, fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	status := workflows.SubscriptionStatus{
		Reference: subscription, State: workflows.SubscriptionAtRisk, Reason: ReasonWorkflowTerminated, Steps: []workflows.SubscriptionStep{},
	}
	status.Customer, _ = description.TypedSearchAttributes.GetKeyword(workflows.SearchCustomer)
	return Subscription{SubscriptionStatus: status, WorkflowID: workflowID}, nil
}

// UnwatchSubscription ends the watch; the subscription and its pending SetupIntent stay as they are, and the customer hears
// no more of it. Nothing but WatchSubscription begins another one. It is refused when the watch has ended.
func (c *Client) UnwatchSubscription(ctx context.Context, subscription string, op Operation) (Answer, error) {
	if err := knownSubscription(subscription); err != nil {
		return Answer{}, err
	}
	return c.operate(ctx, subscription, workflows.SubscriptionID(subscription), workflows.UpdateCancel, Operation{Actor: op.Actor, Reason: op.Reason})
}

// WaitSubscription returns when the watch has ended, and how: the subscription's first invoice above zero is paid, or there is
// nothing to watch any more. Give ctx a deadline: a trial lasts for weeks, a free plan for years. The error is ErrNotFound
// when the subscription is not watched, and ctx's when it is done first.
func (c *Client) WaitSubscription(ctx context.Context, subscription string) (Subscription, error) {
	if err := knownSubscription(subscription); err != nil {
		return Subscription{}, err
	}
	ended := func(state string) bool { return workflows.SubscriptionState(state).Ended() }
	if err := c.waitEnded(ctx, workflows.SubscriptionID(subscription), ended); err != nil {
		return Subscription{}, err
	}
	return c.Subscription(ctx, subscription)
}
