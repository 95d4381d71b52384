package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// The sandbox's own clock moves whatever has no test clock.
func TestSandboxClockMovesDays(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	session := b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "customer", cus, "success_url", "https://a.example").at(t, "id").(string)
	debit := b.post("/v1/payment_intents", "amount", "500", "currency", "eur", "customer", cus, "payment_method", b.saved(cus, "pm_sepaDebit_success_de"),
		"off_session", "true", "confirm", "true", "payment_method_types[]", "sepa_debit")
	require.Equal(t, "processing", debit.at(t, "status"), string(debit.body))
	dispute := b.disputed()
	once := func() answer {
		return b.raw(http.MethodPost, "/v1/customers", "name=Jane", "Idempotency-Key", "key-1")
	}
	first := once()
	require.Equal(t, first.at(t, "id"), once().at(t, "id"))
	clock := b.clock(1_700_000_000)

	require.NoError(t, b.srv.AdvanceClock(25*time.Hour))
	require.Equal(t, "expired", b.raw(http.MethodGet, "/v1/checkout/sessions/"+session, "").at(t, "status"))
	require.Equal(t, "succeeded", b.raw(http.MethodGet, "/v1/payment_intents/"+debit.at(t, "id").(string), "").at(t, "status"))
	require.NotEqual(t, first.at(t, "id"), once().at(t, "id"), "the key is forgotten")
	require.Equal(t, "needs_response", b.raw(http.MethodGet, "/v1/disputes/"+dispute.ID, "").at(t, "status"))
	require.NoError(t, b.srv.AdvanceClock(6*24*time.Hour))
	require.Equal(t, "lost", b.raw(http.MethodGet, "/v1/disputes/"+dispute.ID, "").at(t, "status"))
	require.EqualValues(t, 1_700_000_000, b.raw(http.MethodGet, "/v1/test_helpers/test_clocks/"+clock, "").at(t, "frozen_time"))
}

// Ten years in one call bill every period of them, each at its time.
func TestSandboxClockMovesYears(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.customer()
	b.makeDefault(cus, b.saved(cus, "pm_card_visa"))
	yearly := b.post("/v1/prices", "currency", "usd", "unit_amount", "9900", "product", b.product(), "recurring[interval]", "year").at(t, "id").(string)
	sub := b.subscribed(cus, yearly)
	start := time.Unix(sub.Created, 0).UTC()
	require.NoError(t, b.srv.AdvanceClock(start.AddDate(10, 0, 1).Sub(start)))
	bills := b.invoices(sub.ID)
	require.Len(t, bills, 11)
	for i, inv := range bills {
		require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
		require.Equal(t, start.AddDate(i, 0, 0).Unix(), inv.Created)
	}
	require.EqualValues(t, 11*9900, b.paidIn(cus), "each paid once")
}

// A test clock moves subscriptions and invoices and nothing else of its customers.
func TestTestClockLeavesPaymentsAlone(t *testing.T) {
	t.Parallel()
	var wall standing
	b := newBundle(t, stripesandbox.Config{Clock: wall.now})
	now := wall.now().Unix()
	clock := b.clock(now)
	cus := b.post("/v1/customers", "test_clock", clock).at(t, "id").(string)
	session := b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "customer", cus, "success_url", "https://a.example").at(t, "id").(string)
	debit := b.post("/v1/payment_intents", "amount", "500", "currency", "eur", "customer", cus, "payment_method", b.saved(cus, "pm_sepaDebit_success_de"),
		"off_session", "true", "confirm", "true", "payment_method_types[]", "sepa_debit").at(t, "id").(string)
	_, err := b.V1TestHelpersTestClocks.Advance(t.Context(), clock, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: new(now + 30*86400)})
	require.NoError(t, err)
	wall.pass(time.Second)
	require.Equal(t, "ready", b.raw(http.MethodGet, "/v1/test_helpers/test_clocks/"+clock, "").at(t, "status"))
	require.Equal(t, "open", b.raw(http.MethodGet, "/v1/checkout/sessions/"+session, "").at(t, "status"))
	require.Equal(t, "processing", b.raw(http.MethodGet, "/v1/payment_intents/"+debit, "").at(t, "status"))
	later, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	require.Equal(t, now+1, later.Created, "by the sandbox's time")
}

// paidIn is the sum of a customer's successful charges.
func (b *bundle) paidIn(customer string) int64 {
	b.t.Helper()
	var sum int64
	for ch, err := range b.V1Charges.List(b.t.Context(), &stripe.ChargeListParams{Customer: &customer}) {
		require.NoError(b.t, err)
		if ch.Paid {
			sum += ch.Amount
		}
	}
	return sum
}
