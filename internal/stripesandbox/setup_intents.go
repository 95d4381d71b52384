package stripesandbox

import (
	"net/http"
	"slices"
)

// setupIntent: https://docs.stripe.com/api/setup_intents/object
type setupIntent struct {
	header
	Customer           string
	Description        string
	PaymentMethod      string
	PaymentMethodTypes []string // empty: automatic
	Status             string
	Usage              string
	CancellationReason string
	LastError          *apiError
	Session            string // the Checkout Session that it belongs to
	Subscription       string // that waits for it
	LatestAttempt      string
	Mandate            string
	Acceptance         *acceptance // of the mandate that success is going to write
	VerifyBy           int64       // when microdeposits are waited for
	VerifyTries        int
}

func (si *setupIntent) render(w *writer) {
	w.open("")
	w.str("id", si.ID)
	w.str("object", "setup_intent")
	w.null("application")
	renderMethodTypes(w, si.PaymentMethodTypes)
	w.opt("cancellation_reason", si.CancellationReason)
	w.str("client_secret", si.clientSecret())
	w.integer("created", si.Created)
	w.ref("customer", si.Customer)
	w.opt("description", si.Description)
	w.null("flow_directions")
	renderLastError(w, "last_setup_error", si.LastError)
	w.ref("latest_attempt", si.LatestAttempt)
	w.boolean("livemode", false)
	w.ref("mandate", si.Mandate)
	w.metadata(si.Metadata)
	renderNextAction(w, si.ID, si.Status, si.VerifyBy)
	w.null("on_behalf_of")
	w.ref("payment_method", si.PaymentMethod)
	w.null("payment_method_configuration_details")
	w.raw("payment_method_options", "{}")
	w.null("single_use_mandate")
	w.str("status", si.Status)
	w.str("usage", si.Usage)
	w.close()
}

var setupIntentFields = fields{
	"customer": text, "payment_method": text, "description": text, "metadata": metadata, "payment_method_types": texts,
	"payment_method_data": paymentMethodData,
}.ignoring("attach_to_self", "flow_directions", "payment_method_options", "payment_method_configuration")

var setupIntentRoutes = []route{
	{method: "POST", pattern: "/v1/setup_intents", kind: "setup_intent", handle: createSetupIntent, fields: setupIntentFields.with(fields{
		"confirm": boolean, "usage": oneOf("off_session", "on_session"), "return_url": text,
		"automatic_payment_methods": automaticMethods, "mandate_data": mandateData,
	}).ignoring("use_stripe_sdk", "on_behalf_of", "single_use")},
	{method: "GET", pattern: "/v1/setup_intents", kind: "setup_intent", list: true, handle: listSetupIntents, fields: listFields.with(fields{
		"customer": text, "payment_method": text,
	}).ignoring("attach_to_self")},
	{method: "GET", pattern: "/v1/setup_intents/{}", kind: "setup_intent", fields: fields{"client_secret": text}, handle: func(c *call) (object, *apiError) {
		return resourceAt[*setupIntent](c, 0, "setupintent", "intent")
	}},
	{method: "POST", pattern: "/v1/setup_intents/{}", kind: "setup_intent", handle: updateSetupIntent, fields: setupIntentFields},
	{method: "POST", pattern: "/v1/setup_intents/{}/confirm", kind: "setup_intent", handle: confirmSetupIntent, fields: fields{
		"payment_method": text, "return_url": text, "client_secret": text, "mandate_data": mandateData, "payment_method_data": paymentMethodData,
	}.ignoring("use_stripe_sdk", "payment_method_options")},
	{method: "POST", pattern: "/v1/setup_intents/{}/verify_microdeposits", kind: "setup_intent", handle: verifySetupDeposits, fields: microdepositFields},
	{method: "POST", pattern: "/v1/setup_intents/{}/cancel", kind: "setup_intent", handle: cancelSetupIntent, fields: fields{
		"cancellation_reason": oneOf("abandoned", "requested_by_customer", "duplicate"),
	}},
}

func createSetupIntent(c *call) (object, *apiError) {
	confirm := c.params.boolean("confirm")
	if c.params.has("mandate_data") && !confirm {
		return nil, invalidParam("mandate_data", "The parameter `mandate_data` cannot be passed when creating a SetupIntent unless `confirm` is set to true.")
	}
	if err := checkMethodTypes(c.params); err != nil {
		return nil, err
	}
	cus, err := c.optionalCustomer()
	if err != nil {
		return nil, err
	}
	si := &setupIntent{
		Description: c.params.str("description"), Usage: c.params.str("usage"), PaymentMethodTypes: c.params.strings("payment_method_types"),
	}
	if cus != nil {
		si.Customer = cus.ID
	}
	if si.Acceptance, err = c.acceptance(); err != nil {
		return nil, err
	}
	pm, err := c.setupMethod(si, "")
	switch {
	case err != nil:
		return nil, err
	case pm == nil && confirm:
		return nil, missingMethod("setup_intent_unexpected_state", "SetupIntent")
	case confirm:
		if err := checkMandateData(si.Acceptance, "SetupIntent", "", pm); err != nil {
			return nil, err
		}
	}
	si = c.newSetupIntent(si, c.params.metadata(nil))
	if pm != nil {
		si = update(c, si, func(si *setupIntent) { si.PaymentMethod, si.Status = pm.ID, statusRequiresConfirmation })
	}
	c.emit("setup_intent.created", si)
	if !confirm {
		return si, nil
	}
	return result(c.confirmSetup(si, pm))
}

// setupMethod is payableMethod for a SetupIntent.
func (c *call) setupMethod(si *setupIntent, present string) (*paymentMethod, *apiError) {
	pm, err := c.givenMethod(present, si.Customer)
	if err != nil || pm == nil {
		return nil, err
	}
	return pm, checkMethodType(si.PaymentMethodTypes, pm.Type, "")
}

func (c *call) newSetupIntent(si *setupIntent, metadata pairs) *setupIntent {
	si.header = c.newHeader("seti_", metadata)
	si.Status = statusRequiresPaymentMethod
	if si.Usage == "" {
		si.Usage = "off_session"
	}
	c.sandbox.store.add("setup_intent", si, si.Customer)
	return si
}

func missingMethod(code, what string) *apiError {
	return invalidCode(code, "payment_method", "You cannot confirm this "+what+" because it's missing a payment method. "+
		"You can either update the "+what+" with a payment method and then confirm it again, or confirm it again directly with a payment method.")
}

// result is for handlers that end in a function with a typed object: a nil one must not
// become a non-nil interface.
func result[T object](o T, err *apiError) (object, *apiError) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

func listSetupIntents(c *call) (object, *apiError) {
	pm := c.params.str("payment_method")
	return result(page(c, "setupintent", c.sandbox.store.indexes[indexKey{"setup_intent", c.params.str("customer")}], func(si *setupIntent) bool {
		return pm == "" || pm == si.PaymentMethod
	}))
}

func updateSetupIntent(c *call) (object, *apiError) {
	si, err := resourceAt[*setupIntent](c, 0, "setupintent", "intent")
	if err != nil {
		return nil, err
	}
	final := slices.Contains([]string{statusSucceeded, statusCanceled, statusProcessing}, si.Status)
	for _, name := range []string{"customer", "payment_method", "payment_method_data", "payment_method_types"} {
		switch {
		case !c.params.has(name):
		case final && name != "payment_method_types":
			return nil, si.unexpected("You cannot update this SetupIntent because it has a status of " + si.Status + ".")
		case si.Session != "":
			return nil, ownedBySession("setup_intent_unexpected_state", "SetupIntent", "update")
		}
	}
	if err := checkMethodTypes(c.params); err != nil {
		return nil, err
	}
	cus, err := c.optionalCustomer()
	if err != nil {
		return nil, err
	}
	owner := si.Customer
	if cus != nil {
		owner = cus.ID
	}
	types := c.params.strings("payment_method_types")
	if types == nil {
		types = si.PaymentMethodTypes
	}
	pm, err := c.setupMethod(&setupIntent{Customer: owner, PaymentMethodTypes: types}, "")
	if err != nil {
		return nil, err
	}
	if owner != si.Customer {
		c.sandbox.store.index("setup_intent", owner, si)
	}
	return update(c, si, func(si *setupIntent) {
		si.Customer = owner
		si.Metadata = c.params.metadata(si.Metadata)
		if c.params.sent("description") {
			si.Description = c.params.str("description")
		}
		si.PaymentMethodTypes = types
		if pm != nil {
			si.PaymentMethod, si.Status = pm.ID, statusRequiresConfirmation
		}
	}), nil
}

func (si *setupIntent) unexpected(message string) *apiError {
	e := invalidCode("setup_intent_unexpected_state", "", message)
	e.SetupIntent = si
	return e
}

func (si *setupIntent) confirmable() *apiError {
	switch si.Status {
	case statusSucceeded:
		return si.unexpected("You cannot confirm this SetupIntent because it has already succeeded.")
	case statusCanceled, statusProcessing:
		return si.unexpected("You cannot confirm this SetupIntent because it has a status of " + si.Status + ".")
	}
	return nil
}

func ownedBySession(code, what, verb string) *apiError {
	return invalidCode(code, "", "You cannot "+verb+" this "+what+" because it belongs to a Checkout Session. Expire the Checkout Session instead.")
}

func confirmSetupIntent(c *call) (object, *apiError) {
	si, err := resourceAt[*setupIntent](c, 0, "setupintent", "intent")
	if err != nil {
		return nil, err
	}
	if err := si.confirmable(); err != nil {
		return nil, err
	}
	if si.Session != "" {
		return nil, ownedBySession("setup_intent_unexpected_state", "SetupIntent", "confirm")
	}
	given, err := c.acceptance()
	if err != nil {
		return nil, err
	}
	pm, err := c.setupMethod(si, si.PaymentMethod)
	if err != nil {
		return nil, err
	}
	if pm == nil {
		e := missingMethod("setup_intent_unexpected_state", "SetupIntent")
		e.SetupIntent = si
		return nil, e
	}
	if err := checkMandateData(given, "SetupIntent", "", pm); err != nil {
		return nil, err
	}
	si = update(c, si, func(si *setupIntent) { si.Acceptance = given })
	return result(c.confirmSetup(si, pm))
}

// confirmSetup sets pm up for later use: it succeeds, asks for 3D Secure, or is refused.
func (c *call) confirmSetup(si *setupIntent, pm *paymentMethod) (*setupIntent, *apiError) {
	si = c.beginAttempt(si, pm)
	m := pm.test()
	switch {
	case m.attach != nil:
		return nil, c.failSetup(si, m.attach.apiError(pm))
	case pm.Unverified:
		return c.verifySetup(si, pm)
	case m.setupAuth && !pm.SetUp:
		si = update(c, si, func(si *setupIntent) { si.PaymentMethod, si.Status, si.VerifyBy = pm.ID, statusRequiresAction, 0 })
		c.attemptBecomes(si, statusRequiresAction, nil)
		c.emit("setup_intent.requires_action", si)
		return si, nil
	case m.setupLater:
		si = update(c, si, func(si *setupIntent) { si.PaymentMethod, si.Status = pm.ID, statusProcessing })
		if c.sandbox.cfg.AsyncDelay > 0 {
			c.schedule(c.now.Add(c.sandbox.cfg.AsyncDelay), dueSettleSetup, si.ID)
		}
		return si, nil
	}
	return c.succeedSetup(si, pm), nil
}

// settleSetupDue is the bank's answer to a setup that was processing.
func (c *call) settleSetupDue(id string) {
	si, ok := lookup[*setupIntent](c.sandbox.store, id)
	if !ok || si.Status != statusProcessing {
		return
	}
	pm, _ := lookup[*paymentMethod](c.sandbox.store, si.PaymentMethod)
	if err := c.owner(si.Customer); err != nil {
		c.failSetup(si, err)
		return
	}
	if failure := pm.test().settles.failure; failure != "" {
		refusal := (&decline{Code: failure}).apiError(pm)
		refusal.Message = "The bank account could not be set up: " + failure + "."
		c.failSetup(si, refusal)
		return
	}
	c.succeedSetup(si, pm)
}

func (c *call) succeedSetup(si *setupIntent, pm *paymentMethod) *setupIntent {
	if si.Usage == "off_session" && !pm.SetUp {
		pm = update(c, pm, func(pm *paymentMethod) { pm.SetUp = true })
	}
	if si.Customer != "" && pm.Customer == "" {
		pm = c.attach(pm, si.Customer)
	}
	c.attemptBecomes(si, statusSucceeded, nil)
	mandate := ""
	if pm.isDebit() {
		mandate = c.newMandate(pm, si.Acceptance, nil).ID
	}
	si = update(c, si, func(si *setupIntent) {
		si.PaymentMethod, si.Status, si.LastError, si.Mandate, si.VerifyBy = pm.ID, statusSucceeded, nil, mandate, 0
	})
	c.emit("setup_intent.succeeded", si)
	c.subscriptionSetUp(si)
	return si
}

// failSetup records the refusal and returns the error that tells of it.
func (c *call) failSetup(si *setupIntent, refusal *apiError) *apiError {
	last := *refusal
	c.attemptBecomes(si, attemptFailed, &last)
	si = update(c, si, func(si *setupIntent) {
		si.PaymentMethod, si.Status, si.LastError, si.VerifyBy = "", statusRequiresPaymentMethod, &last, 0
	})
	c.emit("setup_intent.setup_failed", si)
	answer := *refusal
	answer.SetupIntent = si
	return &answer
}

// authenticateSetup is the end of a 3D Secure challenge.
func (c *call) authenticateSetup(si *setupIntent, passed bool) (*setupIntent, *apiError) {
	pm, _ := lookup[*paymentMethod](c.sandbox.store, si.PaymentMethod)
	if !passed {
		return nil, c.failSetup(si, authenticationFailed("setup_intent_authentication_failure", pm))
	}
	// While the challenge was open it may have been detached, or used or attached elsewhere.
	if _, err := c.usablePaymentMethod(pm.ID, si.Customer); err != nil {
		return nil, c.failSetup(si, err)
	}
	return c.succeedSetup(si, pm), nil
}

func authenticationFailed(code string, pm *paymentMethod) *apiError {
	return &apiError{
		Status: http.StatusPaymentRequired, Type: typeInvalidRequest, Code: code, PaymentMethod: pm,
		Message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
	}
}

func cancelSetupIntent(c *call) (object, *apiError) {
	si, err := resourceAt[*setupIntent](c, 0, "setupintent", "intent")
	if err != nil {
		return nil, err
	}
	switch {
	case si.Session != "":
		return nil, ownedBySession("setup_intent_unexpected_state", "SetupIntent", "cancel")
	case si.Status == statusSucceeded, si.Status == statusCanceled, si.Status == statusProcessing:
		return nil, si.unexpected("You cannot cancel this SetupIntent because it has a status of " + si.Status + ". " +
			"Only a SetupIntent with one of the following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.")
	}
	c.abandonAttempt(si)
	si = update(c, si, func(si *setupIntent) {
		si.Status, si.CancellationReason, si.PaymentMethod = statusCanceled, c.params.str("cancellation_reason"), ""
	})
	c.emit("setup_intent.canceled", si)
	return si, nil
}
