package service

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func handover() activities.PaymentHandover {
	return activities.PaymentHandover{
		ChargeInput: activities.ChargeInput{
			Reference: "inv-1", Attempt: 1, Owner: "billing-run:july", Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1",
			Description: "Gym", StatementSuffix: "GYM", Metadata: map[string]string{"order": "7"},
		},
		At:     time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC),
		Result: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentIntent: "pi_1", Codes: activities.Codes{Code: "card_declined"}},
		Run:    "july", TimeZone: "Europe/Berlin", CheckoutUI: activities.CheckoutUICustom, Events: "exceptions",
		Policy: dunning.DefaultPolicy(), MessagesFrom: time.Date(2026, 7, 1, 9, 10, 0, 0, time.UTC),
	}
}

// TestStartPayment: the payment carries all frozen values and the attempt, is found by its run, and is compared like any other when
// somebody starts it again.
func TestStartPayment(t *testing.T) {
	t.Parallel()
	tc := mocks.NewClient(t)
	var options client.StartWorkflowOptions
	var input workflows.CollectPaymentInput
	tc.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.TypeCollectPayment, mock.Anything).Run(func(args mock.Arguments) {
		options, _ = args.Get(1).(client.StartWorkflowOptions)
		input, _ = args.Get(3).(workflows.CollectPaymentInput)
	}).Return(mocks.NewWorkflowRun(t), nil)
	h := handover()
	started, err := temporalWorkflows{client: tc, taskQueue: "billing"}.StartPayment(t.Context(), h)
	require.NoError(t, err)
	require.True(t, started)

	want := workflows.CollectPaymentInput{
		Reference: "inv-1", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "usd", Owner: "billing-run:july",
		AttemptOne:  &workflows.AttemptOne{At: h.At, MessagesFrom: h.MessagesFrom, ChargeResult: h.Result},
		Description: "Gym", StatementSuffix: "GYM", Metadata: map[string]string{"order": "7"}, TimeZone: "Europe/Berlin",
		CheckoutUI: activities.CheckoutUICustom, Events: workflows.EventsExceptions, Policy: h.Policy,
	}
	require.Equal(t, want.Short(), input)
	require.Equal(t, "payment:inv-1", options.ID)
	require.Equal(t, "billing", options.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	require.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	run, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchRun)
	require.Equal(t, "july", run)
	state, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	require.Equal(t, "charging", state)

	// An app that starts the same payment itself hears that it is the run's.
	memo, ok := options.Memo[workflows.MemoInput].(starts.First)
	require.True(t, ok)
	require.NotContains(t, memo, "attempt_one")
	own := want
	own.AttemptOne, own.Owner = nil, ""
	first, err := starts.FirstOfPayment(own)
	require.NoError(t, err)
	diff, different, err := starts.Differ(memo, first, starts.PaymentDefaults())
	require.NoError(t, err)
	require.True(t, different)
	require.Equal(t, "owner", diff.Field)
}

func TestStartPaymentThatIsThere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		failed bool
	}{
		"there":        {serviceerror.NewWorkflowExecutionAlreadyStarted("there", "", "run"), false},
		"out of order": {errors.New("unavailable"), true},
	} {
		tc := mocks.NewClient(t)
		tc.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, test.err)
		started, err := temporalWorkflows{client: tc, taskQueue: "billing"}.StartPayment(t.Context(), handover())
		require.False(t, started, name)
		require.Equal(t, test.failed, err != nil, name)
	}
}
