package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// Mandate reads one. https://docs.stripe.com/api/mandates/retrieve
func (g *Gateway) Mandate(ctx context.Context, id string) (activities.Mandate, error) {
	if err := required("mandate", id); err != nil {
		return activities.Mandate{}, err
	}
	response, err := g.client.V1Mandates.Retrieve(ctx, id, &stripe.MandateRetrieveParams{})
	return answer(g, operation{name: "retrieve_mandate", object: "mandate"}, response, err, func(m *stripe.Mandate) (activities.Mandate, bool) {
		out := activities.Mandate{ID: m.ID, Status: string(m.Status)}
		if m.PaymentMethod != nil {
			out.PaymentMethod = m.PaymentMethod.ID
		}
		return out, m.ID != "" && m.Status != ""
	})
}
