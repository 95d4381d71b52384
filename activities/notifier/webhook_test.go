package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

const webhookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func newWebhook(t *testing.T, address string, client *http.Client) *Webhook {
	t.Helper()
	w, err := NewWebhook(address, webhookSecret, payLinks, client)
	require.NoError(t, err)
	return w
}

type delivery struct {
	method string
	header http.Header
	body   []byte
}

// receiver answers every request with status and hands on what came.
func receiver(t *testing.T, status int) (*httptest.Server, <-chan delivery) {
	t.Helper()
	got := make(chan delivery, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			got <- delivery{method: r.Method, header: r.Header.Clone(), body: body}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server, got
}

func TestWebhookArrivesSigned(t *testing.T) {
	t.Parallel()
	server, got := receiver(t, http.StatusNoContent)
	w := newWebhook(t, server.URL, server.Client())
	require.Equal(t, "webhook", w.Channel())
	require.NoError(t, w.Deliver(t.Context(), notification(activities.NotifyPaymentMethodNeeded)))
	d := <-got

	verifier, err := standardwebhooks.NewWebhook(webhookSecret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(d.body, d.header))
	require.Error(t, verifier.Verify(append([]byte(" "), d.body...), d.header))
	other, err := standardwebhooks.NewWebhook("whsec_" + strings.Repeat("QUJD", 8))
	require.NoError(t, err)
	require.Error(t, other.Verify(d.body, d.header))

	require.Equal(t, http.MethodPost, d.method)
	require.Equal(t, "application/json", d.header.Get("Content-Type"))
	require.Equal(t, "payment:order-17:payment_method_needed:2", d.header.Get("webhook-id"))
	require.JSONEq(t, `{
		"type": "payment_method_needed",
		"timestamp": "2026-03-02T08:30:00Z",
		"data": {
			"id": "payment:order-17:payment_method_needed:2",
			"kind": "payment_method_needed",
			"workflow_id": "payment:order-17",
			"reference": "order-17",
			"customer": "cus_123",
			"at": "2026-03-02T08:30:00Z",
			"state": "retry_scheduled",
			"amount": 1099,
			"currency": "usd",
			"description": "Membership in March",
			"payment_intent": "pi_123",
			"payment_method": "pm_123",
			"attempt": 2,
			"decline_code": "insufficient_funds",
			"next_attempt_at": "2026-03-05T08:00:00Z",
			"deadline": "2026-03-16T08:00:00Z",
			"time_zone": "Europe/Berlin",
			"link": "https://pay.example.com/c/payment:order-17.1780000000",
			"link_expires": "2026-05-28T20:26:40Z"
		}
	}`, string(d.body))
}

// The data are what apps build on: a key once sent keeps its name and meaning.
func TestWebhooksOfAgreementsAndSubscriptionsAreAsRecorded(t *testing.T) {
	t.Parallel()
	cases := map[string]activities.Notification{}
	for _, kind := range agreementKinds {
		cases["webhook_"+string(kind)] = agreementNotification(kind)
	}
	for _, kind := range subscriptionKinds {
		cases["webhook_"+string(kind)] = subscriptionNotification(kind)
	}
	again := subscriptionNotification(activities.NotifySubscriptionPaymentMethodNeeded)
	again.Reminder, again.TrialEnd = true, time.Time{}
	cases["webhook_subscription_reminder"] = again
	unknown := agreementNotification(activities.NotifyUpcomingCharge)
	unknown.Amount = 0
	cases["webhook_upcoming_amount_unknown"] = unknown
	owned := notification(activities.NotifyPaymentUncollectible)
	owned.Owner, owned.Reference = "agreement:gym-17", "gym-17~20260331"
	cases["webhook_payment_of_an_agreement"] = owned
	for name, n := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, got := receiver(t, http.StatusOK)
			require.NoError(t, newWebhook(t, server.URL, nil).Deliver(t.Context(), n))
			var body bytes.Buffer
			require.NoError(t, json.Indent(&body, (<-got).body, "", "  "))
			requireGolden(t, name+".json", body.String()+"\n")
		})
	}
}

func TestWebhookTakesEveryKind(t *testing.T) {
	t.Parallel()
	server, got := receiver(t, http.StatusOK)
	w := newWebhook(t, server.URL, nil)
	for _, kind := range append(customerKinds, appKinds...) {
		n := notification(kind)
		n.Link = false
		require.NoError(t, w.Deliver(t.Context(), n))
		var body struct {
			Type string         `json:"type"`
			Data map[string]any `json:"data"`
		}
		require.NoError(t, json.Unmarshal((<-got).body, &body))
		require.Equal(t, string(kind), body.Type)
		require.NotContains(t, body.Data, "link")
	}
}

func TestRepeatedWebhookHasItsOwnTimestampAndTheSameBody(t *testing.T) {
	t.Parallel()
	server, got := receiver(t, http.StatusOK)
	w := newWebhook(t, server.URL, nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var deliveries []delivery
	for _, now := range []time.Time{at, at.Add(20 * time.Hour)} {
		w.now = func() time.Time { return now }
		require.NoError(t, w.Deliver(t.Context(), notification(activities.NotifyPaymentPaid)))
		d := <-got
		require.Equal(t, strconv.FormatInt(now.Unix(), 10), d.header.Get("webhook-timestamp"))
		deliveries = append(deliveries, d)
	}
	require.Equal(t, deliveries[0].body, deliveries[1].body)
	require.Equal(t, deliveries[0].header.Get("webhook-id"), deliveries[1].header.Get("webhook-id"))
	require.NotEqual(t, deliveries[0].header.Get("webhook-signature"), deliveries[1].header.Get("webhook-signature"))
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		200: "delivered", 201: "delivered", 204: "delivered",
		301: "retry", 302: "retry", 307: "retry",
		400: "final", 401: "final", 404: "final", 410: "final", 413: "final", 422: "final",
		408: "retry", 409: "retry", 425: "retry", 429: "retry",
		500: "retry", 502: "retry", 503: "retry",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			server, _ := receiver(t, status)
			err := newWebhook(t, server.URL+"/c/hook", nil).Deliver(t.Context(), notification(activities.NotifyPaymentPaid))
			switch want {
			case "delivered":
				require.NoError(t, err)
			case "final":
				requireUndeliverable(t, err, "http_"+strconv.Itoa(status))
			case "retry":
				requireRetryable(t, err)
				require.ErrorContains(t, err, strconv.Itoa(status))
			}
		})
	}
}

func TestWebhookIsNotRedirected(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	client := &http.Client{}
	requireRetryable(t, newWebhook(t, server.URL, client).Deliver(t.Context(), notification(activities.NotifyPaymentPaid)))
	require.False(t, reached.Load())
	require.Nil(t, client.CheckRedirect, "the caller's client is not changed")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// longAnswer is a body of 16 MiB that counts what is read of it.
type longAnswer struct{ read int }

func (a *longAnswer) Read(p []byte) (int, error) {
	if a.read >= 16<<20 {
		return 0, io.EOF
	}
	a.read += len(p)
	return len(p), nil
}

func TestWebhookReadsLittleOfALongAnswer(t *testing.T) {
	t.Parallel()
	answer := &longAnswer{}
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(answer)}, nil
	})}
	require.NoError(t, newWebhook(t, "https://app.example", client).Deliver(t.Context(), notification(activities.NotifyPaymentPaid)))
	require.LessOrEqual(t, answer.read, 128<<10)
}

// The app has taken the message when it says so, whatever becomes of the rest of its answer.
func TestWebhookIsDeliveredWhenTheAnswerBreaksOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = io.WriteString(w, "{")
	}))
	t.Cleanup(server.Close)
	require.NoError(t, newWebhook(t, server.URL, nil).Deliver(t.Context(), notification(activities.NotifyPaymentPaid)))
}

func TestWebhookErrorsHoldNoAddress(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	var limit time.Duration
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		deadline, ok := r.Context().Deadline()
		if ok {
			limit = time.Until(deadline)
		}
		return nil, broken
	})}
	err := newWebhook(t, "https://user:hunter2@app.example/hooks/token-17", client).Deliver(t.Context(), notification(activities.NotifySetupLink))
	requireRetryable(t, err)
	require.ErrorIs(t, err, broken)
	require.NotContains(t, err.Error(), "app.example")
	require.NotContains(t, err.Error(), "token-17")
	require.Positive(t, limit)
	require.LessOrEqual(t, limit, 10*time.Second)
}

func TestWebhookEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	err := newWebhook(t, server.URL, nil).Deliver(ctx, notification(activities.NotifyPaymentPaid))
	requireRetryable(t, err)
	require.ErrorIs(t, err, context.Canceled)
	var withURL *url.Error
	require.NotErrorAs(t, err, &withURL)
}

func TestNewWebhookRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "app", "app.example/hook", "ftp://app.example", "https://", "https://app.example\x7f/hunter2"} {
		_, err := NewWebhook(address, webhookSecret, payLinks, nil)
		require.ErrorContains(t, err, "webhook url")
		require.NotContains(t, err.Error(), "hunter2")
	}
	for secret, says := range map[string]string{
		"":                                    "must start with whsec_",
		"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3":    "must start with whsec_",
		"whsec_":                              "0 bytes",
		"whsec_aHVudGVyMg==":                  "7 bytes",
		"whsec_" + strings.Repeat("QUJD", 22): "66 bytes",
		"whsec_hunter2-hunter2":               "must be base64",
	} {
		_, err := NewWebhook("https://app.example", secret, payLinks, nil)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
