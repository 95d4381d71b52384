package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionOutages: whatever part of Stripe is away for hours, in whatever way, the subscription recovers by itself, and
// what is written is in effect once. What a person must mend is shown.
func TestSubscriptionOutages(t *testing.T) {
	t.Parallel()
	for _, method := range []string{
		"Subscription", "SubscriptionInvoices", "SetupIntentsOf", "CreateCheckoutSession", "CheckoutSession", "PaymentMethod",
		"SetSubscriptionDefaultPaymentMethod", "SetDefaultPaymentMethod", "Customer", "ConfirmSetupIntent", "SetupIntent", "CancelSetupIntent",
	} {
		for kind, shown := range map[activities.StripeErrorKind]string{
			activities.StripeUnknown: "", activities.StripeUnauthorized: workflows.ReasonUnauthorized, activities.StripeStoredFault: "",
		} {
			t.Run(method+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				b := newSubscriptionBench(t, trialOf(20*day))
				b.pending(setupWantsMethod)
				if method == "SetupIntentsOf" || method == "CancelSetupIntent" {
					b.stripe.bank = []bankWord{says("generic_decline")}
				}
				b.fails(5*time.Minute, 3*hour, method, kind)
				saves := func() {
					if b.stripe.saves(succeeded, "pm_new") {
						b.tells("checkout.session.completed")
					}
				}
				b.at(10*time.Minute, func() { b.open() })
				b.at(11*time.Minute, saves)
				b.at(2*hour+50*time.Minute, func() {
					s := b.status()
					if shown != "" && len(b.stripe.sessions) > 0 && b.stripe.called(method) > 0 && !s.Ready {
						require.Equal(t, where{subRisk, s.Need, shown}, where{s.State, s.Need, s.Reason})
					}
					require.NotEqual(t, workflows.ReasonStripeFaults, s.Reason, "time alone mends it")
				})
				b.at(4*hour, func() { b.open() })
				b.at(4*hour+time.Minute, saves)
				b.expect(5*hour, where{state: subReady})
				b.at(5*hour, func() { require.True(t, b.status().Ready) })
				b.deleted(10 * day)
				b.watch(subscriptionInput(defaultOnCustomer))
				require.Equal(t, "pm_new", b.stripe.customers["cus_1"].DefaultPaymentMethod)
				require.Len(t, b.stripe.sessions, 1, "one session was enough")
				b.requireOnce("confirm")
				require.Equal(t, 1, b.heard(activities.NotifySubscriptionReady))
				require.Less(t, len(b.stripe.calls), 500)
			})
		}
	}
}

// requireOnce: an operation was carried out at most once for each thing that it is about, whatever was sent.
func (b *subscriptionBench) requireOnce(op string) {
	b.Helper()
	var done []string
	for _, a := range b.stripe.answered {
		if a.op == op {
			require.NotContains(b, done, a.what, "%s was carried out twice", op)
			done = append(done, a.what)
		}
	}
}

// TestSubscriptionAnswersLost: a write that Stripe has carried out without our hearing of it is repeated under its key, or found
// done by reading.
func TestSubscriptionAnswersLost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{
		"CreateCheckoutSession", "SetSubscriptionDefaultPaymentMethod", "SetDefaultPaymentMethod", "ConfirmSetupIntent", "CancelSetupIntent",
		"ExpireCheckoutSession",
	} {
		for word, bank := range map[string]bankWord{"accepted": accepts(), "refused": says("generic_decline"), "wants more": asksForMore()} {
			for _, on := range []workflows.DefaultOn{workflows.DefaultOnSubscription, workflows.DefaultOnCustomer} {
				t.Run(method+"/"+word+"/"+string(on), func(t *testing.T) {
					t.Parallel()
					b := newSubscriptionBench(t, trialOf(20*day))
					b.pending(setupWantsMethod)
					b.stripe.bank = []bankWord{bank}
					for range 2 {
						b.stripe.faults["answer of "+method] = append(b.stripe.faults["answer of "+method], stripeError(activities.StripeUnknown))
					}
					b.savesAt(hour, "pm_new")
					want := where{state: subReady}
					if word == "wants more" {
						want = where{state: subAction, need: workflows.NeedConfirmation}
					}
					b.expect(hour+3*time.Minute, want)
					b.happens(2*hour, "customer.subscription.updated", func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "" })
					b.deleted(3 * hour)
					b.watch(subscriptionInput(func(in *workflows.DeferredSubscriptionInput) { in.DefaultOn = on }))
					require.Len(t, b.stripe.sessions, 1)
					for _, op := range []string{"confirm", "default", "default on subscription", "cancel"} {
						require.Len(t, slices.Compact(slices.Sorted(slices.Values(b.wrote(op)))), len(b.wrote(op)), "%s under one key for one thing", op)
					}
					require.LessOrEqual(t, len(b.wrote("confirm")), 1)
				})
			}
		}
	}
}

// TestSubscriptionStoredFaults: a key that Stripe answers with a fault for ever is not sent again; the next one is, and soon.
func TestSubscriptionStoredFaults(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CreateCheckoutSession", "SetSubscriptionDefaultPaymentMethod", "ConfirmSetupIntent", "CancelSetupIntent"} {
		for _, kind := range []activities.StripeErrorKind{activities.StripeStoredFault, activities.StripeKeyReused} {
			t.Run(method+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				b := newSubscriptionBench(t, trialOf(20*day))
				b.pending(setupWantsMethod)
				b.stripe.bank = []bankWord{says("generic_decline")}
				b.stripe.faults[method] = []error{stripeError(activities.StripeUnknown), stripeError(kind)}
				b.at(hour, func() { b.open() })
				b.at(hour+30*time.Minute, func() { b.open() })
				b.at(hour+31*time.Minute, func() {
					require.True(t, b.stripe.saves(succeeded, "pm_new"))
					b.tells("checkout.session.completed")
				})
				b.expect(2*hour+10*time.Minute, where{state: subReady})
				b.deleted(3 * hour)
				b.watch(subscriptionInput())
				op := map[string]string{
					"CreateCheckoutSession": "open", "SetSubscriptionDefaultPaymentMethod": "default on subscription",
					"ConfirmSetupIntent": "confirm", "CancelSetupIntent": "cancel",
				}[method]
				var keys []string
				for _, w := range b.stripe.writes {
					if w.Op == op {
						keys = append(keys, w.Key)
					}
				}
				require.GreaterOrEqual(t, len(keys), 2)
				require.Equal(t, keys[0], keys[1], "an unknown outcome is repeated under its key")
				require.NotContains(t, keys[2:], keys[0])
			})
		}
	}
}

// TestSubscriptionEndWaitsForStripe: what cannot be closed is closed when Stripe is back.
func TestSubscriptionEndWaitsForStripe(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CancelSetupIntent", "SetupIntent", "ExpireCheckoutSession", "CheckoutSession"} {
		for _, kind := range []activities.StripeErrorKind{activities.StripeUnknown, activities.StripeUnauthorized, activities.StripeStoredFault} {
			t.Run(method+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				b := newSubscriptionBench(t, trialOf(20*day))
				b.pending(setupWantsMethod)
				b.at(hour, func() { b.open() })
				b.fails(90*time.Minute, 12*hour, method, kind)
				b.deleted(2 * hour)
				var pressed *reply[workflows.OpenCheckoutResponse]
				b.at(10*hour, func() {
					s := b.status()
					require.False(t, s.State.Ended())
					require.False(t, s.NextActionAt.IsZero())
					pressed = b.open()
				})
				b.at(11*hour, func() {
					require.Contains(t, []workflows.CheckoutAnswer{workflows.CheckoutPending, workflows.CheckoutClosed}, pressed.value.Answer)
				})
				res := b.watch(subscriptionInput())
				require.Equal(t, workflows.SubscriptionReasonCanceled, res.Reason)
				require.Less(t, b.env.Now().Sub(b.start), 13*hour+15*time.Minute)
				require.Equal(t, 1, b.heard(activities.NotifySubscriptionPaymentMethodNeeded), "nobody is reminded after the end")
				require.Less(t, len(b.stripe.calls), 700, "it is tried ever more rarely")
			})
		}
	}
}

// TestSubscriptionUndelivered: messages that nobody takes delay nothing, and are recorded.
func TestSubscriptionUndelivered(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(20*day))
	b.pending(setupWantsAction)
	b.stripe.notifyFail = errDown
	b.at(30*hour, func() { require.Len(t, b.status().Undelivered, 1) })
	b.challenged(40*hour, true)
	b.expect(40*hour+time.Minute, where{state: subReady})
	b.deleted(41 * hour)
	b.watch(subscriptionInput())
	require.Less(t, b.env.Now().Sub(b.start), 41*hour+time.Minute, "messages on their way are given up")
}
