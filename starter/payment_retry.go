package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newPaymentRetry(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "retry",
		short:   "Attempt the payment now",
		long:    "Makes the next automatic attempt now. Refused while one is under way, and when the card was declined for good.",
		example: `  starter payment retry order-17 --actor support --reason "customer topped up"`,
		call:    (*client.Client).RetryPayment,
	})
}
