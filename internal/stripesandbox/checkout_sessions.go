package stripesandbox

import (
	"cmp"
	"slices"
)

// Statuses of Checkout Sessions.
const (
	sessionOpen     = "open"
	sessionComplete = "complete"
	sessionExpired  = "expired"
)

// Payment statuses of Checkout Sessions.
const (
	paymentPaid        = "paid"
	paymentUnpaid      = "unpaid"
	paymentNotRequired = "no_payment_required"
)

// Modes of Checkout Sessions.
const (
	modePayment = "payment"
	modeSetup   = "setup"
)

// checkoutSession: https://docs.stripe.com/api/checkout/sessions/object
type checkoutSession struct {
	header
	Mode, UIMode          string
	Status, PaymentStatus string
	AmountTotal           int64
	Currency              string
	Customer              string
	CustomerCreation      string
	CustomerEmail         string
	BuyerEmail            string
	ClientReferenceID     string
	ClientSecret          string
	SuccessURL, CancelURL string
	ReturnURL             string
	RedirectOnCompletion  string
	URL                   string
	Locale                string
	PaymentMethodTypes    []string // empty: automatic
	PaymentIntent         string
	SetupIntent           string
	ExpiresAt             int64
	LineItems             []lineItem
	Payment               paymentData
}

// paymentData is payment_intent_data, kept until the buyer first tries to pay.
type paymentData struct {
	Metadata            pairs
	SetupFutureUsage    string
	Description         string
	ReceiptEmail        string
	StatementDescriptor string
	StatementSuffix     string
}

func (cs *checkoutSession) render(w *writer) {
	w.open("")
	w.str("id", cs.ID)
	w.str("object", "checkout.session")
	w.raw("adaptive_pricing", `{"enabled":false}`)
	w.null("after_expiration", "allow_promotion_codes")
	if cs.Mode == modePayment {
		w.integer("amount_subtotal", cs.AmountTotal)
		w.integer("amount_total", cs.AmountTotal)
	} else {
		w.null("amount_subtotal", "amount_total")
	}
	w.raw("automatic_tax", `{"enabled":false,"liability":null,"provider":null,"status":null}`)
	w.null("billing_address_collection")
	w.opt("cancel_url", cs.CancelURL)
	w.opt("client_reference_id", cs.ClientReferenceID)
	if cs.Status == sessionOpen {
		w.opt("client_secret", cs.ClientSecret)
	} else {
		w.null("client_secret")
	}
	w.null("collected_information", "consent", "consent_collection")
	w.integer("created", cs.Created)
	w.opt("currency", cs.Currency)
	w.null("currency_conversion")
	w.raw("custom_fields", "[]")
	w.raw("custom_text", `{"after_submit":null,"shipping_address":null,"submit":null,"terms_of_service_acceptance":null}`)
	w.ref("customer", cs.Customer)
	w.opt("customer_creation", cs.CustomerCreation)
	cs.renderBuyer(w)
	w.opt("customer_email", cs.CustomerEmail)
	w.raw("discounts", "[]")
	w.integer("expires_at", cs.ExpiresAt)
	w.null("invoice")
	if cs.Mode == modePayment {
		w.open("invoice_creation")
		w.boolean("enabled", false)
		w.raw("invoice_data", `{"account_tax_ids":null,"custom_fields":null,"description":null,"footer":null,"issuer":null,"metadata":{},"rendering_options":null}`)
		w.close()
	} else {
		w.null("invoice_creation")
	}
	w.include("line_items", func() object { return cs.lineItems() })
	w.boolean("livemode", false)
	w.opt("locale", cs.Locale)
	w.metadata(cs.Metadata)
	w.str("mode", cs.Mode)
	w.null("optional_items")
	w.ref("payment_intent", cs.PaymentIntent)
	w.null("payment_link")
	w.str("payment_method_collection", "if_required")
	w.null("payment_method_configuration_details")
	w.raw("payment_method_options", `{}`)
	types := cs.PaymentMethodTypes
	if len(types) == 0 {
		types = []string{"card"}
	}
	w.strings("payment_method_types", types)
	w.str("payment_status", cs.PaymentStatus)
	w.null("permissions")
	w.raw("phone_number_collection", `{"enabled":false}`)
	w.null("recovered_from")
	if cs.UIMode != "hosted" {
		w.str("redirect_on_completion", cs.RedirectOnCompletion)
		w.present("return_url", cs.ReturnURL)
	}
	w.null("saved_payment_method_options")
	w.ref("setup_intent", cs.SetupIntent)
	w.null("shipping_address_collection", "shipping_cost")
	w.raw("shipping_options", "[]")
	w.str("status", cs.Status)
	w.null("submit_type", "subscription")
	w.opt("success_url", cs.SuccessURL)
	w.raw("total_details", `{"amount_discount":0,"amount_shipping":0,"amount_tax":0}`)
	w.str("ui_mode", cs.UIMode)
	if cs.Status == sessionOpen {
		w.opt("url", cs.URL)
	} else {
		w.null("url")
	}
	w.null("wallet_options")
	w.close()
}

func (cs *checkoutSession) email() string { return cmp.Or(cs.BuyerEmail, cs.CustomerEmail) }

func (cs *checkoutSession) renderBuyer(w *writer) {
	email := cs.email()
	if email == "" && cs.Status != sessionComplete {
		w.null("customer_details")
		return
	}
	w.open("customer_details")
	w.null("address")
	w.opt("email", email)
	w.null("name", "phone")
	w.str("tax_exempt", "none")
	w.null("tax_ids")
	w.close()
}

// lineItem: https://docs.stripe.com/api/checkout/sessions/line_items
type lineItem struct {
	ID, Description string
	Price           *price
	Quantity        int64
}

func (li lineItem) amount() int64 { return li.Price.UnitAmount * li.Quantity }

func (li lineItem) render(w *writer) {
	w.open("")
	w.str("id", li.ID)
	w.str("object", "item")
	w.integer("amount_discount", 0)
	w.integer("amount_subtotal", li.amount())
	w.integer("amount_tax", 0)
	w.integer("amount_total", li.amount())
	w.str("currency", li.Price.Currency)
	w.str("description", li.Description)
	w.nested("price", li.Price, w.expand.child("price"))
	w.integer("quantity", li.Quantity)
	w.close()
}

func (cs *checkoutSession) lineItems() *list {
	out := &list{url: "/v1/checkout/sessions/" + cs.ID + "/line_items"}
	for _, li := range cs.LineItems {
		out.data = append(out.data, li)
	}
	return out
}

var checkoutRoutes = []route{
	{method: "POST", pattern: "/v1/checkout/sessions", kind: "checkout.session", handle: createSession, fields: sessionFields},
	{method: "GET", pattern: "/v1/checkout/sessions", kind: "checkout.session", list: true, handle: listSessions, fields: listFields.with(fields{
		"customer": text, "payment_intent": text, "subscription": text, "status": oneOf(sessionOpen, sessionComplete, sessionExpired),
		"customer_details": objectOf(fields{"email": required(text)}),
	})},
	{method: "GET", pattern: "/v1/checkout/sessions/{}", kind: "checkout.session", handle: func(c *call) (object, *apiError) {
		return resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	}},
	{method: "GET", pattern: "/v1/checkout/sessions/{}/line_items", kind: "item", list: true, handle: listLineItems, fields: listFields},
	{method: "POST", pattern: "/v1/checkout/sessions/{}", kind: "checkout.session", handle: updateSession, fields: fields{"metadata": metadata}},
	{method: "POST", pattern: "/v1/checkout/sessions/{}/expire", kind: "checkout.session", handle: expireSession},
	{method: "POST", pattern: "/v1/payment_pages/{}/confirm", kind: "checkout.session", handle: confirmPaymentPage, fields: fields{
		"payment_method": required(text), "expected_amount": integer, "email": text,
	}},
}

func listSessions(c *call) (object, *apiError) {
	cus, pi, status := c.params.str("customer"), c.params.str("payment_intent"), c.params.str("status")
	email := c.params.sub("customer_details").str("email")
	owner := cus
	if pi != "" {
		owner = pi
	}
	if subscription := c.params.str("subscription"); subscription != "" {
		owner = subscription // none: there are no sessions in subscription mode
	}
	return result(page(c, "checkout.session", c.sandbox.store.indexes[indexKey{"checkout.session", owner}], func(cs *checkoutSession) bool {
		return (cus == "" || cus == cs.Customer) && (status == "" || status == cs.Status) && (email == "" || email == cs.email())
	}))
}

func listLineItems(c *call) (object, *apiError) {
	cs, err := resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(c.params)
	if err != nil {
		return nil, err
	}
	items := cs.lineItems()
	for _, cursor := range []string{"starting_after", "ending_before"} {
		id := c.params.str(cursor)
		if id == "" {
			continue
		}
		at := slices.IndexFunc(cs.LineItems, func(li lineItem) bool { return li.ID == id })
		switch {
		case at < 0:
			return nil, noSuch("item", id, cursor)
		case cursor == "starting_after":
			items.data = items.data[at+1:]
		default:
			items.data = items.data[:at]
			items.hasMore = at > limit
			items.data = items.data[max(0, at-limit):]
			return items, nil
		}
	}
	if items.hasMore = len(items.data) > limit; items.hasMore {
		items.data = items.data[:limit]
	}
	return items, nil
}

func updateSession(c *call) (object, *apiError) {
	cs, err := resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	if err != nil {
		return nil, err
	}
	return update(c, cs, func(cs *checkoutSession) { cs.Metadata = c.params.metadata(cs.Metadata) }), nil
}

func expireSession(c *call) (object, *apiError) {
	cs, err := resourceAt[*checkoutSession](c, 0, "checkout.session", "session")
	if err != nil {
		return nil, err
	}
	if cs.Status != sessionOpen {
		return nil, invalidParam("session", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `"+cs.Status+"`.")
	}
	return c.expire(cs), nil
}

// expireDue ends a session whose time is over, if it is still open.
func (c *call) expireDue(id string) {
	if cs, ok := lookup[*checkoutSession](c.sandbox.store, id); ok && cs.Status == sessionOpen {
		c.expire(cs)
	}
}

// expire closes the session, and a 3D Secure challenge that the buyer left open in it:
// nothing may be paid through an expired session.
func (c *call) expire(cs *checkoutSession) *checkoutSession {
	if pi, ok := lookup[*paymentIntent](c.sandbox.store, cs.PaymentIntent); ok && pi.Status != statusRequiresPaymentMethod {
		update(c, pi, func(pi *paymentIntent) { pi.Status, pi.PaymentMethod = statusRequiresPaymentMethod, "" })
	}
	if si, ok := lookup[*setupIntent](c.sandbox.store, cs.SetupIntent); ok && si.Status != statusRequiresPaymentMethod {
		c.abandonAttempt(si)
		update(c, si, func(si *setupIntent) { si.Status, si.PaymentMethod = statusRequiresPaymentMethod, "" })
	}
	cs = update(c, cs, func(cs *checkoutSession) { cs.Status = sessionExpired })
	c.emit("checkout.session.expired", cs)
	return cs
}
