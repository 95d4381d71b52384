package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newPaymentCancel(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "cancel",
		short:   "Take the payment back",
		long:    "Closes every way to pay, and ends the payment as canceled, unless it turns out to be paid. Refunds nothing.",
		example: `  starter payment cancel order-17 --actor support --reason "order canceled"`,
		call:    (*client.Client).CancelPayment,
	})
}
