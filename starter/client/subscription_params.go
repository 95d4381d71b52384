package client

import (
	"context"
	"errors"
	"iter"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

var errNotBuilt = errors.New("not built yet")

// WatchSubscriptionParams describes one subscription to watch. Subscription is required.
type WatchSubscriptionParams struct {
	// Subscription is its id, sub_….
	Subscription string
	// DefaultOn is where a new payment method becomes the default. Defaults to the subscription.
	DefaultOn workflows.DefaultOn
	// PaymentMethodTypes are Stripe's names of what the customer may save. Defaults to card.
	PaymentMethodTypes []string
	// Description says what the subscription is, in messages and on the page.
	Description string
	// TimeZone is the customer's IANA zone. Defaults to metadata time_zone of the Stripe customer, then Options.TimeZone.
	TimeZone string
	// CheckoutUI is how the customer sees Checkout. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI
	// Policy defaults to dunning.DefaultSubscriptionPolicy.
	Policy *dunning.SubscriptionPolicy
}

// WatchedSubscription is the workflow that WatchSubscription led to, and how its customer can act.
type WatchedSubscription struct {
	Started
	// Link is the customer's durable link; empty without links.
	Link string `json:"link"`
}

// WatchSubscription watches a subscription that the app has made, until its first invoice above zero is paid.
func (c *Client) WatchSubscription(ctx context.Context, p WatchSubscriptionParams) (WatchedSubscription, error) {
	_, _ = ctx, p
	return WatchedSubscription{}, errNotBuilt
}

// AdoptSubscription watches a subscription with the defaults when it has an open pending SetupIntent and nobody watches it,
// and reports whether it started to.
func (c *Client) AdoptSubscription(ctx context.Context, subscription string) (bool, error) {
	_, _ = ctx, subscription
	return false, errNotBuilt
}

// Subscription is where a watched subscription stands.
type Subscription struct {
	workflows.SubscriptionStatus
	WorkflowID string `json:"workflow_id"`
	// Link is the customer's durable link; empty without links, and when there is nothing to do.
	Link string `json:"link"`
}

// Subscription answers where a watched subscription stands. ErrNotFound when it is not watched, and was not in Temporal's
// retention.
func (c *Client) Subscription(ctx context.Context, subscription string) (Subscription, error) {
	_, _ = ctx, subscription
	return Subscription{}, errNotBuilt
}

// Ready asks Stripe whether the app should give access to what the subscription is for, watched or not.
func (c *Client) Ready(ctx context.Context, subscription string) (bool, error) {
	_, _ = ctx, subscription
	return false, errNotBuilt
}

// SubscriptionFilter narrows ListSubscriptions.
type SubscriptionFilter struct {
	State    workflows.SubscriptionState
	Customer string
}

// SubscriptionSummary is a line of ListSubscriptions.
type SubscriptionSummary struct {
	Reference string                      `json:"reference"`
	State     workflows.SubscriptionState `json:"state"`
	Customer  string                      `json:"customer"`
}

// ListSubscriptions lists the watched subscriptions, newest first.
func (c *Client) ListSubscriptions(ctx context.Context, filter SubscriptionFilter) iter.Seq2[SubscriptionSummary, error] {
	_, _ = ctx, filter
	return func(yield func(SubscriptionSummary, error) bool) { yield(SubscriptionSummary{}, errNotBuilt) }
}

// UnwatchSubscription ends the watch; the subscription and its pending SetupIntent stay as they are.
func (c *Client) UnwatchSubscription(ctx context.Context, subscription string, op workflows.Operation) (workflows.OperationResponse, error) {
	_, _, _ = ctx, subscription, op
	return workflows.OperationResponse{}, errNotBuilt
}
