package stripesandbox

import (
	"net/http"
	"strings"
)

// paymentMethod: https://docs.stripe.com/api/payment_methods/object
type paymentMethod struct {
	header
	Type          string `json:"type,omitzero"`
	Token         string `json:"token,omitzero"` // the test method it behaves as
	Customer      string `json:"customer,omitzero"`
	BillingEmail  string `json:"billing_email,omitzero"`
	BillingName   string `json:"billing_name,omitzero"`
	Fingerprint   string `json:"fingerprint,omitzero"`
	ExpMonth      int64  `json:"exp_month,omitzero"`
	ExpYear       int64  `json:"exp_year,omitzero"`
	SetUp         bool   `json:"set_up,omitzero"`          // authenticated for off-session use
	Burnt         bool   `json:"burnt,omitzero"`           // detached, or used without a customer: never again usable
	Unverified    bool   `json:"unverified,omitzero"`      // a bank account that waits for microdeposits
	DeclinesSoFar int    `json:"declines_so_far,omitzero"` // of a private token
}

func (pm *paymentMethod) test() *testMethod {
	m, _ := testMethodByToken(pm.Token) // a stored token is a known one
	return m
}

func (pm *paymentMethod) render(w *writer) {
	m := pm.test()
	w.open("")
	w.str("id", pm.ID)
	w.str("object", "payment_method")
	w.str("allow_redisplay", "unspecified")
	pm.renderBilling(w)
	switch pm.Type {
	case "card":
		pm.renderCard(w, m)
	case "us_bank_account":
		w.open("us_bank_account")
		w.str("account_holder_type", "individual")
		w.str("account_type", "checking")
		w.str("bank_name", "STRIPE TEST BANK")
		w.null("financial_connections_account")
		w.str("fingerprint", pm.Fingerprint)
		w.str("last4", pm.accountLast4())
		w.raw("networks", `{"preferred":"ach","supported":["ach"]}`)
		w.str("routing_number", "110000000")
		w.raw("status_details", "{}")
		w.close()
	case "sepa_debit":
		w.open("sepa_debit")
		w.str("bank_code", "37040044")
		w.str("branch_code", "")
		w.str("country", m.country)
		w.str("fingerprint", pm.Fingerprint)
		w.raw("generated_from", `{"charge":null,"setup_attempt":null}`)
		w.str("last4", pm.accountLast4())
		w.close()
	}
	w.integer("created", pm.Created)
	w.ref("customer", pm.Customer)
	w.boolean("livemode", false)
	w.metadata(pm.Metadata)
	w.str("type", pm.Type)
	w.close()
}

func (pm *paymentMethod) renderBilling(w *writer) {
	w.open("billing_details")
	w.raw("address", `{"city":null,"country":null,"line1":null,"line2":null,"postal_code":null,"state":null}`)
	w.opt("email", pm.BillingEmail)
	w.opt("name", pm.BillingName)
	w.null("phone", "tax_id")
	w.close()
}

func (pm *paymentMethod) renderCard(w *writer, m *testMethod) {
	w.open("card")
	w.str("brand", m.brand)
	w.raw("checks", `{"address_line1_check":null,"address_postal_code_check":null,"cvc_check":"pass"}`)
	w.str("country", m.country)
	w.str("display_brand", m.brand)
	w.integer("exp_month", pm.ExpMonth)
	w.integer("exp_year", pm.ExpYear)
	w.str("fingerprint", pm.Fingerprint)
	w.str("funding", m.funding)
	w.null("generated_from")
	w.str("last4", m.last4())
	w.raw("networks", `{"available":["`+m.brand+`"],"preferred":null}`)
	w.str("regulated_status", "unregulated")
	w.raw("three_d_secure_usage", `{"supported":true}`)
	w.null("wallet")
	w.close()
}

func (m *testMethod) last4() string {
	if len(m.number) < 4 {
		return "0000"
	}
	return m.number[len(m.number)-4:]
}

func (pm *paymentMethod) accountLast4() string {
	account := pm.test().account
	return account[len(account)-4:]
}

var billingFields = objectOf(fields{"email": text, "name": text}.ignoring("address", "phone", "tax_id"))

// paymentMethodFields describe a new payment method.
var paymentMethodFields = fields{
	"type": oneOf(methodTypes...), "metadata": metadata, "billing_details": billingFields,
	"card":       objectOf(fields{"number": text, "exp_month": integer, "exp_year": integer, "cvc": text, "token": text}.ignoring("networks")),
	"sepa_debit": objectOf(fields{"iban": text}),
	"us_bank_account": objectOf(fields{"account_number": text, "routing_number": text, "financial_connections_account": text}.
		ignoring("account_holder_type", "account_type")),
}.ignoring("allow_redisplay", "radar_options")

// paymentMethodData is the parameter of that name, which describes a payment method to an
// intent rather than naming one.
var paymentMethodData = objectOf(paymentMethodFields)

var paymentMethodRoutes = []route{
	{method: "POST", pattern: "/v1/payment_methods", kind: "payment_method", handle: createPaymentMethod, fields: paymentMethodFields},
	{method: "GET", pattern: "/v1/payment_methods", kind: "payment_method", list: true, handle: func(c *call) (object, *apiError) {
		if !c.params.has("customer") {
			return nil, missingParam("customer")
		}
		return c.customerPaymentMethods(c.params.str("customer"), "customer")
	}, fields: listFields.with(fields{"customer": text, "type": text})},
	{method: "GET", pattern: "/v1/payment_methods/{}", kind: "payment_method", handle: func(c *call) (object, *apiError) {
		return resourceAt[*paymentMethod](c, 0, "PaymentMethod", "payment_method")
	}},
	{method: "POST", pattern: "/v1/payment_methods/{}", kind: "payment_method", handle: updatePaymentMethod, fields: fields{
		"metadata": metadata, "billing_details": billingFields, "card": objectOf(fields{"exp_month": integer, "exp_year": integer}.ignoring("networks")),
	}.ignoring("allow_redisplay")},
	{method: "POST", pattern: "/v1/payment_methods/{}/attach", kind: "payment_method", handle: attachPaymentMethod, fields: fields{"customer": required(text)}},
	{method: "POST", pattern: "/v1/payment_methods/{}/detach", kind: "payment_method", handle: detachPaymentMethod},
	{method: "GET", pattern: "/v1/customers/{}/payment_methods", kind: "payment_method", list: true, handle: func(c *call) (object, *apiError) {
		return c.customerPaymentMethods(c.ids[0], "customer")
	}, fields: listFields.with(fields{"type": text}).ignoring("allow_redisplay")},
	{method: "GET", pattern: "/v1/customers/{}/payment_methods/{}", kind: "payment_method", handle: func(c *call) (object, *apiError) {
		if _, err := c.customer(c.ids[0], "customer"); err != nil {
			return nil, err
		}
		pm, err := resourceAt[*paymentMethod](c, 1, "PaymentMethod", "payment_method")
		if err == nil && pm.Customer != c.ids[0] {
			return nil, noSuch("PaymentMethod", c.ids[1], "payment_method")
		}
		return pm, err
	}},
}

func (c *call) customerPaymentMethods(id, param string) (object, *apiError) {
	cus, err := c.customer(id, param)
	if err != nil {
		return nil, err
	}
	wanted := c.params.str("type")
	return result(page(c, "PaymentMethod", c.sandbox.store.indexes[indexKey{"payment_method", cus.ID}], func(pm *paymentMethod) bool {
		return wanted == "" || wanted == pm.Type
	}))
}

// newPaymentMethod makes a payment method that behaves as m. Stripe mints a new one for
// each use of a test token.
func (c *call) newPaymentMethod(m *testMethod) *paymentMethod { return c.mint(c.methodLike(m)) }

// methodLike is a payment method that behaves as m, not stored yet.
func (c *call) methodLike(m *testMethod) *paymentMethod {
	return &paymentMethod{
		header: c.newHeader("pm_", nil), Type: m.kind, Token: m.token, Fingerprint: fingerprintOf(m),
		ExpMonth: 12, ExpYear: int64(c.now.Year()) + 3, SetUp: m.preSetUp,
	}
}

// mint stores a new payment method. That alone does not count as a change: when the call
// is refused for what it asks of the method, nobody learns that there is one.
func (c *call) mint(pm *paymentMethod) *paymentMethod {
	changed := c.sandbox.store.changed
	c.sandbox.store.add("payment_method", pm)
	c.sandbox.store.changed = changed
	return pm
}

// fingerprintOf is equal for equal cards, as Stripe's is.
func fingerprintOf(m *testMethod) string { return derived(m.token, 16) }

// tokenMethod returns a new payment method if id is a test token, nil if it is none.
func (c *call) tokenMethod(id string) (*paymentMethod, *apiError) {
	m, ok := testMethodByToken(id)
	if !ok {
		return nil, checkPrivateToken(id)
	}
	return c.newPaymentMethod(m), nil
}

// usablePaymentMethod returns the payment method that id names, minting one when it is a
// test token, and checks that customer (which may be empty) may use it.
func (c *call) usablePaymentMethod(id, customer string) (*paymentMethod, *apiError) {
	if err := c.owner(customer); err != nil {
		return nil, err
	}
	if pm, err := c.tokenMethod(id); pm != nil || err != nil {
		return pm, err
	}
	pm, err := named[*paymentMethod](c, id, "PaymentMethod", "payment_method")
	switch {
	case err != nil:
		return nil, err
	case pm.Burnt:
		return nil, burnt()
	case pm.Customer != "" && customer == "":
		return nil, invalidCode("parameter_missing", "customer", "The PaymentMethod "+id+" belongs to a Customer. Please include the Customer in the `customer` parameter.")
	case pm.Customer != "" && pm.Customer != customer:
		return nil, invalidParam("payment_method", "The PaymentMethod "+id+" belongs to another Customer and cannot be used here.")
	}
	return pm, nil
}

// givenMethod returns the payment method that an intent's parameters name or describe, or
// else the one with the id present; nil when there is none.
func (c *call) givenMethod(present, customer string) (*paymentMethod, *apiError) {
	id := c.params.str("payment_method")
	data := c.params.sub("payment_method_data")
	switch {
	case id != "" && data != nil:
		return nil, invalidCode("parameters_exclusive", "payment_method_data", "You may only specify one of these parameters: payment_method, payment_method_data.")
	case data != nil:
		if err := c.owner(customer); err != nil {
			return nil, err
		}
		return c.describedMethod(data, "payment_method_data")
	case id == "":
		id = present
	}
	if id == "" {
		return nil, nil
	}
	return c.usablePaymentMethod(id, customer)
}

func burnt() *apiError {
	return invalidParam("payment_method", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, "+
		"shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. "+
		"To use a PaymentMethod multiple times, you must attach it to a Customer first.")
}

func createPaymentMethod(c *call) (object, *apiError) { return result(c.describedMethod(c.params, "")) }

// describedMethod makes the payment method that the parameters under path describe.
func (c *call) describedMethod(p *params, path string) (*paymentMethod, *apiError) {
	m, err := c.testMethodFromParams(p, path)
	if err != nil {
		return nil, err
	}
	pm := c.methodLike(m)
	pm.changeDetails(p)
	// Typed in by hand: Financial Connections would have verified it.
	pm.Unverified = p.sub("us_bank_account").has("account_number")
	return c.mint(pm), nil
}

func (pm *paymentMethod) changeDetails(p *params) {
	pm.Metadata = p.metadata(pm.Metadata)
	billing, card := p.sub("billing_details"), p.sub("card")
	if billing.sent("email") {
		pm.BillingEmail = billing.str("email")
	}
	if billing.sent("name") {
		pm.BillingName = billing.str("name")
	}
	if card.has("exp_month") {
		pm.ExpMonth = card.integer("exp_month")
	}
	if card.has("exp_year") {
		pm.ExpYear = card.integer("exp_year")
	}
}

func (c *call) testMethodFromParams(p *params, path string) (*testMethod, *apiError) {
	switch p.str("type") {
	case "":
		return nil, missingParam(paramPath(path, "type"))
	case "sepa_debit":
		return testMethodByIBAN(p.sub("sepa_debit").str("iban"), paramPath(path, "sepa_debit"))
	case "us_bank_account":
		return testMethodByAccount(p.sub("us_bank_account"), paramPath(path, "us_bank_account"))
	}
	card := p.sub("card")
	if token := card.str("token"); token != "" {
		m, ok := testMethodByToken(token)
		if !ok || !strings.HasPrefix(token, "tok_") {
			return nil, noSuch("token", token, paramPath(path, "card")+"[token]")
		}
		return m, nil
	}
	if !card.has("number") {
		return nil, missingParam(paramPath(path, "card") + "[number]")
	}
	month, year := card.integer("exp_month"), card.integer("exp_year")
	switch {
	case month < 1 || month > 12:
		return nil, cardDataError("invalid_expiry_month", "card[exp_month]", "Your card's expiration month is invalid.")
	case year < int64(c.now.Year()) || year > int64(c.now.Year())+50:
		return nil, cardDataError("invalid_expiry_year", "card[exp_year]", "Your card's expiration year is invalid.")
	}
	return testMethodByNumber(card.str("number"))
}

func mustTestMethod(token string) *testMethod {
	m, ok := testMethodByToken(token)
	if !ok {
		panic("stripesandbox: no test method " + token)
	}
	return m
}

// testMethodByNumber is what happens when a card number is turned into a payment method.
func testMethodByNumber(number string) (*testMethod, *apiError) {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	if !luhn(number) {
		return nil, cardDataError("incorrect_number", "number", "Your card number is incorrect.")
	}
	if m, ok := testNumbers[number]; ok {
		return m, nil
	}
	// Another number is a live one to Stripe.
	return nil, &apiError{
		Status: http.StatusPaymentRequired, Type: typeCard, Code: "card_declined", DeclineCode: "test_mode_live_card", Param: "number",
		Message: "Your card was declined. Your request was in test mode, but used a non test (live) card.",
	}
}

func cardDataError(code, param, message string) *apiError {
	return &apiError{Status: http.StatusPaymentRequired, Type: typeCard, Code: code, Param: param, Message: message}
}

func updatePaymentMethod(c *call) (object, *apiError) {
	old, err := resourceAt[*paymentMethod](c, 0, "PaymentMethod", "payment_method")
	if err != nil {
		return nil, err
	}
	if old.Customer == "" {
		return nil, invalidParam("payment_method", "You must save this PaymentMethod to a customer before you can update it.")
	}
	pm := update(c, old, func(pm *paymentMethod) { pm.changeDetails(c.params) })
	c.emit("payment_method.updated", pm)
	return pm, nil
}

func attachPaymentMethod(c *call) (object, *apiError) {
	cus, err := c.customer(c.params.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	pm, err := c.tokenMethod(c.ids[0])
	if pm == nil && err == nil {
		pm, err = resourceAt[*paymentMethod](c, 0, "PaymentMethod", "payment_method")
	}
	switch {
	case err != nil:
		return nil, err
	case pm.Customer == cus.ID:
		return pm, nil
	case pm.Customer != "":
		return nil, invalidRequest("The payment method you provided has already been attached to a customer.")
	case pm.Burnt:
		return nil, burnt()
	case pm.Unverified:
		return nil, invalidCode("bank_account_unverified", "payment_method", "The bank account must be verified before it can be attached to a customer.")
	}
	if declined := pm.test().attach; declined != nil {
		return nil, declined.apiError(pm)
	}
	return c.attach(pm, cus.ID), nil
}

// attach gives an unattached payment method to a customer.
func (c *call) attach(pm *paymentMethod, customer string) *paymentMethod {
	pm = update(c, pm, func(pm *paymentMethod) { pm.Customer = customer })
	c.sandbox.store.index("payment_method", customer, pm)
	c.emit("payment_method.attached", pm)
	return pm
}

func detachPaymentMethod(c *call) (object, *apiError) {
	pm, err := resourceAt[*paymentMethod](c, 0, "PaymentMethod", "payment_method")
	switch {
	case err != nil:
		return nil, err
	case pm.Customer == "":
		return nil, invalidParam("payment_method", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	return c.detach(pm), nil
}

// detach also ends its use as a default. A detached payment method is burnt.
func (c *call) detach(pm *paymentMethod) *paymentMethod {
	owner := pm.Customer
	c.sandbox.store.unindex("payment_method", owner, pm.ID)
	pm = update(c, pm, func(pm *paymentMethod) { pm.Customer, pm.Burnt = "", true })
	if cus, ok := lookup[*customer](c.sandbox.store, owner); ok && cus.DefaultPaymentMethod == pm.ID {
		update(c, cus, func(o *customer) { o.DefaultPaymentMethod = "" })
	}
	c.emitChange("payment_method.detached", pm, map[string]string{"customer": jsonText(owner)})
	return pm
}
