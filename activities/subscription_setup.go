package activities

import (
	"context"
	"errors"
)

var errNotBuilt = errors.New("not built yet")

// ReadSubscription reads a subscription, its pending SetupIntent and its invoices. One that Stripe does not know is a reading,
// Missing. now is the present time, for subscriptions on a test clock.
func (s *DeferredSubscriptions) ReadSubscription(ctx context.Context, subscription string) (SubscriptionReading, error) {
	_, _ = ctx, subscription
	return SubscriptionReading{}, errNotBuilt
}

// SetSubscriptionDefaultInput asks to make a method the default of a subscription, of its customer, or of both.
type SetSubscriptionDefaultInput struct {
	Subscription   string `json:"subscription"`
	Customer       string `json:"customer"`
	PaymentMethod  string `json:"payment_method"`
	OnSubscription bool   `json:"on_subscription,omitempty"`
	OnCustomer     bool   `json:"on_customer,omitempty"`
	IdempotencyKey string `json:"idempotency_key"`
}

// SetSubscriptionDefaultResult says whether the method is the default now.
type SetSubscriptionDefaultResult struct {
	// Refused is a code when the method cannot become the default, since it was detached or is another customer's.
	Refused string `json:"refused,omitempty"`
}

// SetSubscriptionDefault writes the defaults asked for and reads them back: an error, which is retried, when they are not
// there then. Writing twice changes nothing.
func (s *DeferredSubscriptions) SetSubscriptionDefault(ctx context.Context, in SetSubscriptionDefaultInput) (SetSubscriptionDefaultResult, error) {
	_, _ = ctx, in
	return SetSubscriptionDefaultResult{}, errNotBuilt
}

// ConfirmSetupInput asks to confirm a SetupIntent with a saved method.
type ConfirmSetupInput struct {
	SetupIntent    string `json:"setup_intent"`
	PaymentMethod  string `json:"payment_method"`
	IdempotencyKey string `json:"idempotency_key"`
}

// ConfirmSetupResult is the SetupIntent after that.
type ConfirmSetupResult struct {
	Status SetupIntentStatus `json:"status"`
	// Refused says that Stripe did not take the method: by a decline, or because the SetupIntent cannot be confirmed (with it).
	Refused bool `json:"refused,omitempty"`
	Codes
}

// ConfirmSetup confirms a SetupIntent and reads it again: the reading is the answer. A decline is a result. Running it again
// with the same key does the same; one that has succeeded already is not confirmed again.
func (s *DeferredSubscriptions) ConfirmSetup(ctx context.Context, in ConfirmSetupInput) (ConfirmSetupResult, error) {
	_, _ = ctx, in
	return ConfirmSetupResult{}, errNotBuilt
}

// CancelSetupInput asks to cancel a SetupIntent.
type CancelSetupInput struct {
	SetupIntent    string `json:"setup_intent"`
	IdempotencyKey string `json:"idempotency_key"`
}

// CancelSetup cancels a SetupIntent where its status allows (requires_payment_method, requires_confirmation,
// requires_action), reads it again and answers its status: empty when Stripe does not know it. Canceling twice is harmless.
// https://docs.stripe.com/api/setup_intents/cancel
func (s *DeferredSubscriptions) CancelSetup(ctx context.Context, in CancelSetupInput) (SetupIntentStatus, error) {
	_, _ = ctx, in
	return "", errNotBuilt
}
