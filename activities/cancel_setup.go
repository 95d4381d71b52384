package activities

import "context"

// CancelSetupInput asks to cancel a SetupIntent.
type CancelSetupInput struct {
	SetupIntent    string `json:"setup_intent"`
	IdempotencyKey string `json:"idempotency_key"`
}

// CancelSetup cancels a SetupIntent where its status allows (requires_payment_method, requires_confirmation,
// requires_action), reads it again and answers its status: empty when Stripe does not know it. Canceling twice is harmless.
// https://docs.stripe.com/api/setup_intents/cancel
func (s *DeferredSubscriptions) CancelSetup(ctx context.Context, in CancelSetupInput) (SetupIntentStatus, error) {
	si, err := readSetupIntent(ctx, s.ports.SetupIntents, in.SetupIntent)
	if err != nil {
		return "", err
	}
	if !setupCancellable(si.Status) {
		return si.Status, nil
	}
	_, refused := s.ports.SetupIntents.CancelSetupIntent(ctx, in.SetupIntent, in.IdempotencyKey)
	if refused != nil && closeRetryable(kindOf(refused)) {
		return "", applicationError(refused)
	}
	if si, err = readSetupIntent(ctx, s.ports.SetupIntents, in.SetupIntent); err != nil {
		return "", err
	}
	if keySpent(refused) && setupCancellable(si.Status) {
		return "", applicationError(refused)
	}
	return si.Status, nil
}
