package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const day = 24 * time.Hour

func TestBankDebit(t *testing.T) {
	t.Parallel()
	t.Run("succeeds", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.expect(3*day, workflows.PaymentProcessing, "")
		b.at(4*day, func() { b.stripe.bankAnswers(true) })
		b.expect(6*day, workflows.PaymentPaid, "")
		b.collect(paymentInput())
		require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentProcessing, activities.NotifyPaymentPaid}, b.stripe.told())
	})
	t.Run("fails, and the policy goes on", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit(), bankDebit()}
		b.at(4*day, func() { b.stripe.bankAnswers(false); b.signal("evt_1", "payment_intent.payment_failed", "pi_1") })
		b.expect(4*day+time.Minute, workflows.PaymentRetryScheduled, "")
		b.at(10*day, func() { b.stripe.bankAnswers(true) })
		b.collect(paymentInput())
		require.Equal(t, chargeKeys("1", "2"), b.stripe.keysSent())
		require.Equal(t, []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeSucceeded}, outcomes(b.payment()))
		require.Len(t, b.stripe.intents, 1)
	})
	t.Run("a method stored meanwhile is used after the no", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.at(day, func() {
			b.update(changeMethod, workflows.Operation{Actor: "ops", Reason: "r", PaymentMethod: "pm_other"})
		})
		b.at(4*day, func() { b.stripe.bankAnswers(false); b.signal("evt_1", "payment_intent.payment_failed", "pi_1") })
		b.expect(4*day+time.Minute, workflows.PaymentPaid, "")
		b.collect(paymentInput())
		require.Equal(t, "pm_other", b.stripe.sends[1].PaymentMethod)
	})
	t.Run("takes longer than 21 days, and still succeeds", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.expect(21*day-time.Minute, workflows.PaymentProcessing, "")
		b.expect(21*day+time.Minute, workflows.PaymentNeedsAttention, workflows.ReasonProcessingTooLong)
		var opened *reply[workflows.OpenCheckoutResponse]
		var retried, canceled *reply[workflows.OperationResponse]
		b.at(25*day, func() {
			opened, retried, canceled = b.open(), b.update(retry, workflows.Operation{}), b.update(cancel, workflows.Operation{})
		})
		b.expect(26*day, workflows.PaymentNeedsAttention, workflows.ReasonProcessingTooLong)
		b.at(30*day, func() { b.stripe.bankAnswers(true) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		require.Equal(t, workflows.CheckoutProcessing, opened.value.Answer)
		require.ErrorContains(t, retried.refused(), "processing_too_long")
		require.ErrorContains(t, canceled.refused(), "the bank is working on it")
		require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentProcessing, activities.NotifyPaymentPaid}, b.stripe.told(), "told once")
		require.Len(t, b.stripe.sends, 1)
	})
	t.Run("takes longer than 21 days, and then fails", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.at(30*day, func() { b.stripe.bankAnswers(false) })
		b.expect(32*day, workflows.PaymentRetryScheduled, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	})
	t.Run("reads fail on the 21st day", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.at(20*day, func() {
			b.stripe.edit(func() { b.stripe.down["PaymentIntent"] = stripeError(activities.StripeUnauthorized) })
		})
		b.expect(21*day+time.Hour, workflows.PaymentNeedsAttention, workflows.ReasonProcessingTooLong)
		b.at(23*day, func() { b.stripe.edit(func() { clear(b.stripe.down) }); b.stripe.bankAnswers(true) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		require.Less(t, b.stripe.called("PaymentIntent"), 60)
	})
	t.Run("Stripe cancels it: cancel is possible", func(t *testing.T) {
		t.Parallel()
		for message, end := range map[string]workflows.PaymentState{cancel: workflows.PaymentCanceled, writeOff: workflows.PaymentUncollectible} {
			b := newBench(t)
			b.stripe.script = []answer{{status: activities.PaymentIntentRequiresCapture}}
			var ended *reply[workflows.OperationResponse]
			b.at(day, func() { ended = b.update(message, workflows.Operation{}) })
			require.Equal(t, end, b.collect(paymentInput()).State)
			require.NoError(t, ended.refused())
		}
	})
	t.Run("refunded by hand before we looked: it was paid all the same", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{bankDebit()}
		b.at(4*day, func() {
			b.stripe.bankAnswers(true)
			b.stripe.edit(func() { b.stripe.intents["pi_1"].AmountRefunded = 1099 })
		})
		require.NoError(t, execute(b, workflows.TypeCollectPayment, paymentInput()))
		require.Equal(t, workflows.PaymentPaid, b.payment().State)
		require.NotContains(t, b.stripe.told(), activities.NotifyPaymentMethodNeeded)
	})
}

// TestCheckoutByDebit: the customer pays by a bank debit in the session, and the bank says no days later.
func TestCheckoutByDebit(t *testing.T) {
	t.Parallel()
	t.Run("the customer was asked: asked again", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("stolen_card")}
		b.at(day, func() { b.open() })
		b.at(day+10*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentProcessing) })
		b.at(5*day, func() {
			b.stripe.bankAnswers(false)
			b.signal("evt_1", "checkout.session.async_payment_failed", "cs_1")
		})
		b.expect(5*day+time.Minute, workflows.PaymentAwaitingCustomer, "")
		b.at(18*day, func() { b.open() })
		b.at(18*day+time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		var ids []string
		for _, n := range b.stripe.deliveries {
			require.NotContains(t, ids, n.ID, "each occasion has an id of its own")
			ids = append(ids, n.ID)
		}
	})
	t.Run("a retry was planned: it is made", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(day, func() { b.open() })
		b.at(day+10*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentProcessing) })
		b.at(5*day, func() {
			b.stripe.bankAnswers(false)
			b.signal("evt_1", "checkout.session.async_payment_failed", "cs_1")
		})
		b.expect(5*day+time.Minute, workflows.PaymentPaid, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	})
	t.Run("before the payment was due: it is charged when due", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		in := paymentInput()
		in.Due = b.start.Add(20 * day)
		b.at(day, func() { b.open() })
		b.at(day+10*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentProcessing) })
		b.at(5*day, func() {
			b.stripe.bankAnswers(false)
			b.signal("evt_1", "checkout.session.async_payment_failed", "cs_1")
		})
		b.expect(6*day, workflows.PaymentScheduled, "")
		require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
		require.Equal(t, in.Due, b.stripe.sends[0].At.UTC())
	})
}

// TestDuplicatePayments: two ways took the money. The earlier charge is kept, the later given back.
func TestDuplicatePayments(t *testing.T) {
	t.Parallel()
	paidAt := func(b *bench, ago time.Duration) func(*activities.PaymentIntent) {
		return func(pi *activities.PaymentIntent) { pi.ChargedAt = b.start.Add(-ago) }
	}
	t.Run("one is still processing: awaited, then refunded", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.known(activities.PaymentIntentProcessing, paidAt(b, hour))
		b.stripe.known(activities.PaymentIntentSucceeded, paidAt(b, 2*hour))
		b.expect(day, workflows.PaymentProcessing, "")
		b.at(4*day, func() { b.stripe.bankAnswers(true) })
		require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
		require.Equal(t, []string{"payment:inv-1:refund:pi_1"}, b.stripe.refunds)
		require.Equal(t, []workflows.Refund{{PaymentIntent: "pi_1", Refund: b.payment().Refunds[0].Refund, Status: "succeeded"}}, b.payment().Refunds)
	})
	t.Run("one is still processing, and fails", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.known(activities.PaymentIntentProcessing)
		b.stripe.known(activities.PaymentIntentSucceeded)
		b.at(4*day, func() { b.stripe.bankAnswers(false) })
		res := b.collect(paymentInput())
		require.Equal(t, b.stripe.order[0], res.PaymentIntent)
		require.Empty(t, b.stripe.refunds)
	})
	t.Run("one is processing for longer than 21 days", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.known(activities.PaymentIntentProcessing)
		b.stripe.known(activities.PaymentIntentSucceeded)
		b.expect(22*day, workflows.PaymentNeedsAttention, workflows.ReasonProcessingTooLong)
		b.at(30*day, func() { b.stripe.bankAnswers(true) })
		b.collect(paymentInput())
		require.Len(t, b.stripe.refunds, 1)
	})
	for name, mend := range map[string]func(b *bench){
		"retry repeats it with a new key": func(b *bench) {
			b.at(2*day, func() { b.stripe.edit(func() { b.stripe.refundsAs = "pending" }) })
			b.at(2*day, func() { b.update(retry, workflows.Operation{}) })
		},
		"retry finds it made by hand": func(b *bench) {
			b.at(2*day, func() { b.stripe.edit(func() { b.stripe.intents["pi_1"].AmountRefunded = 1099 }) })
			b.at(2*day, func() { b.update(retry, workflows.Operation{}) })
		},
		"the poll finds it made by hand": func(b *bench) {
			b.at(2*day, func() { b.stripe.edit(func() { b.stripe.intents["pi_1"].AmountRefunded = 1099 }) })
		},
		"the earlier one was given back by hand instead": func(b *bench) {
			b.at(2*day, func() { b.stripe.edit(func() { b.stripe.intents["pi_3"].AmountRefunded = 1099 }) })
		},
	} {
		t.Run("the refund fails: "+name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.refundsAs = "failed"
			b.stripe.known(activities.PaymentIntentSucceeded, paidAt(b, hour))
			b.stripe.known(activities.PaymentIntentSucceeded, paidAt(b, 2*hour))
			b.expect(day, workflows.PaymentNeedsAttention, workflows.ReasonDuplicateNotRefunded)
			mend(b)
			require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
			require.Less(t, len(b.stripe.refunds), 20, "polled, not hammered")
			if name == "retry repeats it with a new key" {
				require.Equal(t, "payment:inv-1:refund:pi_1+", b.stripe.refunds[len(b.stripe.refunds)-1])
			}
		})
	}
}
