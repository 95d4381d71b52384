package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// SetupIntent reads one. https://docs.stripe.com/api/setup_intents/retrieve
func (g *Gateway) SetupIntent(ctx context.Context, id string) (activities.SetupIntent, error) {
	if err := required("setup_intent", id); err != nil {
		return activities.SetupIntent{}, err
	}
	response, err := g.client.V1SetupIntents.Retrieve(ctx, id, &stripe.SetupIntentRetrieveParams{})
	return answer(g, operation{name: "retrieve_setup_intent", object: "setup_intent"}, response, err, retrievedSetupIntent)
}

// CancelSetupIntent cancels with cancellation_reason=abandoned. One that cannot be cancelled, because it succeeded, is
// cancelled already or belongs to a Checkout Session, is a StripeWrongState.
// https://docs.stripe.com/api/setup_intents/cancel
func (g *Gateway) CancelSetupIntent(ctx context.Context, id, idempotencyKey string) (activities.SetupIntent, error) {
	if err := required("setup_intent", id, "idempotency_key", idempotencyKey); err != nil {
		return activities.SetupIntent{}, err
	}
	params := &stripe.SetupIntentCancelParams{
		CancellationReason: stripe.String(string(stripe.SetupIntentCancellationReasonAbandoned)),
	}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1SetupIntents.Cancel(ctx, id, params)
	return answer(g, operation{name: "cancel_setup_intent", object: "setup_intent", closes: true}, response, err, retrievedSetupIntent)
}

// ConfirmSetupIntent confirms with a saved method of the customer. A decline is a StripeDeclined.
func (g *Gateway) ConfirmSetupIntent(ctx context.Context, id, paymentMethod, idempotencyKey string) (activities.SetupIntent, error) {
	_, _, _, _ = ctx, id, paymentMethod, idempotencyKey
	return activities.SetupIntent{}, errNotBuilt
}

// SetupIntentsOf lists the newest 100 SetupIntents of the customer for this payment method, newest first.
func (g *Gateway) SetupIntentsOf(ctx context.Context, customer, paymentMethod string) ([]activities.SetupIntent, error) {
	_, _, _ = ctx, customer, paymentMethod
	return nil, errNotBuilt
}

// SetupIntentSecret reads the client secret with which the customer's browser confirms the SetupIntent. It must not be stored
// or logged.
func (g *Gateway) SetupIntentSecret(ctx context.Context, id string) (string, error) {
	_, _ = ctx, id
	return "", errNotBuilt
}

func retrievedSetupIntent(si *stripe.SetupIntent) (activities.SetupIntent, bool) {
	return setupIntent(si, adviceIn(raw(si.LastResponse), "last_setup_error"))
}

// setupIntent is false when Stripe sent no SetupIntent. lastError is the advice inside its last_setup_error.
func setupIntent(si *stripe.SetupIntent, lastError advice) (activities.SetupIntent, bool) {
	if si.ID == "" || si.Status == "" {
		return activities.SetupIntent{}, false
	}
	out := activities.SetupIntent{
		ID:        si.ID,
		Status:    activities.SetupIntentStatus(si.Status),
		LastError: codes(si.LastSetupError, lastError),
	}
	if si.LastSetupError != nil && si.LastSetupError.PaymentMethod != nil {
		out.LastErrorMethod = si.LastSetupError.PaymentMethod.ID
	}
	if si.Customer != nil {
		out.Customer = si.Customer.ID
	}
	if si.PaymentMethod != nil {
		out.PaymentMethod = si.PaymentMethod.ID
	}
	if si.Mandate != nil {
		out.Mandate = si.Mandate.ID
	}
	if si.NextAction != nil {
		out.NextAction = string(si.NextAction.Type)
	}
	return out, true
}
