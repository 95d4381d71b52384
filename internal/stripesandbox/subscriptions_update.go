package stripesandbox

import (
	"maps"
	"slices"
	"time"
)

func updateSubscription(c *call) (object, *apiError) {
	old, err := c.changeableSubscription()
	if err != nil {
		return nil, err
	}
	if old.over() {
		return c.updateEnded(old)
	}
	if err := c.checkIncomplete(old); err != nil {
		return nil, err
	}
	plan, err := c.planUpdate(old)
	if err != nil {
		c.takeBack()
		return nil, err
	}
	c.redeem(plan.discounts)
	now := c.timeOf(old.TestClock)
	next := plan.next
	sub := c.changeSubscription(old, func(o *subscription) { *o = next })
	if sub.CancelAt != old.CancelAt {
		c.scheduleCancel(sub)
	}
	switch {
	case plan.endsTrial:
		c.emit("customer.subscription.trial_will_end", sub)
		if !c.endWithoutMethod(sub) {
			sub = c.billNow(sub, now)
		}
	case plan.startsTrial:
		sub, inv := c.rollTrial(sub)
		c.finalizeInvoice(inv)
		c.setUpLater(c.current(sub), c.params.str("payment_behavior"))
	case sub.TrialEnd != old.TrialEnd:
		c.scheduleOn(sub.TestClock, sub.periodEnd(), duePeriodEnds, sub.ID)
		c.announceTrialEnd(sub, now)
	case plan.newCycle:
		c.billNow(sub, now)
	}
	return c.current(sub), nil
}

// changeableSubscription returns that of the route unless its test clock is moving it.
func (c *call) changeableSubscription() (*subscription, *apiError) {
	sub, err := resourceAt[*subscription](c, 0, "subscription", "id")
	if err == nil {
		err = c.clockBusy(sub.TestClock)
	}
	return sub, err
}

// updateEnded is what can still be changed once a subscription is over.
func (c *call) updateEnded(old *subscription) (object, *apiError) {
	for name := range c.params.fields {
		if name != "metadata" && name != "cancellation_details" && name != "expand" {
			return nil, invalidRequest("A canceled subscription can only update its cancellation_details and metadata.")
		}
	}
	return c.changeSubscription(old, func(o *subscription) {
		o.Metadata = c.params.metadata(o.Metadata)
		o.changeDetails(c.params.sub("cancellation_details"))
	}), nil
}

// changesIncomplete are the parameters that an incomplete subscription can be updated with.
// The others would ask for a second invoice beside the first, or make that one untrue.
// https://docs.stripe.com/api/subscriptions/object#subscription_object-status
var changesIncomplete = []string{"metadata", "default_payment_method", "default_source", "off_session", "payment_behavior", "proration_behavior", "expand"}

func (c *call) checkIncomplete(old *subscription) *apiError {
	for _, name := range slices.Sorted(maps.Keys(c.params.fields)) {
		if old.Status == subIncomplete && !slices.Contains(changesIncomplete, name) {
			return invalidParam(name, "A subscription whose status is `incomplete` can only update its metadata and default payment method until its first invoice is paid.")
		}
	}
	return nil
}

// updatePlan is what an update is going to do, once it is known to be in order.
type updatePlan struct {
	next                             subscription
	discounts                        []*discount // to be redeemed
	endsTrial, startsTrial, newCycle bool
}

func (c *call) planUpdate(old *subscription) (updatePlan, *apiError) {
	p, now := c.params, c.timeOf(old.TestClock)
	plan := updatePlan{next: *old}
	next := &plan.next
	next.Metadata = p.metadata(old.Metadata)
	if err := c.changeSettings(next); err != nil {
		return plan, err
	}
	next.changeDetails(p.sub("cancellation_details"))
	if p.sent("discounts") {
		coupons, err := c.couponsFrom(p, old.Currency)
		if err != nil {
			return plan, err
		}
		plan.discounts = c.newDiscounts(coupons, old, now)
		next.Discounts = idsOf(plan.discounts)
	}
	if p.has("items") {
		items, err := c.changedItems(old)
		if err != nil {
			return plan, err
		}
		next.Items = items
	}
	if err := next.noteCancellation(p, now); err != nil {
		return plan, err
	}
	if err := plan.changeTrial(old, p, now); err != nil {
		return plan, err
	}
	if next.CancelAtPeriodEnd {
		next.CancelAt = next.Items[0].PeriodEnd
	}
	r, before := next.recurring(), old.recurring()
	billed := next.Status != subTrialing && next.Status != subPaused && !plan.endsTrial
	if billed && (r.Interval != before.Interval || r.IntervalCount != before.IntervalCount) {
		plan.newCycle = true
		next.Anchor = now.Unix()
	}
	if plan.endsTrial || plan.newCycle {
		rolled := *next
		rolled.Status = subActive
		rolled.setPeriod(now, r.next(now, now))
		return plan, c.checkUpdatePayment(&rolled, now)
	}
	return plan, nil
}

// checkUpdatePayment is checkPayment for an update, which goes on without a method.
func (c *call) checkUpdatePayment(rolled *subscription, now time.Time) *apiError {
	if c.params.str("payment_behavior") != errorIfIncomplete {
		return nil
	}
	return c.checkPayment(rolled, c.bill(rolled, c.discountsAt(rolled.Discounts, now), nil))
}

func (plan *updatePlan) changeTrial(old *subscription, p *params, now time.Time) *apiError {
	next := &plan.next
	end, err := trialEnd(p, now)
	switch {
	case err != nil:
		return err
	case p.str("trial_end") == "now":
		if plan.endsTrial = old.Status == subTrialing; plan.endsTrial {
			next.TrialEnd, next.Anchor = now.Unix(), now.Unix()
		}
	case end.IsZero():
	case old.Status == subTrialing:
		next.TrialEnd, next.Anchor = end.Unix(), end.Unix()
		next.setPeriod(time.Unix(old.Items[0].PeriodStart, 0), end)
	case old.Status == subActive:
		plan.startsTrial = true
		next.startTrial(now, end)
	default:
		return invalidParam("trial_end", "A subscription whose status is `"+old.Status+"` cannot be put on trial.")
	}
	return nil
}

// changeSettings applies the parameters that creating and updating have in common.
func (c *call) changeSettings(o *subscription) *apiError {
	p := c.params
	if id := p.str("default_payment_method"); id != "" {
		pm, err := c.ownMethod(id, o.Customer)
		if err != nil {
			return err
		}
		o.DefaultPaymentMethod = pm.ID
	} else if p.sent("default_payment_method") {
		o.DefaultPaymentMethod = ""
	}
	if p.sent("description") {
		o.Description = p.str("description")
	}
	if p.has("collection_method") {
		o.CollectionMethod = p.str("collection_method")
	}
	if p.has("days_until_due") {
		o.DaysUntilDue = p.integer("days_until_due")
	}
	if p.has("cancel_at_period_end") {
		o.CancelAtPeriodEnd = p.boolean("cancel_at_period_end")
	}
	if p.sent("cancel_at") {
		o.CancelAt = p.integer("cancel_at")
	}
	settings := p.sub("payment_settings")
	if settings.has("save_default_payment_method") {
		o.SaveDefaultMethod = settings.str("save_default_payment_method")
	}
	if settings.sent("payment_method_types") {
		o.PaymentMethodTypes = settings.strings("payment_method_types")
	}
	if end := p.sub("trial_settings").sub("end_behavior"); end.has("missing_payment_method") {
		o.MissingMethod = end.str("missing_payment_method")
	}
	return nil
}

func (o *subscription) changeDetails(p *params) {
	if p.sent("comment") {
		o.CancelComment = p.str("comment")
	}
	if p.sent("feedback") {
		o.CancelFeedback = p.str("feedback")
	}
}

// checkCancelAt refuses an end that has passed, or two of them.
func (o *subscription) checkCancelAt(now time.Time) *apiError {
	switch {
	case o.CancelAt == 0:
		return nil
	case o.CancelAtPeriodEnd:
		return invalidCode("parameters_exclusive", "cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	case o.CancelAt <= now.Unix():
		return invalidParam("cancel_at", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	}
	return nil
}

// noteCancellation keeps canceled_at and the reason in step with a planned end.
func (o *subscription) noteCancellation(p *params, now time.Time) *apiError {
	if !p.sent("cancel_at") && !p.sent("cancel_at_period_end") {
		return nil
	}
	if o.CancelAtPeriodEnd && !p.has("cancel_at") {
		o.CancelAt = o.Items[0].PeriodEnd
	} else if !o.CancelAtPeriodEnd && p.sent("cancel_at_period_end") && !p.has("cancel_at") {
		o.CancelAt = 0
	} else if err := o.checkCancelAt(now); err != nil {
		return err
	}
	o.CanceledAt, o.CancelReason = 0, ""
	if o.CancelAt != 0 {
		o.CanceledAt, o.CancelReason = now.Unix(), "cancellation_requested"
	}
	return nil
}

// billNow begins a period in the middle of another and collects its invoice at once.
func (c *call) billNow(sub *subscription, now time.Time) *subscription {
	behaviour := c.params.str("payment_behavior")
	sub, inv := c.roll(sub, now, sub.Anchor, reasonUpdate, subActive)
	inv = c.finalizeInvoice(inv)
	if inv.Status == invoicePaid {
		c.setUpLater(c.current(sub), behaviour)
		return sub
	}
	if sub.CollectionMethod != chargeAutomatically {
		return sub
	}
	pm := c.billingMethod(sub, inv)
	if behaviour == defaultIncomplete || pm == nil {
		if sub.Status == subActive {
			sub = c.changeSubscription(sub, func(o *subscription) { o.Status = subPastDue })
		}
		return sub
	}
	_ = c.collect(c.retryLater(inv), pm, c.params.boolean("off_session")) // told by the subscription
	return sub
}

// rollTrial makes the zero invoice of a trial that begins with an update.
func (c *call) rollTrial(sub *subscription) (*subscription, *invoice) {
	inv := c.newInvoice(sub, c.bill(sub, nil, nil), reasonUpdate)
	sub = c.changeSubscription(sub, func(o *subscription) { o.LatestInvoice = inv.ID })
	c.emit("invoice.created", inv)
	c.scheduleOn(sub.TestClock, sub.periodEnd(), duePeriodEnds, sub.ID)
	c.announceTrialEnd(sub, c.timeOf(sub.TestClock))
	return sub, inv
}

// changeSubscription stores a changed subscription and tells of the change, if there is any.
func (c *call) changeSubscription(old *subscription, change func(*subscription)) *subscription {
	next := update(c, old, func(o *subscription) {
		o.Items = slices.Clone(o.Items)
		change(o)
	})
	if previous := previousAttributes(old, next); previous != nil {
		c.emitChange("customer.subscription.updated", next, previous)
	}
	return next
}
