package activities

import (
	"context"
	"time"
)

// CheckoutMode is Stripe's mode of a Checkout Session.
type CheckoutMode string

// The modes of a Checkout Session that offsession opens.
const (
	CheckoutModeSetup   CheckoutMode = "setup"
	CheckoutModePayment CheckoutMode = "payment"
)

// CheckoutUI is how the customer sees a Checkout Session.
type CheckoutUI string

// The user interfaces: custom is our page with Stripe's elements, hosted is Stripe's own page.
const (
	CheckoutUICustom CheckoutUI = "custom"
	CheckoutUIHosted CheckoutUI = "hosted"
)

// CheckoutStatus is Stripe's status of a Checkout Session.
type CheckoutStatus string

// The statuses of a Checkout Session; complete and expired are final.
const (
	CheckoutOpen     CheckoutStatus = "open"
	CheckoutComplete CheckoutStatus = "complete"
	CheckoutExpired  CheckoutStatus = "expired"
)

// CheckoutSession is the part of Stripe's Checkout Session that offsession decides by. It has no client secret and no
// URL: whoever shows the session reads those from Stripe (CheckoutSecret).
type CheckoutSession struct {
	ID       string
	Mode     CheckoutMode
	Status   CheckoutStatus
	Customer string
	// Paid is payment_status=paid.
	Paid bool
	// PaymentIntent is nil until the buyer first tries to pay.
	PaymentIntent *PaymentIntent
	// SetupIntent is set in setup mode.
	SetupIntent *SetupIntent
	ExpiresAt   time.Time
}

// CreateCheckoutSessionRequest opens a Checkout Session.
// https://docs.stripe.com/api/checkout/sessions/create
type CreateCheckoutSessionRequest struct {
	Mode CheckoutMode
	UI   CheckoutUI
	// Customer is empty when the session starts without one (setup mode only).
	Customer string
	Currency string
	// PaymentMethodTypes limits what the buyer may use; empty leaves the choice to Stripe (payment mode).
	PaymentMethodTypes []string
	// Amount is in minor units; payment mode only.
	Amount int64
	// Description is the line item's name; payment mode only.
	Description string
	// ReturnURL is where Stripe sends the customer back (return_url, or success_url for the hosted page).
	ReturnURL string
	// Metadata goes on the session and on its PaymentIntent or SetupIntent.
	Metadata map[string]string
	// ExpiresAt is when Stripe closes the session; zero is Stripe's default of 24 h.
	ExpiresAt      time.Time
	IdempotencyKey string
}

// CheckoutSessions is what the activities need of Stripe's Checkout. Every error is a *StripeError.
type CheckoutSessions interface {
	CreateCheckoutSession(ctx context.Context, r CreateCheckoutSessionRequest) (CheckoutSession, error)
	// CheckoutSession reads one with its PaymentIntent, SetupIntent and the SetupIntent's method.
	CheckoutSession(ctx context.Context, id string) (CheckoutSession, error)
	// CheckoutSessionsByPaymentIntent lists the sessions that own the PaymentIntent (at most one in practice).
	CheckoutSessionsByPaymentIntent(ctx context.Context, paymentIntent string) ([]CheckoutSession, error)
	ExpireCheckoutSession(ctx context.Context, id, idempotencyKey string) (CheckoutSession, error)
}

// CheckoutSecret is what the customer's browser needs to show a session. It is never stored.
type CheckoutSecret struct {
	// ClientSecret is for the custom UI.
	ClientSecret string
	// URL is for the hosted UI, and only while the session is open.
	URL string
}
