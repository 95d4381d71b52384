package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestEventsAreHints: whatever happens to the webhooks, the end is the same.
func TestEventsAreHints(t *testing.T) {
	t.Parallel()
	type event struct {
		after time.Duration // the payment
		id    string
		typ   string
	}
	deliveries := map[string][]event{
		"none":      nil,
		"one":       {{time.Second, "evt_1", "checkout.session.completed"}},
		"twice":     {{time.Second, "evt_1", "checkout.session.completed"}, {time.Second, "evt_1", "checkout.session.completed"}, {hour, "evt_1", "checkout.session.completed"}},
		"shuffled":  {{time.Second, "evt_3", "checkout.session.completed"}, {2 * time.Second, "evt_2", "payment_intent.succeeded"}, {3 * time.Second, "evt_1", "payment_intent.created"}},
		"early":     {{-time.Minute, "evt_1", "checkout.session.completed"}},
		"late":      {{10 * hour, "evt_1", "checkout.session.completed"}},
		"unknown":   {{time.Second, "evt_1", "invoice.paid"}, {time.Second, "", ""}},
		"forged":    {{-time.Minute, "evt_1", "payment_intent.succeeded"}, {-time.Minute, "evt_2", "charge.refunded"}, {-time.Minute, "evt_3", "customer.deleted"}},
		"a hundred": nil,
	}
	for i := range 100 {
		deliveries["a hundred"] = append(deliveries["a hundred"], event{time.Second, fmt.Sprintf("evt_%d", i), "payment_intent.payment_failed"})
	}
	for name, events := range deliveries {
		for kind, status := range map[string]activities.PaymentIntentStatus{"card": activities.PaymentIntentSucceeded, "debit": activities.PaymentIntentProcessing} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.stripe.script = []answer{declinedWith("stolen_card")}
				paid := 24*hour + 10*time.Minute
				b.at(24*hour, func() { b.open() })
				b.at(paid, func() { b.stripe.pay("inv-1", status) })
				b.at(paid+5*24*hour, func() { b.stripe.bankAnswers(true) })
				for _, e := range events {
					b.at(paid+e.after, func() { b.signal(e.id, e.typ, "x_1") })
				}
				if kind == "card" && (name == "one" || name == "twice" || name == "shuffled" || name == "a hundred") {
					b.expect(paid+time.Minute, workflows.PaymentPaid, "")
				}
				res := b.collect(paymentInput())
				require.Equal(t, workflows.CollectPaymentResult{State: workflows.PaymentPaid, PaymentIntent: res.PaymentIntent, PaymentMethod: "pm_buyer", Attempts: 1}, res)
				require.Empty(t, b.stripe.refunds)
				if kind == "card" {
					require.Equal(t, []activities.NotificationKind{
						activities.NotifyPaymentMethodNeeded, activities.NotifyPaymentPaid, activities.NotifyPaymentRecovered,
					}, b.stripe.told())
				}
			})
		}
	}
}

// TestLostWebhookIsFoundByThePress: the customer comes back to the page before the poll.
func TestLostWebhookIsFoundByThePress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(24*hour, func() { b.open() })
	b.at(24*hour+7*time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
	var again *reply[workflows.OpenCheckoutResponse]
	b.at(24*hour+8*time.Minute, func() { again = b.open() })
	b.expect(24*hour+8*time.Minute+time.Second, workflows.PaymentPaid, "")
	b.collect(paymentInput())
	require.Equal(t, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutDone, State: "paid"}, again.value)
}

// TestPaidAtTheDashboard: a person takes the money by hand. The event tells at once, and without one the poll or the next
// attempt finds it.
func TestPaidAtTheDashboard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code  string
		event bool
		by    time.Duration
	}{
		"the customer was asked, poll":         {"stolen_card", false, 12 * hour},
		"the customer was asked, event":        {"stolen_card", true, hour + time.Second},
		"a retry is planned, the next attempt": {"insufficient_funds", false, 3 * day},
		"a retry is planned, event":            {"insufficient_funds", true, hour + time.Second},
	} {
		for _, status := range []activities.PaymentIntentStatus{activities.PaymentIntentSucceeded, activities.PaymentIntentProcessing} {
			t.Run(name+"/"+string(status), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.stripe.script = []answer{declinedWith(test.code)}
				b.at(hour, func() {
					b.stripe.edit(func() { b.stripe.intents["pi_1"].Status = status })
					if test.event {
						b.signal("evt_1", "payment_intent."+string(status), "pi_1")
					}
				})
				want := workflows.PaymentPaid
				if status == activities.PaymentIntentProcessing {
					want = workflows.PaymentProcessing
				}
				b.expect(test.by, want, "")
				b.at(4*day, func() { b.stripe.bankAnswers(true) })
				require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
			})
		}
	}
}

// TestMethodEvents: what a change of a card leads to.
func TestMethodEvents(t *testing.T) {
	t.Parallel()
	type change func(b *bench)
	update := func(id string) change {
		return func(b *bench) { b.stripe.edit(func() { b.stripe.methods[id].Stamp = "newer" }) }
	}
	none := func(*bench) {}
	tests := map[string]struct {
		input  func(*workflows.CollectPaymentInput)
		code   string
		change change
		typ    string
		object string
		delay  int
		// attempt is how long after the event the next attempt is made; zero is none within the hour.
		attempt time.Duration
		state   workflows.PaymentState
		rule    string
	}{
		"own method, updated by the network": {code: "stolen_card", change: update("pm_card"), typ: "payment_method.automatically_updated", object: "pm_card", attempt: time.Second, rule: "payment_method.changed"},
		"own method, updated":                {code: "insufficient_funds", change: update("pm_card"), typ: "payment_method.updated", object: "pm_card", attempt: time.Second, rule: "payment_method.changed"},
		"one of several payments":            {code: "stolen_card", change: update("pm_card"), typ: "payment_method.automatically_updated", object: "pm_card", delay: 30, attempt: 30 * time.Minute},
		"own method, but nothing changed":    {code: "stolen_card", change: none, typ: "payment_method.updated", object: "pm_card"},
		"foreign method":                     {code: "stolen_card", change: update("pm_card"), typ: "payment_method.automatically_updated", object: "pm_other"},
		"attached":                           {code: "stolen_card", change: update("pm_card"), typ: "payment_method.attached", object: "pm_card"},
		"customer default, but the input names a method": {
			code: "stolen_card", typ: "customer.updated", object: "cus_1",
			change: func(b *bench) {
				b.stripe.edit(func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" })
			},
		},
		"customer default changed": {
			input: func(in *workflows.CollectPaymentInput) { in.PaymentMethod = "" },
			code:  "stolen_card", typ: "customer.updated", object: "cus_1", attempt: time.Second,
			change: func(b *bench) {
				b.stripe.edit(func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" })
			},
		},
		"customer default as before": {
			input: func(in *workflows.CollectPaymentInput) { in.PaymentMethod = "" },
			code:  "stolen_card", typ: "customer.updated", object: "cus_1", change: none,
		},
		"detached while a retry is planned": {
			code: "insufficient_funds", typ: "payment_method.detached", object: "pm_card", state: workflows.PaymentAwaitingCustomer, rule: "payment_method.gone",
			change: func(b *bench) { b.stripe.edit(func() { b.stripe.methods["pm_card"].Customer = "" }) },
		},
		"customer deleted": {
			code: "insufficient_funds", typ: "customer.deleted", object: "cus_1", state: workflows.PaymentNeedsAttention,
			change: func(b *bench) { b.stripe.edit(func() { b.stripe.customers["cus_1"].Deleted = true }) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := paymentInput()
			if test.input != nil {
				test.input(&in)
			}
			b.stripe.script = []answer{declinedWith(test.code)}
			// Between two polls, so that only the event can tell.
			came := 30*time.Hour + time.Minute
			b.at(came-time.Second, func() { test.change(b) })
			b.at(came, func() {
				b.event(workflows.StripeEvent{ID: "evt_1", Type: test.typ, ObjectID: test.object, DelayMinutes: test.delay})
			})
			b.at(came+hour, func() {
				s := b.payment()
				switch {
				case test.attempt > 0:
					require.Len(t, b.stripe.sends, 2)
					require.WithinDuration(t, b.start.Add(came+test.attempt), b.stripe.sends[1].At, 2*time.Second)
				default:
					require.Len(t, b.stripe.sends, 1)
				}
				if test.state != "" {
					require.Equal(t, test.state, s.State)
				}
				if test.rule != "" {
					require.Equal(t, test.rule, s.Attempts[0].Rule)
				}
				if s.State == workflows.PaymentNeedsAttention {
					require.Equal(t, workflows.ReasonCustomerDeleted, s.Reason)
					b.update(cancel, workflows.Operation{})
				}
			})
			b.collect(in)
		})
	}
}

// TestMethodUpdatedWhileASessionIsOpen: nothing triggers while the customer can pay; it is looked at afterwards.
func TestMethodUpdatedWhileASessionIsOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(24*hour, func() { b.open() })
	b.at(24*hour+time.Minute, func() {
		b.stripe.edit(func() { b.stripe.methods["pm_card"].Stamp = "newer" })
		b.signal("evt_1", "payment_method.automatically_updated", "pm_card")
	})
	b.at(24*hour+30*time.Minute, func() { require.Len(t, b.stripe.sends, 1) })
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	require.Less(t, b.stripe.sends[1].At.Sub(b.start), 24*hour+40*time.Minute)
}

// TestMethodUpdatedWithoutWebhook: the poll while the customer is asked finds the new card.
func TestMethodUpdatedWithoutWebhook(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("stolen_card")}
	b.at(24*hour, func() { b.stripe.edit(func() { b.stripe.methods["pm_card"].Stamp = "newer" }) })
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
	require.Less(t, b.stripe.sends[1].At.Sub(b.start), 60*hour)
}

// TestRescheduledIsNotBroughtForward: an event triggers nothing before the time that an operator has set.
func TestRescheduledIsNotBroughtForward(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("insufficient_funds")}
	b.at(hour, func() {
		b.update(reschedule, workflows.Operation{Actor: "ops", Reason: "asked for", Due: b.start.Add(300 * hour)})
	})
	b.at(24*hour, func() {
		b.stripe.edit(func() { b.stripe.methods["pm_card"].Stamp = "newer" })
		b.signal("evt_1", "payment_method.automatically_updated", "pm_card")
	})
	b.collect(paymentInput())
	require.Equal(t, b.start.Add(300*hour), b.stripe.sends[1].At.UTC())
}

// TestCeiling: no more than the policy's attempts, whatever triggers them.
func TestCeiling(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 20 {
		b.stripe.script = append(b.stripe.script, declinedWith("stolen_card"))
	}
	for i := 1; i <= 10; i++ {
		b.at(time.Duration(i)*24*hour, func() {
			b.stripe.edit(func() { b.stripe.methods["pm_card"].Stamp = fmt.Sprint("newer", i) })
			b.signal(fmt.Sprint("evt_", i), "payment_method.automatically_updated", "pm_card")
		})
	}
	var refused *reply[workflows.OperationResponse]
	b.at(11*24*hour, func() {
		refused = b.update(changeMethod, workflows.Operation{Actor: "ops", Reason: "r", PaymentMethod: "pm_other"})
	})
	require.Equal(t, workflows.PaymentUncollectible, b.collect(paymentInput()).State)
	require.Len(t, b.stripe.sends, 8)
	require.ErrorContains(t, refused.refused(), "8 automatic attempts were made")
}
