package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// Changes of a PaymentIntent by which it would take something else than was agreed.
var otherTerms = map[string]string{
	"amount": "50", "currency": "eur", "customer": "cus_none", "capture_method": "manual", "payment_method_types[0]": "us_bank_account", "setup_future_usage": "",
}

func requireOwned(t *testing.T, a answer) {
	t.Helper()
	require.Equal(t, http.StatusBadRequest, a.status, string(a.body))
	require.Equal(t, "payment_intent_unexpected_state", a.at(t, "error.code"))
}

func TestInvoiceDecidesItsPayment(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer(""), b.monthly(1200), behaviour("default_incomplete"))
	pi := "/v1/payment_intents/" + b.intentOf(sub.LatestInvoice.ID)
	for name, value := range otherTerms {
		requireOwned(t, b.post(pi, name, value))
	}
	requireOwned(t, b.post(pi+"/confirm", "payment_method", "pm_card_visa", "capture_method", "manual"))
	require.Equal(t, http.StatusOK, b.post(pi, "metadata[a]", "b", "description", "Tea", "payment_method", "pm_card_visa").status)
	require.Equal(t, "succeeded", b.post(pi+"/confirm").at(t, "status"))
	inv := b.subscription(sub.ID).LatestInvoice
	require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
	require.EqualValues(t, 1200, inv.AmountPaid)
	require.EqualValues(t, 1200, b.paidIn(sub.Customer.ID))
}

func TestSessionDecidesItsPayment(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.paymentSession(func(*stripe.CheckoutSessionCreateParams) {})
	require.Equal(t, http.StatusPaymentRequired, b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa_chargeDeclined", Email: "a@b.example"}).status)
	pi := b.session(cs.ID).PaymentIntent.ID
	for name, value := range otherTerms {
		requireOwned(t, b.post("/v1/payment_intents/"+pi, name, value))
	}
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+pi, "metadata[a]", "b").status)
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa"}).status)
	done := b.session(cs.ID)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, done.PaymentStatus)
	require.Equal(t, done.AmountTotal, b.payment(pi).AmountReceived)
}
