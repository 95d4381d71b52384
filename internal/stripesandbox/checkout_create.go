package stripesandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

var sessionFields = fields{
	"mode": required(oneOf(modePayment, modeSetup, "subscription")), "ui_mode": oneOf("hosted", "embedded", "custom"),
	"customer": text, "customer_creation": oneOf("always", "if_required"), "customer_email": text, "client_reference_id": text,
	"currency": text, "success_url": text, "cancel_url": text, "return_url": text, "redirect_on_completion": oneOf("always", "if_required", "never"),
	"expires_at": integer, "locale": text, "metadata": metadata, "payment_method_types": texts,
	"setup_intent_data": objectOf(fields{"description": text, "metadata": metadata}.ignoring("on_behalf_of")),
	"payment_intent_data": objectOf(fields{
		"description": text, "metadata": metadata, "setup_future_usage": oneOf("off_session", "on_session"), "receipt_email": text,
		"statement_descriptor": text, "statement_descriptor_suffix": text, "capture_method": oneOf("automatic", "automatic_async"),
	}.ignoring("shipping", "transfer_group")),
	"line_items": listOf(objectOf(fields{
		"quantity": integer, "price": text,
		"price_data": objectOf(inlinePrice),
	}.ignoring("adjustable_quantity", "tax_rates"))),
}.ignoring(
	"adaptive_pricing", "after_expiration", "allow_promotion_codes", "automatic_tax", "billing_address_collection", "consent_collection",
	"custom_fields", "custom_text", "customer_update", "discounts", "invoice_creation", "payment_method_collection", "payment_method_configuration",
	"payment_method_options", "permissions", "phone_number_collection", "saved_payment_method_options", "submit_type", "tax_id_collection",
	"wallet_options",
)

// Sessions live between 30 minutes and 24 hours.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
const (
	shortestSession = 30 * time.Minute
	longestSession  = 24 * time.Hour
)

// refusedIn lists parameters that a mode or ui_mode has no use for.
var refusedIn = map[string][]string{
	modeSetup:   {"line_items", "allow_promotion_codes", "payment_intent_data", "invoice_creation", "submit_type", "automatic_tax", "discounts"},
	modePayment: {"setup_intent_data", "payment_method_collection"},
	"hosted":    {"return_url", "redirect_on_completion"},
	"embedded":  {"success_url", "cancel_url"},
	"custom":    {"success_url", "cancel_url", "custom_fields", "custom_text", "after_expiration"},
}

func createSession(c *call) (object, *apiError) {
	p := c.params
	cs := &checkoutSession{
		Mode: p.str("mode"), UIMode: p.str("ui_mode"), Status: sessionOpen, Currency: currencyOf(p),
		CustomerCreation: p.str("customer_creation"), CustomerEmail: p.str("customer_email"), ClientReferenceID: p.str("client_reference_id"),
		SuccessURL: p.str("success_url"), CancelURL: p.str("cancel_url"), ReturnURL: p.str("return_url"),
		RedirectOnCompletion: p.str("redirect_on_completion"), Locale: p.str("locale"), PaymentMethodTypes: p.strings("payment_method_types"),
	}
	if cs.UIMode == "" {
		cs.UIMode = "hosted"
	}
	if cs.RedirectOnCompletion == "" {
		cs.RedirectOnCompletion = "always"
	}
	if err := checkSession(cs, p); err != nil {
		return nil, err
	}
	cus, err := c.optionalCustomer()
	switch {
	case err != nil:
		return nil, err
	case cus != nil:
		cs.Customer = cus.ID
	case cs.CustomerCreation == "":
		cs.CustomerCreation = "if_required"
	}
	if err := c.setExpiry(cs); err != nil {
		return nil, err
	}
	if cs.Mode == modePayment {
		if err := c.setPayment(cs); err != nil {
			return nil, err
		}
	}
	cs.header = c.newHeader("cs_test_a1", p.metadata(nil))
	cs.ID += c.random(32)
	if cs.UIMode == "hosted" {
		cs.URL = c.sandbox.publicURL + "/_sandbox/checkout/" + cs.ID
	} else {
		cs.ClientSecret = cs.ID + "_secret_" + c.random(32)
	}
	if cs.Mode == modeSetup {
		c.setSetup(cs)
	}
	c.sandbox.store.add("checkout.session", cs, cs.Customer)
	c.schedule(time.Unix(cs.ExpiresAt, 0), dueExpireSession, cs.ID)
	return cs, nil
}

// checkSession is what can be said without looking at other objects.
func checkSession(cs *checkoutSession, p *params) *apiError {
	if cs.Mode == "subscription" {
		return invalidParam("mode", "This sandbox has no Checkout Sessions in `subscription` mode.")
	}
	for _, name := range refusedIn[cs.Mode] {
		if p.has(name) {
			return invalidParam(name, "You can not pass `"+name+"` in `"+cs.Mode+"` mode.")
		}
	}
	for _, name := range refusedIn[cs.UIMode] {
		if p.has(name) {
			return invalidParam(name, "You can not pass `"+name+"` when `ui_mode` is `"+cs.UIMode+"`.")
		}
	}
	switch {
	case cs.UIMode == "hosted" && cs.SuccessURL == "":
		return missingParam("success_url")
	case cs.UIMode == "embedded" && cs.ReturnURL == "" && cs.RedirectOnCompletion != "never":
		return missingParam("return_url")
	case cs.RedirectOnCompletion == "never" && cs.ReturnURL != "":
		return invalidParam("return_url", "You cannot set `return_url` if `redirect_on_completion` is `never`.")
	case cs.Mode == modeSetup && cs.Currency == "" && len(cs.PaymentMethodTypes) == 0:
		return missingParam("currency")
	case p.has("customer") && cs.CustomerEmail != "":
		return invalidCode("parameters_exclusive", "customer_email", "You may only specify one of these parameters: customer, customer_email.")
	case p.has("customer") && cs.CustomerCreation != "":
		return invalidParam("customer_creation", "You can not pass `customer_creation` when `customer` is given.")
	}
	if cs.Currency != "" {
		if _, known := currencies[cs.Currency]; !known {
			return checkAmount(0, cs.Currency)
		}
	}
	for _, t := range cs.PaymentMethodTypes {
		if !slices.Contains(methodTypes, t) {
			return invalidParam("payment_method_types", "Invalid payment_method_types: must be one of "+strings.Join(methodTypes, ", "))
		}
	}
	return nil
}

func (c *call) setExpiry(cs *checkoutSession) *apiError {
	cs.ExpiresAt = c.now.Add(longestSession).Unix()
	if !c.params.has("expires_at") {
		return nil
	}
	cs.ExpiresAt = c.params.integer("expires_at")
	switch {
	case cs.ExpiresAt < c.now.Add(shortestSession).Unix():
		return invalidParam("expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case cs.ExpiresAt > c.now.Add(longestSession).Unix():
		return invalidParam("expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	return nil
}

// setSetup makes the session's SetupIntent, which exists from the start.
func (c *call) setSetup(cs *checkoutSession) {
	cs.PaymentStatus = paymentNotRequired
	data := c.params.sub("setup_intent_data")
	types := cs.PaymentMethodTypes
	if len(types) == 0 {
		types = []string{"card"}
	}
	si := c.newSetupIntent(&setupIntent{
		Customer: cs.Customer, Description: data.str("description"), PaymentMethodTypes: types, Session: cs.ID,
	}, data.metadata(nil))
	cs.SetupIntent = si.ID
	c.emit("setup_intent.created", si)
}

// setPayment works out what is to be paid. The PaymentIntent comes later, when the buyer
// first tries to pay.
func (c *call) setPayment(cs *checkoutSession) *apiError {
	cs.PaymentStatus = paymentUnpaid
	if !c.params.has("line_items") {
		return missingParam("line_items")
	}
	for i, item := range c.params.list("line_items") {
		li, err := c.lineItem(item.sub, i)
		if err != nil {
			return err
		}
		if cs.Currency == "" {
			cs.Currency = li.Price.Currency
		}
		if li.Price.Currency != cs.Currency {
			return invalidParam("line_items", "The price specified must have the same currency ("+cs.Currency+") as the others.")
		}
		cs.LineItems = append(cs.LineItems, li)
		cs.AmountTotal += li.amount()
	}
	if err := checkAmount(cs.AmountTotal, cs.Currency); err != nil {
		err.Param = "line_items"
		return err
	}
	if err := c.takeLineItems(cs); err != nil {
		return err
	}
	data := c.params.sub("payment_intent_data")
	cs.Payment = paymentData{
		Metadata: data.metadata(nil), SetupFutureUsage: data.str("setup_future_usage"), Description: data.str("description"),
		ReceiptEmail: data.str("receipt_email"), StatementDescriptor: data.str("statement_descriptor"), StatementSuffix: data.str("statement_descriptor_suffix"),
	}
	return nil
}

// lineItem is what is bought, at a price that is stored, or that takeLineItems stores.
func (c *call) lineItem(p *params, i int) (lineItem, *apiError) {
	at := linePath(i)
	li := lineItem{ID: "li_" + c.random(idLength), Quantity: p.integer("quantity")}
	var err *apiError
	switch {
	case p.has("price"):
		li.Price, err = c.activePrice(p.str("price"), at+"[price]")
	case p.has("price_data"):
		li.Price, err = c.newPrice(p.sub("price_data"), at+"[price_data]")
	default:
		err = missingParam(at + "[price_data]")
	}
	switch {
	case err != nil:
		return li, err
	case li.Price.Recurring != nil:
		return li, invalidParam("line_items", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case !p.has("quantity"):
		return li, missingParam(at + "[quantity]")
	case li.Quantity < 1 || li.Quantity > 999_999:
		return li, invalidCode("parameter_invalid_integer", at+"[quantity]", "This value must be greater than or equal to 1.")
	}
	return li, nil
}

func linePath(i int) string { return paramPath("line_items", strconv.Itoa(i)) }

// takeLineItems stores the prices that are made in the session, and names what is bought.
func (c *call) takeLineItems(cs *checkoutSession) *apiError {
	for i, item := range c.params.list("line_items") {
		li := &cs.LineItems[i]
		if data := item.sub.sub("price_data"); !item.sub.has("price") {
			if err := c.addInlinePrice(li.Price, data, linePath(i)+"[price_data]"); err != nil {
				return err
			}
		}
		if o, ok := lookup[*product](c.sandbox.store, li.Price.Product); ok {
			li.Description = o.Name
		}
	}
	return nil
}
