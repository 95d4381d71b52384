package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// subscriptionPath is a way to an end.
type subscriptionPath struct {
	change func(*fakeSubscription)
	input  func(*workflows.DeferredSubscriptionInput)
	act    func(b *subscriptionBench)
	want   workflows.DeferredSubscriptionResult
	// writes are the writes at Stripe, in order; ready is how often the app hears that it is ready.
	writes []string
	ready  int
}

// ops are the writes' operations, without repetitions under one key.
func (b *subscriptionBench) ops() []string {
	var all []string
	keys := map[string]bool{}
	for _, w := range b.stripe.writes {
		if !keys[w.Key] {
			all, keys[w.Key] = append(all, w.Op), true
		}
	}
	return all
}

func subscriptionPaths() map[string]subscriptionPath {
	paid := func(b *subscriptionBench) {
		b.trialEnds(14*day, 1200)
		b.invoicePaid(14*day + hour)
	}
	return map[string]subscriptionPath{
		"nothing to do": {
			change: trialOf(14 * day), act: paid,
			want: workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card"},
		},
		"3DS passed": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.at(day, func() { b.open() })
				b.challenged(day+time.Minute, true)
				b.expect(day+18*hour, where{state: subReady})
				paid(b)
			},
			ready: 1,
			want:  workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card", SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: succeeded}}},
		},
		"3DS failed, then a new card": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.at(day, func() { b.open() })
				b.challenged(day+time.Minute, false)
				b.savesAt(day+2*time.Minute, "pm_new")
				b.expect(day+18*hour, where{state: subReady})
				paid(b)
			},
			ready:  1,
			want:   workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_new", SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: succeeded}}},
			writes: []string{"open", "default on subscription", "confirm"},
		},
		"a first card": {
			change: trialOf(14 * day), input: defaultOnCustomer,
			act: func(b *subscriptionBench) {
				b.pending(setupWantsMethod)
				b.savesAt(day, "pm_new")
				b.expect(day+18*hour, where{state: subReady})
				paid(b)
			},
			ready:  1,
			want:   workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_new", SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: succeeded}}},
			writes: []string{"open", "default", "confirm"},
		},
		"the confirmation is refused": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.pending(setupWantsMethod)
				b.stripe.bank = []bankWord{says("generic_decline")}
				b.savesAt(day, "pm_new")
				b.expect(day+18*hour, where{state: subReady})
				paid(b)
			},
			ready:  1,
			want:   workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_new", SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: setupCanceled}}},
			writes: []string{"open", "default on subscription", "confirm", "cancel"},
		},
		"the bank takes its time": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.pending(setupProcessing)
				b.banked(5*day, true)
				b.expect(7*day, where{state: subReady})
				paid(b)
			},
			ready: 1,
			want:  workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card", SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: succeeded}}},
		},
		"the first invoice fails and is paid by hand": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.trialEnds(14*day, 1200)
				b.invoiceFails(14*day+hour, 3*day)
				b.expect(16*day, where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid})
				b.invoicePaid(16*day + hour)
			},
			ready: 1,
			want:  workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card"},
		},
		"deleted while the customer is awaited": {
			change: trialOf(14 * day),
			act: func(b *subscriptionBench) {
				b.pending(setupWantsAction)
				b.deleted(5 * day)
			},
			want: workflows.DeferredSubscriptionResult{
				State: subEnded, Reason: workflows.SubscriptionReasonCanceled, PaymentMethod: "pm_card",
				SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: setupCanceled}},
			},
			writes: []string{"cancel"},
		},
		"deleted when it was ready": {
			change: trialOf(14 * day),
			act:    func(b *subscriptionBench) { b.deleted(5 * day) },
			want:   workflows.DeferredSubscriptionResult{State: subEnded, Reason: workflows.SubscriptionReasonCanceled, PaymentMethod: "pm_card"},
		},
	}
}

// TestSubscriptionPaths: webhooks normal, lost, doubled or late lead to the same end by the same writes.
func TestSubscriptionPaths(t *testing.T) {
	t.Parallel()
	for name, path := range subscriptionPaths() {
		for _, arrive := range allHooks() {
			t.Run(name+"/webhooks "+string(arrive), func(t *testing.T) {
				t.Parallel()
				b := newSubscriptionBench(t, path.change)
				b.hooks = arrive
				path.act(b)
				in := subscriptionInput()
				if path.input != nil {
					path.input(&in)
				}
				res := b.watch(in)
				want := path.want
				if want.State == subPaid {
					want.Invoice = b.newestInvoice().ID
				}
				require.Equal(t, want, res)
				require.Equal(t, path.writes, b.ops())
				require.Less(t, b.stripe.called("Subscription"), 60, "it asks Stripe ever more rarely")
				require.Equal(t, path.ready, b.heard(activities.NotifySubscriptionReady))
			})
		}
	}
}

// heard counts the messages of a kind.
func (b *subscriptionBench) heard(kind activities.NotificationKind) int {
	n := 0
	for _, k := range b.stripe.told() {
		if k == kind {
			n++
		}
	}
	return n
}
