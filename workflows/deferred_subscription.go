package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"
)

type subscriptionState struct{}

// DeferredSubscription watches a Stripe subscription whose first invoice takes no money, until it can be charged.
func DeferredSubscription(_ workflow.Context, in DeferredSubscriptionInput) (DeferredSubscriptionResult, error) {
	_ = in.full()
	return DeferredSubscriptionResult{}, errors.New("not built yet")
}
