package client

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// watches lets the workflow's closing be waited for: it closes with err when closed is closed.
func (b bundle) watches(t *testing.T, workflowID string, closed <-chan struct{}, err error) {
	t.Helper()
	run := mocks.NewWorkflowRun(t)
	run.On("Get", mock.Anything, nil).Return(func(ctx context.Context, _ any) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-closed:
			return err
		}
	}).Maybe()
	b.temporal.On("GetWorkflow", mock.Anything, workflowID, "").Return(run).Maybe()
}

func done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestWait(t *testing.T) {
	t.Parallel()
	paid := workflows.PaymentStatus{Reference: "r", State: workflows.PaymentPaid}

	t.Run("Closed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", done(), nil)
		b.describes(t, "payment:r", nil, "charging").Maybe()
		b.answers(t, "payment:r", paid)
		p, err := b.Wait(t.Context(), "r")
		require.NoError(t, err)
		require.Equal(t, workflows.PaymentPaid, p.State)
	})
	t.Run("EndedButStillDelivering", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", nil, nil)
		b.describes(t, "payment:r", nil, "charging").Once()
		b.describes(t, "payment:r", nil, "paid").Once()
		b.answers(t, "payment:r", paid)
		p, err := b.Wait(t.Context(), "r")
		require.NoError(t, err)
		require.Equal(t, workflows.PaymentPaid, p.State)
	})
	t.Run("OnlyInStripe", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", done(), errNotFound)
		b.queried("payment:r").Return(nil, errNotFound)
		b.stripe.intents = map[string][]activities.PaymentIntent{"r": {{ID: "pi_1", Status: activities.PaymentIntentSucceeded}}}
		p, err := b.Wait(t.Context(), "r")
		require.NoError(t, err)
		require.Equal(t, "pi_1", p.PaymentIntent)
	})
	t.Run("NotFound", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", done(), errNotFound)
		b.queried("payment:r").Return(nil, errNotFound)
		_, err := b.Wait(t.Context(), "r")
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("Terminated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", done(), context.Canceled)
		_, err := b.Wait(t.Context(), "r")
		require.ErrorContains(t, err, "payment:r did not end by itself")
	})
	t.Run("Deadline", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.watches(t, "payment:r", nil, nil)
		b.describes(t, "payment:r", nil, "charging").Maybe()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := b.Wait(ctx, "r")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestWaitSaved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.watches(t, "save-payment-method:r", nil, nil)
	b.describes(t, "save-payment-method:r", nil, "saved")
	b.answers(t, "save-payment-method:r", workflows.SetupStatus{SavePaymentMethodResult: workflows.SavePaymentMethodResult{State: workflows.SetupSaved, PaymentMethod: "pm_1"}})
	saved, err := b.WaitSaved(t.Context(), "r")
	require.NoError(t, err)
	require.Equal(t, "pm_1", saved.PaymentMethod)

	b = setup(t)
	b.watches(t, "save-payment-method:r", done(), errNotFound)
	_, err = b.WaitSaved(t.Context(), "r")
	require.ErrorIs(t, err, ErrNotFound)
}
