package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newRunList(a *app) *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the runs",
		Long:  "Lists what Temporal's visibility knows, which is a moment behind.",
		Example: `  starter run list --state paused
  starter run list --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(func(c *client.Client) error {
				list := []client.RunSummary{}
				for s, err := range c.ListRuns(cmd.Context(), client.RunFilter{State: workflows.RunState(state)}) {
					if err != nil {
						return err
					}
					list = append(list, s)
				}
				return a.answer(list, func() string { return runListText(list) })
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only runs in this state, such as paused")
	return cmd
}

func runListText(list []client.RunSummary) string {
	if len(list) == 0 {
		return "no runs"
	}
	rows := []string{"reference\tstate\tmanifest\tnext action"}
	for _, s := range list {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", s.Reference, stateText(string(s.State), s.ExecutionStatus), dash(s.Manifest),
			dash(timeText(s.NextActionAt, ""))))
	}
	return table(rows...)
}
