package stripesandbox

import "time"

// What happens to subscriptions and invoices by themselves.
const (
	duePeriodEnds          dueAction = "period_ends"
	dueTrialWillEnd        dueAction = "trial_will_end"
	dueIncompleteExpires   dueAction = "incomplete_expires"
	dueSubscriptionCancels dueAction = "subscription_cancels"
	dueInvoiceFinalizes    dueAction = "invoice_finalizes"
	dueInvoiceCollects     dueAction = "invoice_collects"
	dueInvoiceOverdue      dueAction = "invoice_overdue"
)

// subscriptionDue does what has become due. Plans change and what was planned stays in
// the queue, so each action looks first whether it is still to happen.
func (c *call) subscriptionDue(id string, action func(sub *subscription, now time.Time)) {
	if sub, ok := lookup[*subscription](c.sandbox.store, id); ok && !sub.over() {
		action(sub, c.timeOf(sub.TestClock))
	}
}

func (c *call) trialWillEnd(sub *subscription, now time.Time) {
	if sub.Status == subTrialing && !now.Before(time.Unix(sub.TrialEnd, 0).Add(-trialNotice)) {
		c.emit("customer.subscription.trial_will_end", sub)
	}
}

func (c *call) cancelPlanned(sub *subscription, now time.Time) {
	if sub.CancelAt != 0 && sub.CancelAt <= now.Unix() {
		c.cancelSubscription(sub, "cancellation_requested")
	}
}

func (c *call) periodEnds(sub *subscription, now time.Time) {
	end := sub.periodEnd()
	if end.After(now) || sub.Status == subPaused || sub.Status == subIncomplete {
		return
	}
	switch {
	case sub.CancelAtPeriodEnd, sub.CancelAt != 0 && sub.CancelAt <= end.Unix():
		c.billLastUsage(sub, end)
		c.cancelSubscription(c.current(sub), "cancellation_requested")
	case sub.Status == subTrialing && c.endWithoutMethod(sub):
	default:
		c.renew(sub, end)
	}
}

// renew begins the next period. Its invoice can be looked at and changed for an hour
// before it is finalized and collected.
func (c *call) renew(sub *subscription, at time.Time) {
	_, inv := c.roll(sub, at, sub.Anchor, reasonCycle, subActive)
	if inv.AutoAdvance {
		c.scheduleOn(inv.TestClock, at.Add(draftLife), dueInvoiceFinalizes, inv.ID)
	}
}

// roll begins a period and drafts its invoice. A subscription in trial, or one that was
// paused, goes on as status says.
func (c *call) roll(sub *subscription, from time.Time, anchor int64, reason, status string) (*subscription, *invoice) {
	var past *period
	if sub.Status != subTrialing && sub.Status != subPaused {
		past = &period{time.Unix(sub.Items[0].PeriodStart, 0).UTC(), from}
	}
	next := *sub
	next.Anchor = anchor
	next.setPeriod(from, sub.recurring().next(next.anchor(), from))
	if sub.Status == subTrialing || sub.Status == subPaused {
		next.Status = status
	}
	b := c.bill(&next, c.discountsAt(sub.Discounts, from), past)
	inv := c.newInvoice(&next, b, reason)
	switch {
	case sub.Status == subUnpaid:
		inv = update(c, inv, func(o *invoice) { o.AutoAdvance = false })
	case reason == reasonCycle:
		inv = update(c, inv, func(o *invoice) { o.FinalizesAt = from.Add(draftLife).Unix() })
	}
	sub = c.changeSubscription(sub, func(o *subscription) {
		o.Status, o.Items, o.Anchor, o.LatestInvoice = next.Status, next.Items, next.Anchor, inv.ID
		o.keepDiscounts(b)
	})
	c.emit("invoice.created", inv)
	c.scheduleOn(sub.TestClock, sub.periodEnd(), duePeriodEnds, sub.ID)
	return sub, inv
}

// billLastUsage makes the last invoice of a subscription with metered prices.
func (c *call) billLastUsage(sub *subscription, end time.Time) {
	if sub.Status == subTrialing {
		return
	}
	b := c.finalBill(sub, c.discountsAt(sub.Discounts, end), period{time.Unix(sub.Items[0].PeriodStart, 0).UTC(), end})
	if b.subtotal == 0 {
		return
	}
	inv := c.newInvoice(sub, b, reasonCycle)
	c.changeSubscription(sub, func(o *subscription) { o.LatestInvoice = inv.ID })
	c.emit("invoice.created", inv)
	c.finalizeAndCollect(inv)
}

// endWithoutMethod ends a trial as trial_settings has it when there is nothing to charge.
// It reports whether it did: otherwise the trial ends with an invoice.
func (c *call) endWithoutMethod(sub *subscription) bool {
	if sub.CollectionMethod != chargeAutomatically || c.billingMethod(sub, nil) != nil {
		return false
	}
	switch sub.MissingMethod {
	case "cancel":
		c.cancelSubscription(sub, "cancellation_requested")
		return true
	case "pause":
		sub = c.changeSubscription(sub, func(o *subscription) { o.Status = subPaused })
		c.emit("customer.subscription.paused", sub)
		return true
	}
	return false
}

func (c *call) finalizeDue(id string) {
	inv, ok := lookup[*invoice](c.sandbox.store, id)
	if !ok || inv.Status != invoiceDraft || !inv.AutoAdvance || inv.FinalizesAt == 0 {
		return
	}
	c.finalizeAndCollect(inv)
}

func (c *call) finalizeAndCollect(inv *invoice) {
	inv = c.finalizeInvoice(inv)
	if inv.Status == invoiceOpen && inv.CollectionMethod == chargeAutomatically {
		c.attempt(inv, c.timeOf(inv.TestClock))
	}
}

// overdue is the end of the days that a customer has to pay an invoice sent to it.
func (c *call) overdue(id string) {
	inv, ok := lookup[*invoice](c.sandbox.store, id)
	if !ok || inv.Status != invoiceOpen {
		return
	}
	c.emit("invoice.overdue", inv)
	if sub, ok := lookup[*subscription](c.sandbox.store, inv.Subscription); ok && sub.Status == subActive && sub.LatestInvoice == inv.ID {
		c.changeSubscription(sub, func(o *subscription) { o.Status = subPastDue })
	}
}
