package service

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

func scheduledRun(change ...func(*workflows.BillingRunInput)) workflows.BillingRunInput {
	run := workflows.BillingRunInput{Reference: "monthly.20261201T0600", Manifest: "s3://billing/2026-12-01.csv", Rate: 7, Schedule: "monthly", ManifestDeadline: time.Unix(1e9, 0).UTC()}
	for _, c := range change {
		c(&run)
	}
	return run
}

func startRun(t *testing.T, temporal sdk.Client, run workflows.BillingRunInput) (bool, error) {
	t.Helper()
	encoded, err := json.Marshal(run)
	require.NoError(t, err)
	return temporalWorkflows{client: temporal}.StartRun(t.Context(), activities.StartRunInput{Reference: run.Reference, TaskQueue: "billing", Run: encoded})
}

func TestStartRun(t *testing.T) {
	t.Parallel()
	temporal := mocks.NewClient(t)
	var options sdk.StartWorkflowOptions
	temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.TypeBillingRun, scheduledRun()).
		Run(func(args mock.Arguments) { options = args.Get(1).(sdk.StartWorkflowOptions) }).Return(mocks.NewWorkflowRun(t), nil)
	started, err := startRun(t, temporal, scheduledRun())
	require.NoError(t, err)
	require.True(t, started)
	want, err := starts.Run(scheduledRun(), "billing")
	require.NoError(t, err)
	require.Equal(t, want, options, "as the client starts it")
	require.Equal(t, "billing-run:monthly.20261201T0600", options.ID)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	run, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchRun)
	require.Equal(t, "monthly.20261201T0600", run)
}

func TestStartRunThatIsThere(t *testing.T) {
	t.Parallel()
	byHand := scheduledRun(func(r *workflows.BillingRunInput) {
		r.Schedule, r.ManifestDeadline, r.PageSize = "", time.Time{}, workflows.RunPageSize
	})
	for _, test := range []struct {
		name   string
		before any
		status enumspb.WorkflowExecutionStatus
		want   string // "" is: the same run
	}{
		{"Same", scheduledRun(), enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, ""},
		{"Ended", scheduledRun(), enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, ""},
		{"StartedByHand", byHand, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, ""},
		{"AnotherRate", scheduledRun(func(r *workflows.BillingRunInput) { r.Rate = 8 }), enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, "with another rate"},
		{"Terminated", scheduledRun(), enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, "and was stopped from outside, or failed: Terminated"},
		{"NotOurs", nil, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, "and was not started by offsession"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			temporal := mocks.NewClient(t)
			temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
				Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
			var d sdk.WorkflowExecutionDescription
			d.Status = test.status
			if run, ok := test.before.(workflows.BillingRunInput); ok {
				first, err := starts.FirstOfRun(run)
				require.NoError(t, err)
				payload, err := converter.GetDefaultDataConverter().ToPayload(first)
				require.NoError(t, err)
				d.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{workflows.MemoInput: payload}}
			}
			temporal.On("DescribeWorkflow", mock.Anything, "billing-run:monthly.20261201T0600", "").Return(&d, nil)
			started, err := startRun(t, temporal, scheduledRun())
			require.False(t, started)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			var refused *activities.RefusedStartError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Message, "billing-run:monthly.20261201T0600 exists, "+test.want)
		})
	}
}

// Faults of Temporal are no refusals: they are tried again.
func TestStartRunWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	down := serviceerror.NewUnavailable("down")
	temporal := mocks.NewClient(t)
	temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, down).Once()
	_, err := startRun(t, temporal, scheduledRun())
	require.ErrorIs(t, err, down)
	temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
	temporal.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, down)
	_, err = startRun(t, temporal, scheduledRun())
	require.ErrorIs(t, err, down)
	var refused *activities.RefusedStartError
	require.NotErrorAs(t, err, &refused)

	_, err = temporalWorkflows{client: temporal}.StartRun(t.Context(), activities.StartRunInput{Run: json.RawMessage(`[]`)})
	require.ErrorAs(t, err, &refused)
}
