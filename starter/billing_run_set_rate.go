package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newRunSetRate(a *app) *cobra.Command {
	return newRunOperation(a, runOperation{
		use:      "set-rate",
		flagsUse: " --rate N",
		short:    "Change the pace of a run",
		long: `Changes the pace of a run from its next pages on; those under way finish at theirs. Refused above three quarters of the workers'
STRIPE_RATE_LIMIT, which all runs share.`,
		example: `  starter run set-rate july-2026 --rate 5 --actor ops --reason "the shop has a sale"`,
		call:    (*client.Client).SetRunRate,
		flags: func(f *pflag.FlagSet, op *client.RunOperation) func() error {
			f.Float64Var(&op.Rate, "rate", 0, "charges per second (required)")
			return func() error { return nil }
		},
	})
}
