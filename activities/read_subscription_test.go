package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func subscriptionOf(pending *activities.SetupIntent) activities.Subscription {
	return activities.Subscription{
		ID: "sub_1", Customer: "cus_1", Status: activities.SubscriptionTrialing, Currency: "eur", TrialEnd: now.AddDate(0, 0, 3), PeriodEnd: now.AddDate(0, 0, 3),
		DefaultPaymentMethod: "pm_1", CustomerDefault: "pm_2", PendingSetupIntent: pending,
	}
}

// readingOf is what is read of subscriptionOf.
func readingOf(status activities.SetupIntentStatus) activities.SubscriptionReading {
	r := activities.SubscriptionReading{
		Status: activities.SubscriptionTrialing, Customer: "cus_1", Currency: "eur", TrialEnd: now.AddDate(0, 0, 3), PeriodEnd: now.AddDate(0, 0, 3),
		PaymentMethod: "pm_1", Own: true, SetupStatus: status,
	}
	if status != "" {
		r.SetupIntent = "seti_1"
	}
	return r
}

func subscriptionStub(sub activities.Subscription, invoices ...activities.Invoice) *stripeStub {
	return &stripeStub{
		sub:      func(string) (activities.Subscription, error) { return sub, nil },
		invoices: func(string) ([]activities.Invoice, error) { return invoices, nil },
	}
}

func TestReadSubscription(t *testing.T) {
	t.Parallel()
	s := subscriptionStub(subscriptionOf(nil))
	got, err := do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
	require.NoError(t, err)
	require.Equal(t, readingOf(""), got)
	require.Equal(t, []string{"read sub_1", "invoices of sub_1"}, s.calls)

	pending := &activities.SetupIntent{
		ID: "seti_1", Status: activities.SetupIntentRequiresPaymentMethod, PaymentMethod: "pm_7", NextAction: "use_stripe_sdk",
		LastError: activities.Codes{Code: "card_declined", DeclineCode: "lost_card"}, LastErrorMethod: "pm_9",
	}
	s = subscriptionStub(subscriptionOf(pending))
	got, err = do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
	require.NoError(t, err)
	want := readingOf(activities.SetupIntentRequiresPaymentMethod)
	want.NextAction, want.Codes, want.SetupMethod, want.RefusedMethod = "use_stripe_sdk", pending.LastError, "pm_7", "pm_9"
	require.Equal(t, want, got)

	// The customer's default counts where the subscription has none of its own.
	sub := subscriptionOf(nil)
	sub.DefaultPaymentMethod, sub.SendInvoice, sub.Free, sub.CustomerDeleted = "", true, true, true
	got, err = do(t, &run{}, subscriptionStub(sub).activities().Subscriptions.ReadSubscription, "sub_1")
	require.NoError(t, err)
	want = readingOf("")
	want.PaymentMethod, want.Own, want.SendInvoice, want.Free, want.CustomerDeleted = "pm_2", false, true, true, true
	require.Equal(t, want, got)
}

func TestReadSubscriptionMissing(t *testing.T) {
	t.Parallel()
	s := &stripeStub{sub: func(string) (activities.Subscription, error) {
		return activities.Subscription{}, failParam(activities.StripeMissing, "subscription")
	}}
	got, err := do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
	require.NoError(t, err)
	require.Equal(t, activities.SubscriptionReading{Missing: true}, got)
	require.Equal(t, []string{"read sub_1"}, s.calls)
}

// TestReadSubscriptionOwnSetup: whether offsession has set up the present default is asked when the pending SetupIntent is
// canceled, and only then.
func TestReadSubscriptionOwnSetup(t *testing.T) {
	t.Parallel()
	const asked = "setups of cus_1 pm_1"
	ours := activities.SetupIntent{ID: "seti_2", Status: activities.SetupIntentSucceeded, WorkflowID: "subscription:sub_1"}
	with := func(status activities.SetupIntentStatus, workflow string) activities.SetupIntent {
		return activities.SetupIntent{ID: "seti_3", Status: status, WorkflowID: workflow}
	}
	for name, test := range map[string]struct {
		status activities.SetupIntentStatus
		none   bool // no default method
		setups []activities.SetupIntent
		err    error
		asked  bool
		own    bool
	}{
		"ours":                       {status: activities.SetupIntentCanceled, setups: []activities.SetupIntent{with(activities.SetupIntentCanceled, "subscription:sub_1"), ours}, asked: true, own: true},
		"ours, of another workflow":  {status: activities.SetupIntentCanceled, setups: []activities.SetupIntent{with(activities.SetupIntentSucceeded, "save-payment-method:x")}, asked: true, own: true},
		"ours, not succeeded":        {status: activities.SetupIntentCanceled, setups: []activities.SetupIntent{with(activities.SetupIntentRequiresAction, "subscription:sub_1")}, asked: true},
		"the app's":                  {status: activities.SetupIntentCanceled, setups: []activities.SetupIntent{with(activities.SetupIntentSucceeded, "")}, asked: true},
		"none":                       {status: activities.SetupIntentCanceled, asked: true},
		"the method is gone":         {status: activities.SetupIntentCanceled, err: failParam(activities.StripeMissing, "payment_method"), asked: true},
		"there is no default method": {status: activities.SetupIntentCanceled, none: true},
		"open":                       {status: activities.SetupIntentRequiresAction},
		"succeeded":                  {status: activities.SetupIntentSucceeded},
		"nothing pending":            {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sub := subscriptionOf(&activities.SetupIntent{ID: "seti_1", Status: test.status})
			if test.status == "" {
				sub.PendingSetupIntent = nil
			}
			if test.none {
				sub.DefaultPaymentMethod, sub.CustomerDefault = "", ""
			}
			s := subscriptionStub(sub)
			s.setups = func(string, string) ([]activities.SetupIntent, error) { return test.setups, test.err }
			got, err := do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
			require.NoError(t, err)
			want := readingOf(test.status)
			want.OwnSetup = test.own
			if test.none {
				want.PaymentMethod, want.Own = "", false
			}
			require.Equal(t, want, got)
			if test.asked {
				require.Contains(t, s.calls, asked)
			} else {
				require.Equal(t, []string{"read sub_1", "invoices of sub_1"}, s.calls)
			}
		})
	}
}

func invoiceOf(id string, status activities.InvoiceStatus, amount int64) activities.Invoice {
	return activities.Invoice{ID: id, Status: status, AmountDue: amount, Currency: "eur", Attempted: true, NextPaymentAttempt: now.AddDate(0, 0, 1)}
}

func untried(id string) activities.Invoice {
	inv := invoiceOf(id, activities.InvoiceOpen, 1200)
	inv.Attempted = false
	return inv
}

// TestReadSubscriptionPaidSince: what was paid before the SetupIntent was created says nothing of it.
func TestReadSubscriptionPaidSince(t *testing.T) {
	t.Parallel()
	paid := invoiceOf("in_1", activities.InvoicePaid, 1200)
	paid.PaidAt = now.AddDate(0, -1, 0)
	for created, want := range map[time.Time]string{now.AddDate(0, -2, 0): "in_1", paid.PaidAt: "in_1", now: ""} {
		sub := subscriptionOf(&activities.SetupIntent{ID: "seti_1", Status: activities.SetupIntentCanceled, Created: created})
		s := subscriptionStub(sub, paid)
		s.setups = func(string, string) ([]activities.SetupIntent, error) { return nil, nil }
		got, err := do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
		require.NoError(t, err)
		require.Equal(t, want, got.PaidInvoice)
		require.Equal(t, want != "", got.Ready())
	}
}

// TestReadSubscriptionInvoices: the newest paid one counts, and the oldest open one; only that is read by itself.
func TestReadSubscriptionInvoices(t *testing.T) {
	t.Parallel()
	const (
		open, paid = activities.InvoiceOpen, activities.InvoicePaid
		draft      = activities.InvoiceDraft
	)
	for name, test := range map[string]struct {
		invoices []activities.Invoice // newest first
		// became are those that are read by themselves, as they are by then.
		became     map[string]activities.Invoice
		paid, open string
		read       []string
	}{
		"only zero so far":   {invoices: []activities.Invoice{invoiceOf("in_1", paid, 0)}},
		"paid by credit":     {invoices: []activities.Invoice{invoiceOf("in_2", paid, 0), invoiceOf("in_1", paid, 0)}},
		"paid":               {invoices: []activities.Invoice{invoiceOf("in_2", paid, 1200), invoiceOf("in_1", paid, 0)}, paid: "in_2"},
		"the newest paid":    {invoices: []activities.Invoice{invoiceOf("in_3", paid, 1200), invoiceOf("in_2", paid, 1200)}, paid: "in_3"},
		"tried before older": {invoices: []activities.Invoice{invoiceOf("in_3", open, 1200), untried("in_2")}, open: "in_3", read: []string{"read in_3"}},
		"a draft":            {invoices: []activities.Invoice{invoiceOf("in_2", draft, 1200), invoiceOf("in_1", paid, 0)}},
		"void, or given up":  {invoices: []activities.Invoice{invoiceOf("in_2", activities.InvoiceVoid, 1200), invoiceOf("in_1", activities.InvoiceUncollectible, 1200)}},
		"open":               {invoices: []activities.Invoice{invoiceOf("in_2", open, 1200), invoiceOf("in_1", paid, 0)}, open: "in_2", read: []string{"read in_2"}},
		"open, but zero":     {invoices: []activities.Invoice{invoiceOf("in_2", open, 0)}},
		"the oldest open":    {invoices: []activities.Invoice{invoiceOf("in_4", open, 1), invoiceOf("in_3", paid, 1), invoiceOf("in_2", open, 1200), invoiceOf("in_1", open, 0)}, open: "in_2", paid: "in_3", read: []string{"read in_2"}},
		"paid meanwhile":     {invoices: []activities.Invoice{invoiceOf("in_2", open, 1200)}, became: map[string]activities.Invoice{"in_2": invoiceOf("in_2", paid, 1200)}, paid: "in_2", read: []string{"read in_2"}},
		"void meanwhile":     {invoices: []activities.Invoice{invoiceOf("in_3", open, 1200), invoiceOf("in_2", open, 1)}, became: map[string]activities.Invoice{"in_2": invoiceOf("in_2", activities.InvoiceVoid, 1)}, open: "in_3", read: []string{"read in_2", "read in_3"}},
		"paid after another": {invoices: []activities.Invoice{invoiceOf("in_3", paid, 1200), invoiceOf("in_2", open, 1)}, became: map[string]activities.Invoice{"in_2": invoiceOf("in_2", paid, 1)}, paid: "in_3", read: []string{"read in_2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subscriptionStub(subscriptionOf(nil), test.invoices...)
			s.invoice = func(id string) (activities.Invoice, error) {
				inv, ok := test.became[id]
				if !ok {
					inv = invoiceOf(id, open, 1200)
				}
				inv.Payment = activities.PaymentIntentRequiresAction
				return inv, nil
			}
			got, err := do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
			require.NoError(t, err)
			want := readingOf("")
			want.PaidInvoice, want.LastPaid = test.paid, test.paid
			if test.open != "" {
				want.Invoice, want.InvoiceAmount, want.InvoiceAttempted = test.open, 1200, true
				want.InvoicePayment, want.NextPaymentAttempt = activities.PaymentIntentRequiresAction, now.AddDate(0, 0, 1)
			}
			require.Equal(t, want, got)
			require.Equal(t, append([]string{"read sub_1", "invoices of sub_1"}, test.read...), s.calls)
		})
	}
}

// TestReadSubscriptionOnATestClock: what comes is as far from now as from the clock.
func TestReadSubscriptionOnATestClock(t *testing.T) {
	t.Parallel()
	clock := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	sub := subscriptionOf(nil)
	sub.TestClock, sub.TrialEnd, sub.PeriodEnd = clock, clock.Add(72*time.Hour), clock.Add(-time.Hour)
	inv := invoiceOf("in_1", activities.InvoiceOpen, 1200)
	inv.NextPaymentAttempt = clock.Add(10 * time.Minute)
	s := subscriptionStub(sub, inv)
	s.invoice = func(string) (activities.Invoice, error) { return inv, nil }

	late := now.Add(700 * time.Millisecond).In(time.FixedZone("elsewhere", 3600))
	got, err := activities.ReadSubscription(t.Context(), s, "sub_1", late)
	require.NoError(t, err)
	require.Equal(t, now.Add(72*time.Hour), got.TrialEnd)
	require.Equal(t, now.Add(-time.Hour), got.PeriodEnd)
	require.Equal(t, now.Add(10*time.Minute), got.NextPaymentAttempt)

	sub.TrialEnd, inv.NextPaymentAttempt = time.Time{}, time.Time{}
	s.sub = func(string) (activities.Subscription, error) { return sub, nil }
	got, err = activities.ReadSubscription(t.Context(), s, "sub_1", late)
	require.NoError(t, err)
	require.Zero(t, got.TrialEnd, "what is not there stays away")
	require.Zero(t, got.NextPaymentAttempt)
}

// TestReadSubscriptionFaults: half a reading is none.
func TestReadSubscriptionFaults(t *testing.T) {
	t.Parallel()
	fault := fail(activities.StripeUnknown)
	for name, breakIt := range map[string]func(s *stripeStub){
		"subscription": func(s *stripeStub) {
			s.sub = func(string) (activities.Subscription, error) { return activities.Subscription{}, fault }
		},
		"setups": func(s *stripeStub) {
			s.setups = func(string, string) ([]activities.SetupIntent, error) { return nil, fault }
		},
		"invoices": func(s *stripeStub) {
			s.invoices = func(string) ([]activities.Invoice, error) { return nil, fault }
		},
		"invoice": func(s *stripeStub) {
			s.invoice = func(string) (activities.Invoice, error) { return activities.Invoice{}, fault }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inv := invoiceOf("in_1", activities.InvoiceOpen, 1200)
			s := subscriptionStub(subscriptionOf(&activities.SetupIntent{ID: "seti_1", Status: activities.SetupIntentCanceled}), inv)
			s.setups = func(string, string) ([]activities.SetupIntent, error) { return nil, nil }
			s.invoice = func(string) (activities.Invoice, error) { return inv, nil }
			breakIt(s)
			got, err := activities.ReadSubscription(context.Background(), s, "sub_1", now)
			require.Equal(t, fault, err)
			require.Zero(t, got)
			_, err = do(t, &run{}, s.activities().Subscriptions.ReadSubscription, "sub_1")
			requireError(t, err, activities.ErrorStripeUnavailable, true)
		})
	}
}

// TestReady: the status alone does not tell whether a subscription can ever be paid for.
func TestReady(t *testing.T) {
	t.Parallel()
	active := activities.SubscriptionActive
	for name, test := range map[string]struct {
		reading activities.SubscriptionReading
		ready   bool
	}{
		"nothing pending":              {activities.SubscriptionReading{Status: active}, true},
		"trialing":                     {activities.SubscriptionReading{Status: activities.SubscriptionTrialing}, true},
		"set up":                       {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentSucceeded}, true},
		"needs a method":               {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentRequiresPaymentMethod}, false},
		"needs the bank":               {activities.SubscriptionReading{Status: activities.SubscriptionTrialing, SetupStatus: activities.SetupIntentRequiresAction}, false},
		"needs to be confirmed":        {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentRequiresConfirmation}, false},
		"at the bank":                  {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentProcessing}, false},
		"canceled":                     {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentCanceled}, false},
		"canceled, with our own setup": {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentCanceled, OwnSetup: true}, true},
		"canceled, but paid":           {activities.SubscriptionReading{Status: active, SetupStatus: activities.SetupIntentCanceled, PaidInvoice: "in_1"}, true},
		"a status of tomorrow":         {activities.SubscriptionReading{Status: active, SetupStatus: "requires_tomorrow"}, false},
		"past due":                     {activities.SubscriptionReading{Status: activities.SubscriptionPastDue}, false},
		"incomplete":                   {activities.SubscriptionReading{Status: activities.SubscriptionIncomplete}, false},
		"ended":                        {activities.SubscriptionReading{Status: activities.SubscriptionCanceled}, false},
		"unknown to Stripe":            {activities.SubscriptionReading{Missing: true}, false},
	} {
		require.Equal(t, test.ready, test.reading.Ready(), name)
	}
}
