package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

// PauseSchedule stops a schedule from starting runs by itself; those that run go on. Actor and reason are its note. A second
// call changes the note. The error is ErrNotFound when there is no such schedule.
func (c *Client) PauseSchedule(ctx context.Context, reference string, who workflows.Operation) (Schedule, error) {
	return c.setPaused(ctx, reference, who, true)
}

// ResumeSchedule lets a paused schedule go on with its next time. The times that passed stay missed: BackfillSchedule starts their
// runs. The error is ErrNotFound when there is no such schedule.
func (c *Client) ResumeSchedule(ctx context.Context, reference string, who workflows.Operation) (Schedule, error) {
	return c.setPaused(ctx, reference, who, false)
}

func (c *Client) setPaused(ctx context.Context, reference string, who workflows.Operation, paused bool) (Schedule, error) {
	var i invalid
	checkWho(&i, who.Actor, who.Reason)
	if err := i.result(); err != nil {
		return Schedule{}, err
	}
	handle, err := c.scheduleHandle(ctx, reference)
	if err != nil {
		return Schedule{}, err
	}
	what, note := "resume", fmt.Sprintf("resumed by %s: %s", who.Actor, who.Reason)
	if paused {
		what, note = "pause", fmt.Sprintf("paused by %s: %s", who.Actor, who.Reason)
		err = handle.Pause(ctx, sdk.SchedulePauseOptions{Note: note})
	} else {
		err = handle.Unpause(ctx, sdk.ScheduleUnpauseOptions{Note: note})
	}
	if err != nil {
		return Schedule{}, scheduleError(what, reference, err)
	}
	_, err = c.awaitSchedule(ctx, handle, reference, func(d *sdk.ScheduleDescription) bool {
		return d.Schedule.State != nil && d.Schedule.State.Paused == paused && d.Schedule.State.Note == note
	})
	if err != nil {
		return Schedule{}, err
	}
	return c.Schedule(ctx, reference)
}

// schedulePatience is how long Temporal may take to carry out what it has accepted.
const schedulePatience = 5 * time.Second

// awaitSchedule describes a schedule until done says so, or for schedulePatience: then it answers what it saw last.
func (c *Client) awaitSchedule(ctx context.Context, handle sdk.ScheduleHandle, reference string, done func(*sdk.ScheduleDescription) bool) (*sdk.ScheduleDescription, error) {
	const pause = 50 * time.Millisecond
	end := time.After(schedulePatience)
	for {
		described, err := handle.Describe(ctx)
		if err != nil {
			return nil, scheduleError("describe", reference, err)
		}
		if done(described) {
			return described, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end:
			return described, nil
		case <-time.After(pause):
		}
	}
}

// TriggerSchedule starts a run now, also of a schedule that is paused; its nominal time is that of the call. Two calls within a
// minute are one run. The run is empty when Temporal has not started it within 5 s, since an earlier start is still being tried.
// The error is ErrNotFound when there is no such schedule.
func (c *Client) TriggerSchedule(ctx context.Context, reference string) (ScheduleAction, error) {
	handle, err := c.scheduleHandle(ctx, reference)
	if err != nil {
		return ScheduleAction{}, err
	}
	before, err := handle.Describe(ctx)
	if err != nil {
		return ScheduleAction{}, scheduleError("describe", reference, err)
	}
	err = handle.Trigger(ctx, sdk.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL})
	if err != nil {
		return ScheduleAction{}, scheduleError("trigger", reference, err)
	}
	after, err := c.awaitSchedule(ctx, handle, reference, func(d *sdk.ScheduleDescription) bool {
		return d.Info.NumActions > before.Info.NumActions
	})
	if err != nil {
		return ScheduleAction{}, err
	}
	actions := scheduleOf(reference, after).RecentActions
	if after.Info.NumActions == before.Info.NumActions || len(actions) == 0 {
		return ScheduleAction{}, nil
	}
	action := actions[len(actions)-1]
	zone, err := time.LoadLocation(specOf(after.Schedule.Spec).TimeZone)
	if err != nil {
		return action, nil //nolint:nilerr // Temporal's server knows a zone that this machine does not
	}
	return action, c.completeAction(ctx, &action, reference, zone)
}

// backfillMost is how many times one BackfillSchedule may name.
const backfillMost = 1000

// BackfillSchedule starts the runs of the nominal times from one instant to another, both included, in their order, also of a
// schedule that is paused. It answers those times when Temporal has accepted them. A run that exists already stays as it is:
// a second call starts nothing. Times to come, and times before the schedule was created, may be named as well as others; but
// not those later than now. The error is ErrNotFound when there is no such schedule.
func (c *Client) BackfillSchedule(ctx context.Context, reference string, from, to time.Time) ([]MissedRun, error) {
	var i invalid
	if to.Before(from) {
		i.add("to", to.Format(time.RFC3339), "must not be before from")
	}
	if to.After(time.Now()) {
		i.add("to", to.Format(time.RFC3339), "must not be in the future: trigger starts a run now")
	}
	if err := i.result(); err != nil {
		return nil, err
	}
	handle, err := c.scheduleHandle(ctx, reference)
	if err != nil {
		return nil, err
	}
	described, err := handle.Describe(ctx)
	if err != nil {
		return nil, scheduleError("describe", reference, err)
	}
	zone, err := time.LoadLocation(specOf(described.Schedule.Spec).TimeZone)
	if err != nil {
		return nil, fmt.Errorf("the zone of %s: %w", workflows.ScheduleID(reference), err)
	}
	times, ok := timesOfSpec(described.Schedule.Spec, zone)
	if !ok {
		return nil, &RefusedError{Message: workflows.ScheduleID(reference) + " was changed in Temporal to times that cannot be told here; backfill it with Temporal's own command"}
	}
	var runs []MissedRun
	for at := range times.between(from, to) {
		if len(runs) == backfillMost {
			return nil, &RefusedError{Message: fmt.Sprintf("more than %d times of %s are within these; name fewer", backfillMost, workflows.ScheduleID(reference))}
		}
		runs = append(runs, MissedRun{ScheduledAt: at.UTC(), Run: workflows.ScheduledRunReference(reference, at, zone)})
	}
	if len(runs) == 0 {
		return nil, &RefusedError{Message: fmt.Sprintf("%s has no time from %s to %s", workflows.ScheduleID(reference), from.Format(time.RFC3339), to.Format(time.RFC3339))}
	}
	first, last := runs[0].ScheduledAt, runs[len(runs)-1].ScheduledAt
	ranges := []sdk.ScheduleBackfill{times.backfill(first, last, described.Schedule.Spec.Jitter)}
	for _, end := range []time.Time{first, last} {
		for _, twin := range times.twins(end) {
			if twin.Before(first) || twin.After(last) {
				ranges = append(ranges, times.backfill(twin, twin, described.Schedule.Spec.Jitter))
			}
		}
	}
	err = handle.Backfill(ctx, sdk.ScheduleBackfillOptions{Backfill: ranges})
	if err != nil {
		return nil, scheduleError("backfill", reference, err)
	}
	return slices.CompactFunc(runs, func(a, b MissedRun) bool { return a.Run == b.Run }), nil
}

// backfill names the times from one nominal time to another. Temporal compares the end with the last time and its jitter, which
// never reaches the next time.
func (t scheduleTimes) backfill(first, last time.Time, jitter time.Duration) sdk.ScheduleBackfill {
	b := sdk.ScheduleBackfill{Start: first, End: last.Add(jitter), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}
	for next := range t.between(last.Add(time.Second), b.End) {
		b.End = next.Add(-time.Nanosecond)
		break
	}
	return b
}

// DeleteSchedule deletes a schedule; its runs go on. The error is ErrNotFound when there is none, also at a second call.
func (c *Client) DeleteSchedule(ctx context.Context, reference string) error {
	handle, err := c.scheduleHandle(ctx, reference)
	if err != nil {
		return err
	}
	if err := handle.Delete(ctx); err != nil {
		return scheduleError("delete", reference, err)
	}
	return nil
}
