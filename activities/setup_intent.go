package activities

import (
	"context"
	"time"
)

// SetupIntentStatus is Stripe's status of a SetupIntent.
// https://docs.stripe.com/payments/paymentintents/lifecycle?intent=setup
type SetupIntentStatus string

// The statuses of a SetupIntent.
const (
	SetupIntentRequiresPaymentMethod SetupIntentStatus = "requires_payment_method"
	SetupIntentRequiresConfirmation  SetupIntentStatus = "requires_confirmation"
	SetupIntentRequiresAction        SetupIntentStatus = "requires_action"
	SetupIntentProcessing            SetupIntentStatus = "processing"
	SetupIntentSucceeded             SetupIntentStatus = "succeeded"
	SetupIntentCanceled              SetupIntentStatus = "canceled"
)

// SetupIntent is the part of Stripe's SetupIntent that offsession decides by.
type SetupIntent struct {
	ID            string
	Status        SetupIntentStatus
	Customer      string
	PaymentMethod string
	Mandate       string
	// NextAction is next_action.type, such as verify_with_microdeposits.
	NextAction string
	// LastError holds the codes of last_setup_error; zero when there is none.
	LastError Codes
	// LastErrorMethod is the payment method that last_setup_error is about; may be empty.
	LastErrorMethod string
	Created         time.Time
	// WorkflowID is its metadata offsession_workflow_id: the workflow that made it, or the session it belongs to.
	WorkflowID string
}

// SetupIntents is what the activities need of Stripe's SetupIntents. Every error is a *StripeError.
type SetupIntents interface {
	SetupIntent(ctx context.Context, id string) (SetupIntent, error)
	// CancelSetupIntent cancels with cancellation_reason=abandoned.
	CancelSetupIntent(ctx context.Context, id, idempotencyKey string) (SetupIntent, error)
	// ConfirmSetupIntent confirms with a saved method of the customer. A decline is a StripeDeclined.
	ConfirmSetupIntent(ctx context.Context, id, paymentMethod, idempotencyKey string) (SetupIntent, error)
	// SetupIntentsOf lists the newest 100 SetupIntents of the customer for this payment method, newest first.
	SetupIntentsOf(ctx context.Context, customer, paymentMethod string) ([]SetupIntent, error)
}
