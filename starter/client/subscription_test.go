package client

import (
	"errors"
	"iter"
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
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

func TestSubscription(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		need workflows.SubscriptionNeed
		link bool
	}{
		{workflows.NeedConfirmation, true},
		{workflows.NeedPaymentMethod, true},
		{workflows.NeedInvoicePaid, true},
		{workflows.NeedBank, false},
		{"", false},
	} {
		t.Run("Need_"+string(test.need), func(t *testing.T) {
			t.Parallel()
			status := workflows.SubscriptionStatus{
				Reference: "sub_1", State: workflows.SubscriptionAtRisk, Need: test.need, Customer: "cus_1", Steps: []workflows.SubscriptionStep{},
				LinkExpires: time.Now().AddDate(0, 1, 0).UTC().Truncate(time.Second),
			}
			b := setup(t)
			b.answers(t, "subscription:sub_1", status)
			got, err := b.Subscription(t.Context(), "sub_1")
			require.NoError(t, err)
			want := Subscription{SubscriptionStatus: status, WorkflowID: "subscription:sub_1"}
			if test.link {
				want.Link = "https://pay.example.com/c/subscription:sub_1/" + status.LinkExpires.Format(time.DateOnly)
			}
			require.Equal(t, want, got)
		})
	}
	t.Run("NotWatched", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.queried("subscription:sub_1").Return(nil, errNotFound)
		_, err := b.Subscription(t.Context(), "sub_1")
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("Terminated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.terminated(t, "subscription:sub_1", nil, "ready")
		got, err := b.Subscription(t.Context(), "sub_1")
		require.NoError(t, err)
		require.Equal(t, Subscription{WorkflowID: "subscription:sub_1", SubscriptionStatus: workflows.SubscriptionStatus{
			Reference: "sub_1", State: workflows.SubscriptionAtRisk, Reason: "workflow_terminated", Customer: "cus_1", Steps: []workflows.SubscriptionStep{},
		}}, got)
	})
	t.Run("TerminatedAndGone", func(t *testing.T) {
		t.Parallel()
		_, err := func() (Subscription, error) {
			b := setup(t)
			b.knowsNo("subscription:sub_1")
			return b.terminatedSubscription(t.Context(), "sub_1")
		}()
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("Invalid", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Subscription(t.Context(), "gym-17")
		mistakesAre(t, err, []string{"subscription", `"gym-17"; must be the id of a Stripe subscription`})
	})
}

func TestReady(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*activities.Subscription)
		setups []activities.SetupIntent
		paid   bool
		want   bool
	}{
		{"NothingPending", func(s *activities.Subscription) { s.PendingSetupIntent = nil }, nil, false, true},
		{"RequiresAction", nil, nil, false, false},
		{"Succeeded", pending(activities.SetupIntentSucceeded), nil, false, true},
		{"Canceled", pending(activities.SetupIntentCanceled), nil, false, false},
		{"CanceledAndOurOwn", pending(activities.SetupIntentCanceled), []activities.SetupIntent{{ID: "seti_2", Status: activities.SetupIntentSucceeded, WorkflowID: "subscription:sub_1"}}, false, true},
		{"CanceledAndSomebodyElses", pending(activities.SetupIntentCanceled), []activities.SetupIntent{{ID: "seti_2", Status: activities.SetupIntentSucceeded}}, false, false},
		{"CanceledAndPaid", pending(activities.SetupIntentCanceled), nil, true, true},
		{"PastDue", func(s *activities.Subscription) { s.PendingSetupIntent, s.Status = nil, activities.SubscriptionPastDue }, nil, false, false},
		{"Ended", func(s *activities.Subscription) {
			s.PendingSetupIntent, s.Status = nil, activities.SubscriptionCanceled
		}, nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t).knows(trialing(test.change, func(s *activities.Subscription) { s.DefaultPaymentMethod = "pm_1" }))
			b.stripe.setups = map[string][]activities.SetupIntent{"pm_1": test.setups}
			if test.paid {
				b.stripe.invoices = map[string][]activities.Invoice{"sub_1": {{ID: "in_1", Status: activities.InvoicePaid, AmountDue: 1099}}}
			}
			ready, err := b.Ready(t.Context(), "sub_1")
			require.NoError(t, err)
			require.Equal(t, test.want, ready)
		})
	}
	t.Run("Unknown", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Ready(t.Context(), "sub_1")
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("Fault", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing(func(s *activities.Subscription) { s.PendingSetupIntent = nil }))
		down := &activities.StripeError{Kind: activities.StripeUnknown}
		b.stripe.subErr = map[string]error{"sub_1": down}
		ready, err := b.Ready(t.Context(), "sub_1")
		require.ErrorIs(t, err, down)
		require.False(t, ready, "nobody gets access because Stripe is down")
	})
	t.Run("WithoutStripe", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, withoutStripe).Ready(t.Context(), "sub_1")
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
	})
	t.Run("Invalid", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Ready(t.Context(), "in_1")
		mistakesAre(t, err, []string{"subscription", `"in_1"`})
	})
}

func TestUnwatchSubscription(t *testing.T) {
	t.Parallel()
	op := Operation{Actor: "ops", Reason: "moved by hand"}
	b := setup(t)
	b.temporal.On("UpdateWorkflow", mock.Anything, sdk.UpdateWorkflowOptions{
		WorkflowID: "subscription:sub_1", UpdateName: "cancel", Args: []any{op}, WaitForStage: sdk.WorkflowUpdateStageCompleted,
	}).Return(handle(t, Answer{State: "ended"}, nil), nil)
	answer, err := b.UnwatchSubscription(t.Context(), "sub_1", Operation{Actor: "ops", Reason: "moved by hand", PaymentMethod: "pm_1"})
	require.NoError(t, err)
	require.Equal(t, Answer{State: "ended"}, answer)

	b = setup(t)
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
	b.describes(t, "subscription:sub_1", nil, "ready_and_paid")
	_, err = b.UnwatchSubscription(t.Context(), "sub_1", op)
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "subscription:sub_1 has ended as ready_and_paid", refused.Message)

	b = setup(t)
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
	b.describes(t, "subscription:sub_1", nil, "ended")
	_, err = b.UnwatchSubscription(t.Context(), "sub_1", op)
	require.EqualError(t, err, "subscription:sub_1 has ended")

	lost := serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to unexpected workflow task failure.")
	b = setup(t)
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, lost).Once()
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(t, nil, lost), nil).Once()
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(t, Answer{State: "ended"}, nil), nil).Once()
	answer, err = b.UnwatchSubscription(t.Context(), "sub_1", op)
	require.NoError(t, err, "a message was delivered at the moment at which the workflow would have ended")
	require.Equal(t, Answer{State: "ended"}, answer)

	_, err = setup(t).UnwatchSubscription(t.Context(), "sub_1", Operation{})
	mistakesAre(t, err, []string{"actor", "", "reason", ""})
	_, err = setup(t).UnwatchSubscription(t.Context(), "gym-17", op)
	mistakesAre(t, err, []string{"subscription", ""})
}

func TestWaitSubscription(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.watches(t, "subscription:sub_1", nil, nil)
	b.describes(t, "subscription:sub_1", nil, "ready").Once()
	b.describes(t, "subscription:sub_1", nil, "ready_and_paid").Once()
	b.answers(t, "subscription:sub_1", workflows.SubscriptionStatus{Reference: "sub_1", State: workflows.SubscriptionReadyAndPaid})
	got, err := b.WaitSubscription(t.Context(), "sub_1")
	require.NoError(t, err)
	require.Equal(t, workflows.SubscriptionReadyAndPaid, got.State)

	b = setup(t)
	b.watches(t, "subscription:sub_1", done(), errNotFound)
	_, err = b.WaitSubscription(t.Context(), "sub_1")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = b.WaitSubscription(t.Context(), "gym-17")
	require.True(t, isInvalid(err))
}

func TestListSubscriptions(t *testing.T) {
	t.Parallel()
	execution := func(id, run string, status enumspb.WorkflowExecutionStatus, state string) *workflowpb.WorkflowExecutionInfo {
		return &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "subscription:" + id, RunId: run},
			Status:    status, StartTime: timestamppb.New(noon),
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
				"OffsessionState": payload(t, state), "OffsessionCustomer": payload(t, "cus_1"), "OffsessionNextActionAt": payload(t, noon),
			}},
		}
	}
	collect := func(b bundle, filter SubscriptionFilter) (list []SubscriptionSummary) {
		for s, err := range b.ListSubscriptions(t.Context(), filter) {
			require.NoError(t, err)
			list = append(list, s)
		}
		return list
	}
	const running, completed, terminated = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED

	b := setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'DeferredSubscription' AND ExecutionStatus != 'ContinuedAsNew' AND OffsessionState = 'ready' AND ExecutionStatus IN ('Running', 'Completed') AND OffsessionCustomer = 'cus_1'",
	}).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{
		execution("sub_1", "run-2", running, "ready"), execution("sub_1", "run-1", completed, "ended"),
	}}, nil)
	require.Equal(t, []SubscriptionSummary{{
		Reference: "sub_1", WorkflowID: "subscription:sub_1", State: workflows.SubscriptionReady, Customer: "cus_1", NextActionAt: noon, StartedAt: noon, runID: "run-2",
	}}, collect(b, SubscriptionFilter{State: workflows.SubscriptionReady, Customer: "cus_1"}), "the watch before is over")

	b = setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'DeferredSubscription' AND ExecutionStatus != 'ContinuedAsNew' AND (OffsessionState = 'at_risk' OR ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled'))",
	}).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{
		execution("sub_1", "run-existing", terminated, "ready"), execution("sub_2", "run-1", terminated, "ready"), execution("sub_3", "run-1", terminated, "ready"),
	}}, nil)
	b.describes(t, "subscription:sub_1", nil, "ready")
	b.describes(t, "subscription:sub_2", nil, "ready") // run-existing is another
	b.knowsNo("subscription:sub_3")
	list := collect(b, SubscriptionFilter{State: workflows.SubscriptionAtRisk})
	require.Len(t, list, 2, "sub_2 is watched again")
	require.Equal(t, "sub_1", list[0].Reference)
	require.Equal(t, workflows.SubscriptionAtRisk, list[0].State)
	require.Equal(t, "Terminated", list[0].ExecutionStatus)
	require.Equal(t, "sub_3", list[1].Reference)

	for _, filter := range []SubscriptionFilter{{State: "late"}, {Customer: "x' OR '1'='1"}} {
		for _, err := range setup(t).ListSubscriptions(t.Context(), filter) {
			require.True(t, isInvalid(err))
		}
	}
	listFails(t, "list subscriptions", func(b bundle) iter.Seq2[SubscriptionSummary, error] {
		return b.ListSubscriptions(t.Context(), SubscriptionFilter{})
	})
	down := errors.New("down")
	b = setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{
		Executions: []*workflowpb.WorkflowExecutionInfo{execution("sub_1", "run-1", terminated, "ready")},
	}, nil)
	b.temporal.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, down)
	for _, err := range b.ListSubscriptions(t.Context(), SubscriptionFilter{}) {
		require.ErrorIs(t, err, down)
	}
}
