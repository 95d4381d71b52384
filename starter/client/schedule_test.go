package client

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/workflows"
)

// describesSchedule makes Temporal know a schedule, "daily", made ten days ago.
func (b bundle) describesSchedule(t *testing.T, change func(*sdk.ScheduleDescription)) *mocks.ScheduleHandle {
	t.Helper()
	calendar, err := parseCalendar(fmt.Sprintf("hour=%d", lastTime.Hour()))
	require.NoError(t, err)
	d := &sdk.ScheduleDescription{
		Schedule: sdk.Schedule{
			Spec:   &sdk.ScheduleSpec{Calendars: []sdk.ScheduleCalendarSpec{calendar.spec()}, TimeZoneName: "UTC"},
			Policy: &sdk.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, CatchupWindow: time.Hour},
			State:  &sdk.ScheduleState{},
			Action: &sdk.ScheduleWorkflowAction{Args: []any{payload(t, workflows.ScheduledRunInput{
				ManifestPatience: 60, Run: workflows.BillingRunInput{Manifest: "s3://b/{{date}}.csv"},
			})}},
		},
		Info: sdk.ScheduleInfo{CreatedAt: nominal(-10).Add(time.Hour), NumActionsMissedCatchupWindow: 3},
	}
	if change != nil {
		change(d)
	}
	handle := mocks.NewScheduleHandle(t)
	handle.On("Describe", mock.Anything).Return(d, nil)
	schedules := mocks.NewScheduleClient(t)
	schedules.On("GetHandle", mock.Anything, "schedule:daily").Return(handle)
	b.temporal.On("ScheduleClient").Return(schedules)
	return handle
}

// lastTime is the last nominal time of the schedule, at any time of the day between three and four hours ago.
var lastTime = time.Now().UTC().Add(-3 * time.Hour).Truncate(time.Hour)

// nominal is a time of the schedule, some days from the last.
func nominal(days int) time.Time { return lastTime.AddDate(0, 0, days) }

func dailyRun(days int) string { return "daily." + nominal(days).Format("20060102T1504") }

// seesRuns are those that visibility knows.
func (b bundle) seesRuns(runs ...string) *mock.Call {
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, run := range runs {
		response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.BillingRunID(run)},
		})
	}
	return b.temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(response, nil)
}

func runsOf(missed []MissedRun) []string {
	runs := make([]string, 0, len(missed))
	for _, m := range missed {
		runs = append(runs, m.Run)
	}
	return runs
}

func TestMissedRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.describesSchedule(t, nil)
	var known []string
	for days := -9; days <= 0; days++ {
		if days != -7 && days != -2 && days != -1 {
			known = append(known, dailyRun(days))
		}
	}
	list := b.seesRuns(append(known, "daily.other.20260101T0600")...)
	b.describes(t, workflows.BillingRunID(dailyRun(-1)), nil, "validating") // visibility does not know it yet
	b.knowsNo(workflows.BillingRunID(dailyRun(-7)))
	b.knowsNo(workflows.BillingRunID(dailyRun(-2)))
	s, err := b.Schedule(t.Context(), "daily")
	require.NoError(t, err)
	require.Equal(t, []MissedRun{{nominal(-7), dailyRun(-7)}, {nominal(-2), dailyRun(-2)}}, s.Missed)
	require.Equal(t, 2, s.MissedTotal)
	require.Equal(t, 3, s.NumActionsMissedCatchupWindow)
	require.Equal(t, "s3://b/{{date}}.csv", s.Manifest)
	query := list.Parent.Calls[len(list.Parent.Calls)-1]
	for _, call := range list.Parent.Calls {
		if call.Method == "ListWorkflow" {
			query = call
		}
	}
	require.Equal(t, fmt.Sprintf("WorkflowType = 'BillingRun' AND WorkflowId STARTS_WITH 'billing-run:daily.' AND StartTime >= '%s'",
		nominal(-10).Add(time.Hour).Format(time.RFC3339)), query.Arguments.Get(1).(*workflowservice.ListWorkflowExecutionsRequest).GetQuery())
}

// What is missed is said of times that the schedule had, and that have been given up.
func TestMissedRunsAreThoseOfTheSchedule(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*sdk.ScheduleDescription)
		want   []int // days from the last time
		total  int
	}{
		{"SinceTheChange", func(d *sdk.ScheduleDescription) { d.Info.LastUpdateAt = nominal(-2).Add(time.Hour) }, []int{-1, 0}, 2},
		{"BeforeAStartThatIsBeingTried", func(d *sdk.ScheduleDescription) {
			d.Info.RunningWorkflows = []sdk.ScheduleWorkflowExecution{{WorkflowID: "schedule:daily-" + nominal(-7).Format(time.RFC3339)}}
		}, []int{-9, -8}, 2},
		{"JitterNotOver", func(d *sdk.ScheduleDescription) {
			d.Info.CreatedAt, d.Schedule.Spec.Jitter = nominal(-1).Add(-time.Hour), 24*time.Hour
		}, []int{-1}, 1},
		{"OtherTimes", func(d *sdk.ScheduleDescription) {
			d.Schedule.Spec.Intervals = []sdk.ScheduleIntervalSpec{{Every: time.Hour}}
		}, nil, 0},
		{"TheLatest", func(d *sdk.ScheduleDescription) { d.Info.CreatedAt = nominal(-400) }, []int{-19, -18, -17, -16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0}, 30},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.describesSchedule(t, test.change)
			b.seesRuns().Maybe()
			b.temporal.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, errNotFound).Maybe()
			s, err := b.Schedule(t.Context(), "daily")
			require.NoError(t, err)
			want := make([]string, 0, len(test.want))
			for _, days := range test.want {
				want = append(want, dailyRun(days))
			}
			require.Equal(t, want, runsOf(s.Missed))
			require.Equal(t, test.total, s.MissedTotal)
		})
	}
}

func TestRecentActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.describesSchedule(t, func(d *sdk.ScheduleDescription) {
		d.Schedule.State = &sdk.ScheduleState{Paused: true, Note: "paused by ops: prices"}
		d.Info.NextActionTimes = []time.Time{nominal(1)}
		d.Info.CreatedAt = time.Now()
		for days := -5; days <= -1; days++ {
			d.Info.RecentActions = append(d.Info.RecentActions, sdk.ScheduleActionResult{
				ScheduleTime: nominal(days).Add(7 * time.Minute), ActualTime: nominal(days).Add(8 * time.Minute), // 7 minutes of jitter
				StartWorkflowResult: &sdk.ScheduleWorkflowExecution{WorkflowID: "schedule:daily-" + nominal(days).Format(time.RFC3339), FirstExecutionRunID: "run-1"},
			})
		}
	})
	b.seesRuns()
	start := func(days int, status enumspb.WorkflowExecutionStatus) {
		call := b.describes(t, "schedule:daily-"+nominal(days).Format(time.RFC3339), nil, "")
		call.ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription).Status = status
	}
	start(-5, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED)
	start(-4, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	b.describes(t, workflows.BillingRunID(dailyRun(-4)), nil, "charging")
	start(-3, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	b.terminated(t, workflows.BillingRunID(dailyRun(-3)), nil, "charging")
	b.knowsNo("schedule:daily-" + nominal(-2).Format(time.RFC3339))
	b.knowsNo(workflows.BillingRunID(dailyRun(-2)))
	start(-1, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	b.knowsNo(workflows.BillingRunID(dailyRun(-1)))

	s, err := b.Schedule(t.Context(), "daily")
	require.NoError(t, err)
	require.True(t, s.Paused)
	require.Empty(t, s.NextActionTimes, "nothing is next while it is paused")
	for i, want := range []string{"start_failed", "charging", "needs_attention", "", "starting"} {
		action := s.RecentActions[i]
		require.Equal(t, ScheduleAction{
			ScheduledAt: nominal(i - 5), StartedAt: nominal(i - 5).Add(8 * time.Minute), Run: dailyRun(i - 5), State: want,
			WorkflowID: "schedule:daily-" + nominal(i-5).Format(time.RFC3339), RunID: "run-1",
		}, action)
	}
}

func TestScheduleErrors(t *testing.T) {
	t.Parallel()
	_, err := setup(t).Schedule(t.Context(), "a b")
	require.ErrorContains(t, err, `reference: "a b" is not allowed`)
	_, err = setup(t).PauseSchedule(t.Context(), "daily", workflows.Operation{Actor: "ops"})
	require.ErrorContains(t, err, "reason: ")

	b := setup(t)
	handle := mocks.NewScheduleHandle(t)
	schedules := mocks.NewScheduleClient(t)
	schedules.On("GetHandle", mock.Anything, "schedule:daily").Return(handle)
	b.temporal.On("ScheduleClient").Return(schedules)
	handle.On("Delete", mock.Anything).Return(serviceerror.NewUnavailable("down")).Once()
	require.ErrorContains(t, b.DeleteSchedule(t.Context(), "daily"), "delete schedule:daily: down")
	handle.On("Delete", mock.Anything).Return(serviceerror.NewNotFound("schedule not found")).Once()
	require.ErrorIs(t, b.DeleteSchedule(t.Context(), "daily"), ErrNotFound)

	schedules.On("Create", mock.Anything, mock.Anything).Return(nil, errors.New("no such search attribute")).Once()
	_, err = b.CreateSchedule(t.Context(), scheduleParams(func(p *ScheduleParams) { p.Reference = "daily" }))
	require.ErrorContains(t, err, "create schedule:daily: no such search attribute")
}

// What others made under our id, or changed, is not ours.
func TestForeignSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	handle := b.describesSchedule(t, func(d *sdk.ScheduleDescription) {
		d.Schedule.Action = nil
		d.Schedule.Spec.Intervals = []sdk.ScheduleIntervalSpec{{Every: time.Hour}}
	})
	_, err := b.existingSchedule(t.Context(), scheduleInput{Reference: "daily"})
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, "schedule:daily exists, and was not started by offsession")
	_, err = b.BackfillSchedule(t.Context(), "daily", nominal(-1), nominal(0))
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, "was changed in Temporal")
	handle.AssertNotCalled(t, "Backfill", mock.Anything, mock.Anything)
}

// A backfill that names either of the two times at which clocks show the same starts their one run.
func TestBackfillOfATimeThatComesTwice(t *testing.T) {
	t.Parallel()
	first := time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC) // 2:30 in Berlin, and an hour later again
	for _, at := range []time.Time{first, first.Add(time.Hour)} {
		b := setup(t)
		handle := b.describesSchedule(t, func(d *sdk.ScheduleDescription) {
			d.Schedule.Spec.TimeZoneName = "Europe/Berlin"
			d.Schedule.Spec.Calendars[0].Hour = []sdk.ScheduleRange{{Start: 2}}
			d.Schedule.Spec.Calendars[0].Minute = []sdk.ScheduleRange{{Start: 30}}
		})
		var sent sdk.ScheduleBackfillOptions
		handle.On("Backfill", mock.Anything, mock.Anything).Run(func(args mock.Arguments) { sent = args.Get(1).(sdk.ScheduleBackfillOptions) }).Return(nil)
		runs, err := b.BackfillSchedule(t.Context(), "daily", at, at)
		require.NoError(t, err)
		require.Equal(t, []MissedRun{{ScheduledAt: at, Run: "daily.20251026T0230"}}, runs)
		named := make(map[time.Time]bool)
		for _, r := range sent.Backfill {
			require.Equal(t, r.Start, r.End)
			named[r.Start] = true
		}
		require.Equal(t, map[time.Time]bool{first: true, first.Add(time.Hour): true}, named)
	}
}
