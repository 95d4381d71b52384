package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
)

// Amounts are the activities that ask the app what to charge.
type Amounts struct{ ports Ports }

// AmountSource is the app, which knows what is due for a period.
type AmountSource interface {
	// RequestAmount asks once. Errors: *UnusableAmountError when the answer will not become better by asking again;
	// anything else is a fault that is tried again. No error holds the address, the secret or personal data.
	RequestAmount(ctx context.Context, in RequestAmountInput) (RequestAmountResult, error)
}

// UnusableAmountError says why the app's answer cannot be used: the field, its value shortened, and what is allowed.
type UnusableAmountError struct{ Reason string }

// Error is the reason.
func (e *UnusableAmountError) Error() string { return "amount of the app: " + e.Reason }

// RequestAmountInput asks the app what to charge for a period of an agreement.
type RequestAmountInput struct {
	// Agreement is the agreement's reference, Reference the payment's: the same for every repetition.
	Agreement string `json:"agreement"`
	Reference string `json:"reference"`
	Customer  string `json:"customer"`
	Currency  string `json:"currency"`
	// PeriodStart (included) and PeriodEnd (not included) are UTC; the end is the due date.
	PeriodStart time.Time `json:"period_start"`
	PeriodEnd   time.Time `json:"period_end"`
}

// RequestAmountResult is the app's answer.
type RequestAmountResult struct {
	// Amount is in minor units, one that Stripe can be asked for; 0 means that nothing is due for the period.
	Amount int64 `json:"amount"`
	// Description replaces the agreement's on this payment when it is not empty.
	Description string `json:"description,omitempty"`
}

// RequestAmount asks the app what to charge. The app must answer the same for the same reference. Errors:
// ErrorAmountUnavailable is retried; ErrorAmountInvalid is final: the app does not know the reference, its answer is
// unusable, or no app is configured.
func (a *Amounts) RequestAmount(ctx context.Context, in RequestAmountInput) (RequestAmountResult, error) {
	if a.ports.Amounts == nil {
		return RequestAmountResult{}, amountInvalid("AMOUNT_WEBHOOK_URL: not set; the worker needs the address of the app that knows what to charge")
	}
	res, err := a.ports.Amounts.RequestAmount(ctx, in)
	var unusable *UnusableAmountError
	switch {
	case errors.As(err, &unusable):
		return RequestAmountResult{}, amountInvalid(unusable.Error())
	case err != nil:
		activity.GetLogger(ctx).Warn("the app did not say what to charge", "agreement", in.Agreement, "reference", in.Reference, "error", err)
		return RequestAmountResult{}, amountUnavailable(err.Error())
	}
	return res, nil
}
