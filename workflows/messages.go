package workflows

import "time"

// SignalStripeEvent tells a running workflow that Stripe reported something about one of its objects. It is a hint:
// the workflow re-reads the object. A second delivery of the same event id changes nothing.
const SignalStripeEvent = "stripe_event"

// StripeEvent is the argument of SignalStripeEvent.
type StripeEvent struct {
	// ID is the event's id, evt_….
	ID string `json:"id"`
	// Type is the event's type, such as payment_intent.succeeded.
	Type string `json:"type"`
	// ObjectID is the id of the event's data.object.
	ObjectID string `json:"object_id"`
	// DelayMinutes spreads several open payments of one customer: an attempt that this event triggers waits so long.
	DelayMinutes int `json:"delay_minutes,omitempty"`
}

// SignalPaymentEnded tells an agreement that a payment of its has ended. It comes from that payment's workflow, by one
// activity; a second delivery changes nothing.
const SignalPaymentEnded = "payment_ended"

// PaymentEnded is the argument of SignalPaymentEnded.
type PaymentEnded struct {
	// Reference is the payment's.
	Reference string `json:"reference"`
	// State is paid, uncollectible or canceled.
	State PaymentState `json:"state"`
	// PaymentIntent is the one that paid.
	PaymentIntent string `json:"payment_intent,omitempty"`
	// PaymentMethod is the one that paid, when it is another than the payment was started with.
	PaymentMethod string `json:"payment_method,omitempty"`
	// DeclineCode is the last attempt's; empty when paid.
	DeclineCode string `json:"decline_code,omitempty"`
}

// SignalPaymentMethodSaved tells an agreement how the SavePaymentMethod that it started has ended. A second delivery
// changes nothing.
const SignalPaymentMethodSaved = "payment_method_saved"

// PaymentMethodSaved is the argument of SignalPaymentMethodSaved.
type PaymentMethodSaved struct {
	// Reference is the SavePaymentMethod's.
	Reference string `json:"reference"`
	// State is saved, abandoned or canceled.
	State SetupState `json:"state"`
	// PaymentMethod is the one that was saved.
	PaymentMethod string `json:"payment_method,omitempty"`
}

// QueryStatus answers the workflow's status: PaymentStatus, SetupStatus, AgreementStatus or SubscriptionStatus.
const QueryStatus = "status"

// The Updates. Each is answered when it is done, or with pending after 20 s when Stripe has not answered by then.
const (
	// UpdateOpenCheckout (all that a customer can act on) answers a Checkout Session in which the customer can act, opening
	// one when none is open. A second call while it is open answers the same session. A subscription may answer its pending
	// SetupIntent or an open invoice instead.
	UpdateOpenCheckout = "open_checkout"
	// UpdateCancel (all workflows) closes every way to pay or to save, and ends as canceled. Of a subscription it ends the
	// watch only, as ended: the subscription and its pending SetupIntent stay.
	UpdateCancel = "cancel"
	// UpdateRetry (payments) makes the next attempt now.
	UpdateRetry = "retry"
	// UpdateReschedule (payments) moves the next automatic attempt.
	UpdateReschedule = "reschedule"
	// UpdateChangePaymentMethod (payments, agreements) puts another saved method in place.
	UpdateChangePaymentMethod = "change_payment_method"
	// UpdateWriteOff (payments) closes every way to pay, and ends as uncollectible.
	UpdateWriteOff = "write_off"
)

// RefusedError is the type of the application error with which an Update is refused. Its message says why.
const RefusedError = "offsession.Refused"

// OpenCheckoutRequest is the argument of UpdateOpenCheckout.
type OpenCheckoutRequest struct {
	// ConsentVersion names the version of the consent text that the page showed; empty when it was not our page.
	ConsentVersion string `json:"consent_version,omitempty"`
}

// CheckoutAnswer says what a customer's press on the button led to.
type CheckoutAnswer string

// The answers of UpdateOpenCheckout.
const (
	// CheckoutReady: the session, SetupIntent or invoice named is open.
	CheckoutReady CheckoutAnswer = "open"
	// CheckoutBusy: an automatic attempt runs at this moment; ask again in a second. Of a subscription: Stripe is about to
	// collect the invoice itself; ask again in some minutes.
	CheckoutBusy CheckoutAnswer = "busy"
	// CheckoutPending: Stripe has not answered yet; ask again.
	CheckoutPending CheckoutAnswer = "pending"
	// CheckoutProcessing: the bank is working on a payment; nothing to do.
	CheckoutProcessing CheckoutAnswer = "processing"
	// CheckoutDone: paid or saved already.
	CheckoutDone CheckoutAnswer = "done"
	// CheckoutClosed: the workflow has ended otherwise, or a person must look at it first.
	CheckoutClosed CheckoutAnswer = "closed"
)

// OpenCheckoutResponse answers UpdateOpenCheckout.
type OpenCheckoutResponse struct {
	Answer CheckoutAnswer `json:"answer"`
	// With CheckoutReady one of the next three is set: SessionID, or a subscription's pending SetupIntent, to be confirmed in
	// the browser, or its open Invoice, to be paid on Stripe's page.
	SessionID   string `json:"session_id,omitempty"`
	SetupIntent string `json:"setup_intent,omitempty"`
	Invoice     string `json:"invoice,omitempty"`
	// State is the workflow's state.
	State string `json:"state"`
}

// Operation is the argument of the operators' Updates.
type Operation struct {
	// Actor is who asks, 1 to 80 characters; no personal data beyond that.
	Actor string `json:"actor"`
	// Reason is why, 1 to 200 characters, without personal data.
	Reason string `json:"reason"`
	// Due is the new time of UpdateReschedule, UTC.
	Due time.Time `json:"due,omitzero"`
	// PaymentMethod is the new method of UpdateChangePaymentMethod.
	PaymentMethod string `json:"payment_method,omitempty"`
}

// OperationResponse answers the operators' Updates.
type OperationResponse struct {
	// State is the workflow's state after the Update.
	State string `json:"state"`
	// Pending says that Stripe has not answered within 20 s, or cannot yet: what was asked for goes on.
	Pending bool `json:"pending,omitempty"`
}
