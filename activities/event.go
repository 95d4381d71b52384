package activities

import "time"

// Event is what offsession reads of a Stripe event: enough to find the workflow it may concern, nothing of its body.
// https://docs.stripe.com/api/events/object
type Event struct {
	ID   string
	Type string
	// ObjectID and ObjectType are data.object's id and object fields.
	ObjectID   string
	ObjectType string
	// WorkflowID and Owner are the object's metadata offsession_workflow_id and offsession_owner; empty when absent.
	WorkflowID string
	Owner      string
	// Customer is data.object.customer, or the object itself for customer.* events.
	Customer string
	// PreviousCustomer is data.previous_attributes.customer (payment_method.detached).
	PreviousCustomer string
	// PaymentIntent is the PaymentIntent that a charge, refund, dispute or early fraud warning names.
	PaymentIntent string
	// PaymentMethod is the method that a mandate names.
	PaymentMethod string
	// Subscription is the id for customer.subscription.* events, and the one that an invoice is for; empty for other invoices.
	Subscription string
	Livemode     bool
	Created      time.Time
}
