package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// subscriptionSituation is a state in which a subscription can stand for days, reached 30 hours after the start.
type subscriptionSituation struct {
	reach func(b *subscriptionBench)
	want  where
	// answer is what a press on the button is answered.
	answer workflows.CheckoutAnswer
	// closes is the end that it is on its way to already.
	closes bool
}

// subscriptionSituations are all of them. Their subscriptions are in a trial of 20 days unless they say otherwise.
func subscriptionSituations() map[string]subscriptionSituation {
	trial := func(b *subscriptionBench, d time.Duration) { trialOf(d)(b.stripe.subscription()) }
	failing := func(b *subscriptionBench, again time.Duration) {
		b.stripe.edit(func() {
			b.stripe.subscription().Status = activities.SubscriptionPastDue
			in := b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresPaymentMethod})
			in.NextPaymentAttempt = b.start.Add(again)
		})
	}
	saves := func(b *subscriptionBench, status activities.SetupIntentStatus) {
		b.pending(setupWantsMethod)
		b.at(28*hour, func() { b.open() })
		b.at(29*hour, func() {
			require.True(b, b.stripe.saves(status, "pm_new"))
			b.tells("checkout.session.completed")
		})
	}
	return map[string]subscriptionSituation{
		"nothing needed": {reach: func(*subscriptionBench) {}, want: where{state: subNone}, answer: workflows.CheckoutDone},
		"to be confirmed": {
			reach: func(b *subscriptionBench) { b.pending(setupWantsAction) },
			want:  where{state: subAction, need: workflows.NeedConfirmation}, answer: workflows.CheckoutReady,
		},
		"incomplete": {
			reach: func(b *subscriptionBench) {
				failing(b, 0)
				b.stripe.subscription().Status = activities.SubscriptionIncomplete
				b.newestInvoice().NextPaymentAttempt = time.Time{}
			},
			want: where{subAction, workflows.NeedInvoicePaid, "incomplete"}, answer: workflows.CheckoutReady,
		},
		"a method is needed": {
			reach: func(b *subscriptionBench) { b.pending(setupWantsMethod) },
			want:  where{state: subMethod, need: workflows.NeedPaymentMethod}, answer: workflows.CheckoutReady,
		},
		"a method is needed, session open": {
			reach: func(b *subscriptionBench) {
				b.pending(setupWantsMethod)
				b.at(29*hour, func() { b.open() })
			},
			want: where{state: subMethod, need: workflows.NeedPaymentMethod}, answer: workflows.CheckoutReady,
		},
		"what was saved cannot be used": {
			reach: func(b *subscriptionBench) { saves(b, setupWantsMethod) },
			want:  where{subMethod, workflows.NeedPaymentMethod, activities.CodePaymentMethodUnusable}, answer: workflows.CheckoutReady,
		},
		"the bank works on the SetupIntent": {
			reach: func(b *subscriptionBench) { b.pending(setupProcessing) },
			want:  where{state: subProcessing, need: workflows.NeedBank}, answer: workflows.CheckoutProcessing,
		},
		"the bank works on what was saved": {
			reach: func(b *subscriptionBench) { saves(b, setupProcessing) },
			want:  where{state: subProcessing, need: workflows.NeedBank}, answer: workflows.CheckoutProcessing,
		},
		"ready": {
			reach: func(b *subscriptionBench) { saves(b, succeeded) },
			want:  where{state: subReady}, answer: workflows.CheckoutDone,
		},
		"ready by its own setup": {
			reach: func(b *subscriptionBench) {
				b.stripe.bank = []bankWord{says("generic_decline")}
				saves(b, succeeded)
			},
			want: where{state: subReady}, answer: workflows.CheckoutDone,
		},
		"trial ending, to be confirmed": {
			reach: func(b *subscriptionBench) { trial(b, 4*day); b.pending(setupWantsAction) },
			want:  where{subRisk, workflows.NeedConfirmation, workflows.SubscriptionReasonTrialEnding}, answer: workflows.CheckoutReady,
		},
		"trial ending, a method is needed": {
			reach: func(b *subscriptionBench) { trial(b, 4*day); b.pending(setupWantsMethod) },
			want:  where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonTrialEnding}, answer: workflows.CheckoutReady,
		},
		"an invoice is unpaid": {
			reach: func(b *subscriptionBench) { failing(b, 4*day) }, want: unpaid(), answer: workflows.CheckoutReady,
		},
		"Stripe is about to collect the invoice": {
			reach: func(b *subscriptionBench) { failing(b, 30*hour+5*time.Minute) }, want: unpaid(), answer: workflows.CheckoutBusy,
		},
		"paused": {
			reach: func(b *subscriptionBench) {
				b.stripe.subscription().Status = activities.SubscriptionPaused
				b.pending(setupWantsMethod)
			},
			want: where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonPaused}, answer: workflows.CheckoutReady,
		},
		"never read": {
			reach: func(b *subscriptionBench) { b.fails(0, 0, "Subscription", activities.StripeUnauthorized) },
			want:  where{state: subRisk, reason: workflows.ReasonUnauthorized}, answer: workflows.CheckoutPending,
		},
		"cannot be read": {
			reach: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.fails(29*hour, 0, "SubscriptionInvoices", activities.StripeUnauthorized)
				b.at(29*hour, func() { b.tells("customer.subscription.updated") })
			},
			want: where{subRisk, workflows.NeedConfirmation, workflows.ReasonUnauthorized}, answer: workflows.CheckoutReady,
		},
		"no session can be opened": {
			reach: func(b *subscriptionBench) {
				b.pending(setupWantsMethod)
				b.fails(0, 0, "CreateCheckoutSession", activities.StripeUnauthorized)
			},
			want: where{state: subMethod, need: workflows.NeedPaymentMethod}, answer: workflows.CheckoutClosed,
		},
		"what was saved cannot be put in place": {
			reach: func(b *subscriptionBench) {
				b.fails(0, 0, "SetSubscriptionDefaultPaymentMethod", activities.StripeUnauthorized)
				saves(b, succeeded)
			},
			want: where{subRisk, workflows.NeedPaymentMethod, workflows.ReasonUnauthorized}, answer: workflows.CheckoutPending,
		},
		"ended, the SetupIntent cannot be canceled": {
			reach: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.fails(0, 0, "CancelSetupIntent", activities.StripeUnauthorized)
				b.deleted(29 * hour)
			},
			want: where{subRisk, workflows.NeedConfirmation, workflows.ReasonUnauthorized}, answer: workflows.CheckoutClosed, closes: true,
		},
		"unwatched, the session cannot be expired": {
			reach: func(b *subscriptionBench) {
				b.pending(setupWantsMethod)
				b.fails(0, 0, "ExpireCheckoutSession", activities.StripeUnauthorized)
				b.at(28*hour, func() { b.open() })
				b.at(29*hour, func() { b.update(cancel, workflows.Operation{}) })
			},
			want: where{subRisk, workflows.NeedPaymentMethod, workflows.ReasonUnauthorized}, answer: workflows.CheckoutClosed, closes: true,
		},
	}
}

// inSituation is a bench whose subscription gets there.
func inSituation(t tb, s subscriptionSituation) *subscriptionBench {
	t.Helper()
	b := newSubscriptionBench(t, trialOf(20*day))
	s.reach(b)
	return b
}

// TestSubscriptionMessagesInEverySituation: a press is answered by what is needed, a watch can be ended, and no event changes
// anything that Stripe does not show.
func TestSubscriptionMessagesInEverySituation(t *testing.T) {
	t.Parallel()
	for name, s := range subscriptionSituations() {
		t.Run(name+"/press", func(t *testing.T) {
			t.Parallel()
			b := inSituation(t, s)
			b.expect(30*hour, s.want)
			var pressed *reply[workflows.OpenCheckoutResponse]
			b.at(30*hour+time.Second, func() { pressed = b.open() })
			b.at(30*hour+22*time.Second, func() {
				require.True(t, pressed.done)
				require.NoError(t, pressed.refused())
				require.Equal(t, s.answer, pressed.value.Answer)
				open := (pressed.value.SessionID != "") != (pressed.value.SetupIntent != "") != (pressed.value.Invoice != "")
				require.Equal(t, s.answer == workflows.CheckoutReady, open, "one thing to do: %+v", pressed.value)
			})
			b.mended(31 * hour)
			b.deleted(32 * hour)
			b.watch(subscriptionInput())
		})
		t.Run(name+"/cancel", func(t *testing.T) {
			t.Parallel()
			b := inSituation(t, s)
			var canceled *reply[workflows.OperationResponse]
			b.at(30*hour, func() { canceled = b.update(cancel, workflows.Operation{}) })
			b.mended(31 * hour)
			res := b.watch(subscriptionInput())
			require.Equal(t, subEnded, res.State)
			require.NoError(t, canceled.refused())
			require.Equal(t, "ops", b.left.Audit[0].Actor)
			if s.closes {
				require.True(t, canceled.value.Pending, "it is on its way already")
				return
			}
			require.Equal(t, workflows.OperationResponse{State: string(subEnded)}, canceled.value)
			require.Equal(t, workflows.SubscriptionReasonUnwatched, res.Reason)
			require.Less(t, b.env.Now().Sub(b.start), 31*hour)
			if si := b.stripe.pendingSetup(); si != nil {
				require.Empty(t, b.wrote("cancel")[min(len(b.wrote("cancel")), 1):], "the SetupIntent is the app's")
			}
		})
		t.Run(name+"/events", func(t *testing.T) {
			t.Parallel()
			b := inSituation(t, s)
			for i, event := range []string{
				"customer.subscription.created", "customer.subscription.updated", "customer.subscription.trial_will_end", "customer.subscription.deleted",
				"customer.subscription.paused", "invoice.paid", "invoice.payment_failed", "setup_intent.succeeded", "setup_intent.canceled",
				"checkout.session.completed", "payment_method.detached", "customer.deleted", "some.thing_new",
			} {
				at := 30*hour + time.Duration(i)*2*time.Second
				b.at(at, func() { b.signal(fmt.Sprint("evt_forged_", i), event, "obj_1") })
				b.expect(at+time.Second, s.want)
			}
			b.mended(40 * hour)
			b.deleted(41 * hour)
			b.watch(subscriptionInput())
		})
	}
}

// TestSubscriptionMoves makes those moves of the table that no other rule is about.
func TestSubscriptionMoves(t *testing.T) {
	t.Parallel()
	withBank := func(b *subscriptionBench) {
		b.happens(2*day, "invoice.updated", func() {
			s := b.stripe.subscription()
			if len(s.invoices) == 0 {
				b.stripe.bills(activities.Invoice{AmountDue: 1200})
			}
			in := b.newestInvoice()
			in.Status, in.Attempted, in.Payment = activities.InvoiceOpen, true, activities.PaymentIntentProcessing
		})
	}
	canceling := where{state: subNone, reason: workflows.SubscriptionReasonCanceling}
	ending := func(b *subscriptionBench) {
		b.happens(2*day, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = b.stripe.subscription().PeriodEnd })
	}
	for name, test := range map[string]struct {
		situation string
		then      func(b *subscriptionBench)
		want      where
	}{
		"ready, the app asks for something new": {
			situation: "ready",
			then: func(b *subscriptionBench) {
				b.happens(2*day, "customer.subscription.updated", func() { b.stripe.pends(setupWantsAction) })
			},
			want: where{state: subAction, need: workflows.NeedConfirmation},
		},
		"ready, the bank works on the first invoice": {situation: "ready", then: withBank, want: where{state: subProcessing, need: workflows.NeedBank}},
		"ready, the first invoice fails": {
			situation: "ready",
			then: func(b *subscriptionBench) {
				b.trialEnds(2*day-hour, 1200)
				b.invoiceFails(2*day, day)
			},
			want: unpaid(),
		},
		"never read, then it is": {
			situation: "never read", then: func(b *subscriptionBench) { b.mended(2 * day) }, want: where{state: subNone},
		},
		"unpaid, paid by bank debit": {situation: "an invoice is unpaid", then: withBank, want: where{state: subProcessing, need: workflows.NeedBank}},
		"confirmed, the bank takes its time": {
			situation: "to be confirmed",
			then: func(b *subscriptionBench) {
				b.happens(2*day, "customer.subscription.updated", func() { b.stripe.turns(b.stripe.pendingSetup(), setupProcessing) })
			},
			want: where{state: subProcessing, need: workflows.NeedBank},
		},
		"the bank wants to see the customer": {
			situation: "the bank works on the SetupIntent",
			then: func(b *subscriptionBench) {
				b.happens(2*day, "setup_intent.requires_action", func() { b.stripe.turns(b.stripe.pendingSetup(), setupWantsAction) })
			},
			want: where{state: subAction, need: workflows.NeedConfirmation},
		},
		"incomplete, paid": {
			situation: "incomplete", then: func(b *subscriptionBench) { b.invoicePaid(2 * day) }, want: where{state: subPaid},
		},
		"a method is needed, paid by hand": {
			situation: "a method is needed",
			then: func(b *subscriptionBench) {
				b.happens(2*day, "invoice.paid", func() { b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid}) })
			},
			want: where{state: subPaid},
		},
		"the bank has paid": {
			situation: "the bank works on the SetupIntent",
			then: func(b *subscriptionBench) {
				b.happens(2*day, "invoice.paid", func() { b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid}) })
			},
			want: where{state: subPaid},
		},
		"to be confirmed, it will end":                   {situation: "to be confirmed", then: ending, want: canceling},
		"a method is needed, it will end":                {situation: "a method is needed", then: ending, want: canceling},
		"the bank works on the SetupIntent, it will end": {situation: "the bank works on the SetupIntent", then: ending, want: canceling},
		"ready, it would have ended": {
			situation: "ready",
			then: func(b *subscriptionBench) {
				b.happens(31*hour, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = b.stripe.subscription().PeriodEnd })
				b.expect(32*hour, canceling)
				b.happens(2*day, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = time.Time{} })
			},
			want: where{state: subReady},
		},
		"ready, it will end": {situation: "ready", then: ending, want: canceling},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subscriptionSituations()[test.situation]
			b := inSituation(t, s)
			b.expect(30*hour, s.want)
			test.then(b)
			if test.want.state.Ended() {
				require.Equal(t, test.want.state, b.watch(subscriptionInput()).State)
				return
			}
			b.expect(2*day+90*time.Minute, test.want)
			b.deleted(3 * day)
			b.watch(subscriptionInput())
		})
	}
}
