package client

import (
	"context"
	"fmt"
	"time"

	"github.com/offsession/offsession/activities"
)

// Ready asks Stripe whether the app should give access to what the subscription is for, watched or not: it is active or
// trialing, and its payment method is set up. The error is ErrNotFound when Stripe does not know the subscription. It needs
// Options.Stripe, and changes nothing.
func (c *Client) Ready(ctx context.Context, subscription string) (bool, error) {
	reading, err := c.ReadSubscription(ctx, subscription)
	return reading.Ready(), err
}

// ReadSubscription is Ready with all that it is decided by. Times of a subscription on a test clock are as far from now as
// they are from the clock.
func (c *Client) ReadSubscription(ctx context.Context, subscription string) (activities.SubscriptionReading, error) {
	if err := knownSubscription(subscription); err != nil {
		return activities.SubscriptionReading{}, err
	}
	if c.options.Stripe == nil {
		return activities.SubscriptionReading{}, withoutStripeRefused(subscription, "checked")
	}
	reading, err := activities.ReadSubscription(ctx, c.options.Stripe, subscription, time.Now())
	switch {
	case err != nil:
		return activities.SubscriptionReading{}, fmt.Errorf("look up %s: %w", subscription, err)
	case reading.Missing:
		return activities.SubscriptionReading{}, fmt.Errorf("%s in Stripe: %w", subscription, ErrNotFound)
	}
	return reading, nil
}
