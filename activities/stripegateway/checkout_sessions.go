package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// CreateCheckoutSession opens a Checkout Session in setup or payment mode.
// https://docs.stripe.com/api/checkout/sessions/create
func (g *Gateway) CreateCheckoutSession(ctx context.Context, r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
	if err := required("idempotency_key", r.IdempotencyKey); err != nil {
		return activities.CheckoutSession{}, err
	}
	params := &stripe.CheckoutSessionCreateParams{
		Mode:               stripe.String(string(r.Mode)),
		UIMode:             stripe.String(string(r.UI)),
		Customer:           optional(r.Customer),
		PaymentMethodTypes: optionalList(r.PaymentMethodTypes),
		Metadata:           r.Metadata,
		Expand:             checkoutSessionParts(),
	}
	if !r.ExpiresAt.IsZero() {
		params.ExpiresAt = new(r.ExpiresAt.Unix())
	}
	// The custom page names where to return to, the hosted one where to go on success; each refuses the other's name.
	switch r.UI {
	case activities.CheckoutUICustom:
		params.ReturnURL = optional(r.ReturnURL)
	case activities.CheckoutUIHosted:
		params.SuccessURL = optional(r.ReturnURL)
	default:
		return activities.CheckoutSession{}, &activities.StripeError{Kind: activities.StripeInvalid, Param: "ui_mode"}
	}
	// Metadata of the session stays on the session: the intent gets its own.
	switch r.Mode {
	case activities.CheckoutModeSetup:
		params.Currency = stripe.String(r.Currency)
		params.SetupIntentData = &stripe.CheckoutSessionCreateSetupIntentDataParams{Metadata: r.Metadata}
	case activities.CheckoutModePayment:
		params.LineItems = []*stripe.CheckoutSessionCreateLineItemParams{{
			Quantity: stripe.Int64(1),
			PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
				Currency:    stripe.String(r.Currency),
				UnitAmount:  new(r.Amount),
				ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String(r.Description)},
			},
		}}
		params.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{
			Metadata: r.Metadata,
			// Saves the method that pays, authenticated, for the charges to come.
			SetupFutureUsage: stripe.String(string(stripe.PaymentIntentSetupFutureUsageOffSession)),
		}
	default:
		return activities.CheckoutSession{}, &activities.StripeError{Kind: activities.StripeInvalid, Param: "mode"}
	}
	params.SetIdempotencyKey(r.IdempotencyKey)
	response, err := g.client.V1CheckoutSessions.Create(ctx, params)
	return answer(g, operation{name: "create_checkout_session"}, response, err, checkoutSession)
}

// CheckoutSession reads one with its PaymentIntent and SetupIntent.
func (g *Gateway) CheckoutSession(ctx context.Context, id string) (activities.CheckoutSession, error) {
	if err := required("session", id); err != nil {
		return activities.CheckoutSession{}, err
	}
	response, err := g.client.V1CheckoutSessions.Retrieve(ctx, id, &stripe.CheckoutSessionRetrieveParams{Expand: checkoutSessionParts()})
	return answer(g, operation{name: "retrieve_checkout_session", object: "session"}, response, err, checkoutSession)
}

// CheckoutSessionsByPaymentIntent lists the sessions that own the PaymentIntent and reads each.
// https://docs.stripe.com/api/checkout/sessions/list
func (g *Gateway) CheckoutSessionsByPaymentIntent(ctx context.Context, paymentIntent string) ([]activities.CheckoutSession, error) {
	if err := required("payment_intent", paymentIntent); err != nil {
		return nil, err
	}
	var found []activities.CheckoutSession
	for listed, err := range g.client.V1CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{PaymentIntent: stripe.String(paymentIntent)}) {
		if err != nil {
			return nil, g.failure(operation{name: "list_checkout_sessions"}, err)
		}
		session, err := g.CheckoutSession(ctx, listed.ID)
		if err != nil {
			return nil, err
		}
		found = append(found, session)
	}
	return found, nil
}

// ExpireCheckoutSession closes an open session. One that is complete or expired already is a StripeWrongState.
// https://docs.stripe.com/api/checkout/sessions/expire
func (g *Gateway) ExpireCheckoutSession(ctx context.Context, id, idempotencyKey string) (activities.CheckoutSession, error) {
	if err := required("session", id, "idempotency_key", idempotencyKey); err != nil {
		return activities.CheckoutSession{}, err
	}
	params := &stripe.CheckoutSessionExpireParams{Expand: checkoutSessionParts()}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1CheckoutSessions.Expire(ctx, id, params)
	return answer(g, operation{name: "expire_checkout_session", object: "session", closes: true}, response, err, checkoutSession)
}

// CheckoutSecret reads what the customer's browser needs to show the session. It must not be stored or logged.
func (g *Gateway) CheckoutSecret(ctx context.Context, id string) (activities.CheckoutSecret, error) {
	if err := required("session", id); err != nil {
		return activities.CheckoutSecret{}, err
	}
	response, err := g.client.V1CheckoutSessions.Retrieve(ctx, id, &stripe.CheckoutSessionRetrieveParams{})
	return answer(g, operation{name: "retrieve_checkout_session", object: "session"}, response, err,
		func(s *stripe.CheckoutSession) (activities.CheckoutSecret, bool) {
			return activities.CheckoutSecret{ClientSecret: s.ClientSecret, URL: s.URL}, s.ID != ""
		})
}

// checkoutSessionParts are the objects to expand in a session.
func checkoutSessionParts() []*string {
	return stripe.StringSlice([]string{"payment_intent.latest_charge", "payment_intent.payment_method", "setup_intent"})
}

// checkoutSession is false when Stripe sent no session, or one whose intent it did not expand.
func checkoutSession(s *stripe.CheckoutSession) (activities.CheckoutSession, bool) {
	if s.ID == "" || s.Status == "" {
		return activities.CheckoutSession{}, false
	}
	out := activities.CheckoutSession{
		ID:        s.ID,
		Mode:      activities.CheckoutMode(s.Mode),
		Status:    activities.CheckoutStatus(s.Status),
		Paid:      s.PaymentStatus == stripe.CheckoutSessionPaymentStatusPaid,
		ExpiresAt: instant(s.ExpiresAt),
	}
	if s.Customer != nil {
		out.Customer = s.Customer.ID
	}
	if s.PaymentIntent != nil {
		pi, ok := paymentIntent(s.PaymentIntent, adviceIn(raw(s.LastResponse), "payment_intent", "last_payment_error"))
		if !ok {
			return activities.CheckoutSession{}, false
		}
		out.PaymentIntent = &pi
	}
	if s.SetupIntent != nil {
		si, ok := setupIntent(s.SetupIntent, adviceIn(raw(s.LastResponse), "setup_intent", "last_setup_error"))
		if !ok {
			return activities.CheckoutSession{}, false
		}
		out.SetupIntent = &si
	}
	return out, true
}
