package activities

import "context"

// PaymentMethod is the part of Stripe's PaymentMethod that offsession keeps: nothing that could be charged with.
type PaymentMethod struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// Customer is empty while the method is not attached.
	Customer string `json:"customer,omitempty"`
	// Brand, Last4, ExpMonth and ExpYear describe a card; for a bank account only Last4 is set.
	Brand    string `json:"brand,omitempty"`
	Last4    string `json:"last4,omitempty"`
	ExpMonth int64  `json:"exp_month,omitempty"`
	ExpYear  int64  `json:"exp_year,omitempty"`
	// Stamp identifies the present card data: it changes when the network updates the card.
	Stamp string `json:"stamp,omitempty"`
}

// PaymentMethods is what the activities need of Stripe's PaymentMethods. Every error is a *StripeError.
type PaymentMethods interface {
	PaymentMethod(ctx context.Context, id string) (PaymentMethod, error)
	// AttachPaymentMethod attaches to customer. Attaching to the same customer again changes nothing.
	AttachPaymentMethod(ctx context.Context, id, customer, idempotencyKey string) (PaymentMethod, error)
}

// Customer is the part of Stripe's Customer that offsession decides by.
type Customer struct {
	ID      string
	Deleted bool
	// DefaultPaymentMethod is invoice_settings.default_payment_method.
	DefaultPaymentMethod string
	// TimeZone is metadata time_zone, an IANA name; empty when not set.
	TimeZone string
}

// CustomerContact is how to reach a customer. It is read where it is used and never stored.
type CustomerContact struct {
	Email string
	Name  string
	// Locale is the first of preferred_locales; empty when not set.
	Locale string
}

// Customers is what the activities need of Stripe's Customers. Every error is a *StripeError.
type Customers interface {
	Customer(ctx context.Context, id string) (Customer, error)
	// CreateCustomer makes an empty customer with the metadata given and answers its id.
	CreateCustomer(ctx context.Context, metadata map[string]string, idempotencyKey string) (string, error)
	// SetDefaultPaymentMethod writes invoice_settings.default_payment_method.
	SetDefaultPaymentMethod(ctx context.Context, customer, paymentMethod, idempotencyKey string) error
	// CustomerContact reads the address for a message.
	CustomerContact(ctx context.Context, id string) (CustomerContact, error)
}

// Refund is what became of a refund.
type Refund struct {
	ID string
	// Status is Stripe's: succeeded, pending, requires_action, failed or canceled.
	Status string
}

// Refunds is what the activities need of Stripe's Refunds. Every error is a *StripeError.
type Refunds interface {
	// RefundPaymentIntent gives the whole amount back with reason=duplicate.
	RefundPaymentIntent(ctx context.Context, paymentIntent, idempotencyKey string, metadata map[string]string) (Refund, error)
}
