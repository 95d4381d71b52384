package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newScheduleShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show where a schedule stands: its next, last and missed runs",
		Long: `Shows a schedule with its next times, its last runs, and the times of the last 30 days that have no run, for whatever reason, with the
command that starts those runs. starter run show has the runs themselves.`,
		Example: `  starter schedule show monthly
  starter schedule show monthly --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				schedule, err := c.Schedule(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answerSchedule(schedule)
			})
		},
	}
}

func (a *app) answerSchedule(s client.Schedule) error {
	return a.answer(showSchedule(s), func() string { return runScheduleText(s) })
}

// shownSchedule is a schedule in JSON.
type shownSchedule struct {
	client.Schedule
	// BackfillCommand starts the missed runs; null when there are none.
	BackfillCommand *string `json:"backfill_command"`
}

func showSchedule(s client.Schedule) shownSchedule {
	shown := shownSchedule{Schedule: s}
	if command := backfillCommand(s); command != "" {
		shown.BackfillCommand = &command
	}
	return shown
}

// backfillCommand starts the missed runs that are listed, and none beside those that exist already.
func backfillCommand(s client.Schedule) string {
	if len(s.Missed) == 0 {
		return ""
	}
	from, to := s.Missed[0].ScheduledAt, s.Missed[len(s.Missed)-1].ScheduledAt
	command := fmt.Sprintf("starter schedule backfill %s --from %s", s.Reference, from.Format(time.RFC3339))
	if !to.Equal(from) {
		command += " --to " + to.Format(time.RFC3339)
	}
	return command
}

func runScheduleText(s client.Schedule) string {
	zone := s.Spec.TimeZone
	state := "active"
	if s.Paused {
		state = "paused"
	}
	note := s.Note
	text := fmt.Sprintf("Schedule %s: %s\n", s.Reference, state) + facts(
		"note", note,
		"times", specText(s.Spec),
		"manifest", s.Manifest,
		"waits for the manifest", durationText(s.ManifestPatienceSeconds),
		"overlap", string(s.Policies.Overlap),
		"catch-up window", durationText(s.Policies.CatchupWindowSeconds),
		"pauses on failure", yesNo(s.Policies.PauseOnFailure),
		"starts", fmt.Sprintf("%d, and %d skipped by overlap", s.NumActions, s.NumActionsSkippedOverlap),
		"created", timeText(s.CreatedAt, zone),
		"changed", timeText(s.UpdatedAt, zone),
	)
	if len(s.NextActionTimes) > 0 {
		next := make([]string, len(s.NextActionTimes))
		for i, at := range s.NextActionTimes {
			next[i] = "  " + timeText(at, zone)
		}
		text += "\nNext\n" + strings.Join(next, "\n") + "\n"
	}
	if len(s.RecentActions) > 0 {
		rows := []string{"  run\tstate\ttime\tstarted"}
		for _, action := range s.RecentActions {
			rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s", action.Run, dash(action.State), timeText(action.ScheduledAt, zone), timeText(action.StartedAt, zone)))
		}
		text += "\nRuns\n" + table(rows...)
	}
	if len(s.Missed) > 0 {
		rows := []string{"  run\ttime"}
		for _, missed := range s.Missed {
			rows = append(rows, fmt.Sprintf("  %s\t%s", missed.Run, timeText(missed.ScheduledAt, zone)))
		}
		text += fmt.Sprintf("\nMissed: %d without a run\n", s.MissedTotal) + table(rows...) + "  start them with: " + backfillCommand(s) + "\n"
	}
	return text
}

// specText is "day=1 hour=6 minute=0, Europe/Berlin".
func specText(s client.ScheduleSpec) string {
	text := strings.Join(s.Calendars, "; ")
	if s.Other {
		text = strings.TrimPrefix(text+"; others, set in Temporal", "; ")
	}
	text += ", " + s.TimeZone
	if s.JitterSeconds > 0 {
		text += ", up to " + durationText(s.JitterSeconds) + " later"
	}
	return text
}

func durationText(seconds int) string {
	if seconds == 0 {
		return "0s"
	}
	text := (time.Duration(seconds) * time.Second).String()
	return strings.TrimSuffix(strings.TrimSuffix(text, "0s"), "0m")
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
