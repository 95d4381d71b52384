package workflows

import (
	"cmp"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// Events says which events a workflow tells the app about.
type Events string

// The choices of Events.
const (
	// EventsExceptions (default): messages to the customer, and what happens after something went wrong.
	EventsExceptions Events = "exceptions"
	// EventsAll: also what went well at once.
	EventsAll Events = "all"
)

// CollectPaymentInput describes one amount owed. Everything in it is frozen at start.
type CollectPaymentInput struct {
	// Reference is the caller's own id of the payment, spent for ever.
	Reference string `json:"reference"`
	// Customer is the Stripe customer, cus_….
	Customer string `json:"customer"`
	// PaymentMethod is the saved method, pm_…; empty takes the customer's default at the time of each attempt.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Amount is in minor units of Currency: 1099 is 10.99 USD.
	Amount int64 `json:"amount"`
	// Currency is an ISO 4217 code in lower case.
	Currency string `json:"currency"`
	// Due is when to charge, UTC; the zero time or one in the past is now.
	Due time.Time `json:"due,omitzero"`
	// Owner is the workflow id of the agreement or run that the payment came from; an agreement is told how the payment ends.
	Owner string `json:"owner,omitempty"`
	// AttemptOne is the first attempt when the owner made it; nil when this workflow makes it. It is not part of what a
	// repeated start is compared by.
	AttemptOne *AttemptOne `json:"attempt_one,omitempty"`
	// Description stands on the PaymentIntent and in messages to the customer.
	Description string `json:"description,omitempty"`
	// StatementSuffix is Stripe's statement_descriptor_suffix: at most 22 characters.
	StatementSuffix string `json:"statement_suffix,omitempty"`
	// Metadata is put on the PaymentIntent beside offsession's own; keys must not start with offsession_.
	Metadata map[string]string `json:"metadata,omitempty"`
	// TimeZone is the customer's IANA zone, resolved at start; empty is UTC.
	TimeZone string `json:"time_zone,omitempty"`
	// CheckoutUI is how the customer pays after a failure; empty is custom.
	CheckoutUI activities.CheckoutUI `json:"checkout_ui,omitempty"`
	// Events says what the app's webhook is told; empty is exceptions.
	Events Events `json:"events,omitempty"`
	// Policy is the dunning policy, resolved at start.
	Policy dunning.Policy `json:"policy"`
	// Carried is the state handed over by continue-as-new; nil at start.
	Carried *paymentState `json:"carried,omitempty"`
}

// AttemptOne is a first attempt that the payment's owner made: the same activity, key and frozen values, so that the
// payment goes on from its outcome.
type AttemptOne struct {
	// At is when it was made, UTC.
	At time.Time `json:"at"`
	// MessagesFrom is until when the customer is told nothing, UTC: a billing run that fails altogether must not mail everybody.
	MessagesFrom time.Time `json:"messages_from,omitzero"`
	activities.ChargeResult
}

// utc is the zone of customers whose zone nobody knows.
const utc = "UTC"

// Short leaves out what an empty field means anyway: every input stays in Temporal for months.
func (in CollectPaymentInput) Short() CollectPaymentInput {
	if in.TimeZone == utc {
		in.TimeZone = ""
	}
	if in.CheckoutUI == activities.CheckoutUICustom {
		in.CheckoutUI = ""
	}
	if in.Events == EventsExceptions {
		in.Events = ""
	}
	if in.Policy.FinalAction == dunning.FinalUncollectible {
		in.Policy.FinalAction = ""
	}
	if in.Policy.MaxAttempts == dunning.MaxAttempts {
		in.Policy.MaxAttempts = 0
	}
	return in
}

// full is the opposite of Short.
func (in CollectPaymentInput) full() CollectPaymentInput {
	in.TimeZone = cmp.Or(in.TimeZone, utc)
	in.CheckoutUI = cmp.Or(in.CheckoutUI, activities.CheckoutUICustom)
	in.Events = cmp.Or(in.Events, EventsExceptions)
	in.Policy.FinalAction = cmp.Or(in.Policy.FinalAction, dunning.FinalUncollectible)
	in.Policy.MaxAttempts = cmp.Or(in.Policy.MaxAttempts, dunning.MaxAttempts)
	return in
}

// CollectPaymentResult is how a payment ended.
type CollectPaymentResult struct {
	// State is paid, uncollectible or canceled.
	State PaymentState `json:"state"`
	// PaymentIntent is the one that paid; empty otherwise.
	PaymentIntent string `json:"payment_intent,omitempty"`
	// PaymentMethod is the one that paid, when it is another than the input's.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Attempts counts the automatic attempts.
	Attempts int `json:"attempts,omitempty"`
}

// PaymentStatus answers QueryStatus of a CollectPayment.
type PaymentStatus struct {
	Reference string       `json:"reference"`
	State     PaymentState `json:"state"`
	// Reason says why a payment needs attention; empty in other states.
	Reason        string `json:"reason,omitempty"`
	Customer      string `json:"customer"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	Description   string `json:"description,omitempty"`
	TimeZone      string `json:"time_zone"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	// Session is the open Checkout Session, if one is.
	Session string `json:"session_id,omitempty"`
	// Owner is the workflow id of the agreement or run that the payment came from; empty when it came from none.
	Owner    string    `json:"owner,omitempty"`
	Attempts []Attempt `json:"attempts"`
	Refunds  []Refund  `json:"refunds"`
	// NextActionAt is when the workflow acts next by itself, UTC; zero when it has ended.
	NextActionAt time.Time `json:"next_action_at,omitzero"`
	// Deadline is until when the customer can act, UTC; zero when the customer was not asked.
	Deadline time.Time `json:"deadline,omitzero"`
	// LinkExpires is until when a customer's link minted now is valid, UTC.
	LinkExpires time.Time `json:"link_expires"`
	// Audit is what operators asked for, oldest first.
	Audit []AuditEntry `json:"audit,omitempty"`
	// Undelivered are the messages that could not be delivered within a day, by id.
	Undelivered []string `json:"undelivered,omitempty"`
}

// Attempt is one automatic attempt and what was decided after it.
type Attempt struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	// Outcome is the charge activity's, or not_taken when a look-up found that nothing was charged.
	Outcome       activities.ChargeOutcome `json:"outcome"`
	PaymentMethod string                   `json:"payment_method,omitempty"`
	activities.Codes
	// Rule is the id of the dunning rule that decided, Explanation its sentence for people.
	Rule        string `json:"rule,omitempty"`
	Explanation string `json:"reason,omitempty"`
}

// Refund is a duplicate payment given back in full.
type Refund struct {
	PaymentIntent string `json:"payment_intent"`
	Refund        string `json:"refund,omitempty"`
	Status        string `json:"status"`
}

// AuditEntry is one thing an operator asked for, and the answer.
type AuditEntry struct {
	At     time.Time `json:"at"`
	Update string    `json:"update"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	State  string    `json:"state"`
}
