package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newRunResume(a *app) *cobra.Command {
	return newRunOperation(a, runOperation{
		use:   "resume",
		short: "Go on with a run that stands still",
		long: `Goes on after a pause, the run's own brake, or a problem that somebody has mended. A manifest that could not be read, or had rows
that are not allowed, is read again. --max-total replaces the run's for the currencies named.`,
		example: `  starter run resume july-2026 --actor ops --reason "price list is right"
  starter run resume july-2026 --max-total usd=6000000 --actor finance --reason "more customers than planned"`,
		call: (*client.Client).ResumeRun,
		flags: func(f *pflag.FlagSet, op *client.RunOperation) func() error {
			pairs := f.StringArray("max-total", nil, "CUR=AMOUNT in minor units, such as usd=6000000, before which the run pauses itself; repeatable")
			return func() (err error) {
				op.MaxTotal, err = parseTotals(*pairs)
				return err
			}
		},
	})
}
