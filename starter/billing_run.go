package main

import "github.com/spf13/cobra"

func newRun(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "run",
		Short: "Charge a file of many amounts, each exactly once",
	},
		newRunValidate(a), newRunStart(a), newRunApprove(a), newRunSetRate(a), newRunShow(a), newRunList(a), newRunReport(a), newRunReconcile(a),
		newRunPause(a), newRunResume(a), newRunCancel(a),
	)
}
