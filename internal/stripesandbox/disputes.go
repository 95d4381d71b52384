package stripesandbox

// dispute: https://docs.stripe.com/api/disputes/object
type dispute struct {
	header
	Amount        int64
	Currency      string
	Charge        string
	PaymentIntent string
}

func (d *dispute) render(w *writer) {
	w.open("")
	w.str("id", d.ID)
	w.str("object", "dispute")
	w.integer("amount", d.Amount)
	w.raw("balance_transactions", "[]")
	w.ref("charge", d.Charge)
	w.integer("created", d.Created)
	w.str("currency", d.Currency)
	w.raw("enhanced_eligibility_types", "[]")
	w.raw("evidence", `{"enhanced_evidence":{}}`)
	w.raw("evidence_details", `{"due_by":null,"enhanced_eligibility":{},"has_evidence":false,"past_due":false,"submission_count":0}`)
	w.boolean("is_charge_refundable", true)
	w.boolean("livemode", false)
	w.metadata(d.Metadata)
	w.ref("payment_intent", d.PaymentIntent)
	w.str("reason", "fraudulent")
	w.str("status", "needs_response")
	w.close()
}

var disputeRoutes = []route{
	{method: "GET", pattern: "/v1/disputes/{}", kind: "dispute", handle: func(c *call) (object, *apiError) {
		return resourceAt[*dispute](c, 0, "dispute", "dispute")
	}},
}

// dispute is the cardholder's complaint about a charge.
func (c *call) dispute(ch *charge) {
	update(c, ch, func(ch *charge) { ch.Disputed = true })
	d := &dispute{header: c.newHeader("du_", nil), Amount: ch.Amount, Currency: ch.Currency, Charge: ch.ID, PaymentIntent: ch.PaymentIntent}
	c.sandbox.store.add("dispute", d, ch.ID)
	c.emit("charge.dispute.created", d)
}
