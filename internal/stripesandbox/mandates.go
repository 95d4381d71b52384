package stripesandbox

// mandate is a customer's permission to debit a bank account. Cards need none.
// https://docs.stripe.com/api/mandates/object
type mandate struct {
	header
	PaymentMethod string
	MethodType    string
	Acceptance    acceptance
	Inactive      bool
	Amount        int64 // of a single-use mandate; 0: it is good for many payments
	Currency      string
}

// acceptance is how the customer agreed.
type acceptance struct {
	At        int64
	Online    bool
	IPAddress string
	UserAgent string
}

func (m *mandate) render(w *writer) {
	w.open("")
	w.str("id", m.ID)
	w.str("object", "mandate")
	w.open("customer_acceptance")
	w.integer("accepted_at", m.Acceptance.At)
	if m.Acceptance.Online {
		w.open("online")
		w.opt("ip_address", m.Acceptance.IPAddress)
		w.opt("user_agent", m.Acceptance.UserAgent)
		w.close()
		w.str("type", "online")
	} else {
		w.raw("offline", "{}")
		w.str("type", "offline")
	}
	w.close()
	w.boolean("livemode", false)
	if m.Amount == 0 {
		w.raw("multi_use", "{}")
	}
	w.ref("payment_method", m.PaymentMethod)
	w.open("payment_method_details")
	if m.MethodType == "sepa_debit" {
		w.open("sepa_debit")
		w.str("reference", m.reference())
		w.str("url", "https://hooks.stripe.com/adapter/sepa_debit/file/"+m.ID)
		w.close()
	} else {
		w.raw(m.MethodType, "{}")
	}
	w.str("type", m.MethodType)
	w.close()
	if m.Amount != 0 {
		w.open("single_use")
		w.integer("amount", m.Amount)
		w.str("currency", m.Currency)
		w.close()
	}
	status, use := "active", "multi_use"
	if m.Inactive {
		status = "inactive"
	}
	if m.Amount != 0 {
		use = "single_use"
	}
	w.str("status", status)
	w.str("type", use)
	w.close()
}

// reference is what the payer reads on the bank statement: 16 characters here.
func (m *mandate) reference() string { return m.ID[len(m.ID)-16:] }

// mandateData is the parameter of that name.
var mandateData = objectOf(fields{"customer_acceptance": required(objectOf(fields{
	"type": required(oneOf("online", "offline")), "accepted_at": integer, "offline": objectOf(fields{}),
	"online": objectOf(fields{"ip_address": required(text), "user_agent": required(text)}),
}))})

var mandateRoutes = []route{
	{method: "GET", pattern: "/v1/mandates/{}", kind: "mandate", handle: func(c *call) (object, *apiError) {
		return resourceAt[*mandate](c, 0, "mandate", "mandate")
	}},
}

// acceptance returns what mandate_data says, nil when it was not sent.
func (c *call) acceptance() (*acceptance, *apiError) {
	p := c.params.sub("mandate_data").sub("customer_acceptance")
	if p == nil {
		return nil, nil
	}
	a := &acceptance{At: c.now.Unix(), Online: p.str("type") == "online"}
	if p.has("accepted_at") {
		a.At = p.integer("accepted_at")
	}
	if !a.Online {
		return a, nil
	}
	online := p.sub("online")
	if online == nil {
		return nil, missingParam("mandate_data[customer_acceptance][online]")
	}
	a.IPAddress, a.UserAgent = online.str("ip_address"), online.str("user_agent")
	return a, nil
}

// debit is how a payment is to take money from a bank account.
type debit struct {
	Mandate     string      // named by the caller
	Acceptance  *acceptance // of a mandate that is yet to be written
	VerifyBy    int64       // when microdeposits are waited for
	VerifyTries int
}

func (pi *paymentIntent) debit() debit {
	if pi.Debit == nil {
		return debit{}
	}
	return *pi.Debit
}

// givenDebit returns what the parameters of a confirmation say, nil when nothing.
func (c *call) givenDebit() (*debit, *apiError) {
	given, err := c.acceptance()
	if err != nil || (given == nil && !c.params.has("mandate")) {
		return nil, err
	}
	return &debit{Mandate: c.params.str("mandate"), Acceptance: given}, nil
}

// isDebit reports whether pm is a bank account: one that answers late, by a mandate.
func (pm *paymentMethod) isDebit() bool { return pm.Type != "card" }

// newMandate records the permission to debit pm for good, or for pi alone.
func (c *call) newMandate(pm *paymentMethod, given *acceptance, pi *paymentIntent) *mandate {
	m := &mandate{header: c.newHeader("mandate_", nil), PaymentMethod: pm.ID, MethodType: pm.Type}
	if given == nil {
		// Checkout and Stripe.js ask the customer themselves.
		given = &acceptance{At: c.now.Unix(), Online: true}
	}
	m.Acceptance = *given
	if pi != nil && pi.Terms.SetupFutureUsage == "" {
		m.Amount, m.Currency = pi.Amount, pi.Currency
	}
	c.sandbox.store.add("mandate", m, pm.ID)
	return m
}

// mandateFor returns the mandate that pi may be debited by, nil when there is none.
func (c *call) mandateFor(pi *paymentIntent, pm *paymentMethod) *mandate {
	if m, ok := lookup[*mandate](c.sandbox.store, pi.debit().Mandate); ok {
		return m
	}
	var found *mandate
	for _, id := range c.sandbox.store.indexes[indexKey{"mandate", pm.ID}] {
		m, _ := lookup[*mandate](c.sandbox.store, id)
		if m.Amount == 0 && (found == nil || !m.Inactive) {
			found = m
		}
	}
	return found
}

// checkDebit says why a bank debit cannot even be tried.
func (c *call) checkDebit(pi *paymentIntent, pm *paymentMethod, offSession bool) *apiError {
	switch {
	case !pm.isDebit():
		return nil
	case pi.Terms.CaptureMethod == captureManual:
		return invalidParam("capture_method", "The capture_method `manual` is not supported for a payment method of type "+pm.Type+".")
	case pm.Unverified && offSession:
		return invalidCode("bank_account_unverified", "payment_method", "The bank account of "+pm.ID+" must be verified before it can be debited off session.")
	case pi.debit().Acceptance != nil:
		return nil
	}
	if m := c.mandateFor(pi, pm); m != nil && m.Inactive {
		return invalidCode("payment_intent_mandate_invalid", "mandate", "The provided mandate is invalid and can not be used for the payment intent.")
	}
	return nil
}

// checkMandateData refuses a confirmation that saves a bank account and does not say how
// the customer has agreed to it.
func checkMandateData(given *acceptance, what, condition string, pm *paymentMethod) *apiError {
	if given != nil || !pm.isDebit() {
		return nil
	}
	return invalidCode("parameter_missing", "mandate_data",
		"When confirming a "+what+" with a `"+pm.Type+"` PaymentMethod"+condition+", `mandate_data` is required.")
}

// checkMandate refuses a mandate parameter that is not for pm.
func (c *call) checkMandate(id string, pm *paymentMethod) *apiError {
	if id == "" {
		return nil
	}
	m, err := named[*mandate](c, id, "mandate", "mandate")
	if err == nil && m.PaymentMethod != pm.ID {
		err = invalidParam("mandate", "The mandate "+id+" is not for the PaymentMethod "+pm.ID+".")
	}
	return err
}

// debitBy returns the id of the mandate that a debit is made by, writing it first when
// the customer has just agreed.
func (c *call) debitBy(pi *paymentIntent, pm *paymentMethod) string {
	if pi.debit().Acceptance != nil || pi.Terms.Session != "" {
		return c.newMandate(pm, pi.debit().Acceptance, pi).ID
	}
	if m := c.mandateFor(pi, pm); m != nil {
		return m.ID
	}
	return ""
}

// inactivate ends a mandate: the customer or the bank has withdrawn it.
func (c *call) inactivate(id string) (*mandate, *apiError) {
	m, err := named[*mandate](c, id, "mandate", "mandate")
	if err != nil || m.Inactive {
		return m, err
	}
	m = update(c, m, func(m *mandate) { m.Inactive = true })
	c.emitChange("mandate.updated", m, map[string]string{"status": jsonText("active")})
	return m, nil
}
