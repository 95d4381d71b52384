package stripegateway_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// invoices are the subscription's, newest first, as listed and then read one by one.
func (s sandbox) invoices(subscription string) (listed, read []activities.Invoice) {
	s.t.Helper()
	listed, err := s.SubscriptionInvoices(s.t.Context(), subscription)
	require.NoError(s.t, err)
	for _, inv := range listed {
		one, err := s.Invoice(s.t.Context(), inv.ID)
		require.NoError(s.t, err)
		inv.Payment = one.Payment
		require.Equal(s.t, inv, one, "only the payment is not in the list")
		read = append(read, one)
	}
	return listed, read
}

// TestFirstInvoice: what an invoice shows after each way in which its payment can go.
func TestFirstInvoice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		token string
		want  activities.Invoice
	}{
		{"pm_card_visa", activities.Invoice{Status: activities.InvoicePaid, Attempted: true, Payment: activities.PaymentIntentSucceeded}},
		{"pm_card_chargeCustomerFail", activities.Invoice{Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresPaymentMethod}},
		{"pm_card_authenticationRequired", activities.Invoice{Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentRequiresAction}},
		{"pm_usBankAccount_success", activities.Invoice{Status: activities.InvoiceOpen, Attempted: true, Payment: activities.PaymentIntentProcessing}},
	} {
		t.Run(test.token, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			customer, _ := s.payer(test.token)
			id := s.subscribe(customer, url.Values{"payment_behavior": {"allow_incomplete"}})
			listed, read := s.invoices(id)
			require.Len(t, read, 1)
			require.Empty(t, listed[0].Payment)
			test.want.ID, test.want.AmountDue, test.want.Currency = read[0].ID, 1200, "usd"
			if test.want.Status == activities.InvoicePaid {
				require.WithinDuration(t, time.Now(), read[0].PaidAt, time.Minute)
				test.want.PaidAt = read[0].PaidAt
			}
			require.Equal(t, test.want, read[0])
			address, err := s.InvoiceURL(t.Context(), read[0].ID)
			require.NoError(t, err)
			require.Contains(t, address, s.base)
		})
	}
}

// TestInvoicesOfATrial: the first takes nothing and is paid, the second is a draft without a page for an hour, and is then tried
// again at a time that Stripe tells.
func TestInvoicesOfATrial(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("pm_card_chargeCustomerFail")
	id := s.subscribe(customer, url.Values{"trial_period_days": {"2"}})
	_, read := s.invoices(id)
	require.Equal(t, []activities.Invoice{{ID: read[0].ID, Status: activities.InvoicePaid, Currency: "usd", Attempted: true, PaidAt: read[0].PaidAt}}, read)
	require.WithinDuration(t, time.Now(), read[0].PaidAt, time.Minute)

	s.pass(48 * time.Hour)
	_, read = s.invoices(id)
	require.Len(t, read, 2, "the newest first")
	draft := read[0]
	require.Equal(t, activities.Invoice{ID: draft.ID, Status: activities.InvoiceDraft, AmountDue: 1200, Currency: "usd", NextPaymentAttempt: draft.NextPaymentAttempt}, draft)
	address, err := s.InvoiceURL(t.Context(), draft.ID)
	require.NoError(t, err)
	require.Empty(t, address)

	s.pass(time.Hour)
	_, read = s.invoices(id)
	failed := read[0]
	require.Equal(t, activities.Invoice{
		ID: draft.ID, Status: activities.InvoiceOpen, AmountDue: 1200, Currency: "usd", Attempted: true,
		NextPaymentAttempt: failed.NextPaymentAttempt, Payment: activities.PaymentIntentRequiresPaymentMethod,
	}, failed)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 5), failed.NextPaymentAttempt, 24*time.Hour)
	require.Equal(t, time.UTC, failed.NextPaymentAttempt.Location())
	require.Equal(t, activities.SubscriptionPastDue, s.subscription(id).Status)
	for _, event := range s.eventsOf("invoice.created", "invoice.paid", "invoice.payment_failed") {
		require.Equal(t, id, event.Subscription, "by which the router finds the workflow")
	}

	other, _ := s.payer("pm_card_visa")
	listed, err := s.SubscriptionInvoices(t.Context(), s.subscribe(other, nil))
	require.NoError(t, err)
	require.Len(t, listed, 1, "not another's")
	require.Equal(t, activities.InvoiceOpen, listed[0].Status, "default_incomplete leaves it to the customer")
	require.False(t, listed[0].Attempted)
}

// TestSubscriptionInvoicesAreOnePage: an old subscription has more invoices than anyone decides by.
func TestSubscriptionInvoicesAreOnePage(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	wire := &recorder{next: http.DefaultTransport}
	customer, _ := s.payer("pm_card_visa")
	id := s.subscribe(customer, url.Values{
		"payment_behavior": {"allow_incomplete"}, "items[0][price]": {s.price(url.Values{"recurring[interval]": {"day"}})},
	})
	s.pass(120 * 24 * time.Hour)
	listed, err := newGatewayWith(t, s.base, wire).SubscriptionInvoices(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, listed, 100)
	require.Len(t, wire.requests(), 1)
}
