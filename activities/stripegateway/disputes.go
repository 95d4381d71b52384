package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// Dispute reads one, with the metadata of its PaymentIntent. https://docs.stripe.com/api/disputes/retrieve
func (g *Gateway) Dispute(ctx context.Context, id string) (activities.Dispute, error) {
	if err := required("dispute", id); err != nil {
		return activities.Dispute{}, err
	}
	response, err := g.client.V1Disputes.Retrieve(ctx, id, &stripe.DisputeRetrieveParams{Expand: stripe.StringSlice([]string{"payment_intent"})})
	return answer(g, operation{name: "retrieve_dispute", object: "dispute"}, response, err, func(d *stripe.Dispute) (activities.Dispute, bool) {
		out := activities.Dispute{ID: d.ID, Status: string(d.Status)}
		if d.PaymentIntent != nil {
			out.PaymentIntent, out.Metadata = d.PaymentIntent.ID, d.PaymentIntent.Metadata
		}
		return out, d.ID != "" && d.Status != ""
	})
}
