package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newScheduleBackfill(a *app) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "backfill REFERENCE --from T [--to T]",
		Short: "Start the runs of times that were missed",
		Long: `Starts the runs of the schedule's times from one instant to another, both included, in their order, with the names and dates of
those times. Runs that exist already stay as they are, so that the command can be repeated. --from and --to are times in RFC 3339, or
dates in the schedule's zone; without --to it is the one time, or the one date, of --from.`,
		Example: `  starter schedule backfill monthly --from 2026-11-01
  starter schedule backfill nightly --from 2026-11-03T03:30:00+01:00 --to 2026-11-05T03:30:00+01:00`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				return a.backfillSchedule(cmd.Context(), c, args[0], from, cmp.Or(to, from))
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first time, or date (required)")
	cmd.Flags().StringVar(&to, "to", "", "last time, or date (default that of --from)")
	return cmd
}

func (a *app) backfillSchedule(ctx context.Context, c *client.Client, reference, from, to string) error {
	zoneOf := func() (*time.Location, error) {
		schedule, err := c.Schedule(ctx, reference)
		if err != nil {
			return nil, err
		}
		return time.LoadLocation(schedule.Spec.TimeZone)
	}
	first, errFrom := parseLocal("from", from, zoneOf)
	last, errTo := parseLocal("to", to, zoneOf)
	if err := errors.Join(errFrom, errTo); err != nil {
		return err
	}
	if date, err := time.Parse(time.DateOnly, to); err == nil {
		next, err := parseLocal("to", date.AddDate(0, 0, 1).Format(time.DateOnly), zoneOf)
		if err != nil {
			return err
		}
		last = next.Add(-time.Second)
		if now := time.Now(); last.After(now) && !first.After(now) {
			last = now // today
		}
	}
	runs, err := c.BackfillSchedule(ctx, reference, first, last)
	if err != nil {
		return err
	}
	return a.answer(runs, func() string {
		rows := []string{"run\ttime"}
		for _, run := range runs {
			rows = append(rows, run.Run+"\t"+timeText(run.ScheduledAt, "UTC"))
		}
		return fmt.Sprintf("accepted; starter schedule show %s shows the runs\n", reference) + table(rows...)
	})
}
