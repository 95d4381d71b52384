package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

var errDown = errors.New("down")

// TestSetupOpeningFails: a person is told why, and it recovers by the poll or by the customer's press.
func TestSetupOpeningFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   activities.StripeErrorKind
		param  string
		reason string
		slow   bool
	}{
		"unauthorized":     {kind: activities.StripeUnauthorized, reason: workflows.ReasonUnauthorized},
		"customer missing": {kind: activities.StripeMissing, param: "customer", reason: workflows.ReasonCustomerDeleted},
		"invalid":          {kind: activities.StripeInvalid, reason: workflows.ReasonInvalidRequest},
		"stored fault":     {kind: activities.StripeStoredFault, reason: workflows.ReasonStripeFaults},
		"Stripe down":      {kind: activities.StripeUnknown, reason: workflows.ReasonStripeFaults, slow: true},
	} {
		for _, press := range []bool{false, true} {
			way := "/by the poll"
			if press {
				way = "/by the press"
			}
			t.Run(name+way, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.fails(0, 0, "CreateCheckoutSession", test.kind, test.param)
				b.mended(5 * hour)
				var first, pressed *reply[workflows.OpenCheckoutResponse]
				b.at(0, func() { first = b.open() })
				b.expectSetup(4*hour+30*time.Minute, workflows.SetupNeedsAttention, test.reason)
				if press {
					b.at(5*hour+time.Minute, func() { pressed = b.open() })
					b.expectSetup(5*hour+2*time.Minute, workflows.SetupOpen, "")
				}
				b.finishes(20*hour, succeeded, "pm_new")
				require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
				want := workflows.CheckoutClosed
				if test.slow {
					want = workflows.CheckoutPending
				}
				require.Equal(t, want, first.value.Answer)
				require.LessOrEqual(t, first.after, 20*time.Second)
				if press {
					require.Equal(t, workflows.CheckoutReady, pressed.value.Answer)
				}
				keys := b.distinctKeys("open")
				require.Equal(t, "open_checkout:1", keys[0])
				require.Equal(t, "open_checkout:2", keys[1])
				require.LessOrEqual(t, len(keys), 12, "it is tried ever more rarely")
			})
		}
	}
	t.Run("the answer is lost", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.faults["answer of CreateCheckoutSession"] = []error{stripeError(activities.StripeUnknown)}
		b.finishes(hour, succeeded, "pm_new")
		b.save(setupInput())
		require.Equal(t, []string{"open_checkout:1", "open_checkout:1"}, b.keysOf("open"))
		require.Len(t, b.stripe.sessions, 1)
	})
	t.Run("never mended", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.fails(0, 0, "CreateCheckoutSession", activities.StripeUnauthorized)
		require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
		require.Equal(t, b.start.Add(14*day), b.env.Now().UTC())
	})
}

// TestSetupStoredFaults: a key that Stripe answers with a fault for ever is not sent again; the next one is.
func TestSetupStoredFaults(t *testing.T) {
	t.Parallel()
	for op, method := range map[string]string{
		"open": "CreateCheckoutSession", "create": "CreateCustomer", "attach": "AttachPaymentMethod", "default": "SetDefaultPaymentMethod",
	} {
		for _, kind := range []activities.StripeErrorKind{activities.StripeStoredFault, activities.StripeKeyReused} {
			t.Run(op+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.stripe.faults[method] = []error{stripeError(activities.StripeUnknown), stripeError(kind)}
				b.finishes(hour, succeeded, "pm_new")
				res := b.save(setupWith(createsCustomer))
				require.Equal(t, workflows.SetupSaved, res.State)
				require.Equal(t, "pm_new", res.PaymentMethod, "the customer is not asked again")
				require.Len(t, b.stripe.sessions, 1)
				keys := b.keysOf(op)
				require.Len(t, keys, 3)
				require.Equal(t, keys[0], keys[1], "an unknown outcome is repeated under its key")
				require.NotEqual(t, keys[1], keys[2])
				require.Less(t, b.env.Now().Sub(b.start), 2*hour)
			})
		}
	}
}

// TestSetupMakesOneCustomer: however often it is tried, and whatever answers are lost.
func TestSetupMakesOneCustomer(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(b *bench){
		"the answer is lost": func(b *bench) {
			b.stripe.faults["answer of CreateCustomer"] = []error{stripeError(activities.StripeUnknown)}
		},
		"the answer is lost, then the key is rolled": func(b *bench) {
			b.stripe.faults["answer of CreateCustomer"] = []error{stripeError(activities.StripeUnknown)}
			b.stripe.faults["CreateCustomer"] = []error{nil, stripeError(activities.StripeUnauthorized), stripeError(activities.StripeUnauthorized)}
		},
		"attaching fails for days": func(b *bench) { b.fails(0, 3*day, "AttachPaymentMethod", activities.StripeUnauthorized) },
		"the method is refused": func(b *bench) {
			b.stripe.faults["AttachPaymentMethod"] = []error{stripeError(activities.StripeDeclined)}
			b.finishes(2*hour, succeeded, "pm_newer")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			prepare(b)
			b.finishes(hour, succeeded, "pm_new")
			require.Equal(t, workflows.SetupSaved, b.save(setupWith(createsCustomer)).State)
			require.Len(t, b.stripe.created, 1)
			require.Equal(t, []string{"create_customer:1"}, b.distinctKeys("create"))
		})
	}
}

// TestSetupCustomerDeletedMeanwhile: nothing can be attached; it waits for a person, and not for ever.
func TestSetupCustomerDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(hour-time.Minute, func() { b.stripe.edit(func() { b.stripe.customers["cus_1"].Deleted = true }) })
	b.finishes(hour, succeeded, "pm_new")
	b.expectSetup(27*day, workflows.SetupNeedsAttention, workflows.ReasonCustomerDeleted)
	require.Equal(t, workflows.SetupAbandoned, b.save(setupWith(attachesTo)).State)
	require.Equal(t, b.start.Add(28*day), b.env.Now().UTC())
}

// TestSetupOutageWhileKeeping: Stripe is away for hours just when the method is attached; one key, no second question.
func TestSetupOutageWhileKeeping(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(hour-time.Minute, 9*hour, "AttachPaymentMethod", activities.StripeUnknown)
	b.finishes(hour, succeeded, "pm_new")
	var pressed *reply[workflows.OpenCheckoutResponse]
	b.at(2*hour, func() { pressed = b.open() })
	require.Equal(t, workflows.SetupSaved, b.save(setupWith(attachesTo)).State)
	require.Equal(t, workflows.CheckoutPending, pressed.value.Answer)
	require.Equal(t, 20*time.Second, pressed.after)
	require.Equal(t, []string{"attach:1"}, b.distinctKeys("attach"))
	require.Less(t, len(b.keysOf("attach")), 100)
	require.Less(t, b.env.Now().Sub(b.start), 10*hour)
}
