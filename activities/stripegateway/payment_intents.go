package stripegateway

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// CreatePaymentIntent creates an off-session PaymentIntent and confirms it, in one request.
// https://docs.stripe.com/api/payment_intents/create
func (g *Gateway) CreatePaymentIntent(ctx context.Context, r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
	if err := required("customer", r.Customer, "payment_method", r.PaymentMethod, "idempotency_key", r.IdempotencyKey); err != nil {
		return activities.PaymentIntent{}, err
	}
	params := &stripe.PaymentIntentCreateParams{
		Amount:                    new(r.Amount),
		Currency:                  stripe.String(r.Currency),
		Customer:                  stripe.String(r.Customer),
		PaymentMethod:             stripe.String(r.PaymentMethod),
		OffSession:                new(true),
		Confirm:                   new(true),
		Description:               optional(r.Description),
		StatementDescriptorSuffix: optional(r.StatementSuffix),
		Metadata:                  r.Metadata,
		// Whatever type was saved may be charged. Nobody is there to be redirected, and without this Stripe wants a
		// return_url for the case that the account has a redirecting method switched on.
		AutomaticPaymentMethods: &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled:        new(true),
			AllowRedirects: stripe.String("never"),
		},
		Expand: paymentIntentParts(""),
	}
	params.SetIdempotencyKey(r.IdempotencyKey)
	response, err := g.createPaymentIntent(ctx, params)
	pi, err := answer(g, operation{name: "create_payment_intent"}, response, err, createdPaymentIntent)
	return pi, g.explainRefusal(ctx, err, r.PaymentMethod, r.Customer)
}

// ConfirmPaymentIntent confirms an existing PaymentIntent off-session.
// https://docs.stripe.com/api/payment_intents/confirm
func (g *Gateway) ConfirmPaymentIntent(ctx context.Context, r activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
	if err := required("payment_intent", r.PaymentIntent, "payment_method", r.PaymentMethod, "idempotency_key", r.IdempotencyKey); err != nil {
		return activities.PaymentIntent{}, err
	}
	params := &stripe.PaymentIntentConfirmParams{
		PaymentMethod: stripe.String(r.PaymentMethod),
		OffSession:    new(true),
		Expand:        paymentIntentParts(""),
	}
	params.SetIdempotencyKey(r.IdempotencyKey)
	response, err := g.client.V1PaymentIntents.Confirm(ctx, r.PaymentIntent, params)
	pi, err := answer(g, operation{name: "confirm_payment_intent", object: "payment_intent"}, response, err, retrievedPaymentIntent)
	return pi, g.explainRefusal(ctx, err, r.PaymentMethod, "")
}

// PaymentIntent reads one, with its newest charge and its method.
func (g *Gateway) PaymentIntent(ctx context.Context, id string) (activities.PaymentIntent, error) {
	if err := required("payment_intent", id); err != nil {
		return activities.PaymentIntent{}, err
	}
	response, err := g.client.V1PaymentIntents.Retrieve(ctx, id, &stripe.PaymentIntentRetrieveParams{Expand: paymentIntentParts("")})
	return answer(g, operation{name: "retrieve_payment_intent", object: "payment_intent"}, response, err, retrievedPaymentIntent)
}

// PaymentIntentsByReference lists all PaymentIntents of the customer and reads those with the reference, newest first.
func (g *Gateway) PaymentIntentsByReference(ctx context.Context, customer, reference string) ([]activities.PaymentIntent, error) {
	if err := required("customer", customer, "reference", reference); err != nil {
		return nil, err
	}
	params := &stripe.PaymentIntentListParams{Customer: stripe.String(customer)}
	params.Limit = stripe.Int64(pageSize)
	// Nearly always nothing is found. So the list is read without its parts, and what is found is read by itself.
	var found []activities.PaymentIntent
	for listed, err := range g.client.V1PaymentIntents.List(ctx, params) {
		if err != nil {
			return nil, g.failure(operation{name: "list_payment_intents"}, err)
		}
		if listed.Metadata[activities.MetadataReference] != reference {
			continue
		}
		pi, err := g.PaymentIntent(ctx, listed.ID)
		if err != nil {
			return nil, err
		}
		found = append(found, pi)
	}
	return found, nil
}

// ListPaymentIntents lists the customer's, newest first, asking for further pages as they are taken.
// https://docs.stripe.com/api/payment_intents/list
func (g *Gateway) ListPaymentIntents(ctx context.Context, r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
	return func(yield func(activities.PaymentIntent, error) bool) {
		if err := required("customer", r.Customer); err != nil {
			yield(activities.PaymentIntent{}, err)
			return
		}
		params := &stripe.PaymentIntentListParams{Customer: stripe.String(r.Customer)}
		params.Limit = stripe.Int64(pageSize)
		params.StartingAfter = optional(r.After)
		if r.Charges {
			params.Expand = stripe.StringSlice([]string{"data.latest_charge"})
		}
		g.listPaymentIntents(ctx, params, yield)
	}
}

// AccountPaymentIntents lists those of all customers that were created at since or later, newest first, asking for further
// pages as they are taken. https://docs.stripe.com/api/payment_intents/list
func (g *Gateway) AccountPaymentIntents(ctx context.Context, since time.Time, after string) iter.Seq2[activities.PaymentIntent, error] {
	return func(yield func(activities.PaymentIntent, error) bool) {
		params := &stripe.PaymentIntentListParams{
			CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
			Expand:       stripe.StringSlice([]string{"data.latest_charge"}),
		}
		params.Limit = stripe.Int64(pageSize)
		params.StartingAfter = optional(after)
		g.listPaymentIntents(ctx, params, yield)
	}
}

func (g *Gateway) listPaymentIntents(ctx context.Context, params *stripe.PaymentIntentListParams, yield func(activities.PaymentIntent, error) bool) {
	call := operation{name: "list_payment_intents"}
	for listed, err := range g.client.V1PaymentIntents.List(ctx, params) {
		if err != nil {
			yield(activities.PaymentIntent{}, g.failure(call, err))
			return
		}
		pi, ok := paymentIntent(listed, advice{})
		if !ok {
			yield(activities.PaymentIntent{}, g.failure(call, errIncomplete))
			return
		}
		if !yield(pi, nil) {
			return
		}
	}
}

// SearchPaymentIntents finds PaymentIntents of any customer by our reference. Search runs behind the live data, by up
// to a minute and more when Stripe has trouble: good for showing, never for deciding whether to charge.
// https://docs.stripe.com/search#data-freshness
func (g *Gateway) SearchPaymentIntents(ctx context.Context, reference string) ([]activities.PaymentIntent, error) {
	if err := required("reference", reference); err != nil {
		return nil, err
	}
	params := &stripe.PaymentIntentSearchParams{Expand: paymentIntentParts("data.")}
	params.Query = "metadata[" + searchString(activities.MetadataReference) + "]:" + searchString(reference)
	params.Limit = stripe.Int64(pageSize)
	call := operation{name: "search_payment_intents"}
	var found []activities.PaymentIntent
	for listed, err := range g.client.V1PaymentIntents.Search(ctx, params) {
		if err != nil {
			return nil, g.failure(call, err)
		}
		pi, ok := paymentIntent(listed, advice{})
		if !ok {
			return nil, g.failure(call, errIncomplete)
		}
		found = append(found, pi)
	}
	return found, nil
}

// CancelPaymentIntent cancels with cancellation_reason=abandoned. A PaymentIntent that cannot be cancelled, because it
// succeeded, is cancelled already or belongs to a Checkout Session, is a StripeWrongState.
// https://docs.stripe.com/api/payment_intents/cancel
func (g *Gateway) CancelPaymentIntent(ctx context.Context, id, idempotencyKey string) (activities.PaymentIntent, error) {
	if err := required("payment_intent", id, "idempotency_key", idempotencyKey); err != nil {
		return activities.PaymentIntent{}, err
	}
	params := &stripe.PaymentIntentCancelParams{
		CancellationReason: stripe.String(string(stripe.PaymentIntentCancellationReasonAbandoned)),
		Expand:             paymentIntentParts(""),
	}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1PaymentIntents.Cancel(ctx, id, params)
	return answer(g, operation{name: "cancel_payment_intent", object: "payment_intent", closes: true}, response, err, retrievedPaymentIntent)
}

// explainRefusal settles what a 400 without code and parameter is about. Stripe sends one when the payment method was
// detached or used up, and others that concern the account; only the method itself, read again, tells them apart.
// An empty customer means any.
func (g *Gateway) explainRefusal(ctx context.Context, err error, paymentMethod, customer string) error {
	var refused *activities.StripeError
	if !errors.As(err, &refused) || refused.Kind != activities.StripeInvalid || refused.HTTPStatus != http.StatusBadRequest ||
		refused.Codes.Code != "" || refused.Param != "" {
		return err
	}
	pm, readErr := g.PaymentMethod(ctx, paymentMethod)
	if readErr != nil {
		return err
	}
	if pm.Customer == "" || customer != "" && pm.Customer != customer {
		refused.Kind = activities.StripeMissing
		refused.Param = "payment_method"
	}
	return err
}

// pageSize is Stripe's largest page.
const pageSize = 100

// paymentIntentParts are the objects to expand in a PaymentIntent: the charge for its time and refunds, the method for
// its stamp.
func paymentIntentParts(prefix string) []*string {
	return stripe.StringSlice([]string{prefix + "latest_charge", prefix + "payment_method"})
}

// searchString quotes a value for Stripe's search language. https://docs.stripe.com/search#search-syntax
func searchString(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

func retrievedPaymentIntent(pi *stripe.PaymentIntent) (activities.PaymentIntent, bool) {
	if pi.LastPaymentError == nil {
		return paymentIntent(pi, advice{}) // nearly all: the body need not be read a second time
	}
	return paymentIntent(pi, adviceIn(raw(pi.LastResponse), "last_payment_error"))
}

// paymentIntent is false when Stripe sent no PaymentIntent. lastError is the advice inside its last_payment_error.
func paymentIntent(pi *stripe.PaymentIntent, lastError advice) (activities.PaymentIntent, bool) {
	if pi.ID == "" || pi.Status == "" {
		return activities.PaymentIntent{}, false
	}
	out := activities.PaymentIntent{
		ID:       pi.ID,
		Status:   activities.PaymentIntentStatus(pi.Status),
		Amount:   pi.Amount,
		Currency: string(pi.Currency),
		Created:  instant(pi.Created),
		Metadata: pi.Metadata,
	}
	if pi.Customer != nil {
		out.Customer = pi.Customer.ID
	}
	// After a decline Stripe clears payment_method, and last_payment_error alone names the one that was declined.
	method := pi.PaymentMethod
	if method == nil && pi.LastPaymentError != nil {
		method = pi.LastPaymentError.PaymentMethod
	}
	if method != nil {
		out.PaymentMethod = method.ID
		out.PaymentMethodStamp = stamp(method)
	}
	if charge := pi.LatestCharge; charge != nil {
		out.LatestCharge = charge.ID
		out.ChargedAt = instant(charge.Created)
		out.AmountRefunded = charge.AmountRefunded
		out.Disputed = charge.Disputed
	}
	if e := pi.LastPaymentError; e != nil {
		// An authentication refusal makes no charge: then the newest one says nothing about this error.
		if pi.LatestCharge != nil && e.ChargeID == pi.LatestCharge.ID {
			lastError = lastError.or(adviceOf(pi.LatestCharge))
		}
		out.LastError = codes(e, lastError)
	}
	return out, true
}
