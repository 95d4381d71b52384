package stripegateway

import (
	"encoding/json"
	"errors"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// What ParseEvent refuses.
var (
	// ErrBadSignature: no Stripe-Signature header, or none of its signatures belongs to these bytes and a secret.
	ErrBadSignature = errors.New("webhook signature does not match")
	// ErrStale: rightly signed, but more than 300 s before or after now.
	ErrStale = errors.New("webhook signature is too old, or from the future")
	// ErrMalformed: rightly signed, but not a Stripe event in JSON.
	ErrMalformed = errors.New("webhook body is not a Stripe event")
)

// ParseEvent checks the signature of a webhook over its raw bytes and reads the event. Any of the secrets may match, so
// that one can be rolled. The event's API version does not matter: only ids are read. Its error is one of ErrBadSignature,
// ErrStale and ErrMalformed. https://docs.stripe.com/webhooks#verify-manually
func ParseEvent(payload []byte, signatureHeader string, secrets []string) (activities.Event, error) {
	secret, ok := signingSecret(payload, signatureHeader, secrets)
	if !ok {
		return activities.Event{}, ErrBadSignature
	}
	const tolerance = stripe.WebhookDefaultTolerance
	if stripe.ValidatePayload(payload, signatureHeader, secret, stripe.WithTolerance(tolerance)) != nil {
		return activities.Event{}, ErrStale
	}
	// stripe-go accepts any time to come. A tolerance below zero accepts only times later than that from now.
	if stripe.ValidatePayload(payload, signatureHeader, secret, stripe.WithTolerance(-tolerance)) == nil {
		return activities.Event{}, ErrStale
	}
	var event wireEvent
	if json.Unmarshal(payload, &event) != nil || event.Object != "event" || event.ID == "" || event.Type == "" {
		return activities.Event{}, ErrMalformed
	}
	return event.event(), nil
}

// signingSecret finds the secret that signed the payload, at whatever time. An empty one is no secret.
func signingSecret(payload []byte, signatureHeader string, secrets []string) (string, bool) {
	for _, secret := range secrets {
		if secret != "" && stripe.ValidatePayload(payload, signatureHeader, secret, stripe.WithIgnoreTolerance()) == nil {
			return secret, true
		}
	}
	return "", false
}
