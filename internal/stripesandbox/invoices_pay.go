package stripesandbox

import (
	"slices"
	"time"
)

// retryWaits are the days from one automatic attempt of a renewal to the next: four
// attempts within two weeks. Stripe's own choose their time, up to eight of them.
var retryWaits = []int{3, 4, 7}

// notRetried are the refusals after which Stripe waits for another payment method.
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
var notRetried = []string{
	"incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization", "revocation_of_all_authorizations",
	"authentication_required", "highest_risk_level", "transaction_not_allowed",
}

// billingMethod is what Stripe charges an invoice or subscription to, nil when there is
// nothing: the invoice's own method, the subscription's, the customer's.
func (c *call) billingMethod(sub *subscription, inv *invoice) *paymentMethod {
	cus, _ := lookup[*customer](c.sandbox.store, sub.Customer)
	choices := []string{sub.DefaultPaymentMethod, cus.DefaultPaymentMethod}
	if inv != nil {
		choices = slices.Insert(choices, 0, inv.DefaultPaymentMethod)
	}
	for _, id := range choices {
		if pm, ok := lookup[*paymentMethod](c.sandbox.store, id); ok && pm.Customer == cus.ID {
			return pm
		}
	}
	return nil
}

// ownMethod returns a payment method that is attached to the customer.
func (c *call) ownMethod(id, customer string) (*paymentMethod, *apiError) {
	pm, ok := lookup[*paymentMethod](c.sandbox.store, id)
	switch {
	case !ok:
		return nil, inParam(noSuch("PaymentMethod", id, "default_payment_method"))
	case pm.Customer != customer:
		return nil, invalidCode("resource_missing", "default_payment_method", "The customer does not have a payment method with the ID "+id+". "+
			"The payment method must be attached to the customer.")
	}
	return pm, nil
}

func payInvoice(c *call) (object, *apiError) {
	inv, err := c.payable()
	if err != nil {
		return nil, err
	}
	outOfBand := c.params.boolean("paid_out_of_band")
	pm, err := c.payingMethod(inv)
	if err != nil && !outOfBand {
		return nil, err
	}
	if inv.Status == invoiceDraft {
		if inv = c.finalizeInvoice(inv); inv.Status == invoicePaid {
			return inv, nil
		}
		if !outOfBand && inv.AutoAdvance && inv.CollectionMethod == chargeAutomatically {
			inv = c.retryLater(inv)
		}
	}
	if outOfBand {
		c.abandonPayment(inv)
		inv = c.markPaid(inv, inv.AmountDue)
		c.followInvoice(inv, nil)
		return inv, nil
	}
	offSession := !c.params.has("off_session") || c.params.boolean("off_session")
	if err := c.collect(inv, pm, offSession); err != nil {
		return nil, err
	}
	inv, _ = lookup[*invoice](c.sandbox.store, inv.ID)
	if pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent); pi.Status == statusRequiresAction {
		e := actionRequired("invoice_payment_intent_requires_action", "this invoice", "invoice")
		e.PaymentIntent = pi
		return nil, e
	}
	return inv, nil
}

// payable returns the invoice of the route if it can be paid.
func (c *call) payable() (*invoice, *apiError) {
	inv, err := c.changeableInvoice()
	if err != nil {
		return nil, err
	}
	switch inv.Status {
	case invoiceDraft:
		return inv, nil
	case invoicePaid:
		return nil, notEditable("Invoice is already paid")
	case invoiceVoid:
		return nil, notEditable("This invoice is voided and can no longer be paid.")
	}
	pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	return inv, pi.confirmable()
}

// payingMethod is what the call charges an invoice to, nil when nothing will be due of it.
func (c *call) payingMethod(inv *invoice) (*paymentMethod, *apiError) {
	sub, _ := lookup[*subscription](c.sandbox.store, inv.Subscription)
	cus, _ := lookup[*customer](c.sandbox.store, inv.Customer)
	pm := c.billingMethod(sub, inv)
	if id := c.params.str("payment_method"); id != "" {
		var err *apiError
		if pm, err = c.usablePaymentMethod(id, inv.Customer); err != nil {
			return nil, err
		}
	}
	if pm != nil {
		return pm, checkMethodType(sub.PaymentMethodTypes, pm.Type, inv.Currency)
	}
	if due, _ := settleBalance(inv.Total, cus.openBalance(), inv.Currency); inv.Status == invoiceDraft && due == 0 {
		return nil, nil
	}
	return nil, noBillingMethod()
}

// retryLater plans the next automatic attempt, for the case that the one by hand fails.
func (c *call) retryLater(inv *invoice) *invoice {
	next := c.timeOf(inv.TestClock).AddDate(0, 0, retryWaits[0])
	c.scheduleOn(inv.TestClock, next, dueInvoiceCollects, inv.ID)
	return c.changeInvoice(inv, func(o *invoice) { o.NextPaymentAttempt = next.Unix() })
}

// collect tries to take the amount of an open invoice from pm. The invoice and its
// subscription follow the PaymentIntent; see emitPayment.
func (c *call) collect(inv *invoice, pm *paymentMethod, offSession bool) *apiError {
	pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	if err := checkMethodType(pi.Terms.PaymentMethodTypes, pm.Type, pi.Currency); err != nil {
		return err
	}
	_, err := c.confirmPayment(pi, pm, offSession, false)
	return err
}

// collectDue is Stripe's own attempt, the first one of a renewal or a later one.
func (c *call) collectDue(id string) {
	inv, ok := lookup[*invoice](c.sandbox.store, id)
	now := c.timeOf(inv.clockOf())
	if !ok || inv.Status != invoiceOpen || !inv.AutoAdvance || inv.NextPaymentAttempt == 0 || inv.NextPaymentAttempt > now.Unix() {
		return
	}
	c.attempt(inv, time.Unix(inv.NextPaymentAttempt, 0))
}

func (o *invoice) clockOf() string {
	if o == nil {
		return ""
	}
	return o.TestClock
}

// attempt is one automatic try to collect, and the plan for the next one.
func (c *call) attempt(inv *invoice, now time.Time) {
	pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	if pi.confirmable() != nil {
		return
	}
	var next time.Time
	if n := int(inv.AttemptCount); n < len(retryWaits) {
		next = now.AddDate(0, 0, retryWaits[n])
		c.scheduleOn(inv.TestClock, next, dueInvoiceCollects, inv.ID)
	}
	before := inv
	inv = update(c, inv, func(o *invoice) {
		o.AttemptCount++
		o.Attempted, o.NextPaymentAttempt = true, 0
		if !next.IsZero() {
			o.NextPaymentAttempt = next.Unix()
		}
	})
	sub, _ := lookup[*subscription](c.sandbox.store, inv.Subscription)
	pm := c.billingMethod(sub, inv)
	switch {
	case pm == nil, pm.ID == inv.RefusedMethod, checkMethodType(pi.Terms.PaymentMethodTypes, pm.Type, pi.Currency) != nil:
		c.emit("invoice.payment_failed", inv)
		c.followInvoice(inv, pi)
	case pm.test().wantsAuth(pm, true) && pm.test().offSession != authFirst:
		c.requireAction(pi, pm)
	default:
		_, _ = c.confirmPayment(pi, pm, true, false) // told by events and by the invoice
	}
	inv, _ = lookup[*invoice](c.sandbox.store, inv.ID)
	if pi, _ = lookup[*paymentIntent](c.sandbox.store, pi.ID); pi.Status == statusProcessing {
		c.emitChange("invoice.updated", inv, previousAttributes(before, inv))
	}
	if sub = c.current(sub); inv.Status == invoiceOpen && next.IsZero() && !sub.over() {
		c.giveUp(sub, inv)
	}
}

// giveUp is the end of dunning, as Config.AfterRetries has it. The invoice stays open.
func (c *call) giveUp(sub *subscription, inv *invoice) {
	c.changeInvoice(inv, func(o *invoice) { o.AutoAdvance = false })
	switch c.sandbox.cfg.AfterRetries {
	case AfterRetriesCancel:
		c.cancelSubscription(sub, "payment_failed")
	case AfterRetriesUnpaid:
		c.changeSubscription(sub, func(o *subscription) { o.Status = subUnpaid })
	case AfterRetriesPastDue:
	}
}

// emitPayment emits an event of a PaymentIntent and has the invoice that it pays follow.
func (c *call) emitPayment(eventType string, pi *paymentIntent) {
	inv, ok := lookup[*invoice](c.sandbox.store, pi.Terms.Invoice)
	if !ok || inv.Status != invoiceOpen {
		c.emit(eventType, pi)
		return
	}
	refused := pi.Status == statusRequiresPaymentMethod
	before := inv
	inv = update(c, inv, func(o *invoice) {
		o.Attempted, o.AttemptCount = true, max(o.AttemptCount, 1)
		o.RefusedMethod = ""
		if pi.Status == statusRequiresAction {
			o.RefusedMethod = pi.PaymentMethod
		} else if refused && pi.LastError.PaymentMethod != nil && pi.LastError.notRetried() {
			o.RefusedMethod = pi.LastError.PaymentMethod.ID
		}
	})
	switch {
	case pi.Status == statusSucceeded:
		inv = c.markPaid(inv, pi.Received)
	case pi.Status == statusRequiresAction, refused && pi.LastError.Code == "authentication_required":
		c.emit("invoice.payment_action_required", inv)
		c.emit("invoice.payment_failed", inv)
	case refused:
		c.emit("invoice.payment_failed", inv)
	default: // a debit is under way
		if previous := previousAttributes(before, inv); previous != nil {
			c.emitChange("invoice.updated", inv, previous)
		}
	}
	c.emit(eventType, pi)
	c.followInvoice(inv, pi)
}

func (e *apiError) notRetried() bool {
	return slices.Contains(notRetried, e.Code) || slices.Contains(notRetried, e.DeclineCode)
}

// followInvoice changes a subscription by what became of its invoice.
func (c *call) followInvoice(inv *invoice, pi *paymentIntent) {
	sub, ok := lookup[*subscription](c.sandbox.store, inv.Subscription)
	if !ok || sub.over() {
		return
	}
	latest := sub.LatestInvoice == inv.ID
	switch {
	case inv.Status == invoicePaid:
		next := c.changeSubscription(sub, func(o *subscription) {
			if latest && slices.Contains([]string{subIncomplete, subPastDue, subUnpaid, subPaused}, o.Status) {
				o.Status = subActive
			}
			if pi != nil && o.SaveDefaultMethod == "on_subscription" {
				o.DefaultPaymentMethod = pi.PaymentMethod
			}
		})
		if sub.Status == subPaused && next.Status == subActive {
			c.resumed(next)
		}
	case pi == nil:
	case pi.Status == statusProcessing:
		if sub.Status == subIncomplete {
			c.changeSubscription(sub, func(o *subscription) { o.Status = subActive })
		}
	case sub.Status == subActive && latest:
		c.changeSubscription(sub, func(o *subscription) { o.Status = subPastDue })
	}
}

// payInvoiceAsBuyer is one try of the customer to pay an open invoice on its page.
func (c *call) payInvoiceAsBuyer(inv *invoice, in Payment) (*invoice, *apiError) {
	if inv.Status != invoiceOpen {
		return nil, invalidRequest("This invoice cannot be paid: its status is " + inv.Status + ".")
	}
	pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	if err := pi.confirmable(); err != nil {
		return nil, err
	}
	if pi.Status != statusRequiresAction || in.Number != "" || in.PaymentMethod != "" {
		pm, err := c.enteredMethod(inv.Customer, in)
		if err == nil {
			err = checkMethodType(pi.Terms.PaymentMethodTypes, pm.Type, pi.Currency)
		}
		if err != nil {
			return nil, err
		}
		// What the customer enters here is saved for the renewals.
		pi = update(c, pi, func(pi *paymentIntent) {
			pi.Terms = pi.Terms.with(func(t *paymentTerms) { t.SetupFutureUsage = "off_session" })
		})
		if pi, err = c.confirmPayment(pi, pm, false, false); err != nil {
			return nil, err
		}
	}
	if pi.Status == statusRequiresAction {
		if in.Authenticate == AuthenticationAbandoned {
			return nil, challengeOpen()
		}
		if _, err := c.authenticatePayment(pi, in.Authenticate != AuthenticationFailed); err != nil {
			return nil, err
		}
	}
	return named[*invoice](c, inv.ID, "invoice", "invoice")
}

func (c *call) enteredMethod(customer string, in Payment) (*paymentMethod, *apiError) {
	switch {
	case in.Number != "":
		m, err := testMethodByNumber(in.Number)
		if err != nil {
			return nil, err
		}
		return c.usablePaymentMethod(m.token, customer)
	case in.PaymentMethod != "":
		return c.usablePaymentMethod(in.PaymentMethod, customer)
	}
	return nil, missingParam("payment_method")
}
