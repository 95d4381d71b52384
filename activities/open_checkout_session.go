package activities

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// OpenCheckoutInput describes the Checkout Session to open.
type OpenCheckoutInput struct {
	Mode       CheckoutMode `json:"mode"`
	UI         CheckoutUI   `json:"ui"`
	WorkflowID string       `json:"workflow_id"`
	Reference  string       `json:"reference"`
	// Owner is the agreement or run that the payment, or the wish for a payment method, came from.
	Owner string `json:"owner,omitempty"`
	// Customer is empty when the session starts without one (setup mode only).
	Customer           string            `json:"customer,omitempty"`
	Currency           string            `json:"currency"`
	PaymentMethodTypes []string          `json:"payment_method_types,omitempty"`
	Amount             int64             `json:"amount,omitempty"`
	Description        string            `json:"description,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	// ExpiresAt is computed once by the workflow, so that a repeated request is the same; zero is Stripe's 24 h.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// LinkExpires is until when the customer's link is valid, UTC.
	LinkExpires time.Time `json:"link_expires"`
	// IdempotencyKey is <workflow id>:open_checkout:<counter>.
	IdempotencyKey string `json:"idempotency_key"`
}

// OpenCheckoutResult is the session opened, or why Stripe would not open one.
type OpenCheckoutResult struct {
	Session string `json:"session,omitempty"`
	// ExpiresAt is when Stripe closes it, UTC.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Refused is a code when Stripe would not open it for these values, such as amount_too_small; nothing is open then.
	Refused string `json:"refused,omitempty"`
}

// OpenCheckoutSession opens a Checkout Session. Running it again answers the same session: the key and every value are
// in the input. The client secret and the address stay with Stripe; whoever shows the session reads them there.
func (c *Checkouts) OpenCheckoutSession(ctx context.Context, in OpenCheckoutInput) (OpenCheckoutResult, error) {
	s, err := c.ports.CheckoutSessions.CreateCheckoutSession(ctx, CreateCheckoutSessionRequest{
		Mode:               in.Mode,
		UI:                 in.UI,
		Customer:           in.Customer,
		Currency:           in.Currency,
		PaymentMethodTypes: in.PaymentMethodTypes,
		Amount:             in.Amount,
		Description:        in.Description,
		ReturnURL:          c.returnURL(in),
		Metadata:           metadata(in.Metadata, in.WorkflowID, in.Reference, in.Owner, 0),
		ExpiresAt:          in.ExpiresAt,
		IdempotencyKey:     in.IdempotencyKey,
	})
	var se *StripeError
	if errors.As(err, &se) && se.Kind == StripeRefused {
		return OpenCheckoutResult{Refused: cmp.Or(se.Codes.Reason(), string(se.Kind))}, nil
	}
	if err != nil {
		return OpenCheckoutResult{}, applicationError(err)
	}
	return OpenCheckoutResult{Session: s.ID, ExpiresAt: s.ExpiresAt.UTC()}, nil
}

func (c *Checkouts) returnURL(in OpenCheckoutInput) string {
	if link := c.ports.Links.Link(in.WorkflowID, in.LinkExpires); link != "" {
		return link + "/return"
	}
	return c.ports.ReturnURL
}
