package stripesandbox

import (
	"net/http"
	"strconv"
	"time"
)

// Values of payment_behavior.
const (
	allowIncomplete   = "allow_incomplete"
	defaultIncomplete = "default_incomplete"
	errorIfIncomplete = "error_if_incomplete"
)

const (
	// maxTrial is the longest trial. https://docs.stripe.com/api/subscriptions/create
	maxTrial = 730 * 24 * time.Hour
	// incompleteLife is how long the first payment can be made up for.
	incompleteLife = 23 * time.Hour
	// trialNotice is how long before the end of a trial Stripe tells of it.
	trialNotice = 3 * 24 * time.Hour
)

func createSubscription(c *call) (object, *apiError) {
	cus, err := c.customer(c.params.str("customer"), "customer")
	if err != nil {
		return nil, inParam(err)
	}
	if err := c.clockBusy(cus.TestClock); err != nil {
		return nil, err
	}
	sub, discounts, first, err := c.planSubscription(cus)
	if err != nil {
		c.takeBack()
		return nil, err
	}
	c.redeem(discounts)
	sub.Discounts = idsOf(discounts)
	c.sandbox.store.add("subscription", sub, cus.ID)
	return c.start(sub, first), nil
}

// planSubscription is everything that can be refused about a new subscription.
func (c *call) planSubscription(cus *customer) (*subscription, []*discount, bill, *apiError) {
	sub, discounts, err := c.newSubscription(cus)
	if err != nil {
		return nil, nil, bill{}, err
	}
	first := c.bill(sub, discounts, nil)
	return sub, discounts, first, c.checkPayment(sub, first)
}

// newSubscription reads the parameters, the first period included; nothing is stored yet
// but the prices of price_data.
func (c *call) newSubscription(cus *customer) (*subscription, []*discount, *apiError) {
	p, now := c.params, c.timeOf(cus.TestClock)
	sub := &subscription{
		header: c.newHeader("sub_", p.metadata(nil)), Customer: cus.ID, TestClock: cus.TestClock, CollectionMethod: chargeAutomatically,
		SaveDefaultMethod: "off", MissingMethod: "create_invoice", Anchor: now.Unix(), StartDate: now.Unix(), Status: subIncomplete,
	}
	sub.Created = now.Unix()
	if err := checkBehaviour(p); err != nil {
		return nil, nil, err
	}
	for i, element := range p.list("items") {
		item, err := c.newItem(element.sub, paramPath("items", itoa(i)))
		if err != nil {
			return nil, nil, err
		}
		item.Subscription, item.Created = sub.ID, now.Unix()
		sub.Items = append(sub.Items, item)
	}
	if err := checkItems(sub.Items, currencyOf(p)); err != nil {
		return nil, nil, err
	}
	sub.Currency = sub.Items[0].Price.Currency
	if err := c.changeSettings(sub); err != nil {
		return nil, nil, err
	}
	coupons, err := c.couponsFrom(p, sub.Currency)
	if err != nil {
		return nil, nil, err
	}
	end, err := trialEnd(p, now)
	if err != nil {
		return nil, nil, err
	}
	sub.setPeriod(now, sub.recurring().next(now, now))
	if !end.IsZero() {
		sub.startTrial(now, end)
	}
	return sub, c.newDiscounts(coupons, sub, now), sub.noteCancellation(p, now)
}

// checkBehaviour refuses payment_behavior where there is no payment to behave.
func checkBehaviour(p *params) *apiError {
	send := p.str("collection_method") == sendInvoice
	switch {
	case send && p.has("payment_behavior") && p.str("payment_behavior") != allowIncomplete:
		return invalidParam("payment_behavior", "`payment_behavior` can only be set when `collection_method` is `charge_automatically`.")
	case send && !p.has("days_until_due"):
		return missingParam("days_until_due")
	case !send && p.has("days_until_due"):
		return invalidParam("days_until_due", "You can only set `days_until_due` if the collection method is `send_invoice`.")
	case p.integer("days_until_due") < 0:
		return invalidCode("parameter_invalid_integer", "days_until_due", "This value must be greater than or equal to 0.")
	}
	return nil
}

// trialEnd is when the trial asked for ends, zero when there is none.
func trialEnd(p *params, now time.Time) (time.Time, *apiError) {
	days, end := p.integer("trial_period_days"), p.str("trial_end")
	switch {
	case p.has("trial_period_days") && end != "":
		return time.Time{}, invalidCode("parameters_exclusive", "trial_period_days", "You may only specify one of these parameters: trial_end, trial_period_days.")
	case p.has("trial_period_days"):
		if days < 0 || days > int64(maxTrial/(24*time.Hour)) {
			return time.Time{}, invalidCode("parameter_invalid_integer", "trial_period_days", "The trial period must be between 0 and 730 days.")
		}
		if days == 0 {
			return time.Time{}, nil
		}
		return now.Add(time.Duration(days) * 24 * time.Hour), nil
	case end == "" || end == "now":
		return time.Time{}, nil
	}
	at, err := strconv.ParseInt(end, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, invalidParam("trial_end", "Invalid timestamp: must be an integer Unix timestamp or `now`.")
	case at <= now.Unix():
		return time.Time{}, invalidParam("trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	case at > now.Add(maxTrial).Unix():
		return time.Time{}, invalidParam("trial_end", "Invalid timestamp: can be no more than two years in the future.")
	}
	return time.Unix(at, 0).UTC(), nil
}

// startTrial makes the present period a trial; billing begins, and is anchored, at its end.
func (o *subscription) startTrial(now, end time.Time) {
	o.Status, o.TrialStart, o.TrialEnd, o.Anchor = subTrialing, now.Unix(), end.Unix(), end.Unix()
	o.setPeriod(now, end)
}

// checkPayment is what Stripe refuses before it makes or changes anything.
func (c *call) checkPayment(sub *subscription, b bill) *apiError {
	behaviour, offSession := c.params.str("payment_behavior"), c.params.boolean("off_session")
	if sub.CollectionMethod != chargeAutomatically || behaviour == defaultIncomplete || c.due(sub.Customer, b) == 0 {
		return nil
	}
	pm := c.billingMethod(sub, nil)
	if pm == nil {
		return noBillingMethod()
	}
	if behaviour != errorIfIncomplete {
		return nil
	}
	if pm.test().wantsAuth(pm, offSession) {
		return actionRequired("subscription_payment_intent_requires_action", "this subscription", "subscription.latest_invoice")
	}
	if no := pm.test().declines(pm, offSession); no != nil {
		return no.apiError(update(c, pm, func(pm *paymentMethod) { pm.DeclinesSoFar++ }))
	}
	return nil
}

func noBillingMethod() *apiError {
	return invalidCode("resource_missing", "", "This customer has no attached payment source or default payment method. "+
		"Please consider adding a default payment method. For more information, visit "+
		"https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
}

func actionRequired(code, what, where string) *apiError {
	return &apiError{
		Status: http.StatusPaymentRequired, Type: typeCard, Code: code,
		Message: "Payment for " + what + " requires additional user action before it can be completed successfully. " +
			"Payment can be completed using the PaymentIntent associated with `" + where + "`.",
	}
}

// start bills a new subscription. What happens is told after customer.subscription.created,
// which shows the subscription as the call leaves it.
func (c *call) start(sub *subscription, first bill) *subscription {
	behaviour := c.params.str("payment_behavior")
	held := c.holdEvents()
	inv := c.newInvoice(sub, first, reasonCreate)
	sub = update(c, sub, func(o *subscription) {
		o.LatestInvoice = inv.ID
		o.keepDiscounts(first)
		if o.CollectionMethod == sendInvoice && o.Status == subIncomplete {
			o.Status = subActive // until the invoice is overdue
		}
	})
	c.emit("invoice.created", inv)
	inv = c.finalizeInvoice(inv)
	switch {
	case inv.Status == invoicePaid:
		c.setUpLater(c.current(sub), behaviour)
	case sub.CollectionMethod == chargeAutomatically && behaviour != defaultIncomplete:
		// A refusal is told by the status of the subscription.
		_ = c.collect(inv, c.billingMethod(sub, nil), c.params.boolean("off_session"))
	}
	sub = c.current(sub)
	held.releaseAfter("customer.subscription.created", sub, "customer.subscription.updated")
	c.scheduleSubscription(sub)
	return sub
}

// current is the present version of a subscription.
func (c *call) current(sub *subscription) *subscription {
	now, _ := lookup[*subscription](c.sandbox.store, sub.ID)
	return now
}

// scheduleSubscription plans what happens to a subscription by itself.
func (c *call) scheduleSubscription(sub *subscription) {
	now := c.timeOf(sub.TestClock)
	if sub.Status == subIncomplete {
		c.scheduleOn(sub.TestClock, time.Unix(sub.Created, 0).Add(incompleteLife), dueIncompleteExpires, sub.ID)
	}
	c.scheduleOn(sub.TestClock, sub.periodEnd(), duePeriodEnds, sub.ID)
	c.scheduleCancel(sub)
	c.announceTrialEnd(sub, now)
}

func (c *call) scheduleCancel(sub *subscription) {
	if sub.CancelAt != 0 && !sub.CancelAtPeriodEnd {
		c.scheduleOn(sub.TestClock, time.Unix(sub.CancelAt, 0), dueSubscriptionCancels, sub.ID)
	}
}

// announceTrialEnd tells of the end of the trial three days before, or at once.
func (c *call) announceTrialEnd(sub *subscription, now time.Time) {
	if sub.Status != subTrialing {
		return
	}
	at := time.Unix(sub.TrialEnd, 0).Add(-trialNotice)
	if !at.After(now) {
		c.emit("customer.subscription.trial_will_end", sub)
		return
	}
	c.scheduleOn(sub.TestClock, at, dueTrialWillEnd, sub.ID)
}
