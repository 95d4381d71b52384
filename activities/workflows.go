package activities

import (
	"context"
	"errors"
	"iter"
)

// ErrWorkflowNotFound is the error of Workflows when nothing with that id runs, or is remembered.
var ErrWorkflowNotFound = errors.New("workflow not found")

// ErrOpenPayments is the error of OpenPayments: Temporal did not answer.
var ErrOpenPayments = errors.New("open payments cannot be listed")

// Workflows is what the activities need of offsession's other workflows. Every error but ErrWorkflowNotFound, a
// *RefusedUpdateError of Instruct and a *RefusedStartError of StartRun is a fault that is tried again.
type Workflows interface {
	// PaymentEnded signals an agreement.
	PaymentEnded(ctx context.Context, owner string, in PaymentEndedInput) error
	// PaymentMethodSaved signals an agreement.
	PaymentMethodSaved(ctx context.Context, owner string, in PaymentMethodSavedInput) error
	// Owned reads what became of a payment or of a SavePaymentMethod, running or ended.
	Owned(ctx context.Context, workflowID string) (OwnedWorkflow, error)
	// Instruct sends an Update under a stable id: a repetition has no further effect.
	Instruct(ctx context.Context, in InstructInput) (InstructResult, error)
	// StartPayment starts the CollectPayment that goes on with a payment. When there is one already, started is false and
	// nothing changes.
	StartPayment(ctx context.Context, p PaymentHandover) (started bool, _ error)
	// StartRun starts a BillingRun. When there is one already with the same values, started is false and nothing changes; with
	// others, or one that was terminated, the error is a *RefusedStartError.
	StartRun(ctx context.Context, in StartRunInput) (started bool, _ error)
	// RunCharges reports whether a billing run is charging at this moment.
	RunCharges(ctx context.Context, run string) (bool, error)
	// OpenPayments lists the CollectPayments that have not ended. The first error, an ErrOpenPayments, ends the sequence.
	OpenPayments(ctx context.Context) iter.Seq2[OpenPayment, error]
	// OpenRuns lists the billing runs that have not ended.
	OpenRuns(ctx context.Context) ([]OpenRun, error)
}

// OwnedWorkflow is a workflow that an agreement started.
type OwnedWorkflow struct {
	// State is the workflow's own; Lost says that it was terminated or failed, so that nobody follows it.
	State string `json:"state,omitempty"`
	Lost  bool   `json:"lost,omitempty"`
	Ended bool   `json:"ended,omitempty"`
	// Customer, Amount and Currency are a payment's.
	Customer string `json:"customer,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	Owner    string `json:"owner,omitempty"`
	// PaymentIntent and PaymentMethod are those that paid, or were saved.
	PaymentIntent string `json:"payment_intent,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
	// FirstAttempt is what became of a payment's first attempt; nil when it is not known any more. It is for those who ask
	// for it here, and does not stand in histories.
	FirstAttempt *ChargeResult `json:"-"`
}

// OpenPayment is a CollectPayment that has not ended.
type OpenPayment struct {
	Reference string
	Customer  string
	// Amount is in minor units of Currency.
	Amount   int64
	Currency string
}

// RefusedUpdateError says that a workflow refused an Update.
type RefusedUpdateError struct{ Message string }

// Error is the workflow's reason.
func (e *RefusedUpdateError) Error() string { return e.Message }

// Handovers are the activities between workflows.
type Handovers struct{ ports Ports }

// PaymentEndedInput tells an owner that its payment has ended.
type PaymentEndedInput struct {
	Owner         string `json:"owner"`
	Reference     string `json:"reference"`
	State         string `json:"state"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
}

// PaymentMethodSavedInput tells an owner how saving a payment method ended.
type PaymentMethodSavedInput struct {
	Owner         string `json:"owner"`
	Reference     string `json:"reference"`
	State         string `json:"state"`
	PaymentMethod string `json:"payment_method,omitempty"`
}

// ReadOwnedInput asks for a workflow that an agreement started.
type ReadOwnedInput struct {
	WorkflowID string `json:"workflow_id"`
}

// ReadOwnedResult is what became of it; Found is false when Temporal does not know it.
type ReadOwnedResult struct {
	Found bool `json:"found"`
	OwnedWorkflow
}

// InstructInput is an Update that an agreement sends to a workflow it started.
type InstructInput struct {
	WorkflowID string `json:"workflow_id"`
	// Update is change_payment_method, write_off or cancel; RequestID its id.
	Update    string `json:"update"`
	RequestID string `json:"request_id"`
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
	// PaymentMethod is the new one of change_payment_method.
	PaymentMethod string `json:"payment_method,omitempty"`
}

// InstructResult is the answer. Refused is the workflow's reason when it refused; Ended says that it does not run any
// more.
type InstructResult struct {
	State   string `json:"state,omitempty"`
	Pending bool   `json:"pending,omitempty"`
	Refused string `json:"refused,omitempty"`
	Ended   bool   `json:"ended,omitempty"`
}
