package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
)

func newSubscription(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "subscription",
		Short: "Watch Stripe subscriptions until they can be charged",
	},
		newSubscriptionWatch(a), newSubscriptionShow(a), newSubscriptionExplain(a), newSubscriptionList(a), newSubscriptionReady(a),
		newSubscriptionAdoptAll(a), newSubscriptionUnwatch(a),
	)
}

// withStripe is withClient for commands that ask Stripe.
func (a *app) withStripe(f func(*client.Client) error) error {
	return a.withClientFor(config.ForSubscriptions, f)
}
