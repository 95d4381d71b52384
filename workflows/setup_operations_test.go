package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSetupCancel in every state, as Update and as Temporal cancellation.
func TestSetupCancel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(b *bench)
		state  workflows.SetupState
		end    workflows.SetupState
	}{
		"a session is open": {before: func(*bench) {}, state: workflows.SetupOpen, end: workflows.SetupCanceled},
		"no session is open": {before: func(b *bench) {
			b.at(10*time.Minute, func() { b.stripe.edit(func() { b.stripe.openSession().ExpiresAt = b.start }) })
		}, state: workflows.SetupOpen, end: workflows.SetupCanceled},
		"verifying": {before: func(b *bench) {
			b.at(10*time.Minute, func() { b.stripe.saves(activities.SetupIntentProcessing, "pm_new") })
		}, state: workflows.SetupVerifying, end: workflows.SetupCanceled},
		"saved, not noticed": {before: func(b *bench) {
			b.at(hour-time.Second, func() { b.stripe.saves(succeeded, "pm_new") })
		}, state: workflows.SetupOpen, end: workflows.SetupSaved},
		"needs_attention": {before: func(b *bench) { b.stripe.down["CreateCheckoutSession"] = stripeError(activities.StripeUnauthorized) }, state: workflows.SetupNeedsAttention, end: workflows.SetupCanceled},
		"saved, cannot be kept": {before: func(b *bench) {
			b.at(10*time.Minute, func() { b.stripe.saves(succeeded, "pm_new") })
			b.stripe.down["SetDefaultPaymentMethod"] = stripeError(activities.StripeUnauthorized)
		}, state: workflows.SetupNeedsAttention, end: workflows.SetupCanceled},
	} {
		for _, temporal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/by Temporal: %t", name, temporal), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				test.before(b)
				at := hour + 30*time.Minute
				if test.end == workflows.SetupSaved {
					at = hour
				}
				b.at(at, func() {
					require.Equal(t, test.state, b.setup().State)
					if temporal {
						b.env.CancelWorkflow()
						return
					}
					b.update(cancel, workflows.Operation{})
				})
				require.Equal(t, test.end, b.save(setupInput()).State)
				require.Less(t, b.env.Now().Sub(b.start), 3*hour)
				require.Nil(t, b.stripe.openSession())
				require.Len(t, b.setup().Audit, 1)
			})
		}
	}
}

// TestSetupNeedsAttention and recovers by itself when the mistake is mended.
func TestSetupNeedsAttention(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		press  bool
	}{
		"opening, by the poll":           {method: "CreateCheckoutSession"},
		"opening, by the press":          {method: "CreateCheckoutSession", press: true},
		"making the customer, by poll":   {method: "CreateCustomer"},
		"attaching, by the poll":         {method: "AttachPaymentMethod"},
		"attaching, by the press":        {method: "AttachPaymentMethod", press: true},
		"making it the default, by poll": {method: "SetDefaultPaymentMethod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := setupInput()
			in.Customer, in.CreateCustomer = "", true
			b.stripe.down[test.method] = stripeError(activities.StripeUnauthorized)
			b.at(10*time.Minute, func() { b.stripe.saves(succeeded, "pm_new") })
			b.expectSetup(3*hour, workflows.SetupNeedsAttention, workflows.ReasonUnauthorized)
			b.at(3*hour, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
			if test.press {
				b.at(3*hour+time.Second, func() { b.open() })
			}
			b.at(20*hour, func() {
				b.stripe.saves(succeeded, "pm_new")
				b.signal("evt_1", "checkout.session.completed", "cs_1")
				require.Empty(t, b.setup().Reason)
			})
			require.Equal(t, workflows.SetupSaved, b.save(in).State)
			require.Less(t, len(b.stripe.customers), 3, "one customer is made")
		})
	}
}

// TestSetupContinueAsNew: in every state a new run goes on as the old one would have.
func TestSetupContinueAsNew(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(b *bench) workflows.SavePaymentMethodInput{
		"abandoned, with reminders": func(*bench) workflows.SavePaymentMethodInput {
			in := setupInput()
			in.Notify = true
			return in
		},
		"reopened and saved": func(b *bench) workflows.SavePaymentMethodInput {
			b.at(5*day, func() { b.open() })
			b.at(5*day+time.Minute, func() { b.stripe.saves(succeeded, "pm_new") })
			return setupInput()
		},
		"verified": func(b *bench) workflows.SavePaymentMethodInput {
			b.at(2*hour+time.Minute, func() { b.stripe.saves(activities.SetupIntentProcessing, "pm_new") })
			b.at(9*day, func() { b.stripe.edit(func() { b.stripe.setups["seti_2"].Status = succeeded }) })
			return setupInput()
		},
		"needs attention for days": func(b *bench) workflows.SavePaymentMethodInput {
			b.stripe.down["SetDefaultPaymentMethod"] = stripeError(activities.StripeUnauthorized)
			b.at(hour, func() { b.stripe.saves(succeeded, "pm_new") })
			b.at(4*day, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
			return setupInput()
		},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := func(b *bench) string {
				b.stripe.told()
				s := b.setup()
				return fmt.Sprintf("%s %+v %v %v", b.env.Now(), s, b.stripe.delivered, b.stripe.calls)
			}
			once := newBench(t)
			once.save(s(once))
			again := newBench(t)
			in := s(again)
			for _, at := range []time.Duration{time.Minute, 3 * hour, 30 * hour, 3 * day, 5*day + 2*hour, 8 * day, 12 * day} {
				// Nobody's event makes a setup read its session; the query wakes nothing, so the suggestion waits for a timer.
				again.at(at, func() { again.env.SetContinueAsNewSuggested(true) })
			}
			again.save(in)
			require.Greater(t, again.runs, 1)
			require.Equal(t, trace(once), trace(again))
			require.Less(t, again.carried, 4<<10)
		})
	}
}

// TestSetupMessagesNeverHoldItUp.
func TestSetupMessagesNeverHoldItUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.notifyFail = errors.New("down")
	in := setupInput()
	in.Notify = true
	b.at(10*time.Minute, func() { b.stripe.saves(succeeded, "pm_new") })
	b.expectSetup(2*hour, workflows.SetupSaved, "")
	b.save(in)
	require.Equal(t, []string{"save-payment-method:card-1:setup_link:link"}, b.setup().Undelivered)
}
