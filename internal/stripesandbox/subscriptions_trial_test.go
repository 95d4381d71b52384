package stripesandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestTrialEndsWithoutMethod(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		behaviour string
		status    stripe.SubscriptionStatus
		reason    stripe.SubscriptionCancellationDetailsReason
		events    []string
	}{
		{"cancel", "canceled", "cancellation_requested", []string{"customer.subscription.deleted"}},
		{"pause", "paused", "", []string{"customer.subscription.updated", "customer.subscription.paused"}},
		{"create_invoice", "past_due", "", []string{
			"customer.subscription.updated", "invoice.created", "invoice.finalized", "payment_intent.created", "invoice.payment_failed", "customer.subscription.updated",
		}},
	} {
		t.Run(tc.behaviour, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(""), b.monthly(1200), trialDays(7), missingMethod(tc.behaviour))
			b.pass(6 * day)
			require.Equal(t, stripe.SubscriptionStatusTrialing, b.subscription(sub.ID).Status)
			before := len(b.events())
			b.pass(day + time.Hour)
			sub = b.subscription(sub.ID)
			require.Equal(t, tc.status, sub.Status)
			require.Equal(t, tc.reason, sub.CancellationDetails.Reason)
			require.Equal(t, tc.events, b.events()[before:])
			if tc.status == "canceled" {
				require.Equal(t, sub.TrialEnd, sub.EndedAt)
			}
		})
	}
}

func TestTrialEndsWithMethod(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), trialDays(7))
	require.Equal(t, sub.TrialEnd, sub.BillingCycleAnchor)
	require.Equal(t, sub.TrialEnd, sub.Items.Data[0].CurrentPeriodEnd)
	require.Equal(t, sub.TrialStart, sub.Items.Data[0].CurrentPeriodStart)
	before := len(b.events())
	b.pass(7 * day)
	sub = b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusActive, sub.Status)
	require.Equal(t, stripe.InvoiceStatusDraft, sub.LatestInvoice.Status, "for an hour")
	require.Equal(t, sub.TrialEnd+3600, sub.LatestInvoice.AutomaticallyFinalizesAt)
	b.pass(time.Hour)
	sub = b.subscription(sub.ID)
	require.Equal(t, stripe.InvoiceStatusPaid, sub.LatestInvoice.Status)
	require.EqualValues(t, "subscription_cycle", sub.LatestInvoice.BillingReason)
	require.Equal(t, []string{
		"customer.subscription.trial_will_end", "customer.subscription.updated", "invoice.created", "invoice.finalized", "payment_intent.created",
		"charge.succeeded", "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid", "payment_intent.succeeded",
	}, b.events()[before:])
	require.Equal(t, "trialing", b.last("customer.subscription.updated").Data.PreviousAttributes["status"])
}

func TestTrialWillEnd(t *testing.T) {
	t.Parallel()
	told := func(b billing, id string) int {
		n := 0
		for _, e := range b.events(id) {
			if e == "customer.subscription.trial_will_end" {
				n++
			}
		}
		return n
	}
	t.Run("three days before", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), trialDays(7))
		b.pass(4*day - time.Second)
		require.Zero(t, told(b, sub.ID))
		b.pass(time.Second)
		require.Equal(t, 1, told(b, sub.ID))
		b.pass(30 * day)
		require.Equal(t, 1, told(b, sub.ID))
	})
	t.Run("at once when the trial is shorter", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), trialDays(2))
		require.Equal(t, 1, told(b, sub.ID))
	})
	t.Run("at once when it is ended early", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), trialDays(20))
		ended, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{TrialEndNow: new(true)})
		require.NoError(t, err)
		require.Equal(t, stripe.SubscriptionStatusActive, ended.Status)
		require.Equal(t, b.wall.now().Unix(), ended.TrialEnd)
		require.Equal(t, 1, told(b, sub.ID))
		require.Equal(t, stripe.InvoiceStatusPaid, b.subscription(sub.ID).LatestInvoice.Status)
		b.pass(20 * day)
		require.Equal(t, ended.Items.Data[0].CurrentPeriodEnd, b.subscription(sub.ID).Items.Data[0].CurrentPeriodEnd, "the old end is no longer due")
	})
	t.Run("anew when the trial is prolonged", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), trialDays(7))
		later := b.wall.now().Add(20 * day).Unix()
		_, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{TrialEnd: &later})
		require.NoError(t, err)
		b.pass(16 * day)
		require.Zero(t, told(b, sub.ID))
		require.Equal(t, stripe.SubscriptionStatusTrialing, b.subscription(sub.ID).Status)
		b.pass(day)
		require.Equal(t, 1, told(b, sub.ID))
		b.pass(3 * day)
		require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	})
}
