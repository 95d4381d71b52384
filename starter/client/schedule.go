package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/offsession/offsession/workflows"
)

// Schedule is a schedule of billing runs as it stands.
type Schedule struct {
	Reference  string           `json:"reference"`
	ScheduleID string           `json:"schedule_id"`
	Spec       ScheduleSpec     `json:"spec"`
	Policies   SchedulePolicies `json:"policies"`
	// Manifest is the URL with {{date}} in it. The patience is how long after the nominal time it is waited for.
	Manifest                string `json:"manifest"`
	ManifestPatienceSeconds int    `json:"manifest_patience_seconds"`
	// Paused: nothing is started by itself; the note says who paused it and why, or which start failed.
	Paused bool   `json:"paused"`
	Note   string `json:"note"`
	// NextActionTimes are the next nominal times, each up to the jitter later in fact; empty while it is paused.
	NextActionTimes []time.Time `json:"next_action_times"`
	// RecentActions are the last starts, the latest at the end.
	RecentActions []ScheduleAction `json:"recent_actions"`
	// Missed are the latest nominal times of the last 30 days, since the schedule was made or changed, for which there is no run:
	// Temporal was down for longer than the catch-up window, the schedule was paused, an overlap was skipped, or the start failed.
	// MissedTotal counts all of those times. BackfillSchedule starts their runs.
	Missed      []MissedRun `json:"missed"`
	MissedTotal int         `json:"missed_total"`
	// The counts are Temporal's, since the schedule was created.
	NumActions                    int       `json:"num_actions"`
	NumActionsMissedCatchupWindow int       `json:"num_actions_missed_catchup_window"`
	NumActionsSkippedOverlap      int       `json:"num_actions_skipped_overlap"`
	CreatedAt                     time.Time `json:"created_at"`
	UpdatedAt                     time.Time `json:"updated_at,omitzero"`
}

// ScheduleSpec says when runs are started.
type ScheduleSpec struct {
	// Calendars are as in ScheduleParams. Other says that the schedule was changed in Temporal to something that these cannot say.
	Calendars     []string `json:"calendars"`
	Other         bool     `json:"other,omitempty"`
	TimeZone      string   `json:"time_zone"`
	JitterSeconds int      `json:"jitter_seconds"`
}

// SchedulePolicies say what happens when something is late or fails.
type SchedulePolicies struct {
	Overlap              ScheduleOverlap `json:"overlap"`
	CatchupWindowSeconds int             `json:"catchup_window_seconds"`
	PauseOnFailure       bool            `json:"pause_on_failure"`
}

// ScheduleAction is one start of a run.
type ScheduleAction struct {
	// ScheduledAt is the nominal time, StartedAt when Temporal started it, UTC.
	ScheduledAt time.Time `json:"scheduled_at"`
	StartedAt   time.Time `json:"started_at"`
	// Run is the reference of the billing run. State is that run's state; starting while no worker has started it, start_failed
	// when it could not be, and empty when Temporal knows neither any more.
	Run   string `json:"run"`
	State string `json:"state"`
	// WorkflowID and RunID are of the ScheduledRun that starts it.
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// The states of a ScheduleAction that are not those of its run.
const (
	ScheduleActionStarting    = "starting"
	ScheduleActionStartFailed = workflows.ScheduledRunNotStarted
)

// MissedRun is a nominal time without a run.
type MissedRun struct {
	ScheduledAt time.Time `json:"scheduled_at"`
	Run         string    `json:"run"`
}

// Schedule says how a schedule stands. The error is ErrNotFound when there is none.
func (c *Client) Schedule(ctx context.Context, reference string) (Schedule, error) {
	handle, err := c.scheduleHandle(ctx, reference)
	if err != nil {
		return Schedule{}, err
	}
	described, err := handle.Describe(ctx)
	if err != nil {
		return Schedule{}, scheduleError("describe", reference, err)
	}
	s := scheduleOf(reference, described)
	zone, err := time.LoadLocation(s.Spec.TimeZone)
	if err != nil {
		return s, nil //nolint:nilerr // Temporal's server knows a zone that this machine does not
	}
	for i := range s.RecentActions {
		if err := c.completeAction(ctx, &s.RecentActions[i], reference, zone); err != nil {
			return Schedule{}, err
		}
	}
	if times, ok := timesOfSpec(described.Schedule.Spec, zone); ok {
		s.Missed, s.MissedTotal, err = c.missedRuns(ctx, s, times, described.Info.RunningWorkflows)
	}
	return s, err
}

// scheduleHandle is Temporal's handle of a schedule that may not exist.
func (c *Client) scheduleHandle(ctx context.Context, reference string) (sdk.ScheduleHandle, error) {
	var i invalid
	i.err("reference", reference, workflows.CheckScheduleReference(reference))
	if err := i.result(); err != nil {
		return nil, err
	}
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return nil, err
	}
	return temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleID(reference)), nil
}

func scheduleError(what, reference string, err error) error {
	id := workflows.ScheduleID(reference)
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", what, id, err)
}

// scheduleOf is what the description itself says.
func scheduleOf(reference string, d *sdk.ScheduleDescription) Schedule {
	s := Schedule{
		Reference: reference, ScheduleID: workflows.ScheduleID(reference), Spec: specOf(d.Schedule.Spec),
		NextActionTimes: []time.Time{}, RecentActions: []ScheduleAction{}, Missed: []MissedRun{},
		NumActions: d.Info.NumActions, NumActionsMissedCatchupWindow: d.Info.NumActionsMissedCatchupWindow,
		NumActionsSkippedOverlap: d.Info.NumActionsSkippedOverlap, CreatedAt: d.Info.CreatedAt.UTC(), UpdatedAt: d.Info.LastUpdateAt.UTC(),
	}
	if p := d.Schedule.Policy; p != nil {
		s.Policies = SchedulePolicies{CatchupWindowSeconds: seconds(p.CatchupWindow), PauseOnFailure: p.PauseOnFailure}
		for name, policy := range overlapPolicies {
			if policy == p.Overlap {
				s.Policies.Overlap = name
			}
		}
	}
	if state := d.Schedule.State; state != nil {
		s.Paused, s.Note = state.Paused, state.Note
	}
	if in, err := scheduledInput(d.Schedule.Action); err == nil {
		s.Manifest, s.ManifestPatienceSeconds = in.Run.Manifest, in.ManifestPatience
	}
	if !s.Paused {
		for _, at := range d.Info.NextActionTimes {
			s.NextActionTimes = append(s.NextActionTimes, at.UTC())
		}
	}
	for _, action := range d.Info.RecentActions {
		a := ScheduleAction{ScheduledAt: action.ScheduleTime.UTC(), StartedAt: action.ActualTime.UTC()}
		if started := action.StartWorkflowResult; started != nil {
			a.WorkflowID, a.RunID = started.WorkflowID, started.FirstExecutionRunID
		}
		if nominal, ok := nominalOf(s.ScheduleID, a.WorkflowID); ok {
			a.ScheduledAt = nominal
		}
		s.RecentActions = append(s.RecentActions, a)
	}
	return s
}

func specOf(spec *sdk.ScheduleSpec) ScheduleSpec {
	s := ScheduleSpec{Calendars: []string{}, TimeZone: "UTC"}
	if spec == nil {
		return s
	}
	if spec.TimeZoneName != "" {
		s.TimeZone = spec.TimeZoneName
	}
	s.JitterSeconds = seconds(spec.Jitter)
	times, ok := timesOfSpec(spec, time.UTC)
	s.Other = !ok
	for _, c := range times.calendars {
		s.Calendars = append(s.Calendars, c.String())
	}
	return s
}

// timesOfSpec reads Temporal's spec; false when it says more than our calendars can.
func timesOfSpec(spec *sdk.ScheduleSpec, zone *time.Location) (scheduleTimes, bool) {
	times := scheduleTimes{zone: zone}
	if spec == nil {
		return times, false
	}
	ours := len(spec.Intervals) == 0 && len(spec.Skip) == 0 && spec.StartAt.IsZero() && spec.EndAt.IsZero()
	for _, calendar := range spec.Calendars {
		c, ok := calendarOfSpec(calendar)
		if ours = ours && ok; ok {
			times.calendars = append(times.calendars, c)
		}
	}
	return times, ours
}

var errForeignAction = errors.New("it starts something else than billing runs")

// scheduledInput is what the schedule starts its workflow with.
func scheduledInput(action sdk.ScheduleAction) (workflows.ScheduledRunInput, error) {
	var in workflows.ScheduledRunInput
	start, ok := action.(*sdk.ScheduleWorkflowAction)
	if !ok || len(start.Args) != 1 {
		return in, errForeignAction
	}
	payload, ok := start.Args[0].(*commonpb.Payload)
	if !ok {
		return in, errForeignAction
	}
	return in, converter.GetDefaultDataConverter().FromPayload(payload, &in)
}

// nominalOf reads the nominal time that Temporal appends to the id of the workflow that it starts.
func nominalOf(scheduleID, workflowID string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(workflowID, scheduleID+"-")
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, rest)
	return at.UTC(), err == nil
}

// completeAction adds the run and its state.
func (c *Client) completeAction(ctx context.Context, action *ScheduleAction, reference string, zone *time.Location) error {
	action.Run = workflows.ScheduledRunReference(reference, action.ScheduledAt, zone)
	start, found, err := c.describe(ctx, action.WorkflowID)
	switch {
	case err != nil:
		return err
	case found && unclean(start.Status):
		// There may be a run all the same, which is not the schedule's.
		action.State = ScheduleActionStartFailed
		return nil
	case found && start.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		action.State = ScheduleActionStarting
	}
	run, found, err := c.describe(ctx, workflows.BillingRunID(action.Run))
	if err != nil || !found {
		return err
	}
	action.State, _ = run.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	if unclean(run.Status) {
		action.State = string(workflows.RunNeedsAttention)
	}
	return nil
}
