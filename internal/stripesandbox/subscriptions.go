package stripesandbox

import "time"

// Statuses of subscriptions.
const (
	subIncomplete        = "incomplete"
	subIncompleteExpired = "incomplete_expired"
	subTrialing          = "trialing"
	subActive            = "active"
	subPastDue           = "past_due"
	subUnpaid            = "unpaid"
	subPaused            = "paused"
	subCanceled          = "canceled"
)

// Collection methods of subscriptions and invoices.
const (
	chargeAutomatically = "charge_automatically"
	sendInvoice         = "send_invoice"
)

// subscription: https://docs.stripe.com/api/subscriptions/object
type subscription struct {
	header
	Customer, Currency, Status, TestClock string
	CollectionMethod                      string
	DaysUntilDue                          int64
	DefaultPaymentMethod, Description     string
	SaveDefaultMethod                     string // payment_settings.save_default_payment_method
	PaymentMethodTypes                    []string
	Discounts                             []string
	Items                                 []*subscriptionItem
	Anchor                                int64 // billing_cycle_anchor
	StartDate                             int64
	TrialStart, TrialEnd                  int64
	MissingMethod                         string // trial_settings.end_behavior.missing_payment_method
	CancelAt, CanceledAt, EndedAt         int64
	CancelAtPeriodEnd                     bool
	CancelComment, CancelFeedback         string
	CancelReason                          string
	LatestInvoice, PendingSetupIntent     string
}

func (o *subscription) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "subscription")
	w.null("application", "application_fee_percent")
	w.raw("automatic_tax", `{"disabled_reason":null,"enabled":false,"liability":null}`)
	w.integer("billing_cycle_anchor", o.Anchor)
	w.null("billing_cycle_anchor_config")
	w.optInteger("cancel_at", o.CancelAt)
	w.boolean("cancel_at_period_end", o.CancelAtPeriodEnd)
	w.optInteger("canceled_at", o.CanceledAt)
	w.open("cancellation_details")
	w.opt("comment", o.CancelComment)
	w.opt("feedback", o.CancelFeedback)
	w.opt("reason", o.CancelReason)
	w.close()
	w.str("collection_method", o.CollectionMethod)
	w.integer("created", o.Created)
	w.str("currency", o.Currency)
	w.ref("customer", o.Customer)
	w.optInteger("days_until_due", o.DaysUntilDue)
	w.ref("default_payment_method", o.DefaultPaymentMethod)
	w.null("default_source")
	w.raw("default_tax_rates", "[]")
	w.opt("description", o.Description)
	w.refs("discounts", o.Discounts)
	w.optInteger("ended_at", o.EndedAt)
	w.raw("invoice_settings", `{"account_tax_ids":null,"issuer":{"type":"self"}}`)
	w.nested("items", o.itemList(), w.expand.child("items"))
	w.ref("latest_invoice", o.LatestInvoice)
	w.boolean("livemode", false)
	w.metadata(o.Metadata)
	w.null("next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection")
	w.open("payment_settings")
	w.null("payment_method_options")
	if len(o.PaymentMethodTypes) > 0 {
		w.strings("payment_method_types", o.PaymentMethodTypes)
	} else {
		w.null("payment_method_types")
	}
	w.str("save_default_payment_method", o.SaveDefaultMethod)
	w.close()
	w.null("pending_invoice_item_interval")
	w.ref("pending_setup_intent", o.PendingSetupIntent)
	w.null("pending_update", "schedule")
	w.integer("start_date", o.StartDate)
	w.str("status", o.Status)
	w.ref("test_clock", o.TestClock)
	w.null("transfer_data")
	w.optInteger("trial_end", o.TrialEnd)
	w.open("trial_settings")
	w.open("end_behavior")
	w.str("missing_payment_method", o.MissingMethod)
	w.close()
	w.close()
	w.optInteger("trial_start", o.TrialStart)
	w.close()
}

// over reports whether nothing can happen to the subscription any more.
func (o *subscription) over() bool {
	return o.Status == subCanceled || o.Status == subIncompleteExpired
}

// recurring is how often all of the items are billed.
func (o *subscription) recurring() *recurring { return o.Items[0].Price.Recurring }

func (o *subscription) periodEnd() time.Time { return time.Unix(o.Items[0].PeriodEnd, 0).UTC() }

func (o *subscription) anchor() time.Time { return time.Unix(o.Anchor, 0).UTC() }

// setPeriod gives all items a new period.
func (o *subscription) setPeriod(from, to time.Time) {
	items := make([]*subscriptionItem, len(o.Items))
	for i, item := range o.Items {
		next := *item
		next.PeriodStart, next.PeriodEnd = from.Unix(), to.Unix()
		items[i] = &next
	}
	o.Items = items
}

var cancellationFields = objectOf(fields{
	"comment":  text,
	"feedback": oneOf("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive", "unused"),
})

var subscriptionFields = fields{
	"cancel_at": integer, "cancel_at_period_end": boolean, "collection_method": oneOf(chargeAutomatically, sendInvoice), "days_until_due": integer,
	"default_payment_method": text, "description": text, "discounts": discountFields, "metadata": metadata, "off_session": boolean,
	"payment_behavior": oneOf(allowIncomplete, defaultIncomplete, errorIfIncomplete),
	"payment_settings": objectOf(fields{
		"payment_method_types": texts, "save_default_payment_method": oneOf("off", "on_subscription"),
	}.ignoring("payment_method_options")),
	"trial_end": text,
	"trial_settings": objectOf(fields{
		"end_behavior": required(objectOf(fields{"missing_payment_method": required(oneOf("cancel", "create_invoice", "pause"))})),
	}),
}.ignoring("automatic_tax", "default_source", "default_tax_rates", "invoice_settings", "proration_behavior", "trial_from_plan")

var subscriptionRoutes = []route{
	{method: "POST", pattern: "/v1/subscriptions", kind: "subscription", handle: createSubscription, fields: subscriptionFields.with(fields{
		"customer": required(text), "currency": text, "items": listOf(objectOf(newItemFields)), "trial_period_days": integer,
	})},
	{method: "GET", pattern: "/v1/subscriptions", kind: "subscription", list: true, handle: listSubscriptions, fields: listFields.with(fields{
		"customer": text, "price": text, "collection_method": oneOf(chargeAutomatically, sendInvoice), "test_clock": text,
		"status": oneOf("all", "ended", subIncomplete, subIncompleteExpired, subTrialing, subActive, subPastDue, subUnpaid, subPaused, subCanceled),
	}).ignoring("automatic_tax")},
	{method: "GET", pattern: "/v1/subscriptions/{}", kind: "subscription", handle: func(c *call) (object, *apiError) {
		return resourceAt[*subscription](c, 0, "subscription", "id")
	}},
	{method: "POST", pattern: "/v1/subscriptions/{}", kind: "subscription", handle: updateSubscription, fields: subscriptionFields.with(fields{
		"cancellation_details": cancellationFields, "items": listOf(objectOf(changedItemFields)),
	}).ignoring("billing_cycle_anchor", "proration_date")},
	{method: "DELETE", pattern: "/v1/subscriptions/{}", kind: "subscription", handle: deleteSubscription, fields: fields{
		"cancellation_details": cancellationFields, "invoice_now": boolean, "prorate": boolean,
	}},
	{method: "POST", pattern: "/v1/subscriptions/{}/resume", kind: "subscription", handle: resumeSubscription, fields: fields{
		"billing_cycle_anchor": oneOf("now", "unchanged"), "proration_behavior": oneOf("always_invoice", "create_prorations", "none"), "proration_date": integer,
	}},
}

func listSubscriptions(c *call) (object, *apiError) {
	p := c.params
	status, priceID := p.str("status"), p.str("price")
	return result(page(c, "subscription", c.sandbox.store.indexes[indexKey{"subscription", p.str("customer")}], func(o *subscription) bool {
		switch status {
		case "":
			if o.Status == subCanceled {
				return false
			}
		case "all":
		case "ended":
			if !o.over() {
				return false
			}
		default:
			if o.Status != status {
				return false
			}
		}
		// Those on test clocks are shown only to whoever asks for the clock or the customer.
		return (p.has("customer") || o.TestClock == p.str("test_clock")) && o.matches(priceID, p.str("collection_method"), p.str("test_clock"))
	}))
}

func (o *subscription) matches(priceID, collection, clock string) bool {
	found := priceID == ""
	for _, item := range o.Items {
		found = found || item.Price.ID == priceID
	}
	return found && (collection == "" || collection == o.CollectionMethod) && (clock == "" || clock == o.TestClock)
}

// subscriptionsOf marks the id under which expand finds a customer's subscriptions.
const subscriptionsOf = "subscriptions of "

// subscriptionList is what customer.subscriptions shows: those that are not canceled.
func (s *Sandbox) subscriptionList(customer string) *list {
	l := &list{url: "/v1/customers/" + customer + "/subscriptions"}
	ids := s.store.indexes[indexKey{"subscription", customer}]
	for i := len(ids) - 1; i >= 0 && !l.hasMore; i-- {
		if o, ok := lookup[*subscription](s.store, ids[i]); ok && o.Status != subCanceled {
			l.hasMore = l.push(o, defaultPage)
		}
	}
	return l
}
