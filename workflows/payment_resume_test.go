package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestPaymentGoesOnWhenTheKeyIsAccepted: a key that was refused for a while needs one person, not one per payment.
func TestPaymentGoesOnWhenTheKeyIsAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{failsWith(activities.StripeUnauthorized), approved()}
	b.at(time.Minute, func() { require.Equal(t, workflows.ReasonUnauthorized, b.payment().Reason) })
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:2"}, b.stripe.keysSent())
	require.GreaterOrEqual(t, b.stripe.sends[1].At.Sub(b.stripe.sends[0].At), 10*time.Minute)
}

// TestRefusedChangeOfMethodChangesNothing: at the ceiling the customer can pay, but no other card is put in place.
func TestRefusedChangeOfMethodChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("expired_card")}
	in := paymentInput()
	in.Policy.MaxAttempts = 1
	var r *reply[workflows.OperationResponse]
	b.at(time.Hour, func() { r = b.update(changeMethod, workflows.Operation{PaymentMethod: "pm_other"}) })
	b.at(2*time.Hour, func() { require.Equal(t, "pm_card", b.payment().PaymentMethod) })
	b.collect(in)
	require.ErrorContains(t, r.refused(), "no more are allowed")
}
