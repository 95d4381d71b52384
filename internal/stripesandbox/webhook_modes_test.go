package stripesandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// frozen is a clock that only POST /_sandbox/clock moves.
func frozen() time.Time { return time.Unix(1_800_000_000, 0) }

// drain returns the next n events' customers by name, in the order of arrival.
func (r *receiver) drain(t *testing.T, n int) []string {
	t.Helper()
	var names []string
	for range n {
		names = append(names, fmt.Sprint(r.next(t).Data.Object["name"]))
	}
	return names
}

func (b *bundle) named(name string) string {
	b.t.Helper()
	cus, err := b.V1Customers.Create(b.t.Context(), &stripe.CustomerCreateParams{Name: &name})
	require.NoError(b.t, err)
	return cus.ID
}

func TestShuffledWebhooksArriveOnceInAnotherOrder(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	cfg := r.config()
	cfg.Clock = frozen
	b := newBundle(t, cfg)
	b.control("/webhooks", map[string]any{"mode": "shuffled", "window_ms": 60_000, "seed": 3})
	var sent []string
	for i := range 40 {
		sent = append(sent, fmt.Sprintf("%02d", i))
		b.named(sent[i])
	}
	require.NoError(t, b.srv.AdvanceClock(time.Minute))
	got := r.drain(t, 40)
	require.NotEqual(t, sent, got)
	slices.Sort(got)
	require.Equal(t, sent, got)
	require.Eventually(t, func() bool { return b.undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, r.events)
}

func TestStaleWebhookArrivesAfterTheNewerOne(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	cfg := r.config()
	cfg.Clock = frozen
	b := newBundle(t, cfg)
	b.control("/webhooks", map[string]any{"mode": "stale", "delay_ms": 60_000})
	cus := b.named("old")
	b.named("another customer, which does not let it go")
	require.Equal(t, 2, b.undelivered())
	b.post("/v1/customers/"+cus, "name", "new")
	require.Equal(t, []string{"new"}, r.drain(t, 1))
	require.Eventually(t, func() bool {
		require.NoError(t, b.srv.AdvanceClock(time.Minute))
		return len(r.events) == 1
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, []string{"old"}, r.drain(t, 1), "the old picture, with a signature that verifies")

	b.control("/webhooks", map[string]any{"mode": "normal"})
	require.NoError(t, b.srv.AdvanceClock(time.Minute))
	require.Equal(t, []string{"another customer, which does not let it go"}, r.drain(t, 1), "nothing is held back without end")
}

func TestWebhookModesByType(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	b := newBundle(t, r.config())
	b.control("/webhooks", map[string]any{"mode": "lost", "types": []string{"customer.created"}})
	b.saved(b.customer(), "pm_card_visa")
	require.EqualValues(t, "payment_method.attached", r.next(t).Type)
	require.Eventually(t, func() bool { return b.undelivered() == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, r.events)
}

func TestWebhookBehavioursAreChecked(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, bad := range []map[string]any{
		{"mode": "sideways"},
		{},
		{"mode": "delayed"},
		{"mode": "delayed", "delay_ms": -1},
		{"mode": "lost", "delay_ms": 5},
		{"mode": "stale", "delay_ms": -5},
		{"mode": "shuffled"},
		{"mode": "normal", "window_ms": 5},
		{"mode": "lost", "probability": 1.5},
		{"mode": "lost", "probability": -0.5},
		{"mode": "lost", "types": "customer.created"},
	} {
		require.Equal(t, http.StatusBadRequest, b.control("/webhooks", bad).status, "%v", bad)
	}
}

// A hanging endpoint takes its own share of the senders only.
func TestHangingEndpointHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })
	r := newReceiver(t)
	cfg := r.config()
	cfg.Webhooks = append([]stripesandbox.WebhookEndpoint{{URL: hanging.URL}}, cfg.Webhooks...)
	b := newBundle(t, cfg)
	for i := range 50 {
		b.named(fmt.Sprintf("%02d", i))
	}
	r.drain(t, 50)
	require.Equal(t, 50, b.undelivered(), "one endpoint of two has them")
}

func TestPendingWebhooksCountEndpoints(t *testing.T) {
	t.Parallel()
	good, bad := newReceiver(t), newReceiver(t)
	bad.refuse.Store(1000)
	cfg := good.config()
	cfg.Webhooks = append(cfg.Webhooks, bad.config().Webhooks...)
	b := newBundle(t, cfg)
	b.control("/webhooks", map[string]any{"mode": "duplicated"})
	b.customer()
	require.EqualValues(t, 2, good.next(t).PendingWebhooks)
	good.next(t)
	<-bad.headers
	<-bad.headers
	pending := func() int64 {
		for e, err := range b.V1Events.List(t.Context(), nil) {
			require.NoError(t, err)
			return e.PendingWebhooks
		}
		return -1
	}
	require.Eventually(t, func() bool { return pending() == 1 }, 10*time.Second, 10*time.Millisecond, "two deliveries to one endpoint are one")
	bad.refuse.Store(0)
	require.NoError(t, b.srv.AdvanceClock(2*time.Hour))
	bad.next(t)
	require.Eventually(t, func() bool { return pending() == 0 }, 10*time.Second, 10*time.Millisecond)
}

func TestWebhookEndpointIsUpdated(t *testing.T) {
	t.Parallel()
	first, second := newReceiver(t), newReceiver(t)
	first.refuse.Store(1)
	b := newBundle(t, first.config("customer.created"))
	id := b.raw(http.MethodGet, "/v1/webhook_endpoints", "").at(t, "data").([]any)[0].(map[string]any)["id"].(string)
	b.named("moves")
	<-first.headers // refused
	changed, err := b.V1WebhookEndpoints.Update(t.Context(), id, &stripe.WebhookEndpointUpdateParams{
		URL: &second.URL, EnabledEvents: stripe.StringSlice([]string{"customer.created", "customer.updated"}),
		Description: stripe.String("app"), Metadata: map[string]string{"a": "b"},
	})
	require.NoError(t, err)
	require.Equal(t, []any{second.URL, []string{"customer.created", "customer.updated"}, "app", map[string]string{"a": "b"}, "enabled", ""},
		[]any{changed.URL, changed.EnabledEvents, changed.Description, changed.Metadata, changed.Status, changed.Secret})
	require.Eventually(t, func() bool {
		require.NoError(t, b.srv.AdvanceClock(time.Hour))
		return len(second.events) == 1
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, []string{"moves"}, second.drain(t, 1), "the next try goes to the new address")
	require.Eventually(t, func() bool { return b.undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)

	disabled, err := b.V1WebhookEndpoints.Update(t.Context(), id, &stripe.WebhookEndpointUpdateParams{Disabled: new(true)})
	require.NoError(t, err)
	require.Equal(t, "disabled", disabled.Status)
	b.named("nobody is told")
	require.Zero(t, b.undelivered(), "no endpoint wants it")
	_, err = b.V1WebhookEndpoints.Update(t.Context(), id, &stripe.WebhookEndpointUpdateParams{Disabled: new(false)})
	require.NoError(t, err)
	b.named("told again")
	require.Equal(t, []string{"told again"}, second.drain(t, 1))

	require.Equal(t, "url_invalid", code(t, b.post("/v1/webhook_endpoints/"+id, "url", "hook")))
	require.Equal(t, http.StatusNotFound, b.post("/v1/webhook_endpoints/we_none", "disabled", "true").status)
}
