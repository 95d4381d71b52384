package stripegateway

import (
	"context"
	"errors"
	"iter"

	"github.com/offsession/offsession/activities"
)

var errNotBuilt = errors.New("not built yet")

// Subscription reads one with its customer and its pending SetupIntent.
func (g *Gateway) Subscription(ctx context.Context, id string) (activities.Subscription, error) {
	_, _ = ctx, id
	return activities.Subscription{}, errNotBuilt
}

// ListSubscriptions lists all that have not ended, newest first, page by page.
func (g *Gateway) ListSubscriptions(ctx context.Context, pause func(context.Context) error) iter.Seq2[activities.Subscription, error] {
	_, _ = ctx, pause
	return func(yield func(activities.Subscription, error) bool) { yield(activities.Subscription{}, errNotBuilt) }
}

// SetSubscriptionDefaultPaymentMethod writes default_payment_method.
func (g *Gateway) SetSubscriptionDefaultPaymentMethod(ctx context.Context, id, paymentMethod, idempotencyKey string) error {
	_, _, _, _ = ctx, id, paymentMethod, idempotencyKey
	return errNotBuilt
}
