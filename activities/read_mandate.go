package activities

import "context"

// ReadMandateInput names a mandate, mandate_….
type ReadMandateInput struct {
	Mandate string `json:"mandate"`
}

// ReadMandateResult is how it stands.
type ReadMandateResult struct {
	// Status is Stripe's: active, inactive or pending; empty when there is no such mandate.
	Status        string `json:"status,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
}

// ReadMandate reads a mandate. It changes nothing. Errors as for Charge.
func (s *Setups) ReadMandate(ctx context.Context, in ReadMandateInput) (ReadMandateResult, error) {
	m, err := s.ports.Mandates.Mandate(ctx, in.Mandate)
	if IsStripeError(err, StripeMissing) {
		return ReadMandateResult{}, nil
	}
	if err != nil {
		return ReadMandateResult{}, applicationError(err)
	}
	return ReadMandateResult{Status: m.Status, PaymentMethod: m.PaymentMethod}, nil
}
