package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// RefundPaymentIntent gives the whole amount back with reason=duplicate. A payment that was refunded already, or is
// disputed, is a StripeWrongState. https://docs.stripe.com/api/refunds/create
func (g *Gateway) RefundPaymentIntent(ctx context.Context, paymentIntent, idempotencyKey string, metadata map[string]string) (activities.Refund, error) {
	if err := required("payment_intent", paymentIntent, "idempotency_key", idempotencyKey); err != nil {
		return activities.Refund{}, err
	}
	params := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(paymentIntent),
		Reason:        stripe.String(string(stripe.RefundReasonDuplicate)),
		Metadata:      metadata,
	}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1Refunds.Create(ctx, params)
	return answer(g, operation{name: "create_refund"}, response, err, func(r *stripe.Refund) (activities.Refund, bool) {
		return activities.Refund{ID: r.ID, Status: string(r.Status)}, r.ID != "" && r.Status != ""
	})
}
