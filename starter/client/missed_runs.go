package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/workflow/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

const (
	// missedMost is how many missed runs are listed.
	missedMost = 20
	// missedSince is how far back runs are missed: workflows that ended earlier may have left Temporal's retention.
	missedSince = 30 * 24 * time.Hour
	// missedSlack is how long a start may take before its run is missed.
	missedSlack = time.Minute
)

// missedRuns are the latest nominal times without a run, and the number of all.
func (c *Client) missedRuns(ctx context.Context, s Schedule, times scheduleTimes, running []sdk.ScheduleWorkflowExecution) ([]MissedRun, int, error) {
	now := time.Now()
	from, to := now.Add(-missedSince), now.Add(-missedSlack-time.Duration(s.Spec.JitterSeconds)*time.Second)
	for _, changed := range []time.Time{s.CreatedAt, s.UpdatedAt} {
		if changed.After(from) {
			from = changed
		}
	}
	for _, start := range running {
		// What comes after a start that is still being tried waits for it.
		if nominal, ok := nominalOf(s.ScheduleID, start.WorkflowID); ok && !nominal.After(to) {
			to = nominal.Add(-time.Second)
		}
	}
	missed := []MissedRun{}
	known, err := c.knownRuns(ctx, s.Reference, from)
	if err != nil {
		return missed, 0, err
	}
	for at := range times.between(from, to) {
		run := workflows.ScheduledRunReference(s.Reference, at, times.zone)
		if !known[run] {
			known[run] = true // a local time that comes twice is one run
			missed = append(missed, MissedRun{ScheduledAt: at.UTC(), Run: run})
		}
	}
	total := len(missed)
	latest := missed[max(0, total-missedMost):]
	// Visibility is a moment behind, and a run that a person started early, or late, is there too.
	confirmed := slices.DeleteFunc(slices.Clone(latest), func(m MissedRun) bool {
		_, found, describeErr := c.describe(ctx, workflows.BillingRunID(m.Run))
		if describeErr != nil {
			err = describeErr
		}
		return found
	})
	return confirmed, total - (len(latest) - len(confirmed)), err
}

// knownRuns are the references of the schedule's runs that visibility knows.
func (c *Client) knownRuns(ctx context.Context, schedule string, since time.Time) (map[string]bool, error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND WorkflowId STARTS_WITH '%s.' AND StartTime >= '%s'", workflows.TypeBillingRun,
		workflows.BillingRunID(schedule), since.UTC().Format(time.RFC3339))
	known := make(map[string]bool)
	for run, err := range list(ctx, c, "billing runs", query, nil, func(e *workflow.WorkflowExecutionInfo) string {
		return workflows.ReferenceOf(e.GetExecution().GetWorkflowId())
	}) {
		if err != nil {
			return nil, err
		}
		known[run] = true
	}
	return known, nil
}
