package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// CreatedSchedule is the schedule that a create led to.
type CreatedSchedule struct {
	ScheduleID string `json:"schedule_id"`
	// AlreadyCreated says that an earlier call with the same values created it.
	AlreadyCreated bool `json:"already_created,omitempty"`
}

// CreateSchedule creates a Temporal Schedule that starts a billing run at each of its times, once: repeated with the same
// values it answers the same schedule, whatever was changed since in Temporal; with others it is refused. The reference of a
// schedule that was deleted can be used again; those of its runs cannot.
//
// Values left out are resolved now and frozen. When one of those has changed since the first call (the client's time zone, the
// policy), a repeat counts as different, and the error names it.
func (c *Client) CreateSchedule(ctx context.Context, p ScheduleParams) (CreatedSchedule, error) {
	in, times, err := c.scheduleInput(p, time.Now())
	if err != nil {
		return CreatedSchedule{}, err
	}
	options, err := c.scheduleOptions(in, times)
	if err != nil {
		return CreatedSchedule{}, err
	}
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return CreatedSchedule{}, err
	}
	switch _, err := temporal.ScheduleClient().Create(ctx, options); {
	case errors.Is(err, sdktemporal.ErrScheduleAlreadyRunning):
		return c.existingSchedule(ctx, in)
	case err != nil:
		return CreatedSchedule{}, fmt.Errorf("create %s: %w", options.ID, err)
	}
	return CreatedSchedule{ScheduleID: options.ID}, nil
}

// existingSchedule compares a schedule with the values given: the same, and it is the answer.
func (c *Client) existingSchedule(ctx context.Context, in scheduleInput) (CreatedSchedule, error) {
	handle, err := c.scheduleHandle(ctx, in.Reference)
	if err != nil {
		return CreatedSchedule{}, err
	}
	described, err := handle.Describe(ctx)
	if err != nil {
		return CreatedSchedule{}, scheduleError("describe", in.Reference, err)
	}
	id := workflows.ScheduleID(in.Reference)
	before, err := starts.FirstIn(described.Memo)
	if err != nil {
		return CreatedSchedule{}, notOurs(id, err)
	}
	now, err := starts.FirstOf(in, scheduleDefaults())
	if err != nil {
		return CreatedSchedule{}, err
	}
	diff, different, err := starts.Differ(before, now, scheduleDefaults())
	if err != nil {
		return CreatedSchedule{}, fmt.Errorf("compare with %s: %w", id, err)
	}
	if different {
		return CreatedSchedule{}, &RefusedError{Message: fmt.Sprintf("schedule %q exists already, with %s", in.Reference, diff)}
	}
	return CreatedSchedule{ScheduleID: id, AlreadyCreated: true}, nil
}
