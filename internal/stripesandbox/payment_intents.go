package stripesandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// paymentIntent: https://docs.stripe.com/api/payment_intents/object
type paymentIntent struct {
	header
	Amount        int64         `json:"amount,omitzero"`
	Received      int64         `json:"received,omitzero"`
	Currency      string        `json:"currency,omitzero"`
	Customer      string        `json:"customer,omitzero"`
	PaymentMethod string        `json:"payment_method,omitzero"`
	Status        string        `json:"status,omitzero"`
	LatestCharge  string        `json:"latest_charge,omitzero"`
	LastError     *apiError     `json:"last_error,omitzero"`
	Terms         *paymentTerms `json:"terms,omitzero"`
	Debit         *debit        `json:"debit,omitzero"` // how a bank account is to be debited; nil: nothing was said
}

func (pi *paymentIntent) render(w *writer) {
	w.open("")
	w.str("id", pi.ID)
	w.str("object", "payment_intent")
	w.integer("amount", pi.Amount)
	capturable := int64(0)
	if pi.Status == statusRequiresCapture {
		capturable = pi.Amount
	}
	w.integer("amount_capturable", capturable)
	w.raw("amount_details", `{"tip":{}}`)
	w.integer("amount_received", pi.Received)
	w.null("application", "application_fee_amount")
	renderMethodTypes(w, pi.Terms.PaymentMethodTypes)
	w.optInteger("canceled_at", pi.Terms.CanceledAt)
	w.opt("cancellation_reason", pi.Terms.CancellationReason)
	w.str("capture_method", cmp.Or(pi.Terms.CaptureMethod, "automatic_async"))
	w.str("client_secret", pi.clientSecret())
	w.str("confirmation_method", "automatic")
	w.integer("created", pi.Created)
	w.str("currency", pi.Currency)
	w.ref("customer", pi.Customer)
	w.opt("description", pi.Terms.Description)
	renderLastError(w, "last_payment_error", pi.LastError)
	w.ref("latest_charge", pi.LatestCharge)
	w.boolean("livemode", false)
	w.metadata(pi.Metadata)
	renderNextAction(w, pi.ID, pi.Status, pi.debit().VerifyBy)
	w.null("on_behalf_of")
	w.ref("payment_method", pi.PaymentMethod)
	w.null("payment_method_configuration_details")
	w.raw("payment_method_options", `{}`)
	w.null("processing")
	w.opt("receipt_email", pi.Terms.ReceiptEmail)
	w.null("review")
	w.opt("setup_future_usage", pi.Terms.SetupFutureUsage)
	w.null("shipping")
	w.opt("statement_descriptor", pi.Terms.StatementDescriptor)
	w.opt("statement_descriptor_suffix", pi.Terms.StatementSuffix)
	w.str("status", pi.Status)
	w.null("transfer_data", "transfer_group")
	w.close()
}

var paymentIntentFields = fields{
	"customer": text, "payment_method": text, "description": text, "metadata": metadata, "payment_method_types": texts,
	"setup_future_usage": oneOf("off_session", "on_session"), "receipt_email": text, "statement_descriptor": text, "statement_descriptor_suffix": text,
	"capture_method": captureMethods, "payment_method_data": paymentMethodData,
}.ignoring("payment_method_options", "payment_method_configuration", "shipping", "transfer_group")

var captureMethods = oneOf("automatic", "automatic_async", captureManual)

var paymentIntentRoutes = []route{
	{method: "POST", pattern: "/v1/payment_intents", kind: "payment_intent", handle: createPaymentIntent, fields: paymentIntentFields.with(fields{
		"amount": required(integer), "currency": required(text), "confirm": boolean, "off_session": boolean, "error_on_requires_action": boolean,
		"return_url": text, "confirmation_method": oneOf("automatic"),
		"automatic_payment_methods": automaticMethods, "mandate": text, "mandate_data": mandateData,
	}).ignoring("use_stripe_sdk", "radar_options")},
	{method: "GET", pattern: "/v1/payment_intents", kind: "payment_intent", list: true, handle: func(c *call) (object, *apiError) {
		return result(page[*paymentIntent](c, "payment_intent", c.sandbox.store.indexes[indexKey{"payment_intent", c.params.str("customer")}], nil))
	}, fields: listFields.with(fields{"customer": text})},
	{method: "GET", pattern: "/v1/payment_intents/search", kind: "payment_intent", list: true, handle: searchPaymentIntents, fields: fields{
		"query": required(text), "limit": integer, "page": text,
	}},
	{method: "GET", pattern: "/v1/payment_intents/{}", kind: "payment_intent", fields: fields{"client_secret": text}, handle: func(c *call) (object, *apiError) {
		return resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	}},
	{method: "POST", pattern: "/v1/payment_intents/{}", kind: "payment_intent", handle: updatePaymentIntent, fields: paymentIntentFields.with(fields{
		"amount": integer, "currency": text,
	})},
	{method: "POST", pattern: "/v1/payment_intents/{}/confirm", kind: "payment_intent", handle: confirmPaymentIntent, fields: fields{
		"payment_method": text, "off_session": boolean, "error_on_requires_action": boolean, "return_url": text, "client_secret": text,
		"setup_future_usage": oneOf("off_session", "on_session"), "receipt_email": text, "payment_method_types": texts,
		"capture_method": captureMethods, "mandate": text, "mandate_data": mandateData, "payment_method_data": paymentMethodData,
	}.ignoring("payment_method_options", "radar_options", "shipping", "use_stripe_sdk")},
	{method: "POST", pattern: "/v1/payment_intents/{}/capture", kind: "payment_intent", handle: capturePaymentIntent, fields: fields{
		"amount_to_capture": integer, "metadata": metadata,
	}.ignoring("statement_descriptor", "statement_descriptor_suffix")},
	{method: "POST", pattern: "/v1/payment_intents/{}/verify_microdeposits", kind: "payment_intent", handle: verifyPaymentDeposits, fields: microdepositFields},
	{method: "POST", pattern: "/v1/payment_intents/{}/cancel", kind: "payment_intent", handle: cancelPaymentIntent, fields: fields{
		"cancellation_reason": oneOf("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
	}},
}

func createPaymentIntent(c *call) (object, *apiError) {
	p := c.params
	confirm, offSession := p.boolean("confirm"), p.boolean("off_session")
	if err := checkAmount(p.integer("amount"), currencyOf(p)); err != nil {
		return nil, err
	}
	if offSession && !confirm {
		return nil, invalidParam("off_session", "You cannot set `off_session` to `true` when `confirm` is not `true`.")
	}
	if p.boolean("error_on_requires_action") && !confirm {
		return nil, invalidParam("error_on_requires_action", "You cannot set `error_on_requires_action` when `confirm` is not `true`.")
	}
	for _, name := range []string{"mandate", "mandate_data"} {
		if p.has(name) && !confirm {
			return nil, invalidParam(name, "The parameter `"+name+"` cannot be passed when creating a PaymentIntent unless `confirm` is set to true.")
		}
	}
	if err := checkOffSession(offSession, p.str("setup_future_usage")); err != nil {
		return nil, err
	}
	if err := checkMethodTypes(p); err != nil {
		return nil, err
	}
	cus, err := c.optionalCustomer()
	if err != nil {
		return nil, err
	}
	pi := &paymentIntent{Amount: p.integer("amount"), Currency: currencyOf(p), Terms: noTerms.given(p)}
	if pi.Debit, err = c.givenDebit(); err != nil {
		return nil, err
	}
	if cus != nil {
		pi.Customer = cus.ID
	}
	pm, err := c.payableMethod(pi, "")
	switch {
	case err != nil:
		return nil, err
	case pm == nil && confirm:
		return nil, missingMethod("payment_intent_unexpected_state", "PaymentIntent")
	case confirm:
		if err := c.checkConfirmation(pi, pm, offSession); err != nil {
			return nil, err
		}
	}
	pi = c.newPaymentIntent(pi, p.metadata(nil), pm)
	if !confirm {
		return pi, nil
	}
	return result(c.confirmPayment(pi, pm, offSession, p.boolean("error_on_requires_action")))
}

// checkConfirmation is what has to be in order before a debit is tried.
func (c *call) checkConfirmation(pi *paymentIntent, pm *paymentMethod, offSession bool) *apiError {
	if pi.Terms.SetupFutureUsage != "" {
		if err := checkMandateData(pi.debit().Acceptance, "PaymentIntent", " and `setup_future_usage`", pm); err != nil {
			return err
		}
	}
	return c.checkDebit(pi, pm, offSession)
}

// newPaymentIntent stores pi, ready to be confirmed if it has a payment method.
func (c *call) newPaymentIntent(pi *paymentIntent, metadata pairs, pm *paymentMethod) *paymentIntent {
	pi.header = c.newHeader("pi_", metadata)
	pi.Status = statusRequiresPaymentMethod
	if pm != nil {
		pi.PaymentMethod, pi.Status = pm.ID, statusRequiresConfirmation
	}
	c.sandbox.store.add("payment_intent", pi, pi.Customer)
	c.emit("payment_intent.created", pi)
	return pi
}

func checkOffSession(offSession bool, setupFutureUsage string) *apiError {
	if offSession && setupFutureUsage != "" {
		return invalidParam("off_session", "You cannot confirm with the off_session parameter when setup_future_usage is also set on the PaymentIntent. "+
			"The customer needs to be on-session to perform the steps which may be required to set up the PaymentMethod for future usage.")
	}
	return nil
}

// payableMethod returns the payment method that the parameters name or describe, or else
// the one with the id present, if pi may be paid with it; nil when there is none.
func (c *call) payableMethod(pi *paymentIntent, present string) (*paymentMethod, *apiError) {
	pm, err := c.givenMethod(present, pi.Customer)
	if err != nil || pm == nil {
		return nil, err
	}
	if err := checkMethodType(pi.Terms.PaymentMethodTypes, pm.Type, pi.Currency); err != nil {
		return nil, err
	}
	return pm, c.checkMandate(pi.debit().Mandate, pm)
}

// methodTypes are the types of payment methods that exist here.
var methodTypes = []string{"card", "sepa_debit", "us_bank_account"}

var automaticMethods = objectOf(fields{"enabled": required(boolean), "allow_redirects": oneOf("always", "never")})

// checkMethodTypes refuses types that the sandbox does not have, and two ways to say
// which ones are allowed.
func checkMethodTypes(p *params) *apiError {
	for i, given := range p.strings("payment_method_types") {
		if !slices.Contains(methodTypes, given) {
			return invalidParam(paramPath("payment_method_types", strconv.Itoa(i)), "The payment method type \""+given+"\" is invalid. "+
				"This sandbox knows "+strings.Join(methodTypes, ", ")+".")
		}
	}
	if p.sub("automatic_payment_methods").boolean("enabled") && p.has("payment_method_types") {
		return invalidCode("parameters_exclusive", "payment_method_types",
			"You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
	}
	return nil
}

func checkMethodType(allowed []string, methodType, currency string) *apiError {
	found := len(allowed) == 0
	for _, t := range allowed {
		found = found || t == methodType
	}
	if !found {
		return invalidParam("payment_method", "The PaymentMethod provided ("+methodType+") is not allowed here. Please set the payment_method_types accordingly.")
	}
	if currency != "" && ((methodType == "sepa_debit" && currency != "eur") || (methodType == "us_bank_account" && currency != "usd")) {
		return invalidParam("payment_method", "The currency provided ("+currency+") is invalid for a payment method of type "+methodType+".")
	}
	return nil
}

func updatePaymentIntent(c *call) (object, *apiError) {
	p := c.params
	pi, err := resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	if err := pi.checkOwner(p, "amount", "currency", "customer", "capture_method", "payment_method_types", "setup_future_usage"); err != nil {
		return nil, err
	}
	if err := checkMethodTypes(p); err != nil {
		return nil, err
	}
	final := slices.Contains([]string{statusSucceeded, statusCanceled, statusProcessing, statusRequiresCapture}, pi.Status)
	for _, name := range []string{
		"amount", "currency", "customer", "payment_method", "payment_method_data", "payment_method_types", "setup_future_usage", "capture_method",
	} {
		if final && p.has(name) {
			return nil, pi.unexpected("This PaymentIntent's " + name + " could not be updated because it has a status of " + pi.Status + ".")
		}
	}
	next := *pi
	if p.has("amount") {
		next.Amount = p.integer("amount")
	}
	if p.has("currency") {
		next.Currency = currencyOf(p)
	}
	if err := checkAmount(next.Amount, next.Currency); err != nil {
		return nil, err
	}
	cus, err := c.optionalCustomer()
	if err != nil {
		return nil, err
	}
	if cus != nil && cus.ID != pi.Customer {
		if pi.Customer != "" {
			return nil, invalidParam("customer", "The customer of a PaymentIntent cannot be changed.")
		}
		next.Customer = cus.ID
	}
	next.changeDetails(p)
	pm, err := c.payableMethod(&next, "")
	if err != nil {
		return nil, err
	}
	if pm != nil {
		next.PaymentMethod, next.Status = pm.ID, statusRequiresConfirmation
	}
	if next.Customer != pi.Customer {
		c.sandbox.store.index("payment_intent", next.Customer, pi)
	}
	c.sandbox.store.put(&next)
	return &next, nil
}

func (pi *paymentIntent) changeDetails(p *params) {
	pi.Terms = pi.Terms.given(p)
	pi.Metadata = p.metadata(pi.Metadata)
}

func (pi *paymentIntent) unexpected(message string) *apiError {
	e := invalidCode("payment_intent_unexpected_state", "", message)
	e.PaymentIntent = pi
	return e
}

// checkOwner refuses to change what is decided by the invoice, or by the Checkout Session,
// that pi belongs to: it would take something else than they say.
func (pi *paymentIntent) checkOwner(p *params, names ...string) *apiError {
	owner := "an invoice"
	switch {
	case pi.Terms.Session != "":
		owner = "a Checkout Session"
	case pi.Terms.Invoice == "":
		return nil
	}
	for _, name := range names {
		if p.sent(name) {
			e := pi.unexpected("The " + name + " of this PaymentIntent could not be updated because it was created by " + owner + ".")
			e.Param = name
			return e
		}
	}
	return nil
}

// confirmable says why pi cannot be confirmed any more: it succeeds at most once.
func (pi *paymentIntent) confirmable() *apiError {
	switch pi.Status {
	case statusSucceeded:
		return pi.unexpected("You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case statusCanceled, statusProcessing, statusRequiresCapture:
		return pi.unexpected("You cannot confirm this PaymentIntent because it has a status of " + pi.Status + ".")
	}
	return nil
}

func confirmPaymentIntent(c *call) (object, *apiError) {
	p := c.params
	pi, err := resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	if err := pi.confirmable(); err != nil {
		return nil, err
	}
	if err := checkMethodTypes(p); err != nil {
		return nil, err
	}
	if pi.Terms.Session != "" {
		return nil, ownedBySession("payment_intent_unexpected_state", "PaymentIntent", "confirm")
	}
	if err := pi.checkOwner(p, "capture_method"); err != nil {
		return nil, err
	}
	changed := *pi
	changed.changeDetails(p)
	if changed.Debit, err = c.givenDebit(); err != nil {
		return nil, err
	}
	offSession := p.boolean("off_session")
	if err := checkOffSession(offSession, changed.Terms.SetupFutureUsage); err != nil {
		return nil, err
	}
	pm, err := c.payableMethod(&changed, pi.PaymentMethod)
	if err != nil {
		return nil, err
	}
	if pm == nil {
		e := missingMethod("payment_intent_unexpected_state", "PaymentIntent")
		e.PaymentIntent = pi
		return nil, e
	}
	if err := c.checkConfirmation(&changed, pm, offSession); err != nil {
		err.PaymentIntent = pi
		return nil, err
	}
	c.sandbox.store.put(&changed)
	return result(c.confirmPayment(&changed, pm, offSession, p.boolean("error_on_requires_action")))
}

func cancelPaymentIntent(c *call) (object, *apiError) {
	pi, err := resourceAt[*paymentIntent](c, 0, "payment_intent", "intent")
	if err != nil {
		return nil, err
	}
	switch {
	case pi.Terms.Session != "":
		return nil, ownedBySession("payment_intent_unexpected_state", "PaymentIntent", "cancel")
	case pi.Terms.Invoice != "":
		return nil, pi.unexpected("You cannot cancel this PaymentIntent because it was created by an invoice. Void the invoice instead.")
	case pi.Status == statusSucceeded, pi.Status == statusCanceled, pi.Status == statusProcessing:
		return nil, pi.unexpected("You cannot cancel this PaymentIntent because it has a status of " + pi.Status + ". " +
			"Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action.")
	}
	return c.cancelPayment(pi, c.params.str("cancellation_reason")), nil
}
