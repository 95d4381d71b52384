package activities

import (
	"context"
	"time"
)

// NotificationKind names a message to the customer or an event for the app.
type NotificationKind string

// Messages to the customer: by e-mail when SMTP is configured, and as data to the app's webhook.
const (
	NotifySetupLink             NotificationKind = "setup_link"
	NotifySetupReminder         NotificationKind = "setup_reminder"
	NotifyPaymentRetryScheduled NotificationKind = "payment_retry_scheduled"
	NotifyPaymentActionRequired NotificationKind = "payment_action_required"
	NotifyPaymentMethodNeeded   NotificationKind = "payment_method_needed"
	NotifyPaymentRecovered      NotificationKind = "payment_recovered"
	NotifyPaymentUncollectible  NotificationKind = "payment_uncollectible"
	// NotifyUpcomingCharge tells the customer what an agreement will charge, and when.
	NotifyUpcomingCharge NotificationKind = "upcoming_charge"
	// NotifyCardExpiring asks for a new payment method, since the present one expires before the next charge. Its link
	// leads to saving one.
	NotifyCardExpiring NotificationKind = "card_expiring"
	// NotifySubscriptionActionRequired asks the customer to confirm, with the bank, the method that a subscription will charge.
	NotifySubscriptionActionRequired NotificationKind = "subscription_action_required"
	// NotifySubscriptionPaymentMethodNeeded asks for a payment method for a subscription.
	NotifySubscriptionPaymentMethodNeeded NotificationKind = "subscription_payment_method_needed"
	// NotifySubscriptionInvoiceUnpaid sends the customer to an invoice that Stripe could not collect.
	NotifySubscriptionInvoiceUnpaid NotificationKind = "subscription_invoice_unpaid"
)

// Events for the app alone: to its webhook, never to the customer. (payment_uncollectible is both: the customer
// message above is the event.)
const (
	NotifyCardSaved         NotificationKind = "card_saved"
	NotifyPaymentPaid       NotificationKind = "payment_paid"
	NotifyPaymentProcessing NotificationKind = "payment_processing"
	// NotifyAgreementPaused: an agreement is paused or needs a person; Reason says why.
	NotifyAgreementPaused NotificationKind = "agreement_paused"
	// NotifyAgreementEnded: an agreement is completed or canceled.
	NotifyAgreementEnded NotificationKind = "agreement_ended"
	// NotifySubscriptionReady: a subscription that had to wait for its customer can be charged.
	NotifySubscriptionReady NotificationKind = "subscription_ready"
	// NotifySubscriptionAtRisk: a subscription may be lost, or only a person can go on; Reason says why.
	NotifySubscriptionAtRisk NotificationKind = "subscription_at_risk"
	// NotifyRunCompleted: a billing run is completed or canceled; its report is written.
	NotifyRunCompleted NotificationKind = "run_completed"
	// NotifyRunPaused: a billing run has paused itself, or needs a person; Reason says why.
	NotifyRunPaused NotificationKind = "run_paused"
	// NotifyRunNotStarted: a schedule could not start a billing run; Reason says why. It pauses, unless it is told not to.
	NotifyRunNotStarted NotificationKind = "run_not_started"
)

// ForCustomer reports whether the kind is a message to the customer, as opposed to an event for the app alone.
func (k NotificationKind) ForCustomer() bool {
	switch k {
	case NotifySetupLink, NotifySetupReminder, NotifyPaymentRetryScheduled, NotifyPaymentActionRequired,
		NotifyPaymentMethodNeeded, NotifyPaymentRecovered, NotifyPaymentUncollectible, NotifyUpcomingCharge, NotifyCardExpiring,
		NotifySubscriptionActionRequired, NotifySubscriptionPaymentMethodNeeded, NotifySubscriptionInvoiceUnpaid:
		return true
	case NotifyCardSaved, NotifyPaymentPaid, NotifyPaymentProcessing, NotifyAgreementPaused, NotifyAgreementEnded,
		NotifySubscriptionReady, NotifySubscriptionAtRisk, NotifyRunCompleted, NotifyRunPaused, NotifyRunNotStarted:
		return false
	}
	return false
}

// Notification is one message or event as it stands in history: ids, codes, amounts and times only. Addresses and
// links are added by the notifier when it sends.
type Notification struct {
	// ID is stable per (workflow, kind, attempt): a repeated delivery has the same one.
	ID         string           `json:"id"`
	Kind       NotificationKind `json:"kind"`
	WorkflowID string           `json:"workflow_id"`
	Reference  string           `json:"reference"`
	Customer   string           `json:"customer,omitempty"`
	// At is when the workflow decided to send it, UTC.
	At    time.Time `json:"at"`
	State string    `json:"state"`
	// Amount is in minor units of Currency; 0 for messages about saving a card, and while nobody knows it yet.
	Amount        int64  `json:"amount,omitempty"`
	Currency      string `json:"currency,omitempty"`
	Description   string `json:"description,omitempty"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	// Owner is the workflow id of the agreement that the payment, or the wish for a payment method, came from, or the id of the
	// schedule that wanted a run.
	Owner string `json:"owner,omitempty"`
	// Attempt is the charge attempt the message is about; 0 when none.
	Attempt     int    `json:"attempt,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	// Reason is why an agreement is paused or ended, or a subscription is at risk, a code.
	Reason string `json:"reason,omitempty"`
	// DueAt is when an agreement's next charge is due, UTC.
	DueAt time.Time `json:"due_at,omitzero"`
	// Brand, Last4, ExpMonth and ExpYear describe the card that expires or is charged.
	Brand    string `json:"brand,omitempty"`
	Last4    string `json:"last4,omitempty"`
	ExpMonth int64  `json:"exp_month,omitempty"`
	ExpYear  int64  `json:"exp_year,omitempty"`
	// Generic asks for wording that does not name the reason (suspected fraud).
	Generic bool `json:"generic,omitempty"`
	// NextAttemptAt is when the next automatic attempt is due, UTC; zero when none is.
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	// Deadline is until when the customer can act, UTC; zero when there is none.
	Deadline time.Time `json:"deadline,omitzero"`
	// TimeZone is the customer's IANA zone, for times in the text.
	TimeZone string `json:"time_zone,omitempty"`
	// TrialEnd is when a subscription's trial ends, UTC; zero when there is none, or it is over.
	TrialEnd time.Time `json:"trial_end,omitzero"`
	// Reminder says that the customer has been asked for the same before.
	Reminder bool `json:"reminder,omitempty"`
	// AppOnly keeps a message that is also an event from the customer, who has not heard of the matter.
	AppOnly bool `json:"app_only,omitempty"`
	// Link asks for the customer's durable link in the message.
	Link bool `json:"link,omitempty"`
	// LinkExpires is until when that link is valid, UTC.
	LinkExpires time.Time `json:"link_expires,omitzero"`
}

// Notifier delivers a notification over one channel (log, e-mail, signed webhook).
type Notifier interface {
	// Channel names the channel; it is recorded so that a repeated activity skips what was delivered.
	Channel() string
	// Deliver sends n, or does nothing when n is not for this channel. Errors: *UndeliverableError when trying again
	// cannot help (no address, refused by the receiver); anything else is retried.
	Deliver(ctx context.Context, n Notification) error
}

// UndeliverableError says that a notification cannot be delivered, whatever is tried. Reason is a code or short text
// without personal data.
type UndeliverableError struct {
	Reason string
}

// Error gives the reason.
func (e *UndeliverableError) Error() string { return "undeliverable: " + e.Reason }
