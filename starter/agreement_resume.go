package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newAgreementResume(a *app) *cobra.Command {
	return newAgreementOperation(a, agreementOperation{
		use:   "resume",
		short: "Go on after a pause, or after what needed attention",
		long: `Goes on charging. The dates that passed meanwhile are not charged unless --catch-up says so: all of them, or the latest.
Refused while what stopped the agreement still stands, such as a payment method that is missing.`,
		example: `  starter agreement resume gym-17 --actor support --reason "customer is back"
  starter agreement resume gym-17 --catch-up all --actor support --reason "dispute was withdrawn"`,
		call: (*client.Client).ResumeAgreement,
		flags: func(f *pflag.FlagSet) readAgreementFlags {
			catchUp := f.String("catch-up", "", "which of the dates that passed are charged: all, latest or none (default none)")
			return func(_ context.Context, _ agreements, _ string, op *client.AgreementOperation) error {
				op.CatchUp = workflows.CatchUp(*catchUp)
				return nil
			}
		},
	})
}
