package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newPaymentChangeCard(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "change-card",
		short:   "Charge another saved payment method of the customer",
		long:    "Puts another saved method in place. A payment that waits for a retry or for its customer is attempted at once with it.",
		example: `  starter payment change-card order-17 --payment-method pm_456 --actor support --reason "new card"`,
		call:    (*client.Client).ChangePaymentMethod,
		flags: func(f *pflag.FlagSet) func(*client.Operation) error {
			method := f.String("payment-method", "", "saved method, pm_… (required)")
			return func(op *client.Operation) error {
				op.PaymentMethod = *method
				return nil
			}
		},
	})
}
