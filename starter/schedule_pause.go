package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newSchedulePause(a *app) *cobra.Command {
	return newScheduleOperation(a, &cobra.Command{
		Use:   "pause REFERENCE --actor A --reason X",
		Short: "Start no more runs, until resume",
		Long: `Stops the schedule from starting runs by itself. Runs that were started go on: starter run pause stops one. trigger and backfill
start runs of a paused schedule too.`,
		Example: `  starter schedule pause monthly --actor ops --reason "prices are being corrected"`,
	}, (*client.Client).PauseSchedule)
}

func newScheduleResume(a *app) *cobra.Command {
	return newScheduleOperation(a, &cobra.Command{
		Use:   "resume REFERENCE --actor A --reason X",
		Short: "Let a paused schedule go on with its next time",
		Long: `Lets the schedule start runs again, from its next time on. The times that passed stay missed: starter schedule show lists them with
the command that starts their runs.`,
		Example: `  starter schedule resume monthly --actor ops --reason "prices are right"`,
	}, (*client.Client).ResumeSchedule)
}

func newScheduleOperation(a *app, cmd *cobra.Command, call func(*client.Client, context.Context, string, workflows.Operation) (client.Schedule, error)) *cobra.Command {
	var who workflows.Operation
	cmd.Args = oneReference
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withClient(func(c *client.Client) error {
			schedule, err := call(c, cmd.Context(), args[0], who)
			if err != nil {
				return err
			}
			return a.answerSchedule(schedule)
		})
	}
	cmd.Flags().StringVar(&who.Actor, "actor", "", "who asks for it, at most 80 characters (required)")
	cmd.Flags().StringVar(&who.Reason, "reason", "", "why, at most 200 characters, no personal data (required)")
	return cmd
}
