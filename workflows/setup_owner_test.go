package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestSaveTellsItsOwner: every end is told once, and what Stripe holds names the owner.
func TestSaveTellsItsOwner(t *testing.T) {
	t.Parallel()
	owned := func(in *workflows.SavePaymentMethodInput) {
		in.Owner, in.Description, in.Notify = theOwner, "Gym membership", true
	}
	for name, test := range map[string]struct {
		before func(b *bench)
		end    workflows.SetupState
		method string
	}{
		"saved": {
			before: func(b *bench) { b.finishes(hour, succeeded, "pm_new") }, end: workflows.SetupSaved, method: "pm_new",
		},
		"saved in the second session, after a continue-as-new": {
			before: func(b *bench) {
				b.at(25*hour, func() { b.open() })
				b.continueAsNew(26 * hour)
				b.finishes(27*hour, succeeded, "pm_new")
			},
			end: workflows.SetupSaved, method: "pm_new",
		},
		"abandoned": {before: func(*bench) {}, end: workflows.SetupAbandoned},
		"canceled": {
			before: func(b *bench) { b.at(hour, func() { b.update(cancel, workflows.Operation{}) }) }, end: workflows.SetupCanceled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.before(b)
			require.Equal(t, test.end, b.save(setupWith(owned)).State)
			require.Equal(t, theOwner, b.setup().Owner)
			require.Equal(t, "Gym membership", b.setup().Description)
			require.NotEmpty(t, b.stripe.deliveries)
			for _, n := range b.stripe.deliveries {
				require.Equal(t, theOwner, n.Owner)
				require.Equal(t, "Gym membership", n.Description)
			}
			require.Equal(t, []activities.PaymentMethodSavedInput{
				{Owner: theOwner, Reference: "card-1", State: string(test.end), PaymentMethod: test.method},
			}, b.stripe.others.saved)
			for _, s := range b.stripe.opened {
				require.Equal(t, theOwner, s.Metadata[activities.MetadataOwner])
			}
		})
	}
}

// TestSaveWaitsForItsOwner: an owner that cannot be reached is told later; one that has ended is not; nobody is told when
// there is none.
func TestSaveWaitsForItsOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.others.failing = errors.New("unavailable")
	b.at(30*hour, func() { b.stripe.others.edit(func() { b.stripe.others.failing = nil }) })
	b.finishes(hour, succeeded, "pm_new")
	b.expectSetup(2*hour, workflows.SetupSaved, "")
	b.save(setupWith(func(in *workflows.SavePaymentMethodInput) { in.Owner = theOwner }))
	require.Len(t, b.stripe.others.saved, 1)
	require.LessOrEqual(t, b.stripe.others.toldAt[0].Sub(b.start), 31*hour)

	b = newBench(t)
	b.stripe.others.gone[theOwner] = true
	b.finishes(hour, succeeded, "pm_new")
	b.save(setupWith(func(in *workflows.SavePaymentMethodInput) { in.Owner = theOwner }))
	require.Equal(t, 1, b.stripe.others.calls)
	require.LessOrEqual(t, b.env.Now().Sub(b.start), hour+time.Minute)

	b = newBench(t)
	b.finishes(hour, succeeded, "pm_new")
	b.save(setupInput())
	require.Zero(t, b.stripe.others.calls)
	require.NotContains(t, b.stripe.opened[0].Metadata, activities.MetadataOwner)
}
