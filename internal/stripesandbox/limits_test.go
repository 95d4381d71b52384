package stripesandbox_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// newLimited has limits until the end of the test, when all answers are looked at.
func newLimited(t *testing.T, global, endpoint float64) *bundle {
	t.Helper()
	b := newBundle(t, stripesandbox.Config{Clock: frozen, RateLimit: stripesandbox.RateLimit{Global: global, Endpoint: endpoint}})
	t.Cleanup(func() { require.NoError(t, b.srv.AdvanceClock(time.Hour)) })
	return b
}

// statuses sends a request n times.
func (b *bundle) statuses(n int, method, path string) (statuses []int, reason string) {
	b.t.Helper()
	for range n {
		a := b.raw(method, path, "")
		statuses = append(statuses, a.status)
		reason = a.header.Get("Stripe-Rate-Limited-Reason")
		if a.status == http.StatusTooManyRequests {
			require.Equal(b.t, "rate_limit", code(b.t, a))
		}
	}
	return statuses, reason
}

func TestGlobalRateLimit(t *testing.T) {
	t.Parallel()
	b := newLimited(t, 3, 0)
	got, reason := b.statuses(4, http.MethodGet, "/v1/customers")
	require.Equal(t, []int{200, 200, 200, 429}, got)
	require.Equal(t, "global-rate", reason)
	_, reason = b.statuses(1, http.MethodGet, "/v1/events")
	require.Equal(t, "global-rate", reason, "of all endpoints together")
	require.NoError(t, b.srv.AdvanceClock(time.Second))
	got, _ = b.statuses(4, http.MethodGet, "/v1/customers")
	require.Equal(t, []int{200, 200, 200, 429}, got, "a second later")
}

func TestEndpointRateLimit(t *testing.T) {
	t.Parallel()
	b := newLimited(t, 0, 2)
	got, reason := b.statuses(2, http.MethodGet, "/v1/customers/cus_1")
	require.Equal(t, []int{404, 404}, got)
	require.Empty(t, reason)
	got, reason = b.statuses(1, http.MethodGet, "/v1/customers/cus_2")
	require.Equal(t, []int{429}, got, "another id is no other endpoint")
	require.Equal(t, "endpoint-rate", reason)
	for _, other := range [][2]string{{http.MethodPost, "/v1/customers/cus_1"}, {http.MethodGet, "/v1/customers"}, {http.MethodGet, "/v1/charges/ch_1"}} {
		got, _ = b.statuses(1, other[0], other[1])
		require.NotEqual(t, []int{429}, got, other)
	}
	got, _ = b.statuses(4, http.MethodGet, "/v1/unicorns")
	require.Equal(t, []int{404, 404, 404, 404}, got, "what is no endpoint has no limit of its own")
}

// The limiter stands before the idempotency keys: what it refuses is not stored, and a
// replay can be refused too.
func TestRateLimitStandsBeforeTheKeys(t *testing.T) {
	t.Parallel()
	b := newLimited(t, 0, 2)
	post := func() answer { return b.keyed("k", "/v1/payment_intents", newPayment) }
	require.Equal(t, http.StatusOK, post().status)
	require.Equal(t, "true", post().header.Get("Idempotent-Replayed"))
	require.Equal(t, http.StatusTooManyRequests, post().status)
	require.Equal(t, http.StatusTooManyRequests, b.keyed("new", "/v1/payment_intents", newPayment).status)
	require.NoError(t, b.srv.AdvanceClock(time.Minute))
	require.Equal(t, "true", post().header.Get("Idempotent-Replayed"))
	fresh := b.keyed("new", "/v1/payment_intents", newPayment)
	require.Equal(t, http.StatusOK, fresh.status)
	require.Empty(t, fresh.header.Get("Idempotent-Replayed"), "the refusal was not remembered")

	require.Equal(t, http.StatusTooManyRequests, b.keyed("third", "/v1/payment_intents", newPayment).status)
	require.Equal(t, http.StatusUnauthorized, b.raw(http.MethodPost, "/v1/payment_intents", "", "Authorization", "Bearer no").status, "a key is looked at first")
}

func TestUpdatesOfOnePaymentIntentAreLimited(t *testing.T) {
	t.Parallel()
	b := newLimited(t, 1e6, 0)
	create := func() string {
		return b.post("/v1/payment_intents", "amount", "500", "currency", "usd").at(t, "id").(string)
	}
	pi, other := create(), create()
	for range 1000 {
		require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+pi, "description", "x").status)
	}
	got, reason := b.statuses(1, http.MethodPost, "/v1/payment_intents/"+pi)
	require.Equal(t, []int{429}, got)
	require.Equal(t, "resource-specific", reason)
	require.Equal(t, http.StatusOK, b.raw(http.MethodGet, "/v1/payment_intents/"+pi, "").status)
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+other, "description", "x").status)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+pi, "description", "x").status)
}

func TestNothingIsLimitedByDefault(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{Clock: frozen})
	got, _ := b.statuses(200, http.MethodGet, "/v1/customers")
	require.NotContains(t, got, http.StatusTooManyRequests)
}

// While one write of a customer's is under way, Stripe turns others away.
func TestOneWriterPerCustomer(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, other := b.customer(), b.customer()
	pm := b.saved(cus, "pm_card_visa")
	first, err := b.charge(cus, pm)
	require.NoError(t, err)
	paid, err := b.charge(cus, b.saved(cus, "pm_card_createDispute"))
	require.NoError(t, err)
	refund := b.post("/v1/refunds", "amount", "1", "payment_intent", first.ID).at(t, "id").(string)
	dispute := b.raw(http.MethodGet, "/v1/disputes?payment_intent="+paid.ID, "").at(t, "data").([]any)[0].(map[string]any)["id"].(string)
	pi := b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "customer", cus).at(t, "id").(string)
	b.control("/faults", map[string]any{"kind": "slow_before", "method": "POST", "path": "/v1/payment_intents", "delay_ms": 600_000})
	var slow sync.WaitGroup
	slow.Go(func() { _, _ = b.charge(cus, pm) }) // ends with the sandbox
	t.Cleanup(slow.Wait)
	t.Cleanup(b.srv.Close)
	require.Eventually(t, func() bool { return len(b.faults()) == 0 }, 10*time.Second, time.Millisecond)

	confirm := func(key string) answer {
		return b.keyed(key, "/v1/payment_intents/"+pi+"/confirm", "off_session=true&payment_method="+pm)
	}
	require.Eventually(t, func() bool { return confirm("second").status == http.StatusTooManyRequests }, 10*time.Second, time.Millisecond)
	for name, a := range map[string]answer{
		"confirm":         confirm("third"),
		"create":          b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "customer", cus),
		"customer":        b.post("/v1/customers/"+cus, "name", "Jane"),
		"detach":          b.post("/v1/payment_methods/" + pm + "/detach"),
		"delete":          b.raw(http.MethodDelete, "/v1/customers/"+cus, ""),
		"refund":          b.post("/v1/refunds", "payment_intent", pi),
		"charge refunded": b.post("/v1/refunds", "charge", paid.LatestCharge.ID),
		"refund noted":    b.post("/v1/refunds/"+refund, "metadata[why]", "asked"),
		"dispute closed":  b.post("/v1/disputes/" + dispute + "/close"),
		"attach":          b.post("/v1/payment_methods/pm_card_visa/attach", "customer", cus),
		"session created": b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", "https://x.example", "customer", cus),
	} {
		require.Equal(t, http.StatusTooManyRequests, a.status, name)
		require.Equal(t, "lock_timeout", code(t, a), name)
		require.Empty(t, a.header.Get("Stripe-Rate-Limited-Reason"), name)
	}
	require.Equal(t, http.StatusOK, b.raw(http.MethodGet, "/v1/customers/"+cus, "").status, "reading")
	require.Equal(t, http.StatusOK, b.post("/v1/customers/"+other, "name", "Joe").status, "another customer")
	got, err := b.V1PaymentIntents.Retrieve(t.Context(), pi, nil)
	require.NoError(t, err)
	require.EqualValues(t, "requires_payment_method", got.Status, "nothing of it happened")
}
