package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// setupTrace is what the world has seen of a setup.
func (b *bench) setupTrace() []string {
	seen := []string{b.env.Now().UTC().String()}
	for _, w := range b.stripe.writes {
		seen = append(seen, fmt.Sprint(w.At.UTC(), w.Op, w.Key, w.What))
	}
	for i, n := range b.stripe.deliveries {
		seen = append(seen, fmt.Sprint(b.stripe.delivered[i].UTC(), n.ID, n.Deadline, n.LinkExpires))
	}
	seen = append(seen, b.stripe.calls...)
	return append(seen, fmt.Sprintf("%+v", b.setup()))
}

// TestSetupContinueAsNewInEverySituation: the next run goes on as the old one would have, to the same end.
func TestSetupContinueAsNewInEverySituation(t *testing.T) {
	t.Parallel()
	after := map[string]func(b *bench){
		"left alone": func(*bench) {},
		"canceled":   func(b *bench) { b.at(6*day, func() { b.update(cancel, workflows.Operation{}) }) },
		"mended, pressed and saved": func(b *bench) {
			b.mended(5 * day)
			b.at(6*day, func() { b.open() })
			b.at(6*day+time.Minute, func() { b.stripe.saves(succeeded, "pm_other") })
		},
		"mended and verified": func(b *bench) {
			b.mended(5 * day)
			b.settles(7*day, succeeded, activities.Codes{})
		},
	}
	for name, s := range situations() {
		for then, act := range after {
			t.Run(name+"/"+then, func(t *testing.T) {
				t.Parallel()
				run := func(suggested bool) *bench {
					b := newBench(t)
					s.reach(b)
					b.expectSetup(reached, s.state, s.reason)
					act(b)
					if name == "not closed" {
						b.mended(20 * day)
					}
					for _, at := range []time.Duration{30 * time.Minute, reached, reached + time.Minute, 4 * day, 6*day + 30*time.Second, 8 * day, 15 * day} {
						b.at(at, func() {
							b.env.SetContinueAsNewSuggested(suggested)
							b.signal("evt_"+at.String(), "invoice.created", "in_1")
						})
					}
					in := s.input()
					notifies(&in)
					b.save(in)
					return b
				}
				once, again := run(false), run(true)
				require.Equal(t, 1, once.runs)
				require.GreaterOrEqual(t, again.runs, 4)
				require.Equal(t, once.setupTrace(), again.setupTrace())
				require.Less(t, again.carried, 4<<10)
			})
		}
	}
}

// TestSetupContinueAsNewKeepsWhatIsWaiting: what comes with the suggestion is followed, by this run or the next.
func TestSetupContinueAsNewKeepsWhatIsWaiting(t *testing.T) {
	t.Parallel()
	t.Run("an event", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(7*hour, func() {
			require.True(t, b.stripe.saves(succeeded, "pm_new"))
			b.env.SetContinueAsNewSuggested(true)
			b.signal("evt_1", "checkout.session.completed", "cs_1")
		})
		b.expectSetup(7*hour+time.Second, workflows.SetupSaved, "")
		b.save(setupInput())
	})
	t.Run("a Temporal cancellation request", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(7*hour, func() {
			b.env.SetContinueAsNewSuggested(true)
			b.env.CancelWorkflow()
		})
		require.Equal(t, workflows.SetupCanceled, b.save(setupInput()).State)
		require.Equal(t, "temporal", b.setup().Audit[0].Actor)
	})
	t.Run("a press", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		var pressed *reply[workflows.OpenCheckoutResponse]
		b.at(30*hour, func() {
			b.env.SetContinueAsNewSuggested(true)
			pressed = b.open()
		})
		b.finishes(31*hour, succeeded, "pm_new")
		res := b.save(setupInput())
		require.Equal(t, 2, b.runs)
		require.Equal(t, "v1", res.ConsentVersion, "carried over")
		require.Equal(t, workflows.CheckoutReady, pressed.value.Answer)
	})
	t.Run("a message on its way", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.notifyFail = errDown
		b.at(hour, func() { b.env.SetContinueAsNewSuggested(true) })
		b.at(3*hour, func() { require.Equal(t, 1, b.runs) })
		b.at(5*hour, func() { b.stripe.edit(func() { b.stripe.notifyFail = nil }) })
		b.at(40*hour, func() { b.signal("evt_1", "invoice.created", "in_1") })
		b.at(41*hour, func() { require.Equal(t, 2, b.runs) })
		b.save(setupWith(notifies))
		require.Equal(t, activities.NotifySetupLink, b.stripe.told()[0])
		require.Len(t, b.stripe.told(), 3, "the link is sent once, and two reminders")
	})
}

// TestSetupCarriedStateIsBounded: however much happens, what is handed over stays small.
func TestSetupCarriedStateIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 150 {
		at := time.Duration(i)*2*hour + time.Minute
		b.at(at, func() {
			b.open()
			for k := range 3 {
				b.signal(fmt.Sprintf("evt_%d_%d_as_long_as_stripes", i, k), "customer.updated", "cus_1")
			}
		})
	}
	b.continueAsNew(13 * day)
	require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
	require.Equal(t, 2, b.runs)
	require.Greater(t, b.carried, 1<<10)
	require.Less(t, b.carried, 4<<10)
}

// TestSetupCanceledBeforeItBegins: the request comes with the first task.
func TestSetupCanceledBeforeItBegins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(0, func() { b.env.CancelWorkflow() })
	require.Equal(t, workflows.SetupCanceled, b.save(setupInput()).State)
	require.Less(t, b.env.Now().Sub(b.start), time.Minute)
}

// TestSetupCancelAbandonsNoWrite: a cancellation request during a write lets it come through.
func TestSetupCancelAbandonsNoWrite(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(hour-time.Minute, 2*hour, "AttachPaymentMethod", activities.StripeUnknown)
	b.finishes(hour, succeeded, "pm_new")
	b.at(hour+30*time.Minute, func() { b.env.CancelWorkflow() })
	require.Equal(t, workflows.SetupSaved, b.save(setupWith(attachesTo)).State, "saved wins")
	require.Equal(t, []string{"attach:1"}, b.distinctKeys("attach"))
}
