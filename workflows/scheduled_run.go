package workflows

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// searchScheduledStart is where Temporal puts the nominal time of a schedule's action: that of the calendar, whatever jitter,
// catch-up or backfill made of the start, or the time of a trigger. It is cut to the second.
var searchScheduledStart = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// startRunOptions: one call to Temporal, and two more when the run is there already. What cannot be started in a day fails,
// and its schedule pauses.
var startRunOptions = workflow.ActivityOptions{StartToCloseTimeout: 15 * time.Second, ScheduleToCloseTimeout: 24 * time.Hour, RetryPolicy: prompt}

// ScheduledRun starts the billing run of the nominal time at which a Temporal Schedule started it, and ends. When it cannot, since
// the run's reference is used already by another run, it tells the app and fails, which pauses the schedule.
func ScheduledRun(ctx workflow.Context, in ScheduledRunInput) (ScheduledRunResult, error) {
	nominal, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(searchScheduledStart)
	if !ok {
		return ScheduledRunResult{}, invalidInput(fmt.Errorf("it was started without %s; schedules start it", searchScheduledStart.GetName()))
	}
	run, err := in.RunAt(nominal)
	if err != nil {
		return ScheduledRunResult{}, in.notStarted(ctx, "", invalidInput(err))
	}
	//workflowcheck:ignore the keys of its maps are sorted: the text is the same at every replay
	encoded, err := json.Marshal(run)
	if err != nil {
		return ScheduledRunResult{}, invalidInput(err)
	}
	options := startRunOptions
	options.Summary = "start " + BillingRunID(run.Reference)
	started, err := execute(ctx, options, handovers.StartRun, activities.StartRunInput{
		Reference: run.Reference, TaskQueue: workflow.GetInfo(ctx).TaskQueueName, Run: encoded,
	})
	if err != nil {
		return ScheduledRunResult{}, in.notStarted(ctx, run.Reference, err)
	}
	return ScheduledRunResult{
		Reference: run.Reference, WorkflowID: BillingRunID(run.Reference), AlreadyStarted: started.AlreadyStarted,
	}, nil
}

// The reasons of run_not_started.
const (
	// RunNotStartedConflict: its reference stands for another run.
	RunNotStartedConflict = "reference_conflict"
	// RunNotStartedUnavailable: Temporal did not take it for a day.
	RunNotStartedUnavailable = "temporal_unavailable"
	// RunNotStartedInvalid: the schedule says what no run can be.
	RunNotStartedInvalid = "invalid_schedule"
)

// ScheduledRunNotStarted is the state of a ScheduledRun that could not start its run.
const ScheduledRunNotStarted = "start_failed"

// notStartedOptions: the schedule pauses when the workflow has failed, and the times that follow wait for that. An app that is
// down must not keep them for a day.
var notStartedOptions = workflow.ActivityOptions{StartToCloseTimeout: 90 * time.Second, ScheduleToCloseTimeout: time.Hour, RetryPolicy: daily}

// notStarted tells the app why there is no run, and answers the error.
func (in ScheduledRunInput) notStarted(ctx workflow.Context, reference string, err error) error {
	if ctx.Err() != nil {
		return err // somebody has canceled it
	}
	reason := RunNotStartedUnavailable
	switch errorType(err) {
	case activities.ErrorRunConflict:
		reason = RunNotStartedConflict
	case InvalidInputError:
		reason = RunNotStartedInvalid
	}
	execution := workflow.GetInfo(ctx).WorkflowExecution
	message := activities.Notification{
		// A backfill of the same time is another attempt, with the same workflow id.
		ID:         fmt.Sprintf("%s:%s:%s", execution.ID, activities.NotifyRunNotStarted, execution.RunID),
		Kind:       activities.NotifyRunNotStarted,
		WorkflowID: execution.ID,
		Reference:  reference,
		At:         workflow.Now(ctx).UTC(),
		State:      ScheduledRunNotStarted,
		Owner:      ScheduleID(in.Schedule),
		Reason:     reason,
	}
	if lost := perform(ctx, notStartedOptions, notifications.Notify, message); lost != nil {
		workflow.GetLogger(ctx).Error("message not delivered", "notification_id", message.ID, "error_type", errorType(lost))
	}
	return err
}

// ManifestDate in a schedule's manifest stands for the local date of the nominal time, YYYY-MM-DD.
const ManifestDate = "{{date}}"

// RunAt is the run of a nominal time. The error says what is wrong with the input.
func (in ScheduledRunInput) RunAt(nominal time.Time) (BillingRunInput, error) {
	zone, err := time.LoadLocation(in.TimeZone) //workflowcheck:ignore the schedule itself depends on the rules that servers know
	if err != nil {
		return BillingRunInput{}, fmt.Errorf("time_zone: %s is not an IANA time zone", quoteShort(in.TimeZone))
	}
	run := in.Run
	run.Reference = ScheduledRunReference(in.Schedule, nominal, zone)
	if err := CheckRunReference(run.Reference); err != nil {
		return BillingRunInput{}, err
	}
	run.Schedule = in.Schedule
	run.Manifest = strings.ReplaceAll(run.Manifest, ManifestDate, nominal.In(zone).Format(time.DateOnly))
	if in.ManifestPatience > 0 {
		run.ManifestDeadline = nominal.UTC().Add(time.Duration(in.ManifestPatience) * time.Second)
	}
	return run.Short(), nil
}

// scheduledMinute is how a nominal time stands in the reference of its run.
const scheduledMinute = "20060102T1504"

// ScheduledRunReference is the reference of the run that a schedule starts for a nominal time: a local time that clocks show
// twice, when they are put back, is one run.
func ScheduledRunReference(schedule string, nominal time.Time, zone *time.Location) string {
	return schedule + "." + nominal.In(zone).Format(scheduledMinute)
}
