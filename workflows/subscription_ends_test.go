package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// savings are ways in which a customer saves a card within the first hour, with every call to Stripe that they need.
func savings() map[string]func(b *subscriptionBench) {
	saved := func(b *subscriptionBench) {
		b.at(10*time.Minute, func() { b.open() })
		b.at(11*time.Minute, func() {
			if b.stripe.saves(succeeded, "pm_new") {
				b.tells("checkout.session.completed")
			}
		})
	}
	return map[string]func(b *subscriptionBench){
		"confirmed": func(b *subscriptionBench) {
			b.pending(setupWantsMethod)
			saved(b)
		},
		"the confirmation is refused": func(b *subscriptionBench) {
			b.pending(setupWantsMethod)
			b.stripe.bank = []bankWord{says("generic_decline")}
			saved(b)
		},
		"the bank wants more": func(b *subscriptionBench) {
			b.refused("expired_card")
			b.stripe.subscription().DefaultPaymentMethod = "pm_card"
			b.stripe.bank = []bankWord{asksForMore()}
			saved(b)
			b.at(20*time.Minute, func() { b.open() })
		},
		"the bank takes its time": func(b *subscriptionBench) {
			b.pending(setupWantsMethod)
			b.stripe.bank = []bankWord{takesTime()}
			saved(b)
		},
		"replaced by another SetupIntent": func(b *subscriptionBench) {
			b.pending(setupWantsMethod)
			b.happens(5*time.Minute, "customer.subscription.updated", func() { b.stripe.pends(setupWantsMethod) })
			saved(b)
		},
	}
}

// TestSubscriptionDeletedAtEveryStep: whatever is under way, the end of the subscription leaves no SetupIntent that anybody could
// still finish, no open session, and nobody is told anything any more.
func TestSubscriptionDeletedAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, act := range savings() {
		for arrive, on := range map[hooks]workflows.DefaultOn{hooksNormal: workflows.DefaultOnSubscription, hooksLost: workflows.DefaultOnCustomer} {
			t.Run(name+"/webhooks "+string(arrive), func(t *testing.T) {
				t.Parallel()
				in := subscriptionInput(func(in *workflows.DeferredSubscriptionInput) { in.DefaultOn = on })
				steps := 1
				for step := 0; step <= steps; step++ {
					b := newSubscriptionBench(t, trialOf(20*day))
					act(b)
					var deleted time.Time
					b.stripe.before = func(call int) {
						if call != step {
							return
						}
						deleted = b.env.Now()
						b.stripe.subscription().Status = activities.SubscriptionCanceled
						if arrive == hooksNormal {
							b.signal("evt_deleted", "customer.subscription.deleted", theSubscription)
						}
					}
					b.at(time.Hour, func() {
						if deleted.IsZero() {
							steps, deleted = len(b.stripe.calls), b.env.Now()
							b.stripe.edit(func() { b.stripe.subscription().Status = activities.SubscriptionCanceled })
							b.tells("customer.subscription.deleted")
						}
					})
					res := b.watch(in)
					require.Equal(t, subEnded, res.State)
					require.Equal(t, workflows.SubscriptionReasonCanceled, res.Reason)
					require.NotEmpty(t, res.SetupIntents)
					if arrive == hooksNormal {
						require.Less(t, b.env.Now().Sub(deleted), 2*time.Second, "step %d", step)
						for i, n := range b.stripe.deliveries {
							require.False(t, b.stripe.delivered[i].After(deleted), "step %d: %s after the end", step, n.Kind)
						}
					}
				}
				require.Greater(t, steps, 15)
			})
		}
	}
}

// TestSubscriptionEndLeavesWhatTheBankHas: what is with the bank or has succeeded cannot be canceled; it is left, and recorded.
func TestSubscriptionEndLeavesWhatTheBankHas(t *testing.T) {
	t.Parallel()
	for _, status := range []activities.SetupIntentStatus{setupProcessing, succeeded} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			id := b.pending(setupProcessing)
			b.happens(hour, "customer.subscription.deleted", func() {
				b.stripe.subscription().Status = activities.SubscriptionCanceled
				b.stripe.setups[id].Status = status
			})
			res := b.watch(subscriptionInput())
			require.Equal(t, []workflows.SubscriptionSetup{{ID: id, Status: status}}, res.SetupIntents)
			require.Equal(t, status, b.stripe.setups[id].Status)
			require.Less(t, b.env.Now().Sub(b.start), hour+time.Second)
		})
	}
}

// TestSubscriptionEndWithAnOpenSession expires it, also when the customer is faster.
func TestSubscriptionEndWithAnOpenSession(t *testing.T) {
	t.Parallel()
	for _, faster := range []bool{false, true} {
		t.Run(fmt.Sprint(faster), func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			id := b.pending(setupWantsMethod)
			b.at(hour, func() { b.open() })
			b.happens(2*hour, "customer.subscription.deleted", func() { b.stripe.subscription().Status = activities.SubscriptionCanceled })
			if faster {
				b.at(2*hour-time.Second, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
			}
			res := b.watch(subscriptionInput())
			require.Equal(t, []workflows.SubscriptionSetup{{ID: id, Status: setupCanceled}}, res.SetupIntents)
			require.Empty(t, b.wrote("default on subscription"), "nothing is put in place on what has ended")
			require.Equal(t, faster, len(b.wrote("expire")) == 0)
		})
	}
}

// TestSubscriptionUnwatched: the watch ends, the subscription and its SetupIntent stay; another watch may begin.
func TestSubscriptionUnwatched(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(b *subscriptionBench){
		"by an operator": func(b *subscriptionBench) { b.update(cancel, workflows.Operation{}) },
		"by Temporal":    func(b *subscriptionBench) { b.env.CancelWorkflow() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			id := b.pending(setupWantsMethod)
			b.at(hour, func() { b.open() })
			b.at(2*hour, func() { ask(b) })
			res := b.watch(subscriptionInput())
			require.Equal(t, workflows.SubscriptionReasonUnwatched, res.Reason)
			require.Equal(t, setupWantsMethod, b.stripe.setups[id].Status)
			require.Equal(t, []string{"open", "expire"}, b.ops())
			require.Equal(t, activities.SubscriptionTrialing, b.stripe.subscription().Status)
			keys := map[string]bool{}
			for _, w := range b.stripe.writes {
				keys[w.Key] = true
			}

			again := newSubscriptionBench(t, trialOf(20*day))
			again.start = b.start.Add(3 * hour)
			again.newRun(again.start)
			again.pending(setupWantsMethod)
			again.at(hour, func() { again.open() })
			again.at(2*hour, func() { ask(again) })
			require.NoError(t, execute(again.bench, workflows.TypeDeferredSubscription, subscriptionInput()))
			for _, w := range again.stripe.writes {
				require.NotContains(t, keys, w.Key, "Stripe remembers the keys of the first watch")
			}
		})
	}
}

// TestSubscriptionGoneWithoutAWord: a subscription that Stripe does not know any more ends the watch, but not before it has been
// looked for during three days: the worker's key may be another account's.
func TestSubscriptionGoneWithoutAWord(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	id := b.pending(setupWantsAction)
	b.at(5*day, func() { b.stripe.edit(func() { delete(b.stripe.subscriptions, theSubscription) }) })
	b.expect(7*day, where{subRisk, workflows.NeedConfirmation, workflows.SubscriptionReasonMissing})
	res := b.watch(subscriptionInput())
	require.Equal(t, workflows.SubscriptionReasonMissing, res.Reason)
	require.Equal(t, []workflows.SubscriptionSetup{{ID: id, Status: setupCanceled}}, res.SetupIntents)
	require.Less(t, b.env.Now().Sub(b.start), 11*day)
}

// TestSubscriptionSetupIntentOfOthers: what the app or a person at Stripe's dashboard does to the SetupIntent is followed.
func TestSubscriptionSetupIntentOfOthers(t *testing.T) {
	t.Parallel()
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		id := b.pending(setupWantsAction)
		b.happens(hour, "setup_intent.canceled", func() { b.stripe.setups[id].Status = setupCanceled })
		b.expect(2*hour, where{subMethod, workflows.NeedPaymentMethod, ""})
		b.savesAt(3*hour, "pm_new")
		b.expect(4*hour, where{state: subReady})
		b.at(4*hour, func() { require.True(t, b.status().Ready) })
		b.deleted(5 * hour)
		b.watch(subscriptionInput())
		require.Equal(t, []string{"open", "default on subscription"}, b.ops(), "what is canceled is not confirmed")
	})
	t.Run("replaced", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		first := b.pending(setupWantsAction)
		var second string
		b.happens(hour, "customer.subscription.updated", func() { second = b.stripe.pends(setupWantsAction) })
		b.at(2*hour, func() {
			require.Equal(t, second, b.status().PendingSetupIntent)
			require.Equal(t, setupCanceled, b.stripe.setups[first].Status, "nobody would ever confirm it")
		})
		b.challenged(3*hour, true)
		b.expect(4*hour, where{state: subReady})
		b.deleted(5 * hour)
		res := b.watch(subscriptionInput())
		require.Equal(t, []workflows.SubscriptionSetup{{ID: first, Status: setupCanceled}, {ID: second, Status: succeeded}}, res.SetupIntents)
		require.Equal(t, []string{first}, b.wrote("cancel"))
	})
	t.Run("confirmed in the app", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		b.pending(setupWantsMethod)
		b.at(hour, func() { b.open() })
		b.happens(2*hour, "customer.subscription.updated", func() {
			b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other"
			b.stripe.turns(b.stripe.pendingSetup(), succeeded)
		})
		b.expect(2*hour+time.Minute, where{state: subReady})
		b.deleted(5 * hour)
		b.watch(subscriptionInput())
		require.Empty(t, b.wrote("confirm"))
	})
}

// TestSubscriptionDefaultOfOthers: a default that the app or Stripe's portal has put in place is what the SetupIntent is tried
// with, once.
func TestSubscriptionDefaultOfOthers(t *testing.T) {
	t.Parallel()
	other := func(b *subscriptionBench) { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" }
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		id := b.refused("expired_card")
		b.happens(hour, "customer.updated", func() { other(b) })
		b.expect(hour+time.Minute, where{state: subReady})
		b.deleted(5 * hour)
		b.watch(subscriptionInput())
		require.Equal(t, []string{id + " pm_other"}, b.wrote("confirm"))
		require.Equal(t, []string{"confirm"}, b.ops())
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		id := b.refused("expired_card")
		b.stripe.bank = []bankWord{says("insufficient_funds")}
		b.happens(hour, "customer.updated", func() { other(b) })
		b.expect(hour+time.Minute, where{subMethod, workflows.NeedPaymentMethod, "insufficient_funds"})
		b.at(3*day, func() { b.tells("customer.updated") })
		b.deleted(5 * day)
		b.watch(subscriptionInput())
		require.Equal(t, []string{id + " pm_other"}, b.wrote("confirm"), "one method is tried once")
		require.Equal(t, []string{id}, b.wrote("cancel"), "at the end alone: no setup of ours stands for it")
	})
}
