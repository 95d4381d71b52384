package stripegateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// sandbox is a Stripe account of one test, and a gateway to it.
type sandbox struct {
	t    *testing.T
	base string
	*stripegateway.Gateway
}

func newSandbox(t *testing.T, webhooks ...stripesandbox.WebhookEndpoint) sandbox {
	t.Helper()
	server, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", stripesandbox.Config{
		Webhooks: webhooks, AsyncDelay: -1, Logger: slog.New(slog.DiscardHandler), Middleware: sandboxtest.Check(t),
	})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return sandbox{t: t, base: server.URL, Gateway: newGateway(t, server.URL)}
}

// customerWith makes a customer with one attached method.
func (s sandbox) customerWith(token string) (customer, paymentMethod string) {
	s.t.Helper()
	customer, err := s.CreateCustomer(s.t.Context(), nil, s.key())
	require.NoError(s.t, err)
	pm, err := s.AttachPaymentMethod(s.t.Context(), token, customer, s.key())
	require.NoError(s.t, err)
	return customer, pm.ID
}

// charge is a request for 10.99 with a key of its own.
func (s sandbox) charge(customer, paymentMethod string) activities.CreatePaymentIntentRequest {
	return activities.CreatePaymentIntentRequest{
		Amount: 1099, Currency: "usd", Customer: customer, PaymentMethod: paymentMethod, Description: "Invoice 17", StatementSuffix: "INV17",
		Metadata: map[string]string{activities.MetadataReference: "inv-17"}, IdempotencyKey: s.key(),
	}
}

var keys struct {
	sync.Mutex
	n int
}

func (s sandbox) key() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return fmt.Sprintf("key:%d", keys.n)
}

// control posts to a route of the sandbox that is not Stripe's.
func (s sandbox) control(path string, body any) (status int, answer map[string]any) {
	s.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(s.t, err)
	response, err := http.Post(s.base+"/_sandbox/"+path, "application/json", bytes.NewReader(encoded))
	require.NoError(s.t, err)
	defer response.Body.Close()
	require.NoError(s.t, json.NewDecoder(response.Body).Decode(&answer))
	return response.StatusCode, answer
}

func (s sandbox) fault(kind stripesandbox.FaultKind) {
	s.t.Helper()
	status, answer := s.control("faults", map[string]any{"kind": kind, "times": 1})
	require.Equal(s.t, http.StatusOK, status, "%v", answer)
}

// api posts to a route of Stripe's that the gateway does not use.
func (s sandbox) api(path string, form url.Values) (answer map[string]any) {
	s.t.Helper()
	return s.call(http.MethodPost, path, form)
}

func (s sandbox) call(method, path string, form url.Values) (answer map[string]any) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.base+"/v1/"+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, response.StatusCode, "%s", body)
	require.NoError(s.t, json.Unmarshal(body, &answer))
	return answer
}

func requireKind(t *testing.T, kind activities.StripeErrorKind, err error) *activities.StripeError {
	t.Helper()
	var se *activities.StripeError
	require.ErrorAs(t, err, &se)
	require.Equal(t, kind, se.Kind, "%v", se)
	return se
}

func TestChargeSucceeds(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_card_visa")
	request := s.charge(customer, method)

	pi, err := s.CreatePaymentIntent(t.Context(), request)
	require.NoError(t, err)
	require.NotEmpty(t, pi.LatestCharge)
	require.WithinDuration(t, time.Now(), pi.ChargedAt, time.Minute)
	require.WithinDuration(t, time.Now(), pi.Created, time.Minute)
	require.Equal(t, activities.PaymentIntent{
		ID: pi.ID, Status: activities.PaymentIntentSucceeded, Amount: 1099, Currency: "usd", Customer: customer,
		PaymentMethod: method, PaymentMethodStamp: pi.PaymentMethodStamp, LatestCharge: pi.LatestCharge, ChargedAt: pi.ChargedAt,
		Created: pi.Created, Metadata: map[string]string{activities.MetadataReference: "inv-17"},
	}, pi)
	pm, err := s.PaymentMethod(t.Context(), method)
	require.NoError(t, err)
	require.Equal(t, pm.Stamp, pi.PaymentMethodStamp)
	require.Equal(t, customer, pm.Customer)

	read, err := s.PaymentIntent(t.Context(), pi.ID)
	require.NoError(t, err)
	require.Equal(t, pi, read)
	again, err := s.CreatePaymentIntent(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, pi, again, "the same key")

	request.Amount++
	requireKind(t, activities.StripeKeyReused, failed(s.CreatePaymentIntent(t.Context(), request)))
}

func TestDeclines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		token string
		codes activities.Codes
	}{
		{"pm_card_chargeCustomerFail", activities.Codes{Code: "card_declined", DeclineCode: "generic_decline", NetworkDeclineCode: "01"}},
		{"pm_sandbox_decline_insufficient_funds", activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds", NetworkDeclineCode: "51"}},
		{"pm_sandbox_decline_expired_card", activities.Codes{Code: "expired_card", NetworkDeclineCode: "54"}},
		{"pm_sandbox_decline_do_not_honor_advice_do_not_try_again", activities.Codes{Code: "card_declined", DeclineCode: "do_not_honor", AdviceCode: "do_not_try_again", NetworkDeclineCode: "05"}},
		{"pm_card_radarBlock", activities.Codes{Code: "card_declined", DeclineCode: "fraudulent"}},
		{"pm_card_authenticationRequired", activities.Codes{Code: "authentication_required", DeclineCode: "authentication_required"}},
	} {
		t.Run(test.token, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			customer, method := s.customerWith(test.token)
			request := s.charge(customer, method)

			declined := requireKind(t, activities.StripeDeclined, failed(s.CreatePaymentIntent(t.Context(), request)))
			require.Equal(t, http.StatusPaymentRequired, declined.HTTPStatus)
			require.NotEmpty(t, declined.RequestID)
			require.Equal(t, test.codes, declined.Codes)
			require.NotNil(t, declined.PaymentIntent)
			require.Equal(t, activities.PaymentIntentRequiresPaymentMethod, declined.PaymentIntent.Status)
			require.Equal(t, method, declined.PaymentIntent.PaymentMethod)
			require.Len(t, declined.PaymentIntent.PaymentMethodStamp, 12)
			require.Equal(t, test.codes, declined.PaymentIntent.LastError)

			// What is read later says the same; only the charge is told in full.
			read, err := s.PaymentIntent(t.Context(), declined.PaymentIntent.ID)
			require.NoError(t, err)
			require.Equal(t, read.LatestCharge != "", !read.ChargedAt.IsZero())
			read.ChargedAt = time.Time{}
			require.Equal(t, *declined.PaymentIntent, read)

			// The same key tells of the same decline; the card is not asked again.
			replayed := requireKind(t, activities.StripeDeclined, failed(s.CreatePaymentIntent(t.Context(), request)))
			require.Equal(t, declined.PaymentIntent, replayed.PaymentIntent)

			// The same PaymentIntent succeeds with another card.
			pm, err := s.AttachPaymentMethod(t.Context(), "pm_card_visa", customer, s.key())
			require.NoError(t, err)
			paid, err := s.ConfirmPaymentIntent(t.Context(), activities.ConfirmPaymentIntentRequest{
				PaymentIntent: read.ID, PaymentMethod: pm.ID, IdempotencyKey: s.key(),
			})
			require.NoError(t, err)
			require.Equal(t, read.ID, paid.ID)
			require.Equal(t, activities.PaymentIntentSucceeded, paid.Status)
			require.Equal(t, pm.ID, paid.PaymentMethod)
			require.Equal(t, pm.Stamp, paid.PaymentMethodStamp)
			require.Zero(t, paid.LastError)
		})
	}
}

func TestDeclinedConfirmation(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_sandbox_decline_insufficient_funds_times_2")
	first := requireKind(t, activities.StripeDeclined, failed(s.CreatePaymentIntent(t.Context(), s.charge(customer, method))))
	confirm := func() (activities.PaymentIntent, error) {
		return s.ConfirmPaymentIntent(t.Context(), activities.ConfirmPaymentIntentRequest{
			PaymentIntent: first.PaymentIntent.ID, PaymentMethod: method, IdempotencyKey: s.key(),
		})
	}
	second := requireKind(t, activities.StripeDeclined, failed(confirm()))
	require.Equal(t, first.PaymentIntent.ID, second.PaymentIntent.ID)
	require.NotEqual(t, first.PaymentIntent.LatestCharge, second.PaymentIntent.LatestCharge)
	third, err := confirm()
	require.NoError(t, err)
	require.Equal(t, activities.PaymentIntentSucceeded, third.Status)
	require.Equal(t, first.PaymentIntent.ID, third.ID)

	late := requireKind(t, activities.StripeWrongState, failed(confirm()))
	require.Equal(t, activities.PaymentIntentSucceeded, late.PaymentIntent.Status)
}

func TestBankDebitIsProcessing(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_usBankAccount_success")
	pi, err := s.CreatePaymentIntent(t.Context(), s.charge(customer, method))
	require.NoError(t, err)
	require.Equal(t, activities.PaymentIntentProcessing, pi.Status)
	require.Len(t, pi.PaymentMethodStamp, 12)
	requireKind(t, activities.StripeWrongState, failed(s.CancelPaymentIntent(t.Context(), pi.ID, s.key())))
}

func TestListByReference(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, method := s.customerWith("pm_card_visa")
	other, othersMethod := s.customerWith("pm_card_visa")
	create := func(customer, method, reference string) string {
		request := s.charge(customer, method)
		request.Metadata = map[string]string{activities.MetadataReference: reference}
		pi, err := s.CreatePaymentIntent(ctx, request)
		require.NoError(t, err)
		return pi.ID
	}
	oldest := create(customer, method, "inv-17")
	for range 101 { // More than a page.
		create(customer, method, "inv-18")
	}
	newest := create(customer, method, "inv-17")
	create(other, othersMethod, "inv-17")

	found, err := s.PaymentIntentsByReference(ctx, customer, "inv-17")
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, []string{newest, oldest}, []string{found[0].ID, found[1].ID})
	require.NotEmpty(t, found[0].LatestCharge)
	require.Len(t, found[0].PaymentMethodStamp, 12)
	none, err := s.PaymentIntentsByReference(ctx, customer, "inv-1")
	require.NoError(t, err)
	require.Empty(t, none)

	searched, err := s.SearchPaymentIntents(ctx, "inv-17")
	require.NoError(t, err)
	require.Len(t, searched, 3)
	require.Equal(t, found[0], searched[1])
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_card_visa")
	paid := make([]activities.PaymentIntent, 32)
	var calls sync.WaitGroup
	for i := range paid {
		calls.Go(func() {
			request := s.charge(customer, method)
			request.Amount = int64(1000 + i)
			paid[i], _ = s.CreatePaymentIntent(t.Context(), request)
		})
	}
	calls.Wait()
	for i, pi := range paid {
		require.EqualValues(t, 1000+i, pi.Amount)
		require.Equal(t, activities.PaymentIntentSucceeded, pi.Status)
	}
}

// The sandbox signs as Stripe does: what it delivers is what ParseEvent accepts.
func TestWebhooksAndEvents(t *testing.T) {
	t.Parallel()
	const secret = "whsec_test"
	type delivery struct {
		body   []byte
		header string
	}
	deliveries := make(chan delivery, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		deliveries <- delivery{body, r.Header.Get("Stripe-Signature")}
	}))
	t.Cleanup(receiver.Close)
	s := newSandbox(t, stripesandbox.WebhookEndpoint{URL: receiver.URL, Secret: secret, EnabledEvents: []string{"payment_intent.succeeded"}})
	customer, method := s.customerWith("pm_card_visa")
	since := time.Now().Add(-time.Minute)
	request := s.charge(customer, method)
	request.Metadata = map[string]string{activities.MetadataWorkflowID: "payment:inv-17", activities.MetadataOwner: "agreement:a"}
	pi, err := s.CreatePaymentIntent(t.Context(), request)
	require.NoError(t, err)

	delivered := <-deliveries
	event, err := stripegateway.ParseEvent(delivered.body, delivered.header, []string{"whsec_old", secret})
	require.NoError(t, err)
	require.Equal(t, activities.Event{
		ID: event.ID, Type: "payment_intent.succeeded", ObjectID: pi.ID, ObjectType: "payment_intent", Customer: customer,
		WorkflowID: "payment:inv-17", Owner: "agreement:a", Created: event.Created,
	}, event)

	var listed []activities.Event
	for event, err := range s.Events(t.Context(), since, []string{"payment_intent.succeeded", "charge.succeeded"}) {
		require.NoError(t, err)
		listed = append(listed, event)
	}
	require.Len(t, listed, 2)
	require.Contains(t, listed, event)
	for range s.Events(t.Context(), time.Now().Add(time.Hour), nil) {
		require.FailNow(t, "an event of the future")
	}
}
