package stripegateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestPaymentIntentRead(t *testing.T) {
	t.Parallel()
	const card = `{"id":"pm_1","object":"payment_method","type":"card","card":{"fingerprint":"F1","exp_month":4,"exp_year":2031,"last4":"4242"}}`
	charge := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"object":"charge","created":1760000100,"amount_refunded":300,"outcome":{"advice_code":"do_not_try_again","network_advice_code":"03","network_decline_code":"41"}}`, id)
	}
	lastError := func(charge string) string {
		return fmt.Sprintf(`{"type":"card_error","code":"card_declined","decline_code":"lost_card","charge":%q,"payment_method":%s}`, charge, card)
	}
	read := func(t *testing.T, paymentIntent string) activities.PaymentIntent {
		t.Helper()
		pi, err := newGateway(t, serve(t, http.StatusOK, nil, paymentIntent)).PaymentIntent(t.Context(), "pi_1")
		require.NoError(t, err)
		return pi
	}

	succeeded := read(t, `{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":1099,"currency":"usd","customer":"cus_1",
		"payment_method":`+card+`,"latest_charge":`+charge("ch_1")+`,"last_payment_error":null,"created":1760000000,"metadata":{"a":"b"}}`)
	require.Equal(t, activities.PaymentIntent{
		ID: "pi_1", Status: activities.PaymentIntentSucceeded, Amount: 1099, Currency: "usd", Customer: "cus_1",
		PaymentMethod: "pm_1", PaymentMethodStamp: succeeded.PaymentMethodStamp, LatestCharge: "ch_1", AmountRefunded: 300,
		ChargedAt: time.Unix(1760000100, 0).UTC(), Created: time.Unix(1760000000, 0).UTC(), Metadata: map[string]string{"a": "b"},
	}, succeeded)
	require.Regexp(t, `^[0-9a-f]{12}$`, succeeded.PaymentMethodStamp)

	declined := read(t, `{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","payment_method":null,
		"latest_charge":`+charge("ch_1")+`,"last_payment_error":`+lastError("ch_1")+`}`)
	require.Equal(t, "pm_1", declined.PaymentMethod)
	require.Equal(t, succeeded.PaymentMethodStamp, declined.PaymentMethodStamp)
	require.Equal(t, activities.Codes{
		Code: "card_declined", DeclineCode: "lost_card", AdviceCode: "do_not_try_again", NetworkAdviceCode: "03", NetworkDeclineCode: "41",
	}, declined.LastError)

	// The newest charge is of an earlier attempt, when the last error made none.
	uncharged := read(t, `{"id":"pi_1","object":"payment_intent","status":"requires_payment_method",
		"latest_charge":`+charge("ch_1")+`,"last_payment_error":{"type":"card_error","code":"authentication_required"}}`)
	require.Equal(t, activities.Codes{Code: "authentication_required"}, uncharged.LastError)

	// The error's own advice comes before the charge's.
	told := read(t, `{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","latest_charge":`+charge("ch_1")+`,
		"last_payment_error":{"type":"card_error","code":"card_declined","charge":"ch_1","advice_code":"try_again_later"}}`)
	require.Equal(t, activities.Codes{
		Code: "card_declined", AdviceCode: "try_again_later", NetworkAdviceCode: "03", NetworkDeclineCode: "41",
	}, told.LastError)
}

func TestPaymentMethodStamp(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, details string) activities.PaymentMethod {
		t.Helper()
		pm, err := newGateway(t, serve(t, http.StatusOK, nil, `{"id":"pm_1","object":"payment_method","customer":"cus_1",`+details+`}`)).PaymentMethod(t.Context(), "pm_1")
		require.NoError(t, err)
		return pm
	}
	card := func(fingerprint string, month, year int, last4 string) string {
		return fmt.Sprintf(`"type":"card","card":{"brand":"visa","fingerprint":%q,"exp_month":%d,"exp_year":%d,"last4":%q}`, fingerprint, month, year, last4)
	}
	first := read(t, card("F1", 4, 2031, "4242"))
	require.Equal(t, activities.PaymentMethod{
		ID: "pm_1", Type: "card", Customer: "cus_1", Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2031, Stamp: first.Stamp,
	}, first)
	require.Regexp(t, `^[0-9a-f]{12}$`, first.Stamp)
	require.Equal(t, first.Stamp, read(t, card("F1", 4, 2031, "4242")).Stamp)

	stamps := map[string]string{first.Stamp: "the first card"}
	for _, details := range []string{
		card("F2", 4, 2031, "4242"), card("F1", 5, 2031, "4242"), card("F1", 4, 2032, "4242"), card("F1", 4, 2031, "4243"),
		`"type":"us_bank_account","us_bank_account":{"fingerprint":"F1","last4":"6789"}`,
		`"type":"sepa_debit","sepa_debit":{"fingerprint":"F1","last4":"6789"}`,
		`"type":"sepa_debit","sepa_debit":{"fingerprint":"F2","last4":"6789"}`,
		`"type":"bacs_debit","bacs_debit":{"fingerprint":"F1","last4":"6789"}`,
		`"type":"acss_debit","acss_debit":{"fingerprint":"F1","last4":"6789"}`,
		`"type":"au_becs_debit","au_becs_debit":{"fingerprint":"F1","last4":"6789"}`,
		`"type":"nz_bank_account","nz_bank_account":{"last4":"6789"}`,
	} {
		stamp := read(t, details).Stamp
		require.Regexp(t, `^[0-9a-f]{12}$`, stamp, details)
		require.NotContains(t, stamps, stamp, "%s has the stamp of %s", details, stamps[stamp])
		stamps[stamp] = details
	}
	require.Equal(t, "6789", read(t, `"type":"sepa_debit","sepa_debit":{"fingerprint":"F1","last4":"6789"}`).Last4)
	require.Empty(t, read(t, `"type":"link","link":{"email":"buyer@example.com"}`).Stamp)
}

func TestSearchPaymentIntents(t *testing.T) {
	t.Parallel()
	var query string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		query = r.URL.Query().Get("query")
		return http.DefaultTransport.RoundTrip(r)
	})
	base := serve(t, http.StatusOK, nil, `{"object":"search_result","has_more":false,"data":[
		{"id":"pi_2","object":"payment_intent","status":"requires_payment_method","latest_charge":{"id":"ch_1","object":"charge","outcome":{"advice_code":"do_not_try_again"}},
		 "last_payment_error":{"code":"card_declined","charge":"ch_1"}},
		{"id":"pi_1","object":"payment_intent","status":"canceled"}]}`)
	found, err := newGatewayWith(t, base, transport).SearchPaymentIntents(t.Context(), `in"v\17`)
	require.NoError(t, err)
	require.Equal(t, `metadata["offsession_reference"]:"in\"v\\17"`, query)
	require.Len(t, found, 2)
	require.Equal(t, "pi_2", found[0].ID)
	require.Equal(t, activities.Codes{Code: "card_declined", AdviceCode: "do_not_try_again"}, found[0].LastError)
	require.Equal(t, activities.PaymentIntentCanceled, found[1].Status)
}

func TestCheckoutSessionRead(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, session string) activities.CheckoutSession {
		t.Helper()
		s, err := newGateway(t, serve(t, http.StatusOK, nil, session)).CheckoutSession(t.Context(), "cs_1")
		require.NoError(t, err)
		return s
	}
	setup := read(t, `{"id":"cs_1","object":"checkout.session","mode":"setup","status":"complete","payment_status":"no_payment_required","expires_at":1760000000,
		"client_secret":"cs_1_secret_hush","setup_intent":{"id":"seti_1","object":"setup_intent","status":"requires_action","payment_method":"pm_1","mandate":"mandate_1",
		"customer":"cus_1","next_action":{"type":"verify_with_microdeposits"},"last_setup_error":{"code":"card_declined","decline_code":"lost_card","advice_code":"do_not_try_again"}}}`)
	require.Equal(t, activities.CheckoutSession{
		ID: "cs_1", Mode: activities.CheckoutModeSetup, Status: activities.CheckoutComplete, ExpiresAt: time.Unix(1760000000, 0).UTC(),
		SetupIntent: &activities.SetupIntent{
			ID: "seti_1", Status: activities.SetupIntentRequiresAction, Customer: "cus_1", PaymentMethod: "pm_1", Mandate: "mandate_1",
			NextAction: "verify_with_microdeposits",
			LastError:  activities.Codes{Code: "card_declined", DeclineCode: "lost_card", AdviceCode: "do_not_try_again"},
		},
	}, setup)

	paid := read(t, `{"id":"cs_1","object":"checkout.session","mode":"payment","status":"complete","payment_status":"paid","customer":"cus_1",
		"payment_intent":{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":1099,"currency":"eur"}}`)
	require.Equal(t, activities.CheckoutSession{
		ID: "cs_1", Mode: activities.CheckoutModePayment, Status: activities.CheckoutComplete, Customer: "cus_1", Paid: true,
		PaymentIntent: &activities.PaymentIntent{ID: "pi_1", Status: activities.PaymentIntentSucceeded, Amount: 1099, Currency: "eur"},
	}, paid)

	// An intent that was not expanded has no status: deciding by it would be deciding blindly.
	_, err := newGateway(t, serve(t, http.StatusOK, nil, `{"id":"cs_1","object":"checkout.session","mode":"payment","status":"open","payment_intent":"pi_1"}`)).
		CheckoutSession(t.Context(), "cs_1")
	require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%v", err)
}

func TestCustomerRead(t *testing.T) {
	t.Parallel()
	g := newGateway(t, serve(t, http.StatusOK, nil, `{"id":"cus_1","object":"customer","email":"buyer@example.com","name":"B. Uyer","preferred_locales":["de-AT","en"],
		"metadata":{"time_zone":"Europe/Vienna"},"invoice_settings":{"default_payment_method":"pm_1"}}`))
	customer, err := g.Customer(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Equal(t, activities.Customer{ID: "cus_1", DefaultPaymentMethod: "pm_1", TimeZone: "Europe/Vienna"}, customer)
	contact, err := g.CustomerContact(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Equal(t, activities.CustomerContact{Email: "buyer@example.com", Name: "B. Uyer", Locale: "de-AT"}, contact)

	g = newGateway(t, serve(t, http.StatusOK, nil, `{"id":"cus_1","object":"customer","deleted":true}`))
	customer, err = g.Customer(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Equal(t, activities.Customer{ID: "cus_1", Deleted: true}, customer)
	contact, err = g.CustomerContact(t.Context(), "cus_1")
	require.NoError(t, err)
	require.Zero(t, contact)
}
