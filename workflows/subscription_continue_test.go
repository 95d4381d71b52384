package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// trace is all that anybody outside can see of a subscription: every request, message and status.
func (b *subscriptionBench) trace() []string {
	var seen []string
	for _, w := range b.stripe.writes {
		seen = append(seen, fmt.Sprint(w.At.UTC(), w.Op, w.Key, w.What))
	}
	b.stripe.told() // sorts
	for i, n := range b.stripe.deliveries {
		seen = append(seen, fmt.Sprint(b.stripe.delivered[i].UTC(), n.ID, n.Reason, n.Reminder, n.LinkExpires))
	}
	seen = append(seen, b.stripe.calls...)
	return append(seen, fmt.Sprintf("%+v", b.left))
}

// TestSubscriptionContinueAsNewInEverySituation: the next run goes on as the old one would have, to the same end.
func TestSubscriptionContinueAsNewInEverySituation(t *testing.T) {
	t.Parallel()
	after := map[string]func(b *subscriptionBench){
		"left alone": func(b *subscriptionBench) { b.mended(2 * day) },
		"mended, pressed and saved": func(b *subscriptionBench) {
			b.mended(2 * day)
			b.at(3*day, func() { b.open() })
			b.at(3*day+time.Minute, func() { b.stripe.saves(succeeded, "pm_other") })
		},
		"Stripe goes on": func(b *subscriptionBench) {
			b.mended(2 * day)
			b.happens(3*day, "customer.subscription.updated", func() {
				if si := b.stripe.pendingSetup(); si != nil && cancellable(si.Status) {
					b.stripe.turns(si, succeeded)
				}
				b.stripe.bills(activities.Invoice{AmountDue: 1200, Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresAction})
				b.stripe.subscription().Status = activities.SubscriptionPastDue
			})
		},
	}
	for name, s := range subscriptionSituations() {
		for then, act := range after {
			t.Run(name+"/"+then, func(t *testing.T) {
				t.Parallel()
				run := func(suggested bool) *subscriptionBench {
					b := inSituation(t, s)
					b.expect(30*hour, s.want)
					act(b)
					for _, at := range []time.Duration{30 * time.Minute, 30 * hour, 30*hour + time.Minute, 35 * hour, 3*day + 30*time.Second, 4*day + hour, 8*day + hour} {
						b.at(at, func() {
							b.env.SetContinueAsNewSuggested(suggested)
							b.signal("evt_"+at.String(), "invoice.created", "in_x")
						})
					}
					b.deleted(9 * day)
					b.watch(subscriptionInput())
					return b
				}
				once, again := run(false), run(true)
				require.Equal(t, 1, once.runs)
				if !s.closes {
					require.GreaterOrEqual(t, again.runs, 3)
				}
				require.Equal(t, once.trace(), again.trace())
			})
		}
	}
}

// TestSubscriptionContinueAsNewAtEveryMoment of a card that is saved: what comes with the suggestion is followed, by this run
// or the next.
func TestSubscriptionContinueAsNewAtEveryMoment(t *testing.T) {
	t.Parallel()
	for name, act := range savings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(at int) (*subscriptionBench, int) {
				b := newSubscriptionBench(t, trialOf(20*day))
				act(b)
				b.stripe.before = func(call int) {
					if call == at {
						b.env.SetContinueAsNewSuggested(true)
					}
				}
				b.deleted(30 * time.Minute)
				b.watch(subscriptionInput())
				return b, len(b.stripe.calls)
			}
			once, calls := run(0)
			require.Equal(t, 1, once.runs)
			for at := 1; at <= calls; at++ {
				again, _ := run(at)
				require.LessOrEqual(t, again.runs, 2)
				require.Equal(t, once.trace(), again.trace(), "call %d", at)
			}
		})
	}
}

// TestSubscriptionCarriedStateIsBounded: however much happens, what is handed over stays small.
func TestSubscriptionCarriedStateIsBounded(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(200*day))
	b.stripe.idDigits = 24
	b.pending(setupWantsMethod)
	for i := range 60 {
		at := time.Duration(i) * 2 * day
		b.at(at+hour, func() {
			b.open()
			for k := range 5 {
				b.signal(fmt.Sprintf("evt_%d_%d_as_long_as_stripes", i, k), "customer.updated", "cus_1")
			}
		})
		b.happens(at+2*hour, "customer.subscription.updated", func() { b.stripe.pends(setupWantsAction) })
		b.happens(at+3*hour, "customer.subscription.updated", func() { b.stripe.turns(b.stripe.pendingSetup(), succeeded) })
		b.happens(at+4*hour, "customer.subscription.updated", func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "" })
		b.happens(at+5*hour, "customer.subscription.updated", func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_card" })
	}
	b.at(125*day, func() { b.stripe.edit(func() { b.stripe.notifyFail = errDown }) })
	b.happens(125*day, "customer.subscription.updated", func() { b.stripe.pends(setupWantsMethod) })
	b.continueAsNew(170 * day)
	b.deleted(180 * day)
	res := b.watch(subscriptionInput())
	require.Equal(t, 2, b.runs)
	require.Greater(t, b.largestState, 3<<10)
	require.Len(t, res.SetupIntents, 20)
	t.Logf("%d bytes", b.largestState)
}

// TestSubscriptionSearchAttributes: operators find it by its state; the time shown is when it acts next for the customer's sake.
func TestSubscriptionSearchAttributes(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(14*day))
	b.pending(setupWantsAction)
	var states []any
	b.env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		for key, value := range args.Get(0).(temporal.SearchAttributes).GetUntypedValues() {
			if key.GetName() == "OffsessionState" {
				states = append(states, value)
			}
		}
	}).Return(nil)
	in := subscriptionInput()
	require.NoError(t, b.env.SetTypedSearchAttributesOnStart(in.StartSearchAttributes()))
	b.at(time.Minute, func() { require.False(t, b.status().NextActionAt.IsZero()) })
	b.challenged(2*day, true)
	b.trialEnds(14*day, 1200)
	b.invoiceFails(14*day+hour, day)
	b.invoicePaid(16 * day)
	b.watch(in)
	require.Equal(t, []any{"requires_action", "ready", "at_risk", "ready_and_paid"}, states)
}

// TestSubscriptionInputRefused: a wrong input fails the workflow before anything is asked.
func TestSubscriptionInputRefused(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*workflows.DeferredSubscriptionInput){
		func(in *workflows.DeferredSubscriptionInput) { in.TimeZone = "Mars/Olympus" },
		func(in *workflows.DeferredSubscriptionInput) { in.Reference = "" },
	} {
		b := newSubscriptionBench(t)
		require.Error(t, execute(b.bench, workflows.TypeDeferredSubscription, subscriptionInput(change)))
		require.Empty(t, b.stripe.calls)
	}
}
