package activities

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// SubscriptionReader is what reading a subscription asks Stripe for. Every error is a *StripeError.
type SubscriptionReader interface {
	Subscription(ctx context.Context, id string) (Subscription, error)
	SubscriptionInvoices(ctx context.Context, subscription string) ([]Invoice, error)
	Invoice(ctx context.Context, id string) (Invoice, error)
	// SetupIntentsOf lists the newest 100 SetupIntents of the customer for this payment method, newest first.
	SetupIntentsOf(ctx context.Context, customer, paymentMethod string) ([]SetupIntent, error)
}

// SubscriptionReading is a subscription with all that decides whether it can be charged, as Stripe shows it now.
type SubscriptionReading struct {
	Status SubscriptionStatus `json:"status"`
	// Missing says that Stripe does not know the subscription (any more).
	Missing         bool   `json:"missing,omitempty"`
	Customer        string `json:"customer,omitempty"`
	CustomerDeleted bool   `json:"customer_deleted,omitempty"`
	Currency        string `json:"currency,omitempty"`
	SendInvoice     bool   `json:"send_invoice,omitempty"`
	Free            bool   `json:"free,omitempty"`
	Metered         bool   `json:"metered,omitempty"`
	// OnTestClock says that its times are those of a test clock.
	OnTestClock bool `json:"on_test_clock,omitempty"`
	// TrialEnd and PeriodEnd are UTC; those of a subscription on a test clock are moved so that they are as far from now as
	// they are from the clock.
	TrialEnd  time.Time `json:"trial_end,omitzero"`
	PeriodEnd time.Time `json:"period_end,omitzero"`
	// CancelsAt is when the subscription will end, UTC; zero when it goes on. Moved like TrialEnd on a test clock.
	CancelsAt time.Time `json:"cancels_at,omitzero"`
	// PaymentMethod is the default that Stripe would charge: the subscription's own, else the customer's. Own says that it
	// is the subscription's own.
	PaymentMethod string `json:"payment_method,omitempty"`
	Own           bool   `json:"own,omitempty"`
	// SetupIntent is pending_setup_intent; SetupStatus, NextAction (next_action.type) and Codes (last_setup_error) are its.
	SetupIntent string            `json:"setup_intent,omitempty"`
	SetupStatus SetupIntentStatus `json:"setup_status,omitempty"`
	NextAction  string            `json:"next_action,omitempty"`
	Codes
	// SetupMethod is the payment method that SetupIntent is for; empty while it has none.
	SetupMethod string `json:"setup_method,omitempty"`
	// RefusedMethod is the payment method of last_setup_error.
	RefusedMethod string `json:"refused_method,omitempty"`
	// OwnSetup says that a SetupIntent of offsession's for PaymentMethod has succeeded. Asked only when SetupIntent is
	// canceled.
	OwnSetup bool `json:"own_setup,omitempty"`
	// PaidInvoice is the newest invoice above zero that is paid: since SetupIntent was created, if one is pending.
	PaidInvoice string `json:"paid_invoice,omitempty"`
	// LastPaid is the newest one that is paid at all.
	LastPaid string `json:"last_paid,omitempty"`
	// Invoice is the oldest open invoice above zero, if one is, and InvoiceAmount what it takes, in minor units of Currency.
	Invoice       string `json:"invoice,omitempty"`
	InvoiceAmount int64  `json:"invoice_amount,omitempty"`
	// InvoiceAttempted says that Stripe has tried to collect it; InvoicePayment is the status of its PaymentIntent.
	InvoiceAttempted bool                `json:"invoice_attempted,omitempty"`
	InvoicePayment   PaymentIntentStatus `json:"invoice_payment,omitempty"`
	// NextPaymentAttempt is when Stripe tries next, UTC; zero when it does not. Moved like TrialEnd on a test clock.
	NextPaymentAttempt time.Time `json:"next_payment_attempt,omitzero"`
}

// ReadSubscription reads a subscription, its pending SetupIntent and its invoices. One that Stripe does not know is a reading,
// Missing. It changes nothing.
func (s *DeferredSubscriptions) ReadSubscription(ctx context.Context, subscription string) (SubscriptionReading, error) {
	stripe := struct {
		Subscriptions
		Invoices
		SetupIntents
	}{s.ports.Subscriptions, s.ports.Invoices, s.ports.SetupIntents}
	r, err := ReadSubscription(ctx, stripe, subscription, s.ports.Now())
	if err != nil {
		return SubscriptionReading{}, applicationError(err)
	}
	return r, nil
}

// ReadSubscription is what the activity of that name does, for whoever has no workflow. now is the present time, for
// subscriptions on a test clock. Every error is a *StripeError.
func ReadSubscription(ctx context.Context, stripe SubscriptionReader, subscription string, now time.Time) (SubscriptionReading, error) {
	sub, err := stripe.Subscription(ctx, subscription)
	switch {
	case IsStripeError(err, StripeMissing):
		return SubscriptionReading{Missing: true}, nil
	case err != nil:
		return SubscriptionReading{}, err
	}
	near := nearness(sub.TestClock, now)
	r := SubscriptionReading{
		Status: sub.Status, Customer: sub.Customer, CustomerDeleted: sub.CustomerDeleted, Currency: sub.Currency,
		SendInvoice: sub.SendInvoice, Free: sub.Free, Metered: sub.Metered, OnTestClock: !sub.TestClock.IsZero(),
		TrialEnd: near(sub.TrialEnd), PeriodEnd: near(sub.PeriodEnd), CancelsAt: near(sub.CancelsAt),
		PaymentMethod: cmp.Or(sub.DefaultPaymentMethod, sub.CustomerDefault), Own: sub.DefaultPaymentMethod != "",
	}
	if si := sub.PendingSetupIntent; si != nil {
		r.SetupIntent, r.SetupStatus, r.NextAction, r.Codes = si.ID, si.Status, si.NextAction, si.LastError
		r.SetupMethod, r.RefusedMethod = si.PaymentMethod, si.LastErrorMethod
	}
	if r.SetupStatus == SetupIntentCanceled && r.PaymentMethod != "" {
		if r.OwnSetup, err = ownSetup(ctx, stripe, r.Customer, r.PaymentMethod); err != nil {
			return SubscriptionReading{}, err
		}
	}
	invoices, err := invoicesOf(ctx, stripe, sub)
	if err != nil {
		return SubscriptionReading{}, err
	}
	open := invoices.open
	r.PaidInvoice, r.LastPaid = invoices.paid, invoices.last
	r.Invoice, r.InvoiceAmount, r.InvoiceAttempted = open.ID, open.AmountDue, open.Attempted
	r.InvoicePayment, r.NextPaymentAttempt = open.Payment, near(open.NextPaymentAttempt)
	return r, nil
}

// nearness moves what is on a test clock as far from now as it is from the clock, in whole seconds.
func nearness(clock, now time.Time) func(time.Time) time.Time {
	return func(t time.Time) time.Time {
		if t.IsZero() || clock.IsZero() {
			return t
		}
		return t.Add(now.Sub(clock)).UTC().Truncate(time.Second)
	}
}

// ownSetup reports whether offsession has set the method up. A method or customer that is gone has no setups.
func ownSetup(ctx context.Context, stripe SubscriptionReader, customer, paymentMethod string) (bool, error) {
	setups, err := stripe.SetupIntentsOf(ctx, customer, paymentMethod)
	if err != nil && !IsStripeError(err, StripeMissing) {
		return false, err
	}
	return slices.ContainsFunc(setups, func(si SetupIntent) bool {
		return si.Status == SetupIntentSucceeded && si.WorkflowID != ""
	}), nil
}

// readInvoices is what counts of a subscription's invoices above zero.
type readInvoices struct {
	// paid is the newest that was paid since the SetupIntent is pending, last the newest that was paid at all.
	paid, last string
	// open is the oldest open one, one that Stripe has tried to collect before others; zero when there is none.
	open Invoice
}

// invoicesOf reads those that are open each by itself, for their payment, until one still is.
func invoicesOf(ctx context.Context, stripe SubscriptionReader, sub Subscription) (readInvoices, error) {
	var out readInvoices
	invoices, err := stripe.SubscriptionInvoices(ctx, sub.ID)
	if err != nil {
		return readInvoices{}, err
	}
	for _, i := range openInvoices(invoices) {
		inv, err := stripe.Invoice(ctx, invoices[i].ID)
		if err != nil {
			return readInvoices{}, err
		}
		if invoices[i] = inv; inv.Status == InvoiceOpen && inv.AmountDue > 0 {
			out.open = inv
			break
		}
	}
	for _, inv := range slices.Backward(invoices) {
		if inv.Status != InvoicePaid || inv.AmountDue <= 0 {
			continue
		}
		out.last = inv.ID
		if paidSince(inv, sub) {
			out.paid = inv.ID
		}
	}
	return out, nil
}

// openInvoices are the positions of those that may have to be paid: first those that Stripe has tried to collect, the oldest
// before the newer.
func openInvoices(invoices []Invoice) []int {
	var tried, others []int
	for i, inv := range slices.Backward(invoices) {
		switch {
		case inv.Status != InvoiceOpen || inv.AmountDue <= 0:
		case inv.Attempted:
			tried = append(tried, i)
		default:
			others = append(others, i)
		}
	}
	return append(tried, others...)
}

// paidSince reports whether an invoice was paid after the pending SetupIntent had been created, if there is one: a subscription
// that was paid for once can be asked for a new set-up, as when it is resumed. A test clock tells another time than
// SetupIntents have.
func paidSince(inv Invoice, sub Subscription) bool {
	si := sub.PendingSetupIntent
	return si == nil || !sub.TestClock.IsZero() || !inv.PaidAt.Before(si.Created)
}

// SetUp reports whether the payment method is set up for what comes: nothing is pending; or what was pending is canceled,
// and either our own setup of the present default has succeeded or an invoice has been paid.
func (r SubscriptionReading) SetUp() bool {
	switch r.SetupStatus {
	case "", SetupIntentSucceeded:
		return true
	case SetupIntentCanceled:
		return r.OwnSetup || r.PaidInvoice != ""
	case SetupIntentRequiresPaymentMethod, SetupIntentRequiresConfirmation, SetupIntentRequiresAction, SetupIntentProcessing:
		return false
	}
	return false
}

// Ready answers whether the app should give access: the subscription is active or trialing, and its payment method is set
// up or, with collection_method=send_invoice, not charged. The status alone is not enough: with nothing due at first Stripe makes
// a subscription active or trialing with a card that can never pay.
// https://docs.stripe.com/billing/subscriptions/deferred-payment
func (r SubscriptionReading) Ready() bool {
	return (r.Status == SubscriptionActive || r.Status == SubscriptionTrialing) && !r.Missing && (r.SendInvoice || r.SetUp())
}
