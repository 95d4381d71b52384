package activities

import (
	"context"
	"time"
)

// Amounts are the activities that ask the app what to charge.
type Amounts struct{ ports Ports }

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
	// Amount is in minor units; 0 means that nothing is due for the period.
	Amount int64 `json:"amount"`
	// Description replaces the agreement's on this payment when it is not empty.
	Description string `json:"description,omitempty"`
}

// RequestAmount asks the app what to charge. The app must answer the same for the same reference.
func (a *Amounts) RequestAmount(_ context.Context, _ RequestAmountInput) (RequestAmountResult, error) {
	return RequestAmountResult{}, errNotBuilt
}
