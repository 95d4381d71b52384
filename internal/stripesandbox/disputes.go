package stripesandbox

import (
	"slices"
	"time"
)

// Statuses of disputes.
const (
	disputeNeedsResponse = "needs_response"
	disputeUnderReview   = "under_review"
	disputeWon           = "won"
	disputeLost          = "lost"
)

// disputeTime is how long an account has to answer a dispute.
const disputeTime = 7 * 24 * time.Hour

// Evidence that decides a dispute in test mode, in uncategorized_text.
// https://docs.stripe.com/testing#evidence
const (
	winningEvidence = "winning_evidence"
	losingEvidence  = "losing_evidence"
)

// dispute: https://docs.stripe.com/api/disputes/object
type dispute struct {
	header
	Amount        int64
	Currency      string
	Charge        string
	PaymentIntent string
	Status        string
	DueBy         int64
	Submissions   int64
	Evidence      pairs
}

// evidenceNames are the parts of evidence, in the order in which Stripe shows them.
var evidenceNames = []string{
	"access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure", "cancellation_rebuttal",
	"customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
	"duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
	"refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
	"shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
	"uncategorized_file", "uncategorized_text",
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
	w.open("evidence")
	for _, name := range evidenceNames {
		w.opt(name, d.Evidence.get(name))
	}
	w.raw("enhanced_evidence", "{}")
	w.close()
	w.open("evidence_details")
	w.integer("due_by", d.DueBy)
	w.raw("enhanced_eligibility", "{}")
	w.boolean("has_evidence", len(d.Evidence) > 0)
	w.boolean("past_due", false)
	w.integer("submission_count", d.Submissions)
	w.close()
	w.boolean("is_charge_refundable", d.Status == disputeWon)
	w.boolean("livemode", false)
	w.metadata(d.Metadata)
	w.ref("payment_intent", d.PaymentIntent)
	w.str("reason", "fraudulent")
	w.str("status", d.Status)
	w.close()
}

func (d *dispute) open() bool {
	return d.Status == disputeNeedsResponse || d.Status == disputeUnderReview
}

// chargedBack reports whether the cardholder has the money back, for now or for good.
func (c *call) chargedBack(ch *charge) bool {
	return slices.ContainsFunc(c.sandbox.store.indexes[indexKey{"dispute", ch.ID}], func(id string) bool {
		d, ok := lookup[*dispute](c.sandbox.store, id)
		return ok && d.Status != disputeWon
	})
}

var disputeRoutes = []route{
	{method: "GET", pattern: "/v1/disputes", kind: "dispute", list: true, handle: listDisputes, fields: listFields.with(fields{
		"charge": text, "payment_intent": text,
	})},
	{method: "GET", pattern: "/v1/disputes/{}", kind: "dispute", handle: func(c *call) (object, *apiError) {
		return resourceAt[*dispute](c, 0, "dispute", "dispute")
	}},
	{method: "POST", pattern: "/v1/disputes/{}", kind: "dispute", handle: updateDispute, fields: fields{
		"evidence": objectOf(evidenceFields().ignoring("enhanced_evidence")), "metadata": metadata, "submit": boolean,
	}},
	{method: "POST", pattern: "/v1/disputes/{}/close", kind: "dispute", handle: closeDispute},
}

func evidenceFields() fields {
	f := make(fields, len(evidenceNames))
	for _, name := range evidenceNames {
		f[name] = text
	}
	return f
}

// dispute is the cardholder's complaint about a charge.
func (c *call) dispute(ch *charge) *dispute {
	update(c, ch, func(ch *charge) { ch.Disputed = true })
	due := c.now.Add(disputeTime)
	d := &dispute{
		header: c.newHeader("du_", nil), Amount: ch.captured(), Currency: ch.Currency, Charge: ch.ID, PaymentIntent: ch.PaymentIntent,
		Status: disputeNeedsResponse, DueBy: due.Unix(),
	}
	c.sandbox.store.add("dispute", d, ch.ID, ch.PaymentIntent)
	c.schedule(due, dueDecideDispute, d.ID)
	c.emit("charge.dispute.created", d)
	return d
}

// disputePayment is the cardholder who disputes any payment that took money, and not only
// one by a card that is made for it.
func (c *call) disputePayment(id string) (*dispute, *apiError) {
	pi, err := named[*paymentIntent](c, id, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	ch, ok := lookup[*charge](c.sandbox.store, pi.LatestCharge)
	switch {
	case !ok || ch.Status != chargeSucceeded || ch.Held:
		return nil, pi.unexpected("This PaymentIntent has a status of " + pi.Status + ", it has taken no money to dispute.")
	case ch.Disputed:
		return nil, invalidParam("intent", "The charge "+ch.ID+" has been disputed already.")
	}
	return c.dispute(ch), nil
}

func listDisputes(c *call) (object, *apiError) {
	ch, pi := c.params.str("charge"), c.params.str("payment_intent")
	owner := pi
	if ch != "" {
		owner = ch
	}
	return result(page(c, "dispute", c.sandbox.store.indexes[indexKey{"dispute", owner}], func(d *dispute) bool {
		return pi == "" || pi == d.PaymentIntent
	}))
}

// openDispute returns the dispute that the route names if it can still be answered.
func (c *call) openDispute() (*dispute, *apiError) {
	d, err := resourceAt[*dispute](c, 0, "dispute", "dispute")
	if err == nil && !d.open() {
		return nil, invalidParam("dispute", "This dispute is already closed: its status is "+d.Status+".")
	}
	return d, err
}

// updateDispute keeps evidence, and hands it in unless submit says that there is more.
func updateDispute(c *call) (object, *apiError) {
	old, err := c.openDispute()
	if err != nil {
		return nil, err
	}
	evidence := c.params.sub("evidence")
	submitted := evidence != nil && c.params.str("submit") != "false"
	d := update(c, old, func(d *dispute) {
		d.Metadata = c.params.metadata(d.Metadata)
		d.Evidence = d.Evidence.changedBy(evidence)
		if submitted {
			d.Status = disputeUnderReview
			d.Submissions++
		}
	})
	if previous := previousAttributes(old, d); previous != nil {
		c.emitChange("charge.dispute.updated", d, previous)
	}
	if submitted && c.sandbox.cfg.AsyncDelay > 0 {
		c.schedule(c.now.Add(c.sandbox.cfg.AsyncDelay), dueDecideDispute, d.ID)
	}
	return d, nil
}

// closeDispute accepts that the money is lost.
func closeDispute(c *call) (object, *apiError) {
	d, err := c.openDispute()
	if err != nil {
		return nil, err
	}
	return c.decide(d, disputeLost), nil
}

// decideDisputeDue is the bank's decision: on evidence that is known to win or to lose,
// and against an account that lets the time pass. Other evidence stays under review.
func (c *call) decideDisputeDue(id string) {
	d, _ := lookup[*dispute](c.sandbox.store, id)
	text := d.Evidence.get("uncategorized_text")
	switch {
	case d.Status == disputeUnderReview && text == winningEvidence:
		c.decide(d, disputeWon)
	case d.Status == disputeUnderReview && text == losingEvidence, d.Status == disputeNeedsResponse && c.now.Unix() >= d.DueBy:
		c.decide(d, disputeLost)
	}
}

func (c *call) decide(old *dispute, status string) *dispute {
	d := update(c, old, func(d *dispute) { d.Status = status })
	c.emitChange("charge.dispute.closed", d, previousAttributes(old, d))
	return d
}
