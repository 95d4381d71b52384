package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/worker/service"
	"github.com/offsession/offsession/workflows"
)

// TestScheduleWithoutWorkers: the times that come while no worker runs wait in Temporal, those of the calendar like those of a
// backfill. Once there is a worker their runs are started one after the other, each once.
func TestScheduleWithoutWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	reference := s.reference()
	s.schedule(reference, "--cron", "* * * * *")
	require.Equal(t, done, s.starter("schedule", "backfill", reference, "--from", "2025-11-01T06:00:00Z", "--to", "2025-11-01T06:01:00Z").code)
	var scheduled client.Schedule
	eventually(t, func() error {
		described, err := temporal.WorkflowService().DescribeSchedule(t.Context(), &workflowservice.DescribeScheduleRequest{
			Namespace: s.config.Temporal.Namespace, ScheduleId: workflows.ScheduleID(reference),
		})
		if err != nil {
			return err
		}
		if waiting := described.GetInfo().GetBufferSize(); waiting < 2 {
			return fmt.Errorf("%w: %d times wait", errNotYet, waiting)
		}
		scheduled, err = s.client.Schedule(t.Context(), reference)
		return err
	})
	require.Equal(t, 1, scheduled.NumActions)
	require.Zero(t, scheduled.NumActionsSkippedOverlap)
	require.Equal(t, client.ScheduleActionStarting, scheduled.RecentActions[0].State)
	runs := []string{reference + ".20251101T0600", reference + ".20251101T0601"}
	for _, run := range runs {
		_, err := temporal.DescribeWorkflow(t.Context(), workflows.BillingRunID(run), "")
		require.ErrorAs(t, err, new(*serviceerror.NotFound))
	}

	inProcess(t, func(ctx context.Context, ready func()) error {
		return service.Run(ctx, service.Config{Config: s.config, Logger: logger("worker"), Ready: ready})
	})
	eventually(t, func() error {
		var err error
		if scheduled, err = s.client.Schedule(t.Context(), reference); err != nil {
			return err
		}
		started := 0
		for _, action := range scheduled.RecentActions {
			if action.State != client.ScheduleActionStarting {
				started++
			}
		}
		if started < 3 { // both of the backfill, and one of the calendar
			return fmt.Errorf("%w: %+v", errNotYet, scheduled.RecentActions)
		}
		return nil
	})
	require.NoError(t, s.client.DeleteSchedule(t.Context(), reference))
	var before time.Time
	names := map[string]bool{}
	for _, action := range scheduled.RecentActions {
		s.endRun(action.Run)
		require.False(t, names[action.Run], "%s was started twice", action.Run)
		names[action.Run] = true
		require.False(t, resultOf(t, action).AlreadyStarted, action.Run)
		described, err := temporal.DescribeWorkflow(t.Context(), action.WorkflowID, action.RunID)
		require.NoError(t, err)
		require.False(t, described.WorkflowStartTime.Before(before), "%s was started beside the one before it", action.Run)
		before = *described.WorkflowCloseTime
		_, err = temporal.DescribeWorkflow(t.Context(), workflows.BillingRunID(action.Run), "")
		require.NoError(t, err)
	}
	for _, run := range runs {
		require.True(t, names[run], run)
	}
	require.Zero(t, scheduled.NumActionsMissedCatchupWindow)
	require.Zero(t, scheduled.NumActionsSkippedOverlap)
}
