package stripesandbox

import (
	"net/http"
	"strings"
)

// Authentication is what the buyer makes of a 3D Secure challenge.
type Authentication string

// The ends of a challenge. Abandoned leaves it open.
const (
	AuthenticationPassed    Authentication = "pass"
	AuthenticationFailed    Authentication = "fail"
	AuthenticationAbandoned Authentication = "abandon"
)

// Payment is what a buyer enters on a Checkout page.
type Payment struct {
	// PaymentMethod is a test token (pm_card_…), or the id of a saved payment method.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Number is a test card's number, instead of PaymentMethod. With neither, a 3D Secure
	// challenge that was left open is taken up again.
	Number string `json:"number,omitempty"`
	// Email is needed when the session has neither a customer nor an e-mail address.
	Email string `json:"email,omitempty"`
	// Authenticate answers a 3D Secure challenge, should there be one. Defaults to pass.
	Authenticate Authentication `json:"authenticate,omitempty"`
}

// pay is one try of the buyer to finish a session. A refused payment method leaves the
// session open and is returned as the error that the page would show.
func (c *call) pay(cs *checkoutSession, in Payment) (*checkoutSession, *apiError) {
	if cs.Status != sessionOpen {
		return nil, notOpen(cs)
	}
	switch in.Authenticate {
	case "":
		in.Authenticate = AuthenticationPassed
	case AuthenticationPassed, AuthenticationFailed, AuthenticationAbandoned:
	default:
		return nil, invalidParam("authenticate", "Invalid authenticate: must be one of pass, fail, abandon")
	}
	cs, err := c.noteEmail(cs, in.Email)
	if err != nil {
		return nil, err
	}
	if cs.Mode == modeSetup {
		return c.paySetup(cs, in)
	}
	return c.payPayment(cs, in)
}

func notOpen(cs *checkoutSession) *apiError {
	return invalidRequest("This Checkout Session is no longer open: its status is " + cs.Status + ".")
}

func (c *call) noteEmail(cs *checkoutSession, email string) (*checkoutSession, *apiError) {
	if email != "" {
		if !strings.Contains(email, "@") {
			return nil, invalidCode("email_invalid", "email", "Invalid email address: "+email)
		}
		return update(c, cs, func(cs *checkoutSession) { cs.BuyerEmail = email }), nil
	}
	if cs.Customer == "" && cs.CustomerEmail == "" && cs.BuyerEmail == "" {
		return nil, missingParam("email")
	}
	if cus, ok := lookup[*customer](c.sandbox.store, cs.Customer); ok && cs.BuyerEmail == "" && cus.Email != "" {
		return update(c, cs, func(cs *checkoutSession) { cs.BuyerEmail = cus.Email }), nil
	}
	return cs, nil
}

// methodOf returns the payment method that the buyer entered.
func (c *call) methodOf(cs *checkoutSession, in Payment) (*paymentMethod, *apiError) {
	pm, err := c.enteredMethod(cs.Customer, in)
	if err != nil {
		return nil, err
	}
	if pm.Unverified {
		return nil, invalidCode("bank_account_unverified", "payment_method", "This sandbox's Checkout takes bank accounts that are verified already.")
	}
	types := cs.PaymentMethodTypes
	if len(types) == 0 && pm.Type != "card" && cs.Mode == modePayment {
		types = []string{pm.Type}
	}
	currency := cs.Currency
	if currency == "" {
		currency = map[string]string{"sepa_debit": "eur", "us_bank_account": "usd"}[pm.Type]
	}
	if err := checkMethodType(types, pm.Type, currency); err != nil {
		return nil, err
	}
	if email := cs.BuyerEmail; email != "" && pm.BillingEmail == "" && pm.Customer == "" {
		pm = update(c, pm, func(pm *paymentMethod) { pm.BillingEmail = email })
	}
	return pm, nil
}

func (c *call) paySetup(cs *checkoutSession, in Payment) (*checkoutSession, *apiError) {
	si, _ := lookup[*setupIntent](c.sandbox.store, cs.SetupIntent)
	if si.Status != statusRequiresAction || in.Number != "" || in.PaymentMethod != "" {
		pm, err := c.methodOf(cs, in)
		if err != nil {
			return nil, err
		}
		if cs.Customer == "" && cs.CustomerCreation == "always" && pm.test().attach == nil {
			cs = c.createBuyer(cs)
			si = update(c, si, func(si *setupIntent) { si.Customer = cs.Customer })
			c.sandbox.store.index("setup_intent", cs.Customer, si)
		}
		if si, err = c.confirmSetup(si, pm); err != nil {
			return nil, err
		}
	}
	if si.Status == statusRequiresAction {
		if in.Authenticate == AuthenticationAbandoned {
			return nil, challengeOpen()
		}
		if _, err := c.authenticateSetup(si, in.Authenticate == AuthenticationPassed); err != nil {
			return nil, err
		}
	}
	return c.complete(cs, paymentNotRequired), nil
}

func (c *call) payPayment(cs *checkoutSession, in Payment) (*checkoutSession, *apiError) {
	pi, minted := lookup[*paymentIntent](c.sandbox.store, cs.PaymentIntent)
	if !minted || pi.Status != statusRequiresAction || in.Number != "" || in.PaymentMethod != "" {
		pm, err := c.methodOf(cs, in)
		if err != nil {
			return nil, err
		}
		if !minted {
			cs, pi = c.mintPayment(cs)
		}
		if pi, err = c.confirmPayment(pi, pm, false, false); err != nil {
			return nil, err
		}
	}
	if pi.Status == statusRequiresAction {
		if in.Authenticate == AuthenticationAbandoned {
			return nil, challengeOpen()
		}
		var err *apiError
		if pi, err = c.authenticatePayment(pi, in.Authenticate == AuthenticationPassed); err != nil {
			return nil, err
		}
	}
	if pi.Status == statusSucceeded {
		return c.complete(cs, paymentPaid), nil
	}
	return c.complete(cs, paymentUnpaid), nil
}

// mintPayment makes the session's PaymentIntent, when the buyer first tries to pay.
func (c *call) mintPayment(cs *checkoutSession) (*checkoutSession, *paymentIntent) {
	data := cs.Payment
	if cs.Customer == "" && (cs.CustomerCreation == "always" || data.SetupFutureUsage != "") {
		cs = c.createBuyer(cs)
	}
	pi := c.newPaymentIntent(&paymentIntent{
		Amount: cs.AmountTotal, Currency: cs.Currency, Customer: cs.Customer, Terms: newTerms(paymentTerms{
			Description: data.Description, PaymentMethodTypes: cs.PaymentMethodTypes, SetupFutureUsage: data.SetupFutureUsage,
			ReceiptEmail: data.ReceiptEmail, StatementDescriptor: data.StatementDescriptor, StatementSuffix: data.StatementSuffix, Session: cs.ID,
		}),
	}, data.Metadata, nil)
	cs = update(c, cs, func(cs *checkoutSession) { cs.PaymentIntent = pi.ID })
	c.sandbox.store.index("checkout.session", pi.ID, cs)
	return cs, pi
}

// createBuyer makes a customer for a session that came without one.
func (c *call) createBuyer(cs *checkoutSession) *checkoutSession {
	cus := c.newCustomer()
	cus.Email = cs.BuyerEmail
	if cus.Email == "" {
		cus.Email = cs.CustomerEmail
	}
	c.sandbox.store.add("customer", cus)
	c.emit("customer.created", cus)
	cs = update(c, cs, func(cs *checkoutSession) { cs.Customer = cus.ID })
	c.sandbox.store.index("checkout.session", cus.ID, cs)
	return cs
}

func (c *call) complete(cs *checkoutSession, paymentStatus string) *checkoutSession {
	cs = update(c, cs, func(cs *checkoutSession) { cs.Status, cs.PaymentStatus = sessionComplete, paymentStatus })
	c.emit("checkout.session.completed", cs)
	return cs
}

// settleSession tells of the end of a bank debit that was made in a session.
func (c *call) settleSession(pi *paymentIntent) {
	cs, ok := lookup[*checkoutSession](c.sandbox.store, pi.Terms.Session)
	if !ok {
		return
	}
	if pi.Status != statusSucceeded {
		c.emit("checkout.session.async_payment_failed", cs)
		return
	}
	cs = update(c, cs, func(cs *checkoutSession) { cs.PaymentStatus = paymentPaid })
	c.emit("checkout.session.async_payment_succeeded", cs)
}

// codeChallengeOpen is this sandbox's own: the buyer left the bank's question unanswered.
const codeChallengeOpen = "authentication_pending"

func challengeOpen() *apiError {
	return &apiError{
		Status: http.StatusAccepted, Type: typeInvalidRequest, Code: codeChallengeOpen,
		Message: "The payment method asks for authentication, which was left open.",
	}
}

// confirmPaymentPage is the route that Stripe's own CLI finishes sessions with.
func confirmPaymentPage(c *call) (object, *apiError) {
	cs, err := resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	if err != nil {
		return nil, err
	}
	if c.params.has("expected_amount") && c.params.integer("expected_amount") != cs.AmountTotal {
		return nil, invalidCode("checkout_amount_mismatch", "expected_amount", "The expected amount does not match the amount of the Checkout Session.")
	}
	email := c.params.str("email")
	if email == "" && cs.Customer == "" {
		email = "buyer@example.com"
	}
	done, err := c.pay(cs, Payment{PaymentMethod: c.params.str("payment_method"), Email: email, Authenticate: AuthenticationAbandoned})
	if err != nil && err.Code == codeChallengeOpen {
		return resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	}
	return result(done, err)
}

// redirect is where the buyer goes after a finished session, "" when nowhere.
func (cs *checkoutSession) redirect() string {
	target := cs.SuccessURL
	if cs.UIMode != "hosted" {
		target = cs.ReturnURL
	}
	return strings.ReplaceAll(target, "{CHECKOUT_SESSION_ID}", cs.ID)
}
