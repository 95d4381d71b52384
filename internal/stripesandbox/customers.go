package stripesandbox

import (
	"maps"
	"slices"
	"strings"
)

// customer: https://docs.stripe.com/api/customers/object
type customer struct {
	header
	Email, Name, Phone, Description string
	DefaultPaymentMethod            string
	Balance                         int64  // minor units; negative is credit for the next invoices
	Currency                        string // of the balance, and of whatever is billed
	TestClock                       string // moves the customer's subscriptions and invoices
	InvoicePrefix                   string
	InvoiceSequence                 int64 // of the last invoice
	PreferredLocales                []string
	Deleted                         bool
}

func (o *customer) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "customer")
	if o.Deleted {
		w.boolean("deleted", true)
		w.close()
		return
	}
	w.null("address")
	w.integer("balance", o.Balance)
	w.integer("created", o.Created)
	w.opt("currency", o.Currency)
	w.null("default_source")
	w.boolean("delinquent", false)
	w.opt("description", o.Description)
	w.null("discount")
	w.opt("email", o.Email)
	w.str("invoice_prefix", o.InvoicePrefix)
	expand := w.expand
	w.expand = expand.child("invoice_settings")
	w.open("invoice_settings")
	w.null("custom_fields")
	w.ref("default_payment_method", o.DefaultPaymentMethod)
	w.null("footer", "rendering_options")
	w.close()
	w.expand = expand
	w.boolean("livemode", false)
	w.metadata(o.Metadata)
	w.opt("name", o.Name)
	w.integer("next_invoice_sequence", o.InvoiceSequence+1)
	w.opt("phone", o.Phone)
	w.strings("preferred_locales", o.PreferredLocales)
	w.null("shipping")
	w.include("subscriptions", func() object { return w.find(subscriptionsOf + o.ID) })
	w.str("tax_exempt", "none")
	w.ref("test_clock", o.TestClock)
	w.close()
}

var customerFields = fields{
	"email": text, "name": text, "phone": text, "description": text, "metadata": metadata, "preferred_locales": texts, "balance": integer,
	"invoice_settings": objectOf(fields{"default_payment_method": text}.ignoring("custom_fields", "footer", "rendering_options")),
}.ignoring("address", "cash_balance", "invoice_prefix", "next_invoice_sequence", "shipping", "tax", "tax_exempt")

var customerRoutes = []route{
	{method: "POST", pattern: "/v1/customers", kind: "customer", handle: createCustomer, fields: customerFields.with(fields{
		"payment_method": text, "test_clock": text,
	}).ignoring("tax_id_data")},
	{method: "GET", pattern: "/v1/customers", kind: "customer", list: true, handle: listCustomers, fields: listFields.with(fields{"email": text, "test_clock": text})},
	{method: "GET", pattern: "/v1/customers/{}", kind: "customer", handle: func(c *call) (object, *apiError) {
		return resourceAt[*customer](c, 0, "customer", "id")
	}},
	{method: "POST", pattern: "/v1/customers/{}", kind: "customer", handle: updateCustomer, fields: customerFields},
	{method: "DELETE", pattern: "/v1/customers/{}", kind: "customer", handle: removeCustomer},
}

// customer returns one that exists and is not deleted.
func (c *call) customer(id, param string) (*customer, *apiError) {
	cus, err := named[*customer](c, id, "customer", param)
	if err == nil && cus.Deleted {
		return nil, noSuch("customer", id, param)
	}
	return cus, err
}

// owner refuses what is done for a customer, should there be one, that was deleted in the
// meantime.
func (c *call) owner(id string) *apiError {
	if cus, ok := lookup[*customer](c.sandbox.store, id); ok && cus.Deleted {
		return inParam(noSuch("customer", id, "customer"))
	}
	return nil
}

// optionalCustomer is customer for a parameter that may be unset: nil then.
func (c *call) optionalCustomer() (*customer, *apiError) {
	if !c.params.has("customer") {
		return nil, nil
	}
	return c.customer(c.params.str("customer"), "customer")
}

func createCustomer(c *call) (object, *apiError) {
	var pm *paymentMethod
	if c.params.has("payment_method") {
		var err *apiError
		if pm, err = c.usablePaymentMethod(c.params.str("payment_method"), ""); err != nil {
			return nil, err
		}
		if declined := pm.test().attach; declined != nil {
			return nil, declined.apiError(pm)
		}
	}
	wanted := c.params.sub("invoice_settings").str("default_payment_method")
	if wanted != "" && (pm == nil || wanted != c.params.str("payment_method")) {
		return nil, notAttached(wanted)
	}
	clock, err := c.clockForCustomer()
	if err != nil {
		return nil, err
	}
	cus := c.newCustomer()
	cus.change(c.params)
	cus.TestClock = clock
	c.sandbox.store.add("customer", cus, clock)
	cus = c.setBalance(cus, balanceInitial)
	if pm != nil {
		pm = c.attach(pm, cus.ID)
		if wanted != "" {
			cus = update(c, cus, func(o *customer) { o.DefaultPaymentMethod = pm.ID })
		}
	}
	c.emit("customer.created", cus)
	return cus, nil
}

// clockForCustomer is the test clock that a new customer is put on.
func (c *call) clockForCustomer() (string, *apiError) {
	if !c.params.has("test_clock") {
		return "", nil
	}
	clock, err := c.testClock(c.params.str("test_clock"))
	if err != nil {
		return "", inParam(err)
	}
	if err := c.clockBusy(clock.ID); err != nil {
		return "", err
	}
	n := 0
	for _, id := range c.sandbox.store.indexes[indexKey{"customer", clock.ID}] {
		if cus, ok := lookup[*customer](c.sandbox.store, id); ok && !cus.Deleted {
			n++
		}
	}
	if n == customersPerClock {
		return "", invalidParam("test_clock", "A test clock can have at most 3 customers.")
	}
	return clock.ID, nil
}

func (c *call) newCustomer() *customer {
	h := c.newHeader("cus_", nil)
	h.ID = h.ID[:len("cus_")+14] // customers have shorter ids
	return &customer{header: h, InvoicePrefix: strings.ToUpper(c.random(8))}
}

func (o *customer) change(p *params) {
	for name, at := range map[string]*string{"email": &o.Email, "name": &o.Name, "phone": &o.Phone, "description": &o.Description} {
		if p.sent(name) {
			*at = p.str(name)
		}
	}
	if p.sent("preferred_locales") {
		o.PreferredLocales = p.strings("preferred_locales")
	}
	o.Metadata = p.metadata(o.Metadata)
}

func notAttached(pm string) *apiError {
	return invalidCode("resource_missing", "invoice_settings[default_payment_method]",
		"No such PaymentMethod: '"+pm+"'; it must be attached to the customer before it can be its default.")
}

// listCustomers leaves out those on test clocks unless their clock is asked for.
func listCustomers(c *call) (object, *apiError) {
	email, clock := c.params.str("email"), c.params.str("test_clock")
	return result(page(c, "customer", c.sandbox.store.indexes[indexKey{"customer", clock}], func(o *customer) bool {
		return !o.Deleted && o.TestClock == clock && (email == "" || email == o.Email)
	}))
}

func updateCustomer(c *call) (object, *apiError) {
	old, err := c.customer(c.ids[0], "id")
	if err != nil {
		return nil, err
	}
	settings := c.params.sub("invoice_settings")
	if id := settings.str("default_payment_method"); id != "" {
		if pm, ok := lookup[*paymentMethod](c.sandbox.store, id); !ok || pm.Customer != old.ID {
			return nil, notAttached(id)
		}
	}
	cus := update(c, old, func(o *customer) {
		o.change(c.params)
		if settings.sent("default_payment_method") {
			o.DefaultPaymentMethod = settings.str("default_payment_method")
		}
	})
	cus = c.setBalance(cus, balanceAdjustment)
	if previous := previousAttributes(old, cus); len(previous) > 0 {
		c.emitChange("customer.updated", cus, previous)
	}
	return cus, nil
}

// jsonText is s as JSON, null when it is empty.
func jsonText(s string) string {
	if s == "" {
		return "null"
	}
	var w writer
	w.quote(s)
	return string(w.buf)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func removeCustomer(c *call) (object, *apiError) {
	cus, err := c.customer(c.ids[0], "id")
	if err != nil {
		return nil, err
	}
	return c.deleteCustomer(cus), nil
}

// deleteCustomer also cancels the customer's subscriptions and detaches its payment
// methods, as Stripe does, and ends the sessions in which it could still pay.
func (c *call) deleteCustomer(cus *customer) *customer {
	c.cancelSubscriptionsOf(cus.ID)
	st := c.sandbox.store
	for _, id := range slices.Clone(st.indexes[indexKey{"checkout.session", cus.ID}]) {
		c.expireDue(id)
	}
	for _, id := range slices.Clone(st.indexes[indexKey{"payment_method", cus.ID}]) {
		if pm, ok := lookup[*paymentMethod](st, id); ok {
			c.detach(pm)
		}
	}
	c.emit("customer.deleted", cus)
	return update(c, cus, func(o *customer) { o.Deleted = true })
}
