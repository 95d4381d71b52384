package stripesandbox

import "time"

// Statuses of invoices.
const (
	invoiceDraft         = "draft"
	invoiceOpen          = "open"
	invoicePaid          = "paid"
	invoiceUncollectible = "uncollectible"
	invoiceVoid          = "void"
)

// Billing reasons of invoices.
const (
	reasonCreate = "subscription_create"
	reasonCycle  = "subscription_cycle"
	reasonUpdate = "subscription_update"
)

// invoice: https://docs.stripe.com/api/invoices/object
type invoice struct {
	header
	Number, Status, Currency, BillingReason, CollectionMethod string
	Customer, CustomerEmail, CustomerName, CustomerPhone      string
	Subscription                                              string
	SubscriptionMetadata                                      pairs
	DefaultPaymentMethod, Description, TestClock              string
	Lines                                                     []*invoiceLine
	Discounts                                                 []string
	Off                                                       []discountAmount
	Subtotal, Total, AmountDue, AmountPaid                    int64
	StartingBalance, EndingBalance                            int64
	PeriodStart, PeriodEnd                                    int64
	AttemptCount                                              int64
	Attempted, AutoAdvance                                    bool
	NextPaymentAttempt, FinalizesAt, DueDate                  int64
	FinalizedAt, PaidAt, VoidedAt                             int64
	PaymentIntent                                             string
	RefusedMethod                                             string // not to be tried again by itself
	URL                                                       string
}

func (o *invoice) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "invoice")
	w.str("account_country", "US")
	w.str("account_name", "Sandbox")
	w.null("account_tax_ids")
	w.integer("amount_due", o.AmountDue)
	w.integer("amount_overpaid", 0)
	w.integer("amount_paid", o.AmountPaid)
	w.integer("amount_remaining", o.AmountDue-o.AmountPaid)
	w.integer("amount_shipping", 0)
	w.null("application")
	w.integer("attempt_count", o.AttemptCount)
	w.boolean("attempted", o.Attempted)
	w.boolean("auto_advance", o.AutoAdvance)
	w.raw("automatic_tax", `{"disabled_reason":null,"enabled":false,"liability":null,"provider":null,"status":null}`)
	w.optInteger("automatically_finalizes_at", o.FinalizesAt)
	w.str("billing_reason", o.BillingReason)
	w.str("collection_method", o.CollectionMethod)
	o.renderSecret(w)
	w.integer("created", o.Created)
	w.str("currency", o.Currency)
	w.null("custom_fields")
	w.ref("customer", o.Customer)
	w.null("customer_address")
	w.opt("customer_email", o.CustomerEmail)
	w.opt("customer_name", o.CustomerName)
	w.opt("customer_phone", o.CustomerPhone)
	w.null("customer_shipping")
	w.str("customer_tax_exempt", "none")
	w.raw("customer_tax_ids", "[]")
	w.ref("default_payment_method", o.DefaultPaymentMethod)
	w.null("default_source")
	w.raw("default_tax_rates", "[]")
	w.opt("description", o.Description)
	w.refs("discounts", o.Discounts)
	w.optInteger("due_date", o.DueDate)
	w.optInteger("effective_at", o.FinalizedAt)
	if o.Status == invoiceDraft {
		w.null("ending_balance")
	} else {
		w.integer("ending_balance", o.EndingBalance)
	}
	w.null("footer", "from_invoice")
	w.opt("hosted_invoice_url", o.URL)
	w.present("invoice_pdf", o.pdf())
	w.raw("issuer", `{"type":"self"}`)
	w.null("last_finalization_error", "latest_revision")
	w.nested("lines", o.lineList(), w.expand.child("lines"))
	w.boolean("livemode", false)
	w.metadata(o.Metadata)
	w.optInteger("next_payment_attempt", o.NextPaymentAttempt)
	w.opt("number", o.Number)
	w.null("on_behalf_of")
	o.renderParent(w)
	w.raw("payment_settings", `{"default_mandate":null,"payment_method_options":null,"payment_method_types":null}`)
	w.include("payments", func() object { return w.find(paymentsOf + o.ID) })
	w.integer("period_end", o.PeriodEnd)
	w.integer("period_start", o.PeriodStart)
	w.integer("post_payment_credit_notes_amount", 0)
	w.integer("pre_payment_credit_notes_amount", 0)
	w.null("receipt_number", "rendering", "shipping_cost", "shipping_details")
	w.integer("starting_balance", o.StartingBalance)
	w.null("statement_descriptor")
	w.str("status", o.Status)
	w.open("status_transitions")
	w.optInteger("finalized_at", o.FinalizedAt)
	w.null("marked_uncollectible_at")
	w.optInteger("paid_at", o.PaidAt)
	w.optInteger("voided_at", o.VoidedAt)
	w.close()
	w.integer("subtotal", o.Subtotal)
	w.integer("subtotal_excluding_tax", o.Subtotal)
	w.ref("test_clock", o.TestClock)
	w.integer("total", o.Total)
	var off []object
	for _, d := range o.Off {
		off = append(off, d)
	}
	w.objects("total_discount_amounts", off)
	w.integer("total_excluding_tax", o.Total)
	w.raw("total_pretax_credit_amounts", "[]")
	w.raw("total_taxes", "[]")
	w.optInteger("webhooks_delivered_at", o.FinalizedAt)
	w.close()
}

// renderSecret writes confirmation_secret, which is only there when it is asked for.
func (o *invoice) renderSecret(w *writer) {
	switch {
	case w.expand.child("confirmation_secret") == nil:
	case o.PaymentIntent == "":
		w.null("confirmation_secret")
	default:
		w.open("confirmation_secret")
		w.str("client_secret", (&header{ID: o.PaymentIntent}).clientSecret())
		w.str("type", "payment_intent")
		w.close()
	}
}

func (o *invoice) renderParent(w *writer) {
	saved := w.expand
	w.expand = saved.child("parent").child("subscription_details")
	w.open("parent")
	w.null("quote_details")
	w.open("subscription_details")
	w.metadata(o.SubscriptionMetadata)
	w.ref("subscription", o.Subscription)
	w.close()
	w.str("type", "subscription_details")
	w.close()
	w.expand = saved
}

func (o *invoice) lineList() *list {
	l := &list{url: "/v1/invoices/" + o.ID + "/lines"}
	for _, line := range o.Lines {
		l.data = append(l.data, line)
	}
	return l
}

func (o *invoice) pdf() string {
	if o.URL == "" {
		return ""
	}
	return o.URL + "/pdf"
}

var invoiceRoutes = []route{
	{method: "GET", pattern: "/v1/invoices", kind: "invoice", list: true, handle: listInvoices, fields: listFields.with(fields{
		"customer": text, "subscription": text, "collection_method": oneOf(chargeAutomatically, sendInvoice),
		"status": oneOf(invoiceDraft, invoiceOpen, invoicePaid, invoiceUncollectible, invoiceVoid),
	})},
	{method: "GET", pattern: "/v1/invoices/{}", kind: "invoice", handle: func(c *call) (object, *apiError) { return result(c.invoice()) }},
	{method: "POST", pattern: "/v1/invoices/{}", kind: "invoice", handle: updateInvoice, fields: fields{
		"auto_advance": boolean, "default_payment_method": text, "description": text, "metadata": metadata,
	}},
	{method: "POST", pattern: "/v1/invoices/{}/finalize", kind: "invoice", handle: finalizeInvoice, fields: fields{"auto_advance": boolean}},
	{method: "POST", pattern: "/v1/invoices/{}/pay", kind: "invoice", handle: payInvoice, fields: fields{
		"off_session": boolean, "paid_out_of_band": boolean, "payment_method": text,
	}.ignoring("forgive", "mandate")},
	{method: "POST", pattern: "/v1/invoices/{}/void", kind: "invoice", handle: voidInvoice},
	{method: "GET", pattern: "/v1/invoice_payments", kind: "invoice_payment", list: true, handle: listInvoicePayments, fields: listFields.with(fields{
		"invoice": text, "status": oneOf("canceled", "open", "paid"),
		"payment": objectOf(fields{"type": required(oneOf("payment_intent")), "payment_intent": text}),
	})},
	{method: "GET", pattern: "/v1/invoice_payments/{}", kind: "invoice_payment", handle: func(c *call) (object, *apiError) {
		return resourceAt[*invoicePayment](c, 0, "invoice_payment", "invoice_payment")
	}},
}

func (c *call) invoice() (*invoice, *apiError) {
	return resourceAt[*invoice](c, 0, "invoice", "invoice")
}

// changeableInvoice returns that of the route unless its test clock is moving it.
func (c *call) changeableInvoice() (*invoice, *apiError) {
	inv, err := c.invoice()
	if err == nil {
		err = c.clockBusy(inv.TestClock)
	}
	return inv, err
}

func listInvoices(c *call) (object, *apiError) {
	p := c.params
	owner := p.str("subscription")
	if owner == "" {
		owner = p.str("customer")
	}
	same := func(name, value string) bool { return !p.has(name) || p.str(name) == value }
	return result(page(c, "invoice", c.sandbox.store.indexes[indexKey{"invoice", owner}], func(o *invoice) bool {
		return same("customer", o.Customer) && same("status", o.Status) && same("collection_method", o.CollectionMethod)
	}))
}

func updateInvoice(c *call) (object, *apiError) {
	old, err := c.changeableInvoice()
	if err != nil {
		return nil, err
	}
	p := c.params
	if id := p.str("default_payment_method"); id != "" {
		if old.Status != invoiceDraft && old.Status != invoiceOpen {
			return nil, notEditable("You can only change the default payment method of a draft or open invoice.")
		}
		if _, err := c.ownMethod(id, old.Customer); err != nil {
			return nil, err
		}
	}
	return c.changeInvoice(old, func(o *invoice) {
		o.Metadata = p.metadata(o.Metadata)
		if p.sent("description") {
			o.Description = p.str("description")
		}
		if p.sent("default_payment_method") {
			o.DefaultPaymentMethod = p.str("default_payment_method")
		}
		if p.has("auto_advance") {
			o.AutoAdvance = p.boolean("auto_advance")
		}
	}), nil
}

// changeInvoice stores a changed invoice and tells of the change, if there is any, where
// no other event does.
func (c *call) changeInvoice(old *invoice, change func(*invoice)) *invoice {
	inv := update(c, old, change)
	if previous := previousAttributes(old, inv); previous != nil {
		c.emitChange("invoice.updated", inv, previous)
	}
	return inv
}

func notEditable(message string) *apiError { return invalidCode("invoice_not_editable", "", message) }

// newInvoice stores a draft; the caller tells of it.
func (c *call) newInvoice(sub *subscription, b bill, reason string) *invoice {
	cus, _ := lookup[*customer](c.sandbox.store, sub.Customer)
	inv := &invoice{
		header: c.newHeader("in_", nil), Status: invoiceDraft, Currency: sub.Currency, BillingReason: reason, CollectionMethod: sub.CollectionMethod,
		Customer: cus.ID, CustomerEmail: cus.Email, CustomerName: cus.Name, CustomerPhone: cus.Phone, Subscription: sub.ID,
		SubscriptionMetadata: sub.Metadata, TestClock: sub.TestClock, Lines: b.lines, Discounts: b.discounts, Off: b.off,
		Subtotal: b.subtotal, Total: b.total, AmountDue: b.total, StartingBalance: cus.Balance, AutoAdvance: true,
		PeriodStart: b.periodStart.Unix(), PeriodEnd: b.periodEnd.Unix(),
	}
	inv.Created = c.timeOf(sub.TestClock).Unix()
	for _, l := range inv.Lines {
		l.Invoice = inv.ID
	}
	c.sandbox.store.add("invoice", inv, cus.ID, sub.ID)
	return inv
}

// paymentsOf marks the id under which expand finds the payments of an invoice.
const paymentsOf = "payments of "

func (s *Sandbox) paymentList(inv string) *list {
	l := &list{url: "/v1/invoice_payments?invoice=" + inv}
	for _, id := range s.store.indexes[indexKey{"invoice_payment", inv}] {
		o, _ := lookup[*invoicePayment](s.store, id)
		l.data = append(l.data, o)
	}
	return l
}

// invoicePayment: https://docs.stripe.com/api/invoice-payment/object
type invoicePayment struct {
	header
	Invoice, PaymentIntent, Currency, Status string
	Requested, Paid                          int64
	PaidAt, CanceledAt                       int64
}

func (o *invoicePayment) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "invoice_payment")
	w.optInteger("amount_paid", o.Paid)
	w.integer("amount_requested", o.Requested)
	w.integer("created", o.Created)
	w.str("currency", o.Currency)
	w.ref("invoice", o.Invoice)
	w.boolean("is_default", true)
	w.boolean("livemode", false)
	saved := w.expand
	w.expand = saved.child("payment")
	w.open("payment")
	w.ref("payment_intent", o.PaymentIntent)
	w.str("type", "payment_intent")
	w.close()
	w.expand = saved
	w.str("status", o.Status)
	w.open("status_transitions")
	w.optInteger("canceled_at", o.CanceledAt)
	w.optInteger("paid_at", o.PaidAt)
	w.close()
	w.close()
}

func listInvoicePayments(c *call) (object, *apiError) {
	p := c.params
	intent := p.sub("payment").str("payment_intent")
	return result(page(c, "invoice_payment", c.sandbox.store.indexes[indexKey{"invoice_payment", p.str("invoice")}], func(o *invoicePayment) bool {
		return (!p.has("status") || p.str("status") == o.Status) && (intent == "" || intent == o.PaymentIntent)
	}))
}

// endPayment closes the payment of an invoice together with the invoice.
func (c *call) endPayment(inv *invoice, status string, now time.Time) {
	for _, id := range c.sandbox.store.indexes[indexKey{"invoice_payment", inv.ID}] {
		o, _ := lookup[*invoicePayment](c.sandbox.store, id)
		o = update(c, o, func(o *invoicePayment) {
			if o.Status = status; status == "paid" {
				o.Paid, o.PaidAt = inv.AmountPaid, now.Unix()
			} else {
				o.CanceledAt = now.Unix()
			}
		})
		if status == "paid" {
			c.emit("invoice_payment.paid", o)
		}
	}
}
