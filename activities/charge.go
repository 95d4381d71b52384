package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
)

// KeyTrust is how long after its first send a request may be repeated under the same idempotency key. Stripe keeps
// keys for at least 24 h; the margin covers a slow last try. https://docs.stripe.com/api/idempotent_requests
const KeyTrust = 20 * time.Hour

// SettleTime is how long Stripe may still be executing a request whose answer was lost.
const SettleTime = 10 * time.Minute

// readTimeout bounds the reads before a send, so that one try of the activity fits into its start-to-close time.
const readTimeout = 8 * time.Second

// Codes that offsession gives an attempt for which Stripe has none.
const (
	// CodeNoPaymentMethod: the customer has no default payment method; nothing was sent.
	CodeNoPaymentMethod = "no_payment_method"
	// CodePaymentMethodUnusable: the method is detached, belongs to another customer or does not exist. The decline code
	// names the case that the method is there, and the permission to charge it is not.
	CodePaymentMethodUnusable = "payment_method_unusable"
	// CodeUnknown: nobody can tell what the issuer said.
	CodeUnknown = "unknown"
	// CodeCustomerMissing: the customer of a billing run's row does not exist, or was deleted; nothing was charged.
	CodeCustomerMissing = "customer_missing"
	// CodeInvalidRequest: Stripe called the request for a billing run's row invalid, without a code; nothing was charged.
	CodeInvalidRequest = "invalid_request"
	// CodeReferenceConflict: the reference of a billing run's row was used before with another customer, amount or currency.
	CodeReferenceConflict = "reference_conflict"
	// CodePaymentEnded: a billing run's row could not be handed over, because the payment with its reference has ended.
	CodePaymentEnded = "payment_ended"
	// CodePaymentLost: a billing run's row could not be handed over, because the payment with its reference was terminated, or failed.
	CodePaymentLost = "payment_lost"
)

// ChargeInput is one automatic attempt. It is frozen before the first send: nothing in it comes from configuration,
// the clock or whoever sends it.
type ChargeInput struct {
	Reference string `json:"reference"`
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Owner is the agreement or run that the payment came from.
	Owner    string `json:"owner,omitempty"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Customer string `json:"customer"`
	// PaymentMethod is empty for the customer's default, resolved before the first send.
	PaymentMethod   string            `json:"payment_method,omitempty"`
	Description     string            `json:"description,omitempty"`
	StatementSuffix string            `json:"statement_suffix,omitempty"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	// PaymentIntent is the one to confirm; empty creates one.
	PaymentIntent string `json:"payment_intent,omitempty"`
	// LookBack asks first whether the reference was used before: nothing is sent when it was.
	LookBack bool `json:"look_back,omitempty"`
	// HoldIfDisputed sends nothing when a payment of the same owner is disputed, except those in Acknowledged: a lost
	// webhook must not hide a dispute.
	HoldIfDisputed bool `json:"hold_if_disputed,omitempty"`
	// Acknowledged are PaymentIntents whose dispute an operator knows of.
	Acknowledged []string `json:"acknowledged,omitempty"`
	// AcknowledgedBefore stands for all that were created before it.
	AcknowledgedBefore time.Time `json:"acknowledged_before,omitzero"`
	// Closed are PaymentIntents with this reference that are known to be closed; the look-back leaves them out.
	Closed []string `json:"closed,omitempty"`
}

// IdempotencyKey is the attempt's key: the same for every send of this attempt, whoever sends it, and for no other.
func (in ChargeInput) IdempotencyKey() string {
	return fmt.Sprintf("payment:%s:charge:%d", in.Reference, in.Attempt)
}

// ChargeResult is what became of an attempt.
type ChargeResult struct {
	Outcome       ChargeOutcome `json:"outcome"`
	PaymentIntent string        `json:"payment_intent,omitempty"`
	// PaymentMethod is the one that was charged, or would have been; empty for a success with the input's.
	PaymentMethod string `json:"payment_method,omitempty"`
	// PaymentMethodStamp identifies the card data that failed; empty after a success.
	PaymentMethodStamp string `json:"payment_method_stamp,omitempty"`
	LatestCharge       string `json:"latest_charge,omitempty"`
	Codes
	// Disputed are the PaymentIntents that hold the charge, with ChargeHeld.
	Disputed []string `json:"disputed,omitempty"`
	// Adopted says that a look-back found the reference used before: this attempt sent nothing.
	Adopted bool `json:"adopted,omitempty"`
	// Canceled says of a decline that a look-up found that the PaymentIntent was canceled after it.
	Canceled bool `json:"canceled,omitempty"`
	// FirstSentAt is set with ChargeUnknown: when this attempt was first sent, UTC.
	FirstSentAt time.Time `json:"first_sent_at,omitzero"`
}

// chargeProgress travels in heartbeats, so that a repeated activity sends the very same attempt.
type chargeProgress struct {
	PaymentMethod string    `json:"payment_method,omitempty"`
	FirstSentAt   time.Time `json:"first_sent_at,omitzero"`
	LookedBack    bool      `json:"looked_back,omitempty"`
	// Unsent counts the runs of the activity, from the first on, of which every one has sent nothing.
	Unsent int32 `json:"unsent,omitempty"`
	// AskedAt is when the first of them asked what must be known before anything is sent.
	AskedAt time.Time `json:"asked_at,omitzero"`
}

// Charge asks Stripe, once, to take the amount off-session: it creates and confirms a PaymentIntent, or confirms the
// one named.
//
// Running it again is safe: Stripe sees the same key, and answers the same. A decline is a result. It returns
// ChargeUnknown, and leaves the rest to a look-up, when the key must not be used any more: 20 h after the first send,
// after a stored fault, and when the key was sent before with other values. Errors: ErrorStripeUnavailable and
// ErrorStripeRateLimited are retried; ErrorStripeUnauthorized, ErrorStripeInvalid and ErrorCustomerMissing are final,
// and nothing was charged.
func (p *Payments) Charge(ctx context.Context, in ChargeInput) (ChargeResult, error) {
	beat := func(progress chargeProgress) { activity.RecordHeartbeat(ctx, progress) }
	a := attempt{
		ports:    &p.ports,
		in:       in,
		progress: heldProgress(ctx, in),
		run:      activity.GetInfo(ctx).Attempt,
		sending: func(progress chargeProgress) bool {
			if in.PaymentMethod == "" {
				// A method named in the input is frozen already. The default is frozen here: a repeat must not resolve it anew.
				beat(progress)
			}
			return true
		},
		record: beat,
	}
	res, err := a.make(ctx)
	if err != nil {
		return ChargeResult{}, applicationError(err)
	}
	return res, nil
}

// heldProgress is what earlier runs of this activity task have done. Unless the run before this one said that nothing
// was sent so far, something may have been: the scheduled time stands for the first send, which errs on the safe side.
func heldProgress(ctx context.Context, in ChargeInput) chargeProgress {
	progress := chargeProgress{}
	info := activity.GetInfo(ctx)
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &progress) != nil {
		progress = chargeProgress{FirstSentAt: info.ScheduledTime}
	}
	if progress.FirstSentAt.IsZero() && progress.Unsent != info.Attempt-1 {
		progress.FirstSentAt = info.ScheduledTime
	}
	progress.Unsent = 0
	if in.PaymentMethod != "" {
		progress.PaymentMethod = in.PaymentMethod
	}
	return progress
}

// shorten leaves out of a success what the input says and what only matters after a failure: most payments succeed at
// once, and each result stays in Temporal for months.
func (in ChargeInput) shorten(res ChargeResult) ChargeResult {
	if res.Outcome != ChargeSucceeded {
		return res
	}
	res.LatestCharge = ""
	if res.PaymentMethod == in.PaymentMethod {
		res.PaymentMethod = ""
	}
	return res
}

// resultOf reads the outcome off a PaymentIntent that Stripe answered with. Off-session, a 200 that is neither
// succeeded nor processing took no money.
func resultOf(intent PaymentIntent, method string) ChargeResult {
	res := ChargeResult{PaymentIntent: intent.ID, PaymentMethod: method, LatestCharge: intent.LatestCharge}
	switch intent.Status {
	case PaymentIntentSucceeded:
		res.Outcome = ChargeSucceeded
	case PaymentIntentProcessing, PaymentIntentRequiresCapture:
		res.Outcome = ChargeProcessing
	case PaymentIntentRequiresAction:
		res.Outcome, res.Codes = ChargeNeedsCustomer, Codes{Code: codeAuthenticationRequired}
	case PaymentIntentCanceled:
		res.Outcome = ChargeCanceled
	case PaymentIntentRequiresPaymentMethod, PaymentIntentRequiresConfirmation:
		res.Outcome, res.Codes = declineOutcome(intent.LastError), intent.LastError
		res.PaymentMethodStamp = intent.PaymentMethodStamp
	}
	return res
}

// mandateGone are Stripe's codes for a method whose mandate is not active any more. https://docs.stripe.com/error-codes
var mandateGone = []string{"payment_intent_mandate_invalid", "india_recurring_payment_mandate_canceled"}

const (
	codeAuthenticationRequired   = "authentication_required"
	codeAuthenticationNotHandled = "authentication_not_handled"
)

func declineOutcome(c Codes) ChargeOutcome {
	if isAuthentication(c) {
		return ChargeNeedsCustomer
	}
	return ChargeDeclined
}

// isAuthentication reports whether the bank asked for the customer. Such a refusal makes no charge.
func isAuthentication(c Codes) bool {
	return c.Code == codeAuthenticationRequired || c.DeclineCode == codeAuthenticationRequired || c.DeclineCode == codeAuthenticationNotHandled
}
