package stripesandbox

import (
	"fmt"
	"time"
)

// draftLife is how long the invoice of a renewal stays a draft.
const draftLife = time.Hour

func finalizeInvoice(c *call) (object, *apiError) {
	inv, err := c.changeableInvoice()
	if err != nil {
		return nil, err
	}
	if inv.Status != invoiceDraft {
		return nil, notEditable("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	if c.params.has("auto_advance") {
		inv = update(c, inv, func(o *invoice) { o.AutoAdvance = c.params.boolean("auto_advance") })
	}
	inv = c.finalizeInvoice(inv)
	if inv.Status == invoiceOpen && inv.AutoAdvance && inv.CollectionMethod == chargeAutomatically {
		at := c.timeOf(inv.TestClock).Add(draftLife)
		inv = c.changeInvoice(inv, func(o *invoice) { o.NextPaymentAttempt = at.Unix() })
		c.scheduleOn(inv.TestClock, at, dueInvoiceCollects, inv.ID)
	}
	return inv, nil
}

// finalizeInvoice opens a draft for payment, or marks it paid when nothing is due.
func (c *call) finalizeInvoice(inv *invoice) *invoice {
	now := c.timeOf(inv.TestClock)
	cus, _ := lookup[*customer](c.sandbox.store, inv.Customer)
	start := cus.openBalance()
	due, ending := settleBalance(inv.Total, start, inv.Currency)
	next := update(c, cus, func(o *customer) { o.InvoiceSequence++ })
	if ending != start && !cus.Deleted {
		kind := balanceApplied
		if due == 0 && ending > 0 {
			kind = balanceTooSmall
		}
		next = c.changeBalance(next, ending-start, inv.Currency, kind, inv.ID)
	}
	inv = update(c, inv, func(o *invoice) {
		o.Status, o.FinalizedAt, o.FinalizesAt = invoiceOpen, now.Unix(), 0
		o.Number = fmt.Sprintf("%s-%04d", cus.InvoicePrefix, next.InvoiceSequence)
		o.StartingBalance, o.EndingBalance, o.AmountDue = start, ending, due
		o.URL = c.sandbox.publicURL + "/_sandbox/invoice/" + o.ID
		if o.CollectionMethod == sendInvoice {
			sub, _ := lookup[*subscription](c.sandbox.store, o.Subscription)
			o.DueDate = now.Add(time.Duration(sub.DaysUntilDue) * 24 * time.Hour).Unix()
		}
	})
	var pi *paymentIntent
	if due > 0 {
		inv, pi = c.mintInvoicePayment(inv)
	}
	c.emit("invoice.finalized", inv)
	switch {
	case due == 0:
		return c.markPaid(inv, 0)
	case inv.CollectionMethod == sendInvoice:
		c.scheduleOn(inv.TestClock, time.Unix(inv.DueDate, 0), dueInvoiceOverdue, inv.ID)
		c.emit("invoice.sent", inv)
	}
	c.emit("payment_intent.created", pi)
	return inv
}

// mintInvoicePayment makes the one PaymentIntent by which an invoice is paid.
func (c *call) mintInvoicePayment(inv *invoice) (*invoice, *paymentIntent) {
	sub, _ := lookup[*subscription](c.sandbox.store, inv.Subscription)
	terms := paymentTerms{Description: "Subscription update", Invoice: inv.ID, PaymentMethodTypes: sub.PaymentMethodTypes}
	if inv.BillingReason == reasonCreate {
		terms.Description, terms.SetupFutureUsage = "Subscription creation", "off_session"
	}
	pi := &paymentIntent{
		header: c.newHeader("pi_", nil), Amount: inv.AmountDue, Currency: inv.Currency, Customer: inv.Customer,
		Status: statusRequiresPaymentMethod, Terms: &terms,
	}
	if pm := c.billingMethod(sub, inv); pm != nil && inv.CollectionMethod == chargeAutomatically {
		pi.PaymentMethod, pi.Status = pm.ID, statusRequiresConfirmation
	}
	c.sandbox.store.add("payment_intent", pi, pi.Customer)
	payment := &invoicePayment{
		header: c.newHeader("inpay_", nil), Invoice: inv.ID, PaymentIntent: pi.ID, Currency: inv.Currency, Status: "open", Requested: inv.AmountDue,
	}
	c.sandbox.store.add("invoice_payment", payment, inv.ID)
	return update(c, inv, func(o *invoice) { o.PaymentIntent = pi.ID }), pi
}

// markPaid is the end of an invoice whose money is there, or of which nothing is due.
func (c *call) markPaid(inv *invoice, received int64) *invoice {
	now := c.timeOf(inv.TestClock)
	inv = update(c, inv, func(o *invoice) {
		o.Status, o.AmountPaid, o.PaidAt = invoicePaid, received, now.Unix()
		o.Attempted, o.NextPaymentAttempt, o.AutoAdvance = true, 0, false
	})
	c.emit("invoice.paid", inv)
	c.emit("invoice.payment_succeeded", inv)
	c.endPayment(inv, "paid", now)
	if inv.PaymentIntent == "" {
		c.followInvoice(inv, nil)
	}
	return inv
}

func voidInvoice(c *call) (object, *apiError) {
	inv, err := c.changeableInvoice()
	if err != nil {
		return nil, err
	}
	if inv.Status != invoiceOpen && inv.Status != invoiceUncollectible {
		return nil, notEditable("You can only pass in open invoices. This invoice isn't open.")
	}
	if c.debiting(inv) {
		return nil, notEditable("This invoice has a payment that is still processing; it cannot be voided.")
	}
	inv = c.voidInvoice(inv)
	sub, _ := lookup[*subscription](c.sandbox.store, inv.Subscription)
	switch {
	case sub.LatestInvoice != inv.ID:
	case sub.Status == subIncomplete:
		c.expireIncomplete(sub)
	case sub.Status == subPastDue, sub.Status == subUnpaid:
		c.changeSubscription(sub, func(o *subscription) { o.Status = subActive })
	}
	return inv, nil
}

func (c *call) voidInvoice(inv *invoice) *invoice {
	now := c.timeOf(inv.TestClock)
	inv = update(c, inv, func(o *invoice) {
		o.Status, o.VoidedAt, o.AutoAdvance, o.NextPaymentAttempt = invoiceVoid, now.Unix(), false, 0
	})
	c.abandonPayment(inv)
	c.emit("invoice.voided", inv)
	c.endPayment(inv, "canceled", now)
	return inv
}

// debiting reports whether a bank debit for the invoice is under way. Nobody can stop it.
func (c *call) debiting(inv *invoice) bool {
	pi, ok := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	return ok && pi.Status == statusProcessing
}

// abandonPayment cancels the PaymentIntent of an invoice that it can pay no more.
func (c *call) abandonPayment(inv *invoice) {
	if pi, ok := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent); ok && pi.Status != statusSucceeded && pi.Status != statusCanceled {
		c.cancelPayment(pi, "void_invoice")
	}
}
