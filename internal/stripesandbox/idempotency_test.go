package stripesandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

const newPayment = "amount=1099&currency=usd&payment_method=pm_card_visa&confirm=true&off_session=true&metadata[offsession_reference]=inv-1"

func (b *bundle) keyed(key, path, form string) answer {
	b.t.Helper()
	return b.raw(http.MethodPost, path, form, "Idempotency-Key", key)
}

func (b *bundle) payments() int {
	b.t.Helper()
	n := 0
	for _, err := range b.V1PaymentIntents.List(b.t.Context(), &stripe.PaymentIntentListParams{}) {
		require.NoError(b.t, err)
		n++
	}
	return n
}

func TestKeyReplaysTheFirstAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, form string
		status     int
	}{
		{"success", newPayment, http.StatusOK},
		{"decline", strings.Replace(newPayment, "pm_card_visa", "pm_card_chargeCustomerFail", 1), http.StatusPaymentRequired},
		{"expanded", newPayment + "&expand[0]=latest_charge&expand[1]=payment_method", http.StatusOK},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			first := b.keyed("k", "/v1/payment_intents", tc.form)
			require.Equal(t, tc.status, first.status, string(first.body))
			require.Empty(t, first.header.Get("Idempotent-Replayed"))
			require.Equal(t, "k", first.header.Get("Idempotency-Key"))
			second := b.keyed("k", "/v1/payment_intents", tc.form)
			require.Equal(t, "true", second.header.Get("Idempotent-Replayed"))
			require.Equal(t, first.status, second.status)
			require.Equal(t, string(first.body), string(second.body))
			require.NotEqual(t, first.header.Get("Request-Id"), second.header.Get("Request-Id"))
			require.Equal(t, 1, b.payments())

			require.NoError(t, b.srv.AdvanceClock(25*time.Hour))
			require.Empty(t, b.keyed("k", "/v1/payment_intents", tc.form).header.Get("Idempotent-Replayed"))
			require.Equal(t, 2, b.payments(), "after a day the key is as new")
		})
	}
}

func TestReplayShowsTheObjectAsItWas(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	first := b.keyed("k", "/v1/payment_intents", "amount=1099&currency=usd&metadata[a]=b&expand[0]=customer&customer="+b.customer())
	id := first.at(t, "id").(string)
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+id, "metadata[a]", "c").status)
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+id+"/cancel").status)
	require.Equal(t, http.StatusOK, b.post("/v1/customers/"+first.at(t, "customer.id").(string), "name", "Jane").status)
	require.Equal(t, string(first.body), string(b.keyed("k", "/v1/payment_intents", "amount=1099&currency=usd&metadata[a]=b&expand[0]=customer&customer="+first.at(t, "customer.id").(string)).body))
}

func TestKeyWithOtherParameters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	b.keyed("k", "/v1/payment_intents", newPayment)
	for _, other := range []struct{ path, form string }{
		{"/v1/payment_intents", strings.Replace(newPayment, "1099", "1100", 1)},
		{"/v1/customers", ""},
	} {
		a := b.keyed("k", other.path, other.form)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, "idempotency_error", a.at(t, "error.type"))
	}
	reordered := b.keyed("k", "/v1/payment_intents", "metadata[offsession_reference]=inv-1&"+strings.TrimSuffix(newPayment, "&metadata[offsession_reference]=inv-1"))
	require.Equal(t, "true", reordered.header.Get("Idempotent-Replayed"))
	require.Equal(t, []string{"k"}, b.srv.Ledger("").KeysReused)
}

func TestRefusedBeforeExecutionIsNotStored(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.FaultRateLimit, Times: 1})
	throttled := b.keyed("k", "/v1/payment_intents", newPayment)
	require.Equal(t, http.StatusTooManyRequests, throttled.status)
	require.Equal(t, "global-rate", throttled.header.Get("Stripe-Rate-Limited-Reason"))
	require.Equal(t, http.StatusBadRequest, b.keyed("k", "/v1/payment_intents", "amount=0&currency=usd").status)
	require.Equal(t, http.StatusNotFound, b.keyed("k", "/v1/payment_intents", "amount=1099&currency=usd&customer=cus_none").status)
	fresh := b.keyed("k", "/v1/payment_intents", newPayment)
	require.Equal(t, http.StatusOK, fresh.status)
	require.Empty(t, fresh.header.Get("Idempotent-Replayed"))
}

func TestKeyIsInUseWhileTheFirstRequestRuns(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripesandbox.FaultKind{stripesandbox.FaultSlow, stripesandbox.FaultSlowBefore} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			b.control("/faults", stripesandbox.Fault{Kind: kind, Times: 1, DelayMS: 5000})
			first := make(chan answer, 1)
			go func() {
				a, _ := b.send(http.MethodPost, "/v1/payment_intents", newPayment, "Idempotency-Key", "k")
				first <- a
			}()
			require.Eventually(t, func() bool { return len(b.faults()) == 0 }, 10*time.Second, time.Millisecond)
			require.Eventually(t, func() bool {
				a := b.keyed("k", "/v1/payment_intents", newPayment)
				return a.status == http.StatusConflict && a.at(t, "error.code") == "idempotency_key_in_use"
			}, 10*time.Second, time.Millisecond)
			require.Equal(t, http.StatusOK, (<-first).status)
			require.Equal(t, "true", b.keyed("k", "/v1/payment_intents", newPayment).header.Get("Idempotent-Replayed"))
			require.Equal(t, 1, b.payments())
		})
	}
}
