package activities

import "context"

// Dispute is the part of Stripe's Dispute that offsession decides by. https://docs.stripe.com/api/disputes/object
type Dispute struct {
	ID string
	// Status is Stripe's: needs_response, under_review, won, lost, warning_needs_response, ….
	Status string
	// PaymentIntent is the one that is disputed; empty for a charge made without one.
	PaymentIntent string
	// Metadata is that of the PaymentIntent.
	Metadata map[string]string
}

// Disputes is what the activities need of Stripe's Disputes. Every error is a *StripeError.
type Disputes interface {
	// Dispute reads one, with the metadata of its PaymentIntent.
	Dispute(ctx context.Context, id string) (Dispute, error)
}
