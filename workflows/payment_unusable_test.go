package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestUnusableMethodIsTriedOnce: a method that is attached and can be read, but that Stripe will not charge, is never
// tried again by itself, whatever the polls and events see.
func TestUnusableMethodIsTriedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	unusable := answer{kind: activities.StripeMissing, param: "payment_method"}
	b.stripe.script = []answer{declinedWith("insufficient_funds"), unusable, unusable, unusable}
	b.at(time.Hour, func() { b.update(changeMethod, workflows.Operation{PaymentMethod: "pm_other"}) })
	for i := range 10 {
		b.at(2*time.Hour+time.Duration(i)*time.Hour, func() {
			b.signal("evt_"+string(rune('a'+i)), "payment_method.updated", "pm_other")
		})
	}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentUncollectible, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:2"}, b.stripe.keysSent())
}

// TestWriteOffOfWhichTheCustomerNeverHeard: the app is told, the customer is not.
func TestWriteOffOfWhichTheCustomerNeverHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := paymentInput()
	in.Due = b.start.Add(30 * 24 * time.Hour)
	b.at(24*time.Hour, func() { b.update(writeOff, workflows.Operation{}) })
	require.Equal(t, workflows.PaymentUncollectible, b.collect(in).State)
	require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentUncollectible}, b.stripe.told())
	require.True(t, b.stripe.deliveries[0].AppOnly)

	b = newBench(t)
	b.stripe.script = []answer{declinedWith("expired_card")}
	require.Equal(t, workflows.PaymentUncollectible, b.collect(paymentInput()).State)
	last := b.stripe.deliveries[len(b.stripe.deliveries)-1]
	require.Equal(t, activities.NotifyPaymentUncollectible, last.Kind)
	require.False(t, last.AppOnly, "the customer was asked, and hears the end")
}
