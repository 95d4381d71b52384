package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newAgreementChargeNow(a *app) *cobra.Command {
	return newAgreementOperation(a, agreementOperation{
		use:   "charge-now --request-id ID",
		short: "Make one charge at once, beside the schedule",
		long: `Charges at once, within the ceilings of the agreement; the dates of the schedule stay as they are. --request-id is required:
repeated with the same id, the command answers the same payment and charges nothing.`,
		example: `  starter agreement charge-now gym-17 --request-id locker-key-1 --amount 500 --description "locker key" --actor desk --reason "key lost"`,
		call:    (*client.Client).ChargeNow,
		flags: func(f *pflag.FlagSet) readAgreementFlags {
			var (
				amount      = f.String("amount", "", "in minor units (default the agreement's amount)")
				currency    = f.String("currency", "", "refused unless it is the agreement's")
				description = f.String("description", "", "on this payment instead of the agreement's; no personal data, Temporal's history keeps it")
			)
			return func(_ context.Context, _ agreements, _ string, op *client.AgreementOperation) (err error) {
				op.Currency, op.Description = *currency, *description
				if f.Changed("amount") {
					op.Amount, err = parseAmount(*amount)
					if err == nil && op.Amount == 0 {
						err = usagef("--amount: %q; must be positive", *amount)
					}
				}
				return err
			}
		},
	})
}
