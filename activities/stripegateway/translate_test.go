package stripegateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
)

// Calls whose errors are translated alike, and the ones with a meaning of their own.
var translatedCalls = map[string]func(context.Context, *stripegateway.Gateway) error{
	"charge": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.CreatePaymentIntent(ctx, chargeRequest()))
	},
	"confirm": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi_1", PaymentMethod: "pm_1", IdempotencyKey: "k"}))
	},
	"cancel": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.CancelPaymentIntent(ctx, "pi_1", "k"))
	},
	"cancel setup": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.CancelSetupIntent(ctx, "seti_1", "k"))
	},
	"expire": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.ExpireCheckoutSession(ctx, "cs_1", "k"))
	},
	"attach": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.AttachPaymentMethod(ctx, "pm_1", "cus_1", "k"))
	},
	"default": func(ctx context.Context, g *stripegateway.Gateway) error {
		return g.SetDefaultPaymentMethod(ctx, "cus_1", "pm_1", "k")
	},
	"refund": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.RefundPaymentIntent(ctx, "pi_1", "k", nil))
	},
	"list": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.PaymentIntentsByReference(ctx, "cus_1", "inv-17"))
	},
	"search": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.SearchPaymentIntents(ctx, "inv-17"))
	},
	"list sessions": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.CheckoutSessionsByPaymentIntent(ctx, "pi_1"))
	},
	"events": func(ctx context.Context, g *stripegateway.Gateway) error { return events(nil)(ctx, g) },
	"confirm setup": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.ConfirmSetupIntent(ctx, "seti_1", "pm_1", "k"))
	},
	"list setups": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.SetupIntentsOf(ctx, "cus_1", "pm_1"))
	},
	"setup secret": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.SetupIntentSecret(ctx, "seti_1"))
	},
	"subscription": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.Subscription(ctx, "sub_1"))
	},
	"list subscriptions": listSubscriptions,
	"subscription default": func(ctx context.Context, g *stripegateway.Gateway) error {
		return g.SetSubscriptionDefaultPaymentMethod(ctx, "sub_1", "pm_1", "k")
	},
	"list invoices": func(ctx context.Context, g *stripegateway.Gateway) error {
		return failed(g.SubscriptionInvoices(ctx, "sub_1"))
	},
	"invoice": func(ctx context.Context, g *stripegateway.Gateway) error { return failed(g.Invoice(ctx, "in_1")) },
}

func TestTranslation(t *testing.T) {
	t.Parallel()
	const (
		typeInvalid = "invalid_request_error"
		typeCard    = "card_error"
		typeAPI     = "api_error"
	)
	type wire map[string]any
	for _, test := range []struct {
		name   string
		calls  []string
		status int
		replay bool
		error  wire
		kind   activities.StripeErrorKind
		param  string // when it differs from the wire's
	}{
		{name: "rolled key", calls: []string{"charge", "list", "search", "list sessions", "events", "list setups", "list subscriptions", "list invoices", "invoice"}, status: 401, error: wire{"type": typeInvalid}, kind: activities.StripeUnauthorized},
		{name: "missing permission", calls: []string{"charge", "list"}, status: 403, error: wire{"type": typeInvalid}, kind: activities.StripeUnauthorized},
		{name: "decline", calls: []string{"charge", "confirm", "attach", "confirm setup"}, status: 402, error: wire{"type": typeCard, "code": "card_declined", "decline_code": "lost_card"}, kind: activities.StripeDeclined},
		{name: "declined for its data", calls: []string{"charge"}, status: 402, error: wire{"type": typeCard, "code": "expired_card", "param": "exp_month"}, kind: activities.StripeDeclined},
		{name: "authentication", calls: []string{"charge"}, status: 402, error: wire{"type": typeCard, "code": "authentication_required", "decline_code": "authentication_required"}, kind: activities.StripeDeclined},
		{name: "key used with other values", calls: []string{"charge", "refund"}, status: 400, error: wire{"type": "idempotency_error"}, kind: activities.StripeKeyReused},
		{name: "key in use", calls: []string{"charge", "expire"}, status: 409, error: wire{"type": typeInvalid, "code": "idempotency_key_in_use"}, kind: activities.StripeKeyInUse},
		{name: "rate limit", calls: []string{"charge", "list"}, status: 429, error: wire{"type": typeInvalid, "code": "rate_limit"}, kind: activities.StripeRateLimited},
		{name: "lock timeout", calls: []string{"charge"}, status: 429, error: wire{"type": typeInvalid, "code": "lock_timeout"}, kind: activities.StripeRateLimited},
		{name: "partner down", calls: []string{"charge"}, status: 424, error: wire{"type": typeAPI}, kind: activities.StripeUnknown},
		{name: "fresh 500", calls: []string{"charge", "confirm", "cancel", "list", "events"}, status: 500, error: wire{"type": typeAPI}, kind: activities.StripeUnknown},
		{name: "503", calls: []string{"charge"}, status: 503, error: wire{"type": typeAPI}, kind: activities.StripeUnknown},
		{name: "stored 500", calls: []string{"charge", "confirm", "refund", "confirm setup", "subscription default"}, status: 500, replay: true, error: wire{"type": typeAPI}, kind: activities.StripeStoredFault},
		{name: "replayed decline", calls: []string{"charge"}, status: 402, replay: true, error: wire{"type": typeCard, "code": "card_declined"}, kind: activities.StripeDeclined},
		{name: "no such object", calls: []string{"charge", "cancel", "expire", "attach"}, status: 404, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "customer"}, kind: activities.StripeMissing},
		{name: "no such subscription", calls: []string{"subscription", "subscription default"}, status: 404, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "id"}, kind: activities.StripeMissing, param: "subscription"},
		{name: "no such invoice", calls: []string{"invoice"}, status: 404, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "invoice"}, kind: activities.StripeMissing},
		{name: "no such SetupIntent", calls: []string{"confirm setup", "setup secret"}, status: 404, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "intent"}, kind: activities.StripeMissing, param: "setup_intent"},
		{name: "not the customer's method", calls: []string{"subscription default"}, status: 400, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "default_payment_method"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "what only a browser sends", calls: []string{"confirm setup"}, status: 400, error: wire{"type": typeInvalid, "param": "return_url"}, kind: activities.StripeInvalid},
		{name: "no such object, 400", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "resource_missing", "param": "payment_method"}, kind: activities.StripeMissing},
		{name: "another customer's method", calls: []string{"charge", "confirm", "attach", "confirm setup"}, status: 400, error: wire{"type": typeInvalid, "param": "payment_method"}, kind: activities.StripeMissing},
		{name: "method not attached", calls: []string{"default"}, status: 400, error: wire{"type": typeInvalid, "param": "invoice_settings[default_payment_method]"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "used up method", calls: []string{"attach"}, status: 400, error: wire{"type": typeInvalid}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "method in the wrong state", calls: []string{"charge", "attach"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_unexpected_state", "param": "payment_method"}, kind: activities.StripeMissing},
		{name: "method of a type not allowed", calls: []string{"confirm"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_intent_incompatible_payment_method", "param": "payment_method"}, kind: activities.StripeMissing},
		{name: "mandate withdrawn", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_intent_mandate_invalid", "param": "mandate"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "mandate withdrawn in India", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "india_recurring_payment_mandate_canceled"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "method of another currency", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_currency_mismatch"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "bank account blocked", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_bank_account_blocked"}, kind: activities.StripeMissing, param: "payment_method"},
		{name: "declined by a wallet", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_provider_decline"}, kind: activities.StripeDeclined},
		{name: "declined in a wallet", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_customer_decline"}, kind: activities.StripeDeclined},
		{name: "wallet too slow", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_provider_timeout"}, kind: activities.StripeDeclined},
		{name: "wallet down", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_method_not_available"}, kind: activities.StripeDeclined},
		{name: "declined too often", calls: []string{"charge"}, status: 429, error: wire{"type": typeCard, "code": "card_decline_rate_limit_exceeded"}, kind: activities.StripeDeclined},
		{name: "too small", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "amount_too_small", "param": "amount"}, kind: activities.StripeRefused},
		{name: "too large", calls: []string{"charge"}, status: 400, error: wire{"type": typeInvalid, "code": "amount_too_large", "param": "amount"}, kind: activities.StripeRefused},
		{name: "succeeded already", calls: []string{"confirm", "cancel"}, status: 400, error: wire{"type": typeInvalid, "code": "payment_intent_unexpected_state"}, kind: activities.StripeWrongState},
		{name: "set up already", calls: []string{"cancel setup", "confirm setup"}, status: 400, error: wire{"type": typeInvalid, "code": "setup_intent_unexpected_state"}, kind: activities.StripeWrongState},
		{name: "belongs to a session", calls: []string{"cancel", "cancel setup"}, status: 400, error: wire{"type": typeInvalid}, kind: activities.StripeWrongState},
		{name: "session not open", calls: []string{"expire"}, status: 400, error: wire{"type": typeInvalid}, kind: activities.StripeWrongState},
		{name: "refunded already", calls: []string{"refund"}, status: 400, error: wire{"type": typeInvalid, "code": "charge_already_refunded"}, kind: activities.StripeWrongState},
		{name: "disputed", calls: []string{"refund"}, status: 400, error: wire{"type": typeInvalid, "code": "charge_disputed"}, kind: activities.StripeWrongState},
		{name: "disputed, otherwise", calls: []string{"refund"}, status: 400, error: wire{"type": typeInvalid, "code": "refund_disputed_payment"}, kind: activities.StripeWrongState},
		{name: "not refundable", calls: []string{"refund"}, status: 400, error: wire{"type": typeInvalid, "code": "charge_not_refundable"}, kind: activities.StripeWrongState},
		{name: "intent in another state", calls: []string{"confirm"}, status: 400, error: wire{"type": typeInvalid, "code": "intent_invalid_state"}, kind: activities.StripeWrongState},
		{name: "session not open, with parameter", calls: []string{"expire"}, status: 400, error: wire{"type": typeInvalid, "param": "session"}, kind: activities.StripeWrongState},
		{name: "parameter missing", calls: []string{"charge", "attach", "cancel"}, status: 400, error: wire{"type": typeInvalid, "code": "parameter_missing", "param": "payment_method"}, kind: activities.StripeInvalid},
		{name: "parameter unknown", calls: []string{"charge", "expire"}, status: 400, error: wire{"type": typeInvalid, "code": "parameter_unknown", "param": "x"}, kind: activities.StripeInvalid},
		{name: "account not active", calls: []string{"refund", "default"}, status: 400, error: wire{"type": typeInvalid}, kind: activities.StripeInvalid},
		{name: "no such route", calls: []string{"charge", "attach"}, status: 404, error: wire{"type": typeInvalid}, kind: activities.StripeInvalid},
	} {
		for _, call := range test.calls {
			t.Run(test.name+"/"+call, func(t *testing.T) {
				t.Parallel()
				body, err := json.Marshal(map[string]any{"error": test.error})
				require.NoError(t, err)
				header := map[string]string{"Request-Id": "req_17"}
				if test.replay {
					header["Idempotent-Replayed"] = "true"
				}
				var se *activities.StripeError
				require.ErrorAs(t, translatedCalls[call](t.Context(), newGateway(t, serve(t, test.status, header, string(body)))), &se)

				text := func(field string) string { s, _ := test.error[field].(string); return s }
				param := text("param")
				if test.param != "" {
					param = test.param
				}
				require.Equal(t, activities.StripeError{
					Kind: test.kind, HTTPStatus: test.status, Param: param, RequestID: "req_17",
					Codes: activities.Codes{Code: text("code"), DeclineCode: text("decline_code")},
				}, *se)
			})
		}
	}
}

func TestUnreadableAnswersAreUnknown(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"HTML of a proxy":        {http.StatusBadGateway, "<html>Bad Gateway</html>"},
		"HTML that says 400":     {http.StatusBadRequest, "<html>Bad Request</html>"},
		"empty 500":              {http.StatusInternalServerError, ""},
		"error without an error": {http.StatusPaymentRequired, `{"message":"no"}`},
		"half of an object":      {http.StatusOK, `{"id":"pi_1","object":"payment_intent","status":"succ`},
		"empty 200":              {http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, answer.status, nil, answer.body)
			for call, send := range translatedCalls {
				var se *activities.StripeError
				require.ErrorAs(t, send(t.Context(), newGateway(t, base)), &se, call)
				require.Equal(t, activities.StripeError{Kind: activities.StripeUnknown}, *se, call)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		err := translatedCalls["charge"](t.Context(), newGateway(t, server.URL))
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%v", err)
	})
}

// Stripe gives neither code nor parameter for a method that was detached or used up, nor for an account that may not
// charge. Asking every customer for a new card because of the latter would be wrong.
func TestUncodedRefusalIsExplainedByTheMethod(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		method string
		status int
		charge activities.StripeErrorKind
		again  activities.StripeErrorKind
	}{
		{"detached", `{"id":"pm_1","type":"card","customer":null}`, 200, activities.StripeMissing, activities.StripeMissing},
		{"another customer's", `{"id":"pm_1","type":"card","customer":"cus_2"}`, 200, activities.StripeMissing, activities.StripeInvalid},
		{"in order", `{"id":"pm_1","type":"card","customer":"cus_1"}`, 200, activities.StripeInvalid, activities.StripeInvalid},
		{"unreadable", `<html>`, 502, activities.StripeInvalid, activities.StripeInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.URL.Path == "/v1/payment_methods/pm_1" {
					w.WriteHeader(test.status)
					fmt.Fprint(w, test.method)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":{"type":"invalid_request_error","message":"It may not be used again."}}`)
			}))
			t.Cleanup(server.Close)
			g := newGateway(t, server.URL)
			for call, want := range map[string]activities.StripeErrorKind{"charge": test.charge, "confirm": test.again, "confirm setup": test.again} {
				var se *activities.StripeError
				require.ErrorAs(t, translatedCalls[call](t.Context(), g), &se)
				require.Equal(t, want, se.Kind, call)
				require.Equal(t, want == activities.StripeMissing, se.Param == "payment_method", call)
			}
		})
	}
}

const declinedBody = `{"error":{
	"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","charge":"ch_2",
	"advice_code":"try_again_later","network_advice_code":"02","network_decline_code":"51",
	"message":"Your card has insufficient funds, buyer@example.com.",
	"payment_intent":{
		"id":"pi_1","object":"payment_intent","status":"requires_payment_method","amount":1099,"currency":"usd","customer":"cus_1",
		"client_secret":"pi_1_secret_hush","payment_method":null,"latest_charge":"ch_2","created":1760000000,
		"metadata":{"offsession_reference":"inv-17"},
		"last_payment_error":{
			"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","charge":"ch_2",
			"advice_code":"try_again_later","network_advice_code":"02","network_decline_code":"51",
			"message":"Your card has insufficient funds, buyer@example.com.",
			"payment_method":{"id":"pm_1","object":"payment_method","type":"card","customer":"cus_1",
				"billing_details":{"email":"buyer@example.com"},
				"card":{"brand":"visa","fingerprint":"F1","exp_month":4,"exp_year":2031,"last4":"3178"}}}},
	"payment_method":{"id":"pm_1","object":"payment_method","type":"card","card":{"last4":"3178"}}}}`

func TestDeclineCarriesThePaymentIntent(t *testing.T) {
	t.Parallel()
	var se *activities.StripeError
	g := newGateway(t, serve(t, http.StatusPaymentRequired, map[string]string{"Request-Id": "req_1"}, declinedBody))
	require.ErrorAs(t, translatedCalls["charge"](t.Context(), g), &se)

	codes := activities.Codes{
		Code: "card_declined", DeclineCode: "insufficient_funds", AdviceCode: "try_again_later", NetworkAdviceCode: "02", NetworkDeclineCode: "51",
	}
	require.Equal(t, codes, se.Codes)
	pi := se.PaymentIntent
	require.NotNil(t, pi)
	require.Len(t, pi.PaymentMethodStamp, 12)
	require.EqualValues(t, 1760000000, pi.Created.Unix())
	require.Equal(t, activities.PaymentIntent{
		ID: "pi_1", Status: activities.PaymentIntentRequiresPaymentMethod, Amount: 1099, Currency: "usd", Customer: "cus_1",
		PaymentMethod: "pm_1", PaymentMethodStamp: pi.PaymentMethodStamp, LatestCharge: "ch_2", LastError: codes,
		Created: pi.Created, Metadata: map[string]string{"offsession_reference": "inv-17"},
	}, *pi)
}

// stripe-go has a logger of its own that prints bodies. This test swaps the process's output, so it does not run beside others.
func TestStripesLibraryPrintsNothing(t *testing.T) {
	printed, err := os.CreateTemp(t.TempDir(), "printed")
	require.NoError(t, err)
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = printed, printed
	t.Cleanup(func() { os.Stdout, os.Stderr = stdout, stderr })

	for status, body := range map[int]string{402: declinedBody, 403: declinedBody, 500: "<html>", 200: `{"id":`} {
		require.Error(t, translatedCalls["charge"](t.Context(), newGateway(t, serve(t, status, nil, body))))
	}
	size, err := printed.Stat()
	require.NoError(t, err)
	require.Zero(t, size.Size())
}

// Neither an error nor the log may repeat what Stripe wrote: it ends in histories and log stores.
func TestNothingSecretIsToldOrLogged(t *testing.T) {
	t.Parallel()
	refused := `{"error":{"type":"invalid_request_error","message":"buyer@example.com","payment_intent":{"id":"pi_1","status":"succeeded","client_secret":"pi_1_secret_hush"}}}`
	for name, answer := range map[string]struct {
		status int
		body   string
		logged bool
	}{
		"decline":        {http.StatusPaymentRequired, declinedBody, false},
		"refusal":        {http.StatusForbidden, refused, true},
		"server error":   {http.StatusInternalServerError, refused, true},
		"broken object":  {http.StatusOK, `{"id":"pi_1","client_secret":"pi_1_secret_hush","receipt_email":"buyer@example.com"`, true},
		"not an object":  {http.StatusBadRequest, `pi_1_secret_hush buyer@example.com`, true},
		"no error in it": {http.StatusBadRequest, `{"client_secret":"pi_1_secret_hush","email":"buyer@example.com"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines bytes.Buffer
			g, err := stripegateway.New(stripegateway.Config{
				APIKey: "sk_test_hush", APIBase: serve(t, answer.status, map[string]string{"Request-Id": "req_17"}, answer.body),
				Logger: slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			require.NoError(t, err)
			err = translatedCalls["charge"](t.Context(), g)
			require.Error(t, err)
			require.Equal(t, answer.logged, lines.Len() > 0, lines.String())
			for _, secret := range []string{"hush", "buyer@", "insufficient funds,"} {
				require.NotContains(t, err.Error(), secret)
				require.NotContains(t, fmt.Sprintf("%+v", err), secret)
				require.NotContains(t, lines.String(), secret)
			}
			asJSON, err := json.Marshal(err)
			require.NoError(t, err)
			require.NotContains(t, string(asJSON), "hush")
		})
	}
}

func TestTheLogNamesTheCause(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	dropping := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(dropping.Close)
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	breaks := func(err error) http.RoundTripper {
		return roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	for _, test := range []struct {
		cause     string
		base      string
		transport http.RoundTripper
	}{
		{"connection refused", closed.URL, nil},
		{"connection closed", dropping.URL, nil},
		{"certificate refused", untrusted.URL, nil},
		{"unreadable answer", serve(t, http.StatusOK, nil, "<html>"), nil},
		{"answer without the object", serve(t, http.StatusOK, nil, "{}"), nil},
		{"answered", serve(t, http.StatusInternalServerError, nil, `{"error":{"type":"api_error"}}`), nil},
		{"host name not found", "", breaks(&net.DNSError{Err: "no such host", Name: "hush", IsNotFound: true})},
		{"timeout", "", breaks(os.ErrDeadlineExceeded)},
		{"canceled", "", breaks(context.Canceled)},
	} {
		var lines bytes.Buffer
		g, err := stripegateway.New(stripegateway.Config{
			APIKey: "sk_test_1", APIBase: test.base, Transport: test.transport, Logger: slog.New(slog.NewJSONHandler(&lines, nil)),
		})
		require.NoError(t, err)
		require.True(t, activities.IsStripeError(translatedCalls["charge"](t.Context(), g), activities.StripeUnknown), test.cause)

		var line map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		require.Equal(t, "create_payment_intent", line["operation"])
		require.Equal(t, "unknown", line["kind"])
		require.Equal(t, test.cause, line["cause"])
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
