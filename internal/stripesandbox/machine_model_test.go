package stripesandbox_test

import (
	"slices"
	"time"
)

// The model is what Stripe's documentation says about payments, written down a second
// time and without a look at the sandbox: https://docs.stripe.com/payments/paymentintents/lifecycle,
// https://docs.stripe.com/testing and the pages of the API reference.

const (
	needsMethod       = "requires_payment_method"
	needsConfirmation = "requires_confirmation"
	needsAction       = "requires_action"
	processing        = "processing"
	succeeded         = "succeeded"
	canceled          = "canceled"
)

// modelCard is the row of a test method in https://docs.stripe.com/testing.
type modelCard struct {
	kind         string
	attach       string // code of the refusal when it is saved
	charge       string // code of the refusal when it is charged
	offOnly      int    // so many refusals, off session only
	setupAuth    bool
	onAuth       string // "", "always" or "until set up"
	offAuth      string
	setUp        bool
	disputed     bool
	refundFails  bool
	refundWaits  bool
	debitFails   bool
	debitPending bool
}

const untilSetUp, always = "until set up", "always"

var modelCards = map[string]modelCard{
	"pm_card_visa":                                                  {kind: "card"},
	"pm_card_chargeCustomerFail":                                    {kind: "card", charge: "card_declined"},
	"pm_card_visa_chargeDeclined":                                   {kind: "card", attach: "card_declined", charge: "card_declined"},
	"pm_card_chargeDeclinedExpiredCard":                             {kind: "card", attach: "expired_card", charge: "expired_card"},
	"pm_card_radarBlock":                                            {kind: "card", charge: "card_declined"},
	"pm_card_authenticationRequired":                                {kind: "card", setupAuth: true, onAuth: always, offAuth: always},
	"pm_card_authenticationRequiredOnSetup":                         {kind: "card", setupAuth: true, onAuth: untilSetUp, offAuth: untilSetUp},
	"pm_card_authenticationRequiredSetupForOffSession":              {kind: "card", setUp: true, onAuth: always},
	"pm_card_threeDSecureRequiredChargeDeclined":                    {kind: "card", setupAuth: true, onAuth: always, charge: "card_declined"},
	"pm_card_createDispute":                                         {kind: "card", disputed: true},
	"pm_card_refundFail":                                            {kind: "card", refundFails: true},
	"pm_card_pendingRefund":                                         {kind: "card", refundWaits: true},
	"pm_sandbox_decline_insufficient_funds_times_1":                 {kind: "card", charge: "card_declined", offOnly: 1},
	"pm_sepaDebit_success_de":                                       {kind: "sepa_debit"},
	"pm_sepaDebit_failed_de":                                        {kind: "sepa_debit", debitFails: true},
	"pm_usBankAccount_success":                                      {kind: "us_bank_account"},
	"pm_usBankAccount_insufficientFunds":                            {kind: "us_bank_account", debitFails: true},
	"pm_usBankAccount_processing":                                   {kind: "us_bank_account", debitPending: true},
	"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": {kind: "card", setupAuth: true, onAuth: always, charge: "card_declined"},
}

type modelMethod struct {
	id, token, customer string
	card                modelCard
	setUp, burnt        bool
	refused             int
}

type modelPayment struct {
	id, status, currency, customer, future string
	amount                                 int
	method                                 *modelMethod
	session                                *modelSession
	charge                                 *modelCharge // the one that succeeded, or is pending
	tries                                  int
}

type modelCharge struct {
	amount, refunded int
	method           *modelMethod
}

type modelSetup struct {
	id, status, customer string
	method               *modelMethod
	session              *modelSession
}

type modelSession struct {
	id, mode, status, payStatus, customer, future string
	amount                                        int
	expires                                       time.Time
	payment                                       *modelPayment
	setup                                         *modelSetup
}

// outcome is what a call must come to.
type outcome struct {
	status int
	code   string   // of the error
	events []string // types, in order
	minted *modelMethod
	made   any // the object whose id the answer tells
}

func (o outcome) with(more outcome) outcome {
	more.events = append(slices.Clone(o.events), more.events...)
	if more.minted == nil {
		more.minted = o.minted
	}
	if more.made == nil {
		more.made = o.made
	}
	return more
}

func ok(events ...string) outcome          { return outcome{status: 200, events: events} }
func bad(code string) outcome              { return outcome{status: 400, code: code} }
func (o outcome) fails() bool              { return o.status != 200 }
func (o outcome) then(e ...string) outcome { return o.with(ok(e...)) }

type modelDue struct {
	at time.Time
	do func() []string
}

type model struct {
	now       time.Time
	methods   []*modelMethod
	payments  []*modelPayment
	setups    []*modelSetup
	sessions  []*modelSession
	due       []modelDue
	endpoints map[string][]string // enabled events by id
}

const (
	// asyncDelay is the sandbox's, for debits and refunds.
	asyncDelay = time.Minute
	// disputeTime is how long an account has to answer a dispute.
	disputeTime = 7 * 24 * time.Hour
)

func (m *model) later(after time.Duration, do func() []string) {
	at := m.now.Add(after)
	i := len(m.due)
	for i > 0 && m.due[i-1].at.After(at) {
		i--
	}
	m.due = slices.Insert(m.due, i, modelDue{at, do})
}

func (m *model) advance(d time.Duration) []string {
	end := m.now.Add(d)
	var events []string
	for len(m.due) > 0 && !m.due[0].at.After(end) {
		next := m.due[0]
		m.due = m.due[1:]
		m.now = next.at
		events = append(events, next.do()...)
	}
	m.now = end
	return events
}

// method is the one that a call names: by a token, which makes a new one, or by id.
type methodChoice struct {
	token string
	known *modelMethod
}

func (c methodChoice) none() bool { return c.token == "" && c.known == nil }

func (c methodChoice) text() string {
	if c.known != nil {
		return c.known.id
	}
	return c.token
}

func (m *model) use(c methodChoice, customer, currency string) (*modelMethod, outcome) {
	pm := c.known
	out := ok()
	if pm == nil {
		card := modelCards[c.token]
		pm = &modelMethod{token: c.token, card: card, setUp: card.setUp}
		out.minted = pm
	}
	switch {
	case pm.burnt:
		return nil, bad("")
	case pm.customer != "" && customer == "":
		return nil, bad("parameter_missing")
	case pm.customer != customer && pm.customer != "":
		return nil, bad("")
	case currency != "" && (pm.card.kind == "sepa_debit") != (currency == "eur") && pm.card.kind != "card":
		return nil, bad("")
	}
	return pm, out
}

func (m *model) attach(pm *modelMethod, customer string) []string {
	pm.customer = customer
	return []string{"payment_method.attached"}
}

func (pm *modelMethod) wantsAuth(rule string) bool {
	return rule == always || (rule == untilSetUp && !pm.setUp)
}

func (m *model) confirm(pi *modelPayment, pm *modelMethod, off, errorOnAction bool) outcome {
	rule := pm.card.onAuth
	if off {
		rule = pm.card.offAuth
	}
	if !pm.wantsAuth(rule) {
		return m.take(pi, pm, off)
	}
	if off || errorOnAction {
		return m.refuse(pi, "authentication_required")
	}
	pi.tries++
	pi.status, pi.method = needsAction, pm
	return ok("payment_intent.requires_action")
}

func (m *model) refuse(pi *modelPayment, code string) outcome {
	pi.tries++
	pi.status, pi.method = needsMethod, nil
	return outcome{status: 402, code: code, events: []string{"payment_intent.payment_failed"}}
}

func (m *model) take(pi *modelPayment, pm *modelMethod, off bool) outcome {
	declined := pm.card.charge != ""
	if pm.card.offOnly > 0 {
		declined = off && pm.refused < pm.card.offOnly
	}
	if declined {
		pm.refused++
		return ok("charge.failed").with(m.refuse(pi, pm.card.charge))
	}
	var events []string
	if pi.future == "off_session" {
		pm.setUp = true
	}
	switch {
	case pm.customer != "":
	case pi.future != "" && pi.customer != "":
		events = m.attach(pm, pi.customer)
	default:
		pm.burnt = true
	}
	pi.method, pi.charge = pm, &modelCharge{amount: pi.amount, method: pm}
	if pm.card.kind == "card" {
		return ok(append(events, m.succeed(pi)...)...)
	}
	pi.tries++
	pi.status = processing
	if !pm.card.debitPending {
		debit := pi.charge
		m.later(asyncDelay, func() []string {
			if pi.status != processing || pi.charge != debit {
				return nil
			}
			return m.settle(pi, !pm.card.debitFails)
		})
	}
	return ok(append(events, "charge.pending", "payment_intent.processing")...)
}

func (m *model) succeed(pi *modelPayment) []string {
	pi.tries++
	pi.status = succeeded
	events := []string{"charge.succeeded", "payment_intent.succeeded"}
	if pi.method.card.disputed {
		events = append(events, "charge.dispute.created")
		m.later(disputeTime, func() []string { return []string{"charge.dispute.closed"} }) // nobody answers it
	}
	return events
}

func (m *model) settle(pi *modelPayment, paid bool) []string {
	if !paid {
		pi.charge = nil
		events := append([]string{"charge.failed"}, m.refuse(pi, "").events...)
		if pi.session != nil {
			events = append(events, "checkout.session.async_payment_failed")
		}
		return events
	}
	events := m.succeed(pi)
	if pi.session != nil {
		pi.session.payStatus = "paid"
		events = append(events, "checkout.session.async_payment_succeeded")
	}
	return events
}

func (m *model) authenticate(pi *modelPayment, passed bool) outcome {
	switch {
	case pi.status != needsAction:
		return bad("payment_intent_unexpected_state")
	case !passed:
		return m.refuse(pi, "payment_intent_authentication_failure")
	}
	if _, used := m.use(methodChoice{known: pi.method}, pi.customer, ""); used.fails() { // by now
		out := m.refuse(pi, used.code)
		out.status = used.status
		return out
	}
	return m.take(pi, pi.method, false)
}

func (m *model) confirmSetup(si *modelSetup, pm *modelMethod) outcome {
	switch {
	case pm.card.attach != "":
		return m.refuseSetup(si, pm.card.attach)
	case pm.card.setupAuth && !pm.setUp:
		si.status, si.method = needsAction, pm
		return ok("setup_intent.requires_action")
	}
	return ok(m.succeedSetup(si, pm)...)
}

func (m *model) refuseSetup(si *modelSetup, code string) outcome {
	si.status, si.method = needsMethod, nil
	return outcome{status: 402, code: code, events: []string{"setup_intent.setup_failed"}}
}

func (m *model) succeedSetup(si *modelSetup, pm *modelMethod) []string {
	pm.setUp = true
	var events []string
	if si.customer != "" && pm.customer == "" {
		events = m.attach(pm, si.customer)
	}
	si.status, si.method = succeeded, pm
	return append(events, "setup_intent.succeeded")
}

func (m *model) authenticateSetup(si *modelSetup, passed bool) outcome {
	switch {
	case si.status != needsAction:
		return bad("setup_intent_unexpected_state")
	case !passed:
		return m.refuseSetup(si, "setup_intent_authentication_failure")
	}
	if _, used := m.use(methodChoice{known: si.method}, si.customer, ""); used.fails() { // by now
		out := m.refuseSetup(si, used.code)
		out.status = used.status
		return out
	}
	return ok(m.succeedSetup(si, si.method)...)
}

func (m *model) refund(pi *modelPayment, amount int) outcome {
	ch := pi.charge
	switch {
	case pi.status != succeeded:
		return bad("payment_intent_unexpected_state")
	case ch.method.card.disputed:
		return bad("charge_disputed") // nobody answers it
	case ch.refunded == ch.amount:
		return bad("charge_already_refunded")
	case amount < 0:
		amount = ch.amount - ch.refunded
	case amount == 0:
		return bad("parameter_invalid_integer")
	case amount > ch.amount-ch.refunded:
		return bad("")
	}
	ch.refunded += amount
	switch {
	case ch.method.card.refundFails:
		m.later(asyncDelay, func() []string {
			ch.refunded -= amount
			return []string{"refund.updated", "refund.failed"}
		})
	case ch.method.card.refundWaits:
		m.later(asyncDelay, func() []string { return []string{"refund.updated"} })
	}
	return ok("refund.created", "charge.refunded")
}

func (m *model) expire(cs *modelSession) []string {
	if cs.status != "open" {
		return nil
	}
	cs.status = "expired"
	if pi := cs.payment; pi != nil {
		pi.status, pi.method = needsMethod, nil
	}
	if si := cs.setup; si != nil {
		si.status, si.method = needsMethod, nil
	}
	return []string{"checkout.session.expired"}
}

// pay is the buyer's try, with a new method or, without one, the challenge left open.
func (m *model) pay(cs *modelSession, c methodChoice, authenticate string) outcome {
	if cs.status != "open" {
		return bad("")
	}
	open := (cs.setup != nil && cs.setup.status == needsAction) || (cs.payment != nil && cs.payment.status == needsAction)
	out := ok()
	if !open || !c.none() {
		if c.none() {
			return bad("parameter_missing")
		}
		pm, used := m.use(c, cs.customer, "usd")
		if used.fails() {
			return used
		}
		if cs.setup != nil {
			out = used.with(m.confirmSetup(cs.setup, pm))
		} else {
			if cs.payment == nil {
				cs.payment = &modelPayment{amount: cs.amount, currency: "usd", customer: cs.customer, future: cs.future, status: needsMethod, session: cs}
				m.payments = append(m.payments, cs.payment)
				used.events = []string{"payment_intent.created"}
			}
			out = used.with(m.confirm(cs.payment, pm, false, false))
		}
		if out.fails() {
			return out
		}
		open = (cs.setup != nil && cs.setup.status == needsAction) || (cs.payment != nil && cs.payment.status == needsAction)
	}
	switch {
	case open && authenticate == "abandon":
		return out.with(outcome{status: 202, code: "authentication_pending"})
	case open && cs.setup != nil:
		out = out.with(m.authenticateSetup(cs.setup, authenticate == "pass"))
	case open:
		out = out.with(m.authenticate(cs.payment, authenticate == "pass"))
	}
	if out.fails() {
		return out
	}
	cs.status = "complete"
	if cs.payment != nil && cs.payment.status == succeeded {
		cs.payStatus = "paid"
	}
	return out.then("checkout.session.completed")
}
