package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestWayThatCannotBeClosed: nothing opens and nothing ends until it is closed, and then the payment goes on from where
// it stood: a planned attempt keeps its time, the customer keeps theirs.
func TestWayThatCannotBeClosed(t *testing.T) {
	t.Parallel()
	stuck := func(b *bench, from, to time.Duration, methods ...string) {
		b.at(from, func() {
			b.stripe.edit(func() {
				for _, m := range methods {
					b.stripe.down[m] = stripeError(activities.StripeUnknown)
				}
			})
		})
		b.at(to, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
	}
	t.Run("pressed while a retry is planned", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		stuck(b, hour, 2*hour, "CancelPaymentIntent")
		var opened *reply[workflows.OpenCheckoutResponse]
		b.at(hour, func() { opened = b.open() })
		b.expect(70*time.Minute+30*time.Second, workflows.PaymentNeedsAttention, workflows.ReasonWayNotClosed)
		var again *reply[workflows.OpenCheckoutResponse]
		b.at(90*time.Minute, func() { again = b.open() })
		b.expect(10*hour, workflows.PaymentRetryScheduled, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		require.Equal(t, workflows.CheckoutPending, opened.value.Answer)
		require.Equal(t, workflows.CheckoutPending, again.value.Answer)
		require.Greater(t, b.stripe.sends[1].At.Sub(b.start), 24*hour, "the attempt is not brought forward")
		require.Empty(t, b.stripe.sessions)
	})
	t.Run("pressed before the payment is due", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.known(activities.PaymentIntentRequiresConfirmation)
		in := paymentInput()
		in.Due = b.start.Add(48 * hour)
		stuck(b, 0, 2*hour, "CancelPaymentIntent")
		b.at(hour, func() { b.open() })
		b.expect(3*hour, workflows.PaymentScheduled, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
		require.Equal(t, in.Due, b.stripe.sends[0].At.UTC())
	})
	t.Run("pressed while the customer is asked", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		stuck(b, hour, 2*hour, "CancelPaymentIntent", "PaymentIntent")
		b.at(hour, func() { b.open() })
		b.expect(70*time.Minute+30*time.Second, workflows.PaymentNeedsAttention, workflows.ReasonWayNotClosed)
		b.expect(10*hour, workflows.PaymentAwaitingCustomer, "")
		require.Equal(t, workflows.PaymentUncollectible, b.collect(paymentInput()).State)
	})
	t.Run("a session, before an attempt that was asked for", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		in := paymentInput()
		asksAtOnce(&in)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(hour, func() { b.open() })
		stuck(b, hour+time.Minute, 2*hour, "ExpireCheckoutSession", "CheckoutSession")
		b.at(hour+2*time.Minute, func() { b.update(retry, workflows.Operation{}) })
		b.expect(hour+20*time.Minute, workflows.PaymentNeedsAttention, workflows.ReasonWayNotClosed)
		require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
		require.Equal(t, chargeKeys("1", "2"), b.stripe.keysSent())
		require.Less(t, b.stripe.sends[1].At.Sub(b.start), 4*hour)
	})
	t.Run("cancel waits for it", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		stuck(b, hour, 2*hour, "CancelPaymentIntent")
		var canceled *reply[workflows.OperationResponse]
		b.at(hour, func() { canceled = b.update(cancel, workflows.Operation{}) })
		var opened *reply[workflows.OpenCheckoutResponse]
		b.at(100*time.Minute, func() { opened = b.open() })
		b.expect(10*hour, workflows.PaymentCanceled, "")
		b.at(10*hour, func() {})
		require.Equal(t, workflows.PaymentCanceled, b.collect(paymentInput()).State)
		require.True(t, canceled.value.Pending)
		require.NotEqual(t, workflows.CheckoutReady, opened.value.Answer, "what was asked to end does not open again")
	})
	t.Run("retry takes a cancel back", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds"), declinedWith("insufficient_funds"), approved()}
		stuck(b, hour, 2*hour, "CancelPaymentIntent")
		b.at(hour, func() { b.update(cancel, workflows.Operation{}) })
		b.at(90*time.Minute, func() { b.update(retry, workflows.Operation{}) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	})
	t.Run("needs_attention is polled ever more rarely", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		stuck(b, hour, 20*24*hour, "CancelPaymentIntent")
		b.at(hour, func() { b.update(cancel, workflows.Operation{}) })
		require.Equal(t, workflows.PaymentCanceled, b.collect(paymentInput()).State)
		require.Less(t, len(b.plan)+b.stripe.called("CancelPaymentIntent"), 1200)
		require.NotContains(t, b.stripe.told(), activities.NotifyPaymentUncollectible)
	})
}

// TestCancelWhileACreateMayStillRun: the answer of the only attempt was lost, and Stripe carries it out minutes later.
func TestCancelWhileACreateMayStillRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first answer
		end   workflows.PaymentState
	}{
		"it comes late and is paid":     {first: lateBy(5*time.Minute, approved()), end: workflows.PaymentPaid},
		"it comes late and is declined": {first: lateBy(5*time.Minute, declinedWith("insufficient_funds")), end: workflows.PaymentCanceled},
		"it never comes":                {first: dropped(), end: workflows.PaymentCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = []answer{test.first}
			b.at(time.Second, func() { b.stripe.edit(func() { b.stripe.down["charge"] = stripeError(activities.StripeStoredFault) }) })
			var opened *reply[workflows.OpenCheckoutResponse]
			var canceled *reply[workflows.OperationResponse]
			b.at(time.Minute, func() { opened = b.open() })
			b.at(2*time.Minute, func() { canceled = b.update(cancel, workflows.Operation{}) })
			b.at(3*time.Minute, func() {
				require.Equal(t, workflows.CheckoutBusy, opened.value.Answer, "a second way must not open")
				require.True(t, canceled.value.Pending)
				require.False(t, b.payment().State.Ended())
				require.Equal(t, workflows.CheckoutClosed, func() workflows.CheckoutAnswer { opened = b.open(); return workflows.CheckoutClosed }())
			})
			b.expect(13*time.Minute, test.end, "")
			require.Equal(t, test.end, b.collect(paymentInput()).State)
			require.Equal(t, workflows.CheckoutClosed, opened.value.Answer)
		})
	}
}

// TestSessionOver: what becomes of the payment when the customer has not paid in the 35 minutes.
func TestSessionOver(t *testing.T) {
	t.Parallel()
	t.Run("an attempt that fell into them comes at their end", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		in := paymentInput()
		in.Due = b.start.Add(hour)
		b.at(50*time.Minute, func() { b.open() })
		require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
		after := b.stripe.sends[0].At.Sub(b.start)
		require.GreaterOrEqual(t, after, 85*time.Minute)
		require.Less(t, after, 90*time.Minute)
	})
	t.Run("the customer is left at the bank: closed all the same", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(hour, func() { b.open() })
		b.at(hour+30*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentRequiresAction) })
		b.expect(2*hour, workflows.PaymentRetryScheduled, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	})
	t.Run("a declined try leaves it open, then it expires", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		b.at(hour, func() { b.open() })
		b.at(hour+5*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentRequiresPaymentMethod) })
		b.at(hour+6*time.Minute, func() { require.NotEmpty(t, b.payment().Session) })
		var again *reply[workflows.OpenCheckoutResponse]
		b.at(2*hour, func() { require.Empty(t, b.payment().Session); again = b.open() })
		b.at(2*hour+5*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		require.Len(t, b.stripe.sessions, 2)
		require.NotEmpty(t, again.value.SessionID)
	})
	t.Run("Stripe's clock is behind ours", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		b.at(hour, func() { b.open() })
		b.at(hour+time.Minute, func() {
			b.stripe.edit(func() { b.stripe.openSession().ExpiresAt = b.start.Add(3 * hour) })
		})
		b.at(2*hour, func() { require.Zero(t, b.stripe.openWays()) })
		require.Equal(t, workflows.PaymentUncollectible, b.collect(paymentInput()).State)
	})
	t.Run("reads fail at its end", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		b.at(hour, func() { b.open() })
		b.at(hour+time.Minute, func() {
			b.stripe.edit(func() { b.stripe.down["CheckoutSession"] = stripeError(activities.StripeUnauthorized) })
		})
		b.at(26*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
		require.Equal(t, workflows.PaymentUncollectible, b.collect(paymentInput()).State)
		require.Less(t, b.stripe.called("CheckoutSession"), 40, "no busy loop")
	})
	t.Run("the deadline passes while it is open", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		deadline := 14 * 24 * hour
		b.at(deadline-10*time.Minute, func() { b.open() })
		b.at(deadline+10*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	})
}

// TestSessionNotOpened: an error on the way to a session changes nothing about an attempt that is planned.
func TestSessionNotOpened(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  error
		answer workflows.CheckoutAnswer
		state  workflows.PaymentState
		reason string
		asked  bool
	}{
		"no answer, attempt planned":    {stripeError(activities.StripeUnknown), workflows.CheckoutPending, workflows.PaymentRetryScheduled, "", false},
		"no answer, customer asked":     {stripeError(activities.StripeUnknown), workflows.CheckoutPending, workflows.PaymentAwaitingCustomer, "", true},
		"unauthorized, attempt planned": {stripeError(activities.StripeUnauthorized), workflows.CheckoutClosed, workflows.PaymentRetryScheduled, "", false},
		"unauthorized, customer asked":  {stripeError(activities.StripeUnauthorized), workflows.CheckoutClosed, workflows.PaymentNeedsAttention, workflows.ReasonUnauthorized, true},
		"refused, attempt planned":      {stripeError(activities.StripeRefused), workflows.CheckoutClosed, workflows.PaymentRetryScheduled, "", false},
		"refused, customer asked":       {stripeError(activities.StripeRefused), workflows.CheckoutClosed, workflows.PaymentNeedsAttention, workflows.ReasonRefused, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := paymentInput()
			if test.asked {
				asksAtOnce(&in)
			}
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			b.stripe.down["CreateCheckoutSession"] = test.fault
			var opened, again *reply[workflows.OpenCheckoutResponse]
			b.at(hour, func() { opened = b.open() })
			b.at(hour+10*time.Minute, func() {
				require.Equal(t, test.answer, opened.value.Answer)
				require.Equal(t, test.state, b.payment().State)
				require.Equal(t, test.reason, b.payment().Reason)
				b.stripe.edit(func() { clear(b.stripe.down) })
				again = b.open()
			})
			b.at(hour+11*time.Minute, func() {
				require.Equal(t, workflows.CheckoutReady, again.value.Answer, "the next press opens one")
				b.stripe.pay("inv-1", activities.PaymentIntentSucceeded)
			})
			require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
			require.NotEqual(t, b.stripe.opened[0].IdempotencyKey, b.stripe.opened[len(b.stripe.opened)-1].IdempotencyKey)
			link := b.stripe.opened[len(b.stripe.opened)-1]
			require.Equal(t, b.start.Add(hour+10*time.Minute+35*time.Minute), link.ExpiresAt)
		})
	}
}

// TestPressesDuringAnOutage: a page that asks again every few seconds does not keep the payment from going on afterwards.
func TestPressesDuringAnOutage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(hour, func() {
		b.stripe.edit(func() { b.stripe.down["CancelPaymentIntent"] = stripeError(activities.StripeUnknown) })
	})
	for i := range 180 {
		b.at(hour+time.Duration(i)*20*time.Second, func() { b.open() })
	}
	b.at(2*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
	var opened *reply[workflows.OpenCheckoutResponse]
	b.at(2*hour+time.Minute, func() { opened = b.open() })
	b.at(2*hour+2*time.Minute, func() {
		require.Equal(t, workflows.CheckoutReady, opened.value.Answer)
		b.stripe.pay("inv-1", activities.PaymentIntentSucceeded)
	})
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	require.Len(t, b.stripe.sessions, 1)
}
