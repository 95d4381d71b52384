package activities

import "context"

// ReadDisputeInput names a dispute, dp_….
type ReadDisputeInput struct {
	Dispute string `json:"dispute"`
}

// ReadDisputeResult is what it is about.
type ReadDisputeResult struct {
	// Status is Stripe's; empty when there is no such dispute.
	Status        string `json:"status,omitempty"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	// Owner is the metadata offsession_owner of the PaymentIntent.
	Owner string `json:"owner,omitempty"`
}

// ReadDispute reads a dispute and whose payment it is about.
func (p *Payments) ReadDispute(_ context.Context, _ ReadDisputeInput) (ReadDisputeResult, error) {
	return ReadDisputeResult{}, errNotBuilt
}

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

// ReadMandate reads a mandate.
func (s *Setups) ReadMandate(_ context.Context, _ ReadMandateInput) (ReadMandateResult, error) {
	return ReadMandateResult{}, errNotBuilt
}

// LookBackOwnerInput asks for payments that an agreement with the same reference made in an earlier life.
type LookBackOwnerInput struct {
	Customer string `json:"customer"`
	// Owner is the agreement's workflow id, Reference its reference.
	Owner     string `json:"owner"`
	Reference string `json:"reference"`
}

// LookBackOwnerResult is what was found.
type LookBackOwnerResult struct {
	// Found says that there are payments of this agreement already: every charge must look back before it sends.
	Found bool `json:"found,omitempty"`
	// LastNow is the highest k of <reference>~now<k> among them.
	LastNow int `json:"last_now,omitempty"`
}

// LookBackOwner lists the customer's PaymentIntents once, when an agreement starts.
func (p *Payments) LookBackOwner(_ context.Context, _ LookBackOwnerInput) (LookBackOwnerResult, error) {
	return LookBackOwnerResult{}, errNotBuilt
}
