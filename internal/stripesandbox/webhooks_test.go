package stripesandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/offsession/offsession/internal/stripesandbox"
)

const secret = "whsec_test"

// receiver is an app that verifies what it gets; it refuses the first deliveries.
type receiver struct {
	*httptest.Server
	refuse  atomic.Int32
	events  chan stripe.Event
	headers chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{events: make(chan stripe.Event, 100), headers: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		e, err := webhook.ConstructEvent(body, req.Header.Get("Stripe-Signature"), secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.headers <- req.Header.Get("Stripe-Signature")
		if r.refuse.Add(-1) >= 0 {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		r.events <- e
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) stripe.Event {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(10 * time.Second):
		require.Fail(t, "no event was delivered")
		return stripe.Event{}
	}
}

func (r *receiver) config(events ...string) stripesandbox.Config {
	return stripesandbox.Config{
		WebhookRetry: time.Hour, // only the sandbox's clock gets there
		Webhooks:     []stripesandbox.WebhookEndpoint{{URL: r.URL, Secret: secret, EnabledEvents: events}},
	}
}

func (b *bundle) undelivered() int {
	n := 0
	for _, err := range b.V1Events.List(b.t.Context(), &stripe.EventListParams{DeliverySuccess: new(false)}) {
		require.NoError(b.t, err)
		n++
	}
	return n
}

func TestWebhookIsSignedAndNamesTheCall(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	b := newBundle(t, r.config("customer.created"))
	params := &stripe.CustomerCreateParams{}
	params.SetIdempotencyKey("key-1")
	cus, err := b.V1Customers.Create(t.Context(), params)
	require.NoError(t, err)
	b.saved(cus.ID, "pm_card_visa") // payment_method.attached is not wanted
	e := r.next(t)
	require.EqualValues(t, "customer.created", e.Type)
	require.Equal(t, stripe.APIVersion, e.APIVersion)
	require.Equal(t, cus.ID, e.Data.Object["id"])
	require.Equal(t, "key-1", e.Request.IdempotencyKey)
	require.Equal(t, cus.LastResponse.RequestID, e.Request.ID)
	require.EqualValues(t, 1, e.PendingWebhooks)
	require.Eventually(t, func() bool { return b.undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, r.events)
}

func TestWebhookIsRetried(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.refuse.Store(1)
	b := newBundle(t, r.config())
	b.customer()
	<-r.headers
	require.Equal(t, 1, b.undelivered())
	require.Eventually(t, func() bool {
		require.NoError(t, b.srv.AdvanceClock(61*time.Minute))
		return len(r.events) == 1
	}, 10*time.Second, 50*time.Millisecond)
	require.EqualValues(t, "customer.created", r.next(t).Type)
	require.Eventually(t, func() bool { return b.undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)
}

func TestWebhookModes(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	b := newBundle(t, r.config())
	require.Equal(t, http.StatusBadRequest, b.control("/webhooks", map[string]any{"mode": "sideways"}).status)

	require.Equal(t, http.StatusOK, b.control("/webhooks", map[string]any{"mode": "lost"}).status)
	b.customer()
	require.Equal(t, 1, b.undelivered())

	b.control("/webhooks", map[string]any{"mode": "duplicated"})
	b.customer()
	once := r.next(t).ID
	require.Equal(t, once, r.next(t).ID)

	b.control("/webhooks", map[string]any{"mode": "delayed", "delay_ms": 3_600_000})
	b.customer()
	require.NoError(t, b.srv.AdvanceClock(2*time.Hour))
	r.next(t)

	b.control("/webhooks", map[string]any{"mode": "normal"})
	b.customer()
	r.next(t)
	require.Eventually(t, func() bool { return b.undelivered() == 1 }, 10*time.Second, 10*time.Millisecond)

	var lost string
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{DeliverySuccess: new(false)}) {
		require.NoError(t, err)
		lost = e.ID
	}
	require.Equal(t, http.StatusOK, b.control("/events/"+lost+"/resend", nil).status)
	require.Equal(t, lost, r.next(t).ID)
	require.Eventually(t, func() bool { return b.undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	created, err := b.V1WebhookEndpoints.Create(t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String("http://127.0.0.1:1/hook"), EnabledEvents: stripe.StringSlice([]string{"payment_intent.succeeded"}),
		APIVersion: stripe.String(stripe.APIVersion),
	})
	require.NoError(t, err)
	require.NotEmpty(t, created.Secret)
	read, err := b.V1WebhookEndpoints.Retrieve(t.Context(), created.ID, nil)
	require.NoError(t, err)
	require.Empty(t, read.Secret, "the secret is shown once")
	gone, err := b.V1WebhookEndpoints.Delete(t.Context(), created.ID, nil)
	require.NoError(t, err)
	require.True(t, gone.Deleted)
	_, err = b.V1WebhookEndpoints.Retrieve(t.Context(), created.ID, nil)
	require.Equal(t, http.StatusNotFound, stripeError(t, err).HTTPStatusCode)
}
