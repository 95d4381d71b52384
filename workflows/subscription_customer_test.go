package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// confirms is the answer to a press whose page confirms the pending SetupIntent.
func confirms(setupIntent string) workflows.OpenCheckoutResponse {
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SetupIntent: setupIntent, State: string(subAction)}
}

// saving is the answer to a press whose page saves a method in a session.
func saving(session string) workflows.OpenCheckoutResponse {
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: session, State: string(subMethod)}
}

func nothingToDo(state workflows.SubscriptionState) workflows.OpenCheckoutResponse {
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutDone, State: string(state)}
}

// TestSubscriptionConfirmedByTheCustomer: the page confirms the pending SetupIntent itself; the second press sees what came
// of it.
func TestSubscriptionConfirmedByTheCustomer(t *testing.T) {
	t.Parallel()
	t.Run("passed", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		pending := b.pending(setupWantsAction)
		b.hooks = hooksLost
		b.presses(2*hour, confirms(pending))
		b.presses(2*hour+time.Minute, confirms(pending))
		b.challenged(2*hour+2*time.Minute, true)
		b.presses(2*hour+2*time.Minute+time.Second, nothingToDo(subReady))
		b.deleted(10 * day)
		b.watch(subscriptionInput())
		require.Equal(t, []string{"subscription_action_required 0s", "subscription_ready 2h2m1s"}, b.sent())
		require.Empty(t, b.ops())
	})
	t.Run("failed, and the page goes on with a new card", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		pending := b.pending(setupWantsAction)
		b.hooks = hooksLost
		b.presses(2*hour, confirms(pending))
		b.challenged(2*hour+time.Minute, false)
		b.presses(2*hour+2*time.Minute, saving("cs_2"))
		b.expect(2*hour+3*time.Minute, where{subMethod, workflows.NeedPaymentMethod, "setup_intent_authentication_failure"})
		b.at(2*hour+4*time.Minute, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
		b.presses(2*hour+4*time.Minute+time.Second, nothingToDo(subReady))
		b.deleted(10 * day)
		b.watch(subscriptionInput())
		require.Equal(t, []string{pending + " pm_new"}, b.wrote("confirm"))
		require.Equal(t, "pm_new", b.left.PaymentMethod)
	})
	t.Run("failed, and nobody goes on", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		b.pending(setupWantsAction)
		b.challenged(2*hour, false)
		b.expect(2*hour+time.Minute, where{subMethod, workflows.NeedPaymentMethod, "setup_intent_authentication_failure"})
		b.deleted(3*day + hour)
		b.watch(subscriptionInput())
		require.Equal(t, 1, b.heard(activities.NotifySubscriptionActionRequired))
		require.GreaterOrEqual(t, b.heard(activities.NotifySubscriptionPaymentMethodNeeded), 1)
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(30*day))
		b.pending(setupWantsAction)
		b.expect(27*day-time.Minute, where{state: subAction, need: workflows.NeedConfirmation})
		b.expect(27*day+time.Minute, where{subRisk, workflows.NeedConfirmation, workflows.SubscriptionReasonTrialEnding})
		b.deleted(30 * day)
		b.watch(subscriptionInput())
		require.ElementsMatch(t, []string{
			"subscription_action_required 0s", "subscription_action_required 24h0m0s reminder", "subscription_action_required 72h0m0s reminder",
			"subscription_action_required 168h0m0s reminder", "subscription_action_required 552h0m0s reminder",
			"subscription_action_required 648h0m0s reminder", "subscription_action_required 696h0m0s reminder",
			"subscription_at_risk 648h0m0s trial_ending",
		}, b.sent())
		for _, n := range b.stripe.deliveries {
			require.Equal(t, n.Kind.ForCustomer(), n.Link, "%s", n.Kind)
			require.Equal(t, "cus_1", n.Customer)
			require.Equal(t, b.start.Add(30*day), n.TrialEnd)
			require.Equal(t, "Europe/Berlin", n.TimeZone)
		}
	})
}

// TestSubscriptionNewMethodBecomesDefault where the input says, read back, and the pending SetupIntent is confirmed with it.
func TestSubscriptionNewMethodBecomesDefault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		own                     string
		input                   func(*workflows.DeferredSubscriptionInput)
		onSubscription, onOwner string
		writes                  []string
	}{
		"on the subscription": {
			input: func(*workflows.DeferredSubscriptionInput) {}, onSubscription: "pm_new",
			writes: []string{"open", "default on subscription", "confirm"},
		},
		"on the customer": {
			input: defaultOnCustomer, onOwner: "pm_new", writes: []string{"open", "default", "confirm"},
		},
		"on the customer, and on the subscription since it has its own": {
			own: "pm_other", input: defaultOnCustomer, onSubscription: "pm_new", onOwner: "pm_new",
			writes: []string{"confirm", "default", "default on subscription", "open"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day), func(s *fakeSubscription) { s.DefaultPaymentMethod = test.own })
			pending := b.pending(setupWantsMethod)
			b.presses(2*hour, saving("cs_2"))
			b.presses(2*hour+30*time.Second, saving("cs_2"))
			b.happens(3*hour, "checkout.session.completed", func() {})
			b.at(3*hour, func() {
				require.True(t, b.stripe.saves(succeeded, "pm_new"))
				b.tells("setup_intent.succeeded")
			})
			b.expect(3*hour+time.Minute, where{state: subReady})
			b.presses(4*hour, nothingToDo(subReady))
			b.deleted(10 * day)
			b.watch(subscriptionInput(test.input))
			if test.own == "" {
				require.Equal(t, test.writes, b.ops())
			} else {
				require.ElementsMatch(t, test.writes, b.ops())
			}
			require.Equal(t, test.onSubscription, b.stripe.subscription().DefaultPaymentMethod)
			require.Equal(t, test.onOwner, b.stripe.customers["cus_1"].DefaultPaymentMethod)
			require.Equal(t, succeeded, b.stripe.setups[pending].Status)
			require.Len(t, b.stripe.sessions, 1)
			require.Equal(t, []string{"subscription_payment_method_needed 0s", "subscription_ready 3h0m0s"}, b.sent())
		})
	}
}

// TestSubscriptionSession is one in setup mode for the subscription's customer.
func TestSubscriptionSession(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsMethod)
	b.at(2*hour, func() { b.open() })
	b.deleted(3 * hour)
	b.watch(subscriptionInput(func(in *workflows.DeferredSubscriptionInput) {
		in.PaymentMethodTypes, in.CheckoutUI = []string{"card", "sepa_debit"}, activities.CheckoutUIHosted
	}))
	require.Len(t, b.stripe.opened, 1)
	r := b.stripe.opened[0]
	require.Equal(t, activities.CheckoutModeSetup, r.Mode)
	require.Equal(t, activities.CheckoutUIHosted, r.UI)
	require.Equal(t, "cus_1", r.Customer)
	require.Equal(t, "usd", r.Currency)
	require.Equal(t, []string{"card", "sepa_debit"}, r.PaymentMethodTypes)
	require.Equal(t, map[string]string{"offsession_workflow_id": "subscription:sub_1", "offsession_reference": theSubscription}, r.Metadata)
	require.Zero(t, r.Amount)
}

// TestSubscriptionPressAfterTheSessionExpired opens another one.
func TestSubscriptionPressAfterTheSessionExpired(t *testing.T) {
	t.Parallel()
	for _, arrive := range []hooks{hooksNormal, hooksLost} {
		t.Run(string(arrive), func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			b.pending(setupWantsMethod)
			b.hooks = arrive
			b.presses(2*hour, saving("cs_2"))
			b.happens(26*hour+time.Second, "checkout.session.expired", func() {})
			b.presses(30*hour, saving("cs_4"))
			b.savesAt(31*hour, "pm_new")
			b.expect(33*hour, where{state: subReady})
			b.deleted(10 * day)
			b.watch(subscriptionInput())
			require.Len(t, b.stripe.sessions, 2)
		})
	}
}

// TestSubscriptionConfirmationRefused: the pending SetupIntent is cancelled, and our own succeeded setup of the present
// default counts. Another default needs another setup.
func TestSubscriptionConfirmationRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"generic_decline", "expired_card", "authentication_required"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			pending := b.pending(setupWantsMethod)
			b.stripe.bank = []bankWord{says(code)}
			b.savesAt(2*hour, "pm_new")
			b.expect(3*hour, where{state: subReady})
			b.at(3*hour, func() {
				s := b.status()
				require.True(t, s.Ready)
				require.Equal(t, []workflows.SubscriptionSetup{{ID: pending, Status: setupCanceled}}, s.SetupIntents)
			})
			b.happens(5*day, "customer.subscription.updated", func() { b.stripe.subscription().DefaultPaymentMethod = "pm_other" })
			b.expect(5*day+time.Minute, where{subMethod, workflows.NeedPaymentMethod, code})
			b.savesAt(6*day, "pm_newer")
			b.expect(6*day+hour, where{state: subReady})
			b.deleted(10 * day)
			b.watch(subscriptionInput())
			require.Equal(t, []string{pending + " pm_new"}, b.wrote("confirm"), "what is canceled is not confirmed")
			require.Equal(t, []string{pending}, b.wrote("cancel"))
			require.Equal(t, "pm_newer", b.stripe.subscription().DefaultPaymentMethod)
		})
	}
}

// TestSubscriptionConfirmationNeedsMore: the bank wants to see the customer again, or takes its time.
func TestSubscriptionConfirmationNeedsMore(t *testing.T) {
	t.Parallel()
	t.Run("the customer again", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		pending := b.pending(setupWantsMethod)
		b.stripe.bank = []bankWord{asksForMore()}
		b.savesAt(2*hour, "pm_new")
		b.expect(3*hour, where{state: subAction, need: workflows.NeedConfirmation})
		b.presses(3*hour, confirms(pending))
		b.challenged(4*hour, true)
		b.expect(5*hour, where{state: subReady})
		b.deleted(10 * day)
		b.watch(subscriptionInput())
		require.Equal(t, "pm_new", b.stripe.subscription().DefaultPaymentMethod)
		require.Equal(t, []string{pending + " pm_new"}, b.wrote("confirm"))
	})
	t.Run("the customer again, who fails", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		pending := b.pending(setupWantsMethod)
		b.stripe.bank = []bankWord{asksForMore()}
		b.savesAt(2*hour, "pm_new")
		b.challenged(4*hour, false)
		b.expect(5*hour, where{subMethod, workflows.NeedPaymentMethod, "setup_intent_authentication_failure"})
		b.savesAt(6*hour, "pm_newer")
		b.expect(7*hour, where{state: subReady})
		b.deleted(10 * day)
		b.watch(subscriptionInput())
		require.Equal(t, []string{pending + " pm_new", pending + " pm_newer"}, b.wrote("confirm"))
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(20*day))
		b.pending(setupWantsMethod)
		b.stripe.bank = []bankWord{takesTime()}
		b.savesAt(2*hour, "pm_new")
		b.expect(3*hour, where{state: subProcessing, need: workflows.NeedBank})
		b.banked(4*day, true)
		b.expect(4*day+time.Minute, where{state: subReady})
		b.deleted(10 * day)
		b.watch(subscriptionInput())
	})
}

// TestSubscriptionMethodNotUsable: a method that was detached, or that its bank does not confirm, is not put in place; the
// customer is asked again.
func TestSubscriptionMethodNotUsable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		finish func(b *subscriptionBench)
		reason string
	}{
		"detached before it became the default": {
			finish: func(b *subscriptionBench) {
				require.True(b, b.stripe.saves(succeeded, "pm_new"))
				b.stripe.detach("pm_new")
				b.tells("checkout.session.completed")
			},
			reason: activities.CodePaymentMethodUnusable,
		},
		"not set up": {
			finish: func(b *subscriptionBench) {
				require.True(b, b.stripe.saves(setupWantsMethod, ""))
				b.tells("checkout.session.completed")
			},
			reason: activities.CodePaymentMethodUnusable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(20*day))
			b.pending(setupWantsMethod)
			b.at(2*hour, func() { b.open() })
			b.at(3*hour, func() { test.finish(b) })
			b.expect(3*hour+time.Minute, where{subMethod, workflows.NeedPaymentMethod, test.reason})
			b.savesAt(5*hour, "pm_newer")
			b.expect(6*hour, where{state: subReady})
			b.deleted(10 * day)
			b.watch(subscriptionInput())
			require.Equal(t, "pm_newer", b.left.PaymentMethod)
			require.Len(t, b.stripe.sessions, 2)
		})
	}
}

// TestSubscriptionBankAccount: a bank account is confirmed by its bank, or by the customer with the amounts received.
func TestSubscriptionBankAccount(t *testing.T) {
	t.Parallel()
	for _, ok := range []bool{true, false} {
		for name, finish := range map[string]func(b *subscriptionBench){
			"processing": func(b *subscriptionBench) {
				b.at(3*hour, func() {
					require.True(b, b.stripe.saves(setupProcessing, "pm_bank"))
					b.tells("checkout.session.completed")
				})
			},
			"microdeposits": func(b *subscriptionBench) {
				b.at(3*hour, func() {
					require.True(b, b.stripe.saves(setupWantsAction, "pm_bank"))
					b.stripe.edit(func() { b.stripe.sessions["cs_2"].SetupIntent.NextAction = "verify_with_microdeposits" })
					b.tells("checkout.session.completed")
				})
			},
		} {
			want := "refused"
			if ok {
				want = "accepted"
			}
			t.Run(name+", "+want, func(t *testing.T) {
				t.Parallel()
				b := newSubscriptionBench(t, trialOf(20*day))
				b.pending(setupWantsMethod)
				b.presses(2*hour, saving("cs_2"))
				finish(b)
				b.expect(3*hour+time.Minute, where{state: subProcessing, need: workflows.NeedBank})
				b.presses(5*hour, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutProcessing, State: string(subProcessing)})
				b.happens(3*day, "setup_intent.succeeded", func() {
					own := b.stripe.sessions["cs_2"].SetupIntent
					if own.Status, own.NextAction = succeeded, ""; !ok {
						own.Status, own.PaymentMethod, own.LastError = setupWantsMethod, "", activities.Codes{Code: "payment_method_microdeposit_failed"}
					}
				})
				if ok {
					b.expect(3*day+time.Minute, where{state: subReady})
				} else {
					b.expect(3*day+time.Minute, where{subMethod, workflows.NeedPaymentMethod, "payment_method_microdeposit_failed"})
				}
				b.deleted(10 * day)
				b.watch(subscriptionInput())
				if ok {
					require.Equal(t, "pm_bank", b.left.PaymentMethod)
				} else {
					require.Empty(t, b.wrote("default on subscription"))
				}
			})
		}
	}
}
