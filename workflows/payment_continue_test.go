package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestContinueAsNew: in every state, at any time, a new run goes on as the old one would have.
func TestContinueAsNew(t *testing.T) {
	t.Parallel()
	type scenario func(b *bench) workflows.CollectPaymentInput
	scenarios := map[string]scenario{
		"due later": func(b *bench) workflows.CollectPaymentInput {
			in := paymentInput()
			in.Due, in.PaymentMethod = b.start.Add(3*day), ""
			b.at(hour, func() {
				b.update(changeMethod, workflows.Operation{Actor: "ops", Reason: "r", PaymentMethod: "pm_other"})
			})
			return in
		},
		"retries, then the customer": func(b *bench) workflows.CollectPaymentInput {
			for range 9 {
				b.stripe.script = append(b.stripe.script, declinedWith("insufficient_funds"))
			}
			b.at(20*day, func() { b.open() })
			b.at(20*day+20*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentProcessing) })
			b.at(25*day, func() { b.stripe.bankAnswers(false) })
			return paymentInput()
		},
		"session from a planned retry": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			b.at(43*hour+50*time.Minute, func() { b.open() })
			return paymentInput()
		},
		"bank debit of more than 21 days": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{bankDebit()}
			b.at(25*day, func() { b.stripe.bankAnswers(true) })
			return paymentInput()
		},
		"a way that is not closed, and a cancel that waits for it": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			b.at(hour, func() {
				b.stripe.edit(func() { b.stripe.down["CancelPaymentIntent"] = stripeError(activities.StripeUnauthorized) })
			})
			b.at(hour, func() { b.update(cancel, workflows.Operation{}) })
			b.at(26*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
			return paymentInput()
		},
		"a duplicate whose refund fails": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.refundsAs = "failed"
			b.stripe.known(activities.PaymentIntentSucceeded)
			b.stripe.known(activities.PaymentIntentSucceeded)
			b.at(2*day, func() {
				b.stripe.edit(func() { b.stripe.refundsAs = "succeeded" })
				b.update(retry, workflows.Operation{})
			})
			return paymentInput()
		},
		"an outcome nobody knows, found later": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{lostAfter(approved())}
			b.stripe.faults["PaymentIntentsByReference"] = []error{nil}
			b.at(time.Second, func() {
				b.stripe.edit(func() {
					b.stripe.down["charge"] = stripeError(activities.StripeUnauthorized)
					b.stripe.down["PaymentIntentsByReference"] = stripeError(activities.StripeUnauthorized)
				})
			})
			b.at(30*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
			return paymentInput()
		},
		"ten minutes after a lost answer": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{storedFault(answer{}), approved()}
			return paymentInput()
		},
		"a reference of another payment": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.known(activities.PaymentIntentSucceeded, func(pi *activities.PaymentIntent) { pi.Amount, pi.AmountRefunded = 7, 7 })
			b.at(3*day, func() { b.update(writeOff, workflows.Operation{}) })
			return paymentInput()
		},
		"handed over declined": func(b *bench) workflows.CollectPaymentInput {
			for range 9 {
				b.stripe.script = append(b.stripe.script, declinedWith("insufficient_funds"))
			}
			b.at(20*day, func() { b.open() })
			return b.handOver(ownedInput())
		},
		"handed over unknown": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{dropped(), dropped(), dropped(), declinedWith("insufficient_funds"), declinedWith("stolen_card")}
			return b.handOver(ownedInput())
		},
		"handed over unknown, and Stripe does not take the key": func(b *bench) workflows.CollectPaymentInput {
			b.stripe.script = []answer{lostAfter(bankDebit()), dropped(), dropped()}
			in := b.handOver(ownedInput())
			b.fails(time.Second, 30*hour, "PaymentIntentsByReference", activities.StripeUnauthorized)
			b.stripe.faults["PaymentIntentsByReference"] = []error{stripeError(activities.StripeUnauthorized)}
			b.at(25*day, func() { b.stripe.bankAnswers(true) })
			return in
		},
	}
	times := []time.Duration{
		time.Minute, 5 * time.Minute, 11 * time.Minute, 2 * hour, 30 * hour, 44 * hour, 3 * day, 6 * day, 14 * day, 15 * day,
		20*day + 10*time.Minute, 20*day + 30*time.Minute, 22 * day, 25*day + 2*hour, 30 * day, 38 * day,
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := newBench(t)
			once.collectAny(s(once))
			again := newBench(t)
			in := s(again)
			for _, at := range times {
				again.continueAsNew(at)
			}
			again.collectAny(in)
			require.Greater(t, again.runs, 1)
			require.Equal(t, once.trace(), again.trace())
			require.Less(t, again.carried, 8<<10)
		})
	}
}

// collectAny is collect for a payment whose PaymentIntents at Stripe are not all its own.
func (b *bench) collectAny(in workflows.CollectPaymentInput) {
	b.Helper()
	require.NoError(b, execute(b, workflows.TypeCollectPayment, in))
	require.Zero(b, b.stripe.openWays())
}

// trace is what the world has seen of a workflow.
func (b *bench) trace() []string {
	var seen []string
	for _, s := range b.stripe.sends {
		seen = append(seen, fmt.Sprint(s.At.UTC(), s.Key, s.PaymentIntent, s.PaymentMethod))
	}
	seen = append(seen, b.stripe.closes...)
	seen = append(seen, b.stripe.refunds...)
	b.stripe.told() // in order
	for i, n := range b.stripe.deliveries {
		seen = append(seen, fmt.Sprint(b.stripe.delivered[i].UTC(), n.ID, n.Deadline, n.LinkExpires, n.NextAttemptAt))
	}
	for i, told := range b.stripe.others.ended {
		seen = append(seen, fmt.Sprint(b.stripe.others.toldAt[i].UTC(), told))
	}
	for _, o := range b.stripe.opened {
		seen = append(seen, fmt.Sprint(o.IdempotencyKey, o.ExpiresAt))
	}
	s := b.payment()
	s.Audit = nil
	return append(seen, fmt.Sprintf("%+v", s))
}

// TestContinueAsNewKeepsWhatIsWaiting: an event that comes with the suggestion is followed, by this run or the next.
func TestContinueAsNewKeepsWhatIsWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(day, func() { b.open() })
	paid := day + 7*time.Minute
	b.at(paid, func() {
		b.stripe.pay("inv-1", activities.PaymentIntentSucceeded)
		b.env.SetContinueAsNewSuggested(true)
		b.signal("evt_1", "checkout.session.completed", "cs_1")
	})
	b.expect(paid+time.Second, workflows.PaymentPaid, "")
	b.collect(paymentInput())
}

// TestContinueAsNewWithACancellation: a Temporal cancellation request that comes with the suggestion is not lost.
func TestContinueAsNewWithACancellation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(day, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.CancelWorkflow()
	})
	require.Equal(t, workflows.PaymentCanceled, b.collect(paymentInput()).State)
}

// TestCarriedStateIsBounded: however much happens, what is handed over stays small.
func TestCarriedStateIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := paymentInput()
	in.Due = b.start.Add(400 * day)
	for i := range 200 {
		at := time.Duration(i)*day + hour
		b.at(at, func() { b.open() })
		b.at(at+time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentRequiresPaymentMethod) })
		b.at(at+2*time.Minute, func() {
			b.signal(fmt.Sprintf("evt_%d_with_an_id_as_long_as_stripes", i), "payment_intent.payment_failed", "pi_1")
		})
		b.at(at+50*time.Minute, func() {
			b.update(changeMethod, workflows.Operation{Actor: "somebody", Reason: "because the customer asked us to do that", PaymentMethod: "pm_other"})
		})
	}
	b.continueAsNew(199*day + 12*hour)
	b.collect(in)
	require.Greater(t, b.carried, 8<<10)
	require.Less(t, b.carried, 24<<10)
}

// TestTemporalCancellation: a cancellation request is the Update cancel with actor temporal; nothing is abandoned.
func TestTemporalCancellation(t *testing.T) {
	t.Parallel()
	want := map[string]workflows.PaymentState{
		"scheduled": workflows.PaymentCanceled, "retry_scheduled": workflows.PaymentCanceled, "charging": workflows.PaymentCanceled,
		"charging, succeeds": workflows.PaymentPaid, "processing": workflows.PaymentPaid, "session open": workflows.PaymentCanceled,
		"awaiting_customer": workflows.PaymentCanceled, "needs_attention": workflows.PaymentCanceled,
		"duplicate_not_refunded": workflows.PaymentPaid, "reference_conflict": workflows.PaymentCanceled,
	}
	for name, end := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := columns()[name]
			in := paymentInput()
			if c.input != nil {
				c.input(&in)
			}
			b.stripe.script = c.script
			if c.before != nil {
				c.before(b)
			}
			b.expect(hour, c.state, c.reason)
			b.at(hour, func() { b.env.CancelWorkflow() })
			require.Equal(t, end, b.collect(in).State)
			audit := b.payment().Audit
			require.Equal(t, "temporal", audit[0].Actor)
			require.Equal(t, "cancel", audit[0].Update)
		})
	}
}
