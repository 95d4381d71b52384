package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"
)

// TellPaymentEnded signals an owner that its payment has ended. An owner that has ended itself needs no telling; telling
// twice is harmless. Errors: ErrorWorkflowUnavailable, retried.
func (h *Handovers) TellPaymentEnded(ctx context.Context, in PaymentEndedInput) error {
	return toldOwner(in.Owner, h.ports.Workflows.PaymentEnded(ctx, in.Owner, in))
}

// TellPaymentMethodSaved signals an owner how saving a payment method has ended. An owner that has ended itself needs no
// telling; telling twice is harmless. Errors: ErrorWorkflowUnavailable, retried.
func (h *Handovers) TellPaymentMethodSaved(ctx context.Context, in PaymentMethodSavedInput) error {
	return toldOwner(in.Owner, h.ports.Workflows.PaymentMethodSaved(ctx, in.Owner, in))
}

func toldOwner(owner string, err error) error {
	if err == nil || errors.Is(err, ErrWorkflowNotFound) {
		return nil
	}
	return workflowUnavailable(owner, err)
}

// ReadOwned reads what became of a payment or of a SavePaymentMethod. It changes nothing. Errors:
// ErrorWorkflowUnavailable, retried.
func (h *Handovers) ReadOwned(ctx context.Context, in ReadOwnedInput) (ReadOwnedResult, error) {
	owned, err := h.ports.Workflows.Owned(ctx, in.WorkflowID)
	switch {
	case errors.Is(err, ErrWorkflowNotFound):
		return ReadOwnedResult{}, nil
	case err != nil:
		return ReadOwnedResult{}, workflowUnavailable(in.WorkflowID, err)
	}
	return ReadOwnedResult{Found: true, OwnedWorkflow: owned}, nil
}

// Instruct sends an Update to a payment or to a SavePaymentMethod, and waits for its answer. Repeated with the same
// RequestID it is carried out once. A refusal is a result, and so is a workflow that has ended. Errors:
// ErrorWorkflowUnavailable, retried.
func (h *Handovers) Instruct(ctx context.Context, in InstructInput) (InstructResult, error) {
	res, err := h.ports.Workflows.Instruct(ctx, in)
	if err == nil {
		return res, nil
	}
	if refused, ok := errors.AsType[*RefusedUpdateError](err); ok {
		return InstructResult{Refused: refused.Message}, nil
	}
	if errors.Is(err, ErrWorkflowNotFound) {
		return InstructResult{Ended: true}, nil
	}
	return InstructResult{}, workflowUnavailable(in.WorkflowID, err)
}

func workflowUnavailable(workflowID string, err error) error {
	return temporal.NewApplicationError(workflowID+": "+err.Error(), ErrorWorkflowUnavailable)
}
