package client

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

func TestTerminatedPayment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status activities.PaymentIntentStatus // in Stripe; "" is: not there
		want   workflows.PaymentState
	}{
		{"NotInStripe", "", workflows.PaymentNeedsAttention},
		{"Open", activities.PaymentIntentRequiresPaymentMethod, workflows.PaymentNeedsAttention},
		{"Processing", activities.PaymentIntentProcessing, workflows.PaymentNeedsAttention},
		{"Canceled", activities.PaymentIntentCanceled, workflows.PaymentNeedsAttention},
		{"Paid", activities.PaymentIntentSucceeded, workflows.PaymentPaid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.terminated(t, "payment:r", nil, "awaiting_customer")
			intent := ""
			if test.status != "" {
				intent = "pi_1"
				b.stripe.intents = map[string][]activities.PaymentIntent{"r": {{ID: intent, Status: test.status, Customer: "cus_1", Amount: 1099, Currency: "usd"}}}
			}
			p, err := b.Payment(t.Context(), "r")
			require.NoError(t, err)
			require.Equal(t, Payment{WorkflowID: "payment:r", PaymentStatus: workflows.PaymentStatus{
				Reference: "r", State: test.want, Reason: "workflow_terminated", Customer: "cus_1", Amount: 1099, Currency: "usd", PaymentIntent: intent,
				Attempts: []workflows.Attempt{}, Refunds: []workflows.Refund{},
			}}, p)
		})
	}
}

func TestTerminatedIsNotAlive(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, err error, want string) {
		t.Helper()
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, want+" was terminated; nobody follows it any more, look in Stripe what became of it", refused.Message)
	}
	op := Operation{Actor: "ops", Reason: "asked by phone"}

	t.Run("StartPayment", func(t *testing.T) {
		t.Parallel()
		options, _ := start(t, setup(t), params())
		b := setup(t)
		b.terminated(t, "payment:order-17", options.Memo[workflows.MemoInput], "charging")
		b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
			Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
		_, err := b.StartPayment(t.Context(), params())
		refused(t, err, "payment:order-17")
	})
	t.Run("RetryPayment", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.terminated(t, "payment:r", nil, "awaiting_customer")
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
		_, err := b.RetryPayment(t.Context(), "r", op)
		refused(t, err, "payment:r")
	})
	t.Run("SavePaymentMethod", func(t *testing.T) {
		t.Parallel()
		b := setup(t) // the mock fails the test when anything is started
		b.terminated(t, saveID, map[string]any{"customer": "cus_1"}, "open")
		_, err := b.SavePaymentMethod(t.Context(), saveParams())
		refused(t, err, saveID)
	})
	t.Run("CancelSavePaymentMethod", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.terminated(t, saveID, nil, "open")
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
		_, err := b.CancelSavePaymentMethod(t.Context(), "s1", op)
		refused(t, err, saveID)
	})
	t.Run("SavedPaymentMethod", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.terminated(t, saveID, nil, "open")
		saved, err := b.SavedPaymentMethod(t.Context(), "s1")
		require.NoError(t, err)
		require.Equal(t, workflows.SetupNeedsAttention, saved.State)
		require.Equal(t, "workflow_terminated", saved.Reason)
		require.Empty(t, saved.Link)
	})
	t.Run("WaitSaved", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, saveID, nil, nil)
		b.terminated(t, saveID, nil, "saved")
		_, err := b.WaitSaved(t.Context(), "s1")
		require.EqualError(t, err, saveID+" did not end by itself")
	})
}

func TestUncleanEnds(t *testing.T) {
	t.Parallel()
	ends := map[string]string{"Terminated": "was terminated", "Failed": "failed", "TimedOut": "timed out", "Canceled": "was canceled in Temporal"}
	for number := range enumspb.WorkflowExecutionStatus_name {
		status := enumspb.WorkflowExecutionStatus(number)
		want := ends[status.String()]
		require.Equal(t, want, endOf(status), status)
		require.Equal(t, want != "", unclean(status), status)
		require.Equal(t, want != "", statusName(status) != "", status)
	}
}
