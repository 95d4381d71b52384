package stripesandbox

import (
	"slices"
	"time"
)

// A bank account that was typed in, rather than linked through Financial Connections,
// has to be verified first: Stripe sends it microdeposits, and the customer reports what
// arrived. https://docs.stripe.com/payments/ach-direct-debit/set-up-payment
const (
	microdepositLifetime = 10 * 24 * time.Hour
	microdepositTries    = 10
)

// deposits is what the customer reports.
type deposits struct {
	Amounts    [2]int64
	Descriptor string
}

// The reports that Stripe's test accounts understand.
var (
	rightDeposits    = []deposits{{Amounts: [2]int64{32, 45}}, {Descriptor: "SM11AA"}}
	excessDeposits   = []deposits{{Amounts: [2]int64{10, 11}}, {Descriptor: "SM33CC"}}
	timedOutDeposits = []deposits{{Amounts: [2]int64{40, 41}}, {Descriptor: "SM44DD"}}
)

var microdepositFields = fields{"amounts": listOf(integer), "descriptor_code": text, "client_secret": text}

// renderVerification writes the next_action of an intent that waits for microdeposits.
func renderVerification(w *writer, intent string, verifyBy int64) {
	w.open("next_action")
	w.str("type", "verify_with_microdeposits")
	w.open("verify_with_microdeposits")
	w.integer("arrival_date", verifyBy-int64(microdepositLifetime.Seconds())+int64((24*time.Hour).Seconds()))
	w.str("hosted_verification_url", "https://payments.stripe.com/microdeposit/"+intent)
	w.str("microdeposit_type", "descriptor_code")
	w.close()
	w.close()
}

func (c *call) reportedDeposits() (deposits, *apiError) {
	amounts, descriptor := c.params.list("amounts"), c.params.str("descriptor_code")
	if len(amounts) > 0 && descriptor != "" {
		return deposits{}, invalidCode("parameters_exclusive", "descriptor_code", "You may only specify one of these parameters: amounts, descriptor_code.")
	}
	if descriptor != "" {
		return deposits{Descriptor: descriptor}, nil
	}
	if len(amounts) != 2 {
		return deposits{}, invalidCode("payment_method_microdeposit_verification_amounts_invalid", "amounts", "You must provide exactly two microdeposit amounts.")
	}
	out := deposits{}
	sub := c.params.sub("amounts")
	for i, name := range []string{"0", "1"} {
		out.Amounts[i] = sub.integer(name)
	}
	return out, nil
}

// wrongDeposits says what is wrong with a report, nil when it is right. final: the
// verification is over.
func wrongDeposits(reported deposits, tries int) (err *apiError, final bool) {
	exceeded := slices.Contains(excessDeposits, reported)
	right := slices.Contains(rightDeposits, reported)
	switch {
	case right:
		return nil, true
	case slices.Contains(timedOutDeposits, reported):
		return depositTimeout(), true
	case exceeded || tries >= microdepositTries:
		return invalidCode("payment_method_microdeposit_verification_attempts_exceeded", "", "You have exceeded the number of allowed verification attempts."), true
	case reported.Descriptor != "":
		return invalidCode("payment_method_microdeposit_verification_descriptor_code_mismatch", "descriptor_code",
			"The descriptor code provided does not match the one sent to the bank account."), false
	}
	return invalidCode("payment_method_microdeposit_verification_amounts_mismatch", "amounts",
		"The amounts provided do not match the amounts that were sent to the bank account."), false
}

func depositTimeout() *apiError {
	return invalidCode("payment_method_microdeposit_verification_timeout", "",
		"Microdeposit timeout. The customer has not verified the bank account within the required 10 day period.")
}

func depositFailed() *apiError {
	return invalidCode("payment_method_microdeposit_failed", "", "Microdeposits failed. Please check the account and routing numbers provided.")
}

// verifySetup waits for the customer's report; expired ones fail by themselves.
func (c *call) verifySetup(si *setupIntent, pm *paymentMethod) (*setupIntent, *apiError) {
	if pm.test().depositsFail {
		refusal := depositFailed()
		refusal.PaymentMethod = pm
		return nil, c.failSetup(si, refusal)
	}
	by := c.now.Add(microdepositLifetime)
	si = update(c, si, func(si *setupIntent) {
		si.PaymentMethod, si.Status, si.VerifyBy, si.VerifyTries = pm.ID, statusRequiresAction, by.Unix(), 0
	})
	c.attemptBecomes(si, statusRequiresAction, nil)
	c.emit("setup_intent.requires_action", si)
	c.schedule(by, dueVerifyBank, si.ID)
	return si, nil
}

func verifySetupDeposits(c *call) (object, *apiError) {
	si, err := resourceAt[*setupIntent](c, 0, "setupintent", "intent")
	if err != nil {
		return nil, err
	}
	if si.Status != statusRequiresAction || si.VerifyBy == 0 {
		return nil, si.unexpected("This SetupIntent's bank account cannot be verified with microdeposits: its status is " + si.Status + ".")
	}
	reported, err := c.reportedDeposits()
	if err != nil {
		return nil, err
	}
	if err := c.owner(si.Customer); err != nil {
		return nil, err
	}
	pm, _ := lookup[*paymentMethod](c.sandbox.store, si.PaymentMethod)
	refusal, final := wrongDeposits(reported, si.VerifyTries+1)
	switch {
	case refusal == nil:
		return c.succeedSetup(si, c.verified(pm)), nil
	case final:
		refusal.PaymentMethod = pm
		return nil, c.failSetup(si, refusal)
	}
	update(c, si, func(si *setupIntent) { si.VerifyTries++ })
	return nil, refusal
}

func (c *call) verified(pm *paymentMethod) *paymentMethod {
	return update(c, pm, func(pm *paymentMethod) { pm.Unverified = false })
}

// verifyPayment is verifySetup for a payment.
func (c *call) verifyPayment(pi *paymentIntent, pm *paymentMethod) (*paymentIntent, *apiError) {
	if pm.test().depositsFail {
		refusal := depositFailed()
		refusal.PaymentMethod = pm
		return nil, c.failPayment(pi, refusal, nil)
	}
	by := c.now.Add(microdepositLifetime)
	terms := pi.debit()
	terms.VerifyBy = by.Unix()
	pi = update(c, pi, func(pi *paymentIntent) { pi.PaymentMethod, pi.Status, pi.Debit = pm.ID, statusRequiresAction, &terms })
	c.attempted(pi, statusRequiresAction, nil)
	c.emitPayment("payment_intent.requires_action", pi)
	c.schedule(by, dueVerifyBank, pi.ID)
	return pi, nil
}

func verifyPaymentDeposits(c *call) (object, *apiError) {
	pi, err := resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	terms := pi.debit()
	if pi.Status != statusRequiresAction || terms.VerifyBy == 0 {
		return nil, pi.unexpected("This PaymentIntent's bank account cannot be verified with microdeposits: its status is " + pi.Status + ".")
	}
	reported, err := c.reportedDeposits()
	if err != nil {
		return nil, err
	}
	if err := c.owner(pi.Customer); err != nil {
		return nil, err
	}
	pm, _ := lookup[*paymentMethod](c.sandbox.store, pi.PaymentMethod)
	refusal, final := wrongDeposits(reported, terms.VerifyTries+1)
	switch {
	case refusal == nil:
		terms.VerifyBy = 0
		pi = update(c, pi, func(pi *paymentIntent) { pi.Debit = &terms })
		return result(c.chargePayment(pi, c.verified(pm), false))
	case final:
		refusal.PaymentMethod = pm
		return nil, c.failPayment(pi, refusal, nil)
	}
	terms.VerifyTries++
	update(c, pi, func(pi *paymentIntent) { pi.Debit = &terms })
	return nil, refusal
}

// verifyDue fails what nobody has verified in time.
func (c *call) verifyDue(id string) {
	now := c.now.Unix()
	switch r := c.sandbox.store.objects[id].(type) {
	case *setupIntent:
		if r.Status == statusRequiresAction && r.VerifyBy != 0 && r.VerifyBy <= now {
			refusal := depositTimeout()
			refusal.PaymentMethod, _ = lookup[*paymentMethod](c.sandbox.store, r.PaymentMethod)
			c.failSetup(r, refusal)
		}
	case *paymentIntent:
		if by := r.debit().VerifyBy; r.Status == statusRequiresAction && by != 0 && by <= now {
			refusal := depositTimeout()
			refusal.PaymentMethod, _ = lookup[*paymentMethod](c.sandbox.store, r.PaymentMethod)
			c.failPayment(r, refusal, nil)
		}
	}
}
