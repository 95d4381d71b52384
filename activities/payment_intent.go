package activities

import (
	"context"
	"iter"
	"time"
)

// PaymentIntentStatus is Stripe's status of a PaymentIntent.
// https://docs.stripe.com/payments/paymentintents/lifecycle
type PaymentIntentStatus string

// The statuses of a PaymentIntent.
const (
	PaymentIntentRequiresPaymentMethod PaymentIntentStatus = "requires_payment_method"
	PaymentIntentRequiresConfirmation  PaymentIntentStatus = "requires_confirmation"
	PaymentIntentRequiresAction        PaymentIntentStatus = "requires_action"
	PaymentIntentProcessing            PaymentIntentStatus = "processing"
	PaymentIntentRequiresCapture       PaymentIntentStatus = "requires_capture"
	PaymentIntentSucceeded             PaymentIntentStatus = "succeeded"
	PaymentIntentCanceled              PaymentIntentStatus = "canceled"
)

// PaymentIntent is the part of Stripe's PaymentIntent that offsession decides by.
type PaymentIntent struct {
	ID     string
	Status PaymentIntentStatus
	// Amount is in minor units of Currency.
	Amount   int64
	Currency string
	Customer string
	// PaymentMethod is the method in use; after a decline, the one that was declined.
	PaymentMethod string
	// PaymentMethodStamp identifies the method's present card data: it changes when the network updates the card.
	// Empty when Stripe did not send the method.
	PaymentMethodStamp string
	// LatestCharge is the id of the newest charge; empty when none was made.
	LatestCharge string
	// ChargedAt is when the newest charge was made, UTC; zero when none was.
	ChargedAt time.Time
	// AmountRefunded is what was given back of the newest charge, in minor units.
	AmountRefunded int64
	// Disputed says that the newest charge is disputed, or was.
	Disputed bool
	// LastError holds the codes of last_payment_error; zero when there is none.
	LastError Codes
	Created   time.Time
	Metadata  map[string]string
}

// CreatePaymentIntentRequest is an off-session PaymentIntent, created and confirmed in one call.
// https://docs.stripe.com/api/payment_intents/create
type CreatePaymentIntentRequest struct {
	Amount          int64
	Currency        string
	Customer        string
	PaymentMethod   string
	Description     string
	StatementSuffix string
	Metadata        map[string]string
	IdempotencyKey  string
}

// ConfirmPaymentIntentRequest confirms an existing PaymentIntent off-session.
// https://docs.stripe.com/api/payment_intents/confirm
type ConfirmPaymentIntentRequest struct {
	PaymentIntent  string
	PaymentMethod  string
	IdempotencyKey string
}

// ListPaymentIntentsRequest asks for the PaymentIntents of a customer. https://docs.stripe.com/api/payment_intents/list
type ListPaymentIntentsRequest struct {
	Customer string
	// After is where an earlier list ended: only older ones than this PaymentIntent are listed. Empty lists all.
	After string
	// Charges asks for what is known of the newest charge of each: ChargedAt, AmountRefunded and Disputed are unset
	// without it. PaymentMethodStamp may be unset in either case.
	Charges bool
}

// PaymentIntents is what the activities need of Stripe's PaymentIntents. Every error is a *StripeError.
type PaymentIntents interface {
	// CreatePaymentIntent creates and confirms (off_session=true, confirm=true).
	CreatePaymentIntent(ctx context.Context, r CreatePaymentIntentRequest) (PaymentIntent, error)
	// ConfirmPaymentIntent confirms off-session with the method named.
	ConfirmPaymentIntent(ctx context.Context, r ConfirmPaymentIntentRequest) (PaymentIntent, error)
	// PaymentIntent reads one.
	PaymentIntent(ctx context.Context, id string) (PaymentIntent, error)
	// PaymentIntentsByReference lists the customer's PaymentIntents whose metadata offsession_reference is reference,
	// newest first. It lists (live data) and never searches (delayed).
	PaymentIntentsByReference(ctx context.Context, customer, reference string) ([]PaymentIntent, error)
	// ListPaymentIntents lists a customer's PaymentIntents, newest first, asking for a page of 100 at a time as they are
	// taken. The first error ends the sequence. It lists (live data) and never searches (delayed).
	ListPaymentIntents(ctx context.Context, r ListPaymentIntentsRequest) iter.Seq2[PaymentIntent, error]
	// CancelPaymentIntent cancels with cancellation_reason=abandoned.
	CancelPaymentIntent(ctx context.Context, id, idempotencyKey string) (PaymentIntent, error)
}
