package activities

import (
	"context"
	"iter"
	"time"
)

// SubscriptionStatus is Stripe's status of a subscription.
// https://docs.stripe.com/api/subscriptions/object#subscription_object-status
type SubscriptionStatus string

// The statuses of a subscription; canceled and incomplete_expired are final.
const (
	SubscriptionIncomplete        SubscriptionStatus = "incomplete"
	SubscriptionIncompleteExpired SubscriptionStatus = "incomplete_expired"
	SubscriptionTrialing          SubscriptionStatus = "trialing"
	SubscriptionActive            SubscriptionStatus = "active"
	SubscriptionPastDue           SubscriptionStatus = "past_due"
	SubscriptionUnpaid            SubscriptionStatus = "unpaid"
	SubscriptionPaused            SubscriptionStatus = "paused"
	SubscriptionCanceled          SubscriptionStatus = "canceled"
)

// Ended reports whether the status is final.
func (s SubscriptionStatus) Ended() bool {
	return s == SubscriptionCanceled || s == SubscriptionIncompleteExpired
}

// Subscription is the part of Stripe's Subscription that offsession decides by.
type Subscription struct {
	ID       string
	Customer string
	Status   SubscriptionStatus
	// SendInvoice is collection_method=send_invoice: nothing is charged automatically.
	SendInvoice bool
	Currency    string
	// TrialEnd is trial_end; zero when there is no trial. PeriodEnd is the earliest current_period_end of its items: when
	// Stripe makes the next invoice.
	TrialEnd  time.Time
	PeriodEnd time.Time
	// CancelsAt is when it will end, by cancel_at or cancel_at_period_end; zero when it goes on.
	CancelsAt time.Time
	// DefaultPaymentMethod is the subscription's own default_payment_method, else its default_source; may be empty.
	DefaultPaymentMethod string
	// CustomerDefault is the customer's invoice_settings.default_payment_method, else its default_source; may be empty.
	CustomerDefault string
	// CustomerDeleted says that the customer does not exist any more.
	CustomerDeleted bool
	// Free says that no price of its can ever take money: each is zero, licensed and per unit.
	Free bool
	// Metered says that what was used is billed after the period, also after the last one.
	Metered bool
	// PendingSetupIntent is always read expanded; nil when there is none.
	// https://docs.stripe.com/billing/subscriptions/deferred-payment
	PendingSetupIntent *SetupIntent
	// TestClock is the frozen time of the test clock that moves the subscription; zero without one.
	TestClock time.Time
}

// Subscriptions is what the activities need of Stripe's Subscriptions. Every error is a *StripeError.
type Subscriptions interface {
	// Subscription reads one with its customer and its pending SetupIntent.
	Subscription(ctx context.Context, id string) (Subscription, error)
	// SetSubscriptionDefaultPaymentMethod writes default_payment_method.
	SetSubscriptionDefaultPaymentMethod(ctx context.Context, id, paymentMethod, idempotencyKey string) error
}

// SubscriptionLister finds subscriptions that nobody watches yet.
type SubscriptionLister interface { //nolint:iface // the Go client and its command list; activities never do
	// ListSubscriptions lists all that have not ended, newest first, page by page. Each page is one request: between two of
	// them pause is called, if it is not nil, and its error ends the sequence. The first error ends it too.
	// https://docs.stripe.com/api/subscriptions/list
	ListSubscriptions(ctx context.Context, pause func(context.Context) error) iter.Seq2[Subscription, error]
}

// InvoiceStatus is Stripe's status of an invoice. https://docs.stripe.com/api/invoices/object#invoice_object-status
type InvoiceStatus string

// The statuses of an invoice.
const (
	InvoiceDraft         InvoiceStatus = "draft"
	InvoiceOpen          InvoiceStatus = "open"
	InvoicePaid          InvoiceStatus = "paid"
	InvoiceUncollectible InvoiceStatus = "uncollectible"
	InvoiceVoid          InvoiceStatus = "void"
)

// Invoice is the part of Stripe's Invoice that offsession decides by. It has no hosted_invoice_url: whoever shows the
// invoice reads that from Stripe.
type Invoice struct {
	ID     string
	Status InvoiceStatus
	// AmountDue is what the invoice takes of a payment method, in minor units of Currency, after credit and coupons.
	AmountDue int64
	Currency  string
	// Attempted says that Stripe has tried to collect it at least once.
	Attempted bool
	// NextPaymentAttempt is when Stripe tries next; zero when it does not.
	NextPaymentAttempt time.Time
	// PaidAt is when it was paid; zero when it is not.
	PaidAt time.Time
	// Payment is the status of its newest PaymentIntent; empty when there is none, and in lists.
	Payment PaymentIntentStatus
}

// Invoices is what the activities read of Stripe's Invoices. Nothing here pays one. Every error is a *StripeError.
type Invoices interface {
	// SubscriptionInvoices lists the subscription's newest 100 invoices, newest first.
	// https://docs.stripe.com/api/invoices/list
	SubscriptionInvoices(ctx context.Context, subscription string) ([]Invoice, error)
	// Invoice reads one with the status of its payment.
	Invoice(ctx context.Context, id string) (Invoice, error)
}
