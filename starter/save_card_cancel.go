package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newSaveCardCancel(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "cancel",
		short:   "Close the Checkout and stop asking the customer",
		long:    "Closes the Checkout, unless the customer was faster. A method that is saved already stays attached.",
		example: `  starter save-card cancel gym-17 --actor support --reason "customer left"`,
		call:    (*client.Client).CancelSavePaymentMethod,
	})
}
