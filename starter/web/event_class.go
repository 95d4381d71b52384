package web

import "strings"

// eventClass says how the workflow that an event concerns is found.
type eventClass string

const (
	// eventOfWay: the object is one that a workflow made, and its metadata names the workflow.
	eventOfWay eventClass = "way"
	// eventOfMoneyBack: the object names a PaymentIntent, whose metadata names the workflow.
	eventOfMoneyBack eventClass = "money_back"
	// eventOfCustomer: the object belongs to a customer, who may have several open workflows.
	eventOfCustomer eventClass = "customer"
	// eventOfSubscription: the object is a subscription, or an invoice of one, which may be watched.
	eventOfSubscription eventClass = "subscription"
	// eventForeign: nothing here waits for it.
	eventForeign eventClass = "foreign"
)

// eventClasses lists the events that are handled. refund.* is handled beside them. Of an invoice's events there are those
// after which its customer may have to act, or no longer has to. One that is only made has not been tried yet; a debit that a
// bank works on is told of by invoice.finalized alone.
// https://docs.stripe.com/api/events/types
var eventClasses = map[string]eventClass{
	"checkout.session.completed":               eventOfWay,
	"checkout.session.async_payment_succeeded": eventOfWay,
	"checkout.session.async_payment_failed":    eventOfWay,
	"checkout.session.expired":                 eventOfWay,

	"setup_intent.succeeded":       eventOfWay,
	"setup_intent.setup_failed":    eventOfWay,
	"setup_intent.requires_action": eventOfWay,
	"setup_intent.canceled":        eventOfWay,

	"payment_intent.succeeded":       eventOfWay,
	"payment_intent.payment_failed":  eventOfWay,
	"payment_intent.processing":      eventOfWay,
	"payment_intent.requires_action": eventOfWay,
	"payment_intent.canceled":        eventOfWay,

	"charge.dispute.created":            eventOfMoneyBack,
	"charge.dispute.closed":             eventOfMoneyBack,
	"charge.refunded":                   eventOfMoneyBack,
	"radar.early_fraud_warning.created": eventOfMoneyBack,

	"payment_method.attached":              eventOfCustomer,
	"payment_method.detached":              eventOfCustomer,
	"payment_method.updated":               eventOfCustomer,
	"payment_method.automatically_updated": eventOfCustomer,
	"mandate.updated":                      eventOfCustomer,
	"customer.updated":                     eventOfCustomer,
	"customer.deleted":                     eventOfCustomer,

	"customer.subscription.created":        eventOfSubscription,
	"customer.subscription.updated":        eventOfSubscription,
	"customer.subscription.deleted":        eventOfSubscription,
	"customer.subscription.trial_will_end": eventOfSubscription,
	"customer.subscription.paused":         eventOfSubscription,
	"customer.subscription.resumed":        eventOfSubscription,
	"invoice.finalized":                    eventOfSubscription,
	"invoice.paid":                         eventOfSubscription,
	"invoice.payment_failed":               eventOfSubscription,
	"invoice.payment_action_required":      eventOfSubscription,
	"invoice.voided":                       eventOfSubscription,
	"invoice.marked_uncollectible":         eventOfSubscription,
}

func classOf(eventType string) eventClass {
	if c, ok := eventClasses[eventType]; ok {
		return c
	}
	if strings.HasPrefix(eventType, "refund.") {
		return eventOfMoneyBack
	}
	return eventForeign
}

// adopting are the events after which a subscription may have a pending SetupIntent that nobody drives.
var adopting = map[string]bool{
	"customer.subscription.created":        true,
	"customer.subscription.updated":        true,
	"customer.subscription.deleted":        true,
	"customer.subscription.trial_will_end": true,
	"customer.subscription.resumed":        true,
}
