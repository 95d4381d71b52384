package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newRunPause(a *app) *cobra.Command {
	return newRunOperation(a, runOperation{
		use:     "pause",
		short:   "Stop a run until it is resumed",
		long:    `Stops a run: no further page begins, and those under way finish, which takes some ten seconds. Rows that were handed over to payments of their own go on.`,
		example: `  starter run pause july-2026 --actor ops --reason "wrong price list"`,
		call:    (*client.Client).PauseRun,
	})
}
