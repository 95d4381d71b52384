package activities

import (
	"context"
	"strings"
)

// RefundInput asks to give a second payment of the same amount owed back in full.
type RefundInput struct {
	Reference string `json:"reference"`
	// Owner is the agreement or run that the payment came from.
	Owner         string `json:"owner,omitempty"`
	PaymentIntent string `json:"payment_intent"`
	// Retry counts the operator's requests to try again; 0 the first time.
	Retry int `json:"retry,omitempty"`
}

// IdempotencyKey is the same for every send; an operator's retry gets a new one, since Stripe would repeat the old no.
func (in RefundInput) IdempotencyKey() string {
	return "payment:" + in.Reference + ":refund:" + in.PaymentIntent + strings.Repeat("+", in.Retry)
}

// RefundResult is what became of the refund.
type RefundResult struct {
	Refund string `json:"refund,omitempty"`
	// Status is Stripe's: succeeded, pending, failed …; refused when Stripe would not make one.
	Status string `json:"status"`
	// Done says that the whole amount is, or is about to be, given back.
	Done bool `json:"done"`
}

// RefundRefused is the status of a refund that Stripe would not make.
const RefundRefused = "refused"

// RefundDuplicate refunds the whole PaymentIntent with reason=duplicate, unless somebody has done so by hand. Running
// it again makes no second refund. A refund that Stripe will not make is a result.
func (p *Payments) RefundDuplicate(ctx context.Context, in RefundInput) (RefundResult, error) {
	intent, err := p.ports.PaymentIntents.PaymentIntent(ctx, in.PaymentIntent)
	if err != nil {
		return RefundResult{}, applicationError(err)
	}
	if intent.AmountRefunded >= intent.Amount {
		return RefundResult{Status: "succeeded", Done: true}, nil
	}
	refund, err := p.ports.Refunds.RefundPaymentIntent(ctx, in.PaymentIntent, in.IdempotencyKey(),
		metadata(nil, "payment:"+in.Reference, in.Reference, in.Owner, 0))
	switch {
	case err == nil:
		done := refund.Status == "succeeded" || refund.Status == "pending"
		return RefundResult{Refund: refund.ID, Status: refund.Status, Done: done}, nil
	case IsStripeError(err, StripeInvalid), IsStripeError(err, StripeWrongState), IsStripeError(err, StripeMissing),
		IsStripeError(err, StripeStoredFault), IsStripeError(err, StripeKeyReused), IsStripeError(err, StripeDeclined):
		return RefundResult{Status: RefundRefused}, nil
	default:
		return RefundResult{}, applicationError(err)
	}
}
