package activities

import "context"

// Mandate is the part of Stripe's Mandate that offsession decides by. https://docs.stripe.com/api/mandates/object
type Mandate struct {
	ID string
	// Status is Stripe's: active, inactive or pending.
	Status        string
	PaymentMethod string
}

// Mandates is what the activities need of Stripe's Mandates. Every error is a *StripeError.
type Mandates interface {
	Mandate(ctx context.Context, id string) (Mandate, error)
}
