package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// SetupIntent reads one. https://docs.stripe.com/api/setup_intents/retrieve
func (g *Gateway) SetupIntent(ctx context.Context, id string) (activities.SetupIntent, error) {
	return readSetupIntent(ctx, g, id, retrievedSetupIntent)
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

// ConfirmSetupIntent confirms with a saved method of the customer. A method that is not the customer's is a StripeMissing;
// a SetupIntent that has ended, or belongs to a Checkout Session, is a StripeWrongState. One that needs what only the
// customer's browser can send, such as a return_url, is a StripeInvalid.
// https://docs.stripe.com/api/setup_intents/confirm
func (g *Gateway) ConfirmSetupIntent(ctx context.Context, id, paymentMethod, idempotencyKey string) (activities.SetupIntent, error) {
	if err := required("setup_intent", id, "payment_method", paymentMethod, "idempotency_key", idempotencyKey); err != nil {
		return activities.SetupIntent{}, err
	}
	params := &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String(paymentMethod)}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1SetupIntents.Confirm(ctx, id, params)
	si, err := answer(g, operation{name: "confirm_setup_intent", object: "setup_intent"}, response, err, retrievedSetupIntent)
	return si, g.explainRefusal(ctx, err, paymentMethod, "")
}

// SetupIntentsOf lists the newest 100 SetupIntents of the customer for this payment method, newest first.
// https://docs.stripe.com/api/setup_intents/list
func (g *Gateway) SetupIntentsOf(ctx context.Context, customer, paymentMethod string) ([]activities.SetupIntent, error) {
	if err := required("customer", customer, "payment_method", paymentMethod); err != nil {
		return nil, err
	}
	params := &stripe.SetupIntentListParams{Customer: stripe.String(customer), PaymentMethod: stripe.String(paymentMethod)}
	params.Limit, params.Single = stripe.Int64(pageSize), true
	call := operation{name: "list_setup_intents"}
	var found []activities.SetupIntent
	for listed, err := range g.client.V1SetupIntents.List(ctx, params) {
		if err != nil {
			return nil, g.failure(call, err)
		}
		si, ok := retrievedSetupIntent(listed)
		if !ok {
			return nil, g.failure(call, errIncomplete)
		}
		found = append(found, si)
	}
	return found, nil
}

// SetupIntentSecret reads the client secret with which the customer's browser confirms the SetupIntent. It must not be stored
// or logged.
func (g *Gateway) SetupIntentSecret(ctx context.Context, id string) (string, error) {
	return readSetupIntent(ctx, g, id, func(si *stripe.SetupIntent) (string, bool) { return si.ClientSecret, si.ClientSecret != "" })
}

func readSetupIntent[T any](ctx context.Context, g *Gateway, id string, convert func(*stripe.SetupIntent) (T, bool)) (T, error) {
	if err := required("setup_intent", id); err != nil {
		var none T
		return none, err
	}
	response, err := g.client.V1SetupIntents.Retrieve(ctx, id, &stripe.SetupIntentRetrieveParams{})
	return answer(g, operation{name: "retrieve_setup_intent", object: "setup_intent"}, response, err, convert)
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
		ID:         si.ID,
		Status:     activities.SetupIntentStatus(si.Status),
		Created:    instant(si.Created),
		LastError:  codes(si.LastSetupError, lastError),
		WorkflowID: si.Metadata[activities.MetadataWorkflowID],
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
