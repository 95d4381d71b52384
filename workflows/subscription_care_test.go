package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// kinds are the kinds of what was sent, in order.
func (b *subscriptionBench) kinds() []string {
	var all []string
	for _, text := range b.sent() {
		all = append(all, strings.Fields(text)[0])
	}
	return all
}

// TestSubscriptionGivenUpIsNotReady: an invoice that Stripe or the app has given up leaves nothing to ask for, and nothing that
// could be called ready.
func TestSubscriptionGivenUpIsNotReady(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(2*day))
	b.trialEnds(2*day, 1200)
	b.invoiceFails(2*day+hour, 0)
	b.happens(5*day, "invoice.marked_uncollectible", func() {
		b.newestInvoice().Status = activities.InvoiceUncollectible
		b.stripe.subscription().Status = activities.SubscriptionUnpaid
	})
	b.expect(6*day, where{subRisk, "", workflows.SubscriptionReasonInvoiceUnpaid})
	b.at(6*day, func() {
		require.False(b, b.status().Ready)
		require.NotContains(b, b.kinds(), string(activities.NotifySubscriptionReady))
	})
	b.deleted(8 * day)
	b.watch(subscriptionInput())
}

// TestSubscriptionSavedInVain: what Stripe does not let us make the default keeps nobody from paying, and does not come back.
func TestSubscriptionSavedInVain(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(5*day))
	b.pending(setupWantsMethod)
	b.fails(0, 0, "SetSubscriptionDefaultPaymentMethod", activities.StripeUnauthorized)
	b.savesAt(hour, "pm_new")
	b.expect(2*hour, where{subRisk, workflows.NeedPaymentMethod, workflows.ReasonUnauthorized})
	b.trialEnds(5*day, 1200)
	b.at(5*day+30*time.Minute, func() { b.stripe.edit(func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" }) })
	b.invoicePaid(5*day + hour)
	require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
	require.Less(t, b.env.Now().Sub(b.start), 6*day)
	require.Empty(t, b.stripe.subscription().DefaultPaymentMethod)
}

// TestSubscriptionDefaultChosenLater: a default that somebody chose while ours could not be written stays.
func TestSubscriptionDefaultChosenLater(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(9*day))
	b.pending(setupWantsMethod)
	b.fails(0, 2*day, "SetSubscriptionDefaultPaymentMethod", activities.StripeUnauthorized)
	b.savesAt(hour, "pm_new")
	b.happens(day, "customer.updated", func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" })
	b.expect(3*day, where{state: subReady})
	b.at(3*day, func() {
		require.Equal(b, "pm_other", b.status().PaymentMethod)
		require.Nil(b, b.stripe.pendingSetup())
	})
	b.deleted(4 * day)
	b.watch(subscriptionInput())
}

// TestSubscriptionThatIsCanceling: who has canceled is asked for nothing more, and again after a change of mind.
func TestSubscriptionThatIsCanceling(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	b.happens(12*hour, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = b.stripe.subscription().TrialEnd })
	b.expect(13*hour, where{subNone, "", workflows.SubscriptionReasonCanceling})
	b.at(10*day, func() { require.Len(b, b.sent(), 1, "the first message only") })
	b.happens(10*day, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = time.Time{} })
	b.expect(10*day+hour, where{state: subAction, need: workflows.NeedConfirmation})
	b.happens(10*day+12*hour, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = b.stripe.subscription().TrialEnd })
	b.deleted(20 * day)
	b.watch(subscriptionInput())
	require.Len(t, b.sent(), 2)
}

// TestSubscriptionChangesOfMind: who cancels and keeps a subscription within a day is not asked again each time.
func TestSubscriptionChangesOfMind(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	for at := hour; at < 6*hour; at += 2 * hour {
		b.happens(at, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = b.stripe.subscription().TrialEnd })
		b.happens(at+hour, "customer.subscription.updated", func() { b.stripe.subscription().CancelsAt = time.Time{} })
	}
	b.deleted(22 * hour)
	b.watch(subscriptionInput())
	require.Equal(t, []string{"subscription_action_required 0s", "subscription_action_required 20h0m0s"}, b.sent())
}

// TestSubscriptionThatPaysAlready: one that was paid after its SetupIntent had been made needs nobody.
func TestSubscriptionThatPaysAlready(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t)
	id := b.pending(setupWantsAction)
	b.stripe.edit(func() { b.stripe.setups[id].Created = b.start.Add(-60 * day) })
	b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid, Attempted: true, PaidAt: b.start.Add(-30 * day)})
	res := b.watch(subscriptionInput())
	require.Equal(t, subPaid, res.State)
	require.Equal(t, setupCanceled, b.stripe.setups[id].Status)
	require.Empty(t, b.sent())
	require.True(t, b.left.Ready, "the status shows what the end has changed")
}

// TestSubscriptionPaidLongAgo: an earlier payment says nothing of an invoice that has failed since.
func TestSubscriptionPaidLongAgo(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, inStatus(activities.SubscriptionPastDue))
	b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid, Attempted: true, PaidAt: b.start.Add(-60 * day)})
	b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresPaymentMethod})
	b.expect(hour, where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid})
	b.invoicePaid(day)
	require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
}

// TestSubscriptionSessionUnknown: a Checkout Session that Stripe does not know holds nothing up.
func TestSubscriptionSessionUnknown(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	id := b.pending(setupWantsMethod)
	b.at(hour, func() { b.open() })
	b.at(2*hour, func() { b.stripe.edit(func() { clear(b.stripe.sessions) }) })
	b.deleted(3 * hour)
	res := b.watch(subscriptionInput())
	require.Equal(t, subEnded, res.State)
	require.Equal(t, setupCanceled, b.stripe.setups[id].Status)
	require.Less(t, b.env.Now().Sub(b.start), 4*hour)
}

// TestSubscriptionSessionCannotBeClosed: the SetupIntent is canceled all the same, and a session is over after two days.
func TestSubscriptionSessionCannotBeClosed(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	id := b.pending(setupWantsMethod)
	b.at(hour, func() { b.open() })
	b.fails(2*hour, 0, "ExpireCheckoutSession", activities.StripeUnauthorized)
	b.deleted(3 * hour)
	b.expect(4*hour, where{subRisk, workflows.NeedPaymentMethod, workflows.ReasonUnauthorized})
	b.at(4*hour, func() { require.Equal(b, setupCanceled, b.stripe.setups[id].Status) })
	require.NoError(t, execute(b.bench, workflows.TypeDeferredSubscription, subscriptionInput()))
	require.Less(t, b.env.Now().Sub(b.start), 4*day)
}

// TestSubscriptionConfirmsThePresentDefault: a card that was replaced need not be confirmed.
func TestSubscriptionConfirmsThePresentDefault(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	id := b.pending(setupWantsAction)
	b.happens(day, "customer.updated", func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" })
	b.expect(day+hour, where{state: subReady})
	b.at(day+hour, func() { require.Equal(b, "pm_other", b.stripe.setups[id].PaymentMethod) })
	b.deleted(2 * day)
	b.watch(subscriptionInput())
}

// TestSubscriptionMessageWithdrawn: what waited for the mail server is not sent once it is done.
func TestSubscriptionMessageWithdrawn(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	b.stripe.notifyFail = &activities.StripeError{Kind: activities.StripeUnknown} // any error is tried again
	b.challenged(31*time.Minute, true)
	b.at(40*time.Minute, func() { b.stripe.edit(func() { b.stripe.notifyFail = nil }) })
	b.deleted(2 * day)
	b.watch(subscriptionInput())
	require.Equal(t, []string{string(activities.NotifySubscriptionReady)}, b.kinds())
}

// TestSubscriptionAsksForEveryInvoice: a second invoice that fails is another thing to ask for.
func TestSubscriptionAsksForEveryInvoice(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(day))
	b.trialEnds(day, 1200)
	b.invoiceFails(day+hour, 0)
	b.happens(31*day, "invoice.payment_failed", func() {
		b.newestInvoice().Status = activities.InvoiceUncollectible
		b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresPaymentMethod})
	})
	b.deleted(40 * day)
	b.watch(subscriptionInput())
	var first []string
	for _, text := range b.sent() {
		if strings.HasPrefix(text, string(activities.NotifySubscriptionInvoiceUnpaid)) && !strings.HasSuffix(text, "reminder") {
			first = append(first, text)
		}
	}
	require.Equal(t, []string{"subscription_invoice_unpaid 25h0m0s", "subscription_invoice_unpaid 744h0m0s"}, first)
}

// TestSubscriptionReadyIsToldOnce: a key that Stripe does not accept for an hour is no news of the subscription.
func TestSubscriptionReadyIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	b.challenged(hour, true)
	b.fails(2*hour, 5*hour, "Subscription", activities.StripeUnauthorized)
	b.at(3*hour, func() { b.tells("customer.subscription.updated") })
	b.expect(3*hour+time.Minute, where{subRisk, "", workflows.ReasonUnauthorized})
	b.expect(8*hour, where{state: subReady})
	b.deleted(2 * day)
	b.watch(subscriptionInput())
	require.Equal(t, []string{string(activities.NotifySubscriptionActionRequired), string(activities.NotifySubscriptionReady)}, b.kinds())
}

// TestSubscriptionWithoutASession: while no Checkout Session can be opened, nobody is sent to one, and it shows.
func TestSubscriptionWithoutASession(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(30*day))
	b.pending(setupWantsMethod)
	b.fails(0, 5*day, "CreateCheckoutSession", activities.StripeInvalid)
	b.presses(hour, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutClosed, State: string(subRisk)})
	b.expect(2*day, where{subRisk, workflows.NeedPaymentMethod, workflows.ReasonInvalidRequest})
	b.at(4*day, func() {
		require.Equal(b, []string{string(activities.NotifySubscriptionPaymentMethodNeeded), string(activities.NotifySubscriptionAtRisk)}, b.kinds(), "the first message came before")
	})
	b.expect(7*day, where{state: subMethod, need: workflows.NeedPaymentMethod})
	b.deleted(8 * day)
	b.watch(subscriptionInput())
}

// TestSubscriptionOnATestClock: its period's end moves with every reading, and is no reason to read without end.
func TestSubscriptionOnATestClock(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t)
	b.stripe.edit(func() {
		s := b.stripe.subscription()
		s.TestClock = b.start.Add(-100 * day)
		s.PeriodEnd = s.TestClock.Add(2 * time.Second)
	})
	b.at(day, func() { require.Less(b, b.stripe.called("Subscription"), 200) })
	b.deleted(day + hour)
	b.watch(subscriptionInput())
}

// TestSubscriptionPausedGetsItsMethod: the app is told that it can resume.
func TestSubscriptionPausedGetsItsMethod(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, inStatus(activities.SubscriptionPaused))
	b.pending(setupWantsMethod)
	b.expect(time.Minute, where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonPaused})
	b.savesAt(hour, "pm_new")
	b.expect(2*hour, where{subRisk, "", workflows.SubscriptionReasonPaused})
	b.deleted(2 * day)
	b.watch(subscriptionInput())
	require.Equal(t, string(activities.NotifySubscriptionReady), b.kinds()[len(b.kinds())-1])
}

// TestSubscriptionUnwatchedAfterItsEnd: of a subscription that has ended, nothing stays open.
func TestSubscriptionUnwatchedAfterItsEnd(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.hooks = hooksLost
	id := b.pending(setupWantsAction)
	b.deleted(day)
	b.at(day+time.Minute, func() { b.update(cancel, workflows.Operation{}) })
	res := b.watch(subscriptionInput())
	require.Equal(t, workflows.SubscriptionReasonCanceled, res.Reason)
	require.Equal(t, setupCanceled, b.stripe.setups[id].Status)
}

// TestSubscriptionPaidBeforeItsSetup: the end of a set-up does not turn an old payment into the first one.
func TestSubscriptionPaidBeforeItsSetup(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]bool{"as the time goes": false, "on a test clock": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t)
			b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoicePaid, Attempted: true, PaidAt: b.start.Add(-60 * day)})
			b.pending(setupWantsAction)
			if clock {
				b.stripe.edit(func() { b.stripe.subscription().TestClock = b.start })
			}
			b.expect(time.Minute, where{state: subAction, need: workflows.NeedConfirmation})
			b.challenged(hour, true)
			b.expect(2*hour, where{state: subReady})
			b.at(3*hour, func() { b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceDraft}) })
			b.invoicePaid(4 * hour)
			require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
		})
	}
}

// TestSubscriptionAtTheBankWithAnotherCard: a customer who confirms another card on the app's own page is not disturbed with the
// old default, and what was confirmed becomes the default.
func TestSubscriptionAtTheBankWithAnotherCard(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	id := b.refused("generic_decline")
	b.stripe.edit(func() { b.stripe.setups[id].LastErrorMethod = "pm_card" })
	b.happens(hour, "customer.subscription.updated", func() {
		si := b.stripe.setups[id]
		si.Status, si.PaymentMethod, si.NextAction = setupWantsAction, "pm_other", "use_stripe_sdk"
	})
	b.expect(hour+time.Minute, where{state: subAction, need: workflows.NeedConfirmation})
	b.happens(2*hour, "customer.subscription.updated", func() {
		b.stripe.turns(b.stripe.setups[id], succeeded)
		b.stripe.setups[id].PaymentMethod = "pm_other"
	})
	b.expect(3*hour, where{state: subReady})
	b.at(3*hour, func() {
		require.Equal(b, "pm_other", b.stripe.subscription().DefaultPaymentMethod)
		require.Empty(b, b.wrote("confirm"))
	})
	b.deleted(day)
	b.watch(subscriptionInput())
}

// TestSubscriptionSavedIsNotAskedFor: who has saved a method is not reminded while we cannot put it in place.
func TestSubscriptionSavedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsMethod)
	b.fails(0, 0, "SetSubscriptionDefaultPaymentMethod", activities.StripeUnauthorized)
	b.savesAt(hour, "pm_new")
	b.at(17*day, func() { b.tells("customer.subscription.trial_will_end") })
	b.deleted(30 * day)
	b.watch(subscriptionInput())
	for _, kind := range b.kinds()[1:] {
		require.False(t, activities.NotificationKind(kind).ForCustomer(), kind)
	}
}

// TestSubscriptionMissingForAWhile: a key of another account changes nothing for the customer.
func TestSubscriptionMissingForAWhile(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	var hidden *fakeSubscription
	b.happens(hour, "customer.subscription.updated", func() {
		hidden = b.stripe.subscription()
		delete(b.stripe.subscriptions, theSubscription)
	})
	b.presses(2*hour, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutPending, State: string(subRisk)})
	b.happens(6*hour, "customer.subscription.updated", func() { b.stripe.subscriptions[theSubscription] = hidden })
	b.expect(7*hour, where{state: subAction, need: workflows.NeedConfirmation})
	b.at(23*hour, func() { require.Len(b, b.sent(), 1) })
	b.deleted(23*hour + time.Minute)
	b.watch(subscriptionInput())
}
