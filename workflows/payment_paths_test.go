package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

func TestPaymentThatSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Empty(t, res.PaymentMethod, "the input says it")
	require.Equal(t, []string{"payment:inv-1:charge:1"}, b.stripe.keysSent())
	require.Empty(t, b.stripe.told(), "nobody is told of what went well, unless the input asks for it")
	require.Equal(t, map[string]string{
		"offsession_workflow_id": "payment:inv-1", "offsession_reference": "inv-1", "offsession_attempt": "1",
	}, b.stripe.sends[0].Metadata)
}

func TestPaymentWaitsUntilDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := paymentInput()
	in.Due = b.start.Add(72 * time.Hour)
	in.Events = workflows.EventsAll
	b.at(71*time.Hour, func() { require.Equal(t, workflows.PaymentScheduled, b.payment().State) })
	b.collect(in)
	require.Equal(t, in.Due, b.stripe.sends[0].At.UTC())
	require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentPaid}, b.stripe.told())
}

func TestSoftDeclinesAreRetriedOnTheSameIntent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("insufficient_funds"), declinedWith("insufficient_funds"), approved()}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:2", "payment:inv-1:charge:3"}, b.stripe.keysSent())
	require.Len(t, b.stripe.intents, 1, "every automatic attempt uses one PaymentIntent")
	require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentPaid}, b.stripe.told())
}

func TestHardDeclineThenCustomerPays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("lost_card")}
	var opened *reply[workflows.OpenCheckoutResponse]
	b.at(24*time.Hour, func() {
		require.Equal(t, workflows.PaymentAwaitingCustomer, b.payment().State)
		opened = b.open()
	})
	b.at(24*time.Hour+5*time.Minute, func() {
		require.Equal(t, workflows.CheckoutReady, opened.value.Answer)
		require.Equal(t, 1, b.stripe.openWays(), "the PaymentIntent was closed before the session was opened")
		b.stripe.pay("inv-1", activities.PaymentIntentSucceeded)
		b.signal("evt_1", "checkout.session.completed", opened.value.SessionID)
	})
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, "pm_buyer", res.PaymentMethod)
	require.Equal(t, []activities.NotificationKind{
		activities.NotifyPaymentMethodNeeded, activities.NotifyPaymentPaid, activities.NotifyPaymentRecovered,
	}, b.stripe.told())
	require.True(t, b.stripe.deliveries[0].Generic, "a lost card is not named to whoever reads the mail")
}

func TestCustomerNeverActs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{authRequired()}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentUncollectible, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1"}, b.stripe.keysSent(), "no attempt without the customer")
	require.Equal(t, activities.NotifyPaymentActionRequired, b.stripe.told()[0])
	require.Equal(t, activities.NotifyPaymentUncollectible, b.stripe.told()[len(b.stripe.told())-1])
}

func TestLostAnswerIsRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{lostAfter(approved())}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:1"}, b.stripe.keysSent())
}
