package client

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

// ScheduleSummary is a schedule in a list.
type ScheduleSummary struct {
	Reference    string       `json:"reference"`
	ScheduleID   string       `json:"schedule_id"`
	Spec         ScheduleSpec `json:"spec"`
	Paused       bool         `json:"paused"`
	Note         string       `json:"note"`
	NextActionAt time.Time    `json:"next_action_at,omitzero"`
	// LastRun is the reference of the run that was started last; empty when there was none.
	LastRun string `json:"last_run,omitempty"`
}

// ListSchedules lists the schedules of billing runs that Temporal's visibility knows, which is a moment behind, in no order.
// The first error ends the sequence.
func (c *Client) ListSchedules(ctx context.Context) iter.Seq2[ScheduleSummary, error] {
	return func(yield func(ScheduleSummary, error) bool) {
		temporal, err := c.connection.get(ctx)
		if err != nil {
			yield(ScheduleSummary{}, err)
			return
		}
		schedules, err := temporal.ScheduleClient().List(ctx, sdk.ScheduleListOptions{})
		if err != nil {
			yield(ScheduleSummary{}, fmt.Errorf("list schedules: %w", err))
			return
		}
		for schedules.HasNext() {
			entry, err := schedules.Next()
			if err != nil {
				yield(ScheduleSummary{}, fmt.Errorf("list schedules: %w", err))
				return
			}
			// Other applications may have schedules in the namespace.
			if reference, ours := strings.CutPrefix(entry.ID, workflows.ScheduleID("")); ours && !yield(scheduleSummaryOf(reference, entry), nil) {
				return
			}
		}
	}
}

func scheduleSummaryOf(reference string, entry *sdk.ScheduleListEntry) ScheduleSummary {
	s := ScheduleSummary{
		Reference: reference, ScheduleID: entry.ID, Spec: specOf(entry.Spec), Paused: entry.Paused, Note: entry.Note,
	}
	if len(entry.NextActionTimes) > 0 && !s.Paused {
		s.NextActionAt = entry.NextActionTimes[0].UTC()
	}
	zone, err := time.LoadLocation(s.Spec.TimeZone)
	if n := len(entry.RecentActions); n > 0 && err == nil && entry.RecentActions[n-1].StartWorkflowResult != nil {
		if nominal, ok := nominalOf(s.ScheduleID, entry.RecentActions[n-1].StartWorkflowResult.WorkflowID); ok {
			s.LastRun = workflows.ScheduledRunReference(reference, nominal, zone)
		}
	}
	return s
}
