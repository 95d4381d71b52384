package workflows_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSetupHints: webhooks only make it look earlier. Lost, doubled, shuffled, unknown or early, the end is the same.
func TestSetupHints(t *testing.T) {
	t.Parallel()
	type event struct{ id, typ string }
	known := []event{
		{"evt_1", "payment_method.attached"}, {"evt_2", "setup_intent.succeeded"}, {"evt_3", "checkout.session.completed"},
		{"evt_4", "setup_intent.requires_action"}, {"evt_5", "checkout.session.expired"}, {"evt_6", "customer.deleted"},
		{"evt_7", "some.thing_new"}, {"", "setup_intent.setup_failed"},
	}
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := rand.New(rand.NewPCG(seed, 17))
			for range r.IntN(30) {
				e := known[r.IntN(len(known))]
				b.at(time.Duration(r.Int64N(int64(20*hour))), func() { b.signal(e.id, e.typ, "obj_1") })
			}
			b.at(9*hour, func() { require.True(t, b.stripe.saves(setupProcessing, "pm_new")) })
			b.settles(15*hour, succeeded, activities.Codes{})
			res := b.save(setupWith(attachesTo))
			require.Equal(t, workflows.SetupSaved, res.State)
			require.Equal(t, "pm_new", res.PaymentMethod)
			require.Len(t, b.stripe.opened, 1)
			require.Equal(t, 1, b.stripe.called("AttachPaymentMethod"))
			require.Equal(t, 1, b.stripe.called("SetDefaultPaymentMethod"))
		})
	}
}

// TestSetupDuplicateEventsAreNotFollowed: a delivery that was seen makes no call.
func TestSetupDuplicateEventsAreNotFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 10 {
		b.at(10*time.Second+time.Duration(i)*time.Second, func() { b.signal("evt_1", "setup_intent.created", "seti_1") })
	}
	b.at(50*time.Second, func() { require.Equal(t, 1, b.stripe.called("CheckoutSession")) })
	b.finishes(hour, succeeded, "pm_new")
	b.save(setupInput())
}

// TestSetupWithoutWebhooks: the poll finds what has happened, and a press finds it at once.
func TestSetupWithoutWebhooks(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{30 * time.Second, 10 * time.Minute, 5 * hour, 23 * hour} {
		t.Run("poll, "+at.String(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(at, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
			require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
			require.LessOrEqual(t, b.env.Now().Sub(b.start), 3*at+2*time.Minute)
		})
		t.Run("press, "+at.String(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(at, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
			var pressed *reply[workflows.OpenCheckoutResponse]
			b.at(at+time.Second, func() { pressed = b.open() })
			require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
			require.Equal(t, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutDone, State: "saved"}, pressed.value)
			require.Less(t, b.env.Now().Sub(b.start), at+10*time.Second)
		})
	}
	t.Run("the polls become rare", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(22*hour, func() { require.LessOrEqual(t, b.stripe.called("CheckoutSession"), 7) })
		require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
		require.LessOrEqual(t, b.stripe.called("CheckoutSession"), 9, "a session that is over is not polled")
	})
	t.Run("a press restarts the polls", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(14*hour, func() { b.open() })
		b.at(14*hour+2*time.Minute, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
		b.save(setupInput())
		require.Less(t, b.env.Now().Sub(b.start), 14*hour+10*time.Minute)
	})
}

// TestSetupEventWhileItIsWorking: what is reported while Stripe is being asked is looked at afterwards.
func TestSetupEventWhileItIsWorking(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(10*time.Minute, 15*time.Minute, "CheckoutSession", activities.StripeUnknown)
	b.at(11*time.Minute, func() { b.signal("evt_0", "setup_intent.created", "seti_1") })
	b.finishes(12*time.Minute, succeeded, "pm_new")
	b.expectSetup(17*time.Minute, workflows.SetupSaved, "")
	require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
}

// TestSetupEventsAtTheEnd: an event that comes while the last message is on its way holds nothing up.
func TestSetupEventsAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.notifyFail = errDown
	b.finishes(hour, succeeded, "pm_new")
	b.at(2*hour, func() { b.signal("evt_9", "payment_method.attached", "pm_new") })
	var pressed *reply[workflows.OpenCheckoutResponse]
	var canceled *reply[workflows.OperationResponse]
	b.at(2*hour, func() { pressed = b.open() })
	b.at(3*hour, func() { canceled = b.update(cancel, workflows.Operation{}) })
	b.at(4*hour, func() { b.stripe.edit(func() { b.stripe.notifyFail = nil }) })
	res := b.save(setupWith(func(in *workflows.SavePaymentMethodInput) { in.Events = workflows.EventsAll }))
	require.Equal(t, workflows.SetupSaved, res.State)
	require.Equal(t, workflows.CheckoutDone, pressed.value.Answer)
	require.Equal(t, workflows.OperationResponse{State: "saved"}, canceled.value)
	require.Equal(t, []activities.NotificationKind{activities.NotifyCardSaved}, b.stripe.told())
	require.Less(t, b.env.Now().Sub(b.start), 5*hour)
}
