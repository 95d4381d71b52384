package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newPaymentWriteOff(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "write-off",
		short:   "Give the payment up as uncollectible",
		long:    "Closes every way to pay, and ends the payment as uncollectible, unless it turns out to be paid.",
		example: `  starter payment write-off order-17 --actor finance --reason "below threshold"`,
		call:    (*client.Client).WriteOffPayment,
	})
}
