package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// schedule creates a schedule whose manifests are not there, deletes it at the end.
func (s *site) schedule(reference string, more ...string) map[string]any {
	s.t.Helper()
	created := s.json("schedule_id reference spec policies paused note next_action_times recent_actions missed missed_total backfill_command",
		append(scheduleArgs(s.t, reference), more...)...)
	s.endSchedule(reference)
	return created
}

// endSchedule deletes a schedule with the test, if it is there, and endRun a run, which would wait for its manifest for a day.
func (s *site) endSchedule(reference string) {
	ctx := context.WithoutCancel(s.t.Context())
	s.t.Cleanup(func() { _ = s.client.DeleteSchedule(ctx, reference) })
}

func (s *site) endRun(reference string) {
	ctx := context.WithoutCancel(s.t.Context())
	s.t.Cleanup(func() { _ = temporal.TerminateWorkflow(ctx, workflows.BillingRunID(reference), "", "the test is over") })
}

func scheduleArgs(t *testing.T, reference string) []string {
	t.Helper()
	return []string{"schedule", "create", "--reference", reference, "--manifest", filepath.Join(t.TempDir(), "{{date}}.csv")}
}

func scheduleOperation(name, reference string) []string {
	return append([]string{"schedule", name, reference}, byHandFlags...)
}

func TestScheduleCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	args := append(scheduleArgs(t, reference), "--cron", "0 6 1 * *", "--time-zone", "Europe/Berlin")
	const keys = "schedule_id reference spec policies paused note next_action_times recent_actions missed missed_total backfill_command"
	created := s.json(keys, args...)
	s.endSchedule(reference)
	require.Equal(t, "schedule:"+reference, created["schedule_id"])
	require.NotContains(t, created, "already_created")
	require.Equal(t, map[string]any{"calendars": []any{"day=1 hour=6 minute=0"}, "time_zone": "Europe/Berlin", "jitter_seconds": 0.0}, created["spec"])
	require.Equal(t, map[string]any{"overlap": "buffer_all", "catchup_window_seconds": 86400.0, "pause_on_failure": true}, created["policies"])
	require.Len(t, created["next_action_times"], 10)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	next, err := time.Parse(time.RFC3339, created["next_action_times"].([]any)[0].(string))
	require.NoError(t, err)
	require.Equal(t, "01 06:00:00", next.In(berlin).Format("02 15:04:05"))

	// Once: with the same values, said in other words too; not with others.
	words := slices.Clone(args)
	words[slices.Index(words, "--cron")+1], words[slices.Index(words, "--cron")] = "hour=6 day=1", "--calendar"
	require.Equal(t, true, s.json(keys, args...)["already_created"])
	require.Equal(t, true, s.json(keys, words...)["already_created"])
	for flag, want := range map[string]string{
		"--rate=7":              "another rate: it was not set, now it is 7",
		"--jitter=10m":          "another jitter: it was 0, now it is 600",
		"--no-pause-on-failure": "another pause_on_failure: it was true, now it is false",
		"--manifest-patience=0": "another manifest_patience: it was 86400, now it is 0",
		"--time-zone=UTC":       `another time_zone: it was "Europe/Berlin", now it is "UTC"`,
	} {
		r := s.starter(append(args, flag)...)
		require.Equal(t, refused, r.code, r.stderr)
		require.Contains(t, r.stderr, fmt.Sprintf("schedule %q exists already, with %s", reference, want))
	}

	paused := s.json(keys, scheduleOperation("pause", reference)...)
	require.Equal(t, true, paused["paused"])
	require.Equal(t, "paused by e2e: a test", paused["note"])
	require.Empty(t, paused["next_action_times"])
	s.says("paused by e2e: a test", "schedule", "show", reference)
	require.Equal(t, false, s.json(keys, scheduleOperation("resume", reference)...)["paused"])

	eventually(t, func() error {
		r := s.starter("schedule", "list", "--output", "json")
		var list []map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(l map[string]any) bool {
			return l["reference"] == reference && l["note"] == "resumed by e2e: a test"
		}) {
			return errNotYet
		}
		return nil
	})

	s.says("deleted schedule:"+reference, "schedule", "delete", reference)
	for _, command := range [][]string{
		{"schedule", "show", reference}, {"schedule", "delete", reference}, {"schedule", "trigger", reference},
		{"schedule", "backfill", reference, "--from", "2026-11-01"}, scheduleOperation("pause", reference), scheduleOperation("resume", reference),
	} {
		r := s.starter(command...)
		require.Equal(t, notFound, r.code, "%v: %s", command, r.stderr)
		require.Contains(t, r.stderr, "schedule:"+reference+": not found")
	}
	require.NotContains(t, s.json(keys, args...), "already_created", "the reference is free again")
}

// started waits until the run of a schedule exists, and answers it and the ScheduledRun that started it.
func (s *site) started(reference, run string) (*sdk.WorkflowExecutionDescription, client.ScheduleAction) {
	s.t.Helper()
	var (
		described *sdk.WorkflowExecutionDescription
		action    client.ScheduleAction
	)
	eventually(s.t, func() error {
		var err error
		if described, err = temporal.DescribeWorkflow(s.t.Context(), workflows.BillingRunID(run), ""); err != nil {
			return err
		}
		schedule, err := s.client.Schedule(s.t.Context(), reference)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(schedule.RecentActions, func(a client.ScheduleAction) bool { return a.Run == run && a.State != client.ScheduleActionStarting })
		if i < 0 {
			return errNotYet
		}
		action = schedule.RecentActions[i]
		return nil
	})
	s.endRun(run)
	return described, action
}

// resultOf is what a ScheduledRun answered.
func resultOf(t *testing.T, action client.ScheduleAction) workflows.ScheduledRunResult {
	t.Helper()
	var result workflows.ScheduledRunResult
	require.NoError(t, temporal.GetWorkflow(t.Context(), action.WorkflowID, action.RunID).Get(t.Context(), &result))
	return result
}

// Every minute, with as much jitter as there is: the run is named after the minute, and not after when it was started.
func TestScheduleFires(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	created := s.schedule(reference, "--cron", "* * * * *", "--time-zone", "Asia/Kathmandu", "--jitter", "30s")
	next, err := time.Parse(time.RFC3339, created["next_action_times"].([]any)[0].(string))
	require.NoError(t, err)
	kathmandu, err := time.LoadLocation("Asia/Kathmandu")
	require.NoError(t, err)
	minute := next.Truncate(time.Minute)
	run := reference + "." + minute.In(kathmandu).Format("20060102T1504")

	described, action := s.started(reference, run)
	s.starter("schedule", "delete", reference)
	require.Equal(t, minute, action.ScheduledAt)
	require.Equal(t, workflows.ScheduledRunResult{Reference: run, WorkflowID: "billing-run:" + run}, resultOf(t, action))
	ref, _ := described.TypedSearchAttributes.GetKeyword(workflows.SearchRun)
	require.Equal(t, run, ref)

	var in workflows.BillingRunInput
	s.input(workflows.BillingRunID(run), &in)
	require.Equal(t, reference, in.Schedule)
	require.Equal(t, minute.In(kathmandu).Format(time.DateOnly)+".csv", filepath.Base(in.Manifest))
	require.Equal(t, minute.Add(24*time.Hour), in.ManifestDeadline)
	record(t, action.WorkflowID, "scheduled_run_started")
}

// input reads what a workflow was started with.
func (s *site) input(workflowID string, into any) {
	s.t.Helper()
	events := temporal.GetWorkflowHistory(s.t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := events.Next()
	require.NoError(s.t, err)
	payload := first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	require.NoError(s.t, json.Unmarshal(payload.GetData(), into))
}

// A trigger is named after its own minute; what is missed after its own time. All of it once.
func TestScheduleTriggerAndBackfill(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	s.schedule(reference, "--calendar", "day=1 hour=6", "--time-zone", "America/New_York", "--jitter", "10m", "--manifest-patience", "1h")
	require.Equal(t, done, s.starter(scheduleOperation("pause", reference)...).code)

	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	triggered := s.json("run state scheduled_at started_at", "schedule", "trigger", reference)
	at, err := time.Parse(time.RFC3339, triggered["scheduled_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, patience)
	run := reference + "." + at.In(newYork).Format("20060102T1504")
	require.Equal(t, run, triggered["run"])
	s.started(reference, run)

	// Two months, the clocks put back between them.
	var runs []map[string]any
	backfill := []string{"schedule", "backfill", reference, "--from", "2025-10-20", "--to", "2025-12-01", "--output", "json"}
	r := s.starter(backfill...)
	require.Equal(t, done, r.code, r.stderr)
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &runs))
	november, december := reference+".20251101T0600", reference+".20251201T0600"
	require.Equal(t, []map[string]any{
		{"scheduled_at": "2025-11-01T10:00:00Z", "run": november}, {"scheduled_at": "2025-12-01T11:00:00Z", "run": december},
	}, runs)
	_, first := s.started(reference, november)
	_, second := s.started(reference, december)
	require.Equal(t, time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC), first.ScheduledAt)
	require.False(t, second.StartedAt.Before(first.StartedAt))
	require.False(t, resultOf(t, first).AlreadyStarted)
	var in workflows.BillingRunInput
	s.input(workflows.BillingRunID(december), &in)
	require.Equal(t, "2025-12-01.csv", filepath.Base(in.Manifest))
	require.Equal(t, time.Date(2025, 12, 1, 12, 0, 0, 0, time.UTC), in.ManifestDeadline)

	// Again: the same runs, none anew. By hand too.
	require.Equal(t, done, s.starter(backfill...).code)
	eventually(t, func() error {
		schedule, err := s.client.Schedule(t.Context(), reference)
		if err != nil {
			return err
		}
		if len(schedule.RecentActions) == 0 {
			return errNotYet
		}
		last := schedule.RecentActions[len(schedule.RecentActions)-1]
		if schedule.NumActions != 5 || last.Run != december || last.State == client.ScheduleActionStarting || last.RunID == second.RunID {
			return fmt.Errorf("%w: %+v", errNotYet, schedule)
		}
		require.True(t, resultOf(t, last).AlreadyStarted)
		require.False(t, schedule.Paused && schedule.Note != "paused by e2e: a test")
		return nil
	})
	byHand := s.json("already_started", "run", "start", "--reference", december, "--manifest", strings.TrimPrefix(in.Manifest, "file://"), "--time-zone", "America/New_York")
	require.Equal(t, true, byHand["already_started"])

	for _, bad := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--from", "2025-11-02", "--to", "2025-11-30"}, refused, "has no time from 2025-11-02"},
		{[]string{"--from", "2025-11-02", "--to", "2025-11-01"}, misused, "--to: "},
		{[]string{"--from", "2099-01-01"}, misused, "must not be in the future"},
		{[]string{"--from", "tomorrow"}, misused, `--from: "tomorrow"; must be a date such as`},
		{nil, misused, `--from: ""; must be a date`},
	} {
		r := s.starter(append([]string{"schedule", "backfill", reference}, bad.args...)...)
		require.Equal(t, bad.code, r.code, r.stderr)
		require.Contains(t, r.stderr, bad.want)
	}
}

// A run that cannot be started, since its reference is another run's, fails: the app is told, and the schedule pauses.
func TestSchedulePausesOnFailure(t *testing.T) {
	t.Parallel()
	a, address := newApp(t)
	s := newSite(t, siteOptions{withoutWeb: true, change: func(c *config.Config) { c.NotifyWebhookURL, c.NotifyWebhookSecret = address, notifySecret }})
	reference := s.reference()
	s.schedule(reference, "--calendar", "day=1 hour=6")
	taken := reference + ".20251101T0600"
	s.json("workflow_id", "run", "start", "--reference", taken, "--manifest", "/elsewhere.csv")
	s.endRun(taken)

	require.Equal(t, done, s.starter("schedule", "backfill", reference, "--from", "2025-11-01").code)
	var failure client.Schedule
	eventually(t, func() error {
		var err error
		if failure, err = s.client.Schedule(t.Context(), reference); err != nil {
			return err
		}
		if !failure.Paused {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, []string{"run_not_started"}, a.about(taken))
	require.Contains(t, failure.Note, "paused due to workflow failure: schedule:"+reference+"-2025-11-01T06:00:00Z")
	require.Len(t, failure.RecentActions, 1)
	require.Equal(t, client.ScheduleActionStartFailed, failure.RecentActions[0].State)
	err := temporal.GetWorkflow(t.Context(), failure.RecentActions[0].WorkflowID, "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "billing-run:"+taken+" exists, with another manifest")
	s.says("start_failed", "schedule", "show", reference)
}

// A manifest that is not there when the run's patience ends: the run needs a person. With the file there, it goes on.
func TestScheduledRunWithoutManifest(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	folder := t.TempDir()
	s.json("schedule_id", "schedule", "create", "--reference", reference, "--calendar", "day=1 hour=6", "--manifest", filepath.Join(folder, "{{date}}.csv"))
	s.endSchedule(reference)
	run := reference + ".20251101T0600"
	require.Equal(t, done, s.starter("schedule", "backfill", reference, "--from", "2025-11-01").code)
	s.endRun(run)
	stands := func(want workflows.RunState, reason string) {
		eventually(t, func() error {
			r, err := s.client.Run(t.Context(), run)
			if err == nil && (r.State != want || r.Reason != reason) {
				err = fmt.Errorf("%s is %s (%s), not %s (%s)", run, r.State, r.Reason, want, reason)
			}
			return err
		})
	}
	stands(workflows.RunNeedsAttention, workflows.RunReasonManifestMissing)
	s.says("needs_attention", "schedule", "show", reference)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "2025-11-01.csv"), []byte("reference,customer,amount,currency\n,cus_1,1,usd\n"), 0o600))
	require.Equal(t, done, s.starter(append([]string{"run", "resume", run}, byHandFlags...)...).code)
	stands(workflows.RunNeedsAttention, workflows.RunReasonManifestInvalid)
}
