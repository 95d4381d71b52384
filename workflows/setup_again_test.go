package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSetupDetachedBeforeItBecameTheDefault: as if it had been detached at once.
func TestSetupDetachedBeforeItBecameTheDefault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.faults["SetDefaultPaymentMethod"] = []error{&activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method"}}
	b.finishes(hour, succeeded, "pm_bad")
	b.at(hour+30*time.Second, func() { b.stripe.edit(func() { b.stripe.methods["pm_bad"].Customer = "" }) })
	b.expectSetup(hour+2*time.Minute, workflows.SetupOpen, activities.CodePaymentMethodUnusable)
	b.finishes(2*hour, succeeded, "pm_new")
	require.Equal(t, "pm_new", b.save(setupInput()).PaymentMethod)
}

// TestSetupRefusedMethodOfACustomerMadeForIt: the next method goes to the same customer.
func TestSetupRefusedMethodOfACustomerMadeForIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.faults["AttachPaymentMethod"] = []error{&activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method"}}
	b.finishes(hour, succeeded, "pm_bad")
	b.expectSetup(hour+time.Minute, workflows.SetupOpen, activities.CodePaymentMethodUnusable)
	b.at(hour+time.Minute, func() { require.Equal(t, 1, b.openSessions(), "nobody has to press") })
	b.finishes(2*hour, succeeded, "pm_new")
	require.Equal(t, "pm_new", b.save(setupWith(createsCustomer)).PaymentMethod)
	require.Equal(t, 1, b.stripe.called("CreateCustomer"))
	require.Equal(t, []string{"attach:1", "attach:2"}, b.keysOf("attach"))
	require.Empty(t, b.setup().Reason, "what was saved at last has no reason")
}

// TestSetupAsksInVain: what fails after the deadline is not asked for again.
func TestSetupAsksInVain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(13*day, func() { b.open() })
	b.finishes(13*day+hour, setupProcessing, "pm_bank")
	b.settles(20*day, activities.SetupIntentRequiresPaymentMethod, activities.Codes{Code: "debit_not_authorized"})
	require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
	require.Len(t, b.stripe.opened, 2)
	require.Less(t, b.env.Now().Sub(b.start), 22*day)
}

// TestSetupSessionExpires: Stripe's sessions live a day; the customer's press opens the next, and only the press.
func TestSetupSessionExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var answers []*reply[workflows.OpenCheckoutResponse]
	press := func(at time.Duration) {
		b.at(at, func() { answers = append(answers, b.open()) })
	}
	press(0)
	press(24*hour - time.Minute)
	press(24*hour + time.Minute) // Nobody has told us yet that it is over.
	press(24*hour + 2*time.Minute)
	b.at(7*day, func() {
		require.Zero(t, b.openSessions())
		require.Empty(t, b.setup().Session)
		reads := b.stripe.called("CheckoutSession")
		b.at(9*day, func() {
			require.Equal(t, reads, b.stripe.called("CheckoutSession"), "what cannot change is not polled")
		})
	})
	press(10 * day)
	b.finishes(10*day+hour, succeeded, "pm_new")
	require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	var sessions []string
	for _, a := range answers {
		require.Equal(t, workflows.CheckoutReady, a.value.Answer)
		sessions = append(sessions, a.value.SessionID)
	}
	require.Equal(t, sessions[0], sessions[1])
	require.NotEqual(t, sessions[1], sessions[2])
	require.Equal(t, sessions[2], sessions[3])
	require.NotEqual(t, sessions[3], sessions[4])
	require.Equal(t, []string{"open_checkout:1", "open_checkout:2", "open_checkout:3"}, b.keysOf("open"))
}

// TestSetupSessionExpiredByHand: as by its clock.
func TestSetupSessionExpiredByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(hour, func() {
		b.stripe.edit(func() { b.stripe.openSession().Status = activities.CheckoutExpired })
		b.signal("evt_1", "checkout.session.expired", "cs_1")
	})
	b.at(2*hour, func() { require.Empty(t, b.setup().Session) })
	b.at(3*hour, func() { b.open() })
	b.finishes(4*hour, succeeded, "pm_new")
	require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
}
