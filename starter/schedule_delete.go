package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newScheduleDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "delete REFERENCE",
		Short:   "Delete a schedule; its runs go on",
		Long:    "Deletes the schedule. Runs that were started go on: starter run cancel stops one.",
		Example: "  starter schedule delete monthly",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				if err := c.DeleteSchedule(cmd.Context(), args[0]); err != nil {
					return err
				}
				deleted := deletedSchedule{Reference: args[0], ScheduleID: workflows.ScheduleID(args[0]), Deleted: true}
				return a.answer(deleted, func() string { return "deleted " + deleted.ScheduleID })
			})
		},
	}
}

// deletedSchedule is what delete answers in JSON.
type deletedSchedule struct {
	Reference  string `json:"reference"`
	ScheduleID string `json:"schedule_id"`
	Deleted    bool   `json:"deleted"`
}
