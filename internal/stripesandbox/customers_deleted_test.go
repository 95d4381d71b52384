package stripesandbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// Nothing is paid or saved for a customer that was deleted while it was under way.
func TestDeletedCustomerPaysNothing(t *testing.T) {
	t.Parallel()
	intent := func(path string, more ...string) func(*bundle, string) string {
		return func(b *bundle, cus string) string {
			a := b.post(path, append([]string{"customer", cus}, more...)...)
			require.Equal(t, http.StatusOK, a.status, string(a.body))
			return path + "/" + a.at(t, "id").(string)
		}
	}
	payment := []string{"amount", "1099", "currency", "usd", "setup_future_usage", "off_session"}
	invoice := func(b *bundle, cus string) string {
		own := billing{b, nil}
		return "/v1/invoices/" + b.post("/v1/subscriptions", "customer", cus, "items[0][price]", own.monthly(1200),
			"collection_method", "send_invoice", "days_until_due", "30").at(b.t, "latest_invoice").(string)
	}
	for name, tc := range map[string]struct {
		begin func(b *bundle, cus string) string // returns the path of what is under way
		end   string
		with  []string
	}{
		"confirmed payment":             {intent("/v1/payment_intents", payment...), "/confirm", []string{"payment_method", "pm_card_visa"}},
		"payment by a described method": {intent("/v1/payment_intents", payment...), "/confirm", []string{"payment_method_data[type]", "card", "payment_method_data[card][token]", "tok_visa"}},
		"payment's new method":          {intent("/v1/payment_intents", payment...), "", []string{"payment_method", "pm_card_visa"}},
		"payment by microdeposits":      {intent("/v1/payment_intents", append(payment, typedAccount...)...), "/verify_microdeposits", []string{"descriptor_code", "SM11AA"}},
		"confirmed setup":               {intent("/v1/setup_intents"), "/confirm", []string{"payment_method", "pm_card_visa"}},
		"setup's new method":            {intent("/v1/setup_intents"), "", []string{"payment_method", "pm_card_visa"}},
		"setup by microdeposits":        {intent("/v1/setup_intents", typedAccount...), "/verify_microdeposits", []string{"descriptor_code", "SM11AA"}},
		"invoice":                       {invoice, "/pay", []string{"payment_method", "pm_card_visa"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			path := tc.begin(b, cus)
			require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/customers/"+cus, "").status)
			before := b.raw(http.MethodGet, path, "").body
			told := b.events()
			a := b.post(path+tc.end, tc.with...)
			require.Equal(t, http.StatusBadRequest, a.status, string(a.body))
			require.Equal(t, "resource_missing", code(t, a))
			require.Equal(t, "customer", a.at(t, "error.param"))
			require.JSONEq(t, string(before), string(b.raw(http.MethodGet, path, "").body))
			require.Equal(t, told, b.events(), "no method is attached to it")
		})
	}
}

// What the customer's own browser, or the bank, ends after the deletion.
func TestDeletedCustomerEndsChallenges(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	begin := func(path string, more ...string) answer {
		a := b.post(path, append([]string{"customer", cus, "confirm", "true"}, more...)...)
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		return a
	}
	pi := begin("/v1/payment_intents", "amount", "1099", "currency", "usd", "setup_future_usage", "off_session", "payment_method", "pm_card_authenticationRequired")
	si := begin("/v1/setup_intents", "payment_method", "pm_card_authenticationRequired")
	later := begin("/v1/setup_intents", "payment_method", "pm_sandbox_setup_processing", "mandate_data[customer_acceptance][type]", "offline")
	require.Equal(t, "processing", state(t, later))
	require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/customers/"+cus, "").status)
	for route, intent := range map[string]answer{"confirm_payment": pi, "confirm_setup": si} {
		for _, body := range []map[string]any{{}, {"number": "4242424242424242"}} {
			body["client_secret"] = intent.at(t, "client_secret")
			a := b.elements(route, body)
			require.GreaterOrEqual(t, a.status, http.StatusBadRequest, string(a.body))
		}
	}
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	require.Equal(t, "requires_payment_method", string(b.payment(pi.at(t, "id").(string)).Status))
	for _, setup := range []answer{si, later} {
		read := b.setup(setup.at(t, "id").(string))
		require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, read.Status)
		require.Equal(t, stripe.ErrorCodeResourceMissing, read.LastSetupError.Code)
	}
	require.NotContains(t, b.events(), "payment_method.attached")
}

func TestDeletedCustomerEndsSessions(t *testing.T) {
	t.Parallel()
	for _, byClock := range []bool{false, true} {
		t.Run(fmt.Sprint("by clock ", byClock), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			clock := b.post("/v1/test_helpers/test_clocks", "frozen_time", "1700000000").at(t, "id").(string)
			cus := b.post("/v1/customers", "test_clock", clock, "email", "jane@example.com").at(t, "id").(string)
			forHer := func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus }
			paid, open, setup := b.paymentSession(forHer), b.paymentSession(forHer), b.setupSession(forHer)
			require.Equal(t, http.StatusOK, b.pay(paid.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa"}).status)
			gone := "/v1/customers/" + cus
			if byClock {
				gone = "/v1/test_helpers/test_clocks/" + clock
			}
			require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, gone, "").status)
			require.Equal(t, stripe.CheckoutSessionStatusComplete, b.session(paid.ID).Status)
			for _, cs := range []string{open.ID, setup.ID} {
				require.Equal(t, http.StatusBadRequest, b.pay(cs, stripesandbox.Payment{PaymentMethod: "pm_card_visa"}).status)
				require.Equal(t, stripe.CheckoutSessionStatusExpired, b.session(cs).Status)
				require.Equal(t, []string{"checkout.session.expired"}, b.events(cs))
			}
		})
	}
}
