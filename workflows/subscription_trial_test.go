package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// customersTimes are when the customer heard, since the start.
func (b *subscriptionBench) customersTimes() []time.Duration {
	b.stripe.told() // sorts
	var all []time.Duration
	for i, n := range b.stripe.deliveries {
		if n.Kind.ForCustomer() {
			all = append(all, b.stripe.delivered[i].Sub(b.start).Round(time.Second))
		}
	}
	return all
}

// TestSubscriptionReminders come from both lists of the policy, at least 20 hours apart.
func TestSubscriptionReminders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trial  time.Duration
		policy func(*dunning.SubscriptionPolicy)
		want   []time.Duration
	}{
		"a long trial": {trial: 60 * day, want: []time.Duration{0, day, 3 * day, 7 * day, 53 * day, 57 * day, 59 * day}},
		"both lists on one day": {
			trial: 8 * day, want: []time.Duration{0, day, 3 * day, 5 * day, 7 * day},
		},
		"less than 20 hours apart": {
			trial: 8*day + 6*hour, want: []time.Duration{0, day, 3 * day, 5*day + 6*hour, 7 * day},
		},
		"no reminders": {
			trial: 20 * day, policy: func(p *dunning.SubscriptionPolicy) { p.Reminders, p.BeforeTrialEnd = nil, nil },
			want: []time.Duration{0},
		},
		"no trial": {want: []time.Duration{0, day, 3 * day, 7 * day}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t)
			if test.trial > 0 {
				trialOf(test.trial)(b.stripe.subscription())
			}
			b.pending(setupWantsAction)
			b.deleted(70 * day)
			if test.trial > 0 {
				b.deleted(test.trial - time.Minute)
			}
			b.watch(subscriptionInput(func(in *workflows.DeferredSubscriptionInput) {
				if test.policy != nil {
					test.policy(&in.Policy)
				}
			}))
			require.Equal(t, test.want, b.customersTimes())
			ids := map[string]bool{}
			for i, n := range b.stripe.deliveries {
				require.False(t, ids[n.ID], "%s is another message", n.ID)
				ids[n.ID] = true
				require.Equal(t, n.Kind.ForCustomer() && i > 0, n.Reminder, "%s", n.Kind)
			}
		})
	}
}

// TestSubscriptionAtRisk: the app hears once that the trial is about to end without a method that can be charged.
func TestSubscriptionAtRisk(t *testing.T) {
	t.Parallel()
	ending := func(need workflows.SubscriptionNeed) where {
		return where{subRisk, need, workflows.SubscriptionReasonTrialEnding}
	}
	t.Run("then the card", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.pending(setupWantsMethod)
		b.expect(11*day+time.Minute, ending(workflows.NeedPaymentMethod))
		b.presses(12*day, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: "cs_2", State: string(subRisk)})
		b.savesAt(12*day+time.Minute, "pm_new")
		b.expect(12*day+hour, where{state: subReady})
		b.deleted(13 * day)
		b.watch(subscriptionInput())
		require.Equal(t, 1, b.heard(activities.NotifySubscriptionAtRisk))
		require.Equal(t, 1, b.heard(activities.NotifySubscriptionReady))
	})
	t.Run("another need meanwhile", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.pending(setupWantsAction)
		b.expect(11*day+time.Minute, ending(workflows.NeedConfirmation))
		b.challenged(12*day, false)
		b.expect(12*day+time.Minute, ending(workflows.NeedPaymentMethod))
		b.deleted(13 * day)
		b.watch(subscriptionInput())
		require.Equal(t, 1, b.heard(activities.NotifySubscriptionAtRisk), "it is the same risk")
	})
	t.Run("the bank works on it", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.pending(setupProcessing)
		b.expect(11*day+time.Minute, ending(workflows.NeedBank))
		b.banked(12*day, true)
		b.expect(12*day+time.Minute, where{state: subReady})
		b.deleted(13 * day)
		b.watch(subscriptionInput())
		require.Empty(t, b.customersTimes(), "there is nothing that the customer can do")
	})
	t.Run("the trial is extended", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.pending(setupWantsAction)
		b.expect(11*day+time.Minute, ending(workflows.NeedConfirmation))
		b.happens(12*day, "customer.subscription.updated", func() { b.stripe.subscription().TrialEnd = b.start.Add(40 * day) })
		b.expect(12*day+time.Minute, where{state: subAction, need: workflows.NeedConfirmation})
		b.at(12*day+time.Minute, func() { require.Equal(t, b.start.Add(40*day), b.status().TrialEnd) })
		b.expect(37*day-time.Minute, where{state: subAction, need: workflows.NeedConfirmation})
		b.expect(37*day+time.Minute, ending(workflows.NeedConfirmation))
		b.deleted(39*day + hour)
		b.watch(subscriptionInput())
		require.Equal(t, 2, b.heard(activities.NotifySubscriptionAtRisk), "it is another trial's end")
		times := b.customersTimes()
		require.Contains(t, times, 33*day)
		require.Contains(t, times, 37*day)
		require.Contains(t, times, 39*day)
	})
	t.Run("the trial is ended early", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(30*day))
		b.pending(setupWantsAction)
		b.at(10*day, func() { b.stripe.edit(func() { b.stripe.subscription().TrialEnd = b.env.Now() }) })
		b.trialEnds(10*day, 1200)
		b.invoiceFails(10*day+hour, 0)
		b.expect(10*day+2*hour, where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid})
		b.invoicePaid(11 * day)
		require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
		require.Equal(t, setupCanceled, b.stripe.setups["seti_1"].Status, "nobody needs it any more")
	})
	t.Run("it ends without any method, and is paused", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.pending(setupWantsMethod)
		b.happens(14*day, "customer.subscription.paused", func() { b.stripe.subscription().Status = activities.SubscriptionPaused })
		b.expect(14*day+time.Minute, where{subRisk, workflows.NeedPaymentMethod, workflows.SubscriptionReasonPaused})
		b.savesAt(15*day, "pm_new")
		b.expect(15*day+hour, where{subRisk, "", workflows.SubscriptionReasonPaused})
		b.happens(16*day, "customer.subscription.resumed", func() {
			s := b.stripe.subscription()
			s.Status, s.PeriodEnd = activities.SubscriptionActive, b.env.Now().Add(30*day)
		})
		b.expect(16*day+time.Minute, where{state: subReady})
		b.deleted(17 * day)
		b.watch(subscriptionInput())
		require.Equal(t, 2, b.heard(activities.NotifySubscriptionAtRisk), "trial_ending, then paused")
	})
}

// TestSubscriptionTrialWillEnd: Stripe's own warning makes a reminder, unless there was one within 20 hours or nothing is needed.
func TestSubscriptionTrialWillEnd(t *testing.T) {
	t.Parallel()
	noReminders := func(in *workflows.DeferredSubscriptionInput) {
		in.Policy.Reminders, in.Policy.BeforeTrialEnd = nil, nil
	}
	for name, test := range map[string]struct {
		status activities.SetupIntentStatus
		at     time.Duration
		want   []time.Duration
	}{
		"needed":           {status: setupWantsAction, at: 11 * day, want: []time.Duration{0, 11 * day}},
		"just asked":       {status: setupWantsAction, at: 10 * hour, want: []time.Duration{0}},
		"nothing needed":   {at: 11 * day},
		"the bank is busy": {status: setupProcessing, at: 11 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(14*day))
			if test.status != "" {
				b.pending(test.status)
			}
			b.hooks = hooksDoubled
			b.happens(test.at, "customer.subscription.trial_will_end", func() {})
			b.deleted(13 * day)
			b.watch(subscriptionInput(noReminders))
			require.Equal(t, test.want, b.customersTimes())
		})
	}
}

// TestSubscriptionReminderReadsFirst: without webhooks, a reminder finds out that nothing is needed any more.
func TestSubscriptionReminderReadsFirst(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	b.hooks = hooksLost
	b.challenged(60*hour, true)
	b.expect(3*day-time.Second, where{state: subAction, need: workflows.NeedConfirmation})
	b.expect(3*day+time.Second, where{state: subReady})
	b.deleted(4 * day)
	b.watch(subscriptionInput())
	require.Equal(t, []string{"subscription_action_required 0s", "subscription_action_required 24h0m0s reminder", "subscription_ready 72h0m0s"}, b.sent())
}
