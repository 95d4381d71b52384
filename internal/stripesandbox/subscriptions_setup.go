package stripesandbox

// setUpLater makes the SetupIntent of a subscription of which nothing is due now but
// something may be later. Stripe finishes it itself with a method that needs nothing;
// otherwise it is pending until the customer has done so.
func (c *call) setUpLater(sub *subscription, behaviour string) {
	if sub.CollectionMethod != chargeAutomatically || sub.free() || c.waits(sub) {
		return
	}
	pm := c.billingMethod(sub, nil)
	if pm == nil && behaviour != defaultIncomplete {
		return
	}
	si := c.newSetupIntent(&setupIntent{
		Customer: sub.Customer, Subscription: sub.ID, PaymentMethodTypes: sub.PaymentMethodTypes,
	}, nil)
	if pm != nil {
		si = update(c, si, func(si *setupIntent) { si.PaymentMethod, si.Status = pm.ID, statusRequiresConfirmation })
	}
	c.emit("setup_intent.created", si)
	if pm != nil {
		if done, err := c.confirmSetup(si, pm); err == nil && done.Status == statusSucceeded {
			return
		}
	}
	c.changeSubscription(sub, func(o *subscription) { o.PendingSetupIntent = si.ID })
}

// waits reports whether the customer can still finish the SetupIntent that is pending. A
// second one beside it could be finished and leave the first open for nothing.
func (c *call) waits(sub *subscription) bool {
	si, ok := lookup[*setupIntent](c.sandbox.store, sub.PendingSetupIntent)
	return ok && si.Status != statusSucceeded && si.Status != statusCanceled
}

// free reports whether the subscription will never cost anything.
func (o *subscription) free() bool {
	for _, item := range o.Items {
		if item.Price.UnitAmount > 0 {
			return false
		}
	}
	return true
}

// subscriptionSetUp takes note that a SetupIntent has succeeded.
func (c *call) subscriptionSetUp(si *setupIntent) {
	sub, ok := lookup[*subscription](c.sandbox.store, si.Subscription)
	if ok && sub.PendingSetupIntent == si.ID {
		c.changeSubscription(sub, func(o *subscription) { o.PendingSetupIntent = "" })
	}
}
