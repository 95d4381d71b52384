package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newScheduleList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the schedules",
		Long:    "Lists what Temporal's visibility knows, which is a moment behind.",
		Example: "  starter schedule list --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(func(c *client.Client) error {
				list := []client.ScheduleSummary{}
				for s, err := range c.ListSchedules(cmd.Context()) {
					if err != nil {
						return err
					}
					list = append(list, s)
				}
				return a.answer(list, func() string { return scheduleListText(list) })
			})
		},
	}
}

func scheduleListText(list []client.ScheduleSummary) string {
	if len(list) == 0 {
		return "no schedules"
	}
	rows := []string{"reference\tstate\ttimes\tnext\tlast run\tnote"}
	for _, s := range list {
		state := "active"
		if s.Paused {
			state = "paused"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", s.Reference, state, specText(s.Spec), dash(timeText(s.NextActionAt, s.Spec.TimeZone)),
			dash(s.LastRun), dash(s.Note)))
	}
	return table(rows...)
}
