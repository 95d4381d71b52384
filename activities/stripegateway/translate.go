package stripegateway

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// operation is a call to Stripe, named for the log.
type operation struct {
	name string
	// object is the parameter name of what the path names; empty when the path names nothing.
	object string
	// closes marks a call that ends an object and takes no other values: Stripe can only refuse the object's state.
	closes bool
	// attaches marks the call whose refusal, when it has neither code nor parameter, is about the payment method.
	attaches bool
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
	if translated.Kind == activities.StripeMissing {
		translated.Param = missingObject(call, se)
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
	case status == http.StatusPaymentRequired, se.Type == stripe.ErrorTypeCard:
		return activities.StripeDeclined
	case status == http.StatusConflict:
		return activities.StripeKeyInUse
	case status == http.StatusTooManyRequests:
		return activities.StripeRateLimited
	case se.Type == stripe.ErrorTypeIdempotency:
		return activities.StripeKeyReused
	case se.Code == "":
		return kindWithoutCode(call, se)
	case kindOfCode[se.Code] != "":
		return kindOfCode[se.Code]
	case strings.HasSuffix(string(se.Code), "_unexpected_state"):
		return activities.StripeWrongState
	default:
		return activities.StripeInvalid
	}
}

// kindOfCode holds the codes that mean something of their own. A payment method that is another customer's, detached,
// used up, blocked or without mandate is missing: for the caller it does not exist.
// https://docs.stripe.com/error-codes
var kindOfCode = map[stripe.ErrorCode]activities.StripeErrorKind{
	stripe.ErrorCodeAmountTooSmall: activities.StripeRefused,
	stripe.ErrorCodeAmountTooLarge: activities.StripeRefused,

	stripe.ErrorCodeIntentInvalidState:    activities.StripeWrongState,
	stripe.ErrorCodeChargeAlreadyRefunded: activities.StripeWrongState,
	stripe.ErrorCodeChargeNotRefundable:   activities.StripeWrongState,
	stripe.ErrorCodeChargeDisputed:        activities.StripeWrongState,
	stripe.ErrorCodeRefundDisputedPayment: activities.StripeWrongState,

	stripe.ErrorCodeResourceMissing:                        activities.StripeMissing,
	stripe.ErrorCodePaymentMethodUnexpectedState:           activities.StripeMissing,
	stripe.ErrorCodePaymentMethodCurrencyMismatch:          activities.StripeMissing,
	stripe.ErrorCodePaymentMethodBankAccountBlocked:        activities.StripeMissing,
	stripe.ErrorCodePaymentIntentIncompatiblePaymentMethod: activities.StripeMissing,
	stripe.ErrorCodePaymentIntentMandateInvalid:            activities.StripeMissing,
	stripe.ErrorCodeIndiaRecurringPaymentMandateCanceled:   activities.StripeMissing,

	stripe.ErrorCodePaymentMethodProviderDecline: activities.StripeDeclined,
	stripe.ErrorCodePaymentMethodCustomerDecline: activities.StripeDeclined,
	stripe.ErrorCodePaymentMethodProviderTimeout: activities.StripeDeclined,
	stripe.ErrorCodePaymentMethodNotAvailable:    activities.StripeDeclined,
}

func kindWithoutCode(call operation, se *stripe.Error) activities.StripeErrorKind {
	switch {
	case se.HTTPStatusCode != http.StatusBadRequest:
		return activities.StripeInvalid
	case call.closes:
		// A Checkout Session that is not open cannot be expired, an intent that belongs to one cannot be cancelled.
		return activities.StripeWrongState
	case namesMethod(se.Param), call.attaches && se.Param == "":
		return activities.StripeMissing
	default:
		return activities.StripeInvalid
	}
}

// missingObject names what is missing as the parameters of a charge do, such as customer or payment_method. Stripe calls
// the object in the path id, intent or session, and a default method invoice_settings[default_payment_method].
func missingObject(call operation, se *stripe.Error) string {
	switch {
	case namesMethod(se.Param), se.Code != stripe.ErrorCodeResourceMissing: // Whatever else is missing has that code.
		return "payment_method"
	case call.object != "" && slices.Contains([]string{"", "id", "intent", "session"}, se.Param):
		return call.object
	default:
		return se.Param
	}
}

// namesMethod reports that a parameter is a payment method, such as invoice_settings[default_payment_method].
func namesMethod(param string) bool {
	return strings.HasSuffix(strings.TrimSuffix(param, "]"), "payment_method")
}

// replayed reports that Stripe answered from its idempotency store. https://docs.stripe.com/api/idempotent_requests
func replayed(se *stripe.Error) bool {
	return se.LastResponse != nil && se.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}

// raw is the body stripe-go decoded; nil for an object that came inside another.
func raw(r *stripe.APIResponse) []byte {
	if r == nil {
		return nil
	}
	return r.RawJSON
}
