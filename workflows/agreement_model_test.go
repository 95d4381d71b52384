package workflows_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// TestAgreementModel lets the world do what it likes with an agreement for some weeks: operators with any Update under new
// and used ids, webhooks true, forged, twice or lost, banks, lost answers, crashes, the ends of payments, new cards, an app
// that answers or does not, outages of everything. Whatever that is, the judge finds nothing charged that must not be, and
// nothing forgotten.
func TestAgreementModel(t *testing.T) {
	t.Parallel()
	for i := range agreementRounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				m := newAgreementModel(t)
				for i := range rapid.IntRange(0, 3).Draw(t, "outages") {
					m.outage(i)
				}
				for i := range rapid.IntRange(0, 25).Draw(t, "happenings") {
					m.at(m.when("at"), m.happening(i))
				}
				for d := range agreementDays / 2 {
					m.at(2*time.Duration(d)*day+77*time.Minute+13*time.Second, m.judge.awake)
				}
				m.heal()
				require.NoError(t, execute(m.bench, workflows.TypeBillingAgreement, m.in))
				t.Logf("%+v\n%s", m.status(), m.judge.describe())
				m.judge.verdict()
				require.True(t, m.status().State.Ended())
				m.requireNoSecrets()
			})
		})
	}
}

// agreementModel draws what happens to one agreement.
type agreementModel struct {
	*agreementBench
	t     *rapid.T
	in    workflows.BillingAgreementInput
	judge *judge
}

func newAgreementModel(t *rapid.T) *agreementModel {
	m := &agreementModel{agreementBench: newAgreementBench(t), t: t}
	m.in = m.input()
	m.judge = newJudge(m.agreementBench, m.in)
	for range rapid.IntRange(0, 10).Draw(t, "answers") {
		m.stripe.script = append(m.stripe.script, model{m.bench, t}.answer("answer"))
	}
	if rapid.IntRange(0, 4).Draw(t, "earlier life") == 0 {
		status := rapid.SampledFrom([]activities.PaymentIntentStatus{
			activities.PaymentIntentSucceeded, activities.PaymentIntentCanceled, activities.PaymentIntentRequiresPaymentMethod,
		}).Draw(t, "known")
		key := rapid.SampledFrom([]string{"now1", "now3", "20260119", "20260131"}).Draw(t, "known key")
		m.stripe.known(status, func(pi *activities.PaymentIntent) {
			pi.Metadata[activities.MetadataReference], pi.Metadata[activities.MetadataOwner] = "gym-17~"+key, "agreement:gym-17"
		})
	}
	return m
}

func (m *agreementModel) schedule(label string) calendar.Schedule {
	return rapid.SampledFrom([]calendar.Schedule{
		{Every: "month", On: "31"},
		{Every: "week", On: "monday"},
		{Every: "day", Interval: 10, At: "00:30"},
		{Every: "day", Interval: 3, At: "23:50"},
		{Every: "day", At: "12:00", Count: 12},
		{Every: "hour", Interval: 13, SubDaily: true, Count: 20},
		{Dates: []string{"2026-01-20", "2026-02-01", "2026-02-02", "2026-03-29T02:30", "2026-04-20"}},
	}).Draw(m.t, label)
}

func (m *agreementModel) input() workflows.BillingAgreementInput {
	in := agreementInput()
	in.Schedule = m.schedule("schedule")
	in.CatchUp = rapid.SampledFrom([]workflows.CatchUp{"", workflows.CatchUpAll, workflows.CatchUpLatest, workflows.CatchUpNone}).Draw(m.t, "catch up")
	in.WhileInDunning = rapid.SampledFrom([]workflows.WhileInDunning{"", workflows.DunningContinue, workflows.DunningHold}).Draw(m.t, "while in dunning")
	in.FirstCharge = rapid.SampledFrom([]workflows.FirstCharge{"", workflows.FirstChargeNow}).Draw(m.t, "first charge")
	in.Policy.FinalAction = rapid.SampledFrom([]dunning.FinalAction{
		"", dunning.FinalUncollectible, dunning.FinalPause, dunning.FinalCancel, dunning.FinalNeedsAttention,
	}).Draw(m.t, "final action")
	in.MaxAmountPerCharge = rapid.SampledFrom([]int64{0, 1500}).Draw(m.t, "per charge")
	in.MaxAmountPerMonth = rapid.SampledFrom([]int64{0, 2500, 4000}).Draw(m.t, "per month")
	in.NoticeDays = rapid.SampledFrom([]int{0, 0, 3}).Draw(m.t, "notice")
	in.Events = rapid.SampledFrom([]workflows.Events{workflows.EventsExceptions, workflows.EventsAll}).Draw(m.t, "events")
	if rapid.IntRange(0, 3).Draw(m.t, "card") == 0 {
		in.PaymentMethod, in.SaveCard = "", true
	}
	if rapid.IntRange(0, 2).Draw(m.t, "amounts") == 0 {
		in.Amount, in.AmountFrom = 0, workflows.AmountFromWebhook
		answers := []amountAnswer{answersAmount(1099), answersAmount(700), answersAmount(1501), answersAmount(0), answersNothing(), answersGarbage()}
		m.amount.standing = rapid.SampledFrom([]amountAnswer{answersAmount(900), answersAmount(900), answersNothing()}).Draw(m.t, "standing")
		for range rapid.IntRange(0, 8).Draw(m.t, "amount answers") {
			m.amount.next(rapid.SampledFrom(answers).Draw(m.t, "amount answer"))
		}
	}
	return in
}

// when is a time in the model's days.
func (m *agreementModel) when(label string) time.Duration {
	switch rapid.IntRange(0, 2).Draw(m.t, label+" scale") {
	case 0:
		return time.Duration(rapid.IntRange(1, 3600).Draw(m.t, label)) * time.Second
	case 1:
		return time.Duration(rapid.IntRange(1, 3*24*60).Draw(m.t, label)) * time.Minute
	default:
		return time.Duration(rapid.IntRange(1, agreementDays*24).Draw(m.t, label)) * time.Hour
	}
}

// outage takes a part of Stripe away for some time, or everything of ours from the end of a cycle on.
func (m *agreementModel) outage(i int) {
	method := rapid.SampledFrom([]string{
		"", "", "charge", "ListPaymentIntents", "PaymentIntent", "PaymentIntentsByReference", "Customer", "PaymentMethod", "Dispute",
	}).Draw(m.t, fmt.Sprint("outage ", i))
	from, long := m.when(fmt.Sprint("outage from ", i)), m.when(fmt.Sprint("outage for ", i))
	if method == "" {
		m.at(from, func() { m.bench.outage = min(long, 15*day) })
		return
	}
	kind := rapid.SampledFrom([]activities.StripeErrorKind{
		activities.StripeUnknown, activities.StripeUnauthorized, activities.StripeRateLimited, activities.StripeStoredFault,
	}).Draw(m.t, fmt.Sprint("outage kind ", i))
	m.at(from, func() { m.stripe.edit(func() { m.stripe.down[method] = stripeError(kind) }) })
	m.at(from+long, func() { m.stripe.edit(func() { delete(m.stripe.down, method) }) })
}

// happening is something that the world does at one moment.
func (m *agreementModel) happening(i int) func() {
	kinds := []func(i int) func(){
		m.updates, m.updates, m.updates, m.updates, m.webhook, m.webhook, m.paymentEnds, m.paymentEnds, m.cardSaved, m.cardSaved,
		m.dispute, m.mandate, m.methodGoes, m.continues,
	}
	return rapid.SampledFrom(kinds).Draw(m.t, "happening")(i)
}

// updates sends any Update, under a new id or a used one.
func (m *agreementModel) updates(i int) func() {
	update := rapid.SampledFrom([]string{
		workflows.UpdatePause, workflows.UpdatePause, workflows.UpdateResume, workflows.UpdateResume, workflows.UpdateSkipNext, workflows.UpdateChangeAmount,
		workflows.UpdateChangeSchedule, workflows.UpdateChangePaymentMethod, workflows.UpdateChargeNow, workflows.UpdateChargeNow, workflows.UpdateCancel,
	}).Draw(m.t, "update")
	n := fmt.Sprint("new-", i)
	if rapid.Bool().Draw(m.t, "an id of others") {
		n = fmt.Sprint(rapid.IntRange(0, 1).Draw(m.t, "id"))
	}
	op := workflows.AgreementOperation{Actor: "ops", Reason: "a test"}
	switch update {
	case workflows.UpdatePause:
		if rapid.Bool().Draw(m.t, "until a time") {
			op.Until = m.start.Add(m.when("until"))
		}
	case workflows.UpdateResume:
		op.CatchUp = rapid.SampledFrom([]workflows.CatchUp{"", workflows.CatchUpAll, workflows.CatchUpLatest, workflows.CatchUpNone}).Draw(m.t, "resume")
	case workflows.UpdateChangeAmount, workflows.UpdateChargeNow:
		op.Amount = rapid.SampledFrom([]int64{0, 500, 1500, 1501, 3000}).Draw(m.t, "amount")
	case workflows.UpdateChangeSchedule:
		s := m.schedule("new schedule")
		op.Schedule = &s
	case workflows.UpdateChangePaymentMethod:
		op.PaymentMethod = rapid.SampledFrom([]string{"", "pm_card", "pm_other", "pm_buyer", "pm_alien", "pm_none"}).Draw(m.t, "method")
		op.SaveCard = op.PaymentMethod == ""
	case workflows.UpdateCancel:
		op.AtPeriodEnd = rapid.Bool().Draw(m.t, "at period end")
		op.OpenPayments = rapid.SampledFrom([]workflows.OpenPayments{"", workflows.OpenPaymentsWriteOff}).Draw(m.t, "open payments")
	}
	id := fmt.Sprint(update, "-", n)
	return func() {
		m.judge.look()
		m.env.UpdateWorkflow(update, id, modelReply{m.judge, update, id, op}, op)
	}
}

// webhook tells of something that may have happened.
func (m *agreementModel) webhook(i int) func() {
	typ := rapid.SampledFrom([]string{
		"customer.deleted", "customer.updated", "payment_method.detached", "payment_method.automatically_updated", "payment_intent.succeeded",
		"charge.dispute.created", "mandate.updated", "invoice.created",
	}).Draw(m.t, "event")
	object := rapid.SampledFrom([]string{"pm_card", "pm_other", "cus_1", "du_1", "mandate_0", "pi_1"}).Draw(m.t, "object")
	id := fmt.Sprint("evt_", rapid.IntRange(0, i).Draw(m.t, "event id"))
	return func() { m.signal(id, typ, object) }
}

// paymentEnds ends one of the open payments, and tells the agreement, tells it twice, or does not.
func (m *agreementModel) paymentEnds(int) func() {
	which := rapid.IntRange(0, 5).Draw(m.t, "which payment")
	ended := workflows.PaymentEnded{
		State: rapid.SampledFrom([]workflows.PaymentState{
			workflows.PaymentPaid, workflows.PaymentPaid, workflows.PaymentUncollectible, workflows.PaymentCanceled,
		}).Draw(m.t, "ends"),
		DeclineCode: rapid.SampledFrom([]string{"", "insufficient_funds", "revocation_of_authorization"}).Draw(m.t, "ends with"),
	}
	if ended.State == workflows.PaymentPaid {
		ended.DeclineCode = ""
		ended.PaymentMethod = rapid.SampledFrom([]string{"", "pm_buyer"}).Draw(m.t, "paid by")
	}
	told := rapid.IntRange(0, 2).Draw(m.t, "told")
	gone := rapid.IntRange(0, 9).Draw(m.t, "terminated") == 0
	return func() {
		var open []string
		for reference := range m.family.payments {
			if w, _ := m.family.Owned(m.t.Context(), workflows.PaymentID(reference)); !w.Ended && !w.Lost {
				open = append(open, reference)
			}
		}
		if len(open) == 0 {
			return
		}
		slices.Sort(open)
		ended.Reference = open[which%len(open)]
		if gone {
			m.family.lose(workflows.PaymentID(ended.Reference))
			return
		}
		m.family.ends(ended, told == 0)
		if told == 2 {
			m.env.SignalWorkflow(workflows.SignalPaymentEnded, ended)
		}
	}
}

// cardSaved lets the customer save a method, or not, where the agreement asks for one.
func (m *agreementModel) cardSaved(i int) func() {
	saved := workflows.PaymentMethodSaved{State: rapid.SampledFrom([]workflows.SetupState{
		workflows.SetupSaved, workflows.SetupSaved, workflows.SetupAbandoned, workflows.SetupCanceled,
	}).Draw(m.t, "saved as")}
	lost := rapid.Bool().Draw(m.t, "saved, not told")
	return func() {
		saved.Reference = m.judge.look().SavePaymentMethod
		if saved.Reference == "" {
			return
		}
		if saved.State == workflows.SetupSaved {
			saved.PaymentMethod = fmt.Sprint("pm_new", i)
			m.stripe.edit(func() {
				m.stripe.methods[saved.PaymentMethod] = &activities.PaymentMethod{ID: saved.PaymentMethod, Type: "card", Customer: "cus_1", ExpMonth: 2, ExpYear: 2026}
			})
		}
		m.family.saved(saved, lost)
	}
}

// dispute lets the cardholder dispute what was paid last, or ends the dispute.
func (m *agreementModel) dispute(i int) func() {
	told := rapid.Bool().Draw(m.t, "dispute told")
	won := rapid.Bool().Draw(m.t, "dispute won")
	return func() {
		if open := slices.Sorted(maps.Keys(m.stripe.disputes)); won && len(open) > 0 {
			m.stripe.edit(func() { m.stripe.disputes[open[0]].Status = "won" })
			return
		}
		for _, id := range m.stripe.order {
			if pi := m.stripe.intents[id]; pi.Status == activities.PaymentIntentSucceeded && !pi.Disputed {
				du := m.stripe.dispute(id)
				if told {
					m.signal(fmt.Sprint("evt_dispute_", i), "charge.dispute.created", du)
				}
				return
			}
		}
	}
}

// mandate takes the customer's permission to debit the method back.
func (m *agreementModel) mandate(i int) func() {
	id := fmt.Sprint("mandate_", i)
	return func() {
		m.stripe.mandate(id, m.judge.look().PaymentMethod)
		m.stripe.inactivateMandate(id)
		m.signal(fmt.Sprint("evt_", id), "mandate.updated", id)
	}
}

// methodGoes detaches or updates the method in use, or deletes the customer.
func (m *agreementModel) methodGoes(i int) func() {
	kind := rapid.IntRange(0, 4).Draw(m.t, "method goes")
	told := rapid.Bool().Draw(m.t, "going told")
	return func() {
		method, event := m.judge.look().PaymentMethod, "payment_method.detached"
		if m.stripe.methods[method] == nil {
			return
		}
		object := method
		switch {
		case kind == 0 && i%3 == 0:
			m.stripe.deleteCustomer("cus_1")
			event, object = "customer.deleted", "cus_1"
		case kind < 3:
			m.stripe.detach(method)
		default:
			m.stripe.updateCard(method, 12, 2031)
			event = "payment_method.automatically_updated"
		}
		if told {
			m.signal(fmt.Sprint("evt_goes_", i), event, object)
		}
	}
}

// continues suggests continue-as-new.
func (m *agreementModel) continues(i int) func() {
	return func() {
		m.env.SetContinueAsNewSuggested(true)
		m.signal(fmt.Sprint("evt_wake_", i), "invoice.created", "in_1")
	}
}

// heal ends every fault, and lets an operator end what is still open.
func (m *agreementModel) heal() {
	m.at(agreementDays*day, func() {
		m.judge.look()
		m.bench.outage = 0
		m.stripe.edit(func() { clear(m.stripe.down); m.stripe.script = nil })
	})
	for d := range 3 {
		m.at(time.Duration(agreementDays+2+d)*day, func() {
			m.judge.look()
			m.operate(cancel, "", workflows.AgreementOperation{})
		})
	}
}
