package activities

import (
	"context"
	"errors"
)

var errNotBuilt = errors.New("not built")

// TellPaymentEnded signals an agreement that its payment has ended.
func (h *Handovers) TellPaymentEnded(_ context.Context, _ PaymentEndedInput) error { return errNotBuilt }

// TellPaymentMethodSaved signals an agreement how saving a payment method ended.
func (h *Handovers) TellPaymentMethodSaved(_ context.Context, _ PaymentMethodSavedInput) error {
	return errNotBuilt
}

// ReadOwned reads a workflow that an agreement started.
func (h *Handovers) ReadOwned(_ context.Context, _ ReadOwnedInput) (ReadOwnedResult, error) {
	return ReadOwnedResult{}, errNotBuilt
}

// Instruct sends an Update to a workflow that an agreement started.
func (h *Handovers) Instruct(_ context.Context, _ InstructInput) (InstructResult, error) {
	return InstructResult{}, errNotBuilt
}
