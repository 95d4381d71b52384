package stripesandbox

import "slices"

// Statuses of charges.
const (
	chargeSucceeded = "succeeded"
	chargeFailed    = "failed"
	chargePending   = "pending"
)

// charge: https://docs.stripe.com/api/charges/object
type charge struct {
	header
	Amount        int64          `json:"amount,omitzero"`
	Refunded      int64          `json:"refunded,omitzero"`
	Currency      string         `json:"currency,omitzero"`
	Customer      string         `json:"customer,omitzero"`
	Terms         *paymentTerms  `json:"terms,omitzero"`
	Status        string         `json:"status,omitzero"`
	PaymentIntent string         `json:"payment_intent,omitzero"`
	Previous      string         `json:"previous,omitzero"` // the same PaymentIntent's charge before this one
	Method        *paymentMethod `json:"method,omitzero"`   // as it was
	Decline       *decline       `json:"decline,omitzero"`
	Disputed      bool           `json:"disputed,omitzero"`
	Held          bool           `json:"held,omitzero"`     // authorised, and not captured yet
	Released      int64          `json:"released,omitzero"` // the part of Refunded that was never captured
	Mandate       string         `json:"mandate,omitzero"`
}

func (ch *charge) render(w *writer) {
	succeeded := ch.Status == chargeSucceeded
	w.open("")
	w.str("id", ch.ID)
	w.str("object", "charge")
	w.integer("amount", ch.Amount)
	w.integer("amount_captured", ch.captured())
	w.integer("amount_refunded", ch.Refunded)
	w.null("application", "application_fee", "application_fee_amount")
	if ch.settled() {
		w.ref("balance_transaction", transactionID(ch.ID))
	} else {
		w.null("balance_transaction")
	}
	ch.Method.renderBilling(w)
	w.opt("calculated_statement_descriptor", ch.Terms.StatementDescriptor)
	w.boolean("captured", succeeded && !ch.Held)
	w.integer("created", ch.Created)
	w.str("currency", ch.Currency)
	w.ref("customer", ch.Customer)
	w.opt("description", ch.Terms.Description)
	w.boolean("disputed", ch.Disputed)
	w.null("failure_balance_transaction")
	if ch.Decline != nil {
		w.str("failure_code", ch.Decline.Code)
		w.str("failure_message", ch.Decline.message())
	} else {
		w.null("failure_code", "failure_message")
	}
	w.raw("fraud_details", "{}")
	w.boolean("livemode", false)
	w.metadata(ch.Metadata)
	w.null("on_behalf_of")
	ch.renderOutcome(w)
	w.boolean("paid", succeeded || ch.Status == chargePending)
	w.ref("payment_intent", ch.PaymentIntent)
	w.str("payment_method", ch.Method.ID)
	ch.renderMethod(w)
	w.raw("radar_options", "{}")
	w.opt("receipt_email", ch.Terms.ReceiptEmail)
	w.null("receipt_number", "receipt_url")
	w.boolean("refunded", succeeded && ch.Refunded == ch.Amount)
	w.include("refunds", func() object { return w.find(refundsOf + ch.ID) })
	w.null("review", "shipping", "source_transfer")
	w.opt("statement_descriptor", ch.Terms.StatementDescriptor)
	w.opt("statement_descriptor_suffix", ch.Terms.StatementSuffix)
	w.str("status", ch.Status)
	w.null("transfer_data", "transfer_group")
	w.close()
}

func (ch *charge) renderOutcome(w *writer) {
	w.open("outcome")
	no := ch.Decline
	if no == nil {
		no = &decline{}
	}
	w.opt("advice_code", no.AdviceCode)
	w.opt("network_advice_code", no.NetworkAdviceCode)
	w.opt("network_decline_code", no.NetworkDeclineCode)
	network, kind, message := "approved_by_network", "authorized", "Payment complete."
	switch {
	case no.Blocked:
		network, kind, message = "not_sent_to_network", "blocked", "Stripe blocked this payment as too risky."
	case ch.Decline != nil:
		network, kind, message = "declined_by_network", "issuer_declined", "The bank did not return any further details with this decline."
	}
	w.str("network_status", network)
	if ch.Decline != nil {
		w.str("reason", no.reason())
	} else {
		w.null("reason")
	}
	if ch.Method.Type == "card" {
		level, score := riskOf(ch.Method.test())
		w.str("risk_level", level)
		w.integer("risk_score", score)
	}
	w.str("seller_message", message)
	w.str("type", kind)
	w.close()
}

func riskOf(m *testMethod) (level string, score int64) {
	switch m.risk {
	case "highest":
		return "highest", 90
	case "elevated":
		return "elevated", 70
	}
	return "normal", 20
}

func (ch *charge) renderMethod(w *writer) {
	pm, m := ch.Method, ch.Method.test()
	w.open("payment_method_details")
	switch pm.Type {
	case "card":
		w.open("card")
		if ch.Status == chargeSucceeded {
			w.integer("amount_authorized", ch.Amount)
		} else {
			w.null("amount_authorized")
		}
		w.null("authorization_code")
		w.str("brand", m.brand)
		w.raw("checks", `{"address_line1_check":null,"address_postal_code_check":null,"cvc_check":null}`)
		w.str("country", m.country)
		w.integer("exp_month", pm.ExpMonth)
		w.integer("exp_year", pm.ExpYear)
		w.str("fingerprint", pm.Fingerprint)
		w.str("funding", m.funding)
		w.null("installments")
		w.str("last4", m.last4())
		w.null("mandate")
		w.str("network", m.brand)
		w.raw("network_token", `{"used":false}`)
		w.null("network_transaction_id", "regulated_status", "three_d_secure", "wallet")
		w.close()
	case "us_bank_account":
		w.open("us_bank_account")
		w.str("account_holder_type", "individual")
		w.str("account_type", "checking")
		w.str("bank_name", "STRIPE TEST BANK")
		w.str("fingerprint", pm.Fingerprint)
		w.str("last4", pm.accountLast4())
		if ch.Mandate != "" {
			w.ref("mandate", ch.Mandate)
		}
		w.null("payment_reference")
		w.str("routing_number", "110000000")
		w.close()
	case "sepa_debit":
		w.open("sepa_debit")
		w.str("bank_code", "37040044")
		w.str("branch_code", "")
		w.str("country", m.country)
		w.str("fingerprint", pm.Fingerprint)
		w.str("last4", pm.accountLast4())
		w.opt("mandate", ch.Mandate)
		w.close()
	}
	w.str("type", pm.Type)
	w.close()
}

var chargeRoutes = []route{
	{method: "GET", pattern: "/v1/charges", kind: "charge", list: true, handle: listCharges, fields: listFields.with(fields{
		"customer": text, "payment_intent": text,
	}).ignoring("transfer_group")},
	{method: "GET", pattern: "/v1/charges/{}", kind: "charge", handle: func(c *call) (object, *apiError) {
		return resourceAt[*charge](c, 0, "charge", "charge")
	}},
}

// givenBack is what was refunded of the money taken.
func (ch *charge) givenBack() int64 { return ch.Refunded - ch.Released }

// captured is what was really taken; what a partial capture left is part of Refunded.
func (ch *charge) captured() int64 {
	switch {
	case ch.Status != chargeSucceeded || ch.Held:
		return 0
	case ch.Released > 0:
		return ch.Amount - ch.Released
	}
	return ch.Amount
}

// newCharge records what the issuer, or a bank debit, made of a payment.
func (c *call) newCharge(pi *paymentIntent, pm *paymentMethod, status string, no *decline) *charge {
	prefix := "ch_"
	if pm.Type != "card" {
		prefix = "py_"
	}
	ch := &charge{
		header: c.newHeader(prefix, pi.Metadata), Amount: pi.Amount, Currency: pi.Currency, Customer: pi.Customer,
		Terms: pi.Terms, Status: status, PaymentIntent: pi.ID, Previous: pi.LatestCharge, Method: pm, Decline: no,
	}
	c.sandbox.store.add("charge", ch, pi.Customer)
	return ch
}

func listCharges(c *call) (object, *apiError) {
	cus, pi := c.params.str("customer"), c.params.str("payment_intent")
	ids := c.sandbox.store.indexes[indexKey{"charge", cus}]
	if pi != "" {
		ids = c.sandbox.store.chargesOf(pi)
	}
	return result(page(c, "charge", ids, func(ch *charge) bool {
		return cus == "" || cus == ch.Customer
	}))
}

// chargesOf returns the charges of a PaymentIntent, oldest first. They are chained rather
// than indexed: nearly all PaymentIntents have one.
func (st *store) chargesOf(id string) []string {
	var ids []string
	if pi, ok := lookup[*paymentIntent](st, id); ok {
		for ch, ok := lookup[*charge](st, pi.LatestCharge); ok; ch, ok = lookup[*charge](st, ch.Previous) {
			ids = append(ids, ch.ID)
		}
	}
	slices.Reverse(ids)
	return ids
}
