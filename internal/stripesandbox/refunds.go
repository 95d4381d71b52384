package stripesandbox

import "slices"

const refundFailed = "failed"

// refund: https://docs.stripe.com/api/refunds/object
type refund struct {
	header
	Amount        int64
	Currency      string
	Charge        string
	PaymentIntent string
	Reason        string
	Status        string
	FailureReason string
	PendingReason string
	Key           string // the idempotency key it was asked for with
}

func (r *refund) render(w *writer) {
	w.open("")
	w.str("id", r.ID)
	w.str("object", "refund")
	w.integer("amount", r.Amount)
	if r.settled() {
		w.ref("balance_transaction", transactionID(r.ID))
	} else {
		w.null("balance_transaction")
	}
	w.ref("charge", r.Charge)
	w.integer("created", r.Created)
	w.str("currency", r.Currency)
	w.raw("destination_details", `{"card":{"reference_status":"pending","reference_type":"acquirer_reference_number","type":"refund"},"type":"card"}`)
	if r.Status == refundFailed {
		w.ref("failure_balance_transaction", failureID(r.ID))
	}
	w.present("failure_reason", r.FailureReason)
	w.metadata(r.Metadata)
	w.ref("payment_intent", r.PaymentIntent)
	w.present("pending_reason", r.PendingReason)
	w.opt("reason", r.Reason)
	w.null("receipt_number", "source_transfer_reversal")
	w.str("status", r.Status)
	w.null("transfer_reversal")
	w.close()
}

var refundRoutes = []route{
	{method: "POST", pattern: "/v1/refunds", kind: "refund", handle: createRefund, fields: fields{
		"charge": text, "payment_intent": text, "amount": integer, "metadata": metadata,
		"reason": oneOf("duplicate", "fraudulent", "requested_by_customer"),
	}.ignoring("instructions_email", "refund_application_fee", "reverse_transfer")},
	{method: "GET", pattern: "/v1/refunds", kind: "refund", list: true, handle: listRefunds, fields: listFields.with(fields{
		"charge": text, "payment_intent": text,
	})},
	{method: "GET", pattern: "/v1/charges/{}/refunds", kind: "refund", list: true, handle: func(c *call) (object, *apiError) {
		ch, err := resourceAt[*charge](c, 0, "charge", "charge")
		if err != nil {
			return nil, err
		}
		return result(page[*refund](c, "refund", c.sandbox.store.indexes[indexKey{"refund", ch.ID}], nil))
	}, fields: listFields},
	{method: "POST", pattern: "/v1/refunds/{}", kind: "refund", fields: fields{"metadata": metadata}, handle: func(c *call) (object, *apiError) {
		r, err := resourceAt[*refund](c, 0, "refund", "refund")
		if err != nil {
			return nil, err
		}
		r = update(c, r, func(r *refund) { r.Metadata = c.params.metadata(r.Metadata) })
		c.emit("refund.updated", r)
		return r, nil
	}},
	{method: "GET", pattern: "/v1/refunds/{}", kind: "refund", handle: func(c *call) (object, *apiError) {
		return resourceAt[*refund](c, 0, "refund", "refund")
	}},
}

func createRefund(c *call) (object, *apiError) {
	ch, err := c.chargeToRefund()
	if err != nil {
		return nil, err
	}
	left := ch.Amount - ch.Refunded
	amount := left
	if c.params.has("amount") {
		amount = c.params.integer("amount")
	}
	switch {
	case ch.Status != chargeSucceeded || ch.Held:
		return nil, invalidRequest("Charge " + ch.ID + " has no successful payment to refund: its status is " + ch.Status + ".")
	case c.chargedBack(ch):
		return nil, invalidCode("charge_disputed", "", "Charge "+ch.ID+" has been charged back; cannot issue a refund.")
	case left == 0:
		return nil, invalidCode("charge_already_refunded", "", "Charge "+ch.ID+" has already been refunded.")
	case amount < 1:
		return nil, invalidCode("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, invalidParam("amount", "Refund amount is greater than unrefunded amount on charge.")
	}
	r := &refund{
		header: c.newHeader("re_", c.params.metadata(nil)), Amount: amount, Currency: ch.Currency,
		Charge: ch.ID, PaymentIntent: ch.PaymentIntent, Reason: c.params.str("reason"), Status: statusSucceeded, Key: c.key,
	}
	course := ch.Method.test().refund
	if course == refundPendingFirst {
		r.Status, r.PendingReason = "pending", "processing"
	}
	c.sandbox.store.add("refund", r, ch.ID, ch.PaymentIntent)
	ch = update(c, ch, func(ch *charge) { ch.Refunded += amount })
	c.emit("refund.created", r)
	c.emit("charge.refunded", ch)
	if course != refundSucceeds && c.sandbox.cfg.AsyncDelay > 0 {
		c.schedule(c.now.Add(c.sandbox.cfg.AsyncDelay), dueSettleRefund, r.ID)
	}
	return r, nil
}

func (c *call) chargeToRefund() (*charge, *apiError) {
	if id := c.params.str("charge"); id != "" {
		return named[*charge](c, id, "charge", "charge")
	}
	id := c.params.str("payment_intent")
	if id == "" {
		return nil, invalidCode("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	pi, err := named[*paymentIntent](c, id, "payment_intent", "payment_intent")
	if err != nil {
		return nil, err
	}
	if pi.Status != statusSucceeded {
		return nil, pi.unexpected("This PaymentIntent (" + pi.ID + ") does not have a successful charge to refund.")
	}
	return named[*charge](c, pi.LatestCharge, "charge", "charge")
}

// settleRefundDue is what becomes of a refund that was not final.
func (c *call) settleRefundDue(id string) {
	r, _ := lookup[*refund](c.sandbox.store, id)
	ch, _ := lookup[*charge](c.sandbox.store, r.Charge)
	if ch.Method.test().refund == refundPendingFirst {
		r = update(c, r, func(r *refund) { r.Status, r.PendingReason = statusSucceeded, "" })
		c.emit("refund.updated", r)
		return
	}
	r = update(c, r, func(r *refund) { r.Status, r.FailureReason = refundFailed, "unknown" })
	update(c, ch, func(ch *charge) { ch.Refunded -= r.Amount })
	c.emit("refund.updated", r)
	c.emit("refund.failed", r)
}

func listRefunds(c *call) (object, *apiError) {
	ch, pi := c.params.str("charge"), c.params.str("payment_intent")
	owner := pi
	if ch != "" {
		owner = ch
	}
	return result(page(c, "refund", c.sandbox.store.indexes[indexKey{"refund", owner}], func(r *refund) bool {
		return pi == "" || pi == r.PaymentIntent
	}))
}

// refundsOf starts the name under which expand finds the refunds of a charge.
const refundsOf = "refunds:"

// refundList is the refunds of one charge, shown inside it when it is asked for.
func (s *Sandbox) refundList(charge string) object {
	out := &list{url: "/v1/charges/" + charge + "/refunds"}
	for _, id := range slices.Backward(s.store.indexes[indexKey{"refund", charge}]) {
		out.data = append(out.data, s.store.objects[id])
	}
	return out
}
