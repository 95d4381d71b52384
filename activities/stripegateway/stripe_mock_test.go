package stripegateway_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
)

// mockCalls sends every request that the gateway can make, in every shape: stripe-mock knows Stripe's OpenAPI
// description and refuses unknown parameters, wrong types and missing values.
// A method may have several; the key is the method's name.
func mockCalls() map[string][]func(context.Context, *stripegateway.Gateway) error {
	metadata := map[string]string{"offsession_reference": "inv-17", "offsession_workflow_id": "payment:inv-17"}
	session := func(mode activities.CheckoutMode, ui activities.CheckoutUI, customer string, types ...string) func(context.Context, *stripegateway.Gateway) error {
		return func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{
				Mode: mode, UI: ui, Customer: customer, Currency: "eur", PaymentMethodTypes: types, Amount: 1099, Description: "Invoice 17",
				ReturnURL: "https://shop.example/c/t/return", Metadata: metadata, ExpiresAt: time.Now().Add(time.Hour), IdempotencyKey: "k",
			})
			return err
		}
	}
	return map[string][]func(context.Context, *stripegateway.Gateway) error{
		"CreatePaymentIntent": {
			func(ctx context.Context, g *stripegateway.Gateway) error {
				_, err := g.CreatePaymentIntent(ctx, activities.CreatePaymentIntentRequest{
					Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", Description: "Invoice 17",
					StatementSuffix: "INV17", Metadata: metadata, IdempotencyKey: "payment:inv-17:charge:1",
				})
				return err
			},
			func(ctx context.Context, g *stripegateway.Gateway) error {
				_, err := g.CreatePaymentIntent(ctx, activities.CreatePaymentIntentRequest{
					Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", IdempotencyKey: "k",
				})
				return err
			},
		},
		"ConfirmPaymentIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi_1", PaymentMethod: "pm_1", IdempotencyKey: "k"})
			return err
		}},
		"PaymentIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.PaymentIntent(ctx, "pi_1")
			return err
		}},
		"PaymentIntentsByReference": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.PaymentIntentsByReference(ctx, "cus_1", "inv-17")
			return err
		}},
		"ListPaymentIntents": {
			listIntents(activities.ListPaymentIntentsRequest{Customer: "cus_1"}),
			listIntents(activities.ListPaymentIntentsRequest{Customer: "cus_1", After: "pi_1", Charges: true}),
		},
		"AccountPaymentIntents": {
			accountIntents(""),
			accountIntents("pi_1"),
		},
		"SearchPaymentIntents": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.SearchPaymentIntents(ctx, "inv-17")
			return err
		}},
		"CancelPaymentIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CancelPaymentIntent(ctx, "pi_1", "k")
			return err
		}},
		"CreateCheckoutSession": {
			session(activities.CheckoutModeSetup, activities.CheckoutUICustom, "", "card"),
			session(activities.CheckoutModeSetup, activities.CheckoutUIHosted, "", "card"),
			session(activities.CheckoutModeSetup, activities.CheckoutUICustom, "cus_1", "card", "sepa_debit"),
			session(activities.CheckoutModeSetup, activities.CheckoutUIHosted, "cus_1"),
			session(activities.CheckoutModePayment, activities.CheckoutUICustom, "cus_1"),
			session(activities.CheckoutModePayment, activities.CheckoutUIHosted, "cus_1", "card"),
		},
		"CheckoutSession": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CheckoutSession(ctx, "cs_1")
			return err
		}},
		"CheckoutSessionsByPaymentIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CheckoutSessionsByPaymentIntent(ctx, "pi_1")
			return err
		}},
		"ExpireCheckoutSession": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.ExpireCheckoutSession(ctx, "cs_1", "k")
			return err
		}},
		"CheckoutSecret": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CheckoutSecret(ctx, "cs_1")
			return err
		}},
		"SetupIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.SetupIntent(ctx, "seti_1")
			return err
		}},
		"CancelSetupIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CancelSetupIntent(ctx, "seti_1", "k")
			return err
		}},
		"PaymentMethod": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.PaymentMethod(ctx, "pm_1")
			return err
		}},
		"AttachPaymentMethod": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.AttachPaymentMethod(ctx, "pm_1", "cus_1", "k")
			return err
		}},
		"Customer": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.Customer(ctx, "cus_1")
			return err
		}},
		"CustomerContact": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CustomerContact(ctx, "cus_1")
			return err
		}},
		"CreateCustomer": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.CreateCustomer(ctx, metadata, "k")
			return err
		}},
		"SetDefaultPaymentMethod": {func(ctx context.Context, g *stripegateway.Gateway) error {
			return g.SetDefaultPaymentMethod(ctx, "cus_1", "pm_1", "k")
		}},
		"RefundPaymentIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.RefundPaymentIntent(ctx, "pi_1", "k", metadata)
			return err
		}},
		"Dispute": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.Dispute(ctx, "du_1")
			return err
		}},
		"Mandate": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.Mandate(ctx, "mandate_1")
			return err
		}},
		"ConfirmSetupIntent": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.ConfirmSetupIntent(ctx, "seti_1", "pm_1", "k")
			return err
		}},
		"SetupIntentsOf": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.SetupIntentsOf(ctx, "cus_1", "pm_1")
			return err
		}},
		"SetupIntentSecret": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.SetupIntentSecret(ctx, "seti_1")
			return err
		}},
		"Subscription": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.Subscription(ctx, "sub_1")
			return err
		}},
		"ListSubscriptions": {listSubscriptions},
		"SetSubscriptionDefaultPaymentMethod": {func(ctx context.Context, g *stripegateway.Gateway) error {
			return g.SetSubscriptionDefaultPaymentMethod(ctx, "sub_1", "pm_1", "k")
		}},
		"SubscriptionInvoices": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.SubscriptionInvoices(ctx, "sub_1")
			return err
		}},
		"Invoice": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.Invoice(ctx, "in_1")
			return err
		}},
		"InvoiceURL": {func(ctx context.Context, g *stripegateway.Gateway) error {
			_, err := g.InvoiceURL(ctx, "in_1")
			return err
		}},
		"Events": {
			events(nil),
			events([]string{"payment_intent.succeeded", "checkout.session.completed"}),
			events(make([]string, 21)),
		},
	}
}

func listIntents(r activities.ListPaymentIntentsRequest) func(context.Context, *stripegateway.Gateway) error {
	return func(ctx context.Context, g *stripegateway.Gateway) error {
		for _, err := range g.ListPaymentIntents(ctx, r) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func accountIntents(after string) func(context.Context, *stripegateway.Gateway) error {
	return func(ctx context.Context, g *stripegateway.Gateway) error {
		for _, err := range g.AccountPaymentIntents(ctx, time.Now().Add(-24*time.Hour), after) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func listSubscriptions(ctx context.Context, g *stripegateway.Gateway) error {
	for _, err := range g.ListSubscriptions(ctx, nil) {
		if err != nil {
			return err
		}
	}
	return nil
}

func events(types []string) func(context.Context, *stripegateway.Gateway) error {
	return func(ctx context.Context, g *stripegateway.Gateway) error {
		for _, err := range g.Events(ctx, time.Now().Add(-24*time.Hour), types) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func TestEveryMethodIsCalledAgainstStripeMock(t *testing.T) {
	t.Parallel()
	calls := mockCalls()
	gateway := reflect.TypeFor[*stripegateway.Gateway]()
	for method := range gateway.Methods() {
		name := method.Name
		require.NotEmpty(t, calls[name], "the exported method %s sends nothing to stripe-mock", name)
	}
	require.Len(t, calls, gateway.NumMethod(), "a call is listed under a name that is no exported method")
}

func TestStripeMockRefusesNothing(t *testing.T) {
	t.Parallel()
	base := startStripeMock(t)
	for name, calls := range mockCalls() {
		for _, call := range calls {
			wire := &recorder{next: http.DefaultTransport}
			g, err := stripegateway.New(stripegateway.Config{APIKey: "sk_test_123", APIBase: base, Transport: wire})
			require.NoError(t, err)

			err = call(t.Context(), g)

			require.NotEmpty(t, wire.requests(), "%s sent nothing", name)
			for _, seen := range wire.requests() {
				require.Less(t, seen.status, 400, "%s: %s %s was refused: %s", name, seen.method, seen.path, seen.refusal)
				require.Equal(t, seen.method == http.MethodPost, seen.idempotencyKey != "", "%s: idempotency key %q on %s", name, seen.idempotencyKey, seen.method)
			}
			require.NoError(t, err, name)
		}
	}
}

// startStripeMock runs the pinned stripe-mock on a free port and returns its address.
func startStripeMock(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	built, err := exec.Command(filepath.Join(root, "tools", "build.sh"), "stripe-mock").CombinedOutput()
	require.NoError(t, err, "%s", built)

	// Told nothing, it takes a fixed port for HTTPS, and ends when that is taken.
	mock := exec.Command(filepath.Join(root, ".bin", "stripe-mock"), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	output, err := mock.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, mock.Start())
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() { // It blocks when nobody reads its log.
				for lines.Scan() {
				}
			}()
			return "http://" + address
		}
	}
	require.FailNow(t, "stripe-mock ended before it listened")
	return ""
}

// seenRequest is what a recorder keeps of one request.
type seenRequest struct {
	method, path, idempotencyKey string
	status                       int
	refusal                      string
}

// recorder is a transport that remembers what went through it.
type recorder struct {
	next http.RoundTripper

	mu   sync.Mutex
	seen []seenRequest
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	seen := seenRequest{method: request.Method, path: request.URL.Path, idempotencyKey: request.Header.Get("Idempotency-Key")}
	if err == nil {
		seen.status = response.StatusCode
		if seen.status >= 400 {
			body, readErr := io.ReadAll(response.Body)
			if readErr != nil {
				return nil, readErr
			}
			seen.refusal = string(body)
			response.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, seen)
	return response, err
}

func (r *recorder) requests() []seenRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seenRequest(nil), r.seen...)
}
