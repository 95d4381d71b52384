package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// SubscriptionState is where a subscription stands on its way to being chargeable.
type SubscriptionState string

// The states of a DeferredSubscription.
const (
	// SubscriptionNoActionNeeded: Stripe can charge it, and the customer never had to do anything; or there is nothing to charge.
	SubscriptionNoActionNeeded SubscriptionState = "no_action_needed"
	// SubscriptionRequiresAction: the customer must confirm the payment method with the bank.
	SubscriptionRequiresAction SubscriptionState = "requires_action"
	// SubscriptionRequiresPaymentMethod: the customer must give a payment method.
	SubscriptionRequiresPaymentMethod SubscriptionState = "requires_payment_method"
	// SubscriptionProcessing: the bank is confirming the payment method, or a payment.
	SubscriptionProcessing SubscriptionState = "processing"
	// SubscriptionReady: the customer has done what was needed; its first invoice above zero is awaited.
	SubscriptionReady SubscriptionState = "ready"
	// SubscriptionAtRisk: the subscription may be lost; Reason says why. What the customer can do is Need.
	SubscriptionAtRisk SubscriptionState = "at_risk"
)

// The ends of a DeferredSubscription.
const (
	// SubscriptionReadyAndPaid: its first invoice above zero is paid. From here on it is Stripe's alone.
	SubscriptionReadyAndPaid SubscriptionState = "ready_and_paid"
	// SubscriptionEnded: the subscription has ended, or nobody wants it watched any more; Reason says which.
	SubscriptionEnded SubscriptionState = "ended"
)

// Ended reports whether the state is an end.
func (s SubscriptionState) Ended() bool {
	return s == SubscriptionReadyAndPaid || s == SubscriptionEnded
}

// The reasons for which a subscription is at risk or has ended. Stripe's own codes and the reasons of payments
// (stripe_unauthorized, …) are used beside them.
const (
	// SubscriptionReasonTrialEnding: the trial ends within the policy's days, and Stripe cannot charge yet.
	SubscriptionReasonTrialEnding = "trial_ending"
	// SubscriptionReasonInvoiceUnpaid: Stripe could not collect an invoice.
	SubscriptionReasonInvoiceUnpaid = "invoice_unpaid"
	// SubscriptionReasonPaused: the trial ended without a payment method, and Stripe has paused the subscription; only the
	// app can resume it.
	SubscriptionReasonPaused = "paused"
	// SubscriptionReasonCanceling: the subscription will end with its period, and nothing is asked for any more.
	SubscriptionReasonCanceling = "canceling"
	// SubscriptionReasonCanceled, SubscriptionReasonIncompleteExpired and SubscriptionReasonMissing are why a watch ended: the
	// subscription's status, or Stripe does not know it any more.
	SubscriptionReasonCanceled          = "canceled"
	SubscriptionReasonIncompleteExpired = "incomplete_expired"
	SubscriptionReasonMissing           = "missing"
	// SubscriptionReasonUnwatched: somebody has ended the watch; the subscription goes on.
	SubscriptionReasonUnwatched = "unwatched"
)

// SubscriptionNeed is what a subscription waits for, whatever its state.
type SubscriptionNeed string

// The needs of a subscription; empty is none.
const (
	// NeedConfirmation: the customer confirms the pending SetupIntent with the bank.
	NeedConfirmation SubscriptionNeed = "confirmation"
	// NeedPaymentMethod: the customer saves a payment method.
	NeedPaymentMethod SubscriptionNeed = "payment_method"
	// NeedBank: the bank works on it; nobody can do anything.
	NeedBank SubscriptionNeed = "bank"
	// NeedInvoicePaid: the customer pays the open invoice on Stripe's page.
	NeedInvoicePaid SubscriptionNeed = "invoice_paid"
)

// DefaultOn says where a new payment method becomes the default.
type DefaultOn string

// The choices of DefaultOn.
const (
	// DefaultOnSubscription (default) writes subscription.default_payment_method.
	DefaultOnSubscription DefaultOn = "subscription"
	// DefaultOnCustomer writes customer.invoice_settings.default_payment_method, and the subscription's own as well when it
	// has one: Stripe looks there first.
	DefaultOnCustomer DefaultOn = "customer"
)

// DeferredSubscriptionInput describes one subscription to watch. In memos a missing field means its default.
type DeferredSubscriptionInput struct {
	// Reference is the subscription's id, sub_….
	Reference string `json:"reference"`
	// Customer is its customer, cus_….
	Customer  string    `json:"customer"`
	DefaultOn DefaultOn `json:"default_on,omitempty"`
	// PaymentMethodTypes are those that the customer can save; empty is card.
	PaymentMethodTypes []string `json:"payment_method_types,omitempty"`
	// CheckoutUI is how the customer saves a method; empty is custom.
	CheckoutUI activities.CheckoutUI `json:"checkout_ui,omitempty"`
	// TimeZone is the customer's IANA zone, resolved at start; empty is UTC.
	TimeZone string `json:"time_zone,omitempty"`
	// Description says what the subscription is, in messages to the customer and on the page.
	Description string `json:"description,omitempty"`
	// Policy says when the customer is reminded, and when the subscription is at risk.
	Policy dunning.SubscriptionPolicy `json:"policy"`
	// Carried is the state handed over by continue-as-new; nil at start.
	Carried *subscriptionState `json:"carried,omitempty"`
}

// Short leaves out what an empty field means anyway.
func (in DeferredSubscriptionInput) Short() DeferredSubscriptionInput {
	in.DefaultOn = leaveOut(in.DefaultOn, DefaultOnSubscription)
	in.CheckoutUI = leaveOut(in.CheckoutUI, activities.CheckoutUICustom)
	in.TimeZone = leaveOut(in.TimeZone, utc)
	if slices.Equal(in.PaymentMethodTypes, []string{defaultMethodType}) {
		in.PaymentMethodTypes = nil
	}
	return in
}

// full is the opposite of Short.
func (in DeferredSubscriptionInput) full() DeferredSubscriptionInput {
	in.DefaultOn = cmp.Or(in.DefaultOn, DefaultOnSubscription)
	in.CheckoutUI = cmp.Or(in.CheckoutUI, activities.CheckoutUICustom)
	in.TimeZone = cmp.Or(in.TimeZone, utc)
	if len(in.PaymentMethodTypes) == 0 {
		in.PaymentMethodTypes = []string{defaultMethodType}
	}
	return in
}

// DeferredSubscriptionResult is how watching a subscription ended.
type DeferredSubscriptionResult struct {
	// State is ready_and_paid or ended.
	State SubscriptionState `json:"state"`
	// Reason is a code; empty for ready_and_paid.
	Reason string `json:"reason,omitempty"`
	// PaymentMethod is the default that Stripe charges, as last read.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Invoice is the invoice that was paid.
	Invoice string `json:"invoice,omitempty"`
	// SetupIntents are the pending SetupIntents that were seen, with the status in which each was left.
	SetupIntents []SubscriptionSetup `json:"setup_intents,omitempty"`
}

// SubscriptionSetup is a pending SetupIntent of the subscription.
type SubscriptionSetup struct {
	ID string `json:"id"`
	// Status is as last read; empty when Stripe does not know it any more.
	Status activities.SetupIntentStatus `json:"status,omitempty"`
}

// SubscriptionStatus answers QueryStatus of a DeferredSubscription.
type SubscriptionStatus struct {
	// Reference is the subscription's id.
	Reference string            `json:"reference"`
	State     SubscriptionState `json:"state"`
	// Reason is a code: why it is at risk, has ended, or why the customer was asked (again).
	Reason string `json:"reason,omitempty"`
	// Need is what the subscription waits for; empty when nothing.
	Need     SubscriptionNeed `json:"need,omitempty"`
	Customer string           `json:"customer"`
	// Status is Stripe's, as read at ReadAt; so are the next fields.
	Status activities.SubscriptionStatus `json:"status,omitempty"`
	// Ready says whether the app should give access, as of ReadAt.
	Ready              bool                         `json:"ready"`
	PendingSetupIntent string                       `json:"pending_setup_intent,omitempty"`
	SetupIntentStatus  activities.SetupIntentStatus `json:"setup_intent_status,omitempty"`
	// PaymentMethod is the default that Stripe would charge: the subscription's own, or the customer's.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Invoice is the open invoice above zero, if one is; Amount is what it takes, in minor units of Currency.
	Invoice  string `json:"invoice,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	// NextPaymentAttempt is when Stripe itself tries to collect Invoice next, UTC; zero when it does not.
	NextPaymentAttempt time.Time `json:"next_payment_attempt,omitzero"`
	// TrialEnd and PeriodEnd are Stripe's, UTC; zero when there is none.
	TrialEnd  time.Time `json:"trial_end,omitzero"`
	PeriodEnd time.Time `json:"period_end,omitzero"`
	// CancelsAt is when Stripe will end the subscription, UTC; zero when it goes on.
	CancelsAt time.Time `json:"cancels_at,omitzero"`
	ReadAt    time.Time `json:"read_at,omitzero"`

	DefaultOn   DefaultOn `json:"default_on"`
	TimeZone    string    `json:"time_zone"`
	Description string    `json:"description,omitempty"`
	// Session is the open Checkout Session, if one is.
	Session string `json:"session_id,omitempty"`
	// AskedAt is when the customer was asked for Need, Messages how often since then (reminders included).
	// NextMessageAt is when the customer is told or reminded next, if it is not done by then, UTC; zero when never.
	AskedAt       time.Time `json:"asked_at,omitzero"`
	Messages      int       `json:"messages,omitempty"`
	NextMessageAt time.Time `json:"next_message_at,omitzero"`
	// SetupIntents are the pending SetupIntents seen so far.
	SetupIntents []SubscriptionSetup `json:"setup_intents,omitempty"`
	// Steps are the last changes of state, oldest first.
	Steps []SubscriptionStep `json:"steps"`
	// NextActionAt is when the workflow acts next by itself, UTC; zero when it has ended.
	NextActionAt time.Time `json:"next_action_at,omitzero"`
	// LinkExpires is until when a customer's link minted now is valid, UTC.
	LinkExpires time.Time    `json:"link_expires"`
	Audit       []AuditEntry `json:"audit,omitempty"`
	// Undelivered are the messages that could not be delivered within a day, by id.
	Undelivered []string `json:"undelivered,omitempty"`
}

// SubscriptionStep is one change of state, for people.
type SubscriptionStep struct {
	At     time.Time         `json:"at"`
	State  SubscriptionState `json:"state"`
	Reason string            `json:"reason,omitempty"`
	// Need is what the subscription waited for then.
	Need SubscriptionNeed `json:"need,omitempty"`
}
