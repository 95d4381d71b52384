package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionSituationAtStart: every situation in which Stripe can show a subscription leads to one state, one need and
// one answer to whether the app should give access.
func TestSubscriptionSituationAtStart(t *testing.T) {
	t.Parallel()
	noDefault := func(b *subscriptionBench) { b.stripe.customers["cus_1"].DefaultPaymentMethod = "" }
	for name, test := range map[string]struct {
		change  func(*fakeSubscription)
		arrange func(b *subscriptionBench)
		want    where
		ready   bool
		answer  workflows.CheckoutAnswer
	}{
		"trial, a method that needs nothing": {
			change: trialOf(30 * day), want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"nothing due, a method that needs nothing": {want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone},
		"the subscription's own default": {
			change: func(s *fakeSubscription) { s.DefaultPaymentMethod = "pm_other" }, arrange: noDefault,
			want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"trial, the method needs 3DS": {
			change: trialOf(30 * day), arrange: func(b *subscriptionBench) { b.pending(setupWantsAction) },
			want: where{state: subAction, need: workflows.NeedConfirmation}, answer: workflows.CheckoutReady,
		},
		"nothing due, the method needs 3DS": {
			arrange: func(b *subscriptionBench) { b.pending(setupWantsAction) },
			want:    where{state: subAction, need: workflows.NeedConfirmation}, answer: workflows.CheckoutReady,
		},
		"nobody has confirmed": {
			arrange: func(b *subscriptionBench) { b.pending(activities.SetupIntentRequiresConfirmation) },
			want:    where{state: subAction, need: workflows.NeedConfirmation}, answer: workflows.CheckoutReady,
		},
		"trial, the method was refused": {
			change: trialOf(30 * day), arrange: func(b *subscriptionBench) { b.refused("generic_decline") },
			want: where{subMethod, workflows.NeedPaymentMethod, "generic_decline"}, answer: workflows.CheckoutReady,
		},
		"trial, no method at all": {
			change: trialOf(30 * day), arrange: func(b *subscriptionBench) { b.pending(setupWantsMethod) },
			want: where{state: subMethod, need: workflows.NeedPaymentMethod}, answer: workflows.CheckoutReady,
		},
		"nothing pends, no method at all": {
			arrange: noDefault, want: where{state: subMethod, need: workflows.NeedPaymentMethod}, ready: true, answer: workflows.CheckoutReady,
		},
		"free for ever, no method at all": {
			change: func(s *fakeSubscription) { s.Free = true }, arrange: noDefault,
			want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"the bank works on it": {
			arrange: func(b *subscriptionBench) { b.pending(setupProcessing) },
			want:    where{state: subProcessing, need: workflows.NeedBank}, answer: workflows.CheckoutProcessing,
		},
		"microdeposits": {
			arrange: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.stripe.pendingSetup().NextAction = "verify_with_microdeposits"
			},
			want: where{state: subProcessing, need: workflows.NeedBank}, answer: workflows.CheckoutProcessing,
		},
		"the SetupIntent was canceled": {
			arrange: func(b *subscriptionBench) { b.pending(setupCanceled) },
			want:    where{state: subMethod, need: workflows.NeedPaymentMethod}, answer: workflows.CheckoutReady,
		},
		"the SetupIntent was canceled, the method is set up by ourselves": {
			arrange: func(b *subscriptionBench) {
				b.pending(setupCanceled)
				b.stripe.setups["seti_own"] = &activities.SetupIntent{
					ID: "seti_own", Status: succeeded, Customer: "cus_1", PaymentMethod: "pm_card", WorkflowID: "subscription:sub_1",
				}
			},
			want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"amount due now, default_incomplete": {
			change: inStatus(activities.SubscriptionIncomplete),
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Payment: activities.PaymentIntentRequiresPaymentMethod})
			},
			want: where{subAction, workflows.NeedInvoicePaid, "incomplete"}, answer: workflows.CheckoutReady,
		},
		"incomplete, the bank works on the payment": {
			change: inStatus(activities.SubscriptionIncomplete),
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentProcessing})
			},
			want: where{state: subProcessing, need: workflows.NeedBank}, answer: workflows.CheckoutProcessing,
		},
		"past due": {
			change: inStatus(activities.SubscriptionPastDue),
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresPaymentMethod})
			},
			want:   where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid},
			answer: workflows.CheckoutReady,
		},
		"unpaid, the payment needs 3DS": {
			change: inStatus(activities.SubscriptionUnpaid),
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresAction})
			},
			want:   where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid},
			answer: workflows.CheckoutReady,
		},
		"an invoice that Stripe is about to collect": {
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, NextPaymentAttempt: b.start.Add(30 * day)})
			},
			want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"paid once, and something new pends": {
			arrange: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid, Attempted: true, PaidAt: b.start.Add(-30 * day)})
			},
			want: where{state: subAction, need: workflows.NeedConfirmation}, answer: workflows.CheckoutReady,
		},
		"an invoice is sent, not charged": {
			change: func(s *fakeSubscription) { s.SendInvoice = true }, arrange: func(b *subscriptionBench) {
				noDefault(b)
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true})
			},
			want: where{state: subNone}, ready: true, answer: workflows.CheckoutDone,
		},
		"the customer is deleted": {
			arrange: func(b *subscriptionBench) { b.stripe.customers["cus_1"].Deleted = true },
			want:    where{state: subMethod, need: workflows.NeedPaymentMethod}, ready: true, answer: workflows.CheckoutClosed,
		},
		"paused": {
			change: inStatus(activities.SubscriptionPaused), arrange: noDefault,
			want:   where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonPaused},
			answer: workflows.CheckoutReady,
		},
		"trial ends within the policy's days": {
			change: trialOf(2 * day), arrange: func(b *subscriptionBench) { b.pending(setupWantsMethod) },
			want:   where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonTrialEnding},
			answer: workflows.CheckoutReady,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t)
			if test.change != nil {
				test.change(b.stripe.subscription())
			}
			if test.arrange != nil {
				test.arrange(b)
			}
			pending := b.lastPending()
			b.expect(30*time.Second, test.want)
			var pressed *reply[workflows.OpenCheckoutResponse]
			b.at(30*time.Second, func() {
				s := b.status()
				require.Equal(t, test.ready, s.Ready)
				require.Equal(t, pending, s.PendingSetupIntent)
				require.Equal(t, b.stripe.subscription().Status, s.Status)
				require.True(t, s.NextActionAt.After(b.env.Now()), "it comes back by itself at %s", s.NextActionAt)
				require.True(t, s.LinkExpires.After(b.env.Now().Add(29*day)))
			})
			b.at(time.Minute, func() { pressed = b.open() })
			b.deleted(2 * hour)
			require.Equal(t, subEnded, b.watch(subscriptionInput()).State)
			require.Equal(t, test.answer, pressed.value.Answer)
			require.True(t, pressed.value.State == string(test.want.state) || test.answer == workflows.CheckoutClosed)
			opened := pressed.value.SessionID != ""
			require.Equal(t, test.answer == workflows.CheckoutReady && test.want.need == workflows.NeedPaymentMethod, opened)
			require.Equal(t, test.want.need == workflows.NeedConfirmation, pressed.value.SetupIntent != "")
			require.Equal(t, test.want.need == workflows.NeedInvoicePaid, pressed.value.Invoice != "")
		})
	}
}

// TestSubscriptionOverAtStart: there is nothing to watch; what is left open is closed.
func TestSubscriptionOverAtStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange func(b *subscriptionBench)
		want    workflows.DeferredSubscriptionResult
	}{
		"canceled": {
			arrange: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.stripe.subscription().Status = activities.SubscriptionCanceled
			},
			want: workflows.DeferredSubscriptionResult{State: subEnded, Reason: workflows.SubscriptionReasonCanceled},
		},
		"incomplete_expired": {
			arrange: func(b *subscriptionBench) {
				b.stripe.subscription().Status = activities.SubscriptionIncompleteExpired
			},
			want: workflows.DeferredSubscriptionResult{State: subEnded, Reason: workflows.SubscriptionReasonIncompleteExpired},
		},
		"missing": {
			arrange: func(b *subscriptionBench) { delete(b.stripe.subscriptions, theSubscription) },
			want:    workflows.DeferredSubscriptionResult{State: subEnded, Reason: workflows.SubscriptionReasonMissing},
		},
		"paid": {
			arrange: func(b *subscriptionBench) {
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid, Attempted: true})
			},
			want: workflows.DeferredSubscriptionResult{State: subPaid, Invoice: "in_1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t)
			test.arrange(b)
			res := b.watch(subscriptionInput())
			require.Equal(t, test.want.State, res.State)
			require.Equal(t, test.want.Reason, res.Reason)
			require.Equal(t, test.want.Invoice, res.Invoice)
			require.Less(t, b.env.Now().Sub(b.start), time.Minute)
			require.Empty(t, b.sent(), "nobody hears of it")
			b.requireNothingPends()
			for _, si := range b.left.SetupIntents {
				require.Equal(t, setupCanceled, si.Status)
			}
		})
	}
}
