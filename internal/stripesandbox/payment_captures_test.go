package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func (b *bundle) held(token string) *stripe.PaymentIntent {
	b.t.Helper()
	pi, err := b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1000), Currency: stripe.String("usd"), PaymentMethod: &token, Confirm: new(true), CaptureMethod: stripe.String("manual"),
	})
	require.NoError(b.t, err)
	require.Equal(b.t, stripe.PaymentIntentStatusRequiresCapture, pi.Status)
	require.EqualValues(b.t, 1000, pi.AmountCapturable)
	require.Zero(b.t, pi.AmountReceived)
	return pi
}

// The cardholder can complain about what was captured, not about a hold.
func TestCaptureIsDisputed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	pi := b.held("pm_card_createDispute")
	require.False(t, b.payment(pi.ID).LatestCharge.Disputed)
	_, err := b.V1PaymentIntents.Capture(t.Context(), pi.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(600)})
	require.NoError(t, err)
	require.True(t, b.payment(pi.ID).LatestCharge.Disputed)
	types := b.paymentEvents(pi.ID)
	require.Equal(t, []string{"payment_intent.succeeded", "charge.dispute.created"}, types[len(types)-2:])
	for d, err := range b.V1Disputes.List(t.Context(), &stripe.DisputeListParams{PaymentIntent: &pi.ID}) {
		require.NoError(t, err)
		require.EqualValues(t, 600, d.Amount)
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, tc := range []struct {
		name             string
		amount, received int64
	}{{"all", 0, 1000}, {"in part", 600, 600}} {
		pi := b.held("pm_card_visa")
		require.False(t, b.payment(pi.ID).LatestCharge.Captured)
		params := &stripe.PaymentIntentCaptureParams{}
		if tc.amount != 0 {
			params.AmountToCapture = &tc.amount
		}
		got, err := b.V1PaymentIntents.Capture(t.Context(), pi.ID, params)
		require.NoError(t, err)
		require.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
		require.Equal(t, tc.received, got.AmountReceived, tc.name)
		require.Zero(t, got.AmountCapturable)
		ch := b.payment(pi.ID).LatestCharge
		require.True(t, ch.Captured)
		require.Equal(t, tc.received, ch.AmountCaptured)
		require.Equal(t, 1000-tc.received, ch.AmountRefunded, "what is left is released")
		require.Equal(t, []string{
			"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded",
		}, b.paymentEvents(pi.ID))
		refund, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi.ID})
		require.NoError(t, err)
		require.Equal(t, tc.received, refund.Amount, "no more than was captured")
	}
	pi := b.held("pm_card_visa")
	for param, amount := range map[string]int64{"too much": 1001, "nothing": 0} {
		_, err := b.V1PaymentIntents.Capture(t.Context(), pi.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: &amount})
		require.Equal(t, "amount_to_capture", stripeError(t, err).Param, param)
	}
	_, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{Charge: &pi.LatestCharge.ID})
	require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode, "not captured yet")
	_, err = b.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1000), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_usBankAccount_success"), Confirm: new(true), CaptureMethod: stripe.String("manual"),
	})
	require.Equal(t, "capture_method", stripeError(t, err).Param, "a debit is not held")
}

func TestHoldIsReleased(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	byHand, byTime := b.held("pm_card_visa"), b.held("pm_card_mastercard")
	_, err := b.V1PaymentIntents.Cancel(t.Context(), byHand.ID, nil)
	require.NoError(t, err)
	require.NoError(t, b.srv.AdvanceClock(7*24*time.Hour))
	for id, reason := range map[string]stripe.PaymentIntentCancellationReason{byHand.ID: "", byTime.ID: "automatic"} {
		pi := b.payment(id)
		require.Equal(t, stripe.PaymentIntentStatusCanceled, pi.Status)
		require.Equal(t, reason, pi.CancellationReason)
		require.Zero(t, pi.AmountCapturable)
		require.Zero(t, pi.AmountReceived)
		require.True(t, pi.LatestCharge.Refunded)
		require.Zero(t, pi.LatestCharge.AmountCaptured)
		require.Equal(t, []string{
			"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.refunded", "payment_intent.canceled",
		}, b.paymentEvents(id))
	}
}
