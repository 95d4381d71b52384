package client

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// AdoptDecision is what became of a subscription that might be adopted.
type AdoptDecision string

// The decisions.
const (
	// AdoptWould: it would be watched, if this were not a dry run.
	AdoptWould AdoptDecision = "would_adopt"
	// Adopted: the watch has begun.
	Adopted AdoptDecision = "adopted"
	// AdoptWatchedAlready: it is being watched.
	AdoptWatchedAlready AdoptDecision = "watched_already"
	// AdoptUnwatched: somebody has ended the watch of it; only WatchSubscription begins another one.
	AdoptUnwatched AdoptDecision = "unwatched"
	// AdoptNothingPending: its pending SetupIntent is not open, or it has none.
	AdoptNothingPending AdoptDecision = "nothing_pending"
	// AdoptSendInvoice: it sends invoices, nothing is charged.
	AdoptSendInvoice AdoptDecision = "send_invoice"
	// AdoptFailed: Stripe or Temporal did not let it through.
	AdoptFailed AdoptDecision = "failed"
)

// AdoptSubscription watches a subscription with the defaults when it has an open pending SetupIntent, charges automatically,
// and nobody watches it; it reports whether it started to. Stripe is asked, whatever the caller knows. One that Stripe does
// not know is not watched, and neither is one whose watch somebody has ended with UnwatchSubscription, as long as Temporal
// remembers. Called again, it does nothing. It needs Options.Stripe.
func (c *Client) AdoptSubscription(ctx context.Context, subscription string) (bool, error) {
	if err := knownSubscription(subscription); err != nil {
		return false, err
	}
	if c.options.Stripe == nil {
		return false, withoutStripeRefused(subscription, "adopted")
	}
	decision, err := c.adopt(ctx, subscription, func(context.Context) error { return nil })
	return decision == Adopted, err
}

// adopt is AdoptSubscription, with a pause before each of its requests to Stripe.
func (c *Client) adopt(ctx context.Context, subscription string, pause func(context.Context) error) (AdoptDecision, error) {
	if err := pause(ctx); err != nil {
		return AdoptFailed, err
	}
	sub, err := c.options.Stripe.Subscription(ctx, subscription)
	if activities.IsStripeError(err, activities.StripeMissing) {
		return AdoptNothingPending, nil
	}
	if err != nil {
		return AdoptFailed, fmt.Errorf("look up %s: %w", subscription, err)
	}
	decision, err := c.whetherToAdopt(ctx, sub)
	if err != nil || decision != AdoptWould {
		return decision, err
	}
	in, err := c.watchInput(WatchSubscriptionParams{Subscription: sub.ID})
	if err != nil {
		return AdoptFailed, err
	}
	if err := pause(ctx); err != nil {
		return AdoptFailed, err
	}
	in.Customer = sub.Customer
	if in.TimeZone, err = c.zoneFor(ctx, "", in.Customer); err != nil {
		return AdoptFailed, err
	}
	started, err := c.startWatch(ctx, in)
	if _, otherwise := errors.AsType[*RefusedError](err); otherwise || started.AlreadyStarted {
		return AdoptWatchedAlready, nil // somebody was faster, with whatever values
	}
	if err != nil {
		return AdoptFailed, err
	}
	return Adopted, nil
}

// whetherToAdopt decides by what Stripe and Temporal show. It starts nothing.
func (c *Client) whetherToAdopt(ctx context.Context, sub activities.Subscription) (AdoptDecision, error) {
	switch {
	case sub.SendInvoice:
		return AdoptSendInvoice, nil
	case sub.PendingSetupIntent == nil, !isOpen(sub.PendingSetupIntent.Status):
		return AdoptNothingPending, nil
	}
	workflowID := workflows.SubscriptionID(sub.ID)
	last, found, err := c.describe(ctx, workflowID)
	if err != nil {
		return AdoptFailed, err
	}
	if !found || last.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && last.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		return AdoptWould, nil
	}
	if last.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return AdoptWatchedAlready, nil
	}
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return AdoptFailed, err
	}
	var ended workflows.DeferredSubscriptionResult
	if err := temporal.GetWorkflow(ctx, workflowID, last.WorkflowExecution.RunID).Get(ctx, &ended); err != nil {
		return AdoptFailed, fmt.Errorf("read how %s ended: %w", workflowID, err)
	}
	switch ended.Reason {
	case workflows.SubscriptionReasonUnwatched:
		return AdoptUnwatched, nil
	case workflows.SubscriptionReasonCanceled, workflows.SubscriptionReasonIncompleteExpired:
		// The subscription has ended, and its SetupIntent was canceled as far as Stripe allows.
		return AdoptNothingPending, nil
	}
	return AdoptWould, nil
}

// isOpen reports whether a SetupIntent can still succeed.
func isOpen(status activities.SetupIntentStatus) bool {
	return status != activities.SetupIntentSucceeded && status != activities.SetupIntentCanceled
}
