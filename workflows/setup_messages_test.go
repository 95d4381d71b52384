package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// messages are the ids of the messages, without the workflow's, and when they went out.
func (b *bench) messages() map[string]time.Duration {
	all := map[string]time.Duration{}
	for i, n := range b.stripe.deliveries {
		id := n.ID[len(setupID)+1:]
		require.NotContains(b, all, id, "a message is delivered once")
		all[id] = b.stripe.delivered[i].Sub(b.start).Round(time.Second)
	}
	return all
}

// TestSetupReminders: the link, the reminders, then the end; nothing for a setup that does not notify.
func TestSetupReminders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*workflows.SavePaymentMethodInput)
		act    func(b *bench)
		want   map[string]time.Duration
	}{
		"never comes": {
			change: notifies, act: func(*bench) {},
			want: map[string]time.Duration{"setup_link:link": 0, "setup_reminder:1": 2 * day, "setup_reminder:2": 7 * day},
		},
		"nobody is told": {change: func(*workflows.SavePaymentMethodInput) {}, act: func(*bench) {}, want: map[string]time.Duration{}},
		"saved between":  {change: notifies, act: func(b *bench) { b.at(3*day, func() { b.open() }); b.finishes(3*day+hour, succeeded, "pm_new") }, want: map[string]time.Duration{"setup_link:link": 0, "setup_reminder:1": 2 * day}},
		"being verified, then asked again": {
			change: notifies,
			act: func(b *bench) {
				b.finishes(hour, setupProcessing, "pm_bank")
				b.settles(8*day, activities.SetupIntentRequiresPaymentMethod, activities.Codes{Code: "x"})
				b.at(8*day+time.Second, func() { b.signal("evt_f", "setup_intent.setup_failed", "seti_1") })
			},
			// One stands for both that were not sent meanwhile.
			want: map[string]time.Duration{"setup_link:link": 0, "setup_reminder:2": 8*day + time.Second},
		},
		"needs attention": {
			change: notifies,
			act:    func(b *bench) { b.fails(0, 0, "CreateCheckoutSession", activities.StripeUnauthorized) },
			want:   map[string]time.Duration{"setup_link:link": 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.act(b)
			b.save(setupWith(test.change))
			require.Equal(t, test.want, b.messages())
			for _, n := range b.stripe.deliveries {
				require.True(t, n.Link)
				require.Equal(t, b.start.Add(14*day), n.Deadline)
				require.Equal(t, b.start.Add(44*day), n.LinkExpires, "30 days past the deadline")
				require.Equal(t, "cus_1", n.Customer)
				require.Equal(t, "Europe/Berlin", n.TimeZone)
			}
		})
	}
}

// TestSetupUndeliveredMessages: a receiver that is down for a day delays nothing, and is recorded; one that comes back
// within the day gets its message once.
func TestSetupUndeliveredMessages(t *testing.T) {
	t.Parallel()
	t.Run("down for days", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.notifyFail = errDown
		b.at(2*hour, func() { require.NotEmpty(t, b.setup().Session); require.Empty(t, b.setup().Undelivered) })
		b.at(30*hour, func() { require.Equal(t, []string{setupID + ":setup_link:link"}, b.setup().Undelivered) })
		b.expectSetup(14*day+time.Minute, workflows.SetupAbandoned, "")
		b.save(setupWith(notifies))
		require.Equal(t, []string{setupID + ":setup_link:link", setupID + ":setup_reminder:1", setupID + ":setup_reminder:2"}, b.setup().Undelivered)
		require.Less(t, b.stripe.tries, 250)
	})
	t.Run("card_saved", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.notifyFail = errDown
		b.finishes(hour, succeeded, "pm_new")
		b.at(hour+time.Second, func() {
			require.Equal(t, workflows.SetupSaved, b.setup().State)
			require.Equal(t, "pm_new", b.setup().PaymentMethod)
		})
		b.save(setupWith(func(in *workflows.SavePaymentMethodInput) { in.Events = workflows.EventsAll }))
		require.Equal(t, []string{setupID + ":card_saved:saved"}, b.setup().Undelivered)
		require.InDelta(t, 25, b.env.Now().Sub(b.start).Hours(), 1)
	})
	t.Run("back within the day", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.notifyFail = errDown
		b.at(20*hour, func() { b.stripe.edit(func() { b.stripe.notifyFail = nil }) })
		b.save(setupWith(notifies))
		require.Len(t, b.messages(), 3)
		require.Empty(t, b.setup().Undelivered)
	})
	t.Run("nobody to tell", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.stripe.notifyFail = &activities.UndeliverableError{Reason: "no_email"}
		b.save(setupWith(notifies))
		require.Equal(t, 3, b.stripe.tries, "a final no is not repeated")
		require.Len(t, b.setup().Undelivered, 3)
	})
}

// TestSetupSearchAttributes: one upsert per change of state, however often Stripe is asked between.
func TestSetupSearchAttributes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var written []map[string]any
	b.env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		set := map[string]any{}
		for key, value := range args.Get(0).(temporal.SearchAttributes).GetUntypedValues() {
			set[key.GetName()] = value
		}
		written = append(written, set)
	}).Return(nil)
	in := setupWith(createsCustomer)
	require.NoError(t, b.env.SetTypedSearchAttributesOnStart(in.StartSearchAttributes()))
	b.fails(hour, 2*day, "CreateCheckoutSession", activities.StripeUnauthorized)
	b.at(30*hour, func() { b.open() })
	b.at(50*hour, func() { b.open() })
	b.finishes(51*hour, setupProcessing, "pm_bank")
	b.settles(6*day, succeeded, activities.Codes{})
	require.Equal(t, workflows.SetupSaved, b.save(in).State)
	deadline := b.start.Add(14 * day)
	require.Equal(t, []map[string]any{
		{"OffsessionNextActionAt": deadline}, // The rest was set at the start.
		{"OffsessionState": "needs_attention"},
		{"OffsessionState": "open"},
		{"OffsessionState": "verifying", "OffsessionNextActionAt": b.start.Add(51*hour + 14*day)},
		{"OffsessionState": "saved", "OffsessionCustomer": "cus_new_5"},
	}, written)
}

// TestSetupStatusSaysWhatIsNext for operators and for the page.
func TestSetupStatusSaysWhatIsNext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.at(30*time.Second, func() {
		s := b.setup()
		require.Equal(t, b.start.Add(workflows.PollDelay(0, "card-1")), s.NextActionAt)
		require.Equal(t, b.start.Add(14*day), s.Deadline)
		require.Equal(t, b.start.Add(44*day), s.LinkExpires)
		require.Equal(t, "cs_1", s.Session)
		require.Equal(t, "usd", s.Currency)
	})
	b.at(3*day, func() { b.signal("evt_1", "customer.updated", "cus_1") })
	b.at(4*day, func() {
		require.Equal(t, b.start.Add(7*day), b.setup().NextActionAt, "the next reminder")
		require.Empty(t, b.setup().Session)
	})
	b.save(setupWith(notifies))
}
