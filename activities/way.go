package activities

import (
	"context"
	"errors"
	"time"
)

// WayKind says what a way to pay is.
type WayKind string

// The kinds of ways to pay.
const (
	WayPaymentIntent   WayKind = "payment_intent"
	WayCheckoutSession WayKind = "checkout_session"
)

// Way is one way in which a payment could still be paid: a PaymentIntent or a Checkout Session that offsession made.
type Way struct {
	Kind WayKind `json:"kind"`
	ID   string  `json:"id"`
}

// WayState says whether a way can still take money.
type WayState string

// The states of a way.
const (
	// WayOpen: it can still be paid.
	WayOpen WayState = "open"
	// WayClosed: it can never be paid: PaymentIntent canceled, or Session over with its PaymentIntent not paid.
	WayClosed WayState = "closed"
	// WayProcessing: a bank is working on it.
	WayProcessing WayState = "processing"
	// WayPaid: it took the money.
	WayPaid WayState = "paid"
)

// WayReading is a way as Stripe shows it now.
type WayReading struct {
	Way
	State WayState `json:"state"`
	// PaymentIntent is the way's PaymentIntent; empty for a session nobody tried to pay.
	PaymentIntent string `json:"payment_intent,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	LatestCharge  string `json:"latest_charge,omitempty"`
	// ChargedAt orders two payments, UTC.
	ChargedAt time.Time `json:"charged_at,omitzero"`
	// Refunded says that the whole amount was given back.
	Refunded bool `json:"refunded,omitempty"`
	// NeedsCustomer says that the way waits for the customer's authentication.
	NeedsCustomer bool `json:"needs_customer,omitempty"`
	Codes
}

// CloseWayInput asks to close one way.
type CloseWayInput struct {
	Way Way `json:"way"`
	// IdempotencyKey is <workflow id>:close:<counter>.
	IdempotencyKey string `json:"idempotency_key"`
}

// CloseWay cancels a PaymentIntent or expires a Session, and then reads what it has become: the reading is the answer,
// whatever the write said. A way found paid or processing is left as it is. A PaymentIntent that belongs to a Checkout
// Session cannot be canceled: its session is expired instead. Closing twice is harmless.
func (p *Payments) CloseWay(ctx context.Context, in CloseWayInput) (WayReading, error) {
	if err := p.closeWay(ctx, in); err != nil && closeRetryable(kindOf(err)) {
		return WayReading{}, applicationError(err)
	}
	return p.readWay(ctx, in.Way)
}

// kindOf is the kind of an error from a Stripe port; "" is not from Stripe.
func kindOf(err error) StripeErrorKind {
	if se, ok := errors.AsType[*StripeError](err); ok {
		return se.Kind
	}
	return ""
}

// closeRetryable are the errors after which reading would say nothing new: try the write again first.
func closeRetryable(k StripeErrorKind) bool {
	switch k {
	case StripeUnknown, StripeKeyInUse, StripeRateLimited, StripeUnauthorized:
		return true
	case StripeStoredFault, StripeKeyReused, StripeDeclined, StripeRefused, StripeWrongState, StripeMissing, StripeInvalid:
		return false
	}
	return true
}

func (p *Payments) closeWay(ctx context.Context, in CloseWayInput) error {
	if in.Way.Kind == WayCheckoutSession {
		return p.closeSession(ctx, in)
	}
	_, err := p.ports.PaymentIntents.CancelPaymentIntent(ctx, in.Way.ID, in.IdempotencyKey)
	if err == nil || (!IsStripeError(err, StripeWrongState) && !IsStripeError(err, StripeInvalid)) {
		return err
	}
	sessions, listErr := p.ports.CheckoutSessions.CheckoutSessionsByPaymentIntent(ctx, in.Way.ID)
	if listErr != nil {
		return listErr
	}
	for _, s := range sessions {
		if s.Status != CheckoutOpen {
			continue
		}
		if _, err := p.ports.CheckoutSessions.ExpireCheckoutSession(ctx, s.ID, in.IdempotencyKey+":session"); err != nil {
			return err
		}
	}
	return nil
}

// closeSession expires a session. One that is over already can have left its PaymentIntent waiting for the customer's
// bank, and then that is canceled.
func (p *Payments) closeSession(ctx context.Context, in CloseWayInput) error {
	_, err := p.ports.CheckoutSessions.ExpireCheckoutSession(ctx, in.Way.ID, in.IdempotencyKey)
	if err != nil && closeRetryable(kindOf(err)) {
		return err
	}
	s, readErr := p.ports.CheckoutSessions.CheckoutSession(ctx, in.Way.ID)
	if readErr != nil {
		return readErr
	}
	if s.Status != CheckoutExpired || sessionReading(in.Way, s).State != WayOpen {
		return nil
	}
	_, err = p.ports.PaymentIntents.CancelPaymentIntent(ctx, s.PaymentIntent.ID, in.IdempotencyKey+":payment_intent")
	return err
}

// ReadWays reads each way as it is now. It changes nothing.
func (p *Payments) ReadWays(ctx context.Context, ways []Way) ([]WayReading, error) {
	readings := make([]WayReading, 0, len(ways))
	for _, w := range ways {
		r, err := p.readWay(ctx, w)
		if err != nil {
			return nil, applicationError(err)
		}
		readings = append(readings, r)
	}
	return readings, nil
}

func (p *Payments) readWay(ctx context.Context, w Way) (WayReading, error) {
	if w.Kind == WayCheckoutSession {
		s, err := p.ports.CheckoutSessions.CheckoutSession(ctx, w.ID)
		if err != nil {
			return WayReading{}, applicationError(err)
		}
		return sessionReading(w, s), nil
	}
	intent, err := p.ports.PaymentIntents.PaymentIntent(ctx, w.ID)
	if err != nil {
		return WayReading{}, applicationError(err)
	}
	r := intentReading(w, intent)
	if r.State == WayOpen {
		return p.readOwningSession(ctx, r)
	}
	return r, nil
}

// readOwningSession looks at an unpaid PaymentIntent's session: when that is over, the PaymentIntent is closed with it.
func (p *Payments) readOwningSession(ctx context.Context, r WayReading) (WayReading, error) {
	sessions, err := p.ports.CheckoutSessions.CheckoutSessionsByPaymentIntent(ctx, r.ID)
	if err != nil {
		return WayReading{}, applicationError(err)
	}
	for _, s := range sessions {
		if sessionReading(r.Way, s).State == WayClosed {
			r.State = WayClosed
		}
	}
	return r, nil
}

func intentReading(w Way, intent PaymentIntent) WayReading {
	r := WayReading{
		Way:           w,
		PaymentIntent: intent.ID,
		PaymentMethod: intent.PaymentMethod,
		LatestCharge:  intent.LatestCharge,
		ChargedAt:     intent.ChargedAt,
		Codes:         intent.LastError,
		NeedsCustomer: intent.Status == PaymentIntentRequiresAction,
	}
	switch intent.Status {
	case PaymentIntentSucceeded:
		r.State, r.Codes = WayPaid, Codes{}
		r.Refunded = intent.AmountRefunded >= intent.Amount
	case PaymentIntentProcessing, PaymentIntentRequiresCapture:
		r.State = WayProcessing
	case PaymentIntentCanceled:
		r.State = WayClosed
	case PaymentIntentRequiresPaymentMethod, PaymentIntentRequiresConfirmation, PaymentIntentRequiresAction:
		r.State = WayOpen
	}
	return r
}

// sessionReading judges a session with its PaymentIntent: an expired session whose PaymentIntent waits for the
// customer's bank can still be paid, so only absent, canceled and requires_payment_method count as closed.
func sessionReading(w Way, s CheckoutSession) WayReading {
	r := WayReading{Way: w, State: WayOpen}
	if s.PaymentIntent != nil {
		r = intentReading(w, *s.PaymentIntent)
	}
	if r.State == WayPaid || r.State == WayProcessing {
		return r
	}
	over := s.PaymentIntent == nil || s.PaymentIntent.Status == PaymentIntentCanceled || s.PaymentIntent.Status == PaymentIntentRequiresPaymentMethod
	switch s.Status {
	case CheckoutOpen:
		r.State = WayOpen
	case CheckoutExpired:
		r.State = WayOpen
		if over {
			r.State = WayClosed
		}
	case CheckoutComplete:
		switch {
		case s.Paid:
			r.State = WayPaid
		case s.PaymentIntent != nil && over:
			// The debit failed after the session was completed: nobody can pay in it again.
			r.State = WayClosed
		default:
			r.State = WayProcessing
		}
	}
	return r
}
