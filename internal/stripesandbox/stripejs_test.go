package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func (b *bundle) elements(route string, body map[string]any) answer {
	b.t.Helper()
	if _, ok := body["key"]; !ok {
		body["key"] = stripesandbox.PublishableKey
	}
	return b.control("/elements/"+route, body)
}

func TestStripeJSIsServed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, path := range []string{"/stripe.js", "/basil/stripe.js"} {
		a := b.raw(http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.header.Get("Content-Type"), "text/javascript")
		require.Contains(t, string(a.body), "window.Stripe")
	}
}

func TestElementsNeedTheirSecrets(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.setupSession(nil)
	require.Equal(t, http.StatusUnauthorized, b.elements("session", map[string]any{"key": "pk_live_x", "client_secret": cs.ClientSecret}).status)
	for _, secret := range []string{"", cs.ID, cs.ID + "_secret_", cs.ClientSecret + "x"} {
		require.Equal(t, http.StatusNotFound, b.elements("session", map[string]any{"client_secret": secret}).status, secret)
		require.Equal(t, http.StatusNotFound, b.elements("confirm", map[string]any{"client_secret": secret, "number": "4242424242424242"}).status)
		require.Equal(t, http.StatusNotFound, b.elements("confirm_setup", map[string]any{"client_secret": secret}).status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, b.srv.URL+"/_sandbox/elements/confirm", nil)
	require.NoError(t, err)
	preflight, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer preflight.Body.Close()
	require.Equal(t, "*", preflight.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Content-Type", preflight.Header.Get("Access-Control-Allow-Headers"))
}

func TestElementsConfirm(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	shown := b.elements("session", map[string]any{"client_secret": cs.ClientSecret})
	require.Equal(t, "open", shown.at(t, "status"))
	require.Equal(t, "jane@example.com", shown.at(t, "email"))
	require.EqualValues(t, 2000, shown.at(t, "amount_total"))
	require.NotEmpty(t, shown.at(t, "methods"))
	refused := b.elements("confirm", map[string]any{"client_secret": cs.ClientSecret, "number": "4000000000000002"})
	require.Equal(t, "generic_decline", refused.at(t, "error.decline_code"))
	paid := b.elements("confirm", map[string]any{"client_secret": cs.ClientSecret, "number": "4242424242424242"})
	require.Equal(t, "complete", paid.at(t, "status"))
	require.Equal(t, "paid", paid.at(t, "payment_status"))
	require.Equal(t, "complete", b.elements("session", map[string]any{"client_secret": cs.ClientSecret}).at(t, "status"))
}

// A browser is refused what the API refuses, before anything is made, and sees how the
// payment is captured.
func TestElementsCheckLikeTheAPI(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	create := func(path string, pairs ...string) answer {
		a := b.post(path, pairs...)
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		return a
	}
	held := create("/v1/payment_intents", "amount", "1099", "currency", "usd", "capture_method", "manual")
	saves := create("/v1/payment_intents", "amount", "1099", "currency", "usd", "setup_future_usage", "off_session")
	cards := create("/v1/setup_intents", "payment_method_types[]", "card")
	for _, tc := range []struct {
		route, path string
		intent      answer
		pairs       []string // the same through the API
	}{
		{"confirm_payment", "/v1/payment_intents/", held, []string{"payment_method", "pm_usBankAccount_success"}},
		{"confirm_payment", "/v1/payment_intents/", saves, []string{"payment_method", "pm_usBankAccount_success"}},
		{"confirm_setup", "/v1/setup_intents/", cards, []string{"payment_method", "pm_usBankAccount_success", "mandate_data[customer_acceptance][type]", "offline"}},
	} {
		path := tc.path + tc.intent.at(t, "id").(string)
		told := b.events()
		byAPI := b.post(path+"/confirm", tc.pairs...)
		require.Equal(t, http.StatusBadRequest, byAPI.status)
		a := b.elements(tc.route, map[string]any{"client_secret": tc.intent.at(t, "client_secret"), "payment_method": tc.pairs[1]})
		require.Equal(t, http.StatusBadRequest, a.status, string(a.body))
		require.Equal(t, byAPI.at(t, "error.message"), a.at(t, "error.message"))
		require.Equal(t, byAPI.at(t, "error.param"), a.at(t, "error.param"))
		require.Equal(t, told, b.events(), "nothing was tried")
		require.Equal(t, "requires_payment_method", state(t, b.raw(http.MethodGet, path, "")))
	}
	for want, a := range map[string]answer{"manual": held, "automatic_async": saves} {
		shown := b.elements("payment_intent", map[string]any{"client_secret": a.at(t, "client_secret")})
		require.Equal(t, want, shown.at(t, "capture_method"))
	}
}

func TestConfirmCardSetup(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{
		PaymentMethod: stripe.String("pm_card_authenticationRequired"), Confirm: new(true),
	})
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusRequiresAction, si.Status)
	confirm := func(more map[string]any) answer {
		more["client_secret"] = si.ClientSecret
		return b.elements("confirm_setup", more)
	}
	open := confirm(map[string]any{"authenticate": "abandon"})
	require.Equal(t, http.StatusAccepted, open.status)
	require.Equal(t, "authentication_pending", open.at(t, "error.code"))
	failed := confirm(map[string]any{"authenticate": "fail"})
	require.Equal(t, "requires_payment_method", failed.at(t, "error.setup_intent.status"))
	require.Equal(t, "setup_intent_unexpected_state", code(t, confirm(map[string]any{})), "a method must be named again")
	require.Equal(t, "expired_card", code(t, confirm(map[string]any{"payment_method": "pm_card_chargeDeclinedExpiredCard"})))
	require.Equal(t, "succeeded", confirm(map[string]any{"number": "4242424242424242"}).at(t, "status"))
	require.Equal(t, "setup_intent_unexpected_state", code(t, confirm(map[string]any{"number": "4242424242424242"})))
}
