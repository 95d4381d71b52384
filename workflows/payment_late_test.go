package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestLateRequestIsFoundByWhateverComesNext: a look-up found nothing, and Stripe carried the request out minutes later.
// Nothing is sent, opened or ended before another look-up, however much time has passed.
func TestLateRequestIsFoundByWhateverComesNext(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(b *bench){
		"cancel":        func(b *bench) { b.update(cancel, workflows.Operation{}) },
		"write_off":     func(b *bench) { b.update(writeOff, workflows.Operation{}) },
		"open_checkout": func(b *bench) { b.open() },
		"retry":         func(b *bench) { b.update(retry, workflows.Operation{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = []answer{lateBy(9*time.Minute, approved())}
			// The repeat is answered with the fault that Stripe has stored, so that the look-up comes at once.
			b.at(time.Second, func() { b.stripe.edit(func() { b.stripe.down["charge"] = stripeError(activities.StripeStoredFault) }) })
			b.at(5*time.Minute, func() {
				b.update(reschedule, workflows.Operation{Actor: "ops", Reason: "later", Due: b.start.Add(10 * hour)})
			})
			b.at(hour, func() { next(b) })
			b.expect(hour+time.Minute, workflows.PaymentPaid, "")
			require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
			require.Len(t, b.stripe.intents, 1)
			require.Empty(t, b.stripe.sessions)
		})
	}
}

// TestNotBeforeTheDueTime: what the customer's press finds out about an earlier life plans no attempt before the payment
// is due.
func TestNotBeforeTheDueTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.known(activities.PaymentIntentRequiresPaymentMethod, func(pi *activities.PaymentIntent) {
		pi.LatestCharge, pi.LastError = "ch_old", activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"}
	})
	in := paymentInput()
	in.Due = b.start.Add(30 * day)
	b.at(hour, func() { b.open() })
	require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
	require.Equal(t, in.Due, b.stripe.sends[0].At.UTC())
}

// TestSessionThatCannotBeClosedAtItsEnd: Stripe still shows it open, and does not take the request to close it.
func TestSessionThatCannotBeClosedAtItsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("insufficient_funds")}
	b.at(43*hour+30*time.Minute, func() { b.open() })
	b.at(43*hour+31*time.Minute, func() {
		b.stripe.edit(func() {
			b.stripe.openSession().ExpiresAt = b.start.Add(80 * hour)
			b.stripe.down["ExpireCheckoutSession"] = stripeError(activities.StripeUnauthorized)
		})
	})
	b.expect(45*hour, workflows.PaymentNeedsAttention, workflows.ReasonWayNotClosed)
	b.at(50*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	require.Greater(t, b.stripe.sends[1].At.Sub(b.start), 50*hour, "no attempt while the customer could pay")
	require.Less(t, b.stripe.sends[1].At.Sub(b.start), 70*hour, "the attempt that was planned is made then")
	require.Less(t, b.stripe.called("ExpireCheckoutSession"), 20)
}
