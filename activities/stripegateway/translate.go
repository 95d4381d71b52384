package stripegateway

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// operation is a call to Stripe, named for the log.
type operation struct {
	name string
	// closes marks a call that ends an object and takes no other values: Stripe can only refuse the object's state.
	closes bool
	// uses names the parameter of the object that an error without code or parameter is about.
	uses string
}

// errIncomplete is an answer of status 200 that lacks the object asked for.
var errIncomplete = errors.New("answer without the object")

// failure translates and logs. Declines and refusals are answers about a payment: the caller reports those.
func (g *Gateway) failure(call operation, err error) *activities.StripeError {
	translated := translate(call, err)
	switch translated.Kind {
	case activities.StripeUnknown, activities.StripeStoredFault, activities.StripeKeyInUse, activities.StripeKeyReused,
		activities.StripeRateLimited, activities.StripeUnauthorized, activities.StripeInvalid:
		g.logger.Warn("stripe request failed",
			slog.String("operation", call.name),
			slog.String("kind", string(translated.Kind)),
			slog.Int("http_status", translated.HTTPStatus),
			slog.String("code", translated.Codes.Code),
			slog.String("param", translated.Param),
			slog.String("request_id", translated.RequestID),
			slog.String("cause", cause(err)))
	case activities.StripeDeclined, activities.StripeRefused, activities.StripeWrongState, activities.StripeMissing:
	}
	return translated
}

// translate is the one place that says what an error of stripe-go means. It reads types, codes, parameters, headers and
// statuses, never messages. https://docs.stripe.com/api/errors
func translate(call operation, err error) *activities.StripeError {
	var se *stripe.Error
	if !errors.As(err, &se) {
		// A lost connection, a deadline, a body that is not Stripe's: the request may have been executed.
		return &activities.StripeError{Kind: activities.StripeUnknown}
	}
	translated := &activities.StripeError{
		Kind:       kind(call, se),
		HTTPStatus: se.HTTPStatusCode,
		Param:      se.Param,
		RequestID:  se.RequestID,
		Codes:      codes(se, adviceIn(raw(se.LastResponse), "error")),
	}
	if translated.Kind == activities.StripeMissing && translated.Param == "" {
		translated.Param = call.uses
	}
	if se.PaymentIntent != nil {
		if pi, ok := paymentIntent(se.PaymentIntent, adviceIn(raw(se.LastResponse), "error", "payment_intent", "last_payment_error")); ok {
			translated.PaymentIntent = &pi
		}
	}
	return translated
}

func kind(call operation, se *stripe.Error) activities.StripeErrorKind {
	switch status := se.HTTPStatusCode; {
	case status >= http.StatusInternalServerError && replayed(se):
		return activities.StripeStoredFault
	case status >= http.StatusInternalServerError, status == http.StatusFailedDependency:
		return activities.StripeUnknown
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return activities.StripeUnauthorized
	case status == http.StatusConflict:
		return activities.StripeKeyInUse
	case status == http.StatusTooManyRequests:
		return activities.StripeRateLimited
	case se.Type == stripe.ErrorTypeIdempotency:
		return activities.StripeKeyReused
	case status == http.StatusPaymentRequired, se.Type == stripe.ErrorTypeCard:
		return activities.StripeDeclined
	case se.Code == stripe.ErrorCodeAmountTooSmall, se.Code == stripe.ErrorCodeAmountTooLarge:
		return activities.StripeRefused
	case wrongState(call, se):
		return activities.StripeWrongState
	case missing(call, se):
		return activities.StripeMissing
	default:
		return activities.StripeInvalid
	}
}

// replayed reports that Stripe answered from its idempotency store. https://docs.stripe.com/api/idempotent_requests
func replayed(se *stripe.Error) bool {
	return se.LastResponse != nil && se.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}

func wrongState(call operation, se *stripe.Error) bool {
	switch se.Code {
	case stripe.ErrorCodePaymentMethodUnexpectedState:
		return false // The method cannot be used: missing.
	case stripe.ErrorCodeChargeAlreadyRefunded, stripe.ErrorCodeChargeDisputed:
		return true
	case "":
		// Stripe gives no code when it refuses to expire a Checkout Session that is not open, or to cancel an intent
		// that belongs to one.
		return call.closes && se.HTTPStatusCode == http.StatusBadRequest
	}
	return strings.HasSuffix(string(se.Code), "_unexpected_state")
}

// missing covers a payment method that is another customer's, detached or used up: for the caller it does not exist.
func missing(call operation, se *stripe.Error) bool {
	switch se.Code {
	case stripe.ErrorCodeResourceMissing, stripe.ErrorCodePaymentMethodUnexpectedState,
		stripe.ErrorCodePaymentIntentIncompatiblePaymentMethod, stripe.ErrorCodePaymentIntentMandateInvalid:
		return true
	case "":
		return strings.HasSuffix(strings.TrimSuffix(se.Param, "]"), "payment_method") ||
			se.Param == "" && call.uses != "" && se.HTTPStatusCode == http.StatusBadRequest
	}
	return false
}

// raw is the body stripe-go decoded; nil for an object that came inside another.
func raw(r *stripe.APIResponse) []byte {
	if r == nil {
		return nil
	}
	return r.RawJSON
}
