package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// TestSubscriptionModel lets the world do what it likes with a subscription for some weeks: its customer, banks, the app and people
// at Stripe's dashboard, Stripe's billing, webhooks true, forged, twice or lost, lost answers, crashes and outages. Whatever that
// is, the judge finds that the watch ends as the subscription does, that nothing is left open, nobody is told what is not so, and
// nothing is forgotten.
func TestSubscriptionModel(t *testing.T) {
	t.Parallel()
	for i := range subscriptionRounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				m := newSubscriptionModel(t)
				for i := range rapid.IntRange(0, 3).Draw(t, "outages") {
					m.outage(i)
				}
				for i := range rapid.IntRange(0, 30).Draw(t, "happenings") {
					// Never at the very moment of a reminder: either order would be right.
					m.at(m.when("at")+time.Duration(i+1)*time.Millisecond, m.happening(i))
				}
				for d := range subscriptionDays / 2 {
					m.at(2*time.Duration(d)*day+77*time.Minute+13*time.Second, m.judge.awake)
				}
				m.heal()
				res := m.watch(m.in)
				t.Logf("%+v\n%s", m.left, m.stripe.describeSubscription())
				m.judge.verdict(res)
			})
		})
	}
}

const subscriptionDays = 21

// subscriptionModel draws what happens to one subscription.
type subscriptionModel struct {
	*subscriptionBench
	t     *rapid.T
	in    workflows.DeferredSubscriptionInput
	judge *subscriptionJudge
	cards int
}

func newSubscriptionModel(t *rapid.T) *subscriptionModel {
	m := &subscriptionModel{subscriptionBench: newSubscriptionBench(t), t: t, in: subscriptionInput()}
	s := m.stripe.subscription()
	if days := rapid.SampledFrom([]int{0, 2, 10, 20, 60}).Draw(t, "trial"); days > 0 {
		trialOf(time.Duration(days) * day)(s)
	}
	s.DefaultPaymentMethod = rapid.SampledFrom([]string{"", "", "pm_other"}).Draw(t, "own default")
	m.stripe.customers["cus_1"].DefaultPaymentMethod = rapid.SampledFrom([]string{"", "pm_card"}).Draw(t, "customer's default")
	s.Free = rapid.IntRange(0, 9).Draw(t, "free") == 0
	s.SendInvoice = rapid.IntRange(0, 19).Draw(t, "send invoice") == 0
	if status := rapid.SampledFrom(append(m.setupStatuses(), "", "")).Draw(t, "pending"); status != "" {
		m.stripe.pends(status)
	}
	if rapid.IntRange(0, 7).Draw(t, "incomplete") == 0 {
		s.Status = activities.SubscriptionIncomplete
		m.stripe.bills(m.invoice("first invoice"))
	}
	for range rapid.IntRange(0, 5).Draw(t, "words") {
		m.stripe.bank = append(m.stripe.bank, rapid.SampledFrom([]bankWord{
			accepts(), asksForMore(), takesTime(), says("generic_decline"), says("expired_card"), says("authentication_required"),
		}).Draw(t, "word"))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "answers lost") {
		method := rapid.SampledFrom([]string{
			"CreateCheckoutSession", "SetSubscriptionDefaultPaymentMethod", "SetDefaultPaymentMethod", "ConfirmSetupIntent", "CancelSetupIntent",
			"ExpireCheckoutSession",
		}).Draw(t, fmt.Sprint("lost ", i))
		m.stripe.faults["answer of "+method] = append(m.stripe.faults["answer of "+method], stripeError(activities.StripeUnknown))
	}
	m.in.DefaultOn = rapid.SampledFrom([]workflows.DefaultOn{"", workflows.DefaultOnCustomer}).Draw(t, "default on")
	switch rapid.IntRange(0, 2).Draw(t, "policy") {
	case 0:
		m.in.Policy.Reminders, m.in.Policy.BeforeTrialEnd = nil, nil
	case 1:
		m.in.Policy.Reminders = []dunning.Duration{dunning.Exactly(time.Hour), dunning.Exactly(21 * time.Hour), dunning.Days(2), dunning.Days(30)}
	}
	m.judge = newSubscriptionJudge(m.subscriptionBench, m.in)
	m.judge.log = func(s workflows.SubscriptionStatus) { t.Logf("%+v\n%s", s, m.stripe.describeSubscription()) }
	return m
}

func (m *subscriptionModel) setupStatuses() []activities.SetupIntentStatus {
	return []activities.SetupIntentStatus{
		setupWantsMethod, setupWantsMethod, setupWantsAction, setupWantsAction, activities.SetupIntentRequiresConfirmation, setupProcessing, setupCanceled,
	}
}

func (m *subscriptionModel) when(label string) time.Duration {
	switch rapid.IntRange(0, 2).Draw(m.t, label+" scale") {
	case 0:
		return time.Duration(rapid.IntRange(0, 3600).Draw(m.t, label)) * time.Second
	case 1:
		return time.Duration(rapid.IntRange(0, 3*24*60).Draw(m.t, label)) * time.Minute
	default:
		return time.Duration(rapid.IntRange(0, subscriptionDays*24).Draw(m.t, label)) * time.Hour
	}
}

func (m *subscriptionModel) invoice(label string) activities.Invoice {
	in := activities.Invoice{
		AmountDue: rapid.SampledFrom([]int64{0, 1200, 1200}).Draw(m.t, label+" amount"),
		Status:    rapid.SampledFrom([]activities.InvoiceStatus{activities.InvoiceDraft, activities.InvoiceOpen, activities.InvoiceOpen}).Draw(m.t, label+" status"),
		Attempted: rapid.Bool().Draw(m.t, label+" attempted"),
		Payment: rapid.SampledFrom([]activities.PaymentIntentStatus{
			activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresAction, activities.PaymentIntentProcessing,
		}).Draw(m.t, label+" payment"),
	}
	if again := rapid.SampledFrom([]int{0, 0, 1, 30, 72}).Draw(m.t, label+" again"); again > 0 {
		in.NextPaymentAttempt = m.env.Now().Add(time.Duration(again) * hour)
	}
	if in.AmountDue == 0 {
		in.Status = activities.InvoicePaid
	}
	return in
}

// outage takes a part of Stripe away for some time.
func (m *subscriptionModel) outage(i int) {
	method := rapid.SampledFrom([]string{
		"Subscription", "SubscriptionInvoices", "Invoice", "SetupIntentsOf", "CreateCheckoutSession", "CheckoutSession", "ExpireCheckoutSession",
		"PaymentMethod", "SetSubscriptionDefaultPaymentMethod", "SetDefaultPaymentMethod", "Customer", "ConfirmSetupIntent", "SetupIntent",
		"CancelSetupIntent",
	}).Draw(m.t, fmt.Sprint("outage ", i))
	kind := rapid.SampledFrom([]activities.StripeErrorKind{
		activities.StripeUnknown, activities.StripeUnauthorized, activities.StripeRateLimited, activities.StripeStoredFault,
	}).Draw(m.t, fmt.Sprint("outage kind ", i))
	from := m.when(fmt.Sprint("outage from ", i))
	m.at(from, func() { m.stripe.edit(func() { m.stripe.down[method] = stripeError(kind) }) })
	m.at(from+max(time.Minute, min(m.when(fmt.Sprint("outage for ", i)), day)), func() { m.stripe.edit(func() { delete(m.stripe.down, method) }) })
}

// happening is something that the world does at one moment; Stripe tells of it once, twice, late or never.
func (m *subscriptionModel) happening(i int) func() {
	switch kind := rapid.IntRange(0, 20).Draw(m.t, "happening"); kind {
	case 0, 1, 2, 3:
		return func() { m.open() }
	case 4, 5, 6:
		return m.finishing()
	case 7:
		yes, arrive := rapid.Bool().Draw(m.t, "the bank says yes"), m.arriving()
		return func() { m.bankSettles(yes); m.told(arrive, "setup_intent.succeeded") }
	case 8:
		return m.detachNewest
	case 9:
		event := rapid.SampledFrom([]string{
			"customer.subscription.updated", "customer.subscription.trial_will_end", "customer.subscription.deleted", "invoice.paid",
			"setup_intent.succeeded", "checkout.session.completed", "customer.deleted", "some.thing_new",
		}).Draw(m.t, "event")
		return func() { m.signal(fmt.Sprint("evt_forged_", i%5), event, "obj_1") }
	case 10:
		return func() {
			m.env.SetContinueAsNewSuggested(true)
			m.signal(fmt.Sprint("evt_wake_", i), "invoice.created", "in_x")
		}
	case 11:
		how, arrive := rapid.IntRange(0, 3).Draw(m.t, "end"), m.arriving()
		return func() { m.ends(how, arrive) }
	default:
		change, arrive := m.changing(kind), m.arriving()
		return func() { m.changes(change, arrive) }
	}
}

func (m *subscriptionModel) arriving() hooks {
	return rapid.SampledFrom(allHooks()).Draw(m.t, "webhook")
}

// finishing lets the customer finish the open session with a new card, well or not.
func (m *subscriptionModel) finishing() func() {
	status := rapid.SampledFrom([]activities.SetupIntentStatus{succeeded, succeeded, setupProcessing, setupWantsMethod}).Draw(m.t, "finishes")
	arrive := m.arriving()
	return func() {
		m.cards++
		card := fmt.Sprint("pm_new", m.cards)
		if status == setupWantsMethod {
			card = ""
		}
		if m.stripe.saves(status, card) {
			if status == succeeded {
				m.judge.saved = append(m.judge.saved, card)
			}
			m.told(arrive, "checkout.session.completed")
		}
	}
}

// changing draws what happens to the subscription.
func (m *subscriptionModel) changing(kind int) func(s *fakeSubscription) {
	switch kind {
	case 12:
		passed := rapid.Bool().Draw(m.t, "passed")
		return func(*fakeSubscription) { m.answerChallenge(passed) }
	case 13:
		in := m.invoice("invoice")
		return func(*fakeSubscription) { m.stripe.bills(in) }
	case 14:
		paid, to := rapid.IntRange(0, 3).Draw(m.t, "paid") == 0, m.invoice("invoice becomes")
		return func(s *fakeSubscription) { m.invoiceChanges(s, paid, to) }
	case 15:
		trial := m.when("trial end")
		return func(s *fakeSubscription) { s.TrialEnd = m.start.Add(trial); s.PeriodEnd = s.TrialEnd }
	case 19:
		stays := rapid.Bool().Draw(m.t, "stays")
		return func(s *fakeSubscription) {
			if s.CancelsAt = s.PeriodEnd; stays {
				s.CancelsAt = time.Time{}
			}
		}
	case 16:
		return func(*fakeSubscription) {
			if si := m.stripe.pendingSetup(); si != nil && cancellable(si.Status) {
				si.Status = setupCanceled
			}
		}
	case 17:
		status := rapid.SampledFrom(m.setupStatuses()).Draw(m.t, "new SetupIntent")
		return func(*fakeSubscription) { m.stripe.pends(status) }
	case 18:
		own, method := rapid.Bool().Draw(m.t, "own"), rapid.SampledFrom([]string{"", "pm_card", "pm_other", "pm_alien"}).Draw(m.t, "method")
		return func(s *fakeSubscription) { m.otherDefault(s, own, method) }
	default:
		status := rapid.SampledFrom([]activities.SubscriptionStatus{
			activities.SubscriptionActive, activities.SubscriptionPastDue, activities.SubscriptionUnpaid, activities.SubscriptionPaused,
			activities.SubscriptionTrialing,
		}).Draw(m.t, "status")
		return func(s *fakeSubscription) { s.Status = status }
	}
}

// changes carries a change out at a subscription that has not ended.
func (m *subscriptionModel) changes(change func(s *fakeSubscription), arrive hooks) {
	changed := false
	m.stripe.edit(func() {
		if s := m.stripe.subscription(); s != nil && !s.Status.Ended() {
			change(s)
			changed = true
		}
	})
	if changed {
		m.told(arrive, "customer.subscription.updated")
	}
}

// told sends a webhook in the manner given.
func (m *subscriptionModel) told(arrive hooks, event string) {
	m.hooks = arrive
	m.tells(event)
}

// detachNewest takes away what the customer has saved last.
func (m *subscriptionModel) detachNewest() {
	if n := len(m.judge.saved); n > 0 {
		m.stripe.detach(m.judge.saved[n-1])
		m.judge.disturbed = true
	}
}

func (m *subscriptionModel) answerChallenge(passed bool) {
	si := m.stripe.pendingSetup()
	switch {
	case si == nil || si.Status != setupWantsAction:
	case passed:
		m.stripe.turns(si, succeeded)
	default:
		m.stripe.turns(si, setupWantsMethod)
	}
}

// bankSettles lets banks answer what they work on: the pending SetupIntent, those of sessions, payments of invoices.
func (m *subscriptionModel) bankSettles(yes bool) {
	m.stripe.edit(func() {
		for _, id := range m.stripe.setupIDs() {
			si := m.stripe.setups[id]
			if si.Status != setupProcessing {
				continue
			}
			if session := m.stripe.ofSession(id); yes && session != nil {
				m.judge.saved = append(m.judge.saved, si.PaymentMethod)
				// A bank is waited for 14 days.
				m.judge.disturbed = m.judge.disturbed || m.env.Now().Sub(session.ExpiresAt) > 12*day
			}
			word := says("insufficient_funds")
			if yes {
				word = accepts()
			}
			_ = m.stripe.confirmed(si, si.PaymentMethod, word)
		}
		if s := m.stripe.subscription(); s != nil {
			for _, in := range s.invoices {
				if in.Payment == activities.PaymentIntentProcessing {
					in.Payment = activities.PaymentIntentRequiresPaymentMethod
				}
			}
		}
	})
}

// invoiceChanges is what becomes of the newest invoice that is not settled.
func (m *subscriptionModel) invoiceChanges(s *fakeSubscription, paid bool, to activities.Invoice) {
	for _, in := range s.invoices {
		if in.Status != activities.InvoiceDraft && in.Status != activities.InvoiceOpen || in.AmountDue == 0 {
			continue
		}
		id, amount := in.ID, in.AmountDue
		*in = to
		in.ID, in.AmountDue = id, amount
		if in.Status == activities.InvoicePaid || in.Status == activities.InvoiceDraft {
			in.Status = activities.InvoiceVoid
		}
		if paid {
			in.Status, in.Payment, in.PaidAt = activities.InvoicePaid, activities.PaymentIntentSucceeded, m.env.Now()
			s.Status = activities.SubscriptionActive
		}
		return
	}
}

func (m *subscriptionModel) otherDefault(s *fakeSubscription, own bool, method string) {
	m.judge.disturbed = true
	if own {
		s.DefaultPaymentMethod = method
	} else if c := m.stripe.customers["cus_1"]; c != nil {
		c.DefaultPaymentMethod = method
	}
}

// ends is the end of the subscription, or of its watch.
func (m *subscriptionModel) ends(how int, arrive hooks) {
	if how == 0 {
		m.judge.unwatched = true
		m.update(cancel, workflows.Operation{})
		return
	}
	m.stripe.edit(func() {
		s := m.stripe.subscription()
		switch {
		case s == nil || s.Status.Ended():
		case how == 1:
			delete(m.stripe.subscriptions, theSubscription)
		case how == 2 && s.Status == activities.SubscriptionIncomplete:
			s.Status = activities.SubscriptionIncompleteExpired
		default:
			s.Status = activities.SubscriptionCanceled
		}
	})
	m.told(arrive, "customer.subscription.deleted")
}

// heal ends every fault, lets banks answer, looks whether the watch has understood, and ends the subscription.
func (m *subscriptionModel) heal() {
	healed := (subscriptionDays + 4) * day
	m.at(healed, func() {
		m.stripe.edit(func() { clear(m.stripe.down); clear(m.stripe.faults); m.stripe.bank = nil })
		m.bankSettles(true)
	})
	m.at(healed+3*day, func() { m.judge.understood() })
	m.at(healed+3*day+time.Minute, func() { m.ends(3, hooksLost) })
}
