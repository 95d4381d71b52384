package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestGuestsBecomeCustomers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		creation string
		future   string
		customer bool
	}{
		{"guest", "", "", false},
		{"always", "always", "", true},
		{"required to save the card", "if_required", "off_session", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) {
				p.PaymentIntentData = nil
				if tc.creation != "" {
					p.CustomerCreation = &tc.creation
				}
				if tc.future != "" {
					p.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{SetupFutureUsage: &tc.future}
				}
			})
			require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242", Email: "guest@example.com"}).status)
			done := b.session(cs.ID)
			require.Equal(t, tc.customer, done.Customer != nil)
			if tc.customer {
				cus, err := b.V1Customers.Retrieve(t.Context(), done.Customer.ID, nil)
				require.NoError(t, err)
				require.Equal(t, "guest@example.com", cus.Email)
				require.Equal(t, cus.ID, done.PaymentIntent.Customer.ID)
				listed := b.raw(http.MethodGet, "/v1/checkout/sessions?customer="+cus.ID+"&payment_intent="+done.PaymentIntent.ID, "")
				require.Len(t, listed.at(t, "data"), 1)
			}
		})
	}
}

func TestSetupSessionMakesACustomer(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.setupSession(func(p *stripe.CheckoutSessionCreateParams) { p.CustomerCreation = stripe.String("always") })
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242", Email: "guest@example.com"}).status)
	done := b.session(cs.ID)
	require.Equal(t, done.Customer.ID, done.SetupIntent.PaymentMethod.Customer.ID)
	require.Equal(t, done.Customer.ID, done.SetupIntent.Customer.ID)
}

func TestChallengeIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	open := b.pay(cs.ID, stripesandbox.Payment{Number: "4000008260003178", Authenticate: stripesandbox.AuthenticationAbandoned})
	require.Equal(t, http.StatusAccepted, open.status)
	declined := b.pay(cs.ID, stripesandbox.Payment{Authenticate: stripesandbox.AuthenticationPassed})
	require.Equal(t, "card_declined / insufficient_funds", code(t, declined), "authenticated, then declined")
	require.Equal(t, http.StatusBadRequest, b.pay(cs.ID, stripesandbox.Payment{}).status, "nothing is open any more")
	require.Equal(t, http.StatusBadRequest, b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242", Authenticate: "maybe"}).status)
	require.Equal(t, http.StatusBadRequest, b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242", Email: "nobody"}).status)
	require.Equal(t, http.StatusNotFound, b.pay("cs_none", stripesandbox.Payment{}).status)
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4000002760003184"}).status)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, b.session(cs.ID).PaymentStatus)
}

func TestConfirmPaymentPage(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.paymentSession(nil)
	path := "/v1/payment_pages/" + cs.ID + "/confirm"
	require.Equal(t, http.StatusBadRequest, b.post(path, "payment_method", "pm_card_visa", "expected_amount", "1").status)
	require.Equal(t, http.StatusPaymentRequired, b.post(path, "payment_method", "pm_card_visa_chargeDeclined", "expected_amount", "2000").status)
	challenge := b.post(path, "payment_method", "pm_card_authenticationRequired", "expected_amount", "2000", "expand[0]", "payment_intent")
	require.Equal(t, "requires_action", challenge.at(t, "payment_intent.status"))
	require.Equal(t, "open", challenge.at(t, "status"))
	done := b.post(path, "payment_method", "pm_card_visa", "expected_amount", "2000")
	require.Equal(t, "complete", done.at(t, "status"), string(done.body))
}

func TestSessionsAreListed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	first := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	b.setupSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	b.setupSession(nil)
	b.pay(first.ID, stripesandbox.Payment{Number: "4242424242424242"})
	for query, want := range map[string]int{
		"": 3, "customer=" + cus: 2, "status=open": 2, "status=complete&customer=" + cus: 1, "status=expired": 0,
		"payment_intent=" + b.session(first.ID).PaymentIntent.ID: 1, "payment_intent=pi_none": 0, "subscription=sub_none": 0,
		"customer_details[email]=jane@example.com": 1, "customer_details[email]=nobody@example.com": 0,
	} {
		require.Len(t, b.raw(http.MethodGet, "/v1/checkout/sessions?"+query, "").at(t, "data"), want, query)
	}
	items := b.raw(http.MethodGet, "/v1/checkout/sessions/"+first.ID+"/line_items", "").at(t, "data").([]any)
	require.EqualValues(t, 2000, items[0].(map[string]any)["amount_total"])
	expanded := b.raw(http.MethodGet, "/v1/checkout/sessions/"+first.ID+"?expand[]=line_items", "")
	require.Len(t, expanded.at(t, "line_items.data"), 1)
	require.Equal(t, "gold", b.post("/v1/checkout/sessions/"+first.ID, "metadata[plan]", "gold").at(t, "metadata.plan"))
}
