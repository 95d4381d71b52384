package activities

import (
	"context"
	"errors"
)

// ConfirmSetupInput asks to confirm a SetupIntent with a saved method.
type ConfirmSetupInput struct {
	SetupIntent    string `json:"setup_intent"`
	PaymentMethod  string `json:"payment_method"`
	IdempotencyKey string `json:"idempotency_key"`
}

// ConfirmSetupResult is the SetupIntent after that.
type ConfirmSetupResult struct {
	// Status is empty when Stripe does not know the SetupIntent.
	Status SetupIntentStatus `json:"status"`
	// Refused says that Stripe did not take the method: by a decline, or because the SetupIntent cannot be confirmed (with it).
	Refused bool `json:"refused,omitempty"`
	// Codes are those of the refusal, else of the SetupIntent's last_setup_error.
	Codes
}

// ConfirmSetup confirms a SetupIntent and reads it again: the reading is the answer. A decline is a result. Running it again
// with the same key does the same; one that has succeeded already, is processing or canceled is not confirmed again.
func (s *DeferredSubscriptions) ConfirmSetup(ctx context.Context, in ConfirmSetupInput) (ConfirmSetupResult, error) {
	si, err := readSetupIntent(ctx, s.ports.SetupIntents, in.SetupIntent)
	if err != nil {
		return ConfirmSetupResult{}, err
	}
	if !setupCancellable(si.Status) { // What can be confirmed is what can be canceled.
		return confirmed(si, nil), nil
	}
	_, refused := s.ports.SetupIntents.ConfirmSetupIntent(ctx, in.SetupIntent, in.PaymentMethod, in.IdempotencyKey)
	if refused != nil && !confirmAnswered(refused) {
		return ConfirmSetupResult{}, applicationError(refused)
	}
	if si, err = readSetupIntent(ctx, s.ports.SetupIntents, in.SetupIntent); err != nil {
		return ConfirmSetupResult{}, err
	}
	// Only a SetupIntent that goes on with this method shows that it was confirmed: that it waits for a method may be from before.
	if keySpent(refused) && setupCancellable(si.Status) && (si.Status != SetupIntentRequiresAction || si.PaymentMethod != in.PaymentMethod) {
		return ConfirmSetupResult{}, applicationError(refused)
	}
	return confirmed(si, refused), nil
}

// confirmed is the result for what was read after err.
func confirmed(si SetupIntent, err error) ConfirmSetupResult {
	answered := err != nil && !keySpent(err)
	going := si.Status == SetupIntentSucceeded || si.Status == SetupIntentProcessing || si.Status == SetupIntentRequiresAction && !answered
	out := ConfirmSetupResult{Status: si.Status, Refused: !going, Codes: si.LastError}
	if se, ok := errors.AsType[*StripeError](err); ok && out.Refused && se.Codes != (Codes{}) {
		out.Codes = se.Codes
	}
	return out
}

// confirmAnswered reports that the error is an answer, or that only reading tells what happened. A bad request is an answer:
// some SetupIntents cannot be confirmed without what only the customer's browser sends. A missing customer is not.
func confirmAnswered(err error) bool {
	se, ok := errors.AsType[*StripeError](err)
	return ok && !closeRetryable(se.Kind) && (se.Kind != StripeMissing || se.Param != "customer")
}

// readSetupIntent reads one; zero when Stripe does not know it. The error is Temporal's.
func readSetupIntent(ctx context.Context, port SetupIntents, id string) (SetupIntent, error) {
	si, err := port.SetupIntent(ctx, id)
	if err != nil && !IsStripeError(err, StripeMissing) {
		return SetupIntent{}, applicationError(err)
	}
	return si, nil
}
