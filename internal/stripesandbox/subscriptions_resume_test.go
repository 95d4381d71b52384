package stripesandbox_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// resumedByDebit is a paused subscription whose resumption is being paid by the test token.
func resumedByDebit(t *testing.T, token string, delay time.Duration) (billing, *stripe.Subscription) {
	t.Helper()
	b := newBilling(t, stripesandbox.Config{AsyncDelay: delay})
	sub := b.subscribed(b.payer(""), b.price(1200, "eur", "month", 1), trialDays(3), missingMethod("pause"))
	b.pass(4 * day)
	b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, token))
	_, err := b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
	require.NoError(t, err)
	resuming := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusPaused, resuming.Status, "until the invoice is paid")
	require.Equal(t, stripe.InvoiceStatusOpen, resuming.LatestInvoice.Status)
	return b, resuming
}

func (b billing) requirePaidOnce(sub *stripe.Subscription) {
	b.t.Helper()
	after := b.subscription(sub.ID)
	require.Equal(b.t, stripe.SubscriptionStatusActive, after.Status)
	require.Equal(b.t, sub.LatestInvoice.ID, after.LatestInvoice.ID)
	require.Equal(b.t, stripe.InvoiceStatusPaid, after.LatestInvoice.Status)
	require.EqualValues(b.t, 1200, b.paidIn(sub.Customer.ID))
	require.Contains(b.t, b.events(sub.ID), "customer.subscription.resumed")
}

func TestResumptionIsPaidByOneDebit(t *testing.T) {
	t.Parallel()
	b, sub := resumedByDebit(t, "pm_sepaDebit_success_de", time.Minute)
	_, err := b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
	require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode)
	_, err = b.V1Invoices.VoidInvoice(t.Context(), sub.LatestInvoice.ID, nil)
	require.EqualValues(t, "invoice_not_editable", stripeError(t, err).Code)
	b.pass(time.Hour)
	b.requirePaidOnce(sub)
}

func TestResumptionOutlivesItsDebit(t *testing.T) {
	t.Parallel()
	b, sub := resumedByDebit(t, "pm_sepaDebit_success_de", 30*time.Hour)
	b.pass(24 * time.Hour)
	require.Equal(t, stripe.InvoiceStatusOpen, b.subscription(sub.ID).LatestInvoice.Status, "not voided while the debit is under way")
	b.pass(6 * time.Hour)
	b.requirePaidOnce(sub)
}

func TestResumptionOfFailedDebitIsVoided(t *testing.T) {
	t.Parallel()
	b, sub := resumedByDebit(t, "pm_sepaDebit_failed_de", 30*time.Hour)
	b.pass(30 * time.Hour)
	require.Equal(t, stripe.InvoiceStatusOpen, b.subscription(sub.ID).LatestInvoice.Status)
	b.pass(16 * time.Hour)
	after := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusPaused, after.Status)
	require.Equal(t, stripe.InvoiceStatusVoid, after.LatestInvoice.Status)
	require.Zero(t, b.paidIn(sub.Customer.ID))
}

func TestResumptionOutlivesItsDebitOnATestClock(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{AsyncDelay: time.Minute})
	start := b.wall.now().Unix()
	clock := b.clock(start)
	to := func(after time.Duration) {
		a := b.post("/v1/test_helpers/test_clocks/"+clock+"/advance", "frozen_time", strconv.FormatInt(start+int64(after.Seconds()), 10))
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		b.pass(time.Second)
	}
	cus := b.post("/v1/customers", "test_clock", clock).at(t, "id").(string)
	sub := b.subscribed(cus, b.price(1200, "eur", "month", 1), trialDays(3), missingMethod("pause"))
	to(4 * day)
	b.makeDefault(cus, b.saved(cus, "pm_sepaDebit_success_de"))
	_, err := b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
	require.NoError(t, err)
	to(5 * day)
	resuming := b.subscription(sub.ID)
	require.Equal(t, stripe.InvoiceStatusOpen, resuming.LatestInvoice.Status)
	b.pass(time.Minute)
	b.requirePaidOnce(resuming)
}
