package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newAgreementChange(a *app) *cobra.Command {
	var kind string // of change: the flag that was given
	return newAgreementOperation(a, agreementOperation{
		use:   "change",
		short: "Change the amount, the schedule or the payment method from now on",
		long: `Changes one thing per call: --amount, --schedule, --payment-method or --save-card. What has been charged, and payments that
are being collected, keep their amounts. The currency never changes: another one needs another agreement.`,
		example: `  starter agreement change gym-17 --amount 1299 --actor support --reason "new price"
  starter agreement change gym-17 --schedule schedule.yaml --actor support --reason "customer asked for the 15th"
  starter agreement change gym-17 --payment-method pm_456 --actor support --reason "new card"
  starter agreement change gym-17 --save-card --actor support --reason "customer wants to use another card"`,
		call: func(c *client.Client, ctx context.Context, reference string, op client.AgreementOperation) (client.AgreementAnswer, error) {
			switch kind {
			case "amount":
				return c.ChangeAmount(ctx, reference, op)
			case "schedule":
				return c.ChangeSchedule(ctx, reference, op)
			}
			return c.ChangeAgreementPaymentMethod(ctx, reference, op)
		},
		flags: func(f *pflag.FlagSet) readAgreementFlags {
			var (
				amount   = f.String("amount", "", "what the dates from now on charge, in minor units")
				currency = f.String("currency", "", "with --amount: refused unless it is the agreement's")
				schedule = f.String("schedule", "", "the new dates, a YAML or JSON file as the key schedule of a definition")
				method   = f.String("payment-method", "", "another saved method of the customer, pm_…")
				save     = f.Bool("save-card", false, "ask the customer for another payment method")
			)
			return func(_ context.Context, _ agreements, _ string, op *client.AgreementOperation) error {
				kinds := slices.DeleteFunc([]string{"amount", "schedule", "payment-method", "save-card"}, func(name string) bool { return !f.Changed(name) })
				if len(kinds) != 1 || f.Changed("save-card") && !*save {
					return usagef("give exactly one of --amount, --schedule, --payment-method and --save-card; there were %d (%s)", len(kinds), strings.Join(kinds, ", "))
				}
				kind = kinds[0]
				if *currency != "" && kind != "amount" {
					return usagef("--currency: %q; goes with --amount only", shorten(*currency))
				}
				op.Currency, op.PaymentMethod, op.SaveCard = *currency, *method, *save
				var err error
				switch kind {
				case "amount":
					op.Amount, err = parseAmount(*amount)
				case "schedule":
					read, readErr := readDefinition("schedule", *schedule, client.ParseSchedule)
					op.Schedule, err = &read, readErr
				}
				return err
			}
		},
	})
}
