package activities

import (
	"errors"
	"fmt"
)

// StripeErrorKind says what an error from Stripe means for the caller.
// https://docs.stripe.com/api/errors
type StripeErrorKind string

// The kinds of StripeError.
const (
	// StripeUnknown: no answer, a broken one, 424 or a fresh 5xx. The request may have been executed.
	StripeUnknown StripeErrorKind = "unknown"
	// StripeStoredFault: a 5xx stored under this idempotency key (Idempotent-Replayed). The same key never helps again.
	StripeStoredFault StripeErrorKind = "stored_fault"
	// StripeKeyInUse: 409, the first request with this key still runs.
	StripeKeyInUse StripeErrorKind = "key_in_use"
	// StripeKeyReused: 400 idempotency_error, the key was sent before with other values.
	StripeKeyReused StripeErrorKind = "key_reused"
	// StripeRateLimited: 429, not executed.
	StripeRateLimited StripeErrorKind = "rate_limited"
	// StripeDeclined: 402, the card or bank said no.
	StripeDeclined StripeErrorKind = "declined"
	// StripeRefused: 400 amount_too_small or amount_too_large; the card was not tried.
	StripeRefused StripeErrorKind = "refused"
	// StripeWrongState: 400, the object is in a state that forbids the call (…_unexpected_state and alike).
	StripeWrongState StripeErrorKind = "wrong_state"
	// StripeMissing: 404 resource_missing, or a 400 that says the object named by Param does not exist or is unusable.
	StripeMissing StripeErrorKind = "missing"
	// StripeUnauthorized: 401 or 403, the API key is wrong, rolled or lacks a permission.
	StripeUnauthorized StripeErrorKind = "unauthorized"
	// StripeInvalid: any other 400; offsession has a bug, or the account lacks a capability.
	StripeInvalid StripeErrorKind = "invalid"
)

// StripeError is the only error the Stripe ports return. It carries codes and ids, never Stripe's message, which may
// hold a client secret.
type StripeError struct {
	Kind       StripeErrorKind
	HTTPStatus int
	Codes      Codes
	// Param is the request parameter Stripe complains about.
	Param string
	// RequestID finds the request in Stripe's dashboard.
	RequestID string
	// PaymentIntent is the object as Stripe sent it with the error; nil when it sent none.
	PaymentIntent *PaymentIntent
}

// Error names kind, status, codes and request id.
func (e *StripeError) Error() string {
	return fmt.Sprintf("stripe: %s (status %d, code %q, decline code %q, param %q, request %s)",
		e.Kind, e.HTTPStatus, e.Codes.Code, e.Codes.DeclineCode, e.Param, e.RequestID)
}

// IsStripeError reports whether err is a StripeError of the kind given.
func IsStripeError(err error, kind StripeErrorKind) bool {
	var se *StripeError
	return errors.As(err, &se) && se.Kind == kind
}
