package stripesandbox

import "time"

const (
	statusRequiresCapture = "requires_capture"
	captureManual         = "manual"
)

// captureWindow is how long an authorisation is held. Stripe's is 7 days by default and
// shorter for some cards. https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
const captureWindow = 7 * 24 * time.Hour

// holdPayment ends a confirmation of a payment that is to be captured by hand.
func (c *call) holdPayment(pi *paymentIntent, pm *paymentMethod, ch *charge) *paymentIntent {
	c.emit("charge.succeeded", ch)
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.LatestCharge, pi.PaymentMethod, pi.LastError = statusRequiresCapture, ch.ID, pm.ID, nil
	})
	c.attempted(pi, statusRequiresCapture, nil)
	c.emit("payment_intent.amount_capturable_updated", pi)
	c.schedule(c.now.Add(captureWindow), dueReleaseHold, pi.ID)
	return pi
}

func capturePaymentIntent(c *call) (object, *apiError) {
	pi, err := resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	if pi.Status != statusRequiresCapture {
		return nil, pi.unexpected("This PaymentIntent could not be captured because it has a status of " + pi.Status + ". " +
			"Only a PaymentIntent with one of the following statuses may be captured: requires_capture.")
	}
	amount := pi.Amount
	if c.params.has("amount_to_capture") {
		amount = c.params.integer("amount_to_capture")
	}
	switch {
	case amount < 1:
		return nil, invalidCode("parameter_invalid_integer", "amount_to_capture", "This value must be greater than or equal to 1.")
	case amount > pi.Amount:
		return nil, invalidCode("amount_too_large", "amount_to_capture", "The amount to capture is greater than the amount that can be captured.")
	}
	ch, _ := lookup[*charge](c.sandbox.store, pi.LatestCharge)
	// What is not captured is released, which the charge shows as refunded.
	ch = update(c, ch, func(ch *charge) {
		ch.Held, ch.Released, ch.Refunded, ch.Metadata = false, ch.Amount-amount, ch.Amount-amount, c.params.metadata(ch.Metadata)
	})
	c.emit("charge.captured", ch)
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.Received, pi.Metadata = statusSucceeded, amount, c.params.metadata(pi.Metadata)
	})
	c.attempted(pi, statusSucceeded, nil)
	c.emitPayment("payment_intent.succeeded", pi)
	if ch.Method.test().disputed {
		c.dispute(ch)
	}
	return pi, nil
}

// release gives back what was held for a payment that is not going to be captured.
func (c *call) release(pi *paymentIntent) {
	ch, _ := lookup[*charge](c.sandbox.store, pi.LatestCharge)
	c.emit("charge.refunded", update(c, ch, func(ch *charge) { ch.Refunded = ch.Amount }))
}

// releaseDue cancels a payment that was not captured in time.
func (c *call) releaseDue(id string) {
	if pi, ok := lookup[*paymentIntent](c.sandbox.store, id); ok && pi.Status == statusRequiresCapture {
		c.cancelPayment(pi, "automatic")
	}
}

// cancelPayment ends pi for good.
func (c *call) cancelPayment(pi *paymentIntent, reason string) *paymentIntent {
	held := pi.Status == statusRequiresCapture
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.Terms = statusCanceled, pi.Terms.canceled(c.now, reason)
	})
	if held {
		c.release(pi)
	}
	c.emit("payment_intent.canceled", pi)
	return pi
}
