package workflows

import (
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// SetupState is where saving a payment method stands.
type SetupState string

// The states of a SavePaymentMethod.
const (
	// SetupOpen: the customer can save a method (a session is open, or the link opens one).
	SetupOpen SetupState = "open"
	// SetupVerifying: the bank or the customer still has to confirm (processing, microdeposits).
	SetupVerifying SetupState = "verifying"
	// SetupNeedsAttention: only a person can resolve it; Reason says what.
	SetupNeedsAttention SetupState = "needs_attention"
)

// The ends of a SavePaymentMethod.
const (
	SetupSaved     SetupState = "saved"
	SetupAbandoned SetupState = "abandoned"
	SetupCanceled  SetupState = "canceled"
)

// Ended reports whether the state is an end.
func (s SetupState) Ended() bool {
	return s == SetupSaved || s == SetupAbandoned || s == SetupCanceled
}

// SavePaymentMethodInput describes one payment method to save. Exactly one of Customer, AttachTo and CreateCustomer
// is set.
type SavePaymentMethodInput struct {
	// Reference is the caller's own id, spent for ever.
	Reference string `json:"reference"`
	// Customer opens the Checkout Session for this Stripe customer; Stripe attaches the method.
	Customer string `json:"customer,omitempty"`
	// AttachTo opens the session without a customer and attaches the saved method to this one afterwards.
	AttachTo string `json:"attach_to,omitempty"`
	// CreateCustomer opens the session without a customer and creates one for the saved method.
	CreateCustomer bool `json:"create_customer,omitempty"`
	// Currency is an ISO 4217 code in lower case, default usd.
	Currency string `json:"currency"`
	// PaymentMethodTypes are Stripe's, default card.
	PaymentMethodTypes []string `json:"payment_method_types"`
	// CheckoutUI is how the customer sees the session.
	CheckoutUI activities.CheckoutUI `json:"checkout_ui"`
	// KeepDefault leaves the customer's default payment method as it is; otherwise the saved method becomes it.
	KeepDefault bool `json:"keep_default,omitempty"`
	// Notify sends the customer the link and the reminders; needs Customer or AttachTo.
	Notify bool `json:"notify,omitempty"`
	// Reminders are the times of reminders, counted from the start, ascending.
	Reminders []dunning.Duration `json:"reminders,omitempty"`
	// Deadline is how long the customer has, counted from the start.
	Deadline dunning.Duration `json:"deadline"`
	// TimeZone is the customer's IANA zone, resolved at start.
	TimeZone string `json:"time_zone"`
	// Events says what the app's webhook is told.
	Events Events `json:"events"`
	// Description says what the method is for, in messages to the customer and on the page.
	Description string `json:"description,omitempty"`
	// Owner is the workflow id of the agreement that asked for the method; it is told how saving ends.
	Owner string `json:"owner,omitempty"`
	// Carried is the state handed over by continue-as-new; nil at start.
	Carried *setupState `json:"carried,omitempty"`
}

// knownCustomer is the customer that is known before the method is saved; "" when one is created.
func (in SavePaymentMethodInput) knownCustomer() string {
	if in.Customer != "" {
		return in.Customer
	}
	return in.AttachTo
}

// SavePaymentMethodResult is how saving a method ended. All but State are empty unless it was saved.
type SavePaymentMethodResult struct {
	// State is saved, abandoned or canceled.
	State         SetupState `json:"state"`
	Customer      string     `json:"customer,omitempty"`
	PaymentMethod string     `json:"payment_method,omitempty"`
	Type          string     `json:"type,omitempty"`
	Brand         string     `json:"brand,omitempty"`
	Last4         string     `json:"last4,omitempty"`
	ExpMonth      int64      `json:"exp_month,omitempty"`
	ExpYear       int64      `json:"exp_year,omitempty"`
	Mandate       string     `json:"mandate,omitempty"`
	// ConsentVersion names the consent text the customer saw on our page.
	ConsentVersion string `json:"consent_version,omitempty"`
}

// SetupStatus answers QueryStatus of a SavePaymentMethod.
type SetupStatus struct {
	Reference string `json:"reference"`
	// SavePaymentMethodResult is what is known so far.
	SavePaymentMethodResult
	// Reason says why the customer is asked again, or why a person must look; a code.
	Reason   string `json:"reason,omitempty"`
	Currency string `json:"currency"`
	TimeZone string `json:"time_zone"`
	// Description says what the method is for; may be empty.
	Description string `json:"description,omitempty"`
	// Owner is the workflow id of the agreement that asked for the method; empty when none did.
	Owner string `json:"owner,omitempty"`
	// Session is the open Checkout Session, if one is.
	Session string `json:"session_id,omitempty"`
	// NextActionAt is when the workflow acts next by itself, UTC; zero when it has ended.
	NextActionAt time.Time `json:"next_action_at,omitzero"`
	// Deadline is until when the customer can act, UTC.
	Deadline time.Time `json:"deadline"`
	// LinkExpires is until when a customer's link minted now is valid, UTC.
	LinkExpires time.Time    `json:"link_expires"`
	Audit       []AuditEntry `json:"audit,omitempty"`
	// Undelivered are the messages that could not be delivered within a day, by id.
	Undelivered []string `json:"undelivered,omitempty"`
}
