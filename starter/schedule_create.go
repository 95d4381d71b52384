package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newScheduleCreate(a *app) *cobra.Command {
	var (
		p       client.ScheduleParams
		run     runFlags
		overlap string
	)
	cmd := &cobra.Command{
		Use:   "create --reference S (--cron C | --calendar C) --manifest URL",
		Short: "Create a schedule of billing runs",
		Long: `Creates a Temporal Schedule that starts a billing run at each of its times, named after the time: monthly.20261201T0600. {{date}} in
the manifest's URL is the date of that time, YYYY-MM-DD, in the schedule's zone. All flags of starter run start say how the runs charge.
Repeated with the same values, the command answers the schedule that exists; with other values it is refused.

A calendar is "day=1 hour=6 minute=0": month (1-12, jan-dec), day, weekday (0-6, sun-sat), hour (required), minute (default 0), with lists,
ranges and steps as in cron. A time fits when all fields do; with several --calendar, any of them. What would lose a month (day=31) or a
date (a time that clocks are put forward over) is refused. A time that clocks show twice is one run.

A run that an outage of Temporal delays beyond --catchup-window is not started: starter schedule show lists it as missed, with the
command that starts it. When a run cannot be started, the schedule pauses, unless --no-pause-on-failure.`,
		Example: `  starter schedule create --reference monthly --cron '0 6 1 * *' --time-zone Europe/Berlin --manifest 's3://billing/{{date}}.csv'
  starter schedule create --reference nightly --calendar 'weekday=mon-fri hour=3 minute=30' --manifest '/data/{{date}}.csv.gz' \
      --manifest-patience 6h --rate 15 --max-total usd=5000000 --jitter 10m`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(run.read(cmd.Flags(), &p.Run), readScheduleFlags(cmd.Flags(), &p)); err != nil {
				return err
			}
			p.Overlap = client.ScheduleOverlap(overlap)
			return a.withClient(func(c *client.Client) error { return a.createSchedule(cmd.Context(), c, p) })
		},
	}
	f := cmd.Flags()
	run.add(f, &p.Run)
	f.Lookup("manifest").Usage = "the file, with {{date}}: 's3://bucket/{{date}}.csv', or a path (required)"
	f.Lookup("time-zone").Usage = "IANA zone of the times, and of customers whose metadata has none (default OFFSESSION_TIME_ZONE)"
	f.StringVar(&p.Reference, "reference", "", "your own id of the schedule: 1 to 100 of A-Z a-z 0-9 . _ - (required)")
	f.StringVar(&p.Cron, "cron", "", "minute, hour, day of the month, month and day of the week, such as '0 6 1 * *'; or @monthly, @daily, …")
	f.StringArrayVar(&p.Calendars, "calendar", nil, "times in words, such as 'day=1 hour=6 minute=0'; repeatable")
	f.DurationVar(&p.ManifestPatience, "manifest-patience", client.DefaultManifestPatience,
		"how long after its time a run waits for a missing manifest, at most 744h; 0s: it must be there")
	f.StringVar(&overlap, "overlap", string(client.OverlapBufferAll), "when the start of an earlier run is still being tried: buffer_all, buffer_one or skip")
	f.DurationVar(&p.CatchupWindow, "catchup-window", client.DefaultCatchupWindow, "how long after its time a run that an outage held up is still started, 10s to 8760h")
	f.DurationVar(&p.Jitter, "jitter", 0, "delay each start by chance, up to this, at most 24h; the run keeps its time")
	f.BoolVar(&p.NoPauseOnFailure, "no-pause-on-failure", false, "go on after a run could not be started")
	return cmd
}

// readScheduleFlags reads what means something else on the command line than in the client.
func readScheduleFlags(f *pflag.FlagSet, p *client.ScheduleParams) error {
	p.TimeZone, p.Run.TimeZone = p.Run.TimeZone, ""
	var errs []error
	switch {
	case p.ManifestPatience < 0:
		errs = append(errs, usagef("--manifest-patience: %q; must not be negative", p.ManifestPatience))
	case p.ManifestPatience == 0:
		p.ManifestPatience = -time.Second // none, which is not the default
	}
	if p.CatchupWindow == 0 {
		errs = append(errs, usagef(`--catchup-window: "0s"; must be 10s to 8760h`))
	}
	if f.Changed("overlap") && f.Lookup("overlap").Value.String() == "" {
		errs = append(errs, usagef(`--overlap: ""; must be buffer_all, buffer_one or skip`))
	}
	return errors.Join(errs...)
}

// createdSchedule is what create answers in JSON.
type createdSchedule struct {
	client.CreatedSchedule
	shownSchedule
}

func (a *app) createSchedule(ctx context.Context, c *client.Client, p client.ScheduleParams) error {
	created, err := c.CreateSchedule(ctx, p)
	if err != nil {
		return err
	}
	schedule, err := c.Schedule(ctx, p.Reference)
	if err != nil {
		// It is created all the same.
		a.note("note: %v", err)
		schedule = client.Schedule{
			Reference: p.Reference, ScheduleID: created.ScheduleID, NextActionTimes: []time.Time{}, RecentActions: []client.ScheduleAction{},
			Missed: []client.MissedRun{},
		}
	}
	shown := createdSchedule{created, showSchedule(schedule)}
	return a.answer(shown, func() string {
		text := "created " + created.ScheduleID + "\n"
		if created.AlreadyCreated {
			text = created.ScheduleID + " exists already, with the same values\n"
		}
		return text + runScheduleText(schedule)
	})
}
