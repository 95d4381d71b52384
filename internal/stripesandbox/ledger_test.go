package stripesandbox_test

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_sandbox_decline_do_not_honor_times_1")
	form := "amount=1099&currency=usd&confirm=true&off_session=true&metadata[offsession_reference]=inv-1&customer=" + cus + "&payment_method=" + pm
	declined := b.keyed("payment:inv-1:charge:1", "/v1/payment_intents", form)
	pi := declined.at(t, "error.payment_intent.id").(string)
	b.keyed("payment:inv-1:charge:1", "/v1/payment_intents", form) // a replay is no attempt
	b.keyed("payment:inv-1:charge:2", "/v1/payment_intents/"+pi+"/confirm", "off_session=true&payment_method="+pm)
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa"})

	var got stripesandbox.Ledger
	require.NoError(t, json.Unmarshal(b.raw(http.MethodGet, "/_sandbox/ledger?reference=inv-1", "").body, &got))
	require.Equal(t, []string{"inv-1"}, got.PaidMoreThanOnce)
	ref := got.References["inv-1"]
	require.Len(t, ref.PaymentIntents, 2)
	require.Equal(t, 2, ref.NetSuccesses)
	type row struct{ key, outcome, decline string }
	var rows []row
	for _, a := range ref.Attempts {
		rows = append(rows, row{a.IdempotencyKey, a.Outcome, a.DeclineCode})
	}
	require.Equal(t, []row{
		{"payment:inv-1:charge:1", "failed", "do_not_honor"}, {"payment:inv-1:charge:2", "succeeded", ""}, {"", "succeeded", ""},
	}, rows)
	require.True(t, ref.Attempts[2].Checkout)

	require.Equal(t, http.StatusOK, b.post("/v1/refunds", "payment_intent", pi).status)
	require.Empty(t, b.srv.Ledger("").PaidMoreThanOnce, "refunded in full")
	require.Empty(t, b.srv.Ledger("inv-2").References)
	before := b.srv.Ledger("").PostsWithoutKey
	b.post("/v1/customers")
	require.Equal(t, before+1, b.srv.Ledger("").PostsWithoutKey)
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	b.keyed("k", "/v1/payment_intents", newPayment)
	b.keyed("k", "/v1/payment_intents", newPayment)
	b.raw(http.MethodGet, "/v1/customers/cus_none", "")
	var log []stripesandbox.Request
	require.NoError(t, json.Unmarshal(b.raw(http.MethodGet, "/_sandbox/requests", "").body, &log))
	require.Len(t, log, 3)
	require.Equal(t, "k", log[0].IdempotencyKey)
	require.True(t, log[1].Replayed)
	require.Equal(t, []any{"GET", "/v1/customers/cus_none", 404}, []any{log[2].Method, log[2].Path, log[2].Status})
	require.Equal(t, http.StatusNoContent, b.raw(http.MethodDelete, "/_sandbox/requests", "").status)
	require.JSONEq(t, "[]", string(b.raw(http.MethodGet, "/_sandbox/requests", "").body))
}

func TestClockOnlyGoesForward(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, bad := range []string{"-1h", "0s", "", "tomorrow"} {
		require.Equal(t, http.StatusBadRequest, b.control("/clock", map[string]string{"advance": bad}).status, bad)
	}
	before := b.post("/v1/customers").at(t, "created").(float64)
	require.EqualValues(t, 90000, b.control("/clock", map[string]string{"advance": "25h"}).at(t, "advanced_seconds"))
	require.GreaterOrEqual(t, b.post("/v1/customers").at(t, "created").(float64), before+90000)
	const century = "876000h"
	require.Equal(t, http.StatusOK, b.control("/clock", map[string]string{"advance": century}).status)
	require.Equal(t, http.StatusBadRequest, b.control("/clock", map[string]string{"advance": century}).status, "beyond the year 2200")
	require.GreaterOrEqual(t, b.post("/v1/customers").at(t, "created").(float64), before+90000)
}

func TestLedgerTellsWhenAndWithWhichKey(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{Clock: frozen})
	cus := b.customer()
	pm := b.saved(cus, "pm_card_visa")
	form := "amount=1099&currency=usd&confirm=true&off_session=true&metadata[offsession_reference]=inv-1&customer=" + cus + "&payment_method=" + pm
	pi := b.keyed("charge-1", "/v1/payment_intents", form).at(t, "id").(string)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	require.Equal(t, http.StatusOK, b.keyed("refund-1", "/v1/refunds", "amount=99&payment_intent="+pi).status)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	refundFails := b.saved(cus, "pm_card_refundFail")
	other := b.post("/v1/payment_intents", "amount", "500", "currency", "jpy", "confirm", "true", "customer", cus, "payment_method", refundFails,
		"metadata[offsession_reference]", "inv-2", "return_url", "https://x.example").at(t, "id").(string)
	b.post("/v1/refunds", "payment_intent", other)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	b.post("/v1/payment_intents", "amount", "700", "currency", "usd", "confirm", "true", "customer", cus, "payment_method", pm, "return_url", "https://x.example")

	got := b.srv.Ledger("")
	first := got.References["inv-1"]
	require.Equal(t, []any{"charge-1", pi, int64(1099), int64(99)},
		[]any{first.Successes[0].IdempotencyKey, first.Successes[0].PaymentIntent, first.Successes[0].Amount, first.Successes[0].Refunded})
	require.True(t, first.Successes[0].At.Equal(frozen()))
	require.True(t, first.Attempts[0].At.Equal(frozen()))
	require.Len(t, first.Refunds, 1)
	require.Equal(t, []any{"refund-1", pi, int64(99), "usd", "succeeded"},
		[]any{first.Refunds[0].IdempotencyKey, first.Refunds[0].PaymentIntent, first.Refunds[0].Amount, first.Refunds[0].Currency, first.Refunds[0].Status})
	require.True(t, first.Refunds[0].At.Equal(frozen().Add(time.Hour)))
	second := got.References["inv-2"]
	require.Equal(t, "failed", second.Refunds[0].Status)
	require.Equal(t, 1, second.NetSuccesses, "a refund that failed gives nothing back")
	require.Equal(t, 1, got.PaidWithoutReference)
	require.Equal(t, map[string]stripesandbox.LedgerSum{"usd": {Taken: 1799, Refunded: 99}, "jpy": {Taken: 500}}, got.Currencies)
	require.Equal(t, map[string]stripesandbox.LedgerSum{"jpy": {Taken: 500}}, b.srv.Ledger("inv-2").Currencies, "of one reference")
}

func TestLedgerCountsRequestsPerSecond(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(frozen().Unix())
	b := newBundle(t, stripesandbox.Config{Clock: func() time.Time { return time.Unix(now.Load(), 0) }})
	for range 5 {
		b.raw(http.MethodGet, "/v1/customers/cus_1", "")
	}
	require.NoError(t, b.srv.AdvanceClock(time.Hour)) // is no real time
	b.post("/v1/customers")
	now.Add(3)
	b.raw(http.MethodGet, "/v1/unicorns", "")
	b.raw(http.MethodGet, "/v1/customers/cus_2", "", "Authorization", "")
	require.Equal(t, stripesandbox.LedgerRequests{
		Total: 8, MaxPerSecond: 6, MeanPerSecond: 2,
		ByEndpoint: map[string]int{"GET /v1/customers/{id}": 6, "POST /v1/customers": 1, "unknown": 1},
	}, b.srv.Ledger("").Requests)
}

func TestLedgerNamesReusedKeys(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	require.Empty(t, b.srv.Ledger("").KeysReused)
	for _, key := range []string{"b", "a"} {
		b.keyed(key, "/v1/payment_intents", newPayment)
		b.keyed(key, "/v1/payment_intents", newPayment+"&description=other")
		b.keyed(key, "/v1/payment_intents", newPayment+"&description=third")
	}
	require.Equal(t, []string{"a", "b"}, b.srv.Ledger("").KeysReused)
}
