package activities

import "context"

// ReadDisputeInput names a dispute, du_… or dp_….
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

// ReadDispute reads a dispute and whose payment it is about. It changes nothing. Errors as for Charge.
func (p *Payments) ReadDispute(ctx context.Context, in ReadDisputeInput) (ReadDisputeResult, error) {
	d, err := p.ports.Disputes.Dispute(ctx, in.Dispute)
	if IsStripeError(err, StripeMissing) {
		return ReadDisputeResult{}, nil
	}
	if err != nil {
		return ReadDisputeResult{}, applicationError(err)
	}
	return ReadDisputeResult{Status: d.Status, PaymentIntent: d.PaymentIntent, Owner: d.Metadata[MetadataOwner]}, nil
}
