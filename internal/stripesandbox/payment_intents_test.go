package stripesandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestOffSessionChargeSucceeds(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusSucceeded, pi.Status)
	require.EqualValues(t, 1099, pi.AmountReceived)
	require.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, b.events(pi.ID, pi.LatestCharge.ID))
}

func TestDeclinedChargeIsRetriedOnTheSameIntent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_sandbox_decline_insufficient_funds_advice_try_again_later_times_1")
	_, err := b.charge(cus, pm)
	se := stripeError(t, err)
	require.Equal(t, 402, se.HTTPStatusCode)
	require.Equal(t, stripe.ErrorTypeCard, se.Type)
	require.Equal(t, stripe.DeclineCodeInsufficientFunds, se.DeclineCode)
	require.Contains(t, string(se.LastResponse.RawJSON), `"advice_code":"try_again_later"`)
	pi := se.PaymentIntent
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
	require.Nil(t, pi.PaymentMethod)
	require.Equal(t, pm, pi.LastPaymentError.PaymentMethod.ID)
	require.Equal(t, se.ChargeID, pi.LatestCharge.ID)
	require.Equal(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, b.events(pi.ID, pi.LatestCharge.ID))

	params := &stripe.PaymentIntentConfirmParams{PaymentMethod: &pm, OffSession: stripe.Bool(true)}
	params.AddExpand("latest_charge")
	paid, err := b.V1PaymentIntents.Confirm(t.Context(), pi.ID, params)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusSucceeded, paid.Status)
	require.Equal(t, "approved_by_network", paid.LatestCharge.Outcome.NetworkStatus)
	require.Nil(t, paid.LastPaymentError)

	_, err = b.V1PaymentIntents.Confirm(t.Context(), pi.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: &pm, OffSession: stripe.Bool(true)})
	se = stripeError(t, err)
	require.Equal(t, stripe.ErrorCodePaymentIntentUnexpectedState, se.Code)
	require.Equal(t, 400, se.HTTPStatusCode)
	require.Equal(t, pi.ID, se.PaymentIntent.ID)
}
