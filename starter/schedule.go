package main

import "github.com/spf13/cobra"

func newSchedule(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "schedule",
		Short: "Start a billing run on every date of a calendar",
	},
		newScheduleCreate(a), newScheduleList(a), newScheduleShow(a), newSchedulePause(a), newScheduleResume(a), newScheduleTrigger(a),
		newScheduleBackfill(a), newScheduleDelete(a),
	)
}
