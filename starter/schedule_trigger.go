package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newScheduleTrigger(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "trigger REFERENCE",
		Short: "Start a run now",
		Long: `Starts a run of the schedule now, also while it is paused; {{date}} is today in the schedule's zone. Calls within one minute are one
run. The run of a time that was missed is started by backfill instead, which gives it that time's name and date.`,
		Example: "  starter schedule trigger monthly",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				action, err := c.TriggerSchedule(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if action.Run == "" {
					a.note("note: accepted, but an earlier start is still being tried; is a worker running? See starter schedule show %s", args[0])
				}
				return a.answer(action, func() string {
					return "triggered\n" + facts("run", action.Run, "state", action.State)
				})
			})
		},
	}
}
