package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSetupSituations: in every state a press is answered, the Update and a Temporal cancellation request cancel, and left
// alone it ends: by itself, or after the deadline.
func TestSetupSituations(t *testing.T) {
	t.Parallel()
	for name, s := range situations() {
		for _, way := range []string{"cancel", "cancel by Temporal", "abandon"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				s.reach(b)
				b.expectSetup(reached, s.state, s.reason)
				var pressed *reply[workflows.OpenCheckoutResponse]
				var canceled *reply[workflows.OperationResponse]
				b.at(reached, func() { pressed = b.open() })
				if name != "not closed" {
					b.expectSetup(reached+time.Second, s.state, s.reason)
				}
				b.at(reached+time.Minute, func() {
					switch way {
					case "cancel":
						canceled = b.update(cancel, workflows.Operation{})
					case "cancel by Temporal":
						b.env.CancelWorkflow()
					}
				})
				b.mended(reached + 2*time.Minute)
				end := workflows.SetupCanceled
				if way == "abandon" && name != "not closed" {
					end = workflows.SetupAbandoned
				}
				if way == "abandon" && name == "not kept" {
					end = workflows.SetupSaved
				}
				res := b.save(s.input())
				require.Equal(t, s.answer, pressed.value.Answer)
				require.Equal(t, string(s.state), pressed.value.State)
				require.Equal(t, s.answer == workflows.CheckoutReady, pressed.value.SessionID != "")
				require.Equal(t, end, res.State)
				audit := b.setup().Audit
				switch way {
				case "cancel":
					require.Equal(t, "ops", audit[len(audit)-1].Actor)
					require.Equal(t, name == "not closed", canceled.value.Pending)
				case "cancel by Temporal":
					require.Equal(t, "temporal", audit[len(audit)-1].Actor)
				}
			})
		}
	}
}

// TestSetupThatCannotBeClosed: the end waits for it, and what is saved meanwhile wins.
func TestSetupThatCannotBeClosed(t *testing.T) {
	t.Parallel()
	for _, kind := range []activities.StripeErrorKind{activities.StripeUnauthorized, activities.StripeUnknown, activities.StripeStoredFault} {
		reason := workflows.ReasonStripeFaults
		if kind == activities.StripeUnauthorized {
			reason = workflows.ReasonUnauthorized
		}
		for _, saves := range []bool{false, true} {
			t.Run(fmt.Sprintf("cancel, %s, saves: %t", kind, saves), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.fails(hour-time.Minute, 3*hour, "ExpireCheckoutSession", kind)
				var canceled *reply[workflows.OperationResponse]
				b.at(hour, func() { canceled = b.update(cancel, workflows.Operation{}) })
				b.expectSetup(hour+12*time.Minute, workflows.SetupNeedsAttention, reason)
				var pressed *reply[workflows.OpenCheckoutResponse]
				b.at(hour+30*time.Minute, func() { pressed = b.open() })
				end := workflows.SetupCanceled
				if saves {
					end = workflows.SetupSaved
					b.at(2*hour, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
				}
				require.Equal(t, end, b.save(setupInput()).State)
				require.True(t, canceled.value.Pending)
				require.NotEqual(t, workflows.CheckoutReady, pressed.value.Answer, "what was asked to end does not open again")
				require.Len(t, b.stripe.opened, 1)
				require.Less(t, b.env.Now().Sub(b.start), 8*hour)
				require.Greater(t, len(b.distinctKeys("expire")), 1, "every try takes the next key")
			})
		}
		t.Run(fmt.Sprintf("deadline, %s", kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(14*day-hour, func() { b.open() })
			b.fails(14*day-time.Minute, 14*day+5*hour, "ExpireCheckoutSession", kind)
			b.expectSetup(14*day+hour, workflows.SetupNeedsAttention, reason)
			b.at(14*day+2*hour, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
			require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
		})
	}
	t.Run("a cancel restarts the polls", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.fails(0, 0, "AttachPaymentMethod", activities.StripeUnauthorized)
		b.finishes(hour, succeeded, "pm_new")
		b.fails(6*day, 0, "CheckoutSession", activities.StripeUnauthorized)
		b.at(6*day+time.Minute, func() { b.update(cancel, workflows.Operation{}) })
		b.mended(6*day + 2*time.Minute)
		b.expectSetup(6*day+10*time.Minute, workflows.SetupSaved, "")
		b.save(setupWith(attachesTo))
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.fails(0, 0, "ExpireCheckoutSession", activities.StripeUnauthorized)
		b.fails(hour, 0, "CheckoutSession", activities.StripeUnauthorized)
		b.at(2*hour, func() { b.update(cancel, workflows.Operation{}) })
		b.expectSetup(27*day, workflows.SetupNeedsAttention, workflows.ReasonUnauthorized)
		require.Equal(t, workflows.SetupCanceled, b.save(setupInput()).State)
		require.Equal(t, b.start.Add(28*day), b.env.Now().UTC(), "a workflow that never ends is worse")
	})
}

// TestSetupDeadlineFindsAVerification: what the customer finished in time is verified, also when no webhook told of it.
func TestSetupDeadlineFindsAVerification(t *testing.T) {
	t.Parallel()
	finish := map[string]func(b *bench){
		"processing": func(b *bench) {
			b.at(14*day-time.Second, func() { require.True(b, b.stripe.saves(setupProcessing, "pm_bank")) })
		},
		"microdeposits": func(b *bench) {
			b.at(14*day-time.Second, func() {
				require.True(b, b.stripe.saves(activities.SetupIntentRequiresAction, "pm_bank"))
				b.stripe.edit(func() {
					for _, si := range b.stripe.setups {
						si.NextAction = "verify_with_microdeposits"
					}
				})
			})
		},
	}
	for name, finish := range finish {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(14*day-hour, func() { b.open() })
			finish(b)
			b.expectSetup(20*day, workflows.SetupVerifying, "")
			b.settles(25*day, succeeded, activities.Codes{})
			require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
			require.Empty(t, b.keysOf("cancel"))
		})
		t.Run(name+", kept late", func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(14*day-hour, func() { b.open() })
			finish(b)
			b.settles(27*day+20*hour, succeeded, activities.Codes{})
			b.fails(27*day, 30*day, "SetDefaultPaymentMethod", activities.StripeUnauthorized)
			b.expectSetup(29*day, workflows.SetupNeedsAttention, workflows.ReasonUnauthorized)
			require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
		})
		t.Run(name+", never verified", func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(14*day-hour, func() { b.open() })
			finish(b)
			require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
			require.Equal(t, b.start.Add(28*day), b.env.Now().UTC())
			require.Equal(t, name == "microdeposits", len(b.keysOf("cancel")) == 1, "canceled where its status allows")
		})
		t.Run(name+", canceled", func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.at(14*day-hour, func() { b.open() })
			finish(b)
			b.at(20*day, func() { b.update(cancel, workflows.Operation{}) })
			require.Equal(t, workflows.SetupCanceled, b.save(setupInput()).State)
			require.Equal(t, name == "microdeposits", len(b.keysOf("cancel")) == 1)
		})
	}
	t.Run("a second one, after one that failed", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.finishes(hour, setupProcessing, "pm_bad")
		b.settles(10*day, activities.SetupIntentRequiresPaymentMethod, activities.Codes{Code: "debit_not_authorized"})
		b.at(14*day-hour, func() { b.open() })
		finish["microdeposits"](b)
		b.expectSetup(20*day, workflows.SetupVerifying, "")
		b.settles(25*day, succeeded, activities.Codes{})
		require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	})
	t.Run("a cancel does not wait for one that nobody told of", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(14*day-hour, func() { b.open() })
		finish["microdeposits"](b)
		b.at(14*day-time.Millisecond, func() { b.update(cancel, workflows.Operation{}) })
		require.Equal(t, workflows.SetupCanceled, b.save(setupInput()).State)
		require.Len(t, b.keysOf("cancel"), 1)
	})
	t.Run("what was saved in time is kept later", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(14*day-hour, func() { b.open() })
		b.at(14*day-time.Second, func() { require.True(t, b.stripe.saves(succeeded, "pm_new")) })
		b.fails(13*day, 15*day, "SetDefaultPaymentMethod", activities.StripeUnauthorized)
		b.expectSetup(14*day+hour, workflows.SetupNeedsAttention, workflows.ReasonUnauthorized)
		require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	})
	t.Run("Stripe cannot be asked when the 14 days are over", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.finishes(hour, setupProcessing, "pm_bank")
		b.fails(10*day, 15*day, "CheckoutSession", activities.StripeUnknown)
		b.settles(11*day, succeeded, activities.Codes{})
		b.expectSetup(14*day+2*hour, workflows.SetupNeedsAttention, workflows.ReasonStripeFaults)
		require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	})
}

// TestSetupPressAfterTheDeadline: a press that is answered only after the deadline opens nothing.
func TestSetupPressAfterTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(14*day-2*hour, func() { b.open() })
	b.at(14*day-10*time.Minute, func() {
		b.stripe.edit(func() { b.stripe.openSession().Status = activities.CheckoutExpired })
	})
	b.fails(14*day-6*time.Minute, 14*day+time.Minute, "CheckoutSession", activities.StripeUnknown)
	var pressed *reply[workflows.OpenCheckoutResponse]
	b.at(14*day-5*time.Minute, func() { pressed = b.open() })
	require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
	require.Equal(t, workflows.CheckoutPending, pressed.value.Answer)
	require.Len(t, b.stripe.opened, 2)
}
