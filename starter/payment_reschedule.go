package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newPaymentReschedule(a *app) *cobra.Command {
	return newOperation(a, operation{
		use:     "reschedule",
		short:   "Move the next automatic attempt",
		long:    "Moves the next automatic attempt to --due, which must be in the future. Refused while an attempt is under way.",
		example: `  starter payment reschedule order-17 --due 2026-12-01T09:00:00Z --actor support --reason "customer asked"`,
		call:    (*client.Client).ReschedulePayment,
		flags: func(f *pflag.FlagSet) func(*client.Operation) error {
			due := f.String("due", "", "when to charge, RFC 3339 such as 2026-12-01T09:00:00Z (required)")
			return func(op *client.Operation) (err error) {
				op.Due, err = parseDue(*due)
				return err
			}
		},
	})
}
