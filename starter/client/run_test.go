package client

import (
	"context"
	"iter"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const julyID = "billing-run:july-2026"

func TestRun(t *testing.T) {
	t.Parallel()
	status := workflows.RunStatus{
		Reference: "july-2026", State: workflows.RunCharging, Manifest: "file:///data/july.csv", Rate: 15, StartedAt: noon,
		Totals: activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 2, Amount: 30}}},
	}
	b := setup(t)
	b.answers(t, julyID, status)
	run, err := b.Run(t.Context(), "july-2026")
	require.NoError(t, err)
	require.Equal(t, Run{RunStatus: status, WorkflowID: julyID}, run)
	b.temporal.AssertNumberOfCalls(t, "QueryWorkflowWithOptions", 1) // whatever the size of the run

	b = setup(t)
	b.queried(julyID).Return(nil, errNotFound)
	_, err = b.Run(t.Context(), "july-2026")
	require.ErrorIs(t, err, ErrNotFound)

	// It continues as new while it is asked: it has not ended.
	b = setup(t)
	b.queried(julyID).Return(&sdk.QueryWorkflowWithOptionsResponse{
		QueryRejected: &querypb.QueryRejected{Status: enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW},
	}, nil).Once()
	b.answers(t, julyID, status)
	run, err = b.Run(t.Context(), "july-2026")
	require.NoError(t, err)
	require.Equal(t, workflows.RunCharging, run.State)

	_, err = setup(t).Run(t.Context(), "../july")
	mistakesAre(t, err, []string{"reference", `"../july"`})
}

func TestTerminatedRun(t *testing.T) {
	t.Parallel()
	options, _ := startRun(t, setup(t), runParams())
	b := setup(t)
	b.terminated(t, julyID, options.Memo[workflows.MemoInput], "charging")
	run, err := b.Run(t.Context(), "july-2026")
	require.NoError(t, err)
	require.Equal(t, Run{WorkflowID: julyID, RunStatus: workflows.RunStatus{
		Reference: "july-2026", State: workflows.RunNeedsAttention, Reason: "workflow_terminated", Manifest: "file:///data/july.csv", Totals: activities.RunTotals{},
	}}, run, "the manifest, so that its report can still be written")
	require.True(t, run.NeedsPerson())

	b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, errAlreadyStarted)
	_, err = b.StartRun(t.Context(), runParams())
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, "billing-run:july-2026 was terminated")
}

func TestRunOperations(t *testing.T) {
	t.Parallel()
	by := func(change ...func(*RunOperation)) RunOperation {
		op := RunOperation{Actor: "ops", Reason: "totals agree"}
		for _, c := range change {
			c(&op)
		}
		return op
	}
	// all is an operation with every field: only what it needs is sent.
	all := by(func(o *RunOperation) {
		o.Fingerprint, o.Rate, o.MaxTotal = "4F1C0B6E9A2D", 5, map[string]int64{"USD": 7}
	})
	for _, test := range []struct {
		name, update string
		call         func(*Client, context.Context, string, RunOperation) (RunAnswer, error)
		sent         RunOperation
	}{
		{"Approve", "approve", (*Client).ApproveRun, by(func(o *RunOperation) { o.Fingerprint = "4f1c0b6e9a2d" })},
		{"SetRate", "set_rate", (*Client).SetRunRate, by(func(o *RunOperation) { o.Rate = 5 })},
		{"Pause", "pause", (*Client).PauseRun, by()},
		{"Resume", "resume", (*Client).ResumeRun, by(func(o *RunOperation) { o.MaxTotal = map[string]int64{"usd": 7} })},
		{"Cancel", "cancel", (*Client).CancelRun, by()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			want := RunAnswer{State: workflows.RunPaused, Pending: true}
			b.temporal.On("UpdateWorkflow", mock.Anything, sdk.UpdateWorkflowOptions{
				WorkflowID: julyID, UpdateName: test.update, Args: []any{test.sent}, WaitForStage: sdk.WorkflowUpdateStageCompleted,
			}).Return(handle(t, want, nil), nil)
			answer, err := test.call(b.Client, t.Context(), "july-2026", all)
			require.NoError(t, err)
			require.Equal(t, want, answer)
		})
	}
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		no := temporal.NewNonRetryableApplicationError("pause: the run is validating", workflows.RefusedError, nil)
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(t, nil, no), nil)
		_, err := b.PauseRun(t.Context(), "july-2026", by())
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "pause: the run is validating", refused.Message)
	})
	t.Run("Ended", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
		b.describes(t, julyID, nil, "completed")
		_, err := b.CancelRun(t.Context(), "july-2026", by())
		require.EqualError(t, err, "billing-run:july-2026 has ended as completed")
	})
}

func TestRunOperationInvalid(t *testing.T) {
	t.Parallel()
	type call = func(*Client, context.Context, string, RunOperation) (RunAnswer, error)
	for _, test := range []struct {
		name string
		call call
		op   RunOperation
		want []string // field and part of the message, one pair per mistake
	}{
		{"Nobody", (*Client).PauseRun, RunOperation{}, []string{"actor", "1 to 80", "reason", "1 to 200"}},
		{"NoFingerprint", (*Client).ApproveRun, RunOperation{Actor: "x", Reason: "x"}, []string{"fingerprint", `""; must be the fingerprint`}},
		{"ShortFingerprint", (*Client).ApproveRun, RunOperation{Actor: "x", Reason: "x", Fingerprint: "4f1c0b6e9a2"}, []string{"fingerprint", "first 12 characters"}},
		{"NoHex", (*Client).ApproveRun, RunOperation{Actor: "x", Reason: "x", Fingerprint: "yes, all of it"}, []string{"fingerprint", `"yes, all of it"`}},
		{"NoRate", (*Client).SetRunRate, RunOperation{Actor: "x", Reason: "x"}, []string{"rate", `"0"; must be charges per second, more than 0`}},
		{"Rate", (*Client).SetRunRate, RunOperation{Actor: "x", Reason: "x", Rate: math.NaN()}, []string{"rate", `"NaN"`}},
		{"Total", (*Client).ResumeRun, RunOperation{Actor: "x", Reason: "x", MaxTotal: map[string]int64{"usd": -1}}, []string{"max_total", `"usd=-1"; must be positive`}},
		{"TotalCurrency", (*Client).ResumeRun, RunOperation{Actor: "x", Reason: "x", MaxTotal: map[string]int64{"dollars": 1}}, []string{"max_total", "must name a currency"}},
		{"AllAtOnce", (*Client).SetRunRate, RunOperation{Actor: "x", Rate: -1}, []string{"rate", `"-1"`, "reason", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := test.call(setup(t).Client, t.Context(), "july-2026", test.op)
			mistakesAre(t, err, test.want)
		})
	}
	_, err := setup(t).CancelRun(t.Context(), "a b", RunOperation{Actor: "x", Reason: "x"})
	mistakesAre(t, err, []string{"reference", `"a b"`})
}

func TestListRuns(t *testing.T) {
	t.Parallel()
	execution := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: julyID},
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Memo:      &commonpb.Memo{Fields: map[string]*commonpb.Payload{workflows.MemoInput: payload(t, map[string]any{"manifest": "s3://b/july.csv"})}},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			"OffsessionState": payload(t, "paused"), "OffsessionNextActionAt": payload(t, noon),
		}},
	}
	b := setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'BillingRun' AND ExecutionStatus != 'ContinuedAsNew' AND OffsessionState = 'paused' AND ExecutionStatus IN ('Running', 'Completed')",
	}).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{execution}}, nil)
	var got []RunSummary
	for s, err := range b.ListRuns(t.Context(), RunFilter{State: workflows.RunPaused}) {
		require.NoError(t, err)
		got = append(got, s)
	}
	require.Equal(t, []RunSummary{{Reference: "july-2026", WorkflowID: julyID, State: workflows.RunPaused, Manifest: "s3://b/july.csv", NextActionAt: noon}}, got)

	execution.Status, execution.Memo = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, nil
	terminated := runSummaryOf(execution)
	require.Equal(t, workflows.RunNeedsAttention, terminated.State)
	require.Equal(t, "Terminated", terminated.ExecutionStatus)
	require.Empty(t, terminated.Manifest)

	for _, err := range setup(t).ListRuns(t.Context(), RunFilter{State: "late"}) {
		require.True(t, isInvalid(err))
	}
	listFails(t, "list runs", func(b bundle) iter.Seq2[RunSummary, error] { return b.ListRuns(t.Context(), RunFilter{}) })
}

func TestWaitRun(t *testing.T) {
	t.Parallel()
	for _, state := range []workflows.RunState{
		workflows.RunCompleted, workflows.RunCanceled, workflows.RunPaused, workflows.RunNeedsAttention, workflows.RunAwaitingApproval,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.watches(t, julyID, nil, nil)
			b.describes(t, julyID, nil, "charging").Once()
			b.describes(t, julyID, nil, string(state)).Once()
			b.answers(t, julyID, workflows.RunStatus{Reference: "july-2026", State: state})
			run, err := b.WaitRun(t.Context(), "july-2026")
			require.NoError(t, err)
			require.Equal(t, state, run.State)
			require.Equal(t, !state.Ended(), run.NeedsPerson())
		})
	}
	// Somebody has resumed it at that moment: the wait goes on.
	t.Run("Resumed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, julyID, nil, nil)
		b.describes(t, julyID, nil, "paused").Once()
		b.answers(t, julyID, workflows.RunStatus{State: workflows.RunCharging}).Once()
		b.describes(t, julyID, nil, "completed").Once()
		b.answers(t, julyID, workflows.RunStatus{State: workflows.RunCompleted}).Once()
		run, err := b.WaitRun(t.Context(), "july-2026")
		require.NoError(t, err)
		require.Equal(t, workflows.RunCompleted, run.State)
	})
	t.Run("Deadline", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, julyID, nil, nil)
		b.describes(t, julyID, nil, "charging").Maybe()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := b.WaitRun(ctx, "july-2026")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	_, err := setup(t).WaitRun(t.Context(), "a b")
	require.True(t, isInvalid(err))
}
