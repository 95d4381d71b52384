package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newAgreementCancel(a *app) *cobra.Command {
	return newAgreementOperation(a, agreementOperation{
		use:   "cancel",
		short: "End the agreement, now or at its next date",
		long: `Ends the agreement: nothing is charged any more. With --at period-end it ends at its next date, which is not charged.
Payments that are being collected are owed: they are collected to their end, or written off with --open-payments write-off.
Refunds nothing.`,
		example: `  starter agreement cancel gym-17 --actor support --reason "customer gave notice"
  starter agreement cancel gym-17 --at period-end --actor support --reason "customer gave notice"
  starter agreement cancel gym-17 --open-payments write-off --actor support --reason "goodwill"`,
		call: (*client.Client).CancelAgreement,
		flags: func(f *pflag.FlagSet) readAgreementFlags {
			var (
				at   = f.String("at", "now", "when: now or period-end")
				open = f.String("open-payments", "collect", "what becomes of payments that are being collected: collect or write-off")
			)
			return func(_ context.Context, _ agreements, _ string, op *client.AgreementOperation) error {
				var errs []error
				switch *at {
				case "now":
				case "period-end":
					op.AtPeriodEnd = true
				default:
					errs = append(errs, usagef("--at: %q; must be now or period-end", shorten(*at)))
				}
				switch *open {
				case "collect":
					op.OpenPayments = workflows.OpenPaymentsCollect
				case "write-off":
					op.OpenPayments = workflows.OpenPaymentsWriteOff
				default:
					errs = append(errs, usagef("--open-payments: %q; must be collect or write-off", shorten(*open)))
				}
				return errors.Join(errs...)
			}
		},
	})
}
