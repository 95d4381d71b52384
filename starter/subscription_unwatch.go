package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newSubscriptionUnwatch(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:      "unwatch",
		argument: "SUB",
		short:    "End the watch; the subscription stays as it is",
		long: `Ends the watch. The subscription, its pending SetupIntent and its invoices stay as they are, and the customer hears no more of
it. It is not adopted again; starter subscription watch begins another watch. To end the subscription, cancel it in Stripe: the
watch then ends by itself, and leaves no SetupIntent open.`,
		example: `  starter subscription unwatch sub_123 --actor support --reason "moved by hand"`,
		call:    (*client.Client).UnwatchSubscription,
	})
}
