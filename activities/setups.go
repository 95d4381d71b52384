package activities

import (
	"context"
	"errors"
	"time"
)

// SetupReading is a Checkout Session in setup mode, its SetupIntent and its method as Stripe shows them now.
type SetupReading struct {
	SessionStatus CheckoutStatus    `json:"session_status"`
	ExpiresAt     time.Time         `json:"expires_at,omitzero"`
	SetupIntent   string            `json:"setup_intent,omitempty"`
	Status        SetupIntentStatus `json:"status,omitempty"`
	// NextAction is the SetupIntent's next_action.type, such as verify_with_microdeposits.
	NextAction string `json:"next_action,omitempty"`
	Mandate    string `json:"mandate,omitempty"`
	// Customer is the session's; empty when it started without one.
	Customer string `json:"customer,omitempty"`
	// Method is the SetupIntent's method, read by itself; zero when there is none or it is gone.
	Method PaymentMethod `json:"method,omitzero"`
	Codes
}

// ReadSetup reads a setup session, its SetupIntent and the method. It changes nothing. A session that Stripe does not know reads
// as expired.
func (s *Setups) ReadSetup(ctx context.Context, session string) (SetupReading, error) {
	cs, err := s.ports.CheckoutSessions.CheckoutSession(ctx, session)
	if IsStripeError(err, StripeMissing) {
		return SetupReading{SessionStatus: CheckoutExpired}, nil // nothing can come of it any more
	}
	if err != nil {
		return SetupReading{}, applicationError(err)
	}
	r := SetupReading{SessionStatus: cs.Status, ExpiresAt: cs.ExpiresAt.UTC(), Customer: cs.Customer}
	si := cs.SetupIntent
	if si == nil {
		return r, nil
	}
	r.SetupIntent, r.Status, r.NextAction, r.Mandate, r.Codes = si.ID, si.Status, si.NextAction, si.Mandate, si.LastError
	if si.PaymentMethod == "" {
		return r, nil
	}
	// A method can be detached right after its SetupIntent succeeded: its own record says whether it is usable.
	r.Method, err = s.ports.PaymentMethods.PaymentMethod(ctx, si.PaymentMethod)
	if IsStripeError(err, StripeMissing) {
		r.Method = PaymentMethod{}
		return r, nil
	}
	if err != nil {
		return SetupReading{}, applicationError(err)
	}
	return r, nil
}

// AttachInput asks to attach a saved method to a customer.
type AttachInput struct {
	PaymentMethod  string `json:"payment_method"`
	Customer       string `json:"customer"`
	IdempotencyKey string `json:"idempotency_key"`
}

// AttachResult is the method after the attempt to attach it.
type AttachResult struct {
	Method PaymentMethod `json:"method,omitzero"`
	// Refused is a code when the method cannot be attached; the customer must save another one.
	Refused string `json:"refused,omitempty"`
}

// AttachPaymentMethod attaches the method and reads it again: Method.Customer is the truth. Attaching twice changes
// nothing. A method that cannot be attached is a result.
func (s *Setups) AttachPaymentMethod(ctx context.Context, in AttachInput) (AttachResult, error) {
	_, err := s.ports.PaymentMethods.AttachPaymentMethod(ctx, in.PaymentMethod, in.Customer, in.IdempotencyKey)
	var se *StripeError
	if errors.As(err, &se) && attachFinal(se) {
		reason := se.Codes.Reason()
		if reason == "" {
			reason = CodePaymentMethodUnusable
		}
		return AttachResult{Refused: reason}, nil
	}
	// After a stored fault or a reused key the reading tells whether the method was attached; if not, a new key can help.
	spent := IsStripeError(err, StripeStoredFault) || IsStripeError(err, StripeKeyReused)
	if err != nil && !spent {
		return AttachResult{}, applicationError(err)
	}
	answer := err
	m, err := s.ports.PaymentMethods.PaymentMethod(ctx, in.PaymentMethod)
	if IsStripeError(err, StripeMissing) {
		return AttachResult{Refused: CodePaymentMethodUnusable}, nil
	}
	if err != nil {
		return AttachResult{}, applicationError(err)
	}
	switch {
	case m.Customer == in.Customer:
		return AttachResult{Method: m}, nil
	case spent && m.Customer == "":
		return AttachResult{}, applicationError(answer)
	default:
		return AttachResult{Refused: CodePaymentMethodUnusable}, nil
	}
}

// attachFinal reports whether another try with the same method cannot help. A missing customer is not the method's
// fault and stays an error.
func attachFinal(se *StripeError) bool {
	switch se.Kind {
	case StripeDeclined, StripeWrongState, StripeInvalid:
		return true
	case StripeMissing:
		return se.Param != "customer"
	case StripeUnknown, StripeStoredFault, StripeKeyInUse, StripeKeyReused, StripeRateLimited, StripeRefused, StripeUnauthorized:
		return false
	}
	return false
}

// CreateCustomerInput asks for a customer that a saved method is attached to.
type CreateCustomerInput struct {
	WorkflowID     string `json:"workflow_id"`
	Reference      string `json:"reference"`
	IdempotencyKey string `json:"idempotency_key"`
}

// CreateCustomer makes a customer that carries our metadata and answers its id. The same key answers the same one.
func (s *Setups) CreateCustomer(ctx context.Context, in CreateCustomerInput) (string, error) {
	id, err := s.ports.Customers.CreateCustomer(ctx, metadata(nil, in.WorkflowID, in.Reference, "", 0), in.IdempotencyKey)
	if err != nil {
		return "", applicationError(err)
	}
	return id, nil
}

// SetDefaultInput asks to make a method the customer's default.
type SetDefaultInput struct {
	Customer       string `json:"customer"`
	PaymentMethod  string `json:"payment_method"`
	IdempotencyKey string `json:"idempotency_key"`
}

// SetDefaultPaymentMethod writes invoice_settings.default_payment_method. Writing twice changes nothing.
func (s *Setups) SetDefaultPaymentMethod(ctx context.Context, in SetDefaultInput) error {
	if err := s.ports.Customers.SetDefaultPaymentMethod(ctx, in.Customer, in.PaymentMethod, in.IdempotencyKey); err != nil {
		return applicationError(err)
	}
	return nil
}

// CloseSetupInput asks to close a setup session, or the SetupIntent of one that is complete.
type CloseSetupInput struct {
	Session string `json:"session"`
	// SessionOnly leaves the SetupIntent of a complete session alone: what the customer finished may still be verified.
	SessionOnly    bool   `json:"session_only,omitempty"`
	IdempotencyKey string `json:"idempotency_key"`
}

// CloseSetup expires an open session, cancels the SetupIntent of a complete one where its status allows, and reads both
// again: the reading is the answer. Closing twice is harmless.
func (s *Setups) CloseSetup(ctx context.Context, in CloseSetupInput) (SetupReading, error) {
	r, err := s.ReadSetup(ctx, in.Session)
	if err != nil {
		return SetupReading{}, err
	}
	if r.SessionStatus == CheckoutOpen {
		_, err = s.ports.CheckoutSessions.ExpireCheckoutSession(ctx, in.Session, in.IdempotencyKey)
		if r, err = s.readAfterClosing(ctx, in.Session, err); err != nil {
			return SetupReading{}, err
		}
	}
	// Also when the customer was faster than the expiry.
	if r.SessionStatus == CheckoutComplete && !in.SessionOnly && setupCancellable(r.Status) {
		_, err = s.ports.SetupIntents.CancelSetupIntent(ctx, r.SetupIntent, in.IdempotencyKey+":setup_intent")
		if r, err = s.readAfterClosing(ctx, in.Session, err); err != nil {
			return SetupReading{}, err
		}
	}
	return r, nil
}

func (s *Setups) readAfterClosing(ctx context.Context, session string, err error) (SetupReading, error) {
	if err != nil && closeRetryable(kindOf(err)) {
		return SetupReading{}, applicationError(err)
	}
	return s.ReadSetup(ctx, session)
}

func setupCancellable(status SetupIntentStatus) bool {
	switch status {
	case SetupIntentRequiresPaymentMethod, SetupIntentRequiresConfirmation, SetupIntentRequiresAction:
		return true
	case SetupIntentProcessing, SetupIntentSucceeded, SetupIntentCanceled:
		return false
	}
	return false
}
