package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newRunCancel(a *app) *cobra.Command {
	return newRunOperation(a, runOperation{
		use:   "cancel",
		short: "End a run; what was not sent is not charged",
		long: `Ends a run: the pages under way finish, some ten seconds, and the rest is reported as not charged. Rows that were handed over to payments of their own go on;
starter payment cancel ends one. Refunds nothing.`,
		example: `  starter run cancel july-2026 --actor ops --reason "wrong month"`,
		call:    (*client.Client).CancelRun,
	})
}
