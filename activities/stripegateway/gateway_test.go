package stripegateway_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
)

// newGateway is a Gateway to base on a connection pool of its own, without a log.
func newGateway(t *testing.T, base string) *stripegateway.Gateway {
	t.Helper()
	return newGatewayWith(t, base, nil)
}

func newGatewayWith(t *testing.T, base string, transport http.RoundTripper) *stripegateway.Gateway {
	t.Helper()
	g, err := stripegateway.New(stripegateway.Config{APIKey: "sk_test_sandbox", APIBase: base, Transport: transport, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return g
}

// serve answers every request with status and body.
func serve(t *testing.T, status int, header map[string]string, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config stripegateway.Config
		says   string
	}{
		"no key":              {stripegateway.Config{}, "API key is empty"},
		"key with line break": {stripegateway.Config{APIKey: "sk_test_secret\n"}, "API key contains"},
		"base without scheme": {stripegateway.Config{APIKey: "sk_test_1", APIBase: "localhost:12111"}, `"localhost:12111"`},
		"base of a file":      {stripegateway.Config{APIKey: "sk_test_1", APIBase: "file:///etc/passwd"}, "file:///etc/passwd"},
		"base without host":   {stripegateway.Config{APIKey: "sk_test_1", APIBase: "https://"}, "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stripegateway.New(test.config)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "sk_test")
		})
	}
}

func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	type request struct {
		header http.Header
		form   string
	}
	received := make(chan request, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- request{r.Header, string(body)}
		_, _ = io.WriteString(w, `{"id":"pi_1","object":"payment_intent","status":"succeeded"}`)
	}))
	t.Cleanup(server.Close)
	g := newGateway(t, server.URL)
	_, err := g.CreatePaymentIntent(t.Context(), chargeRequest())
	require.NoError(t, err)
	_, err = g.CreatePaymentIntent(t.Context(), chargeRequest())
	require.NoError(t, err)
	<-received // stripe-go's telemetry would travel with the second request.
	second := <-received
	header, form := second.header, second.form

	require.Equal(t, "Bearer sk_test_sandbox", header.Get("Authorization"))
	require.Equal(t, "payment:inv-17:charge:1", header.Get("Idempotency-Key"))
	require.Equal(t, "2025-08-27.basil", header.Get("Stripe-Version"))
	require.Contains(t, header.Get("User-Agent"), "offsession")
	require.Contains(t, header.Get("X-Stripe-Client-User-Agent"), "https://github.com/offsession/offsession")
	require.Empty(t, header.Values("X-Stripe-Client-Telemetry"))
	for _, parameter := range []string{
		"amount=1099", "currency=usd", "customer=cus_1", "payment_method=pm_1", "off_session=true", "confirm=true",
		"description=Invoice+17", "statement_descriptor_suffix=INV17", "metadata[offsession_reference]=inv-17",
		"automatic_payment_methods[enabled]=true", "automatic_payment_methods[allow_redirects]=never",
		"expand[0]=latest_charge", "expand[1]=payment_method",
	} {
		require.Contains(t, strings.Split(form, "&"), parameter)
	}
	require.Len(t, strings.Split(form, "&"), 13, form)
}

// A request is sent once, whatever comes back: only the caller's policy repeats it.
func TestNothingIsRetriedOrRedirected(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"dropped": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"500": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"type":"api_error"}}`, http.StatusInternalServerError)
		},
		"lock timeout": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"code":"lock_timeout"}}`, http.StatusTooManyRequests)
		},
		"html": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `<h1>Bad Gateway</h1>`, http.StatusBadGateway)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v1/payment_intents/elsewhere", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				w.Header().Set("Stripe-Should-Retry", "true")
				handler(w, r)
			}))
			t.Cleanup(server.Close)
			_, err := newGateway(t, server.URL).CreatePaymentIntent(t.Context(), chargeRequest())
			require.Error(t, err)
			require.EqualValues(t, 1, requests.Load())
		})
	}
}

// 64 calls are in flight at once, and the next 64 need no new connection.
func TestConnectionsAreKeptForConcurrentCalls(t *testing.T) {
	t.Parallel()
	const concurrent = 64
	var arrived, opened atomic.Int64
	var round sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		round.Done()
		round.Wait() // Nobody is answered before all have arrived.
		_, _ = io.WriteString(w, `{"id":"pm_1","object":"payment_method","type":"card"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	g := newGateway(t, server.URL)
	for range 2 {
		round.Add(concurrent)
		var calls sync.WaitGroup
		for range concurrent {
			calls.Go(func() {
				_, err := g.PaymentMethod(t.Context(), "pm_1")
				require.NoError(t, err)
			})
		}
		calls.Wait()
	}
	require.EqualValues(t, 2*concurrent, arrived.Load())
	require.EqualValues(t, concurrent, opened.Load())
}

// An empty id would turn a read into a list, an empty key would make a write repeatable.
func TestEmptyValuesAreNotSent(t *testing.T) {
	t.Parallel()
	g := newGateway(t, serve(t, http.StatusOK, nil, `{"id":"x","object":"list","data":[]}`))
	ctx := t.Context()
	for param, calls := range map[string][]func() error{
		"idempotency_key": {
			func() error {
				r := chargeRequest()
				r.IdempotencyKey = ""
				return failed(g.CreatePaymentIntent(ctx, r))
			},
			func() error {
				return failed(g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi", PaymentMethod: "pm"}))
			},
			func() error { return failed(g.CancelPaymentIntent(ctx, "pi", "")) },
			func() error {
				return failed(g.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{Mode: activities.CheckoutModeSetup, UI: activities.CheckoutUICustom}))
			},
			func() error { return failed(g.ExpireCheckoutSession(ctx, "cs", "")) },
			func() error { return failed(g.CancelSetupIntent(ctx, "seti", "")) },
			func() error { return failed(g.AttachPaymentMethod(ctx, "pm", "cus", "")) },
			func() error { return failed(g.CreateCustomer(ctx, nil, "")) },
			func() error { return g.SetDefaultPaymentMethod(ctx, "cus", "pm", "") },
			func() error { return failed(g.RefundPaymentIntent(ctx, "pi", "", nil)) },
		},
		"payment_intent": {
			func() error { return failed(g.PaymentIntent(ctx, "")) },
			func() error { return failed(g.CancelPaymentIntent(ctx, "", "k")) },
			func() error {
				return failed(g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentMethod: "pm", IdempotencyKey: "k"}))
			},
			func() error { return failed(g.CheckoutSessionsByPaymentIntent(ctx, "")) },
			func() error { return failed(g.RefundPaymentIntent(ctx, "", "k", nil)) },
		},
		"customer": {
			func() error { r := chargeRequest(); r.Customer = ""; return failed(g.CreatePaymentIntent(ctx, r)) },
			func() error { return failed(g.PaymentIntentsByReference(ctx, "", "r")) },
			func() error { return failed(g.AttachPaymentMethod(ctx, "pm", "", "k")) },
			func() error { return failed(g.Customer(ctx, "")) },
			func() error { return failed(g.CustomerContact(ctx, "")) },
			func() error { return g.SetDefaultPaymentMethod(ctx, "", "pm", "k") },
		},
		"payment_method": {
			func() error { r := chargeRequest(); r.PaymentMethod = ""; return failed(g.CreatePaymentIntent(ctx, r)) },
			func() error {
				return failed(g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi", IdempotencyKey: "k"}))
			},
			func() error { return failed(g.PaymentMethod(ctx, "")) },
			func() error { return failed(g.AttachPaymentMethod(ctx, "", "cus", "k")) },
			func() error { return g.SetDefaultPaymentMethod(ctx, "cus", "", "k") },
		},
		"reference": {
			func() error { return failed(g.PaymentIntentsByReference(ctx, "cus", "")) },
			func() error { return failed(g.SearchPaymentIntents(ctx, "")) },
		},
		"session": {
			func() error { return failed(g.CheckoutSession(ctx, "")) },
			func() error { return failed(g.CheckoutSecret(ctx, "")) },
			func() error { return failed(g.ExpireCheckoutSession(ctx, "", "k")) },
		},
		"setup_intent": {
			func() error { return failed(g.SetupIntent(ctx, "")) },
			func() error { return failed(g.CancelSetupIntent(ctx, "", "k")) },
		},
		"ui_mode": {func() error {
			return failed(g.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{Mode: activities.CheckoutModeSetup, IdempotencyKey: "k"}))
		}},
		"mode": {func() error {
			return failed(g.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{UI: activities.CheckoutUIHosted, IdempotencyKey: "k"}))
		}},
	} {
		for i, call := range calls {
			var se *activities.StripeError
			require.ErrorAs(t, call(), &se, "%s %d", param, i)
			require.Equal(t, activities.StripeError{Kind: activities.StripeInvalid, Param: param}, *se, "%s %d", param, i)
		}
	}
}

// Half a conversation with Stripe must never look like an answer.
func TestAnswersWithoutTheObjectAreUnknown(t *testing.T) {
	t.Parallel()
	g := newGateway(t, serve(t, http.StatusOK, nil, `{}`))
	ctx := t.Context()
	for name, err := range map[string]error{
		"CreatePaymentIntent":     failed(g.CreatePaymentIntent(ctx, chargeRequest())),
		"ConfirmPaymentIntent":    failed(g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi", PaymentMethod: "pm", IdempotencyKey: "k"})),
		"PaymentIntent":           failed(g.PaymentIntent(ctx, "pi")),
		"CancelPaymentIntent":     failed(g.CancelPaymentIntent(ctx, "pi", "k")),
		"CreateCheckoutSession":   failed(g.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{Mode: "setup", UI: "custom", IdempotencyKey: "k"})),
		"CheckoutSession":         failed(g.CheckoutSession(ctx, "cs")),
		"CheckoutSecret":          failed(g.CheckoutSecret(ctx, "cs")),
		"ExpireCheckoutSession":   failed(g.ExpireCheckoutSession(ctx, "cs", "k")),
		"SetupIntent":             failed(g.SetupIntent(ctx, "seti")),
		"CancelSetupIntent":       failed(g.CancelSetupIntent(ctx, "seti", "k")),
		"PaymentMethod":           failed(g.PaymentMethod(ctx, "pm")),
		"AttachPaymentMethod":     failed(g.AttachPaymentMethod(ctx, "pm", "cus", "k")),
		"Customer":                failed(g.Customer(ctx, "cus")),
		"CustomerContact":         failed(g.CustomerContact(ctx, "cus")),
		"CreateCustomer":          failed(g.CreateCustomer(ctx, nil, "k")),
		"SetDefaultPaymentMethod": g.SetDefaultPaymentMethod(ctx, "cus", "pm", "k"),
		"RefundPaymentIntent":     failed(g.RefundPaymentIntent(ctx, "pi", "k", nil)),
		"ConfirmSetupIntent":      failed(g.ConfirmSetupIntent(ctx, "seti", "pm", "k")),
		"SetupIntentSecret":       failed(g.SetupIntentSecret(ctx, "seti")),
		"Subscription":            failed(g.Subscription(ctx, "sub")),
		"Invoice":                 failed(g.Invoice(ctx, "in")),
		"InvoiceURL":              failed(g.InvoiceURL(ctx, "in")),

		"SetSubscriptionDefaultPaymentMethod": g.SetSubscriptionDefaultPaymentMethod(ctx, "sub", "pm", "k"),
	} {
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%s: %v", name, err)
	}
}

// A page with something else in it is no page, and of a page that is enough the next is not asked for.
func TestListedObjects(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"list setups", "list invoices", "list subscriptions"} {
		err := translatedCalls[call](t.Context(), newGateway(t, serve(t, http.StatusOK, nil, `{"object":"list","has_more":false,"data":[{}]}`)))
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%s: %v", call, err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := `{"id":"seti_1","status":"succeeded"}`
		if r.URL.Query().Has("starting_after") {
			data = `{"id":"seti_2","status":"succeeded"}`
		}
		_, _ = io.WriteString(w, `{"object":"list","has_more":`+strconv.FormatBool(!r.URL.Query().Has("starting_after"))+`,"data":[`+data+`]}`)
	}))
	t.Cleanup(server.Close)
	found, err := newGateway(t, server.URL).SetupIntentsOf(t.Context(), "cus_1", "pm_1")
	require.NoError(t, err)
	require.Equal(t, []activities.SetupIntent{{ID: "seti_1", Status: activities.SetupIntentSucceeded}}, found)
}

func TestDeadlinesAreUnknown(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	g := newGateway(t, server.URL)

	deadline, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := g.CreatePaymentIntent(deadline, chargeRequest())
	require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%v", err)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.CreatePaymentIntent(canceled, chargeRequest())
	require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%v", err)
}

func chargeRequest() activities.CreatePaymentIntentRequest {
	return activities.CreatePaymentIntentRequest{
		Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", Description: "Invoice 17", StatementSuffix: "INV17",
		Metadata:       map[string]string{activities.MetadataReference: "inv-17"},
		IdempotencyKey: "payment:inv-17:charge:1",
	}
}

// failed keeps the error of a call.
func failed[T any](_ T, err error) error { return err }
