package stripesandbox

import (
	"slices"
	"time"
)

func deleteSubscription(c *call) (object, *apiError) {
	sub, err := c.changeableSubscription()
	switch {
	case err != nil:
		return nil, err
	case sub.over():
		return nil, noSuch("subscription", sub.ID, "id")
	case sub.Status == subIncomplete:
		return c.expireIncomplete(sub), nil
	}
	if c.params.boolean("invoice_now") {
		c.billLastUsage(sub, c.timeOf(sub.TestClock))
	}
	sub = update(c, c.current(sub), func(o *subscription) { o.changeDetails(c.params.sub("cancellation_details")) })
	return c.cancelSubscription(sub, "cancellation_requested"), nil
}

// cancelSubscription ends a subscription, one that never began like one that was not paid
// in time. Stripe leaves its invoices and its pending
// SetupIntent as they are, but collects nothing by itself any more.
func (c *call) cancelSubscription(sub *subscription, reason string) *subscription {
	if sub.Status == subIncomplete {
		return c.expireIncomplete(sub)
	}
	now := c.timeOf(sub.TestClock).Unix()
	sub = update(c, sub, func(o *subscription) {
		o.Status, o.EndedAt, o.CancelReason = subCanceled, now, reason
		if o.CanceledAt == 0 {
			o.CanceledAt = now
		}
	})
	for _, id := range slices.Clone(c.sandbox.store.indexes[indexKey{"invoice", sub.ID}]) {
		inv, _ := lookup[*invoice](c.sandbox.store, id)
		if inv.Status == invoiceDraft || inv.Status == invoiceOpen {
			c.changeInvoice(inv, func(o *invoice) { o.AutoAdvance, o.NextPaymentAttempt, o.FinalizesAt = false, 0, 0 })
		}
	}
	c.emit("customer.subscription.deleted", sub)
	return sub
}

// cancelSubscriptionsOf ends what a deleted customer is still subscribed to.
func (c *call) cancelSubscriptionsOf(customer string) {
	for _, id := range slices.Clone(c.sandbox.store.indexes[indexKey{"subscription", customer}]) {
		if sub, ok := lookup[*subscription](c.sandbox.store, id); ok && !sub.over() {
			c.cancelSubscription(sub, "cancellation_requested")
		}
	}
}

// expireIncomplete ends a subscription whose first invoice was not paid in time, or that
// was canceled before: Stripe treats both alike.
func (c *call) expireIncomplete(sub *subscription) *subscription {
	now := c.timeOf(sub.TestClock).Unix()
	sub = c.changeSubscription(sub, func(o *subscription) { o.Status, o.CanceledAt, o.EndedAt = subIncompleteExpired, now, now })
	c.voidLatest(sub)
	return sub
}

func (c *call) voidLatest(sub *subscription) {
	if inv, ok := lookup[*invoice](c.sandbox.store, sub.LatestInvoice); ok && inv.Status == invoiceOpen && !c.debiting(inv) {
		c.voidInvoice(inv)
	}
}

// paymentExpires is the end of the 23 hours in which a first payment, or that of a
// resumption, can be made.
func (c *call) paymentExpires(sub *subscription, now time.Time) {
	inv, ok := lookup[*invoice](c.sandbox.store, sub.LatestInvoice)
	if !ok || inv.Status != invoiceOpen || now.Unix() < inv.Created+int64(incompleteLife.Seconds()) {
		return
	}
	switch {
	case sub.Status == subIncomplete:
		c.expireIncomplete(sub)
	case sub.Status != subPaused:
	case c.debiting(inv): // what becomes of it is known later
		c.scheduleOn(sub.TestClock, now.Add(incompleteLife), dueIncompleteExpires, sub.ID)
	default:
		c.voidLatest(sub)
	}
}

func resumeSubscription(c *call) (object, *apiError) {
	sub, err := c.changeableSubscription()
	switch {
	case err != nil:
		return nil, err
	case sub.Status != subPaused:
		return nil, invalidRequest("This subscription cannot be resumed because its status is `" + sub.Status + "`: only one that is `paused` can be.")
	}
	if inv, ok := lookup[*invoice](c.sandbox.store, sub.LatestInvoice); ok && c.debiting(inv) {
		return nil, invalidRequest("This subscription cannot be resumed because the payment of its resumption is still processing.")
	}
	c.voidLatest(sub) // of a resumption before this one
	now := c.timeOf(sub.TestClock)
	anchor := sub.Anchor
	if c.params.str("billing_cycle_anchor") != "unchanged" {
		anchor = now.Unix()
	}
	sub, inv := c.roll(sub, now, anchor, reasonUpdate, subPaused)
	inv = c.finalizeInvoice(inv)
	switch {
	case inv.Status == invoicePaid:
		c.setUpLater(c.current(sub), defaultIncomplete)
	case sub.CollectionMethod == chargeAutomatically:
		c.scheduleOn(sub.TestClock, now.Add(incompleteLife), dueIncompleteExpires, sub.ID)
		if pm := c.billingMethod(sub, nil); pm != nil {
			_ = c.collect(inv, pm, false) // told by the subscription, which stays paused
		}
	}
	return c.current(sub), nil
}

// resumed tells that a paused subscription goes on.
func (c *call) resumed(sub *subscription) { c.emit("customer.subscription.resumed", sub) }
