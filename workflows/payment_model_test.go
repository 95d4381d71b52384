package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// TestPaymentModel lets the world do what it likes for two months: banks, networks, customers, operators, webhooks and
// Temporal. Whatever that is, the money is taken at most once, one way to pay is open at most, no card is charged after
// a final no (the last two are watched by the fake Stripe at every request), nothing waits unseen, and in the end all is
// closed.
func TestPaymentModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(t)
		m := model{b: b, t: t}
		in := m.input()
		for range rapid.IntRange(0, 12).Draw(t, "answers") {
			b.stripe.script = append(b.stripe.script, m.answer("answer"))
		}
		if rapid.Bool().Draw(t, "handed over") {
			in = m.handOver(in)
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "outages") {
			m.outage(i)
		}
		for i := range rapid.IntRange(0, 25).Draw(t, "happenings") {
			b.at(m.when("at"), m.happening(i))
		}
		m.watch()
		m.heal()
		require.NoError(t, execute(b, workflows.TypeCollectPayment, in))
		m.end(in)
	})
}

// model draws what happens to one payment.
type model struct {
	b *bench
	t *rapid.T
}

const modelDays = 60

// longestOutage is how long one of Stripe's requests may be out of order.
var longestOutage = modelDays * day

func (m model) when(label string) time.Duration {
	switch rapid.IntRange(0, 2).Draw(m.t, label+" scale") {
	case 0:
		return time.Duration(rapid.IntRange(0, 3600).Draw(m.t, label)) * time.Second
	case 1:
		return time.Duration(rapid.IntRange(0, 3*24*60).Draw(m.t, label)) * time.Minute
	default:
		return time.Duration(rapid.IntRange(0, modelDays*24).Draw(m.t, label)) * time.Hour
	}
}

func (m model) input() workflows.CollectPaymentInput {
	in := paymentInput()
	if rapid.Bool().Draw(m.t, "due later") {
		in.Due = m.b.start.Add(m.when("due"))
	}
	if rapid.Bool().Draw(m.t, "customer default") {
		in.PaymentMethod = ""
	}
	switch rapid.IntRange(0, 2).Draw(m.t, "policy") {
	case 0:
		asksAtOnce(&in)
	case 1:
		in.Policy.Soft.After = []dunning.Duration{dunning.Exactly(time.Minute), dunning.Exactly(time.Hour)}
		in.Policy.MaxAttempts = rapid.IntRange(1, 8).Draw(m.t, "max attempts")
	}
	known := []activities.PaymentIntentStatus{
		activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation, activities.PaymentIntentProcessing,
		activities.PaymentIntentCanceled, activities.PaymentIntentSucceeded,
	}
	if rapid.IntRange(0, 3).Draw(m.t, "earlier life") == 0 {
		m.b.stripe.known(rapid.SampledFrom(known).Draw(m.t, "known"))
	}
	return in
}

// handOver lets an owner make the first attempt. One of its workers may go on sending that for some minutes, and the owner
// may be out of reach when the payment ends.
func (m model) handOver(in workflows.CollectPaymentInput) workflows.CollectPaymentInput {
	b := m.b
	in.Owner, in.Due = theOwner, time.Time{}
	lookBack := len(b.stripe.intents) > 0 || rapid.Bool().Draw(m.t, "owner looks back")
	frozen := func(c *activities.ChargeInput) { c.LookBack = lookBack }
	in = b.handOver(in, frozen)
	if one := in.AttemptOne; one.Outcome == activities.ChargeUnknown && !one.Adopted || one.PaymentIntent != "" {
		charge := ownersCharge(in)
		frozen(&charge)
		for i := range rapid.IntRange(0, 2).Draw(m.t, "owner still sends") {
			at := time.Duration(rapid.IntRange(0, 540).Draw(m.t, fmt.Sprint("send ", i))) * time.Second
			b.at(at, func() {
				m.carriedOutBy(charge.IdempotencyKey(), lastSend-at)
				_, _ = b.send(charge)
			})
		}
	}
	if rapid.IntRange(0, 3).Draw(m.t, "owner out of reach") == 0 {
		b.at(m.when("owner gone from"), func() { b.stripe.others.edit(func() { b.stripe.others.failing = errors.New("unavailable") }) })
		b.at((modelDays+10)*day, func() { b.stripe.others.edit(func() { b.stripe.others.failing = nil }) })
	}
	return in
}

// lastSend is when the last of what an owner has sent is carried out: a minute before the payment, which has waited for ten,
// believes what it finds. A worker that sent later, or a Stripe that took longer, could not be told from one that never will.
const lastSend = 9 * time.Minute

// carriedOutBy lets Stripe be late by no more than most with a request that is about to be sent for the first time.
func (m model) carriedOutBy(key string, most time.Duration) {
	f := m.b.stripe
	f.edit(func() {
		if _, sent := f.keys[key]; !sent && len(f.script) > 0 {
			f.script[0].delay = min(f.script[0].delay, most)
		}
	})
}

func (m model) answer(label string) answer {
	a := rapid.SampledFrom([]answer{
		approved(), bankDebit(), wantsAction(), authRequired(),
		declinedWith("insufficient_funds"), declinedWith("insufficient_funds"), declinedWith("do_not_honor"), declinedWith("stolen_card"), declinedWith("expired_card"),
		declinedWith("duplicate_transaction"),
		dropped(), failsWith(activities.StripeInvalid), failsWith(activities.StripeUnauthorized), failsWith(activities.StripeRefused), failsWith(activities.StripeRateLimited),
		{kind: activities.StripeMissing, param: "payment_method"}, storedFault(answer{}),
	}).Draw(m.t, label)
	if a.dropped || a.fault || a.kind != "" && a.kind != activities.StripeDeclined {
		return a
	}
	switch rapid.IntRange(0, 5).Draw(m.t, label+" comes back") {
	case 0:
		return lostAfter(a)
	case 1:
		return storedFault(a)
	case 2:
		return lateBy(time.Duration(rapid.IntRange(1, 540).Draw(m.t, label+" late"))*time.Second, a)
	default:
		return a
	}
}

// outage takes a part of Stripe away for some time.
func (m model) outage(i int) {
	method := rapid.SampledFrom([]string{
		"charge", "PaymentIntent", "PaymentIntentsByReference", "CancelPaymentIntent", "ExpireCheckoutSession", "CheckoutSession",
		"CheckoutSessionsByPaymentIntent", "CreateCheckoutSession", "Customer", "PaymentMethod", "RefundPaymentIntent",
	}).Draw(m.t, fmt.Sprint("outage ", i))
	kind := rapid.SampledFrom([]activities.StripeErrorKind{
		activities.StripeUnknown, activities.StripeUnauthorized, activities.StripeRateLimited, activities.StripeStoredFault,
	}).Draw(m.t, fmt.Sprint("outage kind ", i))
	from := m.when(fmt.Sprint("outage from ", i))
	m.b.at(from, func() { m.b.stripe.edit(func() { m.b.stripe.down[method] = stripeError(kind) }) })
	m.b.at(from+min(m.when(fmt.Sprint("outage for ", i)), longestOutage), func() { m.b.stripe.edit(func() { delete(m.b.stripe.down, method) }) })
}

// happening is something that the world does at one moment.
func (m model) happening(i int) func() {
	b, id := m.b, fmt.Sprint("evt_", i)
	kind := rapid.IntRange(0, 15).Draw(m.t, "happening")
	status := rapid.SampledFrom([]activities.PaymentIntentStatus{
		activities.PaymentIntentSucceeded, activities.PaymentIntentSucceeded, activities.PaymentIntentProcessing,
		activities.PaymentIntentRequiresAction, activities.PaymentIntentRequiresPaymentMethod,
	}).Draw(m.t, "paid as")
	op := workflows.Operation{
		Actor: "ops", Reason: "r", Due: b.start.Add(m.when("reschedule to")),
		PaymentMethod: rapid.SampledFrom([]string{"pm_card", "pm_other", "pm_alien", "pm_none"}).Draw(m.t, "change to"),
	}
	event := rapid.SampledFrom([]string{
		"payment_intent.succeeded", "payment_intent.payment_failed", "checkout.session.completed", "checkout.session.expired",
		"payment_method.automatically_updated", "payment_method.detached", "customer.updated", "charge.refunded", "invoice.paid",
	}).Draw(m.t, "event")
	answer := rapid.Bool().Draw(m.t, "bank says yes")
	return func() {
		switch kind {
		case 0, 1, 2:
			b.open()
		case 3, 4:
			b.stripe.pay("inv-1", status)
		case 5:
			b.update(retry, op)
		case 6:
			b.update(reschedule, op)
		case 7:
			b.update(changeMethod, op)
		case 8, 9:
			b.signal(id, event, "pm_card")
		case 10:
			b.stripe.bankAnswers(answer)
		case 11:
			b.stripe.edit(func() { b.stripe.methods["pm_card"].Stamp = id })
		case 12:
			b.stripe.edit(func() { b.stripe.customers["cus_1"].DefaultPaymentMethod = "pm_other" })
		case 13:
			m.atTheDashboard(status)
		case 14:
			b.env.SetContinueAsNewSuggested(true)
			b.signal(id, "invoice.created", "in_1")
		default:
			b.update([]string{cancel, writeOff}[i%2], op)
		}
	}
}

// atTheDashboard lets a person cancel or take a PaymentIntent by hand.
func (m model) atTheDashboard(status activities.PaymentIntentStatus) {
	m.b.stripe.edit(func() {
		for _, id := range m.b.stripe.order {
			pi := m.b.stripe.intents[id]
			if pi.Status != activities.PaymentIntentRequiresPaymentMethod || m.b.stripe.owner(id) != nil {
				continue
			}
			if status != activities.PaymentIntentSucceeded {
				pi.Status = activities.PaymentIntentCanceled
				continue
			}
			pi.Status, pi.LatestCharge, pi.ChargedAt = status, m.b.stripe.id("ch"), m.b.stripe.now()
			return
		}
	})
}

// watch looks at the payment every day: while it is open, somebody or something comes back to it.
func (m model) watch() {
	for d := range modelDays + 40 {
		m.b.at(time.Duration(d)*day+77*time.Minute, func() {
			s := m.b.payment()
			if s.State.Ended() || s.State == workflows.PaymentCharging {
				return
			}
			if s.State == workflows.PaymentNeedsAttention {
				require.NotEmpty(m.t, s.Reason)
				return
			}
			// What is due now may be waiting for Stripe.
			require.True(m.t, s.NextActionAt.After(m.b.env.Now().Add(-6*time.Hour)), "%s waits for %s", s.State, s.NextActionAt)
			// Reads that fail for months can keep a session's end from being seen.
			require.True(m.t, d > 30 || s.LinkExpires.After(m.b.env.Now()), "%s", s.LinkExpires)
		})
	}
}

// heal ends every fault, and lets an operator end what is still open.
func (m model) heal() {
	b := m.b
	for d := range 4 {
		at := time.Duration(modelDays+30+2*d) * day
		b.at(at, func() {
			b.stripe.edit(func() { clear(b.stripe.down); b.stripe.script = nil })
			b.stripe.bankAnswers(false)
		})
		b.at(at+day, func() { b.update(cancel, workflows.Operation{}) })
	}
}

func (m model) end(in workflows.CollectPaymentInput) {
	b, s := m.b, m.b.payment()
	m.t.Logf("%+v\n%s", s, b.stripe.describe())
	require.True(m.t, s.State.Ended(), "%s %s", s.State, s.Reason)
	if len(b.stripe.sends)+len(b.stripe.opened) > 0 {
		// A payment that ended before it ever asked Stripe for something knows nothing of an earlier life.
		require.Zero(m.t, b.stripe.openWays(), "nothing can be paid after the end")
	}
	require.Less(m.t, b.env.Now().Sub(b.start), time.Duration(modelDays+40)*day)
	// An outage of months costs a call every few minutes.
	require.Less(m.t, len(b.stripe.calls)+len(b.stripe.sends), 100_000, "no busy loop")
	switch {
	case s.State == workflows.PaymentPaid:
		require.Equal(m.t, in.Amount, b.stripe.taken())
	case len(b.stripe.sends)+len(b.stripe.opened) > 0:
		require.Zero(m.t, b.stripe.taken())
	}
	m.requireTold(in, s)
	reached := 0
	for _, a := range s.Attempts {
		if (a.Outcome == activities.ChargeDeclined || a.Outcome == activities.ChargeNeedsCustomer) && a.Code != activities.CodeNoPaymentMethod && a.Code != activities.CodePaymentMethodUnusable {
			reached++
		}
	}
	require.LessOrEqual(m.t, reached, in.Policy.MaxAttempts)
	b.requireNoSecrets()
}

// requireTold: the owner heard the end, once, unless it was out of reach for more than a week.
func (m model) requireTold(in workflows.CollectPaymentInput, s workflows.PaymentStatus) {
	others := m.b.stripe.others
	if in.Owner == "" {
		require.Zero(m.t, others.calls)
		return
	}
	if len(others.ended) == 0 && others.calls > 1 {
		return
	}
	require.Len(m.t, others.ended, 1)
	told := others.ended[0]
	require.Equal(m.t, string(s.State), told.State)
	require.Equal(m.t, in.Reference, told.Reference)
	require.Equal(m.t, s.State == workflows.PaymentPaid, told.PaymentIntent != "")
}
