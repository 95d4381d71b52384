package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// ScheduleOverlap says what becomes of a nominal time at which the start of an earlier run is still being tried: a matter of
// seconds, unless no worker runs. It has nothing to do with how long a billing run takes: runs wait for each other by themselves.
type ScheduleOverlap string

// The choices of ScheduleOverlap, by Temporal's names.
const (
	// OverlapBufferAll (default): it waits. No time is lost.
	OverlapBufferAll ScheduleOverlap = "buffer_all"
	// OverlapBufferOne: one waits, those after it are skipped.
	OverlapBufferOne ScheduleOverlap = "buffer_one"
	// OverlapSkip: it is skipped.
	OverlapSkip ScheduleOverlap = "skip"
)

var overlapPolicies = map[ScheduleOverlap]enumspb.ScheduleOverlapPolicy{
	OverlapBufferAll: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
	OverlapBufferOne: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	OverlapSkip:      enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
}

// DefaultCatchupWindow is how late a run may start by itself after an outage of Temporal, and DefaultManifestPatience how long a
// missing manifest is waited for.
const (
	DefaultCatchupWindow    = 24 * time.Hour
	DefaultManifestPatience = 24 * time.Hour
)

const (
	// minCatchupWindow is Temporal's.
	minCatchupWindow    = 10 * time.Second
	maxCatchupWindow    = 365 * 24 * time.Hour
	maxJitter           = 24 * time.Hour
	maxManifestPatience = 31 * 24 * time.Hour
	maxCalendars        = 10
)

// ScheduleParams describes a schedule of billing runs. Reference, Run.Manifest, and either Cron or Calendars are required.
type ScheduleParams struct {
	// Reference is the caller's own id of the schedule: 1 to 100 of A-Z a-z 0-9 . _ - that do not begin with a dot. Its runs are
	// <reference>.<YYYYMMDDTHHMM>, the local nominal time.
	Reference string
	// Cron has the five fields of cron (minute, hour, day of the month, the month, day of the week), or is @hourly, @daily, @weekly,
	// @monthly or @yearly.
	Cron string
	// Calendars are the times in words, such as "day=1 hour=6 minute=0": fields month (1-12 or jan-dec), day, weekday (0-6 or
	// sun-sat), hour (required) and minute, with lists, ranges and steps as in cron. A time must fit all fields of a calendar, and
	// any of the calendars. At most 10.
	Calendars []string
	// TimeZone is the IANA zone of the times, of the date in the manifest's URL, and of customers whose Stripe metadata has no
	// time_zone. Defaults to Options.TimeZone.
	TimeZone string
	// ManifestPatience is how long after the nominal time a missing manifest is waited for, up to 31 days. Zero is
	// DefaultManifestPatience; negative: it must be there when the run starts.
	ManifestPatience time.Duration
	// Overlap defaults to OverlapBufferAll.
	Overlap ScheduleOverlap
	// CatchupWindow is how long after the nominal time a run is started that an outage of Temporal held up, from 10 s to 365
	// days. What is later is not started: Schedule lists it as missed, for BackfillSchedule. Defaults to DefaultCatchupWindow.
	CatchupWindow time.Duration
	// Jitter delays each start by chance, up to this, at most 24 h. The run keeps its nominal time. Defaults to none.
	Jitter time.Duration
	// NoPauseOnFailure lets the schedule go on after a run could not be started, such as when its reference is used already.
	NoPauseOnFailure bool
	// Run describes the runs. {{date}} in its Manifest is the local date of the nominal time, YYYY-MM-DD. Its Reference and
	// TimeZone stay empty.
	Run RunParams
}

// scheduleInput is the normalised schedule, by which a repeated CreateSchedule is compared: the schedule's values, and those of
// its runs.
type scheduleInput struct {
	// Reference and TimeZone hide those of the run.
	Reference        string          `json:"reference"`
	Calendars        []string        `json:"calendars"`
	TimeZone         string          `json:"time_zone"`
	ManifestPatience int             `json:"manifest_patience"`
	Overlap          ScheduleOverlap `json:"overlap"`
	CatchupWindow    int             `json:"catchup_window"`
	Jitter           int             `json:"jitter"`
	PauseOnFailure   bool            `json:"pause_on_failure"`
	workflows.BillingRunInput
}

// scheduleDefaults are the values that the memo does not repeat. They must never change.
func scheduleDefaults() scheduleInput {
	return scheduleInput{
		TimeZone: "UTC", ManifestPatience: 86400, Overlap: OverlapBufferAll, CatchupWindow: 86400, PauseOnFailure: true,
		BillingRunInput: starts.RunDefaults(),
	}
}

// scheduleInput checks and normalises what can be without asking anybody.
func (c *Client) scheduleInput(p ScheduleParams, now time.Time) (scheduleInput, scheduleTimes, error) {
	var i invalid
	i.err("reference", p.Reference, workflows.CheckScheduleReference(p.Reference))
	zone := cmp.Or(p.TimeZone, c.options.TimeZone)
	overlap := cmp.Or(p.Overlap, OverlapBufferAll)
	oneOf(&i, "overlap", overlap, OverlapBufferAll, OverlapBufferOne, OverlapSkip)
	patience := max(cmp.Or(p.ManifestPatience, DefaultManifestPatience), 0)
	checkDuration(&i, "manifest_patience", patience, 0, maxManifestPatience)
	catchup := cmp.Or(p.CatchupWindow, DefaultCatchupWindow)
	checkDuration(&i, "catchup_window", catchup, minCatchupWindow, maxCatchupWindow)
	checkDuration(&i, "jitter", p.Jitter, 0, maxJitter)

	run := c.scheduledRun(&i, p.Run, zone)
	times := checkTimes(&i, p, zone, now)
	in := scheduleInput{
		Reference: p.Reference, TimeZone: zone, ManifestPatience: seconds(patience), Overlap: overlap,
		CatchupWindow: seconds(catchup), Jitter: seconds(p.Jitter), PauseOnFailure: !p.NoPauseOnFailure, BillingRunInput: run,
	}
	for _, c := range times.calendars {
		in.Calendars = append(in.Calendars, c.String())
	}
	return in, times, i.result()
}

// scheduledRun checks and normalises the runs of a schedule.
func (c *Client) scheduledRun(i *invalid, p RunParams, zone string) workflows.BillingRunInput {
	if p.Reference != "" {
		i.add("run.reference", p.Reference, "must be empty: runs are named after the schedule and their nominal time")
	}
	if p.TimeZone != "" {
		i.add("run.time_zone", p.TimeZone, "must be empty: it is the schedule's")
	}
	p.TimeZone = zone
	run := c.runInput(p)
	checkRun(i, run)
	dated := strings.ReplaceAll(p.Manifest, workflows.ManifestDate, time.DateOnly)
	if strings.Contains(dated, "{{") {
		i.add("manifest", p.Manifest, "the only placeholder is "+workflows.ManifestDate)
	} else {
		checkManifest(i, dated, "")
	}
	return run
}

// checkTimes reads the schedule's times, each calendar once, in one order.
func checkTimes(i *invalid, p ScheduleParams, zoneName string, now time.Time) scheduleTimes {
	var times scheduleTimes
	field, texts, parse := "calendar", p.Calendars, parseCalendar
	switch {
	case p.Cron != "" && len(p.Calendars) > 0:
		i.add("calendar", p.Calendars[0], "must not be given with cron")
		return times
	case p.Cron != "":
		field, texts, parse = "cron", []string{p.Cron}, parseCron
	case len(p.Calendars) == 0:
		i.add("cron", "", "must be the times of the runs, such as 0 6 1 * * for the 1st of the month at 6:00; or give a calendar")
	case len(p.Calendars) > maxCalendars:
		i.add("calendar", fmt.Sprintf("%d calendars", len(p.Calendars)), fmt.Sprintf("must be at most %d", maxCalendars))
		return times
	}
	for _, text := range texts {
		calendar, err := parse(text)
		if err != nil {
			i.add(field, text, err.Error())
			continue
		}
		if month := calendar.losesMonth(); month != "" {
			i.add(field, text, fmt.Sprintf("never fits in %s, which would have no run: choose a day up to 28, or name the months of each day", month))
		}
		times.calendars = append(times.calendars, calendar)
	}
	slices.SortFunc(times.calendars, func(a, b scheduleCalendar) int { return strings.Compare(a.String(), b.String()) })
	times.calendars = slices.Compact(times.calendars)
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return times // checkRun has said so
	}
	times.zone = zone
	if date := times.losesDate(now); date != "" {
		i.add(field, strings.Join(texts, "; "), fmt.Sprintf("does not exist in %s on %s, when clocks are put forward: there would be no run; choose another hour", zoneName, date))
	}
	return times
}

func checkDuration(i *invalid, field string, d, least, most time.Duration) {
	if d < least || d > most || d%time.Second != 0 {
		i.add(field, d.String(), fmt.Sprintf("must be %s to %s, in whole seconds", least, most))
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// scheduleOptions are what Temporal is told.
func (c *Client) scheduleOptions(in scheduleInput, times scheduleTimes) (sdk.ScheduleOptions, error) {
	first, err := starts.FirstOf(in, scheduleDefaults())
	if err != nil {
		return sdk.ScheduleOptions{}, err
	}
	spec := sdk.ScheduleSpec{TimeZoneName: in.TimeZone, Jitter: time.Duration(in.Jitter) * time.Second}
	for _, calendar := range times.calendars {
		spec.Calendars = append(spec.Calendars, calendar.spec())
	}
	attributes := sdktemporal.NewSearchAttributes(workflows.SearchReference.ValueSet(in.Reference))
	return sdk.ScheduleOptions{
		ID:   workflows.ScheduleID(in.Reference),
		Spec: spec,
		Action: &sdk.ScheduleWorkflowAction{
			ID:       workflows.ScheduleID(in.Reference),
			Workflow: workflows.TypeScheduledRun,
			Args: []any{workflows.ScheduledRunInput{
				Schedule: in.Reference, TimeZone: in.TimeZone, ManifestPatience: in.ManifestPatience, Run: in.Short(),
			}},
			TaskQueue:             c.options.TaskQueue,
			TypedSearchAttributes: attributes,
		},
		Overlap:               overlapPolicies[in.Overlap],
		CatchupWindow:         time.Duration(in.CatchupWindow) * time.Second,
		PauseOnFailure:        in.PauseOnFailure,
		Memo:                  map[string]any{workflows.MemoInput: first},
		TypedSearchAttributes: attributes,
	}, nil
}
