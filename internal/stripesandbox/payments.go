package stripesandbox

import (
	"net/http"
	"time"
)

// wantsAuth reports whether the bank asks for 3D Secure.
func (m *testMethod) wantsAuth(pm *paymentMethod, offSession bool) bool {
	rule := m.onSession
	if offSession {
		rule = m.offSession
	}
	switch rule {
	case authAlways:
		return true
	case authUntilSetUp:
		return !pm.SetUp
	case authFirst:
		return pm.DeclinesSoFar < m.declinesFirst
	case authNever:
	}
	return false
}

// declines returns the issuer's no, nil when it says yes.
func (m *testMethod) declines(pm *paymentMethod, offSession bool) *decline {
	if m.charge != nil && m.declinesFirst != 0 && (!offSession || (m.declinesFirst > 0 && pm.DeclinesSoFar >= m.declinesFirst)) {
		return nil
	}
	return m.charge
}

// confirmPayment tries to take pi from pm.
func (c *call) confirmPayment(pi *paymentIntent, pm *paymentMethod, offSession, errorOnAction bool) (*paymentIntent, *apiError) {
	if err := c.checkDebit(pi, pm, offSession); err != nil {
		err.PaymentMethod = pm
		return nil, c.failPayment(pi, err, nil)
	}
	asks := pm.test().wantsAuth(pm, offSession)
	switch {
	case !asks && !pm.Unverified:
		return c.chargePayment(pi, pm, offSession)
	case errorOnAction:
		return nil, c.failPayment(pi, authenticationNotHandled.apiError(pm), nil)
	case pm.Unverified:
		return c.verifyPayment(pi, pm)
	case offSession:
		if pm.test().offSession == authFirst {
			pm = update(c, pm, func(pm *paymentMethod) { pm.DeclinesSoFar++ })
		}
		return nil, c.failPayment(pi, authenticationRequired.apiError(pm), nil)
	}
	return c.requireAction(pi, pm), nil
}

// requireAction leaves pi to the customer, for 3D Secure.
func (c *call) requireAction(pi *paymentIntent, pm *paymentMethod) *paymentIntent {
	pi = update(c, pi, func(pi *paymentIntent) { pi.PaymentMethod, pi.Status, pi.Debit = pm.ID, statusRequiresAction, nil })
	c.attempted(pi, statusRequiresAction, nil)
	c.emitPayment("payment_intent.requires_action", pi)
	return pi
}

// chargePayment asks the issuer.
func (c *call) chargePayment(pi *paymentIntent, pm *paymentMethod, offSession bool) (*paymentIntent, *apiError) {
	m := pm.test()
	if no := m.declines(pm, offSession); no != nil {
		if m.declinesFirst != 0 {
			pm = update(c, pm, func(pm *paymentMethod) { pm.DeclinesSoFar++ })
		}
		if no.Code == authenticationRequired.Code { // recorded without a charge
			return nil, c.failPayment(pi, no.apiError(pm), nil)
		}
		ch := c.newCharge(pi, pm, chargeFailed, no)
		c.emit("charge.failed", ch)
		return nil, c.failPayment(pi, no.apiError(pm), ch)
	}
	if pm.Type != "card" {
		return c.startDebit(pi, pm), nil
	}
	pm = c.keepMethod(pi, pm)
	if pi.Terms.CaptureMethod == captureManual {
		ch := c.newCharge(pi, pm, chargeSucceeded, nil)
		return c.holdPayment(pi, pm, update(c, ch, func(ch *charge) { ch.Held = true })), nil
	}
	return c.succeedPayment(pi, pm, c.newCharge(pi, pm, chargeSucceeded, nil)), nil
}

// keepMethod attaches the method when the payment says so, and else, when it belongs to
// nobody, makes it unusable: Stripe does not let it be used a second time.
func (c *call) keepMethod(pi *paymentIntent, pm *paymentMethod) *paymentMethod {
	if pi.Terms.SetupFutureUsage == "off_session" && !pm.SetUp {
		pm = update(c, pm, func(pm *paymentMethod) { pm.SetUp = true })
	}
	switch {
	case pm.Customer != "":
		return pm
	case pi.Terms.SetupFutureUsage != "" && pi.Customer != "":
		return c.attach(pm, pi.Customer)
	}
	return update(c, pm, func(pm *paymentMethod) { pm.Burnt = true })
}

func (c *call) succeedPayment(pi *paymentIntent, pm *paymentMethod, ch *charge) *paymentIntent {
	c.emit("charge.succeeded", ch)
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.Received, pi.LatestCharge, pi.PaymentMethod, pi.LastError = statusSucceeded, pi.Amount, ch.ID, pm.ID, nil
	})
	c.attempted(pi, statusSucceeded, nil)
	c.emitPayment("payment_intent.succeeded", pi)
	if pm.test().disputed {
		c.dispute(ch)
	}
	return pi
}

// failPayment records the refusal and returns the error that tells of it. ch is nil when
// the issuer was not asked.
func (c *call) failPayment(pi *paymentIntent, refusal *apiError, ch *charge) *apiError {
	last := *refusal
	if ch != nil {
		last.Charge = ch.ID
	}
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.PaymentMethod, pi.LastError, pi.Debit = statusRequiresPaymentMethod, "", &last, nil
		if ch != nil {
			pi.LatestCharge = ch.ID
		}
	})
	c.attempted(pi, "failed", &last)
	c.emitPayment("payment_intent.payment_failed", pi)
	answer := last
	answer.PaymentIntent = pi
	return &answer
}

// authenticatePayment is the end of a 3D Secure challenge.
func (c *call) authenticatePayment(pi *paymentIntent, passed bool) (*paymentIntent, *apiError) {
	pm, _ := lookup[*paymentMethod](c.sandbox.store, pi.PaymentMethod)
	if !passed {
		return nil, c.failPayment(pi, authenticationFailed("payment_intent_authentication_failure", pm), nil)
	}
	// While the challenge was open it may have been detached, or used or attached elsewhere.
	if _, err := c.usablePaymentMethod(pm.ID, pi.Customer); err != nil {
		return nil, c.failPayment(pi, err, nil)
	}
	return c.chargePayment(pi, pm, false)
}

// lateSettlement is how long Stripe's delayed test accounts take at least.
const lateSettlement = 3 * time.Minute

// startDebit leaves pi processing; the bank's answer comes later.
func (c *call) startDebit(pi *paymentIntent, pm *paymentMethod) *paymentIntent {
	pm = c.keepMethod(pi, pm)
	ch := c.newCharge(pi, pm, chargePending, nil)
	if by := c.debitBy(pi, pm); by != "" {
		ch = update(c, ch, func(ch *charge) { ch.Mandate = by })
	}
	c.emit("charge.pending", ch)
	pi = update(c, pi, func(pi *paymentIntent) {
		pi.Status, pi.PaymentMethod, pi.LatestCharge, pi.LastError = statusProcessing, pm.ID, ch.ID, nil
	})
	c.attempted(pi, statusProcessing, nil)
	c.emitPayment("payment_intent.processing", pi)
	delay := c.sandbox.cfg.AsyncDelay
	course := pm.test().settles
	if course.late {
		delay = max(delay, lateSettlement)
	}
	if !course.never && c.sandbox.cfg.AsyncDelay > 0 {
		c.schedule(c.now.Add(delay), dueSettlePayment, ch.ID)
	}
	return pi
}

// settleDue is the bank's answer to a debit, as its test account has it.
func (c *call) settleDue(id string) {
	ch, _ := lookup[*charge](c.sandbox.store, id)
	pi, _ := lookup[*paymentIntent](c.sandbox.store, ch.PaymentIntent)
	if pi.Status != statusProcessing || pi.LatestCharge != ch.ID {
		return // settled by hand in the meantime
	}
	pm, _ := lookup[*paymentMethod](c.sandbox.store, pi.PaymentMethod)
	c.settle(pi, pm.test().settles.failure)
}

// settle ends a debit: it succeeds when failure is empty.
func (c *call) settle(pi *paymentIntent, failure string) *paymentIntent {
	pm, _ := lookup[*paymentMethod](c.sandbox.store, pi.PaymentMethod)
	ch, _ := lookup[*charge](c.sandbox.store, pi.LatestCharge)
	if failure == "" {
		pi = c.succeedPayment(pi, pm, update(c, ch, func(ch *charge) { ch.Status = chargeSucceeded }))
	} else {
		no := &decline{Code: failure}
		ch = update(c, ch, func(ch *charge) { ch.Status, ch.Decline = chargeFailed, no })
		c.emit("charge.failed", ch)
		refusal := no.apiError(pm)
		refusal.Status = 0
		refusal.Message = "The bank debit failed: " + failure + "."
		pi = c.failPayment(pi, refusal, ch).PaymentIntent
		if failure == "debit_not_authorized" && ch.Mandate != "" {
			c.inactivate(ch.Mandate)
		}
	}
	c.settleSession(pi)
	return pi
}

// settledTwice is the answer to settling what is not processing.
func (pi *paymentIntent) settledTwice() *apiError {
	e := pi.unexpected("This PaymentIntent has a status of " + pi.Status + ", only one that is processing can be settled.")
	e.Status = http.StatusConflict
	return e
}
