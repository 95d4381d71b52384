package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newRunApprove(a *app) *cobra.Command {
	return newRunOperation(a, runOperation{
		use:      "approve",
		flagsUse: " --fingerprint F",
		short:    "Let a run that awaits approval charge its manifest",
		long: `Approves what a run has read and shows in starter run show: rows, totals and their fingerprint, which is the SHA-256 of the
normalised rows. It is refused when the fingerprint is another one. starter run validate prints the same fingerprint.`,
		example: `  starter run approve july-2026 --fingerprint 4f1c0b6e9a2d --actor finance --reason "totals agree"`,
		call:    (*client.Client).ApproveRun,
		flags: func(f *pflag.FlagSet, op *client.RunOperation) func() error {
			f.StringVar(&op.Fingerprint, "fingerprint", "", "what is approved: the fingerprint, or its first 12 characters or more (required)")
			return func() error { return nil }
		},
	})
}
