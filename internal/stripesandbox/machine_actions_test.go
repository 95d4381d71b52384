package stripesandbox_test

import (
	"slices"

	"pgregory.net/rapid"
)

// action is what a machine can do next.
type action struct {
	name string
	when func() bool // nil: always
	do   func(*rapid.T)
}

// oneOf does one of the actions that apply now. A machine that drew among all of them
// would have to give up steps, and with them the calls of a sequence.
func oneOf(actions ...action) func(*rapid.T) {
	return func(t *rapid.T) {
		var names []string
		for _, a := range actions {
			if a.when == nil || a.when() {
				names = append(names, a.name)
			}
		}
		name := pick(t, "action", names)
		actions[slices.IndexFunc(actions, func(a action) bool { return a.name == name })].do(t)
	}
}

func (m *machine) actions() []action {
	methods := func() bool { return len(m.methods) > 0 }
	payments := func() bool { return len(m.payments) > 0 }
	setups := func() bool { return len(m.setups) > 0 }
	sessions := func() bool { return len(m.sessions) > 0 }
	return []action{
		{"attach", nil, m.attachMethod},
		{"detach", methods, m.detachMethod},
		{"create payment", nil, m.createPayment},
		{"confirm payment", payments, m.confirmPayment},
		{"update payment", payments, m.updatePayment},
		{"cancel payment", payments, m.cancelPayment},
		{"answer challenge of a payment", payments, m.answerPayment},
		{"answer challenge of a setup", setups, m.answerSetup},
		{"settle debit", payments, m.settleDebit},
		{"refund", payments, m.refundPayment},
		{"create setup", nil, m.createSetup},
		{"confirm setup", setups, m.confirmSetupIntent},
		{"cancel setup", setups, m.cancelSetup},
		{"open session", nil, m.openSession},
		{"pay session", sessions, m.paySession},
		{"expire session", sessions, m.expireSession},
		{"advance clock", nil, m.advanceClock},
		{"repeat a call", func() bool { return len(m.history) > 0 }, m.repeatCall},
		{"reuse a key", func() bool { return len(m.remembered()) > 0 }, m.reuseKey},
		{"webhook endpoint", nil, m.changeEndpoints},
	}
}

func (m *billingMachine) actions() []action {
	customers := func() bool { return len(m.customers) > 0 }
	owners := func() bool { return len(m.owners()) > 0 }
	subs := func() bool { return len(m.subs) > 0 }
	invoices := func() bool { return len(m.invoices) > 0 }
	return []action{
		{"create customer", func() bool { return len(m.customers) < 3 }, m.createCustomer},
		{"attach method", customers, m.attach},
		{"default method", owners, m.setDefault},
		{"credit", customers, m.credit},
		{"subscribe", customers, m.subscribe},
		{"subscribe again", customers, m.subscribe},
		{"update", subs, m.update},
		{"update again", subs, m.update},
		{"cancel", subs, m.cancel},
		{"resume", subs, m.resume},
		{"pay invoice", invoices, m.payInvoice},
		{"void invoice", invoices, m.voidInvoice},
		{"finalize invoice", invoices, m.finalizeInvoice},
		{"buyer pays", invoices, m.buyerPays},
		{"challenge", func() bool { return len(m.challenges()) > 0 }, m.challenge},
		{"setup", func() bool { return len(m.setups) > 0 }, m.finishSetup},
		{"use", customers, m.use},
		{"refund", func() bool { return len(m.charges) > 0 }, m.refund},
		{"clock", nil, m.moveClock},
		{"clock again", nil, m.moveClock},
		{"test clock", func() bool { return len(m.clocks) > 0 }, m.moveTestClock},
		{"detach method", owners, m.detach},
		{"delete", func() bool { return len(m.customers)+len(m.clocks) > 0 }, m.remove},
	}
}
